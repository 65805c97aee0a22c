"""Rows of tables."""

import numpy as np
from numba import prange

from ..kernels import kernel
from ..kernels.lookup import Embedding as Portable
from . import jit

_WORTH_A_THREAD = 32  # columns


@jit.parallel
def _sums_by_row(rows, g, skipped, table, parts):
    """table[r] = the sum of g[i] over all i with rows[i] = r ≠ skipped, in their order; the
    columns divided among the threads."""
    zero = g.dtype.type(0)
    for part in prange(parts):
        start, stop = part * g.shape[1] // parts, (part + 1) * g.shape[1] // parts
        for i in range(table.shape[0]):
            target = table[i][start:stop]
            for j in range(target.size):
                target[j] = zero
        for i in range(rows.size):
            if rows[i] != skipped:
                target, source = table[rows[i]][start:stop], g[i][start:stop]
                for j in range(target.size):
                    target[j] += source[j]


@kernel("_embedding", compiled=True)
class Embedding:
    """Take rows; the gradient adds up where a row was taken several times."""

    forward = Portable.__dict__["forward"]

    def backward(xp, g, saved, wanted):
        input, shape, padding_idx = saved
        if not g.size or not jit.takes(g):
            return Portable.backward(xp, g, saved, wanted)
        rows = np.ascontiguousarray(input, np.int64).reshape(-1)
        table = np.empty(shape, g.dtype)
        _sums_by_row(rows, g.reshape(rows.size, shape[1]),
                     -1 if padding_idx is None else padding_idx, table,
                     min(jit.threads(), max(shape[1] // _WORTH_A_THREAD, 1)))
        return None, table
