"""Stop a training when it no longer helps, and go back to where it was best."""

import math


class EarlyStopping:
    """Watches a metric; tells when it has not improved for some epochs.

    Args:
        model: the best weights of this module are kept; None to keep none.
        patience: how many epochs in a row may bring no improvement.
        min_delta: the least change that counts as an improvement.
        mode: ``"min"`` when less is better (a loss), ``"max"`` when more is (an accuracy).

    Attributes:
        best: the best metric, and best_epoch its number, from 0; None before the first.
        bad_epochs: how many epochs there were since.

    Raises:
        ValueError: an unknown mode, negative patience or min_delta.

    Source: Prechelt, Early Stopping - But When?, 1998.

    >>> from ember.utils import EarlyStopping
    >>> stopping = EarlyStopping(patience=2)
    >>> [stopping.step(loss) for loss in (1.0, 0.5, 0.6, 0.5)]
    [False, False, False, True]
    >>> stopping.best, stopping.best_epoch
    (0.5, 1)
    """

    _SAVED = ("best", "best_epoch", "epoch", "bad_epochs", "best_weights")

    def __init__(self, model=None, patience=10, min_delta=0.0, mode="min"):
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown!  It is 'min' or 'max'")
        for name, value in (("patience", patience), ("min_delta", min_delta)):
            if not value >= 0:
                raise ValueError(f"{name} must not be negative, but got {value}")
        self.model = model
        self.patience = patience
        self.min_delta = min_delta
        self.mode = mode
        self.best = self.best_epoch = self.best_weights = None
        self.epoch = -1
        self.bad_epochs = 0

    def step(self, metric):
        """Take the metric of one more epoch; return whether to stop.

        Args:
            metric: a number or a tensor with one element. NaN is no improvement.
        """
        metric = float(metric)
        self.epoch += 1
        if self._improves(metric):
            self.best, self.best_epoch, self.bad_epochs = metric, self.epoch, 0
            if self.model is not None:
                self.best_weights = _copied(self.model.state_dict())
        else:
            self.bad_epochs += 1
        return self.stopped

    @property
    def stopped(self):
        """Whether patience has run out."""
        return self.bad_epochs >= max(1, self.patience)

    def _improves(self, metric):
        if math.isnan(metric):
            return False
        if self.best is None:
            return True
        gain = self.best - metric if self.mode == "min" else metric - self.best
        return gain > self.min_delta

    def restore(self):
        """Put the best weights back into the model.

        Raises:
            RuntimeError: there is no model, or no epoch had a metric.
        """
        if self.best_weights is None:
            raise RuntimeError(
                "EarlyStopping has no weights to restore: give it a model, and call step() "
                "with a metric that is a number"
            )
        self.model.load_state_dict(self.best_weights)

    def state_dict(self):
        """Return what a resumed training needs: the best metric and weights, and the counts."""
        return {name: getattr(self, name) for name in self._SAVED}

    def load_state_dict(self, state_dict):
        """Go on from a dict that `state_dict` returned.

        Raises:
            KeyError: an entry is missing; nothing is changed then.
        """
        self.__dict__.update({name: state_dict[name] for name in self._SAVED})


def _copied(weights):
    return {name: value.detach().clone() for name, value in weights.items()}
