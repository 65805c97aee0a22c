"""Constructors: tensors from data, and filled tensors."""

import numpy as np

from .. import backends
from . import devices, dtypes
from .tensor import Tensor, host_data

__all__ = ["arange", "as_tensor", "asarray", "empty", "empty_like", "eye", "from_numpy", "full",
           "full_like", "is_tensor", "linspace", "logspace", "ones", "ones_like", "range",
           "scalar_tensor", "tensor", "zeros", "zeros_like"]


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
    t = _finish(_host_array(data, dtype), device, requires_grad)
    return t


def _host_array(data, dtype):
    """Return a fresh host array (a NumPy scalar for a number) of the dtype data implies."""
    wanted = None if dtype is None else _numpy_dtype(dtype)
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


def _numpy_dtype(dtype):
    if isinstance(dtype, dtypes.dtype):
        return dtype.numpy
    python = {float: dtypes.get_default_dtype(), int: dtypes.int64, bool: dtypes.bool,
              complex: dtypes.get_default_dtype().to_complex()}
    try:
        return python[dtype].numpy
    except (KeyError, TypeError):
        raise TypeError(f"dtype must be torch.dtype, not {dtype!r}") from None


def _finish(array, device, requires_grad):
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
        ValueError: for arrays that run backwards (negative strides).

    >>> import ember, numpy
    >>> ember.from_numpy(numpy.arange(3))
    tensor([0, 1, 2])
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    dtypes.from_numpy_dtype(array.dtype)
    if any(s < 0 for s in array.strides):
        raise ValueError("At least one stride in the given numpy array is negative, and tensors "
                         "with negative strides are not currently supported. (You can probably "
                         "work around this by making a copy of your array with array.copy().)")
    if array.base is not None:  # PyTorch's storage begins where the given array does
        array = np.lib.stride_tricks.as_strided(array)
    return Tensor._wrap(array)


def is_tensor(obj):
    """Return whether an object is a tensor."""
    return isinstance(obj, Tensor)


def _size(size):
    if len(size) == 1 and isinstance(size[0], (tuple, list, Tensor)):
        size = size[0].tolist() if isinstance(size[0], Tensor) else size[0]
    size = tuple(int(n) for n in size)
    if any(n < 0 for n in size):
        raise RuntimeError(f"Trying to create tensor with negative dimension "
                           f"{min(size)}: {list(size)}")
    return size


def _filled(maker, size, kwargs, *, dtype=None, device=None, requires_grad=False, out=None,
            layout=None, pin_memory=False, memory_format=None, names=None):
    if not size and "size" in kwargs:
        size = (kwargs.pop("size"),)
    if kwargs:
        raise TypeError(f"{maker}() got an unexpected keyword argument '{next(iter(kwargs))}'")
    xp = devices.backend_for(device if out is None else out.device)
    numpy_dtype = dtypes.get_default_dtype().numpy if dtype is None else _numpy_dtype(dtype)
    t = Tensor._wrap(getattr(xp, maker)(_size(size), numpy_dtype), xp)
    if out is not None:
        return out.resize_(t.shape).copy_(t)
    if requires_grad:
        t.requires_grad = True
    return t


def _with(kwargs, *names):
    return {n: kwargs.pop(n) for n in names if n in kwargs}


_OPTIONS = ("dtype", "device", "requires_grad", "out", "layout", "pin_memory", "memory_format",
            "names")


def zeros(*size, **options):
    """Return a tensor of zeros. Arguments: sizes; dtype, device, requires_grad, out.

    >>> import ember
    >>> ember.zeros(2)
    tensor([0., 0.])
    """
    return _filled("zeros", size, options, **_with(options, *_OPTIONS))


def ones(*size, **options):
    """Return a tensor of ones. Arguments as `zeros`.

    >>> import ember
    >>> ember.ones(2, dtype=ember.int64)
    tensor([1, 1])
    """
    return _filled("ones", size, options, **_with(options, *_OPTIONS))


def empty(*size, **options):
    """Return a tensor whose elements are not set. Arguments as `zeros`."""
    return _filled("empty", size, options, **_with(options, *_OPTIONS))


def full(size, fill_value, *, dtype=None, device=None, requires_grad=False, out=None,
         layout=None, names=None, pin_memory=False):
    """Return a tensor filled with a value; its type gives the dtype.

    >>> import ember
    >>> ember.full((2,), 7)
    tensor([7, 7])
    """
    if isinstance(fill_value, Tensor):
        dtype = dtype or fill_value.dtype
        fill_value = fill_value.item()
    if dtype is None:
        dtype = dtypes.of_number(fill_value)
    t = empty(_size((size,) if isinstance(size, int) else tuple(size)), dtype=dtype,
              device=device if out is None else out.device)
    t._array = t._xp.full(t._array.shape, fill_value, t._array.dtype)
    if out is not None:
        return out.resize_(t.shape).copy_(t)
    return t.requires_grad_() if requires_grad else t


def _like(input, dtype, device):
    return {"dtype": dtype or input.dtype, "device": device or input.device}


def zeros_like(input, *, dtype=None, device=None, requires_grad=False, layout=None,
               memory_format=None):
    """Return zeros of the shape, dtype and device of a tensor."""
    return zeros(input.shape, requires_grad=requires_grad, **_like(input, dtype, device))


def ones_like(input, *, dtype=None, device=None, requires_grad=False, layout=None,
              memory_format=None):
    """Return ones of the shape, dtype and device of a tensor."""
    return ones(input.shape, requires_grad=requires_grad, **_like(input, dtype, device))


def empty_like(input, *, dtype=None, device=None, requires_grad=False, layout=None,
               memory_format=None, pin_memory=False):
    """Return an unset tensor of the shape, dtype and device of a tensor."""
    return empty(input.shape, requires_grad=requires_grad, **_like(input, dtype, device))


def full_like(input, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None,
              memory_format=None):
    """Return a filled tensor of the shape, dtype and device of a tensor."""
    return full(input.shape, fill_value, requires_grad=requires_grad,
                **_like(input, dtype, device))


def scalar_tensor(s, *, dtype=None, device=None, requires_grad=False):
    """Return a 0-d tensor of the default dtype."""
    return tensor(s, dtype=dtype or dtypes.get_default_dtype(), device=device,
                  requires_grad=requires_grad)


def _number(x):
    return x.item() if isinstance(x, Tensor) else x


def arange(start=0, end=None, step=1, *, dtype=None, device=None, requires_grad=False, out=None,
           layout=None, pin_memory=False):
    """Return the values start, start + step, ... below end.

    >>> import ember
    >>> ember.arange(1, 2.5, 0.5)
    tensor([1.0000, 1.5000, 2.0000])
    """
    start, end, step = _number(start), _number(end), _number(step)
    if end is None:
        start, end = 0, start
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign: arange({start}, {end}, "
            f"{step})")
    if dtype is None:
        whole = all(isinstance(v, (int, np.integer)) for v in (start, end, step))
        dtype = dtypes.int64 if whole else dtypes.get_default_dtype()
    wanted = _numpy_dtype(dtype)
    if wanted.kind in "iu":
        array = np.arange(int(start), int(end), int(step)).astype(wanted)
    else:
        count = max(int(np.ceil((end - start) / step)), 0)
        array = (start + step * np.arange(count, dtype=np.float64)).astype(wanted)
    t = _finish(array, device, requires_grad)
    return t if out is None else out.resize_(t.shape).copy_(t)


def range(start=0, end=None, step=1, **options):
    """Return the values from start to end, both included (deprecated in PyTorch)."""
    if end is None:
        start, end = 0, start
    options.setdefault("dtype", dtypes.get_default_dtype())
    count = int(np.floor((end - start) / step)) + 1
    return _finish((start + step * np.arange(count, dtype=np.float64)).astype(
        _numpy_dtype(options.pop("dtype"))), options.pop("device", None),
        options.pop("requires_grad", False))


def linspace(start, end, steps, *, dtype=None, device=None, requires_grad=False, out=None,
             layout=None, pin_memory=False):
    """Return `steps` evenly spaced values from start to end, both included.

    >>> import ember
    >>> ember.linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    start, end, steps = _number(start), _number(end), int(steps)
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    wanted = _numpy_dtype(dtype or (dtypes.get_default_dtype().to_complex() if any(
        isinstance(v, complex) for v in (start, end)) else dtypes.get_default_dtype()))
    # from both ends towards the middle, so that the ends are exact, as PyTorch does
    kind = np.complex128 if wanted.kind == "c" else np.float64
    step = (end - start) / (steps - 1) if steps > 1 else 0
    i = np.arange(steps)
    values = np.where(i < steps // 2 + steps % 2 * (steps == 1), start + step * i.astype(kind),
                      end - step * (steps - 1 - i)) if steps > 1 else np.full(steps, start, kind)
    t = _finish(values.astype(wanted), device, requires_grad)
    return t if out is None else out.resize_(t.shape).copy_(t)


def logspace(start, end, steps, base=10.0, **options):
    """Return `steps` values from base^start to base^end, evenly spaced in the exponent."""
    dtype = options.pop("dtype", None) or dtypes.get_default_dtype()
    exponents = linspace(start, end, steps, dtype=dtypes.float64)
    values = np.power(float(_number(base)), exponents._array)
    t = _finish(values.astype(_numpy_dtype(dtype)), options.pop("device", None),
                options.pop("requires_grad", False))
    out = options.pop("out", None)
    return t if out is None else out.resize_(t.shape).copy_(t)


def eye(n, m=None, *, dtype=None, device=None, requires_grad=False, out=None, layout=None,
        pin_memory=False):
    """Return the n × m matrix with ones on the diagonal.

    >>> import ember
    >>> ember.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    if n < 0 or m is not None and m < 0:
        raise RuntimeError(f"n and m must be greater or equal to 0, got {n} and {m}")
    wanted = _numpy_dtype(dtype or dtypes.get_default_dtype())
    t = _finish(np.eye(n, m, dtype=wanted), device, requires_grad)
    return t if out is None else out.resize_(t.shape).copy_(t)


# -- the old names of typed constructors --------------------------------------------------------


def typed_constructor(title):
    """Return PyTorch's old constructor for a type, such as FloatTensor."""
    dtype = next(d for d in vars(dtypes).values()
                 if isinstance(d, dtypes.dtype) and d.title == title)

    def make(*args, device=None):
        if len(args) == 1 and not isinstance(args[0], int):
            return tensor(args[0], dtype=dtype, device=device)
        return zeros(*args, dtype=dtype, device=device)

    make.__name__ = make.__qualname__ = title + "Tensor"
    make.__doc__ = f"Return a {dtype.name} tensor from data, or of the given sizes."
    make.dtype = dtype
    return make
