"""Means over boxes of images: the windows of average pools, and the parts of adaptive ones.

The rows of a line of boxes are added up first, with full vectors, and then each box's share of
that row. Gradients go the same way back.
"""

import functools
import math
from itertools import product
from typing import NamedTuple

import numpy as np
from numba import prange

from ..kernels import kernel
from ..kernels.pooling import divisor
from . import jit

_NARROW = 8  # boxes narrower than this are added up all at once, a column of each at a time


class Boxes(NamedTuple):
    """Where boxes lie in an image whose last axis is a row."""

    rows: np.ndarray  # (lines of boxes, rows of a box), where the row begins, -1 outside
    spans: np.ndarray  # (boxes of a line, 2), where a box starts and ends in a row with its border
    step: int  # from a box to the next, if they are narrow and all alike; else 0
    lead: int  # the border before a row
    width: int  # of a row
    space: int  # of a row with its border


def _boxes(size, spans):
    """Return the boxes with these (start, end) per axis of an image; they may reach outside."""
    size, spans = list(size), [np.array(axis, np.int64).reshape(-1, 2) for axis in spans]
    while len(size) > 1 and spans[-1].tolist() == [[0, size[-1]]]:  # boxes of whole rows
        width = size.pop()
        size[-1] *= width
        spans.pop()
        spans[-1] = spans[-1] * width
    rows = [[0]]
    for n, axis in zip(size[:-1], spans[:-1]):
        rows = [[before * n + place for before in line for place in range(max(a, 0), min(b, n))]
                for line in rows for a, b in axis.tolist()]
    table = np.full((len(rows), max(map(len, rows))), -1, np.int64)
    for line, places in zip(table, rows):
        line[:len(places)] = places
    table[table > 0] *= size[-1]
    last, lead = spans[-1], max(0, -int(spans[-1].min()))
    steps, widths = set(np.diff(last[:, 0]).tolist()), set((last[:, 1] - last[:, 0]).tolist())
    alike = len(steps) == len(widths) == 1 and max(widths) < _NARROW
    return Boxes(table, last + lead, steps.pop() if alike else 0, lead, size[-1],
                 max(size[-1], int(last.max())) + lead)


@functools.lru_cache(maxsize=1024)
def _windows(size, counts, window, stride, padding):
    return _boxes(size, [[(i * s - p, i * s - p + k) for i in range(n)]
                         for n, k, s, p in zip(counts, window, stride, padding)])


@functools.lru_cache(maxsize=1024)
def _parts(size, counts):
    """Return the parts of an adaptive pool, and of how many elements each is the mean."""
    spans = [[(i * n // count, -(-(i + 1) * n // count)) for i in range(count)]
             for n, count in zip(size, counts)]
    elements = [math.prod(b - a for a, b in box) for box in product(*spans)]
    return _boxes(size, spans), elements


@jit.inline
def _add(a, step, out):
    """out += every step-th element of a."""
    if step == 1:
        for j in range(out.size):
            out[j] += a[j]
    else:
        for j in range(out.size):
            out[j] += a[j * step]


@jit.inline
def _add_up(row, spans, step, out):
    """Write the sum of each box's share of a row."""
    if step > 0:
        out[:] = 0
        for c in range(spans[0, 1]):
            _add(row[c:], step, out)
        return
    for j in range(out.size):
        a, total = row[spans[j, 0]:spans[j, 1]], row.dtype.type(0)
        for i in range(a.size):
            total += a[i]
        out[j] = total


@jit.inline
def _spread(g, spans, step, row):
    """Add each box's gradient to its share of a row."""
    for c in range(spans[0, 1] if step > 0 else 0):
        a = row[c:]
        for j in range(g.size):
            a[j * step] += g[j]
    for j in range(g.size if step == 0 else 0):
        a = row[spans[j, 0]:spans[j, 1]]
        for i in range(a.size):
            a[i] += g[j]


@jit.parallel
def _means(x, boxes, divisors, out, parts):
    """Write the sum of each box over its divisor."""
    rows, spans, step, lead, width, space = boxes
    alone = rows.shape[1] == 1 and space == width
    for part in prange(parts):
        total = np.zeros(space, x.dtype)
        inside = total[lead:lead + width]
        for m in range(part * len(x) // parts, (part + 1) * len(x) // parts):
            image = x[m]
            for line in range(len(rows)):
                if alone:
                    inside = image[rows[line, 0]:rows[line, 0] + width]
                else:
                    inside[:] = 0
                    for row in rows[line]:
                        if row >= 0:
                            _add(image[row:], 1, inside)
                b, shares = out[m, line], divisors[line]
                _add_up(inside if alone else total, spans, step, b)
                for j in range(b.size):
                    b[j] /= shares[j]


@jit.parallel
def _mean_gradients(g, boxes, divisors, out, parts):
    """Add each box's gradient over its divisor to its elements."""
    rows, spans, step, lead, width, space = boxes
    for part in prange(parts):
        share, total = np.empty(g.shape[2], g.dtype), np.empty(space, g.dtype)
        for m in range(part * len(g) // parts, (part + 1) * len(g) // parts):
            image = out[m]
            image[:] = 0
            for line in range(len(rows)):
                a, b = g[m, line], divisors[line]
                for j in range(share.size):
                    share[j] = a[j] / b[j]
                total[:] = 0
                _spread(share, spans, step, total)
                for row in rows[line]:
                    if row >= 0:
                        _add(total[lead:], 1, image[row:row + width])


class _Pool:
    """The images and boxes of one pool, and how many elements each box is the mean of."""

    def __init__(self, shape, counts, boxes, elements, dtype):
        lead = shape[:-len(counts)]
        self.shape, self.out_shape, self.boxes = shape, (*lead, *counts), boxes
        self.images = (math.prod(lead), math.prod(shape[-len(counts):]))
        self.lines = (self.images[0], len(boxes.rows), len(boxes.spans))
        self.divisors = np.full(counts, elements, dtype).reshape(self.lines[1:])
        self.parts = jit.parts(math.prod(shape))

    def means(self, x):
        out = np.empty(self.lines, x.dtype)
        _means(x.reshape(self.images), self.boxes, self.divisors, out, self.parts)
        return out.reshape(self.out_shape)

    def gradients(self, g):
        g = np.ascontiguousarray(g).reshape(self.lines)
        image = np.empty(self.images, g.dtype)
        _mean_gradients(g, self.boxes, self.divisors, image, self.parts)
        return image.reshape(self.shape)


@kernel("avg_pool", compiled=True)
class AvgPool:
    """Boxes that are windows."""

    def forward(xp, recording, input, plan, count_include_pad, divisor_override):
        x = xp.ascontiguousarray(input)
        if not x.size or not jit.takes(x):
            return NotImplemented
        elements = divisor_override or divisor(xp, plan, count_include_pad, x.dtype)
        boxes = _windows(plan.size, plan.counts, plan.kernel, plan.stride, plan.padding)
        pool = _Pool(x.shape, plan.counts, boxes, elements, x.dtype)
        return pool.means(x), pool

    def backward(xp, g, pool, wanted):
        return (pool.gradients(g),)


@kernel("adaptive_avg_pool", compiled=True)
class AdaptiveAvgPool:
    """Boxes that are nearly equal parts."""

    def forward(xp, recording, input, sizes):
        x = xp.ascontiguousarray(input)
        if not x.size or not jit.takes(x) or 0 in sizes:
            return NotImplemented
        boxes, elements = _parts(x.shape[-len(sizes):], sizes)
        pool = _Pool(x.shape, sizes, boxes, np.reshape(elements, sizes), x.dtype)
        return pool.means(x), pool

    def backward(xp, g, pool, wanted):
        return (pool.gradients(g),)
