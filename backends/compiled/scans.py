"""Running sums along one dimension, added up in float64 as PyTorch does."""

import math

import numpy as np
from numba import prange

from ..kernels import kernel
from . import jit

_COLUMNS = 128  # side by side along an inner dimension


@jit.parallel
def _running_sums(x, backwards, out, parts):
    """Write the sums of all elements up to each one, or from it on, along the middle of three
    dimensions."""
    outer, length, inner = x.shape
    blocks = (inner + _COLUMNS - 1) // _COLUMNS
    for part in prange(parts):
        totals = np.empty(_COLUMNS, np.float64)
        for task in range(part * outer * blocks // parts, (part + 1) * outer * blocks // parts):
            row, first = task // blocks, task % blocks * _COLUMNS
            if inner == 1:
                _running_sum(x[row, :, 0], backwards, out[row, :, 0])
                continue
            totals[:] = 0
            for i in range(length):
                place = length - 1 - i if backwards else i
                a, b = x[row, place, first:first + _COLUMNS], out[row, place, first:]
                for j in range(a.size):
                    totals[j] += a[j]
                    b[j] = totals[j]


@jit.inline
def _running_sum(x, backwards, out):
    total = 0.0
    for i in range(x.size):
        place = x.size - 1 - i if backwards else i
        total += x[place]
        out[place] = total


def _summed(array, dim, backwards):
    """Return running sums, or NotImplemented."""
    array = jit.contiguous(array)
    if array is None or not array.size or type(dim) is not int or not (
            -array.ndim <= dim < array.ndim):
        return NotImplemented
    dim %= array.ndim
    shape = (math.prod(array.shape[:dim]), array.shape[dim], math.prod(array.shape[dim + 1:]))
    out = np.empty(array.shape, array.dtype)
    parts = jit.parts(array.size)
    _running_sums(array.reshape(shape), backwards, out.reshape(shape), parts)
    return out


@kernel("cumsum", compiled=True)
class CumSum:
    """Sums up to each element; the gradient is the sum from each element on."""

    def forward(xp, recording, input, dim, dtype=None):
        out = NotImplemented if dtype is not None else _summed(input, dim, False)
        return out if out is NotImplemented else (out, ())

    def backward(xp, g, saved, wanted):
        grad = _summed(g, saved["dim"], True)
        return grad if grad is NotImplemented else (grad,)
