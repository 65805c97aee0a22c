"""Convolution as one matrix product per block of samples (im2col).

The columns of a block live in one workspace, which is filled again for the next block; backward
gathers them anew, so that nothing but the input is kept.
"""

import math
from itertools import product

from . import kernel

_BLOCK_BYTES = {"cpu": 1 << 22}  # what stays in the cache
_BLOCK_BYTES_ELSEWHERE = 1 << 28  # few launches


class _Geometry:
    """Sizes of one convolution: an image of windows on one side, columns on the other.

    Args:
        image: (channels, *padded size) of the side with windows.
        counts: windows per axis.
        kernel, stride, dilation: one number per axis.
        groups: number of groups.
    """

    def __init__(self, image, counts, kernel, stride, dilation, groups):
        self.channels, self.counts, self.groups = image[0], counts, groups
        self.size = image[1:]
        self.taps, self.length = math.prod(kernel), math.prod(counts)
        self.rows = self.channels // groups * self.taps
        self.places = [
            (..., *[slice(i * d, i * d + (n - 1) * s + 1, s)
                    for i, n, s, d in zip(place, counts, stride, dilation)])
            for place in product(*map(range, kernel))]
        self.direct = self.taps == 1 and set(stride) == {1}

    def workspace(self, xp, samples, dtype):
        """Return an uninitialized array for the columns of a block."""
        return xp.empty((samples, self.channels, self.taps, *self.counts), dtype)

    def gather(self, image, space):
        """Fill the workspace with all windows; return (n, groups, rows, length)."""
        if self.direct:
            return image.reshape(len(image), self.groups, self.rows, self.length)
        space = space[:len(image)]
        for tap, place in enumerate(self.places):
            space[:, :, tap] = image[place]
        return space.reshape(len(image), self.groups, self.rows, self.length)

    def scatter(self, columns, image):
        """Add columns (n, groups, rows, length) onto an image of zeros."""
        columns = columns.reshape(len(image), self.channels, self.taps, *self.counts)
        for tap, place in enumerate(self.places):
            image[place] += columns[:, :, tap]

    def block(self, xp, itemsize):
        """Return how many samples' columns fit into a block."""
        limit = _BLOCK_BYTES.get(xp.device_type, _BLOCK_BYTES_ELSEWHERE)
        return max(1, limit // max(1, self.channels * self.taps * self.length * itemsize))


def _padded(xp, x, padding, extra=None):
    """Return an array with zeros around its spatial axes (`extra` more at the ends)."""
    extra = extra or (0,) * len(padding)
    if not any(padding) and not any(extra):
        return x
    size = [n + 2 * p + e for n, p, e in zip(x.shape[2:], padding, extra)]
    out = xp.zeros((*x.shape[:2], *size), x.dtype)
    out[_inside(padding, x.shape[2:])] = x
    return out


def _inside(padding, size):
    return (..., *[slice(p, p + n) for p, n in zip(padding, size)])


def _blocks(count, step):
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


def _correlate(xp, x, rows, geometry, padding, out):
    """out = rows · windows of the padded x."""
    step = geometry.block(xp, x.itemsize)
    space = None if geometry.direct else geometry.workspace(xp, min(step, len(x)), x.dtype)
    for block in _blocks(len(x), step):
        columns = geometry.gather(_padded(xp, x[block], padding), space)
        xp.matmul(rows, columns, out=out[block])


def _spread(xp, g, rows, geometry, padding, size):
    """Return what `rowsᵀ · g` adds up to on an image, without its border."""
    image = xp.zeros((len(g), geometry.channels, *geometry.size), g.dtype)
    flipped = xp.swapaxes(rows, 1, 2)
    for block in _blocks(len(g), geometry.block(xp, g.itemsize)):
        geometry.scatter(xp.matmul(flipped, g[block]), image[block])
    return image[_inside(padding, size)] if any(padding) or image.shape[2:] != size else image


def _weight_gradient(xp, left, image, geometry, padding):
    """Return the sum over samples of left · windowsᵀ, shape (groups, left rows, rows)."""
    step = geometry.block(xp, image.itemsize)
    space = None if geometry.direct else geometry.workspace(xp, min(step, len(image)), image.dtype)
    total = 0
    for block in _blocks(len(image), step):
        columns = geometry.gather(_padded(xp, image[block], padding), space)
        total = total + xp.add.reduce(xp.matmul(left[block], xp.swapaxes(columns, 2, 3)), 0)
    return total


def _over_channels(xp, g):
    return xp.add.reduce(g, (0, *range(2, g.ndim)))


@kernel("convolution")
class Convolution:
    """Rows of weights times columns of windows."""

    def forward(xp, recording, input, weight, bias, stride, padding, dilation, groups):
        if not input.size or not weight.size or input.dtype.kind != "f":
            return NotImplemented
        size = [n + 2 * p for n, p in zip(input.shape[2:], padding)]
        counts = tuple([(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(
            size, weight.shape[2:], stride, dilation)])
        geometry = _Geometry((input.shape[1], *size), counts, weight.shape[2:], stride, dilation,
                             groups)
        rows = xp.ascontiguousarray(weight).reshape(groups, len(weight) // groups, geometry.rows)
        out = xp.empty((len(input), groups, rows.shape[1], geometry.length), input.dtype)
        x = xp.ascontiguousarray(input)
        _correlate(xp, x, rows, geometry, padding, out)
        out = out.reshape(len(input), len(weight), *counts)
        if bias is not None:
            out += bias.reshape(-1, *[1] * len(counts))
        return out, (x, rows, geometry, padding, weight.shape)

    def backward(xp, g, saved, wanted):
        x, rows, geometry, padding, weight_shape = saved
        g4 = xp.ascontiguousarray(g).reshape(
            len(g), geometry.groups, rows.shape[1], geometry.length)
        for_input = for_weight = None
        if wanted[0]:
            for_input = _spread(xp, g4, rows, geometry, padding, x.shape[2:])
        if wanted[1]:
            for_weight = _weight_gradient(xp, g4, x, geometry, padding).reshape(weight_shape)
        if len(wanted) == 2:
            return for_input, for_weight
        return for_input, for_weight, _over_channels(xp, g) if wanted[2] else None


@kernel("convolution_transposed")
class ConvolutionTransposed:
    """Columns of weights spread onto an image: the convolution's input gradient."""

    def forward(xp, recording, input, weight, bias, stride, padding, output_padding, dilation,
                groups):
        if not input.size or not weight.size or input.dtype.kind != "f":
            return NotImplemented
        counts, kernel_size = input.shape[2:], weight.shape[2:]
        full = [(n - 1) * s + d * (k - 1) + 1 + e for n, s, d, k, e in zip(
            counts, stride, dilation, kernel_size, output_padding)]
        size = tuple([n - 2 * p for n, p in zip(full, padding)])
        geometry = _Geometry((weight.shape[1] * groups, *full), counts, kernel_size, stride,
                             dilation, groups)
        rows = xp.ascontiguousarray(weight).reshape(groups, len(weight) // groups, geometry.rows)
        x = xp.ascontiguousarray(input).reshape(
            len(input), groups, rows.shape[1], geometry.length)
        out = xp.ascontiguousarray(_spread(xp, x, rows, geometry, padding, size))
        if bias is not None:
            out += bias.reshape(-1, *[1] * len(counts))
        return out, (x, rows, geometry, padding, input.shape, weight.shape)

    def backward(xp, g, saved, wanted):
        x, rows, geometry, padding, input_shape, weight_shape = saved
        g = xp.ascontiguousarray(g)
        for_input = for_weight = None
        if wanted[0]:
            for_input = xp.empty_like(x)
            _correlate(xp, g, rows, geometry, padding, for_input)
            for_input = for_input.reshape(input_shape)
        if wanted[1]:
            for_weight = _weight_gradient(xp, x, g, geometry, padding).reshape(weight_shape)
        if len(wanted) == 2:
            return for_input, for_weight
        return for_input, for_weight, _over_channels(xp, g) if wanted[2] else None


def _window_geometry(channels, size, kernel_size, dilation, padding, stride):
    full = [n + 2 * p for n, p in zip(size, padding)]
    counts = tuple([(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(
        full, kernel_size, stride, dilation)])
    return _Geometry((channels, *full), counts, kernel_size, stride, dilation, 1)


def _columns(xp, x, geometry, padding):
    """Return all windows of images, shape (n, rows, length)."""
    space = geometry.workspace(xp, len(x), x.dtype)
    return geometry.gather(_padded(xp, x, padding), space)[:, 0]


def _images(xp, columns, geometry, padding, size):
    """Return images onto which columns are added, without their border."""
    image = xp.zeros((len(columns), geometry.channels, *geometry.size), columns.dtype)
    geometry.scatter(columns, image)
    return image[_inside(padding, size)]


@kernel("im2col")
class Im2col:
    """Copies of the image, shifted, and in backward their sum."""

    def forward(xp, recording, input, kernel_size, dilation, padding, stride):
        if not input.size or input.dtype.kind != "f":
            return NotImplemented
        size = input.shape[2:]
        geometry = _window_geometry(input.shape[1], size, kernel_size, dilation, padding, stride)
        if geometry.direct:  # nothing to copy, but the result may not share the input's memory
            return NotImplemented
        return _columns(xp, input, geometry, padding), (geometry, padding, size)

    def backward(xp, g, saved, wanted):
        return (_images(xp, g, *saved),)


@kernel("col2im")
class Col2im:
    """The other way round."""

    def forward(xp, recording, input, size, kernel_size, dilation, padding, stride):
        if not input.size or input.dtype.kind != "f":
            return NotImplemented
        channels = input.shape[1] // math.prod(kernel_size)
        geometry = _window_geometry(channels, size, kernel_size, dilation, padding, stride)
        if geometry.direct:
            return NotImplemented
        return _images(xp, input, geometry, padding, size), (geometry, padding)

    def backward(xp, g, saved, wanted):
        return (_columns(xp, g, *saved),)
