"""Matrix products on all threads, with what stands around them."""

import numpy as np

from ..kernels import kernel
from . import blas, jit

_WORTH_A_THREAD = 1 << 18  # multiplications


def _as_rows(a):
    """Return (a, False) or (aᵀ, True) with the elements of a row next to each other, or None."""
    size = a.itemsize
    if not a.flags.writeable or not a.flags.aligned:
        return None
    if a.strides[1] == size and (a.shape[0] == 1 or a.strides[0] >= size * a.shape[1]):
        return a, False
    if a.strides[0] == size and (a.shape[1] == 1 or a.strides[1] >= size * a.shape[0]):
        return a.T, True
    return None


def multiply(a, b, out):
    """out = a · b for matrices; return whether that was possible."""
    work = a.shape[0] * a.shape[1] * b.shape[1]
    threads = jit.threads()
    if (work < _WORTH_A_THREAD * threads or a.dtype is not b.dtype or a.dtype.char not in "fd"):
        return False
    left, right = _as_rows(a), _as_rows(b)
    if left is None or right is None:
        return False
    by_rows = out.shape[0] >= out.shape[1] or out.shape[1] < 8 * threads
    blas.product(left[1], right[1], left[0], right[0], out, threads, by_rows)
    return True


@kernel("matmul", compiled=True)
class Matmul:
    """The product of two matrices, or of equally many."""

    def forward(xp, recording, a, b, out=None):
        if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
            return NotImplemented
        made = np.empty((a.shape[0], b.shape[1]), a.dtype) if out is None else out
        if not made.flags.c_contiguous or made.dtype is not a.dtype or made.shape != (
                a.shape[0], b.shape[1]):
            return NotImplemented
        return made if multiply(a, b, made) else NotImplemented
