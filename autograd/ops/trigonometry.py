"""Trigonometric and hyperbolic functions of each element."""

import math

from ..op import op


@op(cast="float", inplace=True, derivative="g · cos input")
def sin(xp, input):
    """Sine."""
    return xp.sin(input)


sin.vjp("input", lambda xp, g, input: g * xp.cos(input))


@op(cast="float", inplace=True, derivative="−g · sin input")
def cos(xp, input):
    """Cosine."""
    return xp.cos(input)


cos.vjp("input", lambda xp, g, input: -g * xp.sin(input))


@op(cast="float", inplace=True, derivative="g · (1 + out²)")
def tan(xp, input):
    """Tangent."""
    return xp.tan(input)


tan.vjp("input", lambda g, out: g * (1 + out * out))


@op(cast="float", inplace=True, derivative="g / √(1 − input²)")
def asin(xp, input):
    """Inverse sine."""
    return xp.arcsin(input)


asin.vjp("input", lambda xp, g, input: g / xp.sqrt(1 - input * input))


@op(cast="float", inplace=True, derivative="−g / √(1 − input²)")
def acos(xp, input):
    """Inverse cosine."""
    return xp.arccos(input)


acos.vjp("input", lambda xp, g, input: -g / xp.sqrt(1 - input * input))


@op(cast="float", inplace=True, derivative="g / (1 + input²)")
def atan(xp, input):
    """Inverse tangent."""
    return xp.arctan(input)


atan.vjp("input", lambda g, input: g / (1 + input * input))


@op(cast="float", inplace=True, derivative="g · cosh input")
def sinh(xp, input):
    """Hyperbolic sine."""
    return xp.sinh(input)


sinh.vjp("input", lambda xp, g, input: g * xp.cosh(input))


@op(cast="float", inplace=True, derivative="g · sinh input")
def cosh(xp, input):
    """Hyperbolic cosine."""
    return xp.cosh(input)


cosh.vjp("input", lambda xp, g, input: g * xp.sinh(input))


@op(cast="float", inplace=True, derivative="g · (1 − out²)", compiled=True)
def tanh(xp, input):
    """Hyperbolic tangent."""
    return xp.tanh(input)


tanh.vjp("input", lambda g, out: g * (1 - out * out))


@op(cast="float", inplace=True, derivative="g / √(input² + 1)")
def asinh(xp, input):
    """Inverse hyperbolic sine."""
    return xp.arcsinh(input)


asinh.vjp("input", lambda xp, g, input: g / xp.sqrt(input * input + 1))


@op(cast="float", inplace=True, derivative="g / √(input² − 1)")
def acosh(xp, input):
    """Inverse hyperbolic cosine."""
    return xp.arccosh(input)


def _acosh_input(xp, g, input):
    if getattr(input, "_array", input).dtype.kind == "c":  # the branch of the forward
        return g / (xp.sqrt(input - 1) * xp.sqrt(input + 1))
    return g / xp.sqrt(input * input - 1)


acosh.vjp("input", _acosh_input)


@op(cast="float", inplace=True, derivative="g / (1 − input²)")
def atanh(xp, input):
    """Inverse hyperbolic tangent."""
    return xp.arctanh(input)


atanh.vjp("input", lambda g, input: g / (1 - input * input))


@op(numbers=(), cast="float", inplace=True,
    derivative="∂input: g · other / (input² + other²); ∂other: −g · input / (input² + other²)",
    dtypes="real -> float")
def atan2(xp, input, other):
    """Angle of the point (other, input)."""
    return xp.arctan2(input, other)


def _square_or_one(xp, input, other):
    square = input * input + other * other
    return xp.where(square == 0, 1.0, square)


atan2.vjp("input", lambda xp, g, input, other: g * other / _square_or_one(xp, input, other))
atan2.vjp("other", lambda xp, g, input, other: -g * input / _square_or_one(xp, input, other))


@op(numbers=(), cast="float", inplace=True, label="hypot",
    derivative="∂input: g · input / out; ∂other: g · other / out; 0 at the origin",
    dtypes="float -> promoted")
def hypot(xp, input, other):
    """Length of the hypotenuse √(input² + other²), without overflow.

    At the origin the gradient is 0, the subgradient of least norm; PyTorch gives NaN.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.hypot.html
    """
    return xp.hypot(input, other)


hypot.vjp("input", lambda xp, g, input, out: g * input / xp.where(out == 0, 1.0, out))
hypot.vjp("other", lambda xp, g, other, out: g * other / xp.where(out == 0, 1.0, out))


@op(cast="float", inplace=True, namespaces=("torch", "Tensor", "special"),
    derivative="g · (cos πx − out) / x; 0 at 0")
def sinc(xp, input):
    """sin(πx) / (πx), and 1 at 0.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.sinc.html
    """
    angle = xp.where(input == 0, 1.0, input) * math.pi
    return xp.where(input == 0, 1.0, xp.sin(angle) / angle)


def _sinc_input(xp, g, input):
    x = xp.where(input == 0, 1.0, input)
    angle = x * math.pi
    slope = (xp.cos(angle) - xp.sin(angle) / angle) / x
    return g * xp.where(input == 0, input * (-math.pi ** 2 / 3), slope)


sinc.vjp("input", _sinc_input)


@op(cast="float", inplace=True, derivative="g · π / 180", dtypes="real -> float")
def deg2rad(xp, input):
    """Degrees as radians."""
    return input * (math.pi / 180)


deg2rad.vjp("input", lambda g: g * (math.pi / 180))


@op(cast="float", inplace=True, derivative="g · 180 / π", dtypes="real -> float")
def rad2deg(xp, input):
    """Radians as degrees."""
    return input * (180 / math.pi)


rad2deg.vjp("input", lambda g: g * (180 / math.pi))
