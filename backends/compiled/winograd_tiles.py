"""The transforms of Winograd's F(4x4, 3x3), from strips of images and back.

All vectors lie along channels or outputs.
"""

import numpy as np

from . import jit
from .vector import LANES, load, splat, store, transpose

__all__ = ["POINTS", "TAPS", "TILE", "WINDOW", "collect_weights", "transform_gradient",
           "transform_input", "transform_output", "transform_weights"]

TILE, WINDOW = 4, 6  # outputs and inputs of a tile, per axis
POINTS, TAPS = WINDOW * WINDOW, 9
_P, _Q = np.sqrt(0.5), np.sqrt(2.0)  # the points of interpolation: 0, ±p, ±q, ∞
_p, _q, _pp, _qq = (np.float32(v) for v in (_P, _Q, 0.5, 2.0))
_ppp, _qqq, _mid = np.float32(_P**3), np.float32(_Q**3), np.float32(2.5)  # mid = p² + q²
_near, _far = np.float32(-2 / 3), np.float32(1 / 6)  # 1 / (2 p² (p² − q²)), 1 / (2 q² (q² − p²))


@jit.inline
def _to_points(d0, d1, d2, d3, d4, d5):
    """Bᵀ d"""
    near, near_odd = d4 - d2 * _qq, (d3 - d1 * _qq) * _p
    far, far_odd = d4 - d2 * _pp, (d3 - d1 * _pp) * _q
    return (d0 - d2 * _mid + d4, near + near_odd, near - near_odd, far + far_odd, far - far_odd,
            d1 - d3 * _mid + d5)


@jit.inline
def _from_points(m0, m1, m2, m3, m4, m5):
    """Aᵀ m"""
    near, near_odd, far, far_odd = m1 + m2, m1 - m2, m3 + m4, m3 - m4
    return (m0 + near + far, near_odd * _p + far_odd * _q, near * _pp + far * _qq,
            near_odd * _ppp + far_odd * _qqq + m5)


@jit.inline
def _spread(y0, y1, y2, y3):
    """A y"""
    near, near_odd = y0 + y2 * _pp, y1 * _p + y3 * _ppp
    far, far_odd = y0 + y2 * _qq, y1 * _q + y3 * _qqq
    return y0, near + near_odd, near - near_odd, far + far_odd, far - far_odd, y3


@jit.inline
def _weights_to_points(w0, w1, w2):
    """G w"""
    near, near_odd = (w0 + w2 * _pp) * _near, w1 * (_p * _near)
    far, far_odd = (w0 + w2 * _qq) * _far, w1 * (_q * _far)
    return w0, near + near_odd, near - near_odd, far + far_odd, far - far_odd, w2


@jit.inline
def _weights_from_points(u0, u1, u2, u3, u4, u5):
    """Gᵀ u"""
    near, near_odd = (u1 + u2) * _near, (u1 - u2) * (_near * _p)
    far, far_odd = (u3 + u4) * _far, (u3 - u4) * (_far * _q)
    return u0 + near + far, near_odd + far_odd, near * _pp + far * _qq + u5


@jit.inline
def transform_input(strip, channels, tiles, part, v, first, leap):
    """v[:, first + tile, :] = Bᵀ d B for a strip's tiles; `part` is space for 6 rows."""
    width = TILE * tiles + 2
    row = width * channels
    for c in range(0, channels, LANES):
        c = min(c, channels - LANES)
        for x in range(width):
            at = x * channels + c
            values = _to_points(
                load(strip, at), load(strip, at + row), load(strip, at + 2 * row),
                load(strip, at + 3 * row), load(strip, at + 4 * row), load(strip, at + 5 * row))
            _put(part, x * LANES, width * LANES, values)
        for i in range(WINDOW):
            for t in range(tiles):
                at = (i * width + t * TILE) * LANES
                values = _to_points(
                    load(part, at), load(part, at + LANES), load(part, at + 2 * LANES),
                    load(part, at + 3 * LANES), load(part, at + 4 * LANES),
                    load(part, at + 5 * LANES))
                _put(v, i * WINDOW * leap + (first + t) * channels + c, leap, values)


@jit.inline
def _put(array, at, step, values):
    """Store six vectors, `step` apart."""
    store(array, at, values[0])
    store(array, at + step, values[1])
    store(array, at + 2 * step, values[2])
    store(array, at + 3 * step, values[3])
    store(array, at + 4 * step, values[4])
    store(array, at + 5 * step, values[5])


@jit.inline
def transform_gradient(strip, channels, tiles, part, m, columns, first, leap, sums, base):
    """m[:, first + tile, :channels] = A dY Aᵀ for a strip's tiles; `part` is space for 6 rows.

    Each block of channels adds its sums of dY to its vector of sums[base:].
    """
    width = TILE * tiles
    row = width * channels
    for begin in range(0, channels, LANES):
        c = min(begin, channels - LANES)
        total = splat(np.float32(0))
        for x in range(width):
            at = x * channels + c
            y0, y1 = load(strip, at), load(strip, at + row)
            y2, y3 = load(strip, at + 2 * row), load(strip, at + 3 * row)
            total = total + ((y0 + y1) + (y2 + y3))
            _put(part, x * LANES, width * LANES, _spread(y0, y1, y2, y3))
        store(sums, base + begin, load(sums, base + begin) + total)
        for i in range(WINDOW):
            for t in range(tiles):
                at = (i * width + t * TILE) * LANES
                values = _spread(load(part, at), load(part, at + LANES),
                                 load(part, at + 2 * LANES), load(part, at + 3 * LANES))
                _put(m, i * WINDOW * leap + (first + t) * columns + c, leap, values)


@jit.inline
def transform_output(m, columns, tiles, part, bias, strip, width, first, leap, check):
    """Write Aᵀ M A + bias to a strip of 4 rows; return check + 0 · all outputs.

    From the last tile to the first: what a tile has beyond the image's right side falls on the
    beginning of the next row, which is written later.
    """
    row = width * columns
    for c in range(0, columns, LANES):
        offset = load(bias, c)
        for t in range(tiles - 1, -1, -1):
            for i in range(WINDOW):
                at = i * WINDOW * leap + (first + t) * columns + c
                y0, y1, y2, y3 = _from_points(
                    load(m, at), load(m, at + leap), load(m, at + 2 * leap),
                    load(m, at + 3 * leap), load(m, at + 4 * leap), load(m, at + 5 * leap))
                store(part, i * LANES, y0)
                store(part, (i + WINDOW) * LANES, y1)
                store(part, (i + 2 * WINDOW) * LANES, y2)
                store(part, (i + 3 * WINDOW) * LANES, y3)
            for x in range(TILE):
                at = x * WINDOW * LANES
                y0, y1, y2, y3 = _from_points(
                    load(part, at), load(part, at + LANES), load(part, at + 2 * LANES),
                    load(part, at + 3 * LANES), load(part, at + 4 * LANES),
                    load(part, at + 5 * LANES))
                at = (t * TILE + x) * columns + c
                store(strip, at, y0 + offset)
                store(strip, at + row, y1 + offset)
                store(strip, at + 2 * row, y2 + offset)
                store(strip, at + 3 * row, y3 + offset)
                check = check + ((y0 + y1) + (y2 + y3)) * np.float32(0)
    return check


@jit.inline
def _taps(block, channels, outputs):
    """Return the first channel and the first output of a block of LANES by LANES weights, and
    where they begin."""
    across = (outputs + LANES - 1) // LANES
    c = min(block // across * LANES, channels - LANES)
    k = min(block % across * LANES, outputs - LANES)
    return c, k, (k * channels + c) * TAPS


@jit.inline
def transform_weights(weight, channels, outputs, flip, block, space, u, columns):
    """u[:, c, k] = G w Gᵀ for a block of weights; with flip the taps run backwards and u is
    [:, k, c]. `space` has room for (taps + 18 + points) * LANES vectors."""
    c, k, start = _taps(block, channels, outputs)
    lines = np.arange(TAPS * LANES) * LANES
    for line in range(0, TAPS * LANES, LANES):  # (k, c · taps) -> (c · taps, k)
        transpose(weight, start + line, channels * TAPS, space, lines, line, 0)
    part, made = TAPS * LANES * LANES, (TAPS + 18) * LANES * LANES
    step = -LANES if flip else LANES
    for i in range(LANES):
        first = (i * TAPS + (TAPS - 1 if flip else 0)) * LANES
        for x in range(3):
            at = first + x * step
            values = _weights_to_points(load(space, at), load(space, at + 3 * step),
                                        load(space, at + 6 * step))
            _put(space, part + x * LANES, 3 * LANES, values)
        for y in range(WINDOW):
            at = part + 3 * y * LANES
            values = _weights_to_points(load(space, at), load(space, at + LANES),
                                        load(space, at + 2 * LANES))
            if flip:
                _put(space, made + (y * WINDOW * LANES + i) * LANES, LANES * LANES, values)
            else:
                _put(u, (y * WINDOW * channels + c + i) * columns + k, channels * columns, values)
    if flip:
        for i in range(POINTS):
            transpose(space, made + i * LANES * LANES, LANES, u,
                      np.arange(k, k + LANES) * columns, 0, i * outputs * columns + c)


@jit.inline
def collect_weights(du, parts, rows, columns, channels, outputs, block, space, out):
    """Gᵀ dU G, summed over parts, for a block of weights."""
    c, k, start = _taps(block, channels, outputs)
    part = TAPS * LANES * LANES
    point = rows * columns
    for i in range(LANES):
        for j in range(POINTS):
            total = load(du, j * point + (c + i) * columns + k)
            for n in range(1, parts):
                total = total + load(du, (n * POINTS + j) * point + (c + i) * columns + k)
            store(space, part + j * LANES, total)
        for x in range(WINDOW):
            at, step = part + x * LANES, WINDOW * LANES
            values = _weights_from_points(
                load(space, at), load(space, at + step), load(space, at + 2 * step),
                load(space, at + 3 * step), load(space, at + 4 * step), load(space, at + 5 * step))
            store(space, at, values[0])
            store(space, at + step, values[1])
            store(space, at + 2 * step, values[2])
        for y in range(3):
            at = part + y * WINDOW * LANES
            values = _weights_from_points(
                load(space, at), load(space, at + LANES), load(space, at + 2 * LANES),
                load(space, at + 3 * LANES), load(space, at + 4 * LANES),
                load(space, at + 5 * LANES))
            at = (i * TAPS + 3 * y) * LANES
            store(space, at, values[0])
            store(space, at + LANES, values[1])
            store(space, at + 2 * LANES, values[2])
    lines = np.arange(LANES) * (channels * TAPS)
    for line in range(0, TAPS * LANES, LANES):
        transpose(space, line * LANES, LANES, out, lines, 0, start + line)


