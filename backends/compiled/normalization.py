"""Normalization over the last axes: a row is read from memory once forward and once backward.

Saved are the input, which is alive anyway, and two numbers a row.
"""

import math

import numpy as np
from numba import prange

from ..kernels import kernel
from . import jit
from .moments import BLOCK, moments, moments_around, short_moments

_ROWS = 32  # whose gradients of scale and shift are summed before they are added in float64


@jit.parallel
def _normalize(x, weight, bias, eps, centred, out, mean, factor, parts):
    """out = (x − mean) · factor · weight + bias for each row; without mean unless centred."""
    share = 1 / x.shape[1]
    for part in prange(parts):
        for row in range(part * len(x) // parts, (part + 1) * len(x) // parts):
            a, b = x[row], out[row]
            if centred and a.size <= BLOCK:
                its_mean, square = short_moments(a, share)
            elif centred:
                its_mean, square = moments(x, row, 1, 1)
            else:
                its_mean, square = 0.0, _mean_square(a)
            m, f = x.dtype.type(its_mean), x.dtype.type(1 / math.sqrt(square + eps))
            mean[row], factor[row] = m, f
            for i in range(a.size):
                b[i] = (a[i] - m) * f * weight[i] + bias[i]


@jit.parallel
def _add_and_normalize(x, y, weight, bias, eps, total, out, mean, factor, parts):
    """total = x + y, a row at a time, and what `_normalize` makes of it."""
    share = 1 / x.shape[1]
    for part in prange(parts):
        for row in range(part * len(x) // parts, (part + 1) * len(x) // parts):
            a, b, c, d = x[row], y[row], total[row], out[row]
            added = x.dtype.type(0)
            for i in range(c.size):
                both = a[i] + b[i]
                c[i] = both
                added += both
            if c.size <= BLOCK:
                its_mean, square = moments_around(c, x.dtype.type(added * share), share)
            else:
                its_mean, square = moments(total, row, 1, 1)
            m, f = x.dtype.type(its_mean), x.dtype.type(1 / math.sqrt(square + eps))
            mean[row], factor[row] = m, f
            for i in range(d.size):
                d[i] = (c[i] - m) * f * weight[i] + bias[i]


@jit.inline
def _mean_square(x):
    total = 0.0
    for start in range(0, x.size, BLOCK):
        a = x[start:start + BLOCK]
        part = x.dtype.type(0)
        for i in range(a.size):
            part += a[i] * a[i]
        total += part
    return total / x.size


@jit.parallel
def _gradients(g, more, x, weight, mean, factor, centred, out, for_weight, for_bias, parts):
    """Gradients of `_normalize`; of scale and shift a row of sums for each part. `more`, unless
    empty, is added to that of x."""
    for part in prange(parts):
        start, stop = part * len(x) // parts, (part + 1) * len(x) // parts
        scale_sum, shift_sum = np.empty(weight.size, x.dtype), np.empty(weight.size, x.dtype)
        scale_total, shift_total = for_weight[part], for_bias[part]
        scale_total[:] = 0
        shift_total[:] = 0
        for first in range(start, stop, _ROWS):
            scale_sum[:] = 0
            shift_sum[:] = 0
            for row in range(first, min(first + _ROWS, stop)):
                _row_gradient(g[row], x[row], weight, mean[row], factor[row], centred, out[row],
                              scale_sum, shift_sum)
                if more.size:
                    a, b = more[row], out[row]
                    for i in range(b.size):
                        b[i] += a[i]
            for i in range(weight.size):
                scale_total[i] += scale_sum[i]
                shift_total[i] += shift_sum[i]


@jit.inline
def _row_gradient(g, x, weight, mean, factor, centred, out, for_weight, for_bias):
    """Write the gradient of a row; add to those of scale and shift."""
    zero = x.dtype.type(0)
    total, product = 0.0, 0.0
    for start in range(0, x.size, BLOCK):
        a, b, w = g[start:start + BLOCK], x[start:start + BLOCK], weight[start:start + BLOCK]
        c, d = for_weight[start:start + BLOCK], for_bias[start:start + BLOCK]
        part, part_product = zero, zero
        for i in range(a.size):
            unit = (b[i] - mean) * factor
            scaled = a[i] * w[i]
            part += scaled
            part_product += scaled * unit
            c[i] += a[i] * unit
            d[i] += a[i]
        total += part
        product += part_product
    slope = x.dtype.type(product / x.size) * factor
    shift = x.dtype.type(total / x.size) * factor if centred else zero
    slope *= factor
    for i in range(x.size):
        out[i] = g[i] * weight[i] * factor - (x[i] - mean) * slope - shift


def _forward(input, count, weight, bias, eps, centred, other=None):
    """Normalize the rows of an input, or of its sum with another; that sum comes first then."""
    parameters = [p for p in (weight, bias) if p is not None]
    if not input.size or any(p.dtype is not input.dtype for p in parameters):
        return NotImplemented
    x = jit.contiguous(input)
    if x is None:
        return NotImplemented
    dtype, size = x.dtype, math.prod(x.shape[-count:])
    x = x.reshape(-1, size)
    scale = np.ones(size, dtype) if weight is None else jit.contiguous(weight).reshape(-1)
    shift = np.zeros(size, dtype) if bias is None else jit.contiguous(bias).reshape(-1)
    out = np.empty(input.shape, dtype)
    mean, factor = np.empty(len(x), dtype), np.empty(len(x), dtype)
    parts = min(jit.parts(x.size), len(x))
    if other is None:
        _normalize(x, scale, shift, eps, centred, out.reshape(x.shape), mean, factor, parts)
        return out, (x, scale, mean, factor, weight, bias)
    total = np.empty(x.shape, dtype)
    _add_and_normalize(x, jit.contiguous(other).reshape(x.shape), scale, shift, eps, total,
                       out.reshape(x.shape), mean, factor, parts)
    return (total.reshape(input.shape), out), (total, scale, mean, factor, weight, bias)


def _backward(g, saved, wanted, centred, more=None):
    x, scale, mean, factor, weight, bias = saved
    g = jit.contiguous(g)
    out = np.empty(g.shape, g.dtype)
    parts = min(jit.parts(x.size), len(x))
    sums = np.empty((2, parts, scale.size))
    more = np.empty((0, 0), g.dtype) if more is None else jit.contiguous(more).reshape(x.shape)
    _gradients(g.reshape(x.shape), more, x, scale, mean, factor, centred, out.reshape(x.shape),
               *sums, parts)
    grads = [out]
    for parameter, each in ((weight, sums[0]), (bias, sums[1])):
        if parameter is not None:
            total = np.empty(parameter.shape, g.dtype)
            np.add.reduce(each, 0, out=total.reshape(-1))
            grads.append(total)
    return grads


@kernel("layer_norm_over", compiled=True)
class LayerNorm:
    """Over the last `count` axes."""

    def forward(xp, recording, input, count, weight, bias, eps):
        return _forward(input, count, weight, bias, eps, True)

    def backward(xp, g, saved, wanted):
        return _backward(g, saved, wanted, True)


@kernel("add_layer_norm", compiled=True)
class AddLayerNorm:
    """x + y, and its normalization over the last `count` axes."""

    def forward(xp, recording, x, y, count, weight, bias, eps):
        if x.shape != y.shape or x.dtype is not y.dtype:
            return NotImplemented
        return _forward(x, count, weight, bias, eps, True, y)

    def backward(xp, g, saved, wanted):
        for_total, for_out = g
        if for_out is None:
            return [for_total, for_total, *[None] * (len(wanted) - 2)]
        total, *rest = _backward(for_out, saved, wanted, True, for_total)
        return [total, total, *rest]


@kernel("rms_norm_over", compiled=True)
class RMSNorm:
    """Over the last `count` axes, without subtracting the mean."""

    def forward(xp, recording, input, count, weight, eps):
        return _forward(input, count, weight, None, eps, False)

    def backward(xp, g, saved, wanted):
        return _backward(g, saved, wanted, False)
