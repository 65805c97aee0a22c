"""Convolution as matrix products over the planes of `windows.py`, in three passes."""

import math

import numpy as np
from numba import prange

from ..kernels import kernel
from . import direct, jit, winograd
from .shifted import add, add_outer, add_outer_rows, fill, multiply, multiply_rows, total_of
from .windows import gather, open_columns, open_gaps, plan, scatter, take

_DEPTHWISE = 4  # rows times outputs; up to so many, products are sums of multiples of rows
_TOTAL_BYTES = 128 << 20  # of all threads' weight gradients; beyond, threads share channels out
_FEW = 150  # rows and places; below, turning the windows into columns does not pay


@jit.inline
def _spaces(sizes, channels, planes, outputs, dtype):
    """Return workspaces for the planes and the windows with gaps of a block."""
    space = np.empty((0 if sizes.in_place else channels, planes, sizes.together * sizes.span),
                     dtype)
    return space, np.empty((outputs if sizes.gaps else 0, sizes.together * sizes.width), dtype)


@jit.inline
def _width(sizes, closed, bounds, block, images):
    """Return the numbers in a row of a block's windows, with their gaps."""
    return images * sizes.width if sizes.together > 1 else closed[bounds[block + 1] - 1] + 1


@jit.parallel
def _correlate(image, weight, bias, out, sizes, places, planes, closed, bounds, parts):
    """out = weight · windows of the image + bias.

    Shapes: image (samples, groups, channels, size), weight (groups, places, outputs, rows),
    bias (groups, outputs or 0), out (samples, groups, outputs, windows).
    """
    groups, _, outputs, rows = weight.shape
    tasks = -(-len(image) // sizes.together) * groups * sizes.blocks
    for part in prange(parts):
        space, wide = _spaces(sizes, image.shape[2], len(planes), outputs, image.dtype)
        for task in range(part * tasks // parts, (part + 1) * tasks // parts):
            block, group = task % sizes.blocks, task // sizes.blocks % groups
            pile = task // sizes.blocks // groups * sizes.together
            images = min(sizes.together, len(image) - pile)
            start, stop = bounds[block], bounds[block + 1]
            width = _width(sizes, closed, bounds, block, images)
            if not sizes.in_place:
                gather(image, pile, images, group, 0, sizes, planes, block, space)
            source = image[pile, group] if sizes.in_place else space.reshape(rows, -1)
            at = block * sizes.step if sizes.in_place else 0
            target, to = (wide, 0) if sizes.gaps else (out[pile, group], start)
            beta = 1.0 if bias.shape[1] else 0.0
            for k in range(bias.shape[1]):
                fill(target[k, to:to + width], bias[group, k])
            if rows * outputs <= _DEPTHWISE:
                multiply_rows(weight[group], source, at, places, False, beta, target, to, width)
            else:
                multiply(weight[group], source, at, places, False, beta, target, to, width)
            for i in range(images if sizes.gaps else 0):
                for k in range(outputs):
                    take(wide[k, i * sizes.width:], closed[start:],
                         out[pile + i, group, k, start:stop])


@jit.parallel
def _spread(windows, weight, bias, image, sizes, places, planes, opened, closed, bounds, pixels,
            pieces, parts):
    """image = what weight · windows adds up to where windows overlap, + bias.

    Shapes: as for `_correlate`, but weight (groups, places, rows, outputs), bias (groups,
    channels or 0). The channels of an image are divided into pieces.
    """
    groups, _, rows, outputs = weight.shape
    channels = image.shape[2]
    most = -(-channels // pieces)
    tasks = -(-len(image) // sizes.together) * groups * pieces
    for part in prange(parts):
        space, wide = _spaces(sizes, most, len(planes), outputs, image.dtype)
        planar = space.reshape(most * rows // channels, -1)
        for task in range(part * tasks // parts, (part + 1) * tasks // parts):
            piece, group = task % pieces, task // pieces % groups
            pile = task // pieces // groups * sizes.together
            a, b = piece * channels // pieces, (piece + 1) * channels // pieces
            images = min(sizes.together, len(image) - pile)
            for i in range(0 if pixels.size and not sizes.in_place else images):
                for c in range(a, b):
                    fill(image[pile + i, group, c], 0)
            some = weight[group][:, a * rows // channels:b * rows // channels]
            for block in range(sizes.blocks):
                if sizes.gaps:
                    open_gaps(windows, pile, images, group, sizes, opened, block, wide)
                source, at = (wide, 0) if sizes.gaps else (windows[pile, group], bounds[block])
                target = image[pile, group, a:b] if sizes.in_place else planar
                to = block * sizes.step if sizes.in_place else 0
                beta = 1.0 if sizes.in_place or places.size > 1 else 0.0
                if beta and not sizes.in_place:
                    fill(space.reshape(-1), 0)
                width = _width(sizes, closed, bounds, block, images)
                if rows * outputs <= _DEPTHWISE:
                    multiply_rows(some, source, at, places, True, beta, target, to, width)
                else:
                    multiply(some, source, at, places, True, beta, target, to, width)
                if sizes.in_place:
                    continue
                if pixels.size:
                    for c in range(a, b):
                        take(planar[c - a], pixels, image[pile, group, c])
                else:
                    scatter(space, sizes, planes, block, image, pile, images, group, a, b)
            for c in range(a, b if bias.shape[1] else a):
                for i in range(images):
                    add(image[pile + i, group, c], bias[group, c])


@jit.parallel
def _weight_gradient(image, windows, total, sums, sizes, places, planes, opened, closed, bounds,
                     pieces):
    """Add windows · windows of the imageᵀ to total, and windows to sums if these are not empty.

    Shapes: image and windows as for `_correlate`, total (parts, groups, places, rows, outputs),
    sums (parts, groups, outputs or 0). Each part has some of the blocks, each piece some channels.
    """
    parts, groups, _, rows, outputs = total.shape
    channels = image.shape[2]
    most = -(-channels // pieces)
    tasks = -(-len(image) // sizes.together) * groups * sizes.blocks
    for job in prange(parts * pieces):
        part, piece = job // pieces, job % pieces
        a, b = piece * channels // pieces, (piece + 1) * channels // pieces
        low, high = a * rows // channels, b * rows // channels
        space, _ = _spaces(sizes, most, len(planes), 0, image.dtype)
        by_rows = rows * outputs <= _DEPTHWISE
        in_rows = by_rows or not sizes.gaps and rows * places.size < _FEW
        long = sizes.together * sizes.width
        wide = np.empty((outputs, long) if in_rows else (long, outputs), image.dtype)
        planar = space.reshape(most * rows // channels, -1)
        for task in range(part * tasks // parts, (part + 1) * tasks // parts):
            block, group = task % sizes.blocks, task // sizes.blocks % groups
            pile = task // sizes.blocks // groups * sizes.together
            images = min(sizes.together, len(image) - pile)
            if not in_rows:
                open_columns(windows, pile, images, group, sizes, opened, block, wide)
            elif sizes.gaps:
                open_gaps(windows, pile, images, group, sizes, opened, block, wide)
            as_given = in_rows and not sizes.gaps
            right, start = (windows[pile, group], bounds[block]) if as_given else (wide, 0)
            if not sizes.in_place:
                gather(image, pile, images, group, a, sizes, planes, block, space)
            left = image[pile, group, a:b] if sizes.in_place else planar
            at = block * sizes.step if sizes.in_place else 0
            width = _width(sizes, closed, bounds, block, images)
            if by_rows:
                add_outer_rows(left, at, places, right, start, total[part, group], width)
            else:
                add_outer(left, at, places, right, start, in_rows,
                           total[part, group, :, low:high], width)
            for k in range(sums.shape[2] if piece == 0 else 0):
                for i in range(pile, pile + images):
                    sums[part, group, k] += total_of(
                        windows[i, group, k, bounds[block]:bounds[block + 1]])


def _parted(weight, groups, rows, transposed):
    """Return weights (groups · outputs, ...) as (groups, places, outputs, rows) or transposed."""
    parted = weight.reshape(groups, len(weight) // groups, rows, -1)
    return np.ascontiguousarray(parted.transpose((0, 3, 2, 1) if transposed else (0, 3, 1, 2)))


class _Sides:
    """One call's arrays: images on one side, windows on the other, weights between."""

    def __init__(self, samples, groups, image_shape, counts, weight, stride, padding, dilation):
        self.image_shape = (samples, groups, image_shape[0] // groups, math.prod(image_shape[1:]))
        self.windows_shape = (samples, groups, len(weight) // groups, math.prod(counts))
        self.threads = jit.threads()
        self.plan = plan(
            samples, groups, self.image_shape[2], self.windows_shape[2], image_shape[1:], counts,
            weight.shape[2:], stride, padding, dilation, weight.itemsize, self.threads)
        self.groups, self.weight = groups, weight

    def _bias(self, bias):
        return np.empty((self.groups, 0), self.weight.dtype) if bias is None else bias.reshape(
            self.groups, -1)

    def correlate(self, image, bias, out):
        """Fill `out` with weight · windows of the image + bias."""
        cut = self.plan
        _correlate(image.reshape(self.image_shape),
                   _parted(self.weight, self.groups, cut.rows, False), self._bias(bias),
                   out.reshape(self.windows_shape), cut.sizes, cut.places, cut.planes,
                   cut.closed, cut.bounds, self.threads)
        return out

    def spread(self, windows, bias, image):
        """Fill the image with what weight · windows adds up to, + bias."""
        cut = self.plan
        pieces = min(self.image_shape[2],
                     -(-self.threads // (len(image) * self.groups)))
        _spread(windows.reshape(self.windows_shape),
                _parted(self.weight, self.groups, cut.rows, True), self._bias(bias),
                image.reshape(self.image_shape), cut.sizes, cut.places, cut.planes, cut.opened,
                cut.closed, cut.bounds, cut.pixels, pieces, self.threads)
        return image

    def weight_gradient(self, image, windows, summed):
        """Return the gradients of the weight and, if asked, the sums of the windows."""
        cut, weight = self.plan, self.weight
        parts = max(1, min(self.threads, _TOTAL_BYTES // weight.nbytes))
        pieces = min(self.image_shape[2], self.threads // parts)
        total = np.zeros((parts, self.groups, len(cut.places), cut.rows, self.windows_shape[2]),
                         weight.dtype)
        sums = np.zeros((parts, self.groups, self.windows_shape[2] if summed else 0),
                        weight.dtype)
        _weight_gradient(image.reshape(self.image_shape), windows.reshape(self.windows_shape),
                         total, sums, cut.sizes, cut.places, cut.planes, cut.opened, cut.closed,
                         cut.bounds, pieces)
        total = np.add.reduce(total, 0).transpose(0, 3, 2, 1)
        return (np.ascontiguousarray(total).reshape(weight.shape),
                np.add.reduce(sums, 0).reshape(-1) if summed else None)


def _sides(samples, groups, image_shape, counts, weight, stride, padding, dilation):
    """Return what computes a convolution."""
    case = (samples, *image_shape), weight.shape, stride, padding, dilation, groups, weight.dtype
    if direct.serves(*case):
        sides = direct.Sides(weight, stride, padding)
    else:
        sides = _Sides(samples, groups, image_shape, counts, weight, stride, padding, dilation)
    return winograd.Sides(weight, padding, sides) if winograd.serves(*case) else sides


def _readable(xp, *arrays):
    arrays = [None if a is None else xp.ascontiguousarray(a) for a in arrays]
    given = [a for a in arrays if a is not None]
    return arrays if all(a.size for a in given) and jit.takes(*given) else None


@kernel("convolution", compiled=True)
class Convolution:
    """Weights times windows."""

    def forward(xp, recording, input, weight, bias, stride, padding, dilation, groups):
        arrays = _readable(xp, input, weight, bias)
        if arrays is None:
            return NotImplemented
        x, weight, bias = arrays
        counts = tuple([(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, p, k, s, d in zip(
            x.shape[2:], padding, weight.shape[2:], stride, dilation)])
        sides = _sides(len(x), groups, x.shape[1:], counts, weight, stride, padding, dilation)
        out = np.empty((len(x), len(weight), *counts), x.dtype)
        return sides.correlate(x, bias, out), (x, sides)

    def backward(xp, g, saved, wanted):
        x, sides = saved
        g = xp.ascontiguousarray(g)
        summed = len(wanted) == 3 and wanted[2]
        for_input = for_weight = for_bias = None
        if wanted[0]:
            for_input = sides.spread(g, None, np.empty_like(x))
        if wanted[1] or summed:
            for_weight, for_bias = sides.weight_gradient(x, g, summed)
        return (for_input, for_weight, for_bias)[:len(wanted)]


@kernel("convolution_transposed", compiled=True)
class ConvolutionTransposed:
    """Windows of weights added up to an image: the convolution's input gradient."""

    def forward(xp, recording, input, weight, bias, stride, padding, output_padding, dilation,
                groups):
        arrays = _readable(xp, input, weight, bias)
        if arrays is None:
            return NotImplemented
        x, weight, bias = arrays
        size = [(n - 1) * s - 2 * p + d * (k - 1) + 1 + e for n, s, p, d, k, e in zip(
            x.shape[2:], stride, padding, dilation, weight.shape[2:], output_padding)]
        if min(size) < 1:
            return NotImplemented
        shape = (weight.shape[1] * groups, *size)
        sides = _sides(len(x), groups, shape, x.shape[2:], weight, stride, padding, dilation)
        return sides.spread(x, bias, np.empty((len(x), *shape), x.dtype)), (x, sides)

    def backward(xp, g, saved, wanted):
        x, sides = saved
        g = xp.ascontiguousarray(g)
        for_input = for_weight = for_bias = None
        if wanted[0]:
            for_input = sides.correlate(g, None, np.empty_like(x))
        if wanted[1]:
            for_weight, _ = sides.weight_gradient(g, x, False)
        if len(wanted) == 3 and wanted[2]:
            for_bias = np.add.reduce(g, (0, *range(2, g.ndim)))
        return (for_input, for_weight, for_bias)[:len(wanted)]
