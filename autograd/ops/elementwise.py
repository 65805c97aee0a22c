"""Elementwise arithmetic and powers."""

from .. import dtypes
from ..op import op
from ..tensor import Tensor

# -- arithmetic ---------------------------------------------------------------------------------


@op(name="add", label="+", cast="promote", inplace=True, only_numbers=True,
    derivative="∂input: g; ∂other: g")
def plus(xp, input, other):
    """Sum of two tensors, with broadcasting. Shape: any, any -> broadcast."""
    return input + other


def _as_it_is(g):
    return g


plus.vjp("input", _as_it_is)
plus.vjp("other", _as_it_is)


def _refuse_bool(*kinds):
    if dtypes.bool in kinds:
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are "
            "trying to invert a mask, use the `~` or `logical_not()` operator instead.")


@op(name="sub", label="−", cast="promote", inplace=True, only_numbers=True, check=_refuse_bool,
    derivative="∂input: g; ∂other: −g",
    dtypes="number -> promoted")
def minus(xp, input, other):
    """Difference of two tensors, with broadcasting. Shape: any, any -> broadcast."""
    if input.dtype.kind == "b":
        _refuse_bool(dtypes.bool)
    return input - other


minus.vjp("input", lambda g: g)
minus.vjp("other", lambda g: -g)


def _scaled(input, other, alpha):
    """Return alpha · other."""
    kinds = [t.dtype.category if isinstance(t, Tensor) else dtypes.of_number(t).category
             for t in (input, other)]
    if isinstance(alpha, float) and max(kinds) < 2:
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating "
                           "point number.")
    return other * alpha


@plus.op.public
def add(input, other, *, alpha=1, out=None):
    """Return input + alpha · other, with broadcasting.

    >>> import ember
    >>> ember.add(ember.tensor([1, 2]), 10, alpha=2)
    tensor([21, 22])
    """
    return plus(input, other if alpha == 1 else _scaled(input, other, alpha), out=out)


@minus.op.public
def sub(input, other, *, alpha=1, out=None):
    """Return input − alpha · other, with broadcasting.

    >>> import ember
    >>> ember.sub(ember.tensor([1., 2.]), 1)
    tensor([0., 1.])
    """
    return minus(input, other if alpha == 1 else _scaled(input, other, alpha), out=out)


@op(label="×", cast="promote", inplace=True, only_numbers=True,
    derivative="∂input: g · other; ∂other: g · input")
def mul(xp, input, other):
    """Product of two tensors, with broadcasting. Shape: any, any -> broadcast."""
    return input * other


mul.vjp("input", lambda g, other: g * other)
mul.vjp("other", lambda g, input: g * input)


@op(name="div", label="÷", cast="float", inplace=True, only_numbers=True,
    derivative="∂input: g / other; ∂other: −g · out / other")
def true_div(xp, input, other):
    """Quotient of two tensors, with broadcasting; integers give floats."""
    return xp.true_divide(input, other)


true_div.vjp("input", lambda g, other: g / other)
true_div.vjp("other", lambda g, input, other: -g * ((input / other) / other))


@true_div.op.public
def div(input, other, *, rounding_mode=None, out=None):
    """Return input / other, optionally rounded ("trunc" or "floor").

    >>> import ember
    >>> ember.div(ember.tensor([7, -7]), 2, rounding_mode="floor")
    tensor([ 3, -4])
    """
    if rounding_mode is None:
        return true_div(input, other, out=out)
    if rounding_mode == "floor":
        return floor_divide(input, other, out=out)
    if rounding_mode == "trunc":
        return trunc_divide(input, other, out=out)
    raise RuntimeError("div expected rounding_mode to be one of None, 'trunc', or 'floor' but "
                       f"found '{rounding_mode}'")


@op(label="//", cast="promote", inplace=True, only_numbers=True, derivative="0",
    dtypes="integer/float -> promoted")
def floor_divide(xp, input, other):
    """Quotient rounded towards minus infinity."""
    _no_integer_zero(xp, other)
    return xp.floor_divide(input, other)


floor_divide.vjp("input", lambda g: g * 0)
floor_divide.vjp("other", lambda g: g * 0)


@op(cast="promote", derivative="0", namespaces=(), only_numbers=True)
def trunc_divide(xp, input, other):
    """Quotient rounded towards zero."""
    if input.dtype.kind in "fc":
        return xp.trunc(input / other)
    _no_integer_zero(xp, other)
    quotient = xp.floor_divide(input, other)
    return (quotient + ((quotient < 0) & (quotient * other != input))).astype(quotient.dtype)


trunc_divide.vjp("input", lambda g: g * 0)
trunc_divide.vjp("other", lambda g: g * 0)


def _no_integer_zero(xp, other):
    if type(other) is float or other.dtype.kind not in "iu":
        return
    if not xp.to_host(xp.all(other != 0)):
        raise RuntimeError("ZeroDivisionError: integer division by zero")


@op(label="%", cast="promote", inplace=True, derivative="∂input: g; ∂other: −g · ⌊input/other⌋",
    dtypes="integer/float -> promoted")
def remainder(xp, input, other):
    """Remainder of division; its sign is the divisor's."""
    _no_integer_zero(xp, other)
    return xp.remainder(input, other)


remainder.vjp("input", lambda g: g)
remainder.vjp("other", lambda xp, g, input, other: -g * xp.floor(input / other))


@op(numbers=(2,), cast="promote", inplace=True,
    derivative="∂input: g; ∂other: −g · trunc(input/other)", dtypes="integer/float -> promoted")
def fmod(xp, input, other):
    """Remainder of division; its sign is the dividend's."""
    _no_integer_zero(xp, other)
    return xp.fmod(input, other)


fmod.vjp("input", lambda g: g)
fmod.vjp("other", lambda xp, g, input, other: -g * xp.trunc(input / other))


@op(name="pow", label="^", cast="promote", inplace=True,
    derivative="∂input: g · other · input^(other−1); ∂other: g · out · ln input",
    dtypes="number -> promoted")
def power(xp, input, other):
    """Input to the power of the exponent, elementwise."""
    if other.dtype.kind == "i" if hasattr(other, "dtype") else isinstance(other, int):
        return _integer_power(xp, input, other)
    if input.dtype.kind == "b":
        return input | ~other
    if type(other) is float and other in (2.0, 3.0):  # twenty times as fast as general powers
        square = input * input
        return square if other == 2.0 else square * input
    return input ** other


def _integer_power(xp, base, exponent):
    """Integer powers; a negative exponent gives 0 unless the base is ±1, as in PyTorch."""
    negative = exponent < 0
    if base.dtype.kind not in "iu" or not xp.to_host(xp.any(negative)):
        return xp.power(base, exponent)
    positive = xp.power(base, xp.where(negative, -exponent, exponent))
    inverse = xp.where(base == 1, 1, xp.where(base == -1, positive, 0))
    return xp.where(negative, inverse, positive).astype(base.dtype)


def _pow_input(xp, g, input, other):
    if isinstance(other, (int, float)):
        if other == 0:
            return g * 0
        return g * (input * 2 if other == 2 else other * input ** (other - 1))
    return xp.where(other == 0, 0.0, g * (other * input ** xp.where(other == 0, 1, other - 1)))


def _pow_other(xp, g, input, other, out):
    flat = (input == 0) & (other.real >= 0)
    return g * xp.where(flat, 0.0, out * xp.log(xp.where(flat, 1, input)))


power.vjp("input", _pow_input)
power.vjp("other", _pow_other)


@power.op.public
def pow(input, exponent=None, *, out=None, **kwargs):
    """Return input to the power of exponent; either may be a number.

    >>> import ember
    >>> ember.pow(ember.tensor([1., 2., 3.]), 2)
    tensor([1., 4., 9.])
    """
    if exponent is None:
        exponent = kwargs.pop("other")
    if not isinstance(exponent, Tensor) and isinstance(input, Tensor):
        if isinstance(exponent, int) and input._array.dtype.kind in "fV":
            exponent = float(exponent)
        elif (isinstance(exponent, int) and exponent < 0 and input._array.dtype.kind in "iu"):
            raise RuntimeError("Integers to negative integer powers are not allowed.")
    return power(input, exponent, out=out)


@op(label="−", cast=None, inplace=True, derivative="−g", dtypes="number -> same")
def neg(xp, input):
    """Negative of each element."""
    if input.dtype.kind == "b":
        raise RuntimeError("Negation, the `-` operator, on a bool tensor is not supported. If you "
                           "are trying to invert a mask, use the `~` or `logical_not()` operator.")
    return -input


neg.vjp("input", lambda g: -g)


@op(label="|x|", inplace=True, derivative="g · sign(input)", dtypes="number -> real part")
def abs(xp, input):
    """Absolute value."""
    return xp.abs(input)


abs.vjp("input", lambda xp, g, input: g * xp.sign(input))


def _signs(xp, input):
    if input.dtype.kind == "b":
        return input.copy()
    sign = xp.sign(input)
    return xp.where(input != input, 0.0, sign) if input.dtype.kind == "f" else sign


@op(inplace=True, derivative="0", dtypes="real -> same")
def sign(xp, input):
    """Sign of each element: −1, 0 or 1; 0 for NaN."""
    if input.dtype.kind == "c":
        raise NotImplementedError("Unlike NumPy, torch.sign is not intended to support complex "
                                  "numbers. Please use torch.sgn instead.")
    return _signs(xp, input)


sign.vjp("input", lambda g: g * 0)


@op(inplace=True, adjoint=True,
    derivative="0 for real numbers; (g − out · Re(conj(g) · out)) / |input|, 0 at 0")
def sgn(xp, input):
    """Sign of each element, for complex ones input / |input|; 0 at 0.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.sgn.html
    """
    return _signs(xp, input)


def _sgn_input(xp, g, input, out):
    if getattr(input, "_array", input).dtype.kind != "c":
        return g * 0
    size = xp.abs(input)
    across = g - out * (g.conj() * out).real
    return xp.where(size == 0, 0.0, across / xp.where(size == 0, 1.0, size))


sgn.vjp("input", _sgn_input)
