"""A linear layer and the activation behind it: the activation goes over a thread's part of the
product before the other threads are waited for, its derivative and the bias's gradient likewise.

What is kept is what the derivative needs: the output, or for GELU and SiLU what they were given.
"""

import math

import numpy as np
from numba import prange

from ..kernels import kernel
from ..kernels import linear as portable
from . import blas, jit
from .elementwise import FORMULAS
from .linear import NO_BIAS, Linear, add_rows, by_rows, is_large_layer, takes_layer

_ROWS = 8  # whose gradients are in the cache still when they are added to the bias's
_KEEPS_OUTPUT = ("relu", "sigmoid", "tanh")
_KEEPS_INPUT = ("_gelu", "_gelu_tanh", "_silu")


def _loops(value, slope):
    """Return the loops of a layer, forward and backward, with these formulas of scalars."""
    @jit.parallel
    def layer(rows, weight, bias, before, out, parts, divides_rows):
        """out = value(rows · weightᵀ + bias); `before`, unless empty, gets what value is given."""
        for part in prange(parts):
            target = before if before.size else out
            first, last, start, stop = blas.product_part(
                False, True, rows, weight, bias, target, part, parts, divides_rows)
            for row in range(first, last):
                a, b = target[row][start:stop], out[row][start:stop]
                if before.size:
                    for i in range(b.size):
                        b[i] = value(a[i])
                else:
                    for i in range(b.size):
                        b[i] = value(b[i])

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

    return layer, slopes


_LOOPS = {name: _loops(*FORMULAS[name]) for name in (*_KEEPS_OUTPUT, *_KEEPS_INPUT)}


@kernel("linear_activation", compiled=True)
class LinearActivation:
    """activation(input @ weightᵀ + bias), in float32 as the activations themselves."""

    def forward(xp, recording, input, weight, bias, activation):
        if input.dtype.char != "f" or not takes_layer(input, weight, bias) or not input.size:
            return NotImplemented
        input = jit.contiguous(input)
        parts = jit.threads() if is_large_layer(input, weight) else 1
        shape = (math.prod(input.shape[:-1]), weight.shape[0])
        out = np.empty(shape, input.dtype)
        before = np.empty(shape if recording and activation in _KEEPS_INPUT else (0, 0),
                          input.dtype)
        _LOOPS[activation][0](input.reshape(shape[0], -1), weight,
                              NO_BIAS["f"] if bias is None else bias, before, out, parts,
                              by_rows(*shape))
        known = before if before.size else out
        return out.reshape(*input.shape[:-1], -1), (input, weight, known, activation)

    def backward(xp, g, saved, wanted):
        input, weight, known, activation = saved
        has_bias = len(wanted) == 3 and wanted[2]
        inner = np.empty_like(known)
        parts = jit.parts(inner.size)
        sums = np.empty((parts, known.shape[1] if has_bias else 0), known.dtype)
        _LOOPS[activation][1](jit.contiguous(g).reshape(known.shape), known, inner, sums, parts)
        layer = Linear if is_large_layer(input, weight) else portable.Linear
        inner = inner.reshape(*input.shape[:-1], -1)
        grads = layer.backward(xp, inner, (input, weight), wanted[:2])
        return (*grads, sums.sum(0) if has_bias else None)[:len(wanted)]
