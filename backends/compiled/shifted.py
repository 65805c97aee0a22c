"""Products of matrices whose rows begin at several places: the inner part of convolutions."""

from . import jit
from .blas import gemm

__all__ = ["add", "add_outer", "add_outer_rows", "fill", "multiply", "multiply_rows", "total_of"]

# BLAS multiplies factors where they lie, instead of copying them first, up to so many
# multiplications (OpenBLAS: 100³); for narrow factors that is up to twice as fast.
_SMALL = 1_000_000
_OUTPUTS, _ROWS = 64, 128  # of such a product
_LONG = 480  # windows in a product that sums over them


@jit.inline
def multiply(weight, source, at, places, spread, beta, out, to, width):
    """out[:, to:] = Σ weight[place] · source[:, at + place:] + beta · out[:, to:].

    With `spread` the place is one of `out` instead.
    """
    outputs, rows = weight.shape[1], weight.shape[2]
    side, inner = min(outputs, _OUTPUTS), min(rows, _ROWS)
    step = max(_SMALL // (side * inner) // 16 * 16, 16)
    pieces = (width + step - 1) // step
    for piece in range(pieces):
        start, stop = piece * width // pieces, (piece + 1) * width // pieces
        for k in range(0, outputs, side):
            for place in range(places.size):
                here = to + (places[place] if spread else 0)
                there = at + (0 if spread else places[place])
                target = out[k:k + side, here + start:here + stop]
                for r in range(0, rows, inner):
                    gemm(False, False, 1.0, weight[place, k:k + side, r:r + inner],
                         source[r:r + inner, there + start:there + stop],
                         1.0 if r or place and not spread else beta, target)


@jit.inline
def multiply_rows(weight, source, at, places, spread, beta, out, to, width):
    """The same row by row, for the few of a depthwise convolution."""
    for k in range(weight.shape[1]):
        if beta == 0:
            fill(out[k, to:to + width], 0)
        for place in range(places.size):
            here = to + (places[place] if spread else 0)
            there = at + (0 if spread else places[place])
            for r in range(weight.shape[2]):
                a, b = source[r, there:there + width], out[k, here:here + width]
                factor = weight[place, k, r]
                for j in range(b.size):
                    b[j] += factor * a[j]


@jit.inline
def add_outer(source, at, places, windows, start, in_rows, total, width):
    """total[place] += source[:, at + place:] · windows, which are given in columns or in rows."""
    rows, outputs, side = total.shape[1], total.shape[2], _OUTPUTS
    step = min(max(_SMALL // (min(rows, side) * min(outputs, side)) // 16 * 16, 16), _LONG)
    pieces = (width + step - 1) // step
    for piece in range(pieces):
        a, b = piece * width // pieces, (piece + 1) * width // pieces
        for place in range(places.size):
            there = at + places[place]
            for r in range(0, rows, side):
                left = source[r:min(r + side, rows), there + a:there + b]
                for k in range(0, outputs, side):
                    if in_rows:
                        right = windows[k:k + side, start + a:start + b]
                    else:
                        right = windows[start + a:start + b, k:k + side]
                    gemm(False, in_rows, 1.0, left, right, 1.0,
                         total[place, r:r + side, k:k + side])


@jit.inline
def add_outer_rows(source, at, places, windows, start, total, width):
    """The same row by row, for the few of a depthwise convolution."""
    for place in range(places.size):
        there = at + places[place]
        for r in range(total.shape[1]):
            for k in range(total.shape[2]):
                total[place, r, k] += _dot(source[r, there:there + width],
                                           windows[k, start:start + width])


@jit.inline
def _dot(a, b):
    total = a.dtype.type(0)
    for j in range(a.size):
        total += a[j] * b[j]
    return total


@jit.inline
def fill(row, value):
    for j in range(row.size):
        row[j] = value


@jit.inline
def add(row, value):
    for j in range(row.size):
        row[j] += value


@jit.inline
def total_of(row):
    total = row.dtype.type(0)
    for j in range(row.size):
        total += row[j]
    return total
