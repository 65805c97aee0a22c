"""Matrix products on all threads, with what stands around them.

A linear layer and the activation behind it are one node: backward computes the derivative of the
activation and the gradient of the bias in one pass. What is kept is what the derivative needs: the
output, or for GELU and SiLU what they were given.
"""

import math

import numpy as np
from numba import prange

from ..kernels import compiled, kernel
from ..kernels import linear as portable
from . import blas, jit, tiles
from .elementwise import FORMULAS

_WORTH_A_THREAD = 1 << 18  # multiplications
_NO_BIAS = {char: np.empty(0, char) for char in "fd"}


def _as_rows(a):
    """Return matrices as (a, False) or (aᵀ, True) with the elements of a row next to each other,
    or None."""
    size, (rows, columns), (down, along) = a.itemsize, a.shape[-2:], a.strides[-2:]
    if not a.flags.writeable or not a.flags.aligned:
        return None
    if along == size and (rows == 1 or down >= size * columns):
        return a, False
    if down == size and (columns == 1 or along >= size * rows):
        return a.swapaxes(-1, -2), True
    return None


def _is_large(rows, inner, columns, *arrays):
    """Return whether a product is worth several threads, and of one type BLAS knows."""
    dtype = arrays[0].dtype
    return (rows * inner * columns > _WORTH_A_THREAD * jit.threads() and dtype.char in "fd"
            and all(a.dtype is dtype for a in arrays))


def multiply(a, b, out, bias=None):
    """out = a · b + bias for matrices and a bias of one row; return whether that was possible."""
    if not _is_large(*a.shape, b.shape[1], a, b):
        return False
    left, right = _as_rows(a), _as_rows(b)
    if left is None or right is None:
        return False
    bias, threads = _NO_BIAS[a.dtype.char] if bias is None else bias, jit.threads()
    if right[1] and not left[1] and tiles.is_faster(left[0], right[0], threads):
        tiles.multiply_transposed(left[0], right[0], bias, out, threads)
    else:
        by_rows = out.shape[0] >= out.shape[1] or out.shape[1] < 8 * threads
        blas.product(left[1], right[1], left[0], right[0], bias, out, threads, by_rows)
    return True


@jit.parallel
def _products(flip_a, flip_b, a, b, c, parts):
    """c[i, j] = op(a[i, j]) · op(b[i, j]), the pairs divided into parts for the threads."""
    columns = c.shape[1]
    count = c.shape[0] * columns
    for part in prange(parts):
        for i in range(part * count // parts, (part + 1) * count // parts):
            row, column = i // columns, i % columns
            blas.gemm(flip_a, flip_b, 1.0, a[row, column], b[row, column], 0.0, c[row, column])


def _multiply_stacks(a, b, out):
    """out = a · b for equally many matrices; return whether that was possible."""
    count = math.prod(a.shape[:-2])
    if (a.shape[:-2] != b.shape[:-2] or count < jit.threads() or not out.flags.c_contiguous
            or not _is_large(count * a.shape[-2], *b.shape[-2:], a, b)):
        return False
    left, right = _as_rows(a), _as_rows(b)
    if left is None or right is None:
        return False
    _products(left[1], right[1], *[_by_two(x) for x in (left[0], right[0], out)], jit.threads())
    return True


def _by_two(a):
    """Return matrices stacked in two dimensions, the leading ones joined."""
    if a.ndim == 3:
        return a[None]
    return a if a.ndim == 4 else a.reshape(-1, *a.shape[-3:])


@kernel("matmul", compiled=True)
class Matmul:
    """The product of two matrices, or of equally many."""

    def forward(xp, recording, a, b, out=None):
        if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2]:
            return NotImplemented
        shape = (*a.shape[:-1], b.shape[-1])
        if out is not None and (out.shape != shape or out.dtype is not a.dtype):
            return NotImplemented
        made = np.empty(shape, a.dtype) if out is None else out
        if not made.flags.c_contiguous:
            return NotImplemented
        whole = multiply if a.ndim == b.ndim == 2 else _multiply_stacks
        return made if whole(a, b, made) else NotImplemented


@jit.inline
def add_rows(a, first, last, start, sums):
    """Add the rows of a from first to last, from column start on, to the sums."""
    stop = start + sums.size
    fours = first + (last - first) // 4 * 4
    for row in range(first, fours, 4):  # four at a time: a quarter of the traffic on the sums
        one, two = a[row][start:stop], a[row + 1][start:stop]
        three, four = a[row + 2][start:stop], a[row + 3][start:stop]
        for i in range(sums.size):
            sums[i] += (one[i] + two[i]) + (three[i] + four[i])
    for row in range(fours, last):
        rest = a[row][start:stop]
        for i in range(sums.size):
            sums[i] += rest[i]


@jit.parallel
def _parameter_gradients(g, rows, for_weight, for_bias, parts):
    """for_weight = gᵀ · rows, its longer side divided, and for_bias = the sum of g's rows."""
    features, inner = for_weight.shape
    for part in prange(parts):
        start, stop = part * features // parts, (part + 1) * features // parts
        if for_bias.size:
            sums = for_bias[start:stop]
            sums[:] = 0
            add_rows(g, 0, len(g), start, sums)
        if features >= inner:
            blas.gemm(True, False, 1.0, g[:, start:stop], rows, 0.0, for_weight[start:stop])
        else:
            start, stop = part * inner // parts, (part + 1) * inner // parts
            blas.gemm(True, False, 1.0, g, rows[:, start:stop], 0.0, for_weight[:, start:stop])


def parameter_gradients(g, rows, has_bias):
    """Return gᵀ · rows, and the sum of the rows of g or None."""
    for_weight = np.empty((g.shape[1], rows.shape[1]), g.dtype)
    for_bias = np.empty(g.shape[1] if has_bias else 0, g.dtype)
    _parameter_gradients(g, rows, for_weight, for_bias, jit.threads())
    return for_weight, for_bias if has_bias else None


@kernel("linear", compiled=True)
class Linear:
    """input @ weightᵀ + bias in one pass over the output, the gradients of both at once."""

    def forward(xp, recording, input, weight, bias):
        if weight.ndim != 2 or input.ndim == 0 or input.shape[-1] != weight.shape[1]:
            return NotImplemented
        count, features = math.prod(input.shape[:-1]), weight.shape[0]
        if not (jit.takes(weight) and _is_large(count, *weight.shape, input, weight)):
            return NotImplemented
        if bias is not None and not (jit.takes(weight, bias) and bias.shape == (features,)):
            return NotImplemented
        input = jit.contiguous(input)
        out = np.empty((*input.shape[:-1], features), input.dtype)
        multiply(input.reshape(count, -1), weight.T, out.reshape(count, features), bias)
        return out, (input, weight)

    def backward(xp, g, saved, wanted):
        input, weight = saved
        features, inner = weight.shape
        rows, g = input.reshape(-1, inner), np.ascontiguousarray(g).reshape(-1, features)
        for_input = for_weight = for_bias = None
        if wanted[0]:
            for_input = np.empty(input.shape, input.dtype)
            multiply(g, weight, for_input.reshape(-1, inner))
        if wanted[1]:
            for_weight, for_bias = parameter_gradients(g, rows, len(wanted) == 3 and wanted[2])
        elif wanted[-1]:
            for_bias = g.sum(0)
        return (for_input, for_weight, for_bias)[:len(wanted)]


_ROWS = 8  # whose gradients are in the cache still when they are added to the bias's
_KEEPS_OUTPUT = ("relu", "sigmoid", "tanh")
_KEEPS_INPUT = ("_gelu", "_gelu_tanh", "_silu")


def _over_rows(slope):
    @jit.parallel
    def slopes(g, known, out, for_bias, parts):
        """out = slope(g, known); for_bias, unless empty, gets the sums of its columns by parts."""
        for part in prange(parts):
            start, stop = part * len(out) // parts, (part + 1) * len(out) // parts
            sums = for_bias[part]
            sums[:] = 0
            for first in range(start, stop, _ROWS):
                last = min(first + _ROWS, stop)
                for row in range(first, last):
                    a, b, c = g[row], known[row], out[row]
                    for i in range(c.size):
                        c[i] = slope(a[i], b[i])
                if sums.size:
                    add_rows(out, first, last, 0, sums)

    return slopes


_SLOPES = {name: _over_rows(FORMULAS[name][1]) for name in (*_KEEPS_OUTPUT, *_KEEPS_INPUT)}


@kernel("linear_activation", compiled=True)
class LinearActivation:
    """activation(input @ weightᵀ + bias), in float32 as the activations themselves."""

    def forward(xp, recording, input, weight, bias, activation):
        if input.dtype.char != "f" or not (input.size and weight.size):
            return NotImplemented
        for layer in (Linear, portable.Linear):
            result = layer.forward(xp, recording, input, weight, bias)
            if result is not NotImplemented:
                break
        else:
            return NotImplemented
        inner, saved = result
        made = compiled(activation, math.inf).forward(xp, recording, inner)
        if made is NotImplemented:
            return NotImplemented
        known = made[0] if activation in _KEEPS_OUTPUT else inner
        return made[0], (layer, saved, known, activation)

    def backward(xp, g, saved, wanted):
        layer, saved, known, activation = saved
        has_bias = len(wanted) == 3 and wanted[2]
        inner = np.empty(known.shape, known.dtype)
        parts, width = jit.parts(inner.size), known.shape[-1]
        sums = np.empty((parts, width if has_bias else 0), known.dtype)
        _SLOPES[activation](*[a.reshape(-1, width) for a in (jit.contiguous(g), known, inner)],
                            sums, parts)
        grads = layer.backward(xp, inner, saved, wanted[:2])
        return (*grads, sums.sum(0) if has_bias else None)[:len(wanted)]
