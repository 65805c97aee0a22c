"""Normalization of channels whose elements lie side by side, as in (N, C): column by column.

A channel may have several columns next to each other, as in (N, C, 2).
"""

import math

import numpy as np
from numba import prange

from . import jit
from .moments import merged

__all__ = ["find_moments", "gradients", "normalize"]

_ROWS = 32  # summed at once
_COLUMNS = 512  # so many sums stay in the first cache


@jit.parallel
def find_moments(x, mean, var, parts):
    """Write mean and variance of each channel."""
    columns = x.shape[1]
    means, variances = np.empty(columns), np.empty(columns)
    across = min(_COLUMNS, (columns + parts - 1) // parts)
    blocks = (columns + across - 1) // across
    for part in prange(min(parts, blocks)):
        for block in range(part * blocks // min(parts, blocks),
                           (part + 1) * blocks // min(parts, blocks)):
            start = block * across
            _block_moments(x, start, means[start:start + across],
                           variances[start:start + across])
    _join(means, variances, mean, var)


@jit.parallel
def normalize(x, weight, bias, eps, mean, var, out, parts):
    """out = (x − mean) / √(var + eps) · weight + bias.

    Args:
        x, out: matrices of as many columns for each channel.
        weight, bias, mean, var: for each channel.
    """
    centre, scale, shift = _for_columns(mean, var, weight, bias, eps, x.shape[1])
    for part in prange(parts):
        for row in range(part * len(x) // parts, (part + 1) * len(x) // parts):
            a, b = x[row], out[row]
            for i in range(a.size):
                b[i] = (a[i] - centre[i]) * scale[i] + shift[i]


@jit.inline
def _block_moments(x, start, mean, var):
    """Write mean and variance of the columns from `start` on."""
    total, centre = np.empty(mean.size, x.dtype), np.empty(mean.size, x.dtype)
    rest, square = np.empty(mean.size, x.dtype), np.empty(mean.size, x.dtype)
    for i in range(mean.size):
        mean[i], var[i] = 0, 0
    for first in range(0, len(x), _ROWS):
        last = min(first + _ROWS, len(x))
        more = last - first
        for i in range(mean.size):
            total[i], rest[i], square[i] = 0, 0, 0
        for row in range(first, last):
            a = x[row, start:start + mean.size]
            for i in range(a.size):
                total[i] += a[i]
        for i in range(mean.size):
            centre[i] = total[i] / x.dtype.type(more)
        for row in range(first, last):
            a = x[row, start:start + mean.size]
            for i in range(a.size):
                away = a[i] - centre[i]
                rest[i] += away
                square[i] += away * away
        for i in range(mean.size):
            correction = rest[i] / more
            mean[i], var[i] = merged(first, mean[i], var[i], more, centre[i] + correction,
                                     square[i] - correction * rest[i])
    for i in range(mean.size):
        var[i] /= len(x)


@jit.inline
def _join(means, variances, mean, var):
    """Write the moments of channels, from those of their columns."""
    each = means.size // mean.size
    for channel in range(mean.size):
        total, square = 0.0, 0.0
        for i in range(channel * each, (channel + 1) * each):
            total += means[i]
        total /= each
        for i in range(channel * each, (channel + 1) * each):
            square += variances[i] + (means[i] - total) ** 2
        mean[channel], var[channel] = total, square / each


@jit.inline
def _for_columns(mean, var, weight, bias, eps, columns):
    """Return mean, scale and shift for each column."""
    centre, scale = np.empty(columns, mean.dtype), np.empty(columns, mean.dtype)
    shift = np.empty(columns, mean.dtype)
    each = columns // mean.size
    for channel in range(mean.size):
        factor = weight[channel] / math.sqrt(var[channel] + eps)
        for i in range(channel * each, (channel + 1) * each):
            centre[i], scale[i], shift[i] = mean[channel], factor, bias[channel]
    return centre, scale, shift


@jit.parallel
def gradients(g, x, weight, eps, mean, var, given, out, wanted, sums, parts):
    """Gradients of `normalize`: that of x where wanted; sums[0] of weight, sums[1] of bias."""
    columns = x.shape[1]
    each = np.empty((2, columns))
    across = min(_COLUMNS, (columns + parts - 1) // parts)
    blocks = (columns + across - 1) // across
    centre, scale, shift = _for_columns(mean, var, weight, mean, eps, columns)
    for part in prange(min(parts, blocks)):
        for block in range(part * blocks // min(parts, blocks),
                           (part + 1) * blocks // min(parts, blocks)):
            start = block * across
            _block_sums(g, x, start, centre[start:start + across],
                        each[0, start:start + across], each[1, start:start + across])
    slope = np.empty(columns, x.dtype)
    _join_sums(each, mean.size, len(x), weight, var, eps, given, sums, slope, shift)
    if wanted:
        for part in prange(parts):
            for row in range(part * len(x) // parts, (part + 1) * len(x) // parts):
                a, b, c = g[row], x[row], out[row]
                for i in range(a.size):
                    c[i] = a[i] * scale[i] - (b[i] - centre[i]) * slope[i] - shift[i]


@jit.inline
def _block_sums(g, x, start, mean, products, totals):
    """Write the sums of g · (x − mean) and of g for the columns from `start` on."""
    product, total = np.empty(mean.size, x.dtype), np.empty(mean.size, x.dtype)
    for i in range(mean.size):
        products[i], totals[i] = 0, 0
    for first in range(0, len(x), _ROWS):
        for i in range(mean.size):
            product[i], total[i] = 0, 0
        for row in range(first, min(first + _ROWS, len(x))):
            a, b = g[row, start:start + mean.size], x[row, start:start + mean.size]
            for i in range(a.size):
                product[i] += a[i] * (b[i] - mean[i])
                total[i] += a[i]
        for i in range(mean.size):
            products[i] += product[i]
            totals[i] += total[i]


@jit.inline
def _join_sums(each, channels, rows, weight, var, eps, given, sums, slope, shift):
    """Write the sums of channels, and what they mean for the gradient of each column."""
    width = slope.size // channels
    count = rows * width
    for channel in range(channels):
        factor = 1 / math.sqrt(var[channel] + eps)
        product, total = 0.0, 0.0
        for i in range(channel * width, (channel + 1) * width):
            product += each[0, i]
            total += each[1, i]
        product *= factor
        sums[0, channel], sums[1, channel] = product, total
        common = 0.0 if given else weight[channel] * factor / count
        for i in range(channel * width, (channel + 1) * width):
            slope[i], shift[i] = product * factor * common, total * common
