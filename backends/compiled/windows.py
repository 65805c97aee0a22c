"""The windows of a convolution laid out for matrix products, and back.

Of an image (channels × size) some planes are copied, with zeros for the border:

- few channels: one plane per place of the kernel, holding what all windows have there (im2col).
  All planes together times all weights are the convolution: one product.
- many channels: one plane per remainder of the stride, a single one for stride 1. What all windows
  have at one place of the kernel is a run of a plane, so the convolution is a sum of one product
  per place, and nothing is copied more than once. A line of a plane is longer than a line of
  windows; the products fill these gaps too, and nobody reads them.
"""

import functools
import math
from itertools import product
from typing import NamedTuple

import numpy as np

from . import jit

__all__ = ["Plan", "close_gaps", "gather", "open_gaps", "plan", "scatter"]

_FEW_CHANNELS = 12
_FEW_WINDOWS = 16  # of an image; several images share a product then
_ENOUGH_WINDOWS = 256  # in such a product
_BLOCK_BYTES = 384 << 10  # of one thread, what stays in its cache


class Sizes(NamedTuple):
    """What the compiled functions know of a plan; all along depth, height and width."""

    depth: int  # of an image
    height: int
    width: int
    step_depth: int  # stride
    step_height: int
    step_width: int
    per_depth: int  # lines of a plane
    line: int  # numbers in a line of a plane
    windows_height: int
    windows_width: int
    lines: int  # lines of windows of an image, with those between two depths
    further: int  # lines of a plane beyond those of the windows
    block: int  # lines of windows in a block
    blocks: int  # of an image
    together: int  # images in one product
    span: int  # numbers in a plane of a block
    in_place: bool  # whether the image is its only plane
    gaps: bool  # whether products have gaps, or several images


class Plan(NamedTuple):
    """How a convolution is cut into blocks and products; see `plan`."""

    sizes: Sizes
    planes: np.ndarray  # per plane its first depth, height, width; first and last column inside
    places: np.ndarray  # per product, where in a row of all planes its windows begin
    rows: int  # of a product's planes


def _three(numbers, filler):
    return (filler,) * (3 - len(numbers)) + tuple(numbers)


@functools.lru_cache(maxsize=1024)
def plan(samples, groups, channels, outputs, size, counts, kernel, stride, padding, dilation,
         itemsize, threads):
    """Cut a convolution.

    Args:
        samples, groups: of the batch.
        channels, outputs: of one group, on the side of the images and of the windows.
        size, counts: of an image, and how many windows it has, per axis.
        kernel, stride, padding, dilation: one number per axis.
        itemsize: bytes of a number.
        threads: how many will work.
    """
    size, counts, kernel = _three(size, 1), _three(counts, 1), _three(kernel, 1)
    stride, padding, dilation = _three(stride, 1), _three(padding, 0), _three(dilation, 1)
    windows, as_it_is = math.prod(counts), not any(padding) and set(stride) == {1}
    by_columns = windows <= _FEW_WINDOWS or (
        channels < _FEW_CHANNELS and not (as_it_is and math.prod(kernel) == 1))
    if by_columns:
        reach, pitch = (0, 0, 0), counts
        starts = list(product(*[range(0, k * d, d) for k, d in zip(kernel, dilation)]))
    else:
        reach = [(k - 1) * d // s for k, d, s in zip(kernel, dilation, stride)]
        # borders are shared for stride 1: what is right of a line is left of the next one
        pitch = [n + r - (min(p, r) if s == 1 else 0) for n, r, p, s in zip(
            counts, reach, padding, stride)]
        starts = sorted(set(product(*[
            {i * d % s for i in range(k)} for k, d, s in zip(kernel, dilation, stride)])))
    lines = (counts[0] - 1) * pitch[1] + counts[1]
    further = reach[0] * pitch[1] + reach[1]
    together = 1
    if by_columns and windows <= _FEW_WINDOWS:
        together = max(1, min(_ENOUGH_WINDOWS // windows, samples // threads))
    gaps = together > 1 or pitch[2] != counts[2] or counts[0] > 1 and pitch[1] != counts[1]
    blocks = 1
    if together == 1:
        bytes_of_line = itemsize * pitch[2] * (len(starts) * channels + outputs * gaps)
        blocks = min(lines, max(-(-threads // (samples * groups)),
                                -(-lines * bytes_of_line // _BLOCK_BYTES)))
    block = -(-lines // blocks)
    span = (block + further) * pitch[2] + max(0, counts[2] + reach[2] - pitch[2])
    sizes = Sizes(*size, *stride, *pitch[1:], *counts[1:], lines, further, block,
                  -(-lines // block), together, span, as_it_is and not by_columns, gaps)
    planes = [_plane(start, size, pitch, stride, padding) for start in starts]
    places = [0] if by_columns else _places(starts, kernel, stride, dilation, pitch, span)
    return Plan(sizes, np.array(planes, np.int64), np.array(places, np.int64),
                channels * len(planes) if by_columns else channels)


def _plane(start, size, pitch, stride, padding):
    first = [i - p for i, p in zip(start, padding)]
    inside = min(pitch[2], max(0, -(first[2] // stride[2])))
    outside = min(pitch[2], -((first[2] - size[2]) // stride[2]))
    return [*first, inside, max(inside, outside)]


def _places(starts, kernel, stride, dilation, pitch, span):
    places = []
    for place in product(*map(range, kernel)):
        (depth, height, width), start = zip(*[
            divmod(i * d, s) for i, d, s in zip(place, dilation, stride)])
        places.append(starts.index(start) * span
                      + (depth * pitch[1] + height) * pitch[2] + width)
    return places


@jit.inline
def gather(image, sizes, planes, first, lines, target):
    """Fill (channels, planes, span) with lines of the planes of an image (channels, size)."""
    line, step = sizes.line, sizes.step_width
    for channel in range(image.shape[0]):
        for p in range(planes.shape[0]):
            start, stop = planes[p, 3], planes[p, 4]
            row = target[channel, p]
            row[lines * line:] = 0
            for i in range(lines):
                d = (first + i) // sizes.per_depth * sizes.step_depth + planes[p, 0]
                h = (first + i) % sizes.per_depth * sizes.step_height + planes[p, 1]
                taken = row[i * line:(i + 1) * line]
                if d < 0 or d >= sizes.depth or h < 0 or h >= sizes.height:
                    taken[:] = 0
                    continue
                taken[:start] = 0
                taken[stop:] = 0
                begin = (d * sizes.height + h) * sizes.width + planes[p, 2] + start * step
                a, b = image[channel, begin:], taken[start:stop]
                if step == 1:
                    for j in range(b.size):
                        b[j] = a[j]
                else:
                    for j in range(b.size):
                        b[j] = a[j * step]


@jit.inline
def scatter(source, sizes, planes, first, lines, image):
    """Add lines of the planes onto an image: the adjoint of `gather`."""
    line, step = sizes.line, sizes.step_width
    for channel in range(image.shape[0]):
        for p in range(planes.shape[0]):
            start, stop = planes[p, 3], planes[p, 4]
            for i in range(lines):
                d = (first + i) // sizes.per_depth * sizes.step_depth + planes[p, 0]
                h = (first + i) % sizes.per_depth * sizes.step_height + planes[p, 1]
                if d < 0 or d >= sizes.depth or h < 0 or h >= sizes.height:
                    continue
                begin = (d * sizes.height + h) * sizes.width + planes[p, 2] + start * step
                a, b = source[channel, p, i * line + start:i * line + stop], image[channel, begin:]
                if step == 1:
                    for j in range(a.size):
                        b[j] += a[j]
                else:
                    for j in range(a.size):
                        b[j * step] += a[j]


@jit.inline
def open_gaps(windows, sizes, first, target):
    """Copy lines of windows (outputs, windows) to where they have gaps, which become zero."""
    width = sizes.windows_width
    for k in range(windows.shape[0]):
        for start in range(0, target.shape[1], sizes.line):
            line = first + start // sizes.line
            d, h = line // sizes.per_depth, line % sizes.per_depth
            b = target[k, start:start + sizes.line]
            if h >= sizes.windows_height:
                b[:] = 0
                continue
            a = windows[k, (d * sizes.windows_height + h) * width:]
            for j in range(width):
                b[j] = a[j]
            b[width:] = 0


@jit.inline
def close_gaps(source, sizes, first, windows):
    """Copy lines of windows from where they have gaps."""
    width = sizes.windows_width
    for k in range(windows.shape[0]):
        for start in range(0, source.shape[1], sizes.line):
            line = first + start // sizes.line
            d, h = line // sizes.per_depth, line % sizes.per_depth
            if h < sizes.windows_height:
                a = source[k, start:start + width]
                b = windows[k, (d * sizes.windows_height + h) * width:]
                for j in range(a.size):
                    b[j] = a[j]
