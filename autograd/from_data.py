"""Tensors from what is there already: Python numbers and sequences, NumPy arrays, buffers."""

import numpy as np

from .. import backends
from . import devices, dtypes
from .tensor import Tensor, host_data

__all__ = ["as_tensor", "asarray", "from_numpy", "frombuffer", "is_tensor", "scalar_tensor",
           "tensor"]


def tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False):
    """Return a new tensor with a copy of the data.

    Args:
        data: number, nested sequence, NumPy array or tensor.
        dtype: element type; by default float32 for Python floats, int64 for integers, bool for
            booleans, and an array's own type.
        device: where to put it; default device when None.
        requires_grad: whether gradients shall flow to it.
    Raises:
        ValueError: for ragged nested sequences.
        TypeError, RuntimeError: for data that is no number.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.tensor.html

    >>> import ember
    >>> ember.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    if isinstance(data, Tensor) and device is None:
        device = data.device
    return finished(_host_array(data, dtype), device, requires_grad)


def _host_array(data, dtype):
    """Return a fresh host array (a NumPy scalar for a number) of the dtype data implies."""
    wanted = None if dtype is None else numpy_dtype(dtype)
    if type(data) is float:
        return (wanted or dtypes.get_default_dtype().numpy).type(data)
    if isinstance(data, Tensor):
        return np.array(data._xp.to_host(data._array), wanted)
    if isinstance(data, np.ndarray):
        dtypes.from_numpy_dtype(data.dtype.newbyteorder("="))
        return np.array(data, wanted or data.dtype.newbyteorder("="))
    try:
        plain = host_data(data)
        array = np.array(plain)
    except ValueError as error:
        raise ValueError(f"expected sequences of equal length at every level: {error}") from None
    except OverflowError:
        raise RuntimeError("value cannot be converted to type int64_t without overflow") from None
    if array.dtype.kind not in "biufc":
        raise TypeError(f"tensor(): cannot make a tensor of {_culprit(data)}; expected numbers, "
                        "nested sequences of numbers, or arrays")
    if wanted is None:
        wanted = _implied(data, array)
    elif wanted.kind in "iu" and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise RuntimeError(f"cannot convert float NaN or infinity to {dtype}")
    if array.ndim == 0:
        return array.astype(wanted)[()]
    return array.astype(wanted, copy=False)


def _culprit(data):
    while isinstance(data, (list, tuple)) and data:
        bad = [d for d in data if not isinstance(d, (bool, int, float, complex))]
        data = bad[0] if bad else data[0]
    return f"{data!r} ({type(data).__name__})"


def _implied(data, array):
    """Return the NumPy dtype that Python data implies."""
    first = data
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    if isinstance(first, (np.ndarray, np.generic, Tensor)):
        return array.dtype
    if array.size == 0 or array.dtype.kind == "f":
        return dtypes.get_default_dtype().numpy
    if array.dtype.kind == "c":
        return dtypes.get_default_dtype().to_complex().numpy
    if array.dtype.kind == "u":
        raise RuntimeError("value cannot be converted to type int64_t without overflow")
    return array.dtype


def numpy_dtype(dtype):
    """Return the NumPy dtype of a `dtype` argument: ours, or Python's int, float, bool, complex."""
    if isinstance(dtype, dtypes.dtype):
        return dtype.numpy
    python = {float: dtypes.get_default_dtype(), int: dtypes.int64, bool: dtypes.bool,
              complex: dtypes.get_default_dtype().to_complex()}
    try:
        return python[dtype].numpy
    except (KeyError, TypeError):
        raise TypeError(f"dtype must be torch.dtype, not {dtype!r}") from None


def finished(array, device, requires_grad):
    """Return the tensor around a fresh host array, moved to a device."""
    xp = devices.backend_for(device)
    if xp is not backends.cpu:
        array = xp.from_host(np.asarray(array))
    t = Tensor._wrap(array, xp)
    if requires_grad:
        t.requires_grad = True
    return t


def as_tensor(data, dtype=None, device=None):
    """Return data as a tensor, sharing memory where dtype and device allow.

    >>> import ember
    >>> ember.as_tensor([1.5, 2])
    tensor([1.5000, 2.0000])
    """
    if isinstance(data, Tensor):
        return data.to(device or data.device, dtype or data.dtype)
    if isinstance(data, np.ndarray):
        t = from_numpy(data)
        return t.to(device=devices.device(device) if device else devices.get_default_device(),
                    dtype=dtype or t.dtype)
    return tensor(data, dtype=dtype, device=device)


def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False):
    """Return an object as a tensor; as `as_tensor`, with `copy` and `requires_grad`."""
    t = tensor(obj, dtype=dtype, device=device) if copy else as_tensor(obj, dtype, device)
    return t.requires_grad_() if requires_grad else t


def from_numpy(array):
    """Return a CPU tensor that shares a NumPy array's memory.

    Raises:
        TypeError: for anything else than an array of a supported type.
        ValueError: for arrays that run backwards (negative strides) or whose numbers have another
            byte order than this machine's.

    >>> import ember, numpy
    >>> ember.from_numpy(numpy.arange(3))
    tensor([0, 1, 2])
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    if not array.dtype.isnative:
        raise ValueError("given numpy array has byte order different from the native byte order. "
                         "Convert it with array.astype(array.dtype.newbyteorder('='))")
    dtypes.from_numpy_dtype(array.dtype)
    if any(s < 0 for s in array.strides):
        raise ValueError("At least one stride in the given numpy array is negative, and tensors "
                         "with negative strides are not currently supported. (You can probably "
                         "work around this by making a copy of your array with array.copy().)")
    if array.base is not None:  # PyTorch's storage begins where the given array does
        array = np.lib.stride_tricks.as_strided(array)
    return Tensor._wrap(array)


def frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False):
    """Return a 1-d CPU tensor that shares the memory of an object with Python's buffer interface.

    Args:
        buffer: bytes, bytearray, memoryview, array, mmap, ...
        count: how many elements to take, −1 for all; offset: how many bytes to skip.
    Raises:
        ValueError: when the buffer is shorter than that, or no whole number of elements.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.frombuffer.html

    >>> import ember
    >>> ember.frombuffer(bytearray([1, 2, 3]), dtype=ember.uint8)
    tensor([1, 2, 3], dtype=torch.uint8)
    """
    size = memoryview(buffer).nbytes
    if not size or not count:
        raise ValueError(f"both buffer length ({size}) and count ({count}) must not be 0")
    if not 0 <= offset < size:
        raise ValueError(f"offset ({offset} bytes) must be non-negative and no greater than buffer "
                         f"length ({size} bytes) minus 1")
    wanted = numpy_dtype(dtype)
    if count < 0 and (size - offset) % wanted.itemsize:
        raise ValueError(f"buffer length ({size - offset} bytes) after offset ({offset} bytes) must"
                         f" be a multiple of element size ({wanted.itemsize})")
    if count > 0 and offset + count * wanted.itemsize > size:
        raise ValueError(f"requested buffer length ({count} * {wanted.itemsize} bytes) after offset"
                         f" ({offset} bytes) must not be greater than actual buffer length ({size} "
                         "bytes)")
    t = Tensor._wrap(np.frombuffer(buffer, wanted, count, offset))
    return t.requires_grad_() if requires_grad else t


def is_tensor(obj):
    """Return whether an object is a tensor."""
    return isinstance(obj, Tensor)


def scalar_tensor(s, *, dtype=None, device=None, requires_grad=False):
    """Return a 0-d tensor of the default dtype."""
    return tensor(s, dtype=dtype or dtypes.get_default_dtype(), device=device,
                  requires_grad=requires_grad)
