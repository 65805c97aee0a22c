"""Activations whose compositions take several operations, in one node."""

import math

from . import kernel


def _sigmoid(xp, x):
    out = xp.exp(-x)
    out += 1
    return xp.reciprocal(out, out=out)


@kernel("_silu")
class SiLU:
    """x · σ(x); the derivative is σ (1 + x (1 − σ))."""

    def forward(xp, recording, input):
        if input.dtype.kind != "f" or not input.ndim:
            return NotImplemented
        s = _sigmoid(xp, input)
        return input * s, (input, s)

    def backward(xp, g, saved, wanted):
        x, s = saved
        slope = 1 - s
        slope *= x
        slope += 1
        slope *= s
        slope *= g
        return (slope,)


@kernel("_gelu_tanh")
class GELUTanh:
    """x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))."""

    def forward(xp, recording, input):
        if input.dtype.kind != "f" or not input.ndim:
            return NotImplemented
        inner = input * input
        inner *= 0.044715
        inner += 1
        inner *= input
        inner *= math.sqrt(2 / math.pi)
        t = xp.tanh(inner, out=inner)
        out = t + 1
        out *= input
        out *= 0.5
        return out, (input, t)

    def backward(xp, g, saved, wanted):
        x, t = saved
        slope = x * x
        slope *= 3 * 0.044715 * math.sqrt(2 / math.pi)
        slope += math.sqrt(2 / math.pi)
        slope *= x
        slope *= 1 - t * t
        slope += t
        slope += 1
        slope *= 0.5
        slope *= g
        return (slope,)


@kernel("_gelu")
class GELU:
    """x · Φ(x); the derivative is Φ(x) + x φ(x)."""

    def forward(xp, recording, input):
        if input.dtype.kind != "f" or not input.ndim:
            return NotImplemented
        below = xp.erf(input * input.dtype.type(math.sqrt(0.5)))
        below += 1
        below *= 0.5
        return input * below, (input, below)

    def backward(xp, g, saved, wanted):
        x, below = saved
        slope = x * x
        slope *= -0.5
        xp.exp(slope, out=slope)
        slope *= x
        slope *= 1 / math.sqrt(2 * math.pi)
        slope += below
        slope *= g
        return (slope,)
