"""The base of all schedules."""

import types
import warnings

from ...autograd.tensor import Tensor
from ..optimizer import Optimizer

EPOCH_DEPRECATED = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
    "possible. Please use `scheduler.step()` to step the scheduler. If epoch is given, the "
    "closed form is used instead of the new chainable form, where available."
)


class LRScheduler:
    """Base class of schedules; a subclass defines ``get_lr``.

    Args:
        optimizer: the optimizer whose groups' ``lr`` is set.
        last_epoch: number of the last epoch when training is resumed; -1 to begin.

    Raises:
        TypeError: optimizer is none.
        KeyError: resuming, and a group has no ``initial_lr``.

    PyTorch page:
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.lr_scheduler.LRScheduler.html
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer, last_epoch=-1):
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for number, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{number}] when "
                    "resuming scheduler with last_epoch >= 0; load the optimizer's state first, "
                    "or leave last_epoch out to begin anew"
                )
        self.base_lrs = group_values(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self):
        self._step_count = 0
        self._is_initial = True
        self.step()
        self._is_initial = False

    def state_dict(self):
        """Return the schedule's variables, without the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict):
        """Take over the variables in a dict that `state_dict` returned."""
        self.__dict__.update(state_dict)

    def get_last_lr(self):
        """Return the learning rate of each group as last set."""
        return self._last_lr

    def get_lr(self):
        """Compute the next learning rate of each group from the current ones."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_lr()")

    def step(self, epoch=None):
        """Set the learning rates of the next epoch; call it after the optimizer's step."""
        if self._step_count == 1:
            self._check_order()
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_DEPRECATED, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _check_order(self):
        advice = (
            "call `optimizer.step()` before `lr_scheduler.step()`. See more details at "
            "https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"
        )
        if not hasattr(self.optimizer.step, "_wrapped_by_lr_sched"):
            warnings.warn(
                "Seems like `optimizer.step()` has been overridden after learning rate "
                f"scheduler initialization. Please, make sure to {advice}",
                UserWarning, stacklevel=3,
            )
        elif not self.optimizer.__dict__.get("_opt_called", False):
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`, which skips "
                f"the first value of the learning rate schedule. Please {advice}",
                UserWarning, stacklevel=3,
            )

    def _update_lr(self, epoch=None):
        if epoch is None:
            self.last_epoch += 1
            closed_form = None
        else:
            self.last_epoch = epoch
            closed_form = getattr(self, "_get_closed_form_lr", None)
        self._set_lr(closed_form or self.get_lr)

    def _set_lr(self, compute):
        """Compute the learning rates and put them into the groups."""
        self._get_lr_called_within_step = True
        try:
            values = compute()
        finally:
            self._get_lr_called_within_step = False
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            set_group_value(group, "lr", lr)
        self._last_lr = group_values(self.optimizer, "lr")

    def _current_lrs(self):
        return group_values(self.optimizer, "lr")

    def _scaled_lrs(self, factor):
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def _warn_outside_step(self):
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use "
                "`get_last_lr()`.",
                UserWarning, stacklevel=3,
            )


def check_optimizer(optimizer):
    """Raise TypeError unless the argument is an optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def _copied(value):
    return value.clone() if isinstance(value, Tensor) else value


def group_values(optimizer, key):
    """Return one option of every group, tensors copied."""
    return [_copied(group[key]) for group in optimizer.param_groups]


def set_group_value(group, key, value):
    """Set an option of a group; a tensor keeps its identity and takes the value."""
    if isinstance(group[key], Tensor):
        group[key].fill_(value.item() if isinstance(value, Tensor) else value)
    else:
        group[key] = value


def per_group(name, optimizer, value):
    """Return a list with one value per group from one value or such a list.

    Raises:
        ValueError: the list has another length.
    """
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [_copied(value) for _ in range(groups)]
    if len(value) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has "
            f"{len(value)} values, param_groups has {groups}."
        )
    return [_copied(item) for item in value]


def function_state(function):
    """Return what a checkpoint keeps of a function: its variables if it is an object."""
    return None if isinstance(function, types.FunctionType) else function.__dict__.copy()
