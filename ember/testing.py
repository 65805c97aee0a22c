"""PyTorch's torch.testing: comparing tensors in tests, and random tensors to test with.

PyTorch page: https://docs.pytorch.org/docs/stable/testing.html
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from . import autograd as _autograd
from .autograd import Tensor
from .autograd.creation import empty, full
from .autograd.dtypes import promote_types
from .autograd.from_data import as_tensor

__all__ = ["assert_close", "make_tensor"]

# Relative and absolute tolerances, as PyTorch's page lists them; other dtypes must be equal.
_TOLERANCES = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5),
               "float64": (1e-7, 1e-7), "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7)}


def assert_close(actual, expected, *, allow_subclasses=True, rtol=None, atol=None,
                 equal_nan=False, check_device=True, check_dtype=True, check_layout=True,
                 check_stride=False, msg=None):
    """Raise unless two tensors (numbers, arrays, sequences or mappings of them) are close.

    Close means |actual − expected| ≤ atol + rtol · |expected|, with tolerances that depend on
    the dtype unless given.
    Args:
        rtol, atol: both or neither. equal_nan: whether NaNs are equal.
        check_device, check_dtype, check_stride: whether these must be the same.
        msg: the error's text, or a function of the text that would be raised.
    Raises:
        AssertionError: with the number of differing elements and the greatest differences.
        ValueError: when only one tolerance is given.
    Source: https://docs.pytorch.org/docs/stable/testing.html

    >>> import ember
    >>> ember.testing.assert_close(ember.tensor(1.0) / 3 * 3, ember.tensor(1.0))
    """
    if (rtol is None) != (atol is None):
        raise ValueError("rtol and atol must both be specified or both be unspecified, but got "
                         f"{rtol=} and {atol=}")
    checks = {"rtol": rtol, "atol": atol, "equal_nan": equal_nan, "check_device": check_device,
              "check_dtype": check_dtype, "check_stride": check_stride}
    failure = _difference(actual, expected, checks)
    if failure:
        raise AssertionError(msg(failure) if callable(msg) else msg or failure)


def _difference(actual, expected, checks, place=""):
    """Return what differs as text; None when all is close."""
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        if actual.keys() != expected.keys():
            return f"The keys of the mappings do not match: {list(actual)} and {list(expected)}"
        pairs = [(key, actual[key], expected[key]) for key in expected]
    elif _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            return (f"The length of the sequences mismatch: {len(actual)} != {len(expected)}"
                    + (f"\n\nThe failure occurred for item {place}" if place else ""))
        pairs = [(i, *pair) for i, pair in enumerate(zip(actual, expected))]
    else:
        failure = _tensor_difference(actual, expected, checks)
        where = f"\n\nThe failure occurred for item {place}" if place else ""
        return failure and failure + where
    found = (_difference(a, b, checks, f"{place}[{key!r}]") for key, a, b in pairs)
    return next(filter(None, found), None)


def _is_sequence(value):
    return isinstance(value, Sequence) and not isinstance(value, str)


def _tensor_difference(actual, expected, checks):
    """Return what differs between two tensors or numbers; None when they are close."""
    kind = "Tensor-likes" if isinstance(expected, (Tensor, np.ndarray)) else "Scalars"
    if not isinstance(expected, (Tensor, np.ndarray)):
        checks = checks | {"check_dtype": False}
    a, b = (as_tensor(x).detach() for x in (actual, expected))
    for name, theirs, ours in (
            ("shape", a.shape, b.shape), ("device", a.device, b.device),
            ("dtype", a.dtype, b.dtype), ("stride", a.stride(), b.stride())):
        if checks.get("check_" + name, True) and theirs != ours:
            shown = (list(theirs), list(ours)) if name == "shape" else (theirs, ours)
            return (f"The values for attribute '{name}' do not match: {shown[0]} != {shown[1]}.")
    rtol, atol = _tolerances(a.dtype, b.dtype, checks)
    dtype = promote_types(a.dtype, b.dtype)
    wide = np.complex128 if dtype.is_complex else np.float64
    x, y = (np.asarray(_autograd.tensor.host_data(t.to(dtype))) for t in (a, b))
    if dtype.is_floating_point or dtype.is_complex:
        x, y = x.astype(wide), y.astype(wide)
    with np.errstate(all="ignore"):
        close = (x == y) | np.isclose(x, y, rtol, atol, equal_nan=checks["equal_nan"])
        if close.all():
            return None
        absolute = np.abs(x.astype(wide) - y.astype(wide))
        relative = absolute / np.abs(y.astype(wide))
    return _report(kind, close, (absolute, atol), (relative, rtol))


def _tolerances(left, right, checks):
    if checks["rtol"] is not None:
        return checks["rtol"], checks["atol"]
    known = [_TOLERANCES.get(dtype.name, (0.0, 0.0)) for dtype in (left, right)]
    return max(known)


def _report(kind, close, absolute, relative):
    equal = not (absolute[1] or relative[1])
    lines = [f"{kind} are not {'equal' if equal else 'close'}!", ""]
    if close.ndim:
        wrong = int((~close).sum())
        lines.append(f"Mismatched elements: {wrong} / {close.size} ({wrong / close.size:.1%})")
    for name, (values, allowed) in (("absolute", absolute), ("relative", relative)):
        values = np.where(close, -math.inf, np.where(np.isnan(values), math.inf, values))
        at = np.unravel_index(int(values.argmax()), values.shape) if values.ndim else ()
        greatest = float(values[at]) if values.ndim else float(values)
        place = f" at index {tuple(map(int, at))}" if values.ndim else ""
        limit = "" if equal else f" (up to {allowed} allowed)"
        lines.append(f"Greatest {name} difference: {greatest}{place}{limit}")
    return "\n".join(lines)


def make_tensor(*shape, dtype, device, low=None, high=None, requires_grad=False,
                noncontiguous=False, exclude_zero=False, memory_format=None):
    """Return a tensor of uniform random elements, by default in [−9, 9] (booleans in {0, 1}).

    Args:
        shape: sizes, or one sequence of them. dtype, device: of the result.
        low, high: limits; high is left out. requires_grad: as elsewhere.
        noncontiguous: whether the elements shall have gaps between them.
        exclude_zero: replaces zeros by the smallest step.
    Raises:
        ValueError: when low is not below high, or an integer tensor is to require a gradient.
    Source: https://docs.pytorch.org/docs/stable/testing.html
    """
    if len(shape) == 1 and isinstance(shape[0], Sequence):
        shape = tuple(shape[0])
    exact = not (dtype.is_floating_point or dtype.is_complex)
    if requires_grad and exact:
        raise ValueError(f"`requires_grad=True` is not supported for the dtype {dtype}")
    is_bool = dtype is _autograd.dtypes.bool
    low = (0 if is_bool or not dtype.is_signed else -9) if low is None else low
    high = (2 if is_bool else 10 if exact else 9) if high is None else high
    if not low < high:
        raise ValueError(f"make_tensor needs low < high, but got {low} and {high}")
    room = (*shape[:-1], shape[-1] * 2) if noncontiguous and shape else shape
    if dtype.is_complex:
        parts = [empty(room, device=device).uniform_(low, high) for _ in range(2)]
        made = (parts[0] + 1j * parts[1]).to(dtype)
    elif exact:
        made = empty(room, dtype=_autograd.dtypes.int64, device=device).random_(
            math.ceil(low), math.ceil(high)).to(dtype)
    else:
        wide = _autograd.dtypes.float64 if dtype is _autograd.dtypes.float64 else None
        made = empty(room, dtype=wide, device=device).uniform_(low, high).to(dtype)
    if room is not shape:
        made = made[..., ::2]
    if exclude_zero:
        step = 1 if exact else _autograd.dtypes.finfo(dtype).tiny
        made = made.where(made != 0, full((), step, dtype=dtype, device=device))
    return made.requires_grad_(requires_grad)
