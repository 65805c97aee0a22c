"""Matrix products inside compiled kernels: BLAS's gemm, one thread a call.

The symbol is SciPy's, which every platform has; naming it (rather than holding its address) is
what lets Numba keep the kernels on disk.
"""

import llvmlite.binding
import numpy as np
from numba import prange, types
from numba.extending import get_cython_function_address

from ..threads import leave_blas_one_thread
from . import jit

__all__ = ["gemm", "gemm_onto", "product"]

for _name in ("sgemm", "dgemm"):
    llvmlite.binding.add_symbol(
        "ember_" + _name, get_cython_function_address("scipy.linalg.cython_blas", _name))

_pointers = types.void(*[types.intp] * 13)
_sgemm = types.ExternalFunction("ember_sgemm", _pointers)
_dgemm = types.ExternalFunction("ember_dgemm", _pointers)

if jit.PARALLEL:  # our threads call BLAS; threads of its own would only take the cores from them
    leave_blas_one_thread()


@jit.inline
def gemm(flip_a, flip_b, alpha, a, b, beta, c):
    """c = alpha · op(a) · op(b) + beta · c, where op transposes if flipped.

    Rows lie anywhere, the elements of a row next to each other; all three of one dtype, float32
    or float64, and none of them empty.
    """
    rows, columns = c.shape
    inner = a.shape[0] if flip_a else a.shape[1]
    size = c.itemsize
    numbers = np.empty(6, np.int32)  # Fortran reads rows as columns: op(b)ᵀ · op(a)ᵀ
    numbers[0], numbers[1], numbers[2] = columns, rows, inner
    numbers[3] = max(b.strides[0] // size, b.shape[1], 1)  # one row alone may have any stride
    numbers[4] = max(a.strides[0] // size, a.shape[1], 1)
    numbers[5] = max(c.strides[0] // size, c.shape[1], 1)
    factors = np.empty(2, c.dtype)
    factors[0], factors[1] = alpha, beta
    flips = np.empty(2, np.uint8)  # "T" or "N"
    flips[0] = 84 if flip_b else 78
    flips[1] = 84 if flip_a else 78
    n, f, t = numbers.ctypes.data, factors.ctypes.data, flips.ctypes.data
    if size == 4:
        _sgemm(t, t + 1, n, n + 4, n + 8, f, b.ctypes.data, n + 12, a.ctypes.data, n + 16,
               f + size, c.ctypes.data, n + 20)
    else:
        _dgemm(t, t + 1, n, n + 4, n + 8, f, b.ctypes.data, n + 12, a.ctypes.data, n + 16,
               f + size, c.ctypes.data, n + 20)
    # Numba frees an array after the last line that names it, addresses or not.
    numbers[0], factors[0], flips[0] = 0, 0, 0


@jit.inline
def gemm_onto(flip_a, flip_b, a, b, bias, c):
    """c = op(a) · op(b) + bias for every row, where a bias of no elements counts as none."""
    if bias.size == 0:
        gemm(flip_a, flip_b, 1.0, a, b, 0.0, c)
        return
    for row in range(c.shape[0]):  # BLAS adds to c anyway: this takes the place of its zeros
        target = c[row]
        for i in range(bias.size):
            target[i] = bias[i]
    gemm(flip_a, flip_b, 1.0, a, b, 1.0, c)


@jit.parallel
def product(flip_a, flip_b, a, b, bias, c, parts, by_rows):
    """c = op(a) · op(b) + bias, the rows or the columns of c divided into parts for the threads."""
    for part in prange(parts):
        count = c.shape[0] if by_rows else c.shape[1]
        start, stop = part * count // parts, (part + 1) * count // parts
        if by_rows and flip_a:
            gemm_onto(flip_a, flip_b, a[:, start:stop], b, bias, c[start:stop])
        elif by_rows:
            gemm_onto(flip_a, flip_b, a[start:stop], b, bias, c[start:stop])
        elif flip_b:
            gemm_onto(flip_a, flip_b, a, b[start:stop], bias[start:stop], c[:, start:stop])
        else:
            gemm_onto(flip_a, flip_b, a, b[:, start:stop], bias[start:stop], c[:, start:stop])
