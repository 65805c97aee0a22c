"""Filled tensors, and ranges of numbers."""

import builtins
import math
from operator import index

import numpy as np

from . import devices, dtypes
from .from_data import finished, numpy_dtype, tensor
from .tensor import Tensor

__all__ = ["arange", "empty", "empty_like", "eye", "full", "full_like", "linspace", "logspace",
           "ones", "ones_like", "range", "tensor", "zeros", "zeros_like"]


def _size(size, maker="zeros"):
    """Return a size, given as one sequence or spread over several arguments, as a tuple.

    Raises:
        TypeError: for a size that is no integer; RuntimeError: for a negative one.
    """
    if len(size) == 1 and isinstance(size[0], (tuple, list, Tensor)):
        one = size[0]
        size = one.tolist() if isinstance(one, Tensor) and one.ndim else (
            (one,) if isinstance(one, Tensor) else one)
    elif size and type(size[0]) is bool:
        raise _no_size(maker, size[0], 0)
    checked = []
    for place, n in enumerate(size):
        try:
            checked.append(index(n))
        except TypeError:
            raise _no_size(maker, n, place) from None
    if any(n < 0 for n in checked):
        raise RuntimeError(f"Trying to create tensor with negative dimension "
                           f"{min(checked)}: {checked}")
    return tuple(checked)


def _no_size(maker, n, place):
    return TypeError(f"{maker}(): argument 'size' (position 1) must be tuple of ints, but found "
                     f"element of type {type(n).__name__} at pos {place}")


def _filled(maker, size, kwargs, *, dtype=None, device=None, requires_grad=False, out=None,
            layout=None, pin_memory=False, memory_format=None, names=None):
    if not size and "size" in kwargs:
        size = (kwargs.pop("size"),)
    if kwargs:
        raise TypeError(f"{maker}() got an unexpected keyword argument '{next(iter(kwargs))}'")
    xp = devices.backend_for(device if out is None else out.device)
    wanted = dtypes.get_default_dtype().numpy if dtype is None else numpy_dtype(dtype)
    t = Tensor._wrap(getattr(xp, maker)(_size(size, maker), wanted), xp)
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
    t = empty(_size((size,) if isinstance(size, int) else tuple(size), "full"), dtype=dtype,
              device=device if out is None else out.device)
    t._array = t._xp.full(t._array.shape, fill_value, t._array.dtype)
    if out is not None:
        return out.resize_(t.shape).copy_(t)
    return t.requires_grad_() if requires_grad else t


# -- like another tensor ------------------------------------------------------------------------


def _memory_order(input, memory_format):
    """Return the dimensions from the slowest in memory to the fastest; None for C order.

    `preserve_format`, the default, keeps the strides of a dense tensor; where strides say
    nothing (repeated elements), the dimensions keep their order.
    """
    name = "preserve_format" if memory_format is None else memory_format.name
    array = input._array
    if name.startswith("channels_last"):
        return (0, *builtins.range(2, array.ndim), 1)
    if name != "preserve_format" or array.ndim < 2 or array.flags.c_contiguous:
        return None
    order = list(builtins.range(array.ndim))
    for start in builtins.range(1, array.ndim):  # insertion sort that passes over stride 0
        moving = start
        for place in builtins.range(start - 1, -1, -1):
            slow, fast = order[place], order[moving]
            steps = array.strides[slow], array.strides[fast]
            if 0 in steps:
                continue
            if steps[0] < steps[1] or (
                    steps[0] == steps[1] and array.shape[slow] < array.shape[fast]):
                order[place], order[moving], moving = fast, slow, place
            elif steps[0] > steps[1]:
                break
    return order


def _like(maker, input, dtype, device, requires_grad, memory_format):
    """Return a new tensor of a tensor's shape, dtype, device and order in memory."""
    try:
        xp, shape = input._xp, input._array.shape
    except AttributeError:
        raise TypeError(f"{maker}_like(): argument 'input' (position 1) must be Tensor, not "
                        f"{type(input).__name__}") from None
    if device is not None:
        xp = devices.backend_for(device)
    wanted = input._array.dtype if dtype is None else numpy_dtype(dtype)
    order = _memory_order(input, memory_format)
    if order is None:
        array = getattr(xp, maker)(shape, wanted)
    else:
        back = sorted(builtins.range(len(order)), key=order.__getitem__)
        array = getattr(xp, maker)(tuple([shape[d] for d in order]), wanted).transpose(back)
    t = Tensor._wrap(array, xp)
    if requires_grad:
        t.requires_grad = True
    return t


def zeros_like(input, *, dtype=None, device=None, requires_grad=False, layout=None,
               memory_format=None):
    """Return zeros of the shape, dtype, device and order in memory of a tensor."""
    return _like("zeros", input, dtype, device, requires_grad, memory_format)


def ones_like(input, *, dtype=None, device=None, requires_grad=False, layout=None,
              memory_format=None):
    """Return ones of the shape, dtype, device and order in memory of a tensor."""
    return _like("ones", input, dtype, device, requires_grad, memory_format)


def empty_like(input, *, dtype=None, device=None, requires_grad=False, layout=None,
               memory_format=None, pin_memory=False):
    """Return an unset tensor of the shape, dtype, device and order in memory of a tensor.

    >>> import ember
    >>> ember.empty_like(ember.ones(2, 3).t()).stride()
    (1, 3)
    """
    return _like("empty", input, dtype, device, requires_grad, memory_format)


def full_like(input, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None,
              memory_format=None):
    """Return a filled tensor of the shape, dtype, device and order in memory of a tensor."""
    t = _like("empty", input, dtype, device, False, memory_format).fill_(fill_value)
    return t.requires_grad_() if requires_grad else t


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
    if not (abs(start) < math.inf and abs(end) < math.inf):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign: arange({start}, {end}, "
            f"{step})")
    if dtype is None and out is not None:
        dtype = out.dtype
    if dtype is None:
        whole = all(isinstance(v, (int, np.integer)) for v in (start, end, step))
        dtype = dtypes.int64 if whole else dtypes.get_default_dtype()
    wanted = numpy_dtype(dtype)
    if wanted.kind in "iu":
        if not int(step):
            raise ValueError(f"step must be nonzero, but {step} is 0 in {wanted}")
        array = np.arange(int(start), int(end), int(step)).astype(wanted)
    else:
        count = max(int(np.ceil((end - start) / step)), 0)
        array = (start + step * np.arange(count, dtype=np.float64)).astype(wanted)
    t = finished(array, device, requires_grad)
    return t if out is None else out.resize_(t.shape).copy_(t)


def range(start=0, end=None, step=1, **options):
    """Return the values from start to end, both included (deprecated in PyTorch)."""
    if end is None:
        start, end = 0, start
    options.setdefault("dtype", dtypes.get_default_dtype())
    count = int(np.floor((end - start) / step)) + 1
    return finished((start + step * np.arange(count, dtype=np.float64)).astype(
        numpy_dtype(options.pop("dtype"))), options.pop("device", None),
        options.pop("requires_grad", False))


def linspace(start, end, steps, *, dtype=None, device=None, requires_grad=False, out=None,
             layout=None, pin_memory=False):
    """Return `steps` evenly spaced values from start to end, both included.

    >>> import ember
    >>> ember.linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if isinstance(steps, float):
        raise TypeError(f"linspace(): argument 'steps' must be int, not float ({steps})")
    start, end, steps = _number(start), _number(end), int(steps)
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    wanted = numpy_dtype(dtype or (dtypes.get_default_dtype().to_complex() if any(
        isinstance(v, complex) for v in (start, end)) else dtypes.get_default_dtype()))
    # from both ends towards the middle, so that the ends are exact, as PyTorch does
    kind = np.complex128 if wanted.kind == "c" else np.float64
    step = (end - start) / (steps - 1) if steps > 1 else 0
    i = np.arange(steps)
    values = np.where(i < steps // 2 + steps % 2 * (steps == 1), start + step * i.astype(kind),
                      end - step * (steps - 1 - i)) if steps > 1 else np.full(steps, start, kind)
    t = finished(values.astype(wanted), device, requires_grad)
    return t if out is None else out.resize_(t.shape).copy_(t)


def logspace(start, end, steps, base=10.0, **options):
    """Return `steps` values from base^start to base^end, evenly spaced in the exponent."""
    dtype = options.pop("dtype", None) or dtypes.get_default_dtype()
    exponents = linspace(start, end, steps, dtype=dtypes.float64)
    values = np.power(float(_number(base)), exponents._array)
    t = finished(values.astype(numpy_dtype(dtype)), options.pop("device", None),
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
    wanted = numpy_dtype(dtype or dtypes.get_default_dtype())
    t = finished(np.eye(n, m, dtype=wanted), device, requires_grad)
    return t if out is None else out.resize_(t.shape).copy_(t)
