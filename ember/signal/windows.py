"""Window functions: `torch.signal.windows`; written in `autograd/windows.py`."""

from ..autograd import windows as _windows

__all__ = list(_windows.NAMES)

globals().update((name, getattr(_windows, name)) for name in _windows.NAMES)
