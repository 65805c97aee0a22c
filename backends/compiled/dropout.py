"""Dropout by a mask of one byte an element, in one pass."""

import numpy as np
from numba import prange

from ..kernels import kernel
from . import jit


@jit.parallel
def _scale(x, kept, scale, out, parts):
    zero = x.dtype.type(0)
    for part in prange(parts):
        start, stop = part * x.size // parts, (part + 1) * x.size // parts
        a, k, b = x[start:stop], kept[start:stop], out[start:stop]
        for i in range(a.size):
            b[i] = a[i] * (scale if k[i] else zero)  # a product: not-a-number stays


def _scaled(x, kept, scale):
    x, kept = jit.contiguous(x), np.require(kept, bool, "CW")
    out = np.empty(x.shape, x.dtype)
    _scale(x.reshape(-1), kept.reshape(-1), scale, out.reshape(-1), jit.parts(x.size))
    return out


@kernel("kept_over", compiled=True)
class KeptOver:
    """What is kept, divided by a probability."""

    def forward(xp, recording, input, kept, p):
        if input.dtype.char not in "fd" or kept.shape != input.shape or not input.ndim:
            return NotImplemented
        scale = input.dtype.type(1) / input.dtype.type(p)
        return _scaled(input, kept, scale), (kept, scale)

    def backward(xp, g, saved, wanted):
        return [_scaled(g, *saved), None]
