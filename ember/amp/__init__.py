"""Mixed precision: `torch.amp`.

Source: https://docs.pytorch.org/docs/2.13/amp.html
"""

from ..autograd.autocast import DEVICES as _DEVICES
from ..autograd.autocast import autocast, custom_bwd, custom_fwd
from ..optim.grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]


def is_autocast_available(device_type):
    """Return whether autocast knows a device type.

    >>> is_autocast_available("cpu")
    True
    """
    return device_type in _DEVICES
