"""Comparisons and tests: results are bool and carry no gradient."""

from .. import dtypes
from ..op import op
from ..tensor import tensor_method

__all__ = ["allclose", "equal"]


def _comparison(symbol, doc, dtypes="real -> bool"):
    """Make the record of a comparison from its forward."""
    def make(forward):
        forward.__doc__ = doc + " Shape: any, any -> broadcast. Result: bool."
        return op(label=symbol, cast="promote", inplace=True, numbers=(2,), dtypes=dtypes)(
            forward)

    return make


def _ordered(input, name):
    if input.dtype.kind == "c":
        raise NotImplementedError(
            f'"{name}" not implemented for complex numbers: they have no order')


@_comparison("=", "Whether elements are equal.", "any -> bool")
def eq(xp, input, other):
    return xp.equal(input, other)


@_comparison("≠", "Whether elements differ.", "any -> bool")
def ne(xp, input, other):
    return xp.not_equal(input, other)


@_comparison("<", "Whether elements of input are smaller.")
def lt(xp, input, other):
    _ordered(input, "lt")
    return xp.less(input, other)


@_comparison("≤", "Whether elements of input are smaller or equal.")
def le(xp, input, other):
    _ordered(input, "le")
    return xp.less_equal(input, other)


@_comparison(">", "Whether elements of input are greater.")
def gt(xp, input, other):
    _ordered(input, "gt")
    return xp.greater(input, other)


@_comparison("≥", "Whether elements of input are greater or equal.")
def ge(xp, input, other):
    _ordered(input, "ge")
    return xp.greater_equal(input, other)


@op(dtypes="any -> bool")
def isnan(xp, input):
    """Whether elements are NaN."""
    return input != input


@op(dtypes="any -> bool")
def isinf(xp, input):
    """Whether elements are infinite."""
    return xp.isinf(input)


@op(dtypes="any -> bool")
def isfinite(xp, input):
    """Whether elements are neither infinite nor NaN."""
    return xp.isfinite(input)


@op(cast=None, dtypes="real -> bool")
def isposinf(xp, input):
    """Whether elements are +infinity."""
    return xp.isinf(input) & (input > 0)


@op(cast=None, dtypes="real -> bool")
def isneginf(xp, input):
    """Whether elements are −infinity."""
    return xp.isinf(input) & (input < 0)


@op(inplace=True, dtypes="any -> bool")
def logical_not(xp, input):
    """Whether elements are zero."""
    return xp.logical_not(input)


@op(numbers=(), inplace=True, dtypes="any -> bool")
def logical_and(xp, input, other):
    """Whether both elements are non-zero."""
    return xp.logical_and(input, other)


@op(numbers=(), inplace=True, dtypes="any -> bool")
def logical_or(xp, input, other):
    """Whether at least one element is non-zero."""
    return xp.logical_or(input, other)


@op(numbers=(), inplace=True, dtypes="any -> bool")
def logical_xor(xp, input, other):
    """Whether exactly one element is non-zero."""
    return xp.logical_xor(input, other)


@op(cast="promote", numbers=(), dtypes="any -> bool")
def isclose(xp, input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether |input − other| ≤ atol + rtol · |other|.

    Shape: any, any -> broadcast.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.isclose.html
    """
    if rtol < 0 or atol < 0:
        raise RuntimeError("isclose: rtol and atol must be greater than or equal to zero, but got "
                           f"rtol = {rtol}, atol = {atol}")
    if input.dtype != other.dtype:
        raise RuntimeError(f"{dtypes.of(input).title} did not match {dtypes.of(other).title}")
    close = input == other
    if input.dtype.kind not in "fc":
        if not rtol and not atol:
            return close
        input, other = input.astype(xp.float64), other.astype(xp.float64)
    if equal_nan:
        close = close | ((input != input) & (other != other))
    gap = xp.abs(input - other)
    return close | (xp.isfinite(gap) & (gap <= atol + xp.abs(rtol * other)))


@tensor_method
def allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Return whether all elements are close, as a Python bool.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.allclose.html

    >>> import ember
    >>> ember.allclose(ember.tensor([1.0]), ember.tensor([1.0 + 1e-9]))
    True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@tensor_method
def equal(input, other):
    """Return whether two tensors have the same shape and elements, as a Python bool.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.equal.html

    >>> import ember
    >>> ember.equal(ember.tensor([1, 2]), ember.tensor([1, 2]))
    True
    """
    return input.shape == other.shape and bool(eq(input, other).all())


@op(dtypes="any -> bool")
def isreal(xp, input):
    """Whether elements have no imaginary part."""
    return input.imag == 0 if input.dtype.kind == "c" else xp.ones(input.shape, bool)
