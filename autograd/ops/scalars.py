"""Python numbers written into tensors: cast to the dtype, refused where they do not fit."""

import numpy as np

__all__ = []

_C_NAMES = {"int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "int32": "int",
            "int64": "int64_t", "float16": "at::Half", "float32": "float", "float64": "double",
            "bool": "bool"}
_SAFE = 65504  # every floating point type holds numbers up to this one


def checked(value, dtype):
    """Return a Python number as a NumPy scalar of a NumPy dtype.

    Raises:
        RuntimeError: when the dtype cannot hold the number.
    """
    kind = dtype.kind
    if kind in "fV":
        if type(value) is not complex and -_SAFE <= value <= _SAFE:
            return dtype.type(value)
        if type(value) is complex:
            if value.imag:
                raise _overflow(dtype)
            value = value.real
        with np.errstate(over="ignore"):
            number = dtype.type(value)
        if np.isinf(number) and value not in (np.inf, -np.inf):
            raise _overflow(dtype)
        return number
    if kind == "b":
        return np.bool_(value)
    if kind == "c":
        return dtype.type(value)
    if type(value) is complex:
        if value.imag:
            raise _overflow(dtype)
        value = value.real
    try:
        whole = int(value)
    except (ValueError, OverflowError):
        raise _overflow(dtype) from None
    limits = np.iinfo(dtype)
    if kind == "u" and -limits.max <= whole < 0:
        whole += limits.max + 1
    if not limits.min <= whole <= limits.max:
        raise _overflow(dtype)
    return dtype.type(whole)


def _overflow(dtype):
    return RuntimeError(
        f"value cannot be converted to type {_C_NAMES.get(dtype.name, dtype.name)} "
        "without overflow")
