"""Special functions: error functions, gamma and Bessel functions and their kin.

`ember.special` lists them all; those that `torch` itself has too are in both places.
Source: https://docs.pytorch.org/docs/stable/special.html
"""

import math

from ..op import op
from ..tensor import Tensor, tensor_method

__all__ = ["mvlgamma"]

_BOTH = ("torch", "Tensor", "special")
_SPECIAL = ("special",)


def _function(name, doc, namespaces=_SPECIAL, derivative="", formula=None, backend_name=None):
    """Make the record of a function of one tensor that the backend computes."""
    def forward(xp, input):
        return getattr(xp, backend_name or name)(input).astype(input.dtype, copy=False)

    forward.__doc__ = doc
    forward.__module__ = __name__
    made = op(name=name, cast="float", namespaces=namespaces, derivative=derivative,
              inplace="Tensor" in namespaces, dtypes="real -> float")(forward)
    if formula is not None:
        made.vjp("input", formula)
    return made


# -- error functions ------------------------------------------------------------------------------

_TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)

erf = _function(
    "erf", "Error function 2/√π · ∫ exp(−t²) from 0 to each element.", _BOTH,
    "g · 2/√π · exp(−input²)",
    lambda xp, g, input: g * (xp.exp(-(input * input)) * _TWO_OVER_ROOT_PI))
erfc = _function(
    "erfc", "1 − erf, exact for large elements.", _BOTH, "−g · 2/√π · exp(−input²)",
    lambda xp, g, input: g * (xp.exp(-(input * input)) * -_TWO_OVER_ROOT_PI))
erfinv = _function(
    "erfinv", "Inverse of the error function.", _BOTH, "g · √π/2 · exp(out²)",
    lambda xp, g, out: g * (xp.exp(out * out) / _TWO_OVER_ROOT_PI))
erfcx = _function(
    "erfcx", "exp(x²) · erfc(x), without overflow.", _SPECIAL, "g · (2 · input · out − 2/√π)",
    lambda g, input, out: g * (2 * input * out - _TWO_OVER_ROOT_PI))
ndtr = _function(
    "ndtr", "Area under the normal density up to each element.", _SPECIAL,
    "g · exp(−input²/2) / √2π",
    lambda xp, g, input: g * (xp.exp(input * input * -0.5) / math.sqrt(2 * math.pi)))
ndtri = _function(
    "ndtri", "Inverse of `ndtr`.", _SPECIAL, "g · √2π · exp(out²/2)",
    lambda xp, g, out: g * (xp.exp(out * out * 0.5) * math.sqrt(2 * math.pi)))
log_ndtr = _function(
    "log_ndtr", "Logarithm of `ndtr`, exact for small areas.", _SPECIAL,
    "g · √(2/π) / erfcx(−input/√2)",
    lambda xp, g, input: g / xp.erfcx(input * -math.sqrt(0.5)) * math.sqrt(2 / math.pi))

# -- gamma functions ------------------------------------------------------------------------------

digamma = _function(
    "digamma", "Derivative of `lgamma`.", _BOTH, "g · polygamma(1, input)",
    lambda xp, g, input: g * xp.polygamma(1, input))


@op(cast="float", namespaces=_BOTH, inplace=True, derivative="g · digamma(input)",
    dtypes="real -> float")
def lgamma(xp, input):
    """Logarithm of the absolute value of the gamma function."""
    value = xp.lgamma(input).astype(input.dtype, copy=False)
    return xp.where(value == -math.inf, math.inf, value)  # SciPy's for -inf


lgamma.vjp("input", lambda xp, g, input: g * xp.digamma(input))


@op(name="polygamma", cast="float", promoted=("input",), inplace=False,
    derivative="g · polygamma(n + 1, input)", dtypes="real -> float")
def _polygamma(xp, input, n):
    """The n-th derivative of `digamma`."""
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return xp.polygamma(n, input).astype(input.dtype, copy=False)


_polygamma.vjp("input", lambda xp, g, input, n: g * xp.polygamma(n + 1, input))


@_polygamma.op.public
def polygamma(n, input, *, out=None):
    """Return the n-th derivative of `digamma`; as a method, `input.polygamma(n)`.

    Source: https://docs.pytorch.org/docs/stable/special.html#torch.special.polygamma
    """
    return _polygamma(input, n, out=out)


Tensor.polygamma = lambda self, n: _polygamma(self, n)


@tensor_method
def mvlgamma(input, p, *, out=None):
    """Return the logarithm of the multivariate gamma function of dimension p.

    Source: https://docs.pytorch.org/docs/stable/special.html#torch.special.multigammaln
    """
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    result = sum(lgamma(input - j / 2) for j in range(p)) + p * (p - 1) / 4 * math.log(math.pi)
    return result if out is None else out.copy_(result)


def _density(xp, g, input, other):
    """Return g times the derivative of the regularised lower incomplete gamma function."""
    return g * xp.exp((input - 1) * xp.log(other) - other - xp.lgamma(input))


@op(numbers=(), cast="float", inplace=True,
    derivative="∂other: g · other^(input−1) · exp(−other) / Γ(input)", dtypes="float -> promoted")
def igamma(xp, input, other):
    """Regularised lower incomplete gamma function P(input, other)."""
    return xp.gammainc(input, other).astype(input.dtype, copy=False)


@op(numbers=(), cast="float", inplace=True,
    derivative="∂other: −g · other^(input−1) · exp(−other) / Γ(input)", dtypes="float -> promoted")
def igammac(xp, input, other):
    """Regularised upper incomplete gamma function Q(input, other)."""
    return xp.gammaincc(input, other).astype(input.dtype, copy=False)


def _undefined(xp, g):
    raise NotImplementedError("the derivative for 'self' is not implemented: the gradient of this "
                              "function reaches its second argument only; .detach() the first")


igamma.vjp("input", _undefined)
igamma.vjp("other", _density)
igammac.vjp("input", _undefined)
igammac.vjp("other", lambda xp, g, input, other: -_density(xp, g, input, other))


@op(cast="float", namespaces=_SPECIAL, derivative="∂other: −g · input · zeta(input + 1, other)",
    dtypes="real -> float")
def zeta(xp, input, other):
    """Hurwitz zeta function: the sum of (k + other)^−input over k = 0, 1, ..., NaN below 1."""
    value = xp.zeta(input, other)
    return xp.where(input < 1, xp.nan, value).astype(input.dtype, copy=False)


zeta.vjp("input", _undefined)
zeta.vjp("other", lambda xp, g, input, other: g * -input * xp.zeta(input + 1, other))

# -- entropy and odds -----------------------------------------------------------------------------


@op(cast="float", namespaces=_SPECIAL, derivative="−g · (ln input + 1)", dtypes="real -> float")
def entr(xp, input):
    """−x ln x, 0 at 0 and −∞ below."""
    inside = xp.where(input > 0, input, 1.0)
    result = xp.where(input > 0, -inside * xp.log(inside), xp.where(input == 0, 0.0, -xp.inf))
    return xp.where(input == input, result, input).astype(input.dtype, copy=False)


entr.vjp("input", lambda xp, g, input: g * (-xp.log(input) - 1))


@op(alone=True, cast="float", namespaces=_BOTH, inplace=True,
    derivative="g / (input · (1 − input))", dtypes="real -> float")
def logit(xp, input, eps=None):
    """ln(x / (1 − x)); with eps, elements are limited to [eps, 1 − eps] first.

    Source: https://docs.pytorch.org/docs/stable/special.html#torch.special.logit
    """
    if eps is not None:
        input = xp.minimum(xp.maximum(input, eps), 1 - eps)
    return xp.log(input / (1 - input))


def _logit_input(xp, g, input, eps):
    low, high = (0.0, 1.0) if eps is None else (eps, 1 - eps)
    inside = (input >= low) & (input <= high)
    beyond = math.nan if eps is None else 0.0
    return xp.where(inside, g / (input * (1 - input)), beyond)


logit.vjp("input", _logit_input)

# -- Bessel functions -----------------------------------------------------------------------------

i0 = _function("i0", "Modified Bessel function of the first kind, order 0.", _BOTH,
               "g · i1(input)", lambda xp, g, input: g * xp.i1(input))
i0e = _function(
    "i0e", "exp(−|x|) · i0(x).", _SPECIAL, "g · (i1e(input) − sign(input) · out)",
    lambda xp, g, input, out: g * (xp.i1e(input) - xp.sign(input) * out))
i1 = _function(
    "i1", "Modified Bessel function of the first kind, order 1.", _SPECIAL,
    "g · (i0(input) − out / input); g / 2 at 0",
    lambda xp, g, input, out: g * xp.where(
        input == 0, 0.5, xp.i0(input) - out / xp.where(input == 0, 1.0, input)))
i1e = _function(
    "i1e", "exp(−|x|) · i1(x).", _SPECIAL,
    "g · (i0e(input) − out · (sign(input) + 1 / input)); g / 2 at 0",
    lambda xp, g, input, out: g * xp.where(
        input == 0, 0.5,
        xp.i0e(input) - out * (xp.sign(input) + 1 / xp.where(input == 0, 1.0, input))))

_KINDS = {"j": "of the first kind", "y": "of the second kind"}
for _name in ("bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1"):
    _function(_name, f"Bessel function {_KINDS[_name[-2]]}, order {_name[-1]}.")
for _name in ("i0", "i1", "k0", "k1"):
    _kind = "first" if _name[0] == "i" else "second"
    _function("modified_bessel_" + _name,
              f"Modified Bessel function of the {_kind} kind, order {_name[1]}.",
              backend_name=_name)
for _name in ("k0", "k1"):
    _function("scaled_modified_bessel_" + _name, f"exp(x) · modified_bessel_{_name}(x).",
              backend_name=_name + "e")


@op(cast="float", namespaces=_SPECIAL, dtypes="real -> float")
def spherical_bessel_j0(xp, input):
    """Spherical Bessel function of the first kind, order 0: sin(x) / x."""
    x = xp.where(input == 0, 1.0, input)
    return xp.where(xp.isinf(input), 0.0, xp.where(input == 0, 1.0, xp.sin(x) / x))


@op(cast="float", namespaces=_SPECIAL, dtypes="real -> float")
def airy_ai(xp, input):
    """Airy function Ai."""
    return xp.airy(input)[0].astype(input.dtype, copy=False)
