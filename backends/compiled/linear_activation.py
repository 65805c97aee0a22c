"""A linear layer and the activation behind it as one node: backward computes the derivative of
the activation and the gradient of the bias in one pass.

What is kept is what the derivative needs: the output, or for GELU and SiLU what they were given.
"""

import math

import numpy as np
from numba import prange

from ..kernels import compiled, kernel
from ..kernels import linear as portable
from . import jit
from .elementwise import FORMULAS
from .linear import Linear, add_rows

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
