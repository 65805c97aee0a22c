"""The windows of a convolution laid out for matrix products, and back.

Of an image (channels × size) some planes are copied, with zeros for the border:

- few channels: one plane per place of the kernel, holding what all windows have there (im2col).
  All planes together times all weights are the convolution: one product.
- many channels: one plane per remainder of the stride, a single one for stride 1. What all windows
  have at one place of the kernel is a run of a plane, so the convolution is a sum of one product
  per place, and nothing is copied more than once. A line of a plane is longer than a line of
  windows; the products fill these gaps too, and nobody reads them.

All copies go by tables of positions, made once for each kind of convolution.
"""

import functools
import math
from itertools import product
from typing import NamedTuple

import numpy as np

from . import jit

__all__ = ["Plan", "gather", "open_columns", "open_gaps", "plan", "scatter", "take"]

_FEW_CHANNELS = 12
_FEW_WINDOWS = 16  # of an image; several images share a product then
_ENOUGH_WINDOWS = 256  # in such a product
_BLOCK_BYTES = 384 << 10  # of one thread, what stays in its cache


class Sizes(NamedTuple):
    """What the compiled functions know of a plan."""

    blocks: int  # of an image
    step: int  # from a block to the next in a plane
    width: int  # numbers of a block's windows with their gaps
    span: int  # numbers of a block in a plane
    together: int  # images in one product
    in_place: bool  # whether the image is its only plane
    gaps: bool  # whether products have gaps, or several images


class Plan(NamedTuple):
    """How a convolution is cut into blocks and products; see `plan`."""

    sizes: Sizes
    rows: int  # of a product's planes
    places: np.ndarray  # per product, where in a row of all planes its windows begin
    planes: np.ndarray  # (planes, blocks · step + …), the position in the image, -1 outside
    opened: np.ndarray  # (blocks · step,), the window there, -1 in gaps
    closed: np.ndarray  # (windows,), the position of each window in its block
    bounds: np.ndarray  # (blocks + 1,), the first window of each block
    pixels: np.ndarray  # (size,), where in a row of all planes a pixel is, if in only one place


def _three(numbers, filler):
    return (filler,) * (3 - len(numbers)) + tuple(numbers)


@functools.lru_cache(maxsize=256)
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
    reach = [(k - 1) * d // s for k, d, s in zip(kernel, dilation, stride)]
    # what is right of an image; less than the padding for a transposed one with output_padding
    right = [n + r - m - p for n, r, m, p in zip(counts, reach, size, padding)]
    windows = math.prod(counts)
    as_it_is = not any(padding) and not any(right) and set(stride) == {1}
    by_columns = windows <= _FEW_WINDOWS or (
        channels < _FEW_CHANNELS and not (as_it_is and math.prod(kernel) == 1)
        and not (channels == 1 and groups > 1))
    if by_columns:
        reach, pitch = (0, 0, 0), counts
        starts = list(product(*[range(0, k * d, d) for k, d in zip(kernel, dilation)]))
    else:
        # borders are shared for stride 1: what is right of a line is left of the next one
        pitch = [n + r - (max(0, min(p, r, e)) if s == 1 else 0) for n, r, p, e, s in zip(
            counts, reach, padding, right, stride)]
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
    blocks = -(-lines // block)
    span = (block + further) * pitch[2] + max(0, counts[2] + reach[2] - pitch[2])
    planes = np.full((len(starts), (blocks - 1) * block * pitch[2] + span), -1, np.int32)
    for plane, start in zip(planes, starts):
        # none for the lines that only fill up the last block: their columns are never computed
        inside = _positions(lines + further, pitch, size, stride,
                            [i - p for i, p in zip(start, padding)])
        plane[:inside.size] = inside.reshape(-1)
    opened = _positions(blocks * block, pitch, counts, (1, 1, 1), (0, 0, 0)).reshape(-1)
    closed = np.flatnonzero(opened >= 0)
    step = block * pitch[2]
    bounds = np.searchsorted(closed, np.arange(blocks + 1) * step)
    pixels = np.zeros(0, np.int32)
    if blocks == 1 and not by_columns:
        pixels = np.full(math.prod(size), -1, np.int32)
        pixels[planes[planes >= 0]] = np.flatnonzero(planes >= 0)
    places = [0] if by_columns else _places(starts, kernel, stride, dilation, pitch, span)
    return Plan(
        Sizes(blocks, step, step - pitch[2] + counts[2], span, together,
              as_it_is and not by_columns, gaps),
        channels * len(planes) if by_columns else channels, np.array(places, np.int64), planes,
        opened, (closed % step).astype(np.int32), bounds, pixels)


def _positions(lines, pitch, size, stride, first):
    """Return the position in an array of this size of each number of a plane, -1 outside."""
    line = np.arange(lines)[:, None]
    place = line // pitch[1], line % pitch[1], np.arange(pitch[2])
    depth, height, width = [i * s + f for i, s, f in zip(place, stride, first)]
    inside = ((depth >= 0) & (depth < size[0]) & (height >= 0) & (height < size[1])
              & (width >= 0) & (width < size[2]))
    return np.where(inside, (depth * size[1] + height) * size[2] + width, -1).astype(np.int32)


def _places(starts, kernel, stride, dilation, pitch, span):
    places = []
    for place in product(*map(range, kernel)):
        (depth, height, width), start = zip(*[
            divmod(i * d, s) for i, d, s in zip(place, dilation, stride)])
        places.append(starts.index(start) * span
                      + (depth * pitch[1] + height) * pitch[2] + width)
    return places


@jit.inline
def take(row, positions, out):
    """out = row[positions], 0 where a position is −1."""
    for j in range(out.size):
        position = positions[j]
        out[j] = row[np.uint64(position)] if position >= 0 else 0


@jit.inline
def _add_at(row, positions, out):
    """out[positions] += row, where a position is not −1: the adjoint of `take`."""
    for j in range(row.size):
        position = positions[j]
        if position >= 0:
            out[np.uint64(position)] += row[j]


@jit.inline
def gather(image, pile, images, group, channel, sizes, planes, block, space):
    """Fill (channels, planes, images · span) with a block of images, from one channel on."""
    for i in range(images):
        for p in range(len(planes)):
            positions = planes[p, block * sizes.step:]
            for c in range(min(len(space), image.shape[2] - channel)):
                take(image[pile + i, group, channel + c], positions,
                     space[c, p, i * sizes.span:(i + 1) * sizes.span])


@jit.inline
def scatter(space, sizes, planes, block, image, pile, images, group, channel, stop):
    """Add a block onto images: the adjoint of `gather`."""
    for i in range(images):
        for p in range(len(planes)):
            positions = planes[p, block * sizes.step:]
            for c in range(channel, stop):
                _add_at(space[c - channel, p, i * sizes.span:(i + 1) * sizes.span], positions,
                       image[pile + i, group, c])


@jit.inline
def open_gaps(windows, pile, images, group, sizes, opened, block, wide):
    """Copy a block of windows to where they have gaps of zeros."""
    for i in range(images):
        for k in range(len(wide)):
            take(windows[pile + i, group, k], opened[block * sizes.step:],
                 wide[k, i * sizes.width:(i + 1) * sizes.width])


@jit.inline
def open_columns(windows, pile, images, group, sizes, opened, block, wide):
    """The same, transposed: a row of `wide` holds one window of all outputs."""
    for i in range(images):
        for j in range(sizes.width):
            position = np.int64(opened[block * sizes.step + j])
            row = wide[i * sizes.width + j]
            if position >= 0:
                for k in range(row.size):
                    row[k] = windows[pile + i, group, k, position]
            else:
                for k in range(row.size):
                    row[k] = 0
