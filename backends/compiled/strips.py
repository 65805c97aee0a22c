"""Copies between images and strips.

A strip is a few rows of an image, channels last, in the cache. Where the number of channels is no
multiple of LANES, the last block of them overlaps the one before it.
"""

import numpy as np

from . import jit
from .vector import LANES, transpose

__all__ = ["aligned", "gather", "places", "scatter"]


@jit.inline
def aligned(size):
    """Return a flat array that begins at a boundary of cache lines."""
    space = np.empty(size + 16, np.float32)
    start = (-space.ctypes.data // 4) % 16
    return space[start:start + size]


@jit.inline
def places(rows, width, left, strip_width, channels):
    """Return where in a strip each pixel of so many rows of an image begins."""
    places = np.empty(rows * width, np.intp)
    for y in range(rows):
        for x in range(width):
            places[y * width + x] = (y * strip_width + left + x) * channels
    return places


@jit.inline
def gather(x, image, channels, height, width, top, rows, strip, places):
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
def scatter(strip, columns, out, image, channels, area, first, count, planes):
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
