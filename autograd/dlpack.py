"""DLPack: tensors and other libraries' arrays in one memory, both ways.

The protocol: https://dmlc.github.io/dlpack/latest/python_spec.html
"""

import numpy as np

from .. import backends
from . import dtypes
from .tensor import Tensor, tensor_method

__all__ = ["from_dlpack", "to_dlpack"]

_CPU, _CUDA = 1, 2  # DLPack's numbers of device types


def from_dlpack(ext_tensor, *, device=None, copy=None):
    """Return a tensor that shares the memory of another library's array.

    Memory that its owner declares constant (JAX's) can be read; writing to it raises.

    Args:
        ext_tensor: an array with `__dlpack__` (NumPy, CuPy, JAX, PyTorch, ...), or a capsule.
        device: where the tensor shall be; where the array is when None.
        copy: True copies.
    Raises:
        TypeError: for anything else; BufferError: when the owner refuses.
        ValueError: for arrays that run backwards (negative strides).
    Source: https://docs.pytorch.org/docs/stable/dlpack.html

    >>> import ember, numpy
    >>> array = numpy.zeros(2)
    >>> ember.from_dlpack(array)[0] = 1
    >>> array
    array([1., 0.])
    """
    if type(ext_tensor).__name__ == "PyCapsule":
        ext_tensor = _Capsule(ext_tensor)
    if isinstance(ext_tensor, Tensor):
        t = ext_tensor.detach()
    elif hasattr(ext_tensor, "__dlpack__"):
        t = _shared(ext_tensor)
    else:
        raise TypeError("from_dlpack() takes an array with __dlpack__, not "
                        f"{type(ext_tensor).__name__}; use torch.tensor(...) to copy data")
    if device is not None:
        t = t.to(device)
    return t.clone() if copy else t


def _shared(ext_tensor):
    kind, index = ext_tensor.__dlpack_device__()
    if kind not in (_CPU, _CUDA):
        raise BufferError(f"from_dlpack: the memory is on a device of DLPack type {int(kind)}; "
                          "ember knows 1 (CPU) and 2 (CUDA)")
    xp = backends.cpu if kind == _CPU else backends.get("cuda", index)
    array = xp.from_dlpack(ext_tensor)
    if any(s < 0 for s in array.strides):
        raise ValueError("from_dlpack: at least one stride of the array is negative, and tensors "
                         "cannot run backwards; pass a copy, array.copy()")
    if type(ext_tensor) is _Capsule and kind == _CPU:
        array = np.asarray(_Writable(array))
    dtypes.of(array)
    return Tensor._wrap(array, xp)


class _Writable:
    """An array's memory without the caution of NumPy, to which every old capsule is constant."""

    def __init__(self, array):
        self._array = array
        interface = dict(array.__array_interface__)
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}


class _Capsule:
    """The old way to pass memory: a bare capsule, which only the C structure inside describes."""

    def __init__(self, capsule):
        self._capsule = capsule

    def __dlpack__(self, **options):
        return self._capsule

    def __dlpack_device__(self):
        import ctypes

        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
        try:
            start = pointer(self._capsule, b"dltensor")
        except ValueError:
            raise TypeError("from_dlpack() takes a DLPack capsule that nobody has taken yet; pass "
                            "the array itself") from None
        # DLTensor begins with the address of the data, then the device's type and number
        device = (ctypes.c_int32 * 2).from_address(start + ctypes.sizeof(ctypes.c_void_p))
        return device[0], device[1]


def to_dlpack(tensor):
    """Return a DLPack capsule with a tensor's memory, for libraries that ask for one.

    Source: https://docs.pytorch.org/docs/stable/dlpack.html
    """
    return tensor.__dlpack__()


@tensor_method
def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
    """Return a DLPack capsule with the tensor's memory.

    Raises:
        BufferError: for a tensor that requires gradients, and for memory that DLPack cannot
            describe.
    """
    if self._node is not None:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    array = self._buffer()
    if self.dtype is dtypes.bfloat16:
        raise BufferError("NumPy cannot export bfloat16 through DLPack; use .float()")
    if min(array.strides, default=0) < 0:
        raise BufferError("DLPack readers do not expect negative strides; use .contiguous()")
    __dlpack_device__(self)
    options = {"stream": stream, "max_version": max_version, "dl_device": dl_device, "copy": copy}
    return array.__dlpack__(**{k: v for k, v in options.items() if v is not None})


@tensor_method
def __dlpack_device__(self):
    """Return (device type, index) as DLPack counts them."""
    if self._xp is backends.cpu:
        return np.empty(0).__dlpack_device__()
    if self._xp.device_type != "cuda":
        raise BufferError(f"the memory of {self.device} cannot be shared; use .cpu()")
    return _CUDA, self._xp.index or 0
