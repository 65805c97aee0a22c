"""The length of gradients and their scaling, over all of their memory at once."""

import numpy as np
from numba import prange

from ..kernels import routine
from . import jit
from .reduction import sums_of_squares


def _memory(array):
    """Return an array's elements as a vector in the order of memory, or None if it has gaps."""
    array = array if array.flags.c_contiguous else array.T
    return array.reshape(-1) if jit.takes(array) else None


@routine
def square_length(array):
    """Return the sum of squares of all elements, a number, or NotImplemented."""
    x = _memory(array)
    if x is None:
        return NotImplemented
    sums = np.empty(jit.parts(x.size))
    sums_of_squares(x, sums)
    return sums.sum()


@jit.parallel
def _scale(x, factor, parts):
    for part in prange(parts):
        a = x[part * x.size // parts:(part + 1) * x.size // parts]
        for i in range(a.size):
            a[i] *= factor


@routine
def scale(array, factor):
    """Multiply in place by a number of the array's type, or return NotImplemented."""
    x = _memory(array)
    if x is None:
        return NotImplemented
    _scale(x, factor, jit.parts(x.size))
