"""Mean and variance in one pass over memory, inside kernels.

A block that fits in the first cache is summed twice, for its mean and around it; blocks are
merged in float64. So neither a large mean nor many elements cost digits.
Source: Chan, Golub, LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
Variances", 1979.
"""

from . import jit

__all__ = ["BLOCK", "deviation_sums", "merged", "moments", "moments_around",
           "short_moments"]

BLOCK = 1024  # elements summed at once


@jit.inline
def merged(count, mean, square, more, its_mean, its_square):
    """Return the mean of count + more elements and the sum of squares around it."""
    away = its_mean - mean
    share = more / (count + more)
    return mean + away * share, square + its_square + away * away * count * share


@jit.inline
def _block_moments(x, first, step, rows, start, stop):
    """Return the mean of the columns start to stop of some rows, and the squares around it."""
    zero = x.dtype.type(0)
    total = zero
    for row in range(rows):
        a = x[first + row * step, start:stop]
        for i in range(a.size):
            total += a[i]
    count = rows * (stop - start)
    centre = total / x.dtype.type(count)
    rest, square = zero, zero
    for row in range(rows):
        a = x[first + row * step, start:stop]
        for i in range(a.size):
            away = a[i] - centre
            rest += away
            square += away * away
    correction = float(rest) / count  # what rounding took from the mean
    return float(centre) + correction, _positive(float(square) - correction * rest)


@jit.inline
def _positive(x):
    return 0.0 if x < 0 else x  # rounding may leave less than nothing; NaN stays


@jit.inline
def short_moments(x, share):
    """Return mean and variance of at most BLOCK elements; share = 1 / x.size."""
    total = x.dtype.type(0)
    for i in range(x.size):
        total += x[i]
    return moments_around(x, x.dtype.type(total * share), share)


@jit.inline
def moments_around(x, centre, share):
    """The same from a first value of the mean."""
    rest, square = x.dtype.type(0), x.dtype.type(0)
    for i in range(x.size):
        away = x[i] - centre
        rest += away
        square += away * away
    correction = rest * share
    return centre + correction, _positive(square * share - correction * correction)


@jit.inline
def moments(x, first, step, rows):
    """Return mean and variance of the rows first, first + step, ... of a matrix."""
    width = x.shape[1]
    together = max(BLOCK // width, 1)
    count, mean, square = 0, 0.0, 0.0
    for row in range(0, rows, together):
        taken = min(together, rows - row)
        for start in range(0, width, BLOCK):
            stop = min(start + BLOCK, width)
            its_mean, its_square = _block_moments(x, first + row * step, step, taken, start, stop)
            more = taken * (stop - start)
            mean, square = merged(count, mean, square, more, its_mean, its_square)
            count += more
    return mean, square / count


@jit.inline
def deviation_sums(g, x, mean):
    """Return the sum of g and that of g · (x − mean) for two rows."""
    zero = g.dtype.type(0)
    total, product = 0.0, 0.0
    for start in range(0, g.size, BLOCK):
        a, b = g[start:start + BLOCK], x[start:start + BLOCK]
        s, p = zero, zero
        for i in range(a.size):
            s += a[i]
            p += a[i] * (b[i] - mean)
        total += s
        product += p
    return total, product
