"""float16 and bfloat16 on the CPU: computed in float32, rounded once at the end.

PyTorch's CPU kernels do the same. NumPy must not be asked: it rounds after every step, so that
squares overflow and sums stall in float16, and bfloat16 is foreign to it: `array + 1.5` gives
float32. This module is at work only in programs that use these types; `dtypes` calls `begin` at
the first use. CuPy computes with float16 itself.
"""

import functools

import numpy as np

from . import detours, dtypes
from .tensor import Tensor

__all__ = ["begin", "rounded_once", "widened"]

# Operations that copy elements as they are.
_AS_THEY_ARE = frozenset(("cast", "clone", "overwritten", "zeros_with", "zeros_plus", "index"))
# Decompositions, which refuse halves as PyTorch's do.
_REFUSED = frozenset((
    "inv", "solve", "slogdet", "det", "cholesky", "qr", "svd", "svdvals", "eigh", "eigvalsh", "eig",
    "eigvals", "lu", "ldl", "geqrf"))
_LEFT_ALONE = _AS_THEY_ARE | _REFUSED
_HALVES = (dtypes.float16, dtypes.bfloat16)


def begin():
    """Compute with float16 and bfloat16 from here on."""
    detours.install(_in_float32, rank=2)


def rounded_once(function):
    """Decorate a function of several operations that PyTorch rounds only at the end."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        taken = _computed(function, args, kwargs) if detours.installed else NotImplemented
        return function(*args, **kwargs) if taken is NotImplemented else taken

    return call


def _in_float32(record, call, args, kwargs):
    """Detour: run an operation on halves in float32 and round what it returns."""
    if record.name in _LEFT_ALONE or getattr(record, "view", False) or hasattr(call, "is_raw"):
        return NotImplemented
    return _computed(call, args, kwargs)


def _computed(call, args, kwargs):
    values = (*args, *kwargs.values()) if kwargs else args
    ranks = ([], [])
    widens = False
    for t in _tensors(values):
        kind = t._array.dtype.kind
        if kind in "fcV":
            ranks[0 if t._array.ndim else 1].append(t.dtype)
            widens = widens or kind == "V" or _is_half(t)
    if not widens:
        return NotImplemented
    named = [d for d in map(_as_dtype, values) if d is not None]
    target = named[0] if named else dtypes.result_dtype(*ranks, ())
    result = call(*widened(args), **{k: v if k == "out" else widened(v) for k, v in kwargs.items()})
    if kwargs.get("out") is not None or target not in _HALVES:
        return result
    return _rounded(result, target)


def _is_half(tensor):
    """Tell whether a tensor is of a type that its array module does not compute with."""
    kind = tensor._array.dtype.kind
    return kind == "V" or tensor._array.dtype.char == "e" and tensor._xp.device_type != "cuda"


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


def widened(value):
    """Return an argument with float32 for halves, in lists and tuples as well."""
    if isinstance(value, Tensor):
        return value.to(dtypes.float32) if _is_half(value) else value
    if type(value) in (list, tuple):
        return type(value)([widened(v) for v in value])
    if _as_dtype(value) in _HALVES:
        return dtypes.float32 if isinstance(value, dtypes.dtype) else dtypes.float32.numpy
    return value


def _rounded(result, dtype):
    """Return a result with a half for float32, in tuples as well."""
    if isinstance(result, Tensor):
        return result.to(dtype) if result.dtype is dtypes.float32 else result
    if isinstance(result, tuple):
        items = [_rounded(item, dtype) for item in result]
        return type(result)(*items) if hasattr(result, "_fields") else tuple(items)
    return result
