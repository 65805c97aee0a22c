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

__all__ = ["gemm", "product"]

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
def _preset(bias, c, first, last, start, stop):
    """Set the rows from first to last of c, from column start to stop, to the bias, or to 0 where
    the bias has no elements: BLAS always adds to c, else it begins by writing zeros itself."""
    zero = c.dtype.type(0)
    for row in range(first, last):
        target = c[row][start:stop]
        if bias.size:
            source = bias[start:stop]
            for i in range(target.size):
                target[i] = source[i]
        else:
            for i in range(target.size):
                target[i] = zero


@jit.parallel
def product(flip_a, flip_b, a, b, bias, c, parts, by_rows):
    """c = op(a) · op(b) + bias, the rows or the columns of c divided into parts for the threads."""
    rows, columns = c.shape
    for part in prange(parts):
        count = rows if by_rows else columns
        start, stop = part * count // parts, (part + 1) * count // parts
        if by_rows:
            _preset(bias, c, start, stop, 0, columns)
            some = a[:, start:stop] if flip_a else a[start:stop]
            gemm(flip_a, flip_b, 1.0, some, b, 1.0, c[start:stop])
        else:
            _preset(bias, c, 0, rows, start, stop)
            some = b[start:stop] if flip_b else b[:, start:stop]
            gemm(flip_a, flip_b, 1.0, a, some, 1.0, c[:, start:stop])
