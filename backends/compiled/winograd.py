"""3x3 convolutions with stride 1 as products of transformed tiles: Winograd's F(4x4, 3x3).

A tile of 6x6 inputs becomes one of 4x4 outputs by Y = Aᵀ [Σ over channels of (G w Gᵀ)·(Bᵀ d B)] A:
36 multiplications where the definition needs 144. The points of interpolation are 0, ±√½, ±√2
and ∞, a quarter of the error of the usual 0, ±1, ±2, ∞.

Error against float64, as a multiple of eps · the largest Σ|x||w|: up to 7, 0.5 in the mean.
Used from 16 channels on both sides (a register) and 128 windows on, where one thread needs, for
forward, input gradient, weight gradient (Zen 4, ms; images, channels, size, outputs):

    32, 16, 32x32, 16: Winograd 0.81 0.82 0.89, direct 1.57 1.60 1.55, PyTorch forward 2.12
    32, 32, 16x16, 32: Winograd 0.53 0.53 0.55, direct 1.39 1.42 1.40, PyTorch forward 1.38
    32, 64,   8x8, 64: Winograd 0.49 0.50 0.53, direct 1.37 1.39 1.42, PyTorch forward 1.20

A thread works on a block of tile rows that stays in its cache: from channels-first to strips of
channels-last rows, to 36 matrices of (tiles, channels), their products, and back.

Sources: Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, 2015;
Barabasz et al., Error Analysis and Improving the Accuracy of Winograd Convolution, 2020.
"""

import numpy as np
from numba import prange

from . import jit
from .strips import aligned, gather, places, scatter
from .vector import LANES, PANEL, product, splat, store
from .winograd_tiles import (
    POINTS,
    TAPS,
    TILE,
    WINDOW,
    collect_weights,
    transform_gradient,
    transform_input,
    transform_output,
    transform_weights,
)

__all__ = ["ERROR", "Sides", "serves"]

_WINDOWS = 128  # at least, in all images, to pay for the transforms of the weights
_TOTAL_BYTES = 128 << 20  # of all threads' weight gradients; fewer threads work on larger ones
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
    nothing = np.zeros(columns, np.float32)
    check = splat(np.float32(0))
    for block in range(part * blocks // parts, (part + 1) * blocks // parts):
        start, stop = block * lines // blocks, (block + 1) * lines // blocks
        for line in range(start, stop):
            gather(x, line // down, channels, height, width,
                    line % down * TILE - padding, WINDOW, strip, pixels)
            transform_input(strip, channels, across, space, v, (line - start) * across, leap_v)
        for i in range(POINTS):
            product(v, i * leap_v, channels, 1, 0, rows, u, i * channels * columns, 0, columns,
                    nothing, 0, 0, m, i * leap_m, columns, channels, 1)
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
def _gradient_part(x, g, du, sums, images, channels, height, width, outputs, columns, rows, padding,
                   blocks, part, parts):
    """du[part, point] = Vᵀ · (A dY Aᵀ), (rows, columns), and sums[part], of a part of the tiles."""
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
            transform_gradient(change, outputs, across, space, m, columns, first, leap_m, sums,
                               part * columns)
        for i in range(POINTS):
            at = (part * POINTS + i) * rows * columns
            product(v, i * leap_v, 1, channels, 0, rows, m, i * leap_m, 0, columns,
                    du, at, columns, du, at, columns, (stop - start) * across, 1)


@jit.inline
def _collect_all_weights(du, rows, columns, channels, outputs, out, part, parts):
    """The part's share of the blocks of weights."""
    space = aligned((TAPS * LANES + POINTS) * LANES)
    blocks = ((channels + LANES - 1) // LANES) * ((outputs + LANES - 1) // LANES)
    for block in range(part * blocks // parts, (part + 1) * blocks // parts):
        collect_weights(du, parts, rows, columns, channels, outputs, block, space, out)


@jit.parallel
def _gradient(x, g, du, sums, out, images, channels, height, width, outputs, columns, rows,
              padding, blocks, parts):
    """out = Gᵀ dU G, with space for dU of each part; g is added to sums, (parts, columns)."""
    for part in prange(parts):
        _gradient_part(x, g, du, sums, images, channels, height, width, outputs, columns, rows,
                       padding, blocks, part, parts)
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
    """Return whether `Sides` computes this convolution, and worth its transforms."""
    if (len(input_shape) != 4 or tuple(weight_shape[2:]) != (3, 3) or groups != 1
            or set(stride) != {1} or set(dilation) != {1} or dtype.char != "f"):
        return False
    images, channels, height, width = input_shape
    pad = padding[0]
    high, wide = height + 2 * pad - 2, width + 2 * pad - 2
    return (padding[1] == pad <= 2 and min(channels, weight_shape[0]) >= LANES
            and min(high, wide, height, width) >= TILE and images * high * wide >= _WINDOWS)


class Sides:
    """Images on one side, windows on the other, as in `convolution.py`.

    NaN and infinity spread over a tile here; where a result holds any, `exact` computes it again.
    """

    def __init__(self, weight, padding, exact):
        self.weight, self.padding, self.exact = weight, padding[0], exact

    def correlate(self, image, bias, out):
        """Fill `out` with weight · windows of the image + bias."""
        if not _convolve(image, self.weight, False, self.padding, bias, out):
            self.exact.correlate(image, bias, out)
        return out

    def spread(self, windows, bias, image):
        """Fill the image with what weight · windows adds up to, + bias."""
        if not _convolve(windows, self.weight, True, 2 - self.padding, bias, image):
            self.exact.spread(windows, bias, image)
        return image

    def weight_gradient(self, image, windows, summed):
        """Return the gradients of the weight and, if asked, the sums of the windows."""
        for_weight, sums = _weight_gradient(image, windows, self.padding)
        if not np.isfinite(for_weight).all():
            return self.exact.weight_gradient(image, windows, summed)
        return for_weight, sums if summed else None


def _convolve(x, weight, flip, padding, bias, out):
    """Fill `out` with a convolution, or with `flip` its gradient; return whether it is finite."""
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
    _forward(x.reshape(-1), weight.reshape(-1), flip, u, offset, out.reshape(-1), images, channels,
             height, width, outputs, columns, padding,
             _blocks(images, *out.shape[2:], channels, outputs, parts), parts, finite)
    return not np.isnan(finite).any()


def _weight_gradient(x, g, padding):
    """Return the gradient of the weight and the sums of g."""
    images, channels, height, width = x.shape
    outputs = g.shape[1]
    rows, columns = _up(channels, PANEL), _up(outputs, LANES)
    parts = min(jit.threads(), max(1, _TOTAL_BYTES // (POINTS * rows * columns * x.itemsize)))
    du = np.zeros(parts * POINTS * rows * columns, np.float32)
    sums = np.zeros((parts, columns), np.float32)
    out = np.empty((outputs, channels, 3, 3), np.float32)
    _gradient(x.reshape(-1), g.reshape(-1), du, sums.reshape(-1), out.reshape(-1), images,
              channels, height, width, outputs, columns, rows, padding,
              _blocks(images, *g.shape[2:], channels, outputs, parts), parts)
    sums = np.add.reduce(sums, 0)  # of blocks of channels; the last one overlaps the one before it
    return out, np.concatenate([sums[:columns - LANES], sums[columns - LANES:][columns - outputs:]])
