"""Sums over all or the trailing dimensions, on all threads and with full vectors; running sums.

NumPy's own sums are as fast over leading dimensions. Running sums are added up in float64, as
PyTorch does.
"""

import math

import numpy as np
from numba import prange

from ..kernels import kernel
from . import jit

__all__ = ["sums_of_squares"]

_BLOCK = 4096  # elements added in their own precision; the sums of blocks are added in float64


@jit.formula
def _itself(x):
    return x


@jit.formula
def _squared(x):
    return x * x


@jit.formula
def _total(a, term):
    whole = 0.0
    for start in range(0, a.size, _BLOCK):
        piece = a[start:start + _BLOCK]
        total = a.dtype.type(0)
        for i in range(piece.size):
            total += term(piece[i])
        whole += total
    return whole


def _loops(term):
    """Return the loops that add up term(x): in parts of all, and in each row."""
    @jit.parallel
    def of_all(x, out):
        parts = out.size
        for part in prange(parts):
            out[part] = _total(x[part * x.size // parts:(part + 1) * x.size // parts], term)

    @jit.parallel
    def of_rows(x, out, parts):
        for part in prange(parts):
            for row in range(part * out.size // parts, (part + 1) * out.size // parts):
                out[row] = _total(x[row], term)

    return of_all, of_rows


_sums, _squares = _loops(_itself), _loops(_squared)
sums_of_squares = _squares[0]


def _reduced(ndim, dim):
    """Return the dimensions in order, or None for what is left to NumPy."""
    if dim is None or dim == () or dim == []:
        return list(range(ndim))
    dims = dim if isinstance(dim, (tuple, list)) else (dim,)
    if any(type(d) is not int or not -ndim <= d < ndim for d in dims):
        return None
    found = sorted({d % ndim for d in dims})
    return found if len(found) == len(dims) else None


def _add_up(loops, input, dim, keepdim):
    """Return the sums over dimensions, or NotImplemented."""
    ndim = input.ndim
    dims = _reduced(ndim, dim)
    if not dims or dims[0] != ndim - len(dims) or not input.size or not jit.takes(input):
        return NotImplemented
    of_all, of_rows = loops
    parts = jit.parts(input.size)
    shape = input.shape[:dims[0]]
    if dims[0]:
        out = np.empty(math.prod(shape), input.dtype)
        of_rows(input.reshape(out.size, -1), out, parts)
    else:
        sums = np.empty(parts, np.float64)
        of_all(input.reshape(-1), sums)
        out = input.dtype.type(sums[0] if parts == 1 else sums.sum())
        if not keepdim:
            return out
    return out.reshape(shape + (1,) * len(dims) if keepdim else shape)


@kernel("sum", compiled=True)
class Sum:
    """The sum of elements."""

    def forward(xp, recording, input, dim=None, keepdim=False, dtype=None):
        if dtype is not None:
            return NotImplemented
        out = _add_up(_sums, input, dim, keepdim)
        return out if out is NotImplemented else (out, ())


@kernel("mean", compiled=True)
class Mean:
    """The sum of elements by their number."""

    def forward(xp, recording, input, dim=None, keepdim=False, dtype=None):
        if dtype is not None:
            return NotImplemented
        out = _add_up(_sums, input, dim, keepdim)
        if out is NotImplemented:
            return out
        return out / out.dtype.type(input.size // out.size), ()


@kernel("vector_norm", compiled=True)
class VectorNorm:
    """The root of the sum of squares."""

    def forward(xp, recording, input, ord=2, dim=None, keepdim=False, dtype=None):
        if dtype is not None or ord != 2:
            return NotImplemented
        out = _add_up(_squares, input, dim, keepdim)
        return out if out is NotImplemented else (np.sqrt(out), ())


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
