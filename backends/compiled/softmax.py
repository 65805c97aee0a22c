"""Softmax and its logarithm along the last dimension."""

from . import jit, math

__all__ = ["exponentials"]


@jit.inline
def exponentials(x):
    """Replace the elements of a row by exp(x − max x); return max x and the sum."""
    top = x[0]
    for i in range(x.size):
        top = math.maximum(top, x[i])
    total = x.dtype.type(0)
    for i in range(x.size):
        x[i] = math.exp(x[i] - top)
        total += x[i]
    return top, total
