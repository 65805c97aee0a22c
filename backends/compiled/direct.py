"""Convolutions of any kernel and stride by their definition, on strips with channels last.

There a row of a window is one run of kernel width · channels numbers, so that a row of windows
times a row of weights is a matrix product of overlapping rows: nothing is copied but the strip.
The input gradient treats each remainder of the stride apart: the windows' side is a strip then,
and of a kernel row every stride-th weight counts, from right to left.

What a product writes beyond the end of a row falls on rows that are written later.
"""

import numpy as np
from numba import prange

from . import jit
from .strips import aligned, gather, places, scatter
from .vector import LANES, PANEL, load, product, store

__all__ = ["Sides", "serves"]

_STRIP_BYTES = 128 << 10
_USED = 0.6  # of a product, at least; BLAS is faster with less
_TOTAL_BYTES = 128 << 20  # of all threads' weight gradients; fewer threads work on larger ones


@jit.inline
def _up(number, step):
    """Return the next multiple."""
    return (number + step - 1) // step * step


@jit.parallel
def _correlate(x, weight, bias, out, images, channels, height, width, outputs, columns, high, wide,
               taps, stride, padding, lines, parts):
    """out = windows of x · weight + bias, so many lines of windows at a time.

    Shapes: weight (kernel height, kernel width · channels, columns), bias (columns).
    """
    blocks = (high + lines - 1) // lines
    for part in prange(parts):
        _correlate_part(x, weight, bias, out, images, channels, height, width, outputs, columns,
                        high, wide, taps, stride, padding, lines, blocks, part, parts)


@jit.inline
def _correlate_part(x, weight, bias, out, images, channels, height, width, outputs, columns, high,
                    wide, taps, stride, padding, lines, blocks, part, parts):
    rows = (lines - 1) * stride[0] + taps[0]
    pitch = max(padding[1] + width, (wide - 1) * stride[1] + taps[1]) * channels
    strip = aligned(rows * pitch + PANEL * stride[1] * channels)
    strip[:] = 0
    made = aligned((lines * wide + PANEL) * columns)
    pixels = places(rows, width, padding[1], pitch // channels, channels)
    planes = np.arange(outputs) * (high * wide)
    step, inner = stride[1] * channels, taps[1] * channels
    for task in range(part * images * blocks // parts, (part + 1) * images * blocks // parts):
        image, first = task // blocks, task % blocks * lines
        count = min(lines, high - first)
        gather(x, image, channels, height, width, first * stride[0] - padding[0], rows, strip,
               pixels)
        for y in range(count):
            product(strip, y * stride[0] * pitch, step, 1, pitch, _up(wide, PANEL),
                    weight, 0, inner * columns, columns, bias, 0, 0,
                    made, y * wide * columns, columns, inner, taps[0])
        scatter(made, columns, out, image, outputs, high * wide, first * wide, count * wide,
                planes)


@jit.parallel
def _spread(g, weight, bias, out, images, channels, height, width, outputs, columns, high, wide,
            taps, stride, padding, lines, parts):
    """out = what weight · g adds up to + bias, so many lines of the image at a time.

    Shapes: weight (kernel height, kernel width, outputs, columns), the columns of its kernel
    ordered by their remainder of the stride and each remainder from right to left; bias (columns).
    """
    blocks = (height + lines - 1) // lines
    for part in prange(parts):
        _spread_part(g, weight, bias, out, images, channels, height, width, outputs, columns,
                     high, wide, taps, stride, padding, lines, blocks, part, parts)


@jit.inline
def _spread_part(g, weight, bias, out, images, channels, height, width, outputs, columns, high,
                 wide, taps, stride, padding, lines, blocks, part, parts):
    left = max(0, (taps[1] - 1 - padding[1] + stride[1] - 1) // stride[1])
    rows = (lines + taps[0] - 2) // stride[0] + 2
    pitch = (left + max(wide, (width - 1 + padding[1]) // stride[1] + 1)) * outputs
    strip = aligned(rows * pitch + PANEL * outputs)
    strip[:] = 0
    made = aligned((lines * width + PANEL * stride[1]) * columns)
    pixels = places(rows, wide, left, pitch // outputs, outputs)
    planes = np.arange(channels) * (height * width)
    for task in range(part * images * blocks // parts, (part + 1) * images * blocks // parts):
        image, first = task // blocks, task % blocks * lines
        count = min(lines, height - first)
        top = (first + padding[0] - taps[0] + 1) // stride[0]  # rounded down
        gather(g, image, outputs, high, wide, top, rows, strip, pixels)
        for y in range(first, first + count):
            _spread_line(strip, pitch, left, top, weight, bias, made, y - first, y + padding[0],
                         width, outputs, columns, taps, stride, padding)
        scatter(made, columns, out, image, channels, height * width, first * width, count * width,
                planes)


@jit.inline
def _spread_line(strip, pitch, left, top, weight, bias, made, line, y, width, outputs, columns,
                 taps, stride, padding):
    """Write one line of an image."""
    down = y % stride[0]
    turns = (taps[0] - down + stride[0] - 1) // stride[0]
    ordered = 0
    for along in range(stride[1]):
        count = max(0, (taps[1] - along + stride[1] - 1) // stride[1])
        x = (along - padding[1]) % stride[1]
        if x < width:
            at = (line * width + x) * columns
            pixels = (width - x + stride[1] - 1) // stride[1]
            if count > 0 and turns > 0:
                source = (((y - down) // stride[0] - top) * pitch
                          + (left + (x + padding[1] - along) // stride[1] - count + 1) * outputs)
                product(strip, source, outputs, 1, -pitch, _up(pixels, PANEL),
                        weight, (down * taps[1] + ordered) * outputs * columns,
                        stride[0] * taps[1] * outputs * columns, columns, bias, 0, 0,
                        made, at, stride[1] * columns, count * outputs, turns)
            else:
                for i in range(pixels):
                    for k in range(0, columns, LANES):
                        store(made, at + i * stride[1] * columns + k, load(bias, k))
        ordered += count


@jit.parallel
def _weight_gradient(x, g, total, images, channels, height, width, outputs, columns, high, wide,
                     taps, stride, padding, lines, parts):
    """Add windows of x · g to total, (parts, kernel height, rows, columns), rows being kernel
    width · channels and some more."""
    blocks = (high + lines - 1) // lines
    for part in prange(parts):
        _weight_gradient_part(x, g, total, images, channels, height, width, outputs, columns,
                              high, wide, taps, stride, padding, lines, blocks, part, parts)


@jit.inline
def _weight_gradient_part(x, g, total, images, channels, height, width, outputs, columns, high,
                          wide, taps, stride, padding, lines, blocks, part, parts):
    rows = (lines - 1) * stride[0] + taps[0]
    pitch = max(padding[1] + width, (wide - 1) * stride[1] + taps[1]) * channels
    across = _up(taps[1] * channels, PANEL)
    strip = aligned(rows * pitch + PANEL)
    strip[:] = 0
    change = aligned(lines * wide * columns)
    change[:] = 0
    pixels = places(rows, width, padding[1], pitch // channels, channels)
    pixels_g = places(lines, wide, 0, wide, columns)
    for task in range(part * images * blocks // parts, (part + 1) * images * blocks // parts):
        image, first = task // blocks, task % blocks * lines
        gather(x, image, channels, height, width, first * stride[0] - padding[0], rows, strip,
               pixels)
        gather(g, image, outputs, high, wide, first, lines, change, pixels_g)
        for tap in range(taps[0]):
            at = (part * taps[0] + tap) * across * columns
            product(strip, tap * pitch, 1, stride[1] * channels, stride[0] * pitch, across,
                    change, 0, wide * columns, columns, total, at, columns,
                    total, at, columns, wide, min(lines, high - first))


def serves(input_shape, weight_shape, stride, padding, dilation, groups, dtype):
    """Return whether `Sides` computes this convolution: not what is one product as it lies."""
    if len(input_shape) != 4 or groups != 1 or set(dilation) != {1} or dtype.char != "f":
        return False
    wide = (input_shape[3] + 2 * padding[1] - weight_shape[3]) // stride[1] + 1
    computed = -(-wide // PANEL) * PANEL  # windows of a line, with those that nobody reads
    return (min(input_shape[1], weight_shape[0]) >= LANES and wide >= _USED * computed
            and not (set(weight_shape[2:]) == {1} and set(stride) == {1}))


class Sides:
    """Images on one side, windows on the other, as in `convolution.py`."""

    def __init__(self, weight, stride, padding):
        self.weight, self.stride, self.padding = weight, stride, padding

    def correlate(self, image, bias, out):
        """Fill `out` with weight · windows of the image + bias."""
        weight, columns = _padded(self.weight.transpose(2, 3, 1, 0))
        _correlate(image.reshape(-1), weight, _bias(bias, columns), out.reshape(-1),
                   *self._sizes(image, out, columns), *self._lines(image, out, False))
        return out

    def spread(self, windows, bias, image):
        """Fill the image with what weight · windows adds up to, + bias."""
        step, width = self.stride[1], self.weight.shape[3]
        order = [i for rest in range(step) for i in reversed(range(rest, width, step))]
        weight, columns = _padded(self.weight[:, :, :, order].transpose(2, 3, 0, 1))
        _spread(windows.reshape(-1), weight, _bias(bias, columns), image.reshape(-1),
                *self._sizes(image, windows, columns), *self._lines(image, windows, True))
        return image

    def weight_gradient(self, image, windows, summed):
        """Return the gradients of the weight and, if asked, the sums of the windows."""
        outputs, channels, down, across = self.weight.shape
        rows, columns = -(-across * channels // PANEL) * PANEL, -(-outputs // LANES) * LANES
        lines, threads = self._lines(image, windows, False)
        most = _TOTAL_BYTES // (down * rows * columns * image.itemsize)
        parts = min(threads, max(1, most))
        total = np.zeros((parts, down, rows, columns), np.float32)
        _weight_gradient(image.reshape(-1), windows.reshape(-1), total.reshape(-1),
                         *self._sizes(image, windows, columns), lines, parts)
        total = np.add.reduce(total, 0)[:, :across * channels, :outputs]
        total = total.reshape(down, across, channels, outputs).transpose(3, 2, 0, 1)
        return (np.ascontiguousarray(total),
                np.add.reduce(windows, (0, 2, 3)) if summed else None)

    def _sizes(self, image, windows, columns):
        return (*image.shape, windows.shape[1], columns, *windows.shape[2:],
                self.weight.shape[2:], self.stride, self.padding)

    def _lines(self, image, windows, spread):
        """Return how many lines of windows (or of the image) form a block, and the threads."""
        threads = jit.threads()
        lines = image.shape[2] if spread else windows.shape[2]
        bytes_of_line = image.itemsize * max(image.shape[1] * image.shape[3] * self.stride[0],
                                             windows.shape[1] * windows.shape[3])
        blocks = max(-(-threads // len(image)), -(-lines * bytes_of_line // _STRIP_BYTES))
        return -(-lines // min(lines, blocks)), threads


def _padded(weight):
    """Return weights flat, with zeros up to a multiple of LANES columns, and that number."""
    columns = -(-weight.shape[3] // LANES) * LANES
    if columns == weight.shape[3]:
        return np.ascontiguousarray(weight).reshape(-1), columns
    whole = np.zeros((*weight.shape[:3], columns), weight.dtype)
    whole[..., :weight.shape[3]] = weight
    return whole.reshape(-1), columns


def _bias(bias, columns):
    whole = np.zeros(columns, np.float32)
    if bias is not None:
        whole[:bias.size] = bias
    return whole
