"""3x3 convolutions with stride 1 as products of transformed tiles: Winograd's F(4x4, 3x3).

A tile of 6x6 inputs becomes one of 4x4 outputs by Y = Aᵀ [Σ over channels of (G w Gᵀ)·(Bᵀ d B)] A:
36 multiplications where the definition needs 144. The points of interpolation are 0, ±√½, ±√2
and ∞, a quarter of the error of the usual 0, ±1, ±2, ∞.

Error against float64, as a multiple of eps · the largest Σ|x||w|: up to 7, 0.5 in the mean.
A thread works on a block of tile rows that stays in its cache: from channels-first to strips of
channels-last rows, to 36 matrices of (tiles, channels), their products, and back.

Sources: Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, 2015;
Barabasz et al., Error Analysis and Improving the Accuracy of Winograd Convolution, 2020.
"""

import numpy as np
from numba import prange

from .. import get
from ..kernels import convolution as definition
from . import jit
from .linear import multiply
from .vector import LANES, PANEL, load, product, splat, store, transpose

__all__ = ["backward", "forward", "serves"]

_TILE, _WINDOW = 4, 6  # outputs and inputs of a tile, per axis
_cpu = get("cpu")
_POINTS = _WINDOW * _WINDOW
ERROR = 8  # at most, as a multiple of eps · the largest Σ|x||w|
_TILES = 32  # in a block, about
_P, _Q = np.sqrt(0.5), np.sqrt(2.0)  # the points of interpolation: 0, ±p, ±q, ∞
_p, _q, _pp, _qq = (np.float32(v) for v in (_P, _Q, 0.5, 2.0))
_ppp, _qqq, _mid = np.float32(_P**3), np.float32(_Q**3), np.float32(2.5)


def _kernel_transform():
    """Return G, (6, 3): the weights as polynomials, at the points, over Bᵀ's factors."""
    points = np.array([0, _P, -_P, _Q, -_Q])
    factors = [np.prod([p - q for q in points if q != p]) for p in points]
    finite = points[:, None] ** np.arange(3) / np.array(factors)[:, None]
    return np.vstack([finite, [0, 0, 1]])


_G = np.kron(_kernel_transform(), _kernel_transform()).astype(np.float32)  # (36, 9)


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
def _aligned(size):
    """Return a flat array that begins at a boundary of cache lines."""
    space = np.empty(size + 16, np.float32)
    start = (-space.ctypes.data // 4) % 16
    return space[start:start + size]


@jit.inline
def _places(rows, width, left, strip_width, channels):
    """Return where in a strip each pixel of so many rows of an image begins."""
    places = np.empty(rows * width, np.intp)
    for y in range(rows):
        for x in range(width):
            places[y * width + x] = (y * strip_width + left + x) * channels
    return places


@jit.inline
def _gather(x, image, channels, height, width, top, rows, strip, places):
    """Copy rows of an image from channels-first to a strip; rows outside the image are zero."""
    first, last = max(-top, 0), min(rows, height - top)
    if last - first < rows:
        strip[:] = 0
    area = height * width
    start, stop = first * width, last * width
    for c in range(0, channels, LANES):
        c = min(c, channels - LANES)
        at = (image * channels + c) * area + top * width
        if stop - start >= LANES:
            for p in range(start, stop, LANES):
                p = min(p, stop - LANES)
                transpose(x, at + p, area, strip, places, p, c)
        else:
            for i in range(LANES):
                for p in range(start, stop):
                    strip[places[p] + c + i] = x[at + i * area + p]


@jit.inline
def _scatter(strip, columns, out, image, channels, area, first, count, planes):
    """Copy pixels of a strip to an image, channels first."""
    for c in range(0, channels, LANES):
        c = min(c, channels - LANES)
        at = image * channels * area + first
        if count >= LANES:
            for p in range(0, count, LANES):
                p = min(p, count - LANES)
                transpose(strip, p * columns + c, columns, out, planes, c, at + p)
        else:
            for i in range(LANES):
                for p in range(count):
                    out[at + planes[c + i] + p] = strip[p * columns + c + i]


@jit.inline
def _transform_input(strip, channels, tiles, part, v, first, leap):
    """v[:, first + tile, :] = Bᵀ d B for a strip's tiles; `part` is space for 6 rows."""
    width = _TILE * tiles + 2
    row = width * channels
    for c in range(0, channels, LANES):
        c = min(c, channels - LANES)
        for x in range(width):
            at = x * channels + c
            values = _to_points(
                load(strip, at), load(strip, at + row), load(strip, at + 2 * row),
                load(strip, at + 3 * row), load(strip, at + 4 * row), load(strip, at + 5 * row))
            _put(part, x * LANES, width * LANES, values)
        for i in range(_WINDOW):
            for t in range(tiles):
                at = (i * width + t * _TILE) * LANES
                values = _to_points(
                    load(part, at), load(part, at + LANES), load(part, at + 2 * LANES),
                    load(part, at + 3 * LANES), load(part, at + 4 * LANES),
                    load(part, at + 5 * LANES))
                _put(v, i * _WINDOW * leap + (first + t) * channels + c, leap, values)


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
def _transform_gradient(strip, channels, tiles, part, m, columns, first, leap):
    """m[:, first + tile, :channels] = A dY Aᵀ for a strip's tiles; `part` is space for 6 rows."""
    width = _TILE * tiles
    row = width * channels
    for c in range(0, channels, LANES):
        c = min(c, channels - LANES)
        for x in range(width):
            at = x * channels + c
            values = _spread(load(strip, at), load(strip, at + row), load(strip, at + 2 * row),
                             load(strip, at + 3 * row))
            _put(part, x * LANES, width * LANES, values)
        for i in range(_WINDOW):
            for t in range(tiles):
                at = (i * width + t * _TILE) * LANES
                values = _spread(load(part, at), load(part, at + LANES),
                                 load(part, at + 2 * LANES), load(part, at + 3 * LANES))
                _put(m, i * _WINDOW * leap + (first + t) * columns + c, leap, values)


@jit.inline
def _transform_output(m, columns, tiles, part, bias, strip, width, first, leap, check):
    """Write Aᵀ M A + bias to a strip of 4 rows; return check + 0 · all outputs.

    From the last tile to the first: what a tile has beyond the image's right side falls on the
    beginning of the next row, which is written later.
    """
    row = width * columns
    for c in range(0, columns, LANES):
        offset = load(bias, c)
        for t in range(tiles - 1, -1, -1):
            for i in range(_WINDOW):
                at = i * _WINDOW * leap + (first + t) * columns + c
                y0, y1, y2, y3 = _from_points(
                    load(m, at), load(m, at + leap), load(m, at + 2 * leap),
                    load(m, at + 3 * leap), load(m, at + 4 * leap), load(m, at + 5 * leap))
                store(part, i * LANES, y0)
                store(part, (i + _WINDOW) * LANES, y1)
                store(part, (i + 2 * _WINDOW) * LANES, y2)
                store(part, (i + 3 * _WINDOW) * LANES, y3)
            for x in range(_TILE):
                at = x * _WINDOW * LANES
                y0, y1, y2, y3 = _from_points(
                    load(part, at), load(part, at + LANES), load(part, at + 2 * LANES),
                    load(part, at + 3 * LANES), load(part, at + 4 * LANES),
                    load(part, at + 5 * LANES))
                at = (t * _TILE + x) * columns + c
                store(strip, at, y0 + offset)
                store(strip, at + row, y1 + offset)
                store(strip, at + 2 * row, y2 + offset)
                store(strip, at + 3 * row, y3 + offset)
                check = check + ((y0 + y1) + (y2 + y3)) * np.float32(0)
    return check


@jit.parallel
def _forward(x, u, bias, out, images, channels, height, width, outputs, columns, padding, blocks,
             parts, finite):
    """Convolve; bias and u are padded to `columns` outputs. finite[part] becomes 0 or NaN."""
    high, wide = height + 2 * padding - 2, width + 2 * padding - 2
    down, across = (high + _TILE - 1) // _TILE, (wide + _TILE - 1) // _TILE
    for part in prange(parts):
        lines = images * down
        most = (lines + blocks - 1) // blocks
        rows = (most * across + PANEL - 1) // PANEL * PANEL
        leap_v, leap_m = rows * channels + LANES, rows * columns + LANES
        v, m = _aligned(_POINTS * leap_v), _aligned(_POINTS * leap_m)
        strip_width = _TILE * across + 2
        strip = _aligned(_WINDOW * strip_width * channels)
        made = _aligned((_TILE * wide + _TILE) * columns)
        space = _aligned(_WINDOW * strip_width * LANES)
        strip[:] = 0
        places = _places(_WINDOW, width, padding, strip_width, channels)
        planes = np.arange(outputs) * (high * wide)
        check = splat(np.float32(0))
        for block in range(part * blocks // parts, (part + 1) * blocks // parts):
            start, stop = block * lines // blocks, (block + 1) * lines // blocks
            for line in range(start, stop):
                _gather(x, line // down, channels, height, width,
                        line % down * _TILE - padding, _WINDOW, strip, places)
                _transform_input(strip, channels, across, space, v, (line - start) * across,
                                 leap_v)
            for i in range(_POINTS):
                product(v, i * leap_v, channels, 1, rows, u, i * channels * columns, columns,
                        m, i * leap_m, channels, False)
            for line in range(start, stop):
                check = _transform_output(m, columns, across, space, bias, made, wide,
                                          (line - start) * across, leap_m, check)
                top = line % down * _TILE
                _scatter(made, columns, out, line // down, outputs, high * wide, top * wide,
                         min(_TILE, high - top) * wide, planes)
        store(finite, part * LANES, check)


@jit.parallel
def _gradient(x, g, du, images, channels, height, width, outputs, columns, rows, padding, blocks,
              parts):
    """du[part, point] = Vᵀ · (A dY Aᵀ), (rows, columns): the sum over a part of the tiles."""
    high, wide = height + 2 * padding - 2, width + 2 * padding - 2
    down, across = (high + _TILE - 1) // _TILE, (wide + _TILE - 1) // _TILE
    for part in prange(parts):
        lines = images * down
        most = (lines + blocks - 1) // blocks * across
        leap_v, leap_m = most * channels + LANES, most * columns + LANES
        v, m = _aligned(_POINTS * leap_v + rows), _aligned(_POINTS * leap_m)
        strip_width = _TILE * across + 2
        strip = _aligned(_WINDOW * strip_width * channels)
        change = _aligned(_TILE * _TILE * across * outputs)
        space = _aligned(_WINDOW * strip_width * LANES)
        strip[:] = 0
        change[:] = 0
        m[:] = 0
        places = _places(_WINDOW, width, padding, strip_width, channels)
        places_g = _places(_TILE, wide, 0, _TILE * across, outputs)
        for block in range(part * blocks // parts, (part + 1) * blocks // parts):
            start, stop = block * lines // blocks, (block + 1) * lines // blocks
            for line in range(start, stop):
                first = (line - start) * across
                _gather(x, line // down, channels, height, width,
                        line % down * _TILE - padding, _WINDOW, strip, places)
                _transform_input(strip, channels, across, space, v, first, leap_v)
                _gather(g, line // down, outputs, high, wide, line % down * _TILE, _TILE, change,
                        places_g)
                _transform_gradient(change, outputs, across, space, m, columns, first, leap_m)
            for i in range(_POINTS):
                product(v, i * leap_v, 1, channels, rows, m, i * leap_m, columns, du,
                        (part * _POINTS + i) * rows * columns, (stop - start) * across,
                        block > part * blocks // parts)


def _up(number, step):
    """Return the next multiple."""
    return -(-number // step) * step


def _blocks(images, high, wide, parts):
    """Return into how many blocks of tile rows to divide the work."""
    across = -(-wide // _TILE)
    lines = images * -(-high // _TILE)
    return min(lines, _up(-(-lines * across // _TILES), parts))


def _transformed(weight, columns):
    """Return G w Gᵀ, (36, channels, columns), of weights (3, 3, channels, outputs)."""
    channels, outputs = weight.shape[2:]
    rows = np.zeros((9, channels, columns), np.float32)
    rows[:, :, :outputs] = weight.reshape(9, channels, outputs)
    return _product(_G, rows.reshape(9, -1))


def _product(a, b):
    out = np.empty((a.shape[0], b.shape[1]), np.float32)
    return out if multiply(a, b, out) else np.matmul(a, b, out=out)


def serves(input_shape, weight_shape, stride, padding, dilation, groups, dtype):
    """Return whether `forward` and `backward` compute this convolution."""
    if (len(input_shape) != 4 or tuple(weight_shape[2:]) != (3, 3) or groups != 1
            or set(stride) != {1} or set(dilation) != {1} or dtype.char != "f"):
        return False
    images, channels, height, width = input_shape
    pad = padding[0]
    high, wide = height + 2 * pad - 2, width + 2 * pad - 2
    return (images > 0 and padding[1] == pad and pad <= 2
            and min(channels, weight_shape[0]) >= LANES and min(high, wide, height, width) >= 4)


def forward(x, weight, padding, out, bias=None):
    """Write the convolution of x and weight, plus bias, to out."""
    if not _convolve(x, weight.transpose(2, 3, 1, 0), padding[0], out, bias):
        out[...] = _defined(x, weight, bias, padding)[0]


def backward(x, weight, g, padding, want_input, want_weight):
    """Return the gradients of x and weight, None where not wanted."""
    for_input = for_weight = None
    fine = True
    if want_input:
        for_input = np.empty_like(x)
        flipped = weight[:, :, ::-1, ::-1].transpose(2, 3, 0, 1)
        fine = _convolve(g, flipped, 2 - padding[0], for_input, None)
    if want_weight and fine:
        for_weight = _weight_gradient(x, g, padding[0])
        fine = np.isfinite(for_weight).all()
    if fine:
        return for_input, for_weight
    saved = _defined(x, weight, None, padding)[1]
    return definition.Convolution.backward(_cpu, g, saved, (want_input, want_weight))


def _defined(x, weight, bias, padding):
    """Return what the portable kernel does: NaN and infinity, which spread over a tile here, stay
    in the windows that hold them."""
    return definition.Convolution.forward(_cpu, True, x, weight, bias, (1, 1), padding, (1, 1), 1)


def _convolve(x, weight, padding, out, bias):
    """Write a convolution with weights (3, 3, channels, outputs) to out; return whether it is
    finite."""
    images, channels, height, width = x.shape
    outputs = weight.shape[3]
    columns = _up(outputs, LANES)
    offset = np.zeros(columns, np.float32)
    if bias is not None:
        offset[:outputs] = bias
    u = _transformed(weight, columns)
    parts = jit.threads()
    finite = np.empty(parts * LANES, np.float32)
    _forward(x.reshape(-1), u.reshape(-1), offset, out.reshape(-1), images, channels, height,
             width, outputs, columns, padding, _blocks(images, *out.shape[2:], parts), parts,
             finite)
    return not np.isnan(finite).any()


def _weight_gradient(x, g, padding):
    images, channels, height, width = x.shape
    outputs = g.shape[1]
    rows, columns = _up(channels, PANEL), _up(outputs, LANES)
    parts = jit.threads()
    du = np.empty((parts, _POINTS, rows, columns), np.float32)
    _gradient(x.reshape(-1), g.reshape(-1), du.reshape(-1), images, channels, height, width,
              outputs, columns, rows, padding, _blocks(images, *g.shape[2:], parts), parts)
    total = du.sum(0).reshape(_POINTS, -1)
    taps = _product(_G.T, total).reshape(3, 3, rows, columns)[:, :, :channels, :outputs]
    return np.ascontiguousarray(taps.transpose(3, 2, 0, 1))
