"""Schedules that go down and up: along a cosine, or in cycles that move the momentum too."""

import math

from .base import LRScheduler, check_optimizer, function_state, per_group, set_group_value


class CosineAnnealingLR(LRScheduler):
    """Moves lr along half a cosine, from the initial one to eta_min and back.

    Args:
        optimizer: whose learning rates are set.
        T_max: number of epochs from one end to the other.
        eta_min: the smallest learning rate.
        last_epoch: number of the last epoch when resuming, else -1.

    PyTorch page:
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html
    Paper: Loshchilov, Hutter, arXiv:1608.03983.
    """

    def __init__(self, optimizer, T_max, eta_min=0.0, last_epoch=-1):
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        self._warn_outside_step()
        if self._is_initial:
            return self._current_lrs()
        if self._step_count == 1 and self.last_epoch > 0:
            return self._get_closed_form_lr()
        groups = self.optimizer.param_groups
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            # The factor below would be 0 / 0: lr stands at eta_min.
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            pairs = zip(self.base_lrs, groups, strict=True)
            return [group["lr"] + (base - self.eta_min) * rise for base, group in pairs]
        factor = _height(self.last_epoch, self.T_max) / _height(self.last_epoch - 1, self.T_max)
        return [factor * (group["lr"] - self.eta_min) + self.eta_min for group in groups]

    def _get_closed_form_lr(self):
        height = _height(self.last_epoch, self.T_max)
        return [self.eta_min + (base - self.eta_min) * height / 2 for base in self.base_lrs]


def _height(epoch, length):
    return 1 + math.cos(math.pi * epoch / length)


class CosineAnnealingWarmRestarts(LRScheduler):
    """Lets lr fall along half a cosine again and again, each time from the initial one.

    Args:
        optimizer: whose learning rates are set.
        T_0: number of epochs of the first fall.
        T_mult: factor on the length of the next one, an integer.
        eta_min: the smallest learning rate.
        last_epoch: number of the last epoch when resuming, else -1.

    Raises:
        ValueError: T_0 or T_mult no positive integer, eta_min no number.

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/
    torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.html
    Paper: Loshchilov, Hutter, arXiv:1608.03983.
    """

    def __init__(self, optimizer, T_0, T_mult=1, eta_min=0.0, last_epoch=-1):
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(
                f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}"
            )
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        self._warn_outside_step()
        height = _height(self.T_cur, self.T_i)
        return [self.eta_min + (base - self.eta_min) * height / 2 for base in self.base_lrs]

    def step(self, epoch=None):
        """Set the learning rates of the next epoch, or of a given one, which may be a fraction.

        Raises:
            ValueError: a negative epoch.
        """
        if epoch is None and self.last_epoch >= 0:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            epoch = 0 if epoch is None else epoch
            self._go_to(epoch)
        self.last_epoch = math.floor(epoch)
        self._set_lr(self.get_lr)

    def _go_to(self, epoch):
        if epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        self.T_i, self.T_cur = self.T_0, epoch
        if epoch < self.T_0:
            return
        if self.T_mult == 1:
            self.T_cur = epoch % self.T_0
            return
        ratio = self.T_mult
        falls = int(math.log(epoch / self.T_0 * (ratio - 1) + 1, ratio))
        self.T_cur = epoch - self.T_0 * (ratio**falls - 1) / (ratio - 1)
        self.T_i = self.T_0 * ratio**falls


class _MomentumCycle(LRScheduler):
    """What schedules that also move the momentum, or Adam's beta1, share."""

    def _begin_momentum(self, base_momentum, max_momentum, last_epoch):
        defaults = self.optimizer.defaults
        if "momentum" not in defaults and "betas" not in defaults:
            raise ValueError(
                "optimizer must support momentum or beta1 with `cycle_momentum` option enabled"
            )
        self.use_beta1 = "betas" in defaults
        base = per_group("base_momentum", self.optimizer, base_momentum)
        largest = per_group("max_momentum", self.optimizer, max_momentum)
        if last_epoch == -1:
            for group, low, high in zip(self.optimizer.param_groups, base, largest, strict=True):
                self._set_momentum(group, high)
                group["max_momentum"], group["base_momentum"] = high, low
        return base, largest

    def _set_momentum(self, group, value):
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


class CyclicLR(_MomentumCycle):
    """Moves lr up and down between two bounds, once per batch.

    Args:
        optimizer: whose learning rates are set.
        base_lr: lower bound, or one per group.
        max_lr: upper bound, or one per group.
        step_size_up: number of batches of the rise.
        step_size_down: number of batches of the fall; as many if None.
        mode: ``"triangular"``; ``"triangular2"`` halves the height each cycle; ``"exp_range"``
            multiplies it by gamma each batch.
        gamma: of ``"exp_range"``.
        scale_fn: function to multiply the height by instead; mode is then ignored.
        scale_mode: whether scale_fn gets the ``"cycle"`` or the number of ``"iterations"``.
        cycle_momentum: move the momentum, or beta1, between max and base the other way.
        base_momentum, max_momentum: its bounds, or one per group.
        last_epoch: number of the last batch when resuming, else -1.

    Raises:
        TypeError: optimizer is none.
        ValueError: unknown mode, lists of the wrong length, or no momentum to cycle.

    PyTorch page:
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.lr_scheduler.CyclicLR.html
    Paper: Smith, arXiv:1506.01186.
    """

    def __init__(
        self, optimizer, base_lr, max_lr, step_size_up=2000, step_size_down=None,
        mode="triangular", gamma=1.0, scale_fn=None, scale_mode="cycle", cycle_momentum=True,
        base_momentum=0.8, max_momentum=0.9, last_epoch=-1,
    ):
        check_optimizer(optimizer)
        self.optimizer = optimizer
        base_lrs = per_group("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for lr, group in zip(base_lrs, optimizer.param_groups, strict=True):
                set_group_value(group, "lr", lr)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        down = step_size_up if step_size_down is None else step_size_down
        self.total_size = float(step_size_up) + float(down)
        self.step_ratio = float(step_size_up) / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode
        if scale_fn is None:
            self.scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.base_momentums, self.max_momentums = self._begin_momentum(
                base_momentum, max_momentum, last_epoch
            )
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x):
        """Return the factor on the height of a cycle, or of a batch, by number."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular2":
            return 1 / 2.0 ** (x - 1)
        return self.gamma**x if self.mode == "exp_range" else 1.0

    def get_lr(self):
        """Compute the next learning rates, and set the momenta."""
        self._warn_outside_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        rising = x <= self.step_ratio
        height = x / self.step_ratio if rising else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            bounds = zip(self.base_momentums, self.max_momentums, strict=True)
            for group, (low, high) in zip(self.optimizer.param_groups, bounds, strict=True):
                self._set_momentum(group, high - (high - low) * height * scale)
        bounds = zip(self.base_lrs, self.max_lrs, strict=True)
        return [low + (high - low) * height * scale for low, high in bounds]

    def state_dict(self):
        """Return the schedule's variables; of scale_fn only those of an object."""
        state, custom = super().state_dict(), self._scale_fn_custom
        state["_scale_fn_custom"] = None if custom is None else function_state(custom)
        return state

    def load_state_dict(self, state_dict):
        """Take over the variables in a dict that `state_dict` returned."""
        rest = {key: value for key, value in state_dict.items() if key != "_scale_fn_custom"}
        super().load_state_dict(rest)
        if state_dict["_scale_fn_custom"] is not None:
            self._scale_fn_custom.__dict__.update(state_dict["_scale_fn_custom"])


class OneCycleLR(_MomentumCycle):
    """Raises lr to max_lr and lets it fall far below the initial one, once, batch by batch.

    Args:
        optimizer: whose learning rates are set.
        max_lr: the highest learning rate, or one per group.
        total_steps: number of batches; or give epochs and steps_per_epoch.
        pct_start: fraction of the batches in which lr rises.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        cycle_momentum: move the momentum, or beta1, between max and base the other way.
        base_momentum, max_momentum: its bounds, or one per group.
        div_factor: max_lr over the initial learning rate.
        final_div_factor: the initial learning rate over the last.
        three_phase: fall back to the initial learning rate first, then to the last.
        last_epoch: number of the last batch when resuming, else -1.

    Raises:
        TypeError: optimizer is none.
        ValueError: an option outside its range, or no momentum to cycle.

    PyTorch page:
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.lr_scheduler.OneCycleLR.html
    Paper: Smith, Topin, arXiv:1708.07120.
    """

    def __init__(
        self, optimizer, max_lr, total_steps=None, epochs=None, steps_per_epoch=None,
        pct_start=0.3, anneal_strategy="cos", cycle_momentum=True, base_momentum=0.85,
        max_momentum=0.95, div_factor=25.0, final_div_factor=1e4, three_phase=False,
        last_epoch=-1,
    ):
        check_optimizer(optimizer)
        self.optimizer = optimizer
        self.total_steps = _total_steps(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                "anneal_strategy must be one of 'cos' or 'linear', instead got "
                f"{anneal_strategy}"
            )
        self._schedule_phases = _phases(pct_start * self.total_steps, self.total_steps, three_phase)
        self._anneal_func_type = anneal_strategy
        if last_epoch == -1:
            highest = per_group("max_lr", optimizer, max_lr)
            for group, lr in zip(optimizer.param_groups, highest, strict=True):
                group["initial_lr"] = lr / div_factor
                group["max_lr"] = lr
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._begin_momentum(base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def _anneal_func(self, start, end, fraction):
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2.0 * (math.cos(math.pi * fraction) + 1)
        return (end - start) * fraction + start

    def get_lr(self):
        """Compute the next learning rates, and set the momenta.

        Raises:
            ValueError: stepped more often than total_steps.
        """
        self._warn_outside_step()
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(
                f"Tried to step {step} times. The specified number of total steps is "
                f"{self.total_steps}"
            )
        start = 0.0
        for phase in self._schedule_phases:
            if step <= phase["end_step"] or phase is self._schedule_phases[-1]:
                break
            start = phase["end_step"]
        fraction = (step - start) / (phase["end_step"] - start)
        groups = self.optimizer.param_groups
        if self.cycle_momentum:
            for group in groups:
                low, high = group[phase["start_momentum"]], group[phase["end_momentum"]]
                self._set_momentum(group, self._anneal_func(low, high, fraction))
        return [
            self._anneal_func(group[phase["start_lr"]], group[phase["end_lr"]], fraction)
            for group in groups
        ]


def _total_steps(total_steps, epochs, steps_per_epoch):
    given = {"total_steps": total_steps}
    if total_steps is None:
        if epochs is None or steps_per_epoch is None:
            raise ValueError(
                "You must define either total_steps OR (epochs AND steps_per_epoch)"
            )
        given = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
    for name, value in given.items():
        if not isinstance(value, int) or value <= 0:
            raise ValueError(f"Expected positive integer {name}, but got {value}")
    return math.prod(given.values())


def _phases(rise, total_steps, three_phase):
    """The phases of one cycle: where each ends, and the names of its end points."""
    up = (float(rise) - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")
    if three_phase:
        down = (float(2 * rise) - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum")
        out = (total_steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum")
        phases = [up, down, out]
    else:
        phases = [up, (total_steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]
    names = ("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum")
    return [dict(zip(names, phase, strict=True)) for phase in phases]
