"""Losses of the differences of two arrays, reduced to one number in one pass over both.

A loss is two formulas of a difference d, its value and its slope, and the numbers they need.
"""

import numpy as np
from numba import prange

from ..kernels import kernel
from . import jit

_BLOCK = 4096  # elements added in their own precision; the sums of blocks are added in float64


@jit.formula
def _squared(d):
    return d * d


@jit.formula
def _squared_slope(d):
    return d + d


@jit.formula
def _smooth(d, beta, half_beta, half_inverse, inverse, one):
    distance = abs(d)
    return d * d * half_inverse if distance < beta else distance - half_beta


@jit.formula
def _smooth_slope(d, beta, half_beta, half_inverse, inverse, one):
    return d * inverse if abs(d) < beta else one if d > 0 else -one if d < 0 else d  # NaN stays


@jit.formula
def _huber(d, delta, half, half_delta):
    distance = abs(d)
    return half * d * d if distance <= delta else delta * (distance - half_delta)


@jit.formula
def _huber_slope(d, delta, half, half_delta):
    return d if abs(d) <= delta else delta if d > 0 else -delta if d < 0 else d


def _loops(value, slope):
    """Return the loops that add up the values, a sum for each part, and write the slopes."""
    @jit.parallel
    def add_up(x, y, numbers, sums):
        for part in prange(sums.size):
            whole = 0.0
            for start in range(part * x.size // sums.size, (part + 1) * x.size // sums.size,
                               _BLOCK):
                stop = min(start + _BLOCK, (part + 1) * x.size // sums.size)
                a, b, total = x[start:stop], y[start:stop], x.dtype.type(0)
                for i in range(a.size):
                    total += value(a[i] - b[i], *numbers)
                whole += total
            sums[part] = whole

    @jit.parallel
    def differentiate(x, y, factor, numbers, out, parts):
        for part in prange(parts):
            start, stop = part * x.size // parts, (part + 1) * x.size // parts
            a, b, c = x[start:stop], y[start:stop], out[start:stop]
            for i in range(a.size):
                c[i] = factor * slope(a[i] - b[i], *numbers)

    return add_up, differentiate


def _loss(name, value, slope, numbers):
    """Register the kernel of a loss; `numbers` makes what the formulas need of its options."""
    add_up, differentiate = _loops(value, slope)

    def forward(xp, recording, input, target, reduction, *options):
        x, y = xp.ascontiguousarray(input), xp.ascontiguousarray(target)
        if (reduction not in ("mean", "sum") or x.shape != y.shape or not x.size
                or not jit.takes(x, y)):
            return NotImplemented
        parameters = tuple(np.array(numbers(*options), x.dtype))
        sums = np.empty(jit.parts(x.size))
        add_up(x.reshape(-1), y.reshape(-1), parameters, sums)
        count = x.size if reduction == "mean" else 1
        return x.dtype.type(sums.sum() / count), (x, y, parameters, count)

    def backward(xp, g, saved, wanted):
        x, y, parameters, count = saved
        slopes = np.empty_like(x)
        differentiate(x.reshape(-1), y.reshape(-1), x.dtype.type(g / count), parameters,
                      slopes.reshape(-1), jit.parts(x.size))
        if len(wanted) == 1 or not wanted[1]:
            return (slopes, None)[:len(wanted)]
        return slopes if wanted[0] else None, -slopes

    kernel(name, compiled=True)(type(name, (), {"forward": forward, "backward": backward}))


_loss("_mse_loss", _squared, _squared_slope, lambda: ())
_loss("_smooth_l1_loss", _smooth, _smooth_slope,
      lambda beta: (beta, 0.5 * beta, 0.5 / beta, 1 / beta, 1))
_loss("_huber_loss", _huber, _huber_slope, lambda delta: (delta, 0.5, 0.5 * delta))
