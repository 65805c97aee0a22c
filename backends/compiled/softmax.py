"""Softmax and its logarithm along one dimension."""

import math as plain

import numpy as np
from numba import prange

from ..kernels import kernel
from . import jit, math

__all__ = ["exponentials", "minus_both", "shifted_sum"]

_COLUMNS = 128  # to be taken at a time along an inner dimension


@jit.inline(fastmath=False)  # not x − (top + below), which loses the digits of below
def minus_both(x, top, below):
    """(x − top) − below."""
    return (x - top) - below


@jit.inline
def shifted_sum(x):
    """Return the largest element of a row, and the sum of exp(x − it)."""
    top = x[0]
    for i in range(x.size):
        top = math.maximum(top, x[i])
    total = x.dtype.type(0)
    for i in range(x.size):
        total += math.exp(x[i] - top)
    return top, total


@jit.inline
def exponentials(x):
    """Replace a row by exp(x − its largest element); return that and the sum."""
    top = x[0]
    for i in range(x.size):
        top = math.maximum(top, x[i])
    total = x.dtype.type(0)
    for i in range(x.size):
        x[i] = math.exp(x[i] - top)
        total += x[i]
    return top, total


@jit.inline
def _row(x, out, logarithm):
    if logarithm:
        top, total = shifted_sum(x)
        below = math.log(total)
        for i in range(x.size):
            out[i] = minus_both(x[i], top, below)
    else:
        for i in range(x.size):
            out[i] = x[i]
        factor = 1 / exponentials(out)[1]
        for i in range(x.size):
            out[i] *= factor


@jit.inline
def _row_gradient(g, out, slope, logarithm):
    total = g.dtype.type(0)
    if logarithm:
        for i in range(g.size):
            total += g[i]
        for i in range(g.size):
            slope[i] = g[i] - math.exp(out[i]) * total
    else:
        for i in range(g.size):
            total += g[i] * out[i]
        for i in range(g.size):
            slope[i] = (g[i] - total) * out[i]


@jit.parallel
def _rows(x, out, logarithm, parts):
    for part in prange(parts):
        for row in range(part * x.shape[0] // parts, (part + 1) * x.shape[0] // parts):
            _row(x[row], out[row], logarithm)


@jit.parallel
def _row_gradients(g, out, slope, logarithm, parts):
    for part in prange(parts):
        for row in range(part * g.shape[0] // parts, (part + 1) * g.shape[0] // parts):
            _row_gradient(g[row], out[row], slope[row], logarithm)


@jit.inline
def _columns(x, out, start, stop, logarithm):
    """The same along the columns from start to stop of a matrix."""
    top, total = x[0, start:stop].copy(), np.zeros(stop - start, x.dtype)
    for row in range(x.shape[0]):
        a = x[row, start:stop]
        for i in range(a.size):
            top[i] = math.maximum(top[i], a[i])
    for row in range(x.shape[0]):
        a, b = x[row, start:stop], out[row, start:stop]
        for i in range(a.size):
            b[i] = math.exp(a[i] - top[i])
            total[i] += b[i]
    for i in range(total.size):
        total[i] = math.log(total[i]) if logarithm else 1 / total[i]
    for row in range(x.shape[0]):
        a, b = x[row, start:stop], out[row, start:stop]
        for i in range(a.size):
            b[i] = minus_both(a[i], top[i], total[i]) if logarithm else b[i] * total[i]


@jit.inline
def _column_gradients(g, out, slope, start, stop, logarithm):
    total = np.zeros(stop - start, g.dtype)
    for row in range(g.shape[0]):
        a, b = g[row, start:stop], out[row, start:stop]
        for i in range(a.size):
            total[i] += a[i] if logarithm else a[i] * b[i]
    for row in range(g.shape[0]):
        a, b, c = g[row, start:stop], out[row, start:stop], slope[row, start:stop]
        for i in range(a.size):
            c[i] = a[i] - math.exp(b[i]) * total[i] if logarithm else (a[i] - total[i]) * b[i]


@jit.parallel
def _inner(x, g, out, slope, backward, logarithm, parts):
    """Along the middle dimension: out from x, or slope from g and out."""
    columns = out.shape[2]
    blocks = (columns + _COLUMNS - 1) // _COLUMNS
    count = out.shape[0] * blocks
    for part in prange(parts):
        for task in range(part * count // parts, (part + 1) * count // parts):
            i, start = task // blocks, task % blocks * _COLUMNS
            stop = min(start + _COLUMNS, columns)
            if backward:
                _column_gradients(g[i], out[i], slope[i], start, stop, logarithm)
            else:
                _columns(x[i], out[i], start, stop, logarithm)


def _around(shape, dim):
    """Return the sizes before, at and behind a dimension."""
    return plain.prod(shape[:dim]), shape[dim], plain.prod(shape[dim + 1:])


def _kernel(name, logarithm):
    @kernel(name, compiled=True)
    class Softmax:
        def forward(xp, recording, input, dim, dtype=None):
            if (dtype is not None or not input.size or not jit.takes(input)
                    or type(dim) is not int or not -input.ndim <= dim < input.ndim):
                return NotImplemented
            out, parts = np.empty_like(input), jit.parts(input.size)
            before, size, behind = _around(input.shape, dim % input.ndim)
            if behind == 1:
                _rows(input.reshape(before, size), out.reshape(before, size), logarithm, parts)
            else:
                shape = before, size, behind
                x, y = input.reshape(shape), out.reshape(shape)
                _inner(x, x, y, y, False, logarithm, parts)
            return out, None

        def backward(xp, g, saved, wanted):
            out, dim = saved["out"], saved["dim"]
            if not out.ndim or not jit.takes(g, out):
                return NotImplemented
            slope, parts = np.empty_like(g), jit.parts(g.size)
            before, size, behind = _around(out.shape, dim % out.ndim)
            if behind == 1:
                _row_gradients(g.reshape(before, size), out.reshape(before, size),
                               slope.reshape(before, size), logarithm, parts)
            else:
                shape = before, size, behind
                g, out = g.reshape(shape), out.reshape(shape)
                _inner(g, g, out, slope.reshape(shape), True, logarithm, parts)
            return (slope,)

    return Softmax


Softmax, LogSoftmax = _kernel("softmax", False), _kernel("log_softmax", True)
