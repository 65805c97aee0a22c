"""`torch.accelerator`: the GPU, under a name that does not say whose it is.

Source: https://docs.pytorch.org/docs/stable/accelerator.html
"""

from .autograd.devices import device as _device
from .cuda import current_device as current_device_index
from .cuda import (
    device_count,
    empty_cache,
    is_available,
    max_memory_allocated,
    max_memory_reserved,
    memory_allocated,
    memory_reserved,
    reset_peak_memory_stats,
    synchronize,
)
from .cuda import set_device as set_device_index

__all__ = ["current_accelerator", "current_device_index", "device_count", "empty_cache",
           "is_available", "memory_allocated", "memory_reserved", "max_memory_allocated",
           "max_memory_reserved", "reset_peak_memory_stats", "set_device_index", "synchronize"]


def current_accelerator(check_available=False):
    """Return the device of this machine's accelerator, None when it has none.

    Args:
        check_available: PyTorch's builds may know an accelerator that is not there; ember never
            does, so this changes nothing.

    >>> import ember
    >>> device = ember.accelerator.current_accelerator() or ember.device("cpu")
    """
    return _device("cuda") if is_available() else None
