"""Normalization of channels: by the batch, by given statistics, by groups.

An input (N, C, *) is read as rows, one for each sample and channel, and rows that share a mean
form a group. While a group fits in the cache, memory is read once forward and once backward.
Where the rows are short, `columns` serves batch normalization. Saved are the input, which is
alive anyway, and a mean and a variance for each group.
"""

import math

import numpy as np
from numba import prange

from ..kernels import kernel
from . import columns, jit
from .moments import deviation_sums, moments

_SHORT = 16  # elements of a row below which columns are faster


@jit.parallel
def _find_moments(x, step, mean, var, parts):
    """Write mean and variance of each group; `step` leads from one of its rows to the next."""
    groups = mean.size
    rows = len(x) // groups
    for part in prange(parts):
        for group in range(part * groups // parts, (part + 1) * groups // parts):
            first = group if step > 1 else group * rows
            mean[group], var[group] = moments(x, first, step, rows)


@jit.parallel
def _normalize(x, weight, bias, eps, mean, var, step, out, parts):
    """out = (x − mean) / √(var + eps) · weight + bias.

    Args:
        x, out: a row for each sample and channel.
        weight, bias: for each channel.
        mean, var: for each group.
    """
    groups = mean.size
    rows = len(x) // groups
    for part in prange(parts):
        for row in range(part * len(x) // parts, (part + 1) * len(x) // parts):
            group = row % groups if step > 1 else row // rows
            channel = row % weight.size
            m, shift = mean[group], bias[channel]
            scale = x.dtype.type(weight[channel] / math.sqrt(var[group] + eps))
            a, b = x[row], out[row]
            for i in range(a.size):
                b[i] = (a[i] - m) * scale + shift


@jit.parallel
def _gradients(g, x, weight, eps, mean, var, given, step, out, wanted, sums, parts):
    """Gradients of `_normalize`: of the input where wanted; of scale and shift one for each row."""
    groups = mean.size
    rows = len(x) // groups
    count = rows * x.shape[1]
    for part in prange(parts):
        for group in range(part * groups // parts, (part + 1) * groups // parts):
            first = group if step > 1 else group * rows
            last = first + rows * step
            m, factor = mean[group], 1 / math.sqrt(var[group] + eps)
            total, product = 0.0, 0.0
            for row in range(first, last, step):
                s, p = deviation_sums(g[row], x[row], m)
                sums[0, row], sums[1, row] = p * factor, s
                total += s * weight[row % weight.size]
                product += p * factor * weight[row % weight.size]
            if not wanted:
                continue
            slope, shift = product / count * factor * factor, total / count * factor
            if given:  # mean and variance do not depend on the input
                slope, shift = 0.0, 0.0
            p, s = x.dtype.type(slope), x.dtype.type(shift)
            for row in range(first, last, step):
                scale = x.dtype.type(weight[row % weight.size] * factor)
                a, b, c = g[row], x[row], out[row]
                for i in range(a.size):
                    c[i] = a[i] * scale - (b[i] - m) * p - s


def _measure(x, groups):
    """Return mean and variance, (2, groups); groups=None: of each channel over the batch."""
    batch, channels = x.shape[:2]
    found = np.empty((2, channels if groups is None else batch * groups), x.dtype)
    if groups is None and _is_short(x):
        columns.find_moments(x.reshape(batch, -1), *found, jit.parts(x.size))
    else:
        _find_moments(x.reshape(batch * channels, -1), channels if groups is None else 1, *found,
                      min(jit.parts(x.size), len(found[0])))
    return found


def _is_short(x):
    return x.size < _SHORT * x.shape[0] * x.shape[1]


def _forward(input, weight, bias, eps, groups, statistics, given=False):
    """Normalize by statistics, which are computed where they are None.

    Args:
        groups: of channels; None for each channel over the whole batch.
        given: whether the statistics do not depend on the input.
    """
    others = [p for p in (weight, bias, *(statistics if given else ())) if p is not None]
    if not input.size or any(p.dtype is not input.dtype for p in others):
        return NotImplemented
    x = jit.contiguous(input)
    if x is None:
        return NotImplemented
    dtype, (batch, channels) = x.dtype, x.shape[:2]
    scale = np.ones(channels, dtype) if weight is None else jit.contiguous(weight)
    shift = np.zeros(channels, dtype) if bias is None else jit.contiguous(bias)
    mean, var = _measure(x, groups) if statistics is None else map(jit.contiguous, statistics)
    out = np.empty(x.shape, dtype)
    if groups is None and _is_short(x):
        rows = x.reshape(batch, -1)
        columns.normalize(rows, scale, shift, eps, mean, var, out.reshape(rows.shape),
                          min(jit.parts(x.size), batch))
    else:
        rows = x.reshape(batch * channels, -1)
        _normalize(rows, scale, shift, eps, mean, var, channels if groups is None else 1,
                   out.reshape(rows.shape), min(jit.parts(x.size), len(rows)))
    return out, (x, scale, eps, groups, mean, var, given, weight, bias)


def _backward(g, saved, wanted):
    """Return the gradients of input, scale and shift."""
    x, scale, eps, groups, mean, var, given, _, _ = saved
    g = jit.contiguous(g)
    batch, channels = x.shape[:2]
    out = np.empty(x.shape, x.dtype)
    if groups is None and _is_short(x):
        rows = x.reshape(batch, -1)
        sums = np.empty((2, channels))
        columns.gradients(g.reshape(rows.shape), rows, scale, eps, mean, var, given,
                          out.reshape(rows.shape), wanted, sums, min(jit.parts(x.size), batch))
    else:
        rows = x.reshape(batch * channels, -1)
        sums = np.empty((2, batch * channels))
        _gradients(g.reshape(rows.shape), rows, scale, eps, mean, var, given,
                   channels if groups is None else 1, out.reshape(rows.shape), wanted, sums,
                   min(jit.parts(x.size), mean.size))
        sums = sums.reshape(2, batch, channels).sum(1)
    return out if wanted else None, *sums.astype(x.dtype)


def _present(gradients, *parameters):
    """Return the gradients of those parameters that are there."""
    return [g for g, p in zip(gradients, parameters, strict=True) if p is not None]


@kernel("channel_moments", compiled=True)
class ChannelMoments:
    """Mean and variance of each channel."""

    def forward(xp, recording, input):
        x = jit.contiguous(input) if input.size else None
        return NotImplemented if recording or x is None else (_measure(x, None), ())


@kernel("batch_norm_train", compiled=True)
class BatchNormTrain:
    """Over the batch and the spatial axes of (N, C, *)."""

    def forward(xp, recording, input, weight, bias, eps, statistics):
        return _forward(input, weight, bias, eps, None, statistics)

    def backward(xp, g, saved, wanted):
        for_input, *others = _backward(g, saved, wanted[0])
        return [for_input, *_present(others, *saved[-2:])]


@kernel("group_norm_over", compiled=True)
class GroupNorm:
    """Over the channels of a group and the spatial axes."""

    def forward(xp, recording, input, num_groups, weight, bias, eps):
        return _forward(input, weight, bias, eps, num_groups, None)

    backward = BatchNormTrain.backward


@kernel("batch_norm_eval", compiled=True)
class BatchNormEval:
    """By given statistics."""

    def forward(xp, recording, input, mean, var, weight, bias, eps):
        return _forward(input, weight, bias, eps, None, (mean, var), given=True)

    def backward(xp, g, saved, wanted):
        for_input, for_scale, for_shift = _backward(g, saved, wanted[0])
        _, scale, eps, _, _, var, _, weight, bias = saved
        for_mean = for_var = None
        if wanted[1] or wanted[2]:
            factor = 1 / np.sqrt(var + var.dtype.type(eps))
            for_mean = -scale * factor * for_shift
            for_var = var.dtype.type(-0.5) * scale * factor**2 * for_scale
        return [for_input, for_mean, for_var, *_present((for_scale, for_shift), weight, bias)]
