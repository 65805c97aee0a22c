"""How many threads the libraries under NumPy use: BLAS, OpenMP."""

import functools
import os
import warnings

__all__ = ["get_num_threads", "leave_blas_one_thread", "limit_threads", "set_num_threads"]

_number = None
_blas_alone = False  # whether BLAS is called by threads of ours, one thread each


def get_num_threads():
    """Return the number of threads for one operation: what was set, else the usable cores.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.get_num_threads.html
    """
    return _usable() if _number is None else _number


@functools.cache
def _usable():
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return int(asked) if asked.isdigit() and int(asked) else len(os.sched_getaffinity(0))


def set_num_threads(number):
    """Have matrix products use this many threads, through the library threadpoolctl.

    Args:
        number: at least 1.
    Raises:
        RuntimeError: for a number below 1.
    Without threadpoolctl only a warning says that nothing changes (`pip install ember[fast]`).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.set_num_threads.html
    """
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError(f"set_num_threads expects an int, but got {type(number).__name__}")
    if number < 1:
        raise RuntimeError("set_num_threads expects a positive integer")
    if not limit_threads(number):
        warnings.warn("set_num_threads changes nothing without the library threadpoolctl: "
                      "pip install ember[fast]", stacklevel=2)


def limit_threads(number):
    """Have matrix products use at most this many threads; return whether that was possible."""
    global _number
    try:
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError:
        return False
    threadpool_limits(number)
    if _blas_alone:
        threadpool_limits(1, "blas")
    _number = number
    return True


def leave_blas_one_thread():
    """Have BLAS use one thread from now on, since compiled kernels call it from several."""
    global _blas_alone
    from threadpoolctl import threadpool_limits

    _blas_alone = True
    threadpool_limits(1, "blas")
