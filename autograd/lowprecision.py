"""bfloat16 on array modules that do not compute with it: in float32, rounded at the end.

PyTorch's CPU kernels do the same. NumPy must not be asked: to it the type is foreign, so that
`array + 1.5` gives float32 and `promote_types(bfloat16, float16)` an error. This module is at
work only in programs that use bfloat16; `dtypes` calls `begin` at the first use.
"""

import numpy as np

from . import detours, dtypes
from .tensor import Tensor

__all__ = ["begin"]

# Operations that copy elements as they are.
_AS_THEY_ARE = frozenset(("cast", "clone", "overwritten", "zeros_with", "zeros_plus", "index"))


def begin():
    """Compute with bfloat16 from here on."""
    detours.install(_in_float32, rank=2)


def _in_float32(record, call, args, kwargs):
    """Detour: run an operation on bfloat16 tensors in float32 and round what it returns."""
    if record.name in _AS_THEY_ARE or getattr(record, "view", False) or hasattr(call, "is_raw"):
        return NotImplemented
    ranks = ([], [])
    for t in _tensors((*args, *kwargs.values())):
        if t._array.dtype.kind in "fcV":
            ranks[0 if t._array.ndim else 1].append(t.dtype)
    if dtypes.bfloat16 not in ranks[0] and dtypes.bfloat16 not in ranks[1]:
        return NotImplemented
    target = dtypes.result_dtype(*ranks, ())
    named = [d for d in map(_as_dtype, (*args, *kwargs.values())) if d is not None]
    result = call(*_wider(args), **{k: v if k == "out" else _wider(v) for k, v in kwargs.items()})
    if kwargs.get("out") is not None or (named[0] if named else target) is not dtypes.bfloat16:
        return result
    return _rounded(result)


def _tensors(values):
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif type(value) in (list, tuple):
            yield from _tensors(value)


def _as_dtype(value):
    """Return the dtype that an argument names, or None."""
    if isinstance(value, dtypes.dtype):
        return value
    return dtypes.from_numpy_dtype(value) if isinstance(value, np.dtype) else None


def _wider(value):
    """Return an argument with float32 for bfloat16, in lists and tuples as well."""
    if isinstance(value, Tensor):
        return value.to(dtypes.float32) if value.dtype is dtypes.bfloat16 else value
    if type(value) in (list, tuple):
        return type(value)([_wider(v) for v in value])
    if _as_dtype(value) is dtypes.bfloat16:
        return dtypes.float32 if isinstance(value, dtypes.dtype) else dtypes.float32.numpy
    return value


def _rounded(result):
    """Return a result with bfloat16 for float32, in tuples as well."""
    if isinstance(result, Tensor):
        return result.to(dtypes.bfloat16) if result.dtype is dtypes.float32 else result
    if isinstance(result, tuple):
        items = [_rounded(item) for item in result]
        return type(result)(*items) if hasattr(result, "_fields") else tuple(items)
    return result
