"""Schedules that follow a cosine."""

import math

from .base import LRScheduler


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
