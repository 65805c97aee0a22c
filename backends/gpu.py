"""What programs ask about the GPUs: the driver, CuPy's memory pool and events.

Every function needs a usable GPU and raises RuntimeError, saying what is missing, without one.
"""

import contextlib
import types

from .cupy import missing

__all__ = ["Event", "current", "memory", "properties", "release_memory", "toolkit", "use"]


def _cupy():
    problem = missing()
    if problem:
        raise RuntimeError(problem)
    import cupy

    return cupy


def _device(index):
    cupy = _cupy()
    return contextlib.nullcontext() if index is None else cupy.cuda.Device(index)


def current():
    """Return the number of the current GPU."""
    return _cupy().cuda.Device().id


def use(index):
    """Make a GPU the current one."""
    _cupy().cuda.Device(index).use()


def synchronize(index=None):
    """Wait until a GPU (the current one when not given) has done what was asked of it."""
    with _device(index):
        _cupy().cuda.Device().synchronize()


def properties(index=None):
    """Return a GPU's properties under PyTorch's names."""
    found = _cupy().cuda.runtime.getDeviceProperties(current() if index is None else index)
    return types.SimpleNamespace(
        name=found["name"].decode(), major=found["major"], minor=found["minor"],
        total_memory=found["totalGlobalMem"],
        multi_processor_count=found["multiProcessorCount"])


def memory(index=None):
    """Return (bytes in use by arrays, bytes that the pool holds, free on the GPU, its total)."""
    cupy = _cupy()
    with _device(index):
        pool = cupy.get_default_memory_pool()
        return (pool.used_bytes(), pool.total_bytes(), *cupy.cuda.runtime.memGetInfo())


def release_memory():
    """Give the memory that no array uses back to the driver."""
    _cupy().get_default_memory_pool().free_all_blocks()


def toolkit():
    """Return the version of the CUDA toolkit that CuPy uses, such as "13.0"."""
    number = _cupy().cuda.runtime.runtimeGetVersion()
    return f"{number // 1000}.{number % 1000 // 10}"


class Event:
    """A point in the GPU's work, to wait for or to take the time between two of.

    Args:
        enable_timing: whether `elapsed_time` may be asked.
        blocking: whether waiting gives the processor to others.
        interprocess: whether other processes may wait for it.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.cuda.Event.html
    """

    def __init__(self, enable_timing=False, blocking=False, interprocess=False):
        self._event = _cupy().cuda.Event(
            block=blocking, disable_timing=not enable_timing, interprocess=interprocess)

    def record(self, stream=None):
        """Put the event after the work asked for so far."""
        self._event.record(stream)

    def query(self):
        """Return whether the work before the event is done."""
        return self._event.done

    def synchronize(self):
        """Wait until the work before the event is done."""
        self._event.synchronize()

    def elapsed_time(self, end_event):
        """Return the milliseconds from this event to another."""
        return _cupy().cuda.get_elapsed_time(self._event, end_event._event)
