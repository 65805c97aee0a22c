"""Losses in one pass: over the logits, or over two arrays whose differences become one number.

The loss of a difference d is two formulas of d, its value and its slope, and the numbers they need.
"""

import numpy as np
from numba import prange

from ..kernels import kernel
from . import jit, math
from .softmax import minus_both, shifted_sum

_CLASS_NUMBERS = frozenset("lqB")  # the type codes of int64 (two spellings) and uint8


@jit.parallel
def _cross_entropies(x, target, ignored, tops, totals, losses, parts):
    """Each row's loss, 0 for an ignored one; and its largest logit and sum, from which its softmax
    is computed again."""
    for part in prange(parts):
        for row in range(part * x.shape[0] // parts, (part + 1) * x.shape[0] // parts):
            logits, chosen = x[row], target[row]
            if chosen == ignored:
                losses[row] = 0
                continue
            top, total = shifted_sum(logits)
            tops[row], totals[row] = top, total
            losses[row] = -minus_both(logits[chosen], top, math.log(total))


@jit.parallel
def _slopes(x, target, ignored, tops, totals, factors, slopes, parts):
    """Each row's softmax − one-hot, times its factor."""
    zero = x.dtype.type(0)
    for part in prange(parts):
        for row in range(part * x.shape[0] // parts, (part + 1) * x.shape[0] // parts):
            a, b, factor = x[row], slopes[row], factors[row]
            top, share = tops[row], factor / totals[row]
            if target[row] == ignored:
                b[:] = zero
                continue
            for i in range(a.size):
                b[i] = math.exp(a[i] - top) * share
            b[target[row]] -= factor


@kernel("class_cross_entropy", compiled=True)
class ClassCrossEntropy:
    """log_softmax and nll_loss of (N, C) logits, keeping two numbers of each row."""

    def forward(xp, recording, input, target, ignore_index, reduction):
        if (input.ndim != 2 or reduction not in ("mean", "sum", "none") or not input.size
                or not jit.takes(input) or target.shape != input.shape[:1]
                or target.dtype.char not in _CLASS_NUMBERS):
            return NotImplemented
        target = np.ascontiguousarray(target, np.int64)
        counted = target != ignore_index
        # read as unsigned numbers, negative ones are huge: one pass finds both kinds
        if target.view(np.uint64).max(initial=0, where=counted) >= input.shape[1]:
            return NotImplemented  # the composition reports them
        tops, totals, losses = (np.empty(len(input), input.dtype) for _ in range(3))
        parts = jit.parts(input.size)
        _cross_entropies(input, target, ignore_index, tops, totals, losses, parts)
        scale = input.dtype.type(1)
        if reduction == "mean":
            scale /= input.dtype.type(counted.sum())
        out = losses if reduction == "none" else losses.sum() * scale
        return out, (input, target, ignore_index, tops, totals, scale)

    def backward(xp, g, saved, wanted):
        input, target, ignore_index, tops, totals, scale = saved
        factors = np.empty_like(tops)
        factors[:] = g * scale
        slopes = np.empty_like(input)
        _slopes(input, target, ignore_index, tops, totals, factors, slopes,
                jit.parts(input.size))
        return (slopes, None)


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
