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
from .vector import LANES, PANEL, product, splat, store
from .winograd_tiles import (
    POINTS,
    TAPS,
    TILE,
    WINDOW,
    aligned,
    collect_weights,
    gather,
    places,
    scatter,
    transform_gradient,
    transform_input,
    transform_output,
    transform_weights,
)

__all__ = ["backward", "forward", "serves"]

_cpu = get("cpu")
ERROR = 8  # at most, as a multiple of eps · the largest Σ|x||w|


@jit.inline
def _transform_all_weights(weight, channels, outputs, flip, u, columns, part, parts):
    """The part's share of the blocks of weights."""
    space = aligned((TAPS + 18 + POINTS) * LANES * LANES)
    blocks = ((channels + LANES - 1) // LANES) * ((outputs + LANES - 1) // LANES)
    for block in range(part * blocks // parts, (part + 1) * blocks // parts):
        transform_weights(weight, channels, outputs, flip, block, space, u, columns)


@jit.inline
def _forward_part(x, u, bias, out, images, channels, height, width, outputs, columns, padding,
                  blocks, part, parts, finite):
    """The part's share of the blocks of tile rows."""
    high, wide = height + 2 * padding - 2, width + 2 * padding - 2
    down, across = (high + TILE - 1) // TILE, (wide + TILE - 1) // TILE
    lines = images * down
    most = (lines + blocks - 1) // blocks
    rows = (most * across + PANEL - 1) // PANEL * PANEL
    leap_v, leap_m = rows * channels + LANES, rows * columns + LANES
    v, m = aligned(POINTS * leap_v), aligned(POINTS * leap_m)
    strip_width = TILE * across + 2
    strip = aligned(WINDOW * strip_width * channels)
    made = aligned((TILE * wide + TILE) * columns)
    space = aligned(WINDOW * strip_width * LANES)
    strip[:] = 0
    pixels = places(WINDOW, width, padding, strip_width, channels)
    planes = np.arange(outputs) * (high * wide)
    check = splat(np.float32(0))
    for block in range(part * blocks // parts, (part + 1) * blocks // parts):
        start, stop = block * lines // blocks, (block + 1) * lines // blocks
        for line in range(start, stop):
            gather(x, line // down, channels, height, width,
                    line % down * TILE - padding, WINDOW, strip, pixels)
            transform_input(strip, channels, across, space, v, (line - start) * across, leap_v)
        for i in range(POINTS):
            product(v, i * leap_v, channels, 1, rows, u, i * channels * columns, columns,
                    m, i * leap_m, channels, False)
        for line in range(start, stop):
            check = transform_output(m, columns, across, space, bias, made, wide,
                                      (line - start) * across, leap_m, check)
            top = line % down * TILE
            scatter(made, columns, out, line // down, outputs, high * wide, top * wide,
                     min(TILE, high - top) * wide, planes)
    store(finite, part * LANES, check)


@jit.parallel
def _forward(x, weight, flip, u, bias, out, images, channels, height, width, outputs, columns,
             padding, blocks, parts, finite):
    """Convolve; bias and u, space for the transformed weights, are padded to `columns` outputs.
    finite[part] becomes 0 or NaN. With flip the weights are those of the other direction."""
    for part in prange(parts):
        if flip:
            _transform_all_weights(weight, outputs, channels, flip, u, columns, part, parts)
        else:
            _transform_all_weights(weight, channels, outputs, flip, u, columns, part, parts)
    for part in prange(parts):
        _forward_part(x, u, bias, out, images, channels, height, width, outputs, columns, padding,
                      blocks, part, parts, finite)


@jit.inline
def _gradient_part(x, g, du, images, channels, height, width, outputs, columns, rows, padding,
                   blocks, part, parts):
    """du[part, point] = Vᵀ · (A dY Aᵀ), (rows, columns): the sum over a part of the tiles."""
    high, wide = height + 2 * padding - 2, width + 2 * padding - 2
    down, across = (high + TILE - 1) // TILE, (wide + TILE - 1) // TILE
    lines = images * down
    most = (lines + blocks - 1) // blocks * across
    leap_v, leap_m = most * channels + LANES, most * columns + LANES
    v, m = aligned(POINTS * leap_v + rows), aligned(POINTS * leap_m)
    strip_width = TILE * across + 2
    strip = aligned(WINDOW * strip_width * channels)
    change = aligned(TILE * TILE * across * outputs)
    space = aligned(WINDOW * strip_width * LANES)
    strip[:] = 0
    change[:] = 0
    m[:] = 0
    pixels = places(WINDOW, width, padding, strip_width, channels)
    pixels_g = places(TILE, wide, 0, TILE * across, outputs)
    for block in range(part * blocks // parts, (part + 1) * blocks // parts):
        start, stop = block * lines // blocks, (block + 1) * lines // blocks
        for line in range(start, stop):
            first = (line - start) * across
            gather(x, line // down, channels, height, width,
                    line % down * TILE - padding, WINDOW, strip, pixels)
            transform_input(strip, channels, across, space, v, first, leap_v)
            gather(g, line // down, outputs, high, wide, line % down * TILE, TILE, change,
                    pixels_g)
            transform_gradient(change, outputs, across, space, m, columns, first, leap_m)
        for i in range(POINTS):
            product(v, i * leap_v, 1, channels, rows, m, i * leap_m, columns, du,
                    (part * POINTS + i) * rows * columns, (stop - start) * across,
                    block > part * blocks // parts)


@jit.inline
def _collect_all_weights(du, rows, columns, channels, outputs, out, part, parts):
    """The part's share of the blocks of weights."""
    space = aligned((TAPS * LANES + POINTS) * LANES)
    blocks = ((channels + LANES - 1) // LANES) * ((outputs + LANES - 1) // LANES)
    for block in range(part * blocks // parts, (part + 1) * blocks // parts):
        collect_weights(du, parts, rows, columns, channels, outputs, block, space, out)


@jit.parallel
def _gradient(x, g, du, out, images, channels, height, width, outputs, columns, rows, padding,
              blocks, parts):
    """out = Gᵀ dU G, with space for dU of each part."""
    for part in prange(parts):
        _gradient_part(x, g, du, images, channels, height, width, outputs, columns, rows, padding,
                       blocks, part, parts)
    for part in prange(parts):
        _collect_all_weights(du, rows, columns, channels, outputs, out, part, parts)


def _up(number, step):
    """Return the next multiple."""
    return -(-number // step) * step


def _blocks(images, high, wide, channels, outputs, parts):
    """Return into how many blocks of tile rows to divide the work: of 32 tiles or more, for the
    weights of many channels are read again for each."""
    across = -(-wide // TILE)
    lines = images * -(-high // TILE)
    tiles = min(max(32, min(channels, outputs) // 2), 128)
    return min(lines, _up(-(-lines * across // tiles), parts))


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
    """Write the convolution of x and weight, plus bias, to out, which is contiguous."""
    if not _convolve(x, weight, False, padding[0], out, bias):
        out[...] = _defined(x, weight, bias, padding)[0]


def backward(x, weight, g, padding, want_input, want_weight):
    """Return the gradients of x and weight, None where not wanted."""
    for_input = for_weight = None
    fine = True
    if want_input:
        for_input = np.empty(x.shape, x.dtype)
        fine = _convolve(g, weight, True, 2 - padding[0], for_input, None)
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


def _flat(a):
    """Return an array as the compiled kernels take it."""
    return (a if jit.takes(a) else np.array(a, order="C")).reshape(-1)


def _convolve(x, weight, flip, padding, out, bias):
    """Write a convolution, or with `flip` its gradient, to out; return whether it is finite."""
    images, channels, height, width = x.shape
    outputs = out.shape[1]
    columns = _up(outputs, LANES)
    offset = np.zeros(columns, np.float32)
    if bias is not None:
        offset[:outputs] = bias
    space = np.empty if columns == outputs else np.zeros
    u = space(POINTS * channels * columns, np.float32)
    parts = jit.threads()
    finite = np.empty(parts * LANES, np.float32)
    _forward(_flat(x), _flat(weight), flip, u, offset, out.reshape(-1), images, channels, height,
             width, outputs, columns, padding,
             _blocks(images, *out.shape[2:], channels, outputs, parts), parts, finite)
    return not np.isnan(finite).any()


def _weight_gradient(x, g, padding):
    images, channels, height, width = x.shape
    outputs = g.shape[1]
    rows, columns = _up(channels, PANEL), _up(outputs, LANES)
    parts = jit.threads()
    du = np.empty(parts * POINTS * rows * columns, np.float32)
    out = np.empty((outputs, channels, 3, 3), np.float32)
    _gradient(_flat(x), _flat(g), du, out.reshape(-1), images, channels, height, width, outputs,
              columns, rows, padding,
              _blocks(images, *g.shape[2:], channels, outputs, parts), parts)
    return out
