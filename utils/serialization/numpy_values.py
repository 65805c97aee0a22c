"""NumPy's scalars and arrays in pickled data: of plain numbers only, never of objects."""

import math
import re

import numpy as np

from .errors import LoadError

__all__ = ["BUILDERS", "fill", "is_value", "parts"]

_NUMBERS = re.compile("b1|[iu][1248]|f[248]|c(8|16)")


def _dtype(code, align=False, copy=True):
    if type(code) is not str or not _NUMBERS.fullmatch(code):
        raise LoadError("the file holds NumPy data of another type than numbers")
    return np.dtype(code)


def _scalar(dtype, data):
    if not isinstance(dtype, np.dtype) or type(data) is not bytes or len(data) != dtype.itemsize:
        raise LoadError("the file is damaged or forged: a NumPy number of another size")
    return np.frombuffer(data, dtype)[0]


def _reconstruct(kind, shape, code):
    if getattr(kind, "path", None) != "numpy.ndarray":
        raise LoadError("the file is damaged or forged: an array of another class")
    return np.empty(0, np.uint8)


BUILDERS = {
    "numpy.dtype": _dtype,
    "numpy.ndarray": None,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy.core.multiarray._reconstruct": _reconstruct,
    "numpy._core.multiarray._reconstruct": _reconstruct,
}


def is_value(target):
    """Return whether an object is a NumPy dtype or array."""
    return isinstance(target, (np.dtype, np.ndarray))


def fill(target, state):
    """Give a dtype its byte order, or an array its contents; return it."""
    if isinstance(target, np.dtype):
        if type(state) is not tuple or len(state) < 2 or state[1] not in ("<", "|", "="):
            raise LoadError("the file holds NumPy data in big-endian order")
        return target
    version, shape, dtype, fortran, data = state
    fits = (type(shape) is tuple and all(type(n) is int and n >= 0 for n in shape)
            and isinstance(dtype, np.dtype) and type(data) is bytes
            and math.prod(shape) * dtype.itemsize == len(data))
    if not fits:
        raise LoadError("the file is damaged or forged: a NumPy array of another size")
    target.__setstate__((1, shape, dtype, bool(fortran), data))
    return target


def parts(value):
    """Return how a NumPy value is written: the name to call, its arguments, what to fill in.

    Raises:
        TypeError: for values that hold something else than numbers.
    """
    dtype = value if isinstance(value, np.dtype) else value.dtype
    if not dtype.isnative or not _NUMBERS.fullmatch(dtype.str[1:]):
        raise TypeError(f"NumPy data of type {dtype}")
    if dtype is value:
        order = "|" if dtype.itemsize == 1 else "<"
        return "numpy.dtype", (dtype.str[1:], False, True), (3, order, *3 * (None,), -1, -1, 0)
    if isinstance(value, np.generic):
        return "numpy._core.multiarray.scalar", (dtype, value.tobytes()), None
    return ("numpy._core.multiarray._reconstruct", (np.ndarray, (0,), b"b"),
            (1, value.shape, dtype, False, value.tobytes()))
