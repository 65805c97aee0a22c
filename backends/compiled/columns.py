"""Normalization of channels whose elements lie side by side, as in (N, C): by columns."""

import numpy as np
from numba import prange

from . import jit
from .moments import merged

__all__ = ["gradients", "normalize"]

_ROWS = 32  # summed at once
_COLUMNS = 256  # so many sums stay in the first cache


@jit.parallel
def _moments(x, mean, var, parts):
    """Write mean and variance of each column."""
    zero = x.dtype.type(0)
    blocks = (x.shape[1] + _COLUMNS - 1) // _COLUMNS
    for part in prange(parts):
        total, centre = np.empty(_COLUMNS, x.dtype), np.empty(_COLUMNS, x.dtype)
        rest, square = np.empty(_COLUMNS, x.dtype), np.empty(_COLUMNS, x.dtype)
        for block in range(part * blocks // parts, (part + 1) * blocks // parts):
            start = block * _COLUMNS
            m, v = mean[start:start + _COLUMNS], var[start:start + _COLUMNS]
            m[:] = 0
            v[:] = 0
            for first in range(0, len(x), _ROWS):
                last = min(first + _ROWS, len(x))
                total[:] = zero
                rest[:] = zero
                square[:] = zero
                for row in range(first, last):
                    a = x[row, start:start + _COLUMNS]
                    for i in range(a.size):
                        total[i] += a[i]
                for i in range(m.size):
                    centre[i] = total[i] / x.dtype.type(last - first)
                for row in range(first, last):
                    a = x[row, start:start + _COLUMNS]
                    for i in range(a.size):
                        away = a[i] - centre[i]
                        rest[i] += away
                        square[i] += away * away
                for i in range(m.size):
                    more = last - first
                    correction = rest[i] / more
                    m[i], v[i] = merged(first, m[i], v[i], more, centre[i] + correction,
                                        square[i] - correction * rest[i])
            for i in range(v.size):
                v[i] /= len(x)


@jit.parallel
def _sums(g, x, mean, sums, parts):
    """Write the sums of g · (x − mean) and of g for each column."""
    blocks = (x.shape[1] + _COLUMNS - 1) // _COLUMNS
    for part in prange(parts):
        product, total = np.empty(_COLUMNS, x.dtype), np.empty(_COLUMNS, x.dtype)
        for block in range(part * blocks // parts, (part + 1) * blocks // parts):
            start = block * _COLUMNS
            m = mean[start:start + _COLUMNS]
            p, t = sums[0, start:start + _COLUMNS], sums[1, start:start + _COLUMNS]
            p[:] = 0
            t[:] = 0
            for first in range(0, len(x), _ROWS):
                product[:] = 0
                total[:] = 0
                for row in range(first, min(first + _ROWS, len(x))):
                    a, b = g[row, start:start + _COLUMNS], x[row, start:start + _COLUMNS]
                    for i in range(a.size):
                        product[i] += a[i] * (b[i] - m[i])
                        total[i] += a[i]
                for i in range(m.size):
                    p[i] += product[i]
                    t[i] += total[i]


@jit.parallel
def _scale(x, mean, scale, shift, out, parts):
    """out = (x − mean) · scale + shift, these for each column."""
    for part in prange(parts):
        for row in range(part * len(x) // parts, (part + 1) * len(x) // parts):
            a, b = x[row], out[row]
            for i in range(a.size):
                b[i] = (a[i] - mean[i]) * scale[i] + shift[i]


@jit.parallel
def _combine(g, x, mean, scale, slope, shift, out, parts):
    """out = g · scale − (x − mean) · slope − shift, these for each column."""
    for part in prange(parts):
        for row in range(part * len(x) // parts, (part + 1) * len(x) // parts):
            a, b, c = g[row], x[row], out[row]
            for i in range(a.size):
                c[i] = a[i] * scale[i] - (b[i] - mean[i]) * slope[i] - shift[i]


def _each(values, x):
    """Return values of channels for each column, in the type of x."""
    return np.repeat(values.astype(x.dtype), x[0, 0].size)


def _blocks(x):
    """Return how many parts there are for blocks of columns."""
    return min(jit.parts(x.size), -(-x[0].size // _COLUMNS))


def normalize(x, weight, bias, eps, mean, var, given, out):
    """Write out = (x − mean) / √(var + eps) · weight + bias, and the statistics unless given.

    Args:
        x, out: of shape (N, C, *).
        weight, bias, mean, var: of shape (C,).
    """
    rows = x.reshape(len(x), -1)
    if not given:
        each = np.empty((2, rows.shape[1]))
        _moments(rows, *each, _blocks(x))
        means, variances = each.reshape(2, mean.size, -1)
        middle = means.mean(1)
        mean[:] = middle
        var[:] = (variances + (means - middle[:, None]) ** 2).mean(1)
    scale = weight / np.sqrt(var.astype(np.float64) + eps)
    _scale(rows, _each(mean, x), _each(scale, x), _each(bias, x), out.reshape(rows.shape),
           min(jit.parts(x.size), len(rows)))


def gradients(g, x, weight, eps, mean, var, given, out, wanted):
    """Return the gradients of weight and bias, (2, C); write that of x where wanted."""
    rows = x.reshape(len(x), -1)
    g, means = g.reshape(rows.shape), _each(mean, x)
    sums = np.empty((2, rows.shape[1]))
    _sums(g, rows, means, sums, _blocks(x))
    sums = sums.reshape(2, mean.size, -1).sum(2)
    factor = 1 / np.sqrt(var.astype(np.float64) + eps)
    sums[0] *= factor
    if wanted:
        scale, count = weight * factor, 0 if given else rows.size // mean.size
        slope = sums[0] * factor * scale / count if count else np.zeros_like(scale)
        shift = sums[1] * scale / count if count else slope
        _combine(g, rows, means, _each(scale, x), _each(slope, x), _each(shift, x),
                 out.reshape(rows.shape), min(jit.parts(x.size), len(rows)))
    return sums
