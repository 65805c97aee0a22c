"""Functions of each element, with their gradients, in one pass.

A kernel here is two formulas of scalars; `elementwise` puts the loops around them. float32 alone:
in float64 NumPy's own loops are vectors already, and what `math.py` has are not.
"""

import math

import numpy as np
from numba import prange

from ..kernels import kernel
from . import jit
from .jit import formula
from .math import exp, expm1, log, log1p

__all__ = ["FORMULAS", "elementwise"]

FORMULAS = {}  # (value, slope) by name, for kernels that apply them on the way


def _over_one(formula):
    @jit.parallel
    def loop(x, out, numbers, parts):
        for part in prange(parts):
            start, stop = part * x.size // parts, (part + 1) * x.size // parts
            a, b = x[start:stop], out[start:stop]
            for i in range(a.size):
                b[i] = formula(a[i], *numbers)

    return loop


def _over_two(formula):
    @jit.parallel
    def loop(x, y, out, numbers, parts):
        for part in prange(parts):
            start, stop = part * x.size // parts, (part + 1) * x.size // parts
            a, b, c = x[start:stop], y[start:stop], out[start:stop]
            for i in range(a.size):
                c[i] = formula(a[i], b[i], *numbers)

    return loop


def _run(loop, arrays, numbers):
    """Return what a loop makes of arrays of one shape, or NotImplemented."""
    first = arrays[0]
    if not first.ndim or first.dtype.char != "f" or not jit.takes(*arrays):
        return NotImplemented
    out = np.empty_like(first)
    loop(*[a.reshape(-1) for a in arrays], out.reshape(-1), tuple(np.array(numbers, np.float32)),
         jit.parts(out.size))
    return out


def elementwise(name, value, slope, numbers=lambda: ()):
    """Register the kernel of an operation on each element of one tensor.

    Args:
        value: the formula value(x, *numbers).
        slope: the formula slope(g, known, *numbers) of the gradient; known is what the
            operation's record saves, its input or its output.
        numbers: makes the formulas' numbers of the operation's parameters.
    """
    over_one, over_two = _over_one(value), _over_two(slope)
    FORMULAS[name] = value, slope

    def forward(xp, recording, input, **parameters):
        out = _run(over_one, [input], numbers(**parameters))
        return out if out is NotImplemented else (out, (input,))

    def backward(xp, g, saved, wanted):
        if isinstance(saved, dict):
            parameters = {n: v for n, v in saved.items() if n not in ("input", "out")}
            known = saved["input"]
        else:
            parameters, (known,) = {}, saved
        g = jit.contiguous(g)
        grad = NotImplemented if g is None else _run(over_two, [g, known], numbers(**parameters))
        return grad if grad is NotImplemented else (grad,)

    kernel(name, compiled=True)(type(name, (), {"forward": forward, "backward": backward}))


_1, _2 = np.float32(1), np.float32(2)


@formula
def _sqrt(x):
    return math.sqrt(x)


@formula
def _sqrt_slope(g, out):
    return g / (_2 * out)


@formula
def _exp_slope(g, out):
    return g * out


@formula
def _expm1_slope(g, out):
    return g * (out + _1)


@formula
def _log_slope(g, x):
    return g / x


@formula
def _log1p_slope(g, x):
    return g / (x + _1)


elementwise("sqrt", _sqrt, _sqrt_slope)
elementwise("exp", exp, _exp_slope)
elementwise("expm1", expm1, _expm1_slope)
elementwise("log", log, _log_slope)
elementwise("log1p", log1p, _log1p_slope)
