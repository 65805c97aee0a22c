"""Memory that arrays give back is kept for the next arrays.

The C library of Linux (glibc) returns large blocks to the kernel, which clears every page when
the next array touches it: a sixth of a training step's time where activations come and go.
"""

import ctypes
import os
import sys

__all__ = ["keep"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt's numbers for its parameters
_KEPT = 1 << 30  # bytes at most
_ASKED = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep():
    """Have the C library keep what is freed, unless the environment says how it shall behave.

    Source: https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    if not sys.platform.startswith("linux") or any(name in os.environ for name in _ASKED):
        return
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if set_option is not None:
        set_option(_TRIM_THRESHOLD, _KEPT)
        set_option(_MMAP_THRESHOLD, _KEPT)
