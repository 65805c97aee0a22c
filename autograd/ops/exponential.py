"""Roots, exponentials and logarithms of each element."""

import math

from .. import dtypes, return_types
from ..arguments import need_tensors
from ..op import op
from ..tensor import Tensor, tensor_method
from .elementwise import mul, pow

__all__ = ["float_power", "ldexp"]


@op(cast="float", inplace=True, label="√", derivative="g / (2 · out)", compiled=True)
def sqrt(xp, input):
    """Square root."""
    return xp.sqrt(input)


sqrt.vjp("input", lambda g, out: g / (2 * out))


@op(cast="float", inplace=True, derivative="−g · out³ / 2")
def rsqrt(xp, input):
    """Reciprocal of the square root."""
    return 1 / xp.sqrt(input)


rsqrt.vjp("input", lambda g, out: -0.5 * g * out * out * out)


@op(inplace=True, label="x²", derivative="2 · g · input", dtypes="any -> same or int64 of bools")
def square(xp, input):
    """Square of each element; of bools in int64."""
    return input * input if input.dtype.kind != "b" else input.astype(int)


square.vjp("input", lambda g, input: g * (2 * input))


@op(cast="float", inplace=True, label="1/x", derivative="−g · out²")
def reciprocal(xp, input):
    """One divided by each element."""
    return 1 / input


reciprocal.vjp("input", lambda g, out: -g * (out * out))


@op(cast="float", inplace=True, derivative="g · out", compiled=True)
def exp(xp, input):
    """Exponential of each element."""
    return xp.exp(input)


exp.vjp("input", lambda g, out: g * out)


@op(cast="float", inplace=True, derivative="g · out · ln 2")
def exp2(xp, input):
    """Two to the power of each element."""
    return xp.exp2(input)


exp2.vjp("input", lambda g, out: g * out * math.log(2))


@op(cast="float", inplace=True, derivative="g · (out + 1)", compiled=True)
def expm1(xp, input):
    """exp(x) − 1, exact near zero."""
    return xp.expm1(input)


expm1.vjp("input", lambda g, out: g * (out + 1))


@op(cast="float", inplace=True, derivative="g / input", compiled=True)
def log(xp, input):
    """Natural logarithm."""
    return xp.log(input)


log.vjp("input", lambda g, input: g / input)


@op(cast="float", inplace=True, derivative="g / (input · ln 2)")
def log2(xp, input):
    """Logarithm to base 2."""
    return xp.log2(input)


log2.vjp("input", lambda g, input: g / (input * math.log(2)))


@op(cast="float", inplace=True, derivative="g / (input · ln 10)")
def log10(xp, input):
    """Logarithm to base 10."""
    return xp.log10(input)


log10.vjp("input", lambda g, input: g / (input * math.log(10)))


@op(cast="float", inplace=True, derivative="g / (input + 1)", compiled=True)
def log1p(xp, input):
    """ln(1 + x), exact near zero."""
    return xp.log1p(input)


log1p.vjp("input", lambda g, input: g / (input + 1))


# -- of two tensors -------------------------------------------------------------------------------


@op(numbers=(), cast="float", label="log(eˣ + eʸ)",
    derivative="∂input: g · exp(input − out); ∂other: g · exp(other − out)",
    dtypes="float/complex -> promoted")
def logaddexp(xp, input, other):
    """Logarithm of the sum of two exponentials, without overflow.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.logaddexp.html
    """
    if input.dtype.kind == "c":
        return xp.complex_logaddexp(input, other)
    return xp.logaddexp(input, other)


logaddexp.vjp("input", lambda xp, g, input, other: g / (1 + xp.exp(other - input)))
logaddexp.vjp("other", lambda xp, g, input, other: g / (1 + xp.exp(input - other)))


@op(numbers=(), cast="float", label="log₂(2ˣ + 2ʸ)",
    derivative="∂input: g · 2^(input − out); ∂other: g · 2^(other − out)",
    dtypes="float -> promoted")
def logaddexp2(xp, input, other):
    """Logarithm to base 2 of the sum of two powers of 2, without overflow.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.logaddexp2.html
    """
    return xp.logaddexp2(input, other)


logaddexp2.vjp("input", lambda xp, g, input, other: g / (1 + xp.exp2(other - input)))
logaddexp2.vjp("other", lambda xp, g, input, other: g / (1 + xp.exp2(input - other)))


def _times_logarithm(xp, logarithm, x, y):
    """x · logarithm(y), where 0 · anything but NaN is 0."""
    return xp.where((x == 0) & (y == y), 0.0, x * logarithm(y))


@op(cast="float", name="xlogy", namespaces=("torch", "Tensor", "special"), inplace=True,
    label="x ln y", derivative="∂input: g · ln other; ∂other: g · input / other",
    dtypes="real -> float")
def _xlogy(xp, input, other):
    """input · ln(other), 0 where input is 0."""
    return _times_logarithm(xp, xp.log, input, other)


@op(cast="float", name="xlog1py", namespaces=("special",), label="x ln(1 + y)",
    derivative="∂input: g · ln(1 + other); ∂other: g · input / (1 + other)", dtypes="real -> float")
def _xlog1py(xp, input, other):
    """input · ln(1 + other), 0 where input is 0."""
    return _times_logarithm(xp, xp.log1p, input, other)


_xlogy.vjp("input", lambda xp, g, input, other: g * xp.where(
    (input == 0) & (other <= 0), 0.0, xp.log(other)))
_xlogy.vjp("other", lambda g, input, other: g * input / other)
_xlog1py.vjp("input", lambda xp, g, input, other: g * xp.where(
    (input == 0) & (other <= -1), 0.0, xp.log1p(other)))
_xlog1py.vjp("other", lambda g, input, other: g * input / (1 + other))


def _as_operand(input, other):
    """Return a Python number as a 0-d tensor, so that formulas may take its logarithm."""
    if isinstance(other, Tensor) or not isinstance(input, Tensor):
        return other
    dtype = input.dtype if input.dtype.is_floating_point else dtypes.get_default_dtype()
    return Tensor._wrap(input._xp.from_host(dtype.numpy.type(other)), input._xp)


@_xlogy.op.public
def xlogy(input, other, *, out=None):
    """Return input · ln(other), and 0 where input is 0 (unless other is NaN).

    Source: https://docs.pytorch.org/docs/stable/special.html#torch.special.xlogy

    >>> import ember
    >>> ember.xlogy(ember.tensor([0., 2.]), ember.tensor([0., 1.]))
    tensor([0., 0.])
    """
    return _xlogy(input, _as_operand(input, other), out=out)


@_xlog1py.op.public
def xlog1py(input, other, *, out=None):
    """Return input · ln(1 + other), and 0 where input is 0 (unless other is NaN).

    Source: https://docs.pytorch.org/docs/stable/special.html#torch.special.xlog1py
    """
    return _xlog1py(input, _as_operand(input, other), out=out)


# -- binary exponents -----------------------------------------------------------------------------


@op(several=True, derivative="∂mantissa: g / 2^exponent", dtypes="float -> same, int32")
def frexp(xp, input):
    """Split each element into a mantissa in ±[0.5, 1) and an exponent (int32) of 2.

    Shape: any -> same, same.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.frexp.html

    >>> import ember
    >>> ember.frexp(ember.tensor([8., 3.])).exponent
    tensor([4, 2], dtype=torch.int32)
    """
    mantissa, exponent = xp.frexp(input)
    return return_types.frexp(mantissa, exponent)


frexp.vjp("input", lambda xp, g, out: g[0] / xp.exp2(out[1]))


@tensor_method
def ldexp(input, other, *, out=None):
    """Return input · 2^other.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.ldexp.html

    >>> import ember
    >>> ember.ldexp(ember.tensor([1.]), ember.tensor([1, 2, 3]))
    tensor([2., 4., 8.])
    """
    need_tensors("ldexp", input=input)
    return mul(input, pow(2.0, other), out=out)


@tensor_method
def float_power(input, exponent, *, out=None):
    """Return input to the power of exponent, both in float64.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.float_power.html
    """
    wide = dtypes.float64
    if any(v.dtype.is_complex if isinstance(v, Tensor) else isinstance(v, complex)
           for v in (input, exponent)):
        wide = dtypes.complex128
    base, exponent = [v.to(wide) if isinstance(v, Tensor) else v for v in (input, exponent)]
    if not isinstance(base, Tensor) and base == 1:  # as pow does, whatever the exponent is
        return exponent.new_ones(exponent.shape)
    return pow(base, exponent, out=out)
