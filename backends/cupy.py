"""The CUDA backend: CuPy. Imported on the first use of a CUDA device."""

import contextlib
import functools
import importlib.util

from .along import Along
from .numpy import NumpyBackend

__all__ = ["CupyBackend", "device_count", "make", "missing"]


@functools.cache
def missing():
    """Return one sentence that says what a CUDA device lacks here, or None when one is usable."""
    if importlib.util.find_spec("cupy") is None:
        return ("CUDA is not available: CuPy is not installed; install ember's extra for your "
                "driver, pip install 'ember[cuda13]' (CUDA 13) or 'ember[cuda12]' (CUDA 12)")
    try:
        import cupy
    except Exception as error:  # a broken installation raises anything
        return (f"CUDA is not available: CuPy cannot be imported ({error}); reinstall it with "
                "pip install 'ember[cuda13]' or 'ember[cuda12]'")
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return (f"CUDA is not available: CuPy {cupy.__version__} is installed but the NVIDIA "
                f"driver does not answer ({error}); install a driver for your GPU")
    if not count:
        return "CUDA is not available: the NVIDIA driver works but finds no GPU in this machine"
    return None


def device_count():
    """Return the number of usable CUDA devices."""
    if missing() is not None:
        return 0
    import cupy

    return cupy.cuda.runtime.getDeviceCount()


def make(index):
    """Return the backend of a CUDA device; None means the current one.

    Raises:
        RuntimeError: one sentence saying what is missing and what to install.
    """
    problem = missing()
    if problem:
        raise RuntimeError(problem)
    import cupy

    count = device_count()
    index = cupy.cuda.Device().id if index is None else index
    if index >= count:
        raise RuntimeError(f"CUDA error: invalid device ordinal: cuda:{index} was asked for and "
                           f"this machine has {count} GPU{'s' if count > 1 else ''}")
    return CupyBackend(cupy, index)


class CupyBackend(NumpyBackend):
    """CuPy on one GPU."""

    device_type = "cuda"
    special_module = "cupyx.scipy.special"

    def __init__(self, cupy, index):
        self.module = cupy
        self.index = index
        self.array_types = (cupy.ndarray,)

    def from_host(self, array):
        """Return a host array as an array on this GPU."""
        with self.module.cuda.Device(self.index):
            return self.module.asarray(array)

    def to_host(self, array):
        """Return a GPU array as a NumPy array."""
        return self.module.asnumpy(array)

    def pinned(self, array):
        """Return a copy of a host array in page-locked memory of the host."""
        import cupyx

        copy = cupyx.empty_pinned(array.shape, array.dtype)
        copy[...] = array
        return copy

    def is_pinned(self, array):
        """Return whether a host array lies in page-locked memory."""
        runtime = self.module.cuda.runtime
        kind = runtime.pointerGetAttributes(array.ctypes.data).type
        return array.size > 0 and kind == runtime.memoryTypeHost

    def quiet(self):
        """Return a context manager: GPU arithmetic never warns."""
        return contextlib.nullcontext()

    def synchronize(self):
        """Wait until the GPU has finished what was asked of it."""
        self.module.cuda.Device(self.index).synchronize()

    def buffer(self, value):
        """Return the array: there are no scalars on a GPU."""
        return value

    def pointer(self, array):
        """Return the address of the first element."""
        return array.data.ptr

    def owner(self, array):
        """Return the identity of an array's storage."""
        base = array.base
        return array if base is None else base

    def view(self, array, shape, strides, offset=0):
        """Return a strided view; strides and offset count elements."""
        size = array.itemsize
        pointer = array.data + offset * size
        reach = sum((n - 1) * s for n, s in zip(shape, strides)) if 0 not in shape else -1
        memory = array.data.mem
        start = pointer.ptr - memory.ptr
        if start < 0 or start + (reach + 1) * size > memory.size:
            raise RuntimeError(
                f"setStorage: sizes {list(shape)}, strides {list(strides)}, storage offset "
                f"{offset} require memory outside the storage of {memory.size} bytes")
        made = self.module.lib.stride_tricks.as_strided(
            array, shape, [s * size for s in strides])
        return made if not offset else self.module.ndarray(
            shape, array.dtype, pointer, [s * size for s in strides])

    def broadcast_to(self, array, shape):
        """Return a view of the array with repeated axes (stride 0)."""
        return self.module.broadcast_to(array, tuple(shape))

    running = Along.running  # CuPy accumulates sums and products only

    def scatter_add(self, array, index, values):
        """Add values into `array[index]` in place; repeated indices accumulate."""
        import cupyx

        if not isinstance(values, self.array_types):
            values = self.module.asarray(values, array.dtype)
        cupyx.scatter_add(array, index, values.astype(array.dtype, copy=False))
        return array

    def erf(self, x):
        """Error function."""
        import cupyx.scipy.special

        return cupyx.scipy.special.erf(x).astype(x.dtype, copy=False)


