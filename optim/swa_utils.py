"""Averages of a model's weights over training: SWA (equal weights) and EMA (fading ones).

PyTorch page: https://docs.pytorch.org/docs/2.13/optim.html#weight-averaging-swa-and-ema
Paper: Izmailov et al., Averaging Weights Leads to Wider Optima, arXiv:1803.05407.
"""

import math
from copy import deepcopy
from itertools import chain

from ..autograd import dtypes
from ..autograd.from_data import tensor
from ..autograd.modes import no_grad
from ..nn import Module
from ..nn.modules.batchnorm import _BatchNorm
from .lr_scheduler.base import LRScheduler, per_group

__all__ = [
    "AveragedModel", "SWALR", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn",
    "get_swa_multi_avg_fn", "update_bn",
]


def get_ema_avg_fn(decay=0.999):
    """Return a function that averages one parameter: decay · average + (1 − decay) · new.

    Raises:
        ValueError: decay outside [0, 1].
    """
    _check_decay(decay)

    def average(averaged, current, num_averaged):
        return decay * averaged + (1 - decay) * current

    return no_grad()(average)


def get_swa_avg_fn():
    """Return a function that takes one parameter into the mean of num_averaged others."""

    def average(averaged, current, num_averaged):
        return averaged + (current - averaged) / (num_averaged + 1)

    return no_grad()(average)


def get_ema_multi_avg_fn(decay=0.999):
    """Return `get_ema_avg_fn` for lists of parameters, which it writes into.

    Raises:
        ValueError: decay outside [0, 1].
    """
    return _for_lists(get_ema_avg_fn(decay), lambda num_averaged: 1 - decay)


def get_swa_multi_avg_fn():
    """Return `get_swa_avg_fn` for lists of parameters, which it writes into."""
    return _for_lists(get_swa_avg_fn(), lambda num_averaged: float(1 / (num_averaged + 1)))


def _check_decay(decay):
    if not 0.0 <= decay <= 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


def _for_lists(average, weight):
    """Average pairs of tensors in place; floating point ones as PyTorch does, by `lerp_`."""

    def average_all(averaged, current, num_averaged):
        for mean, new in zip(averaged, current, strict=True):
            if mean.is_floating_point() or mean.is_complex():
                mean.lerp_(new, weight(num_averaged))
            else:
                mean.copy_(average(mean, new, num_averaged))

    return no_grad()(average_all)


class AveragedModel(Module):
    """A copy of a model whose parameters are the average of those it has been shown.

    Args:
        model: the model; the copy starts with its weights and averages from the first
            `update_parameters` on.
        device: where the copy lives; None leaves it where the model is.
        avg_fn: ``f(average, new, num_averaged)``, returns the next average of one tensor.
        multi_avg_fn: the same for lists of tensors, in place. The mean (SWA) without either.
        use_buffers: average the buffers too; else the model's are copied.

    Raises:
        AssertionError: both functions are given.

    PyTorch page: https://docs.pytorch.org/docs/2.13/optim.html#constructing-averaged-models

    >>> import ember
    >>> model = ember.nn.Linear(1, 1, bias=False)
    >>> mean = ember.optim.swa_utils.AveragedModel(model)
    >>> for value in (1.0, 2.0, 6.0):
    ...     _ = ember.nn.init.constant_(model.weight, value)
    ...     mean.update_parameters(model)
    >>> mean.module.weight.item(), mean.n_averaged.item()
    (3.0, 3)
    """

    def __init__(self, model, device=None, avg_fn=None, multi_avg_fn=None, use_buffers=False):
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=dtypes.int64, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args, **kwargs):
        """Return what the averaged model returns."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model):
        """Take a model's parameters into the average; the first time, copy them."""
        averaged, current = self._averaged_tensors(self.module), self._averaged_tensors(model)
        current = [new.to(mean.device) for mean, new in zip(averaged, current)]
        if self.n_averaged == 0:
            _copy_all(averaged, current)
        elif self.multi_avg_fn is not None:
            for means, news in _by_kind(averaged, current):
                self.multi_avg_fn(means, news, self.n_averaged.to(means[0].device))
        else:
            average = self.avg_fn or get_swa_avg_fn()
            for mean, new in zip(averaged, current):
                mean.copy_(average(mean, new, self.n_averaged.to(mean.device)))
        if not self.use_buffers:
            _copy_all(self.module.buffers(), model.buffers())
        self.n_averaged += 1

    def _averaged_tensors(self, model):
        buffers = model.buffers() if self.use_buffers else ()
        return [t.detach() for t in chain(model.parameters(), buffers)]


def _copy_all(targets, sources):
    for target, source in zip(targets, sources, strict=True):
        target.detach().copy_(source.detach())


def _by_kind(averaged, current):
    """Group pairs of tensors by device and dtype, as the list functions expect them."""
    groups = {}
    for mean, new in zip(averaged, current):
        means, news = groups.setdefault((mean.device, mean.dtype), ([], []))
        means.append(mean)
        news.append(new)
    return groups.values()


def update_bn(loader, model, device=None):
    """Measure the statistics of a model's batch normalisation layers anew, in one pass.

    Args:
        loader: gives batches: tensors, or tuples and lists whose first element is the input.
        model: is put into training mode meanwhile.
        device: where the batches go first, None for nowhere.
    """
    momenta = {m: m.momentum for m in model.modules() if isinstance(m, _BatchNorm)}
    if not momenta:
        return
    was_training = model.training
    model.train()
    for layer in momenta:
        layer.reset_running_stats()
        layer.momentum = None  # the mean over all batches
    with no_grad():
        for batch in loader:
            batch = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(batch if device is None else batch.to(device))
    for layer, momentum in momenta.items():
        layer.momentum = momentum
    model.train(was_training)


_ANNEALING = {"cos": lambda t: (1 - math.cos(math.pi * t)) / 2, "linear": lambda t: t}


class SWALR(LRScheduler):
    """Anneal the learning rate of each group to a value of its own and keep it there.

    Args:
        optimizer: the optimizer.
        swa_lr: the last learning rate, one for all groups or a list.
        anneal_epochs: how many steps it takes.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        last_epoch: as for `LRScheduler`.

    Raises:
        ValueError: an unknown strategy, negative anneal_epochs, or another number of groups.

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.optim.swa_utils.SWALR.html

    >>> import ember
    >>> optimizer = ember.optim.SGD([ember.zeros(1, requires_grad=True)], lr=1.0)
    >>> schedule = ember.optim.swa_utils.SWALR(optimizer, 0.5, 2, "linear")
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     schedule.step()
    ...     print(schedule.get_last_lr())
    [0.75]
    [0.5]
    [0.5]
    """

    def __init__(
        self, optimizer, swa_lr, anneal_epochs=10, anneal_strategy="cos", last_epoch=-1
    ):
        if anneal_strategy not in _ANNEALING:
            raise ValueError(
                "anneal_strategy must be one of 'cos' or 'linear', instead got "
                f"{anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(
                f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}"
            )
        for group, lr in zip(optimizer.param_groups, per_group("swa_lr", optimizer, swa_lr)):
            group["swa_lr"] = lr
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        """Return the rate of each group one step nearer to its last one."""
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._progress(step - 1), self._progress(step)
        values = []
        for group in self.optimizer.param_groups:
            last = group["swa_lr"]
            first = last if before == 1 else (group["lr"] - before * last) / (1 - before)
            values.append(last * now + first * (1 - now))
        return values

    def _progress(self, step):
        """How far from the first rate (0) to the last (1) a step is."""
        t = max(0, min(1, step / max(1, self.anneal_epochs)))
        return _ANNEALING[self._anneal_strategy](t)
