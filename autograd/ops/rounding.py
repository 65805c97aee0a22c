"""Rounding, signs and neighbours of each element."""

from .. import dtypes
from ..op import op
from ..tensor import tensor_method

__all__ = ["fix", "positive"]


def _rounding(forward):
    """Make the record of a rounding function: integers stay as they are, the gradient is 0."""
    made = op(inplace=True, derivative="0", dtypes="integer/float -> same")(forward)
    made.vjp("input", lambda g: g * 0)
    return made


def _rounded(xp, function, input):
    if input.dtype.kind == "b":
        raise RuntimeError("rounding is not implemented for 'Bool'; convert with .int()")
    return function(input) if input.dtype.kind == "f" else input.copy()


@_rounding
def floor(xp, input):
    """Largest whole number not above each element.

    >>> import ember
    >>> ember.floor(ember.tensor([-1.5, 1.5]))
    tensor([-2.,  1.])
    """
    return _rounded(xp, xp.floor, input)


@_rounding
def ceil(xp, input):
    """Smallest whole number not below each element.

    >>> import ember
    >>> ember.ceil(ember.tensor([-1.5, 1.5]))
    tensor([-1.,  2.])
    """
    return _rounded(xp, xp.ceil, input)


@_rounding
def trunc(xp, input):
    """Each element without its fraction.

    >>> import ember
    >>> ember.trunc(ember.tensor([-1.5, 1.5]))
    tensor([-1.,  1.])
    """
    return _rounded(xp, xp.trunc, input)


@tensor_method
def fix(input, *, out=None):
    """Return `trunc(input)`."""
    return trunc(input, out=out)


@op(alone=True, name="round", inplace=True, derivative="0",
    namespaces=("torch", "Tensor", "special"), dtypes="integer/float -> same")
def round_(xp, input, *, decimals=0):
    """Each element to the nearest number with so many decimals; halves go to the even one.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.round.html

    >>> import ember
    >>> ember.round(ember.tensor([0.5, 1.5, 2.5]))
    tensor([0., 2., 2.])
    """
    if not decimals:
        return _rounded(xp, xp.rint, input)
    if input.dtype.kind != "f":
        raise NotImplementedError('"round_cpu" not implemented for integers with decimals')
    scale = 10.0 ** abs(decimals)
    return xp.rint(input * scale) / scale if decimals > 0 else xp.rint(input / scale) * scale


round_.vjp("input", lambda g: g * 0)


@op(inplace=True, derivative="g", dtypes="float -> same")
def frac(xp, input):
    """The fraction of each element, with the element's sign."""
    return input - xp.trunc(input)


frac.vjp("input", lambda g: g)


# -- signs ----------------------------------------------------------------------------------------


@op(cast=None, dtypes="real -> bool")
def signbit(xp, input):
    """Whether the sign is negative; true for −0.0 as well."""
    return xp.signbit(input) if input.dtype.kind == "f" else input < 0


@tensor_method
def positive(input):
    """Return the tensor itself.

    Raises:
        RuntimeError: for bools.
    """
    if input.dtype is dtypes.bool:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


@op(numbers=(2,), cast="float", inplace=True,
    derivative="∂input: g, negated where the sign was changed", dtypes="real -> float")
def copysign(xp, input, other):
    """Magnitude of input with the sign of other.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.copysign.html

    >>> import ember
    >>> ember.copysign(ember.tensor([1., -2.]), -1)
    tensor([-1., -2.])
    """
    return xp.copysign(input, other)


copysign.vjp("input", lambda xp, g, input, out: g * (xp.sign(out) * xp.sign(input)))
copysign.vjp("other", lambda g: g * 0)


@op(numbers=(), cast="promote", inplace=True, dtypes="real -> same")
def heaviside(xp, input, values):
    """Heaviside's step: 0 below zero, 1 above, the given values at zero.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.heaviside.html
    """
    if input.dtype is not values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    return xp.where(input == 0, values, (input > 0).astype(input.dtype))


@op(numbers=(), cast="promote", inplace=True, derivative="∂input: g; ∂other: 0",
    dtypes="float -> promoted")
def nextafter(xp, input, other):
    """The next floating point number after input in the direction of other."""
    return xp.nextafter(input, other)


nextafter.vjp("input", lambda xp, g, input, other: xp.where(input == other, 0, g))
nextafter.vjp("other", lambda g: g * 0)


# -- integers -------------------------------------------------------------------------------------


@op(cast="promote", inplace=True, dtypes="integer -> promoted")
def gcd(xp, input, other):
    """Greatest common divisor."""
    _only_integers("gcd", input)
    return xp.gcd(input, other)


@op(cast="promote", inplace=True, dtypes="integer -> promoted")
def lcm(xp, input, other):
    """Least common multiple."""
    _only_integers("lcm", input)
    return xp.abs(xp.lcm(input, other))


def _only_integers(name, input):
    if input.dtype.kind not in "iu":
        raise NotImplementedError(
            f'"{name}_cpu" not implemented for {input.dtype.name!r}; it takes integers')


# -- what is not a number -------------------------------------------------------------------------


@op(alone=True, inplace=True, derivative="g where input is finite", dtypes="real -> same")
def nan_to_num(xp, input, nan=None, posinf=None, neginf=None):
    """Elements with NaN and infinities replaced.

    Args:
        nan: for NaN, 0 by default; posinf, neginf: by default the largest and smallest number.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nan_to_num.html

    >>> import ember
    >>> ember.nan_to_num(ember.tensor([float("nan"), 1.]))
    tensor([0., 1.])
    """
    if input.dtype.kind != "f":
        return input.copy()
    limit = dtypes.finfo(dtypes.of(input)).max
    result = xp.where(input != input, 0.0 if nan is None else nan, input)
    result = xp.where(input == xp.inf, limit if posinf is None else posinf, result)
    return xp.where(input == -xp.inf, -limit if neginf is None else neginf, result)


nan_to_num.vjp("input", lambda xp, g, input: xp.where(xp.isfinite(input), g, 0.0))
