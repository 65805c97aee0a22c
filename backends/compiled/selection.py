"""The first few elements of rows in descending or ascending order."""

import numpy as np
from numba import prange

from ..kernels import routine
from . import jit

_FEW = 64  # beyond, inserting them one by one is slower than NumPy's partition


@jit.inline
def _before(u, v, largest):
    """Return whether u comes before v; NaN counts as larger than any number."""
    if u != u:
        return largest and v == v
    if v != v:
        return not largest
    return u > v if largest else u < v


@jit.parallel
def _first(x, largest, places, parts):
    for part in prange(parts):
        values = np.empty(places.shape[1], x.dtype)
        for row in range(part * len(x) // parts, (part + 1) * len(x) // parts):
            a, b, found = x[row], places[row], 0
            for i in range(a.size):
                if found == b.size and not _before(a[i], values[found - 1], largest):
                    continue
                found = min(found + 1, b.size)
                j = found - 1
                while j > 0 and _before(a[i], values[j - 1], largest):
                    values[j], b[j] = values[j - 1], b[j - 1]
                    j -= 1
                values[j], b[j] = a[i], i


@routine
def first_places(array, k, axis, largest):
    """Return where the first k elements along an axis are, in order, or NotImplemented.

    Of equal elements the one that lies first comes first.
    """
    if axis != array.ndim - 1 or not 0 < k <= _FEW or not array.size or not jit.takes(array):
        return NotImplemented
    places = np.empty((array.size // array.shape[-1], k), np.int64)
    _first(array.reshape(len(places), -1), largest, places,
           min(jit.parts(array.size), len(places)))
    return places.reshape(*array.shape[:-1], k)
