"""Maxima over windows, a line of windows at a time, and means over boxes of images.

The boxes are the windows of average pools, and the parts of adaptive ones. The rows of a line of
boxes are added up first, with full vectors, and then each box's share of that row. Gradients go
the same way back.
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

__all__ = ["elements"]

_NONE = 255  # of a window that has had no element yet
_FEW = 16  # windows in a line, too few for vectors


@functools.lru_cache(maxsize=1024)
def elements(size, counts, window, stride, padding, dilation):
    """Return where the elements of windows lie in an image.

    Returns:
        rows: per line of windows and row of a window, where the image's row begins; −1 outside.
        columns: per column of a window, its place in the row for the first window that has it
            inside; this window; the one after the last; and its place for the very first window.
    """
    def inside(axis):
        for i in range(counts[axis]):
            start = i * stride[axis] - padding[axis]
            yield [place if 0 <= place < size[axis] else None for place in range(
                start, start + window[axis] * dilation[axis], dilation[axis])]

    rows, width = [[0]], size[-1]
    for axis in range(len(size) - 1):
        rows = [[-1 if before < 0 or place is None else before * size[axis] + place
                 for before, place in product(line, places)]
                for line in rows for places in inside(axis)]
    columns = []
    for place in range(-padding[-1], window[-1] * dilation[-1] - padding[-1], dilation[-1]):
        start = min(counts[-1], max(0, -(place // stride[-1])))
        stop = max(start, min(counts[-1], -((place - width) // stride[-1])))
        columns.append((place + start * stride[-1], start, stop, place))
    rows = np.array(rows, np.int64)
    return np.where(rows < 0, -1, rows * width), np.array(columns, np.int64)


@jit.inline
def _every(x, step, space):
    """Return every step-th element of x, next to each other, as many as fit into the space."""
    if step == 1:
        return x[:space.size]
    for j in range(space.size):
        space[j] = x[j * step]
    return space


@jit.inline
def _keep_larger(x, number, best, winner):
    """Where x is larger, or NaN, or the first: keep it, and the number of its place."""
    for j in range(best.size):
        larger = x[j] > best[j] or x[j] != x[j] or winner[j] == _NONE
        best[j] = x[j] if larger else best[j]
        winner[j] = number if larger else winner[j]


@jit.inline
def _keep_largest_of_four(above, below, best, winner):
    """The same for windows of 2 × 2 next to each other."""
    for j in range(best.size):
        a, b, c, d = above[2 * j], above[2 * j + 1], below[2 * j], below[2 * j + 1]
        larger = b > a or b != b
        a, number = b if larger else a, np.uint8(larger)
        larger = c > a or c != c
        a, number = c if larger else a, np.uint8(2) if larger else number
        larger = d > a or d != d
        best[j] = d if larger else a
        winner[j] = np.uint8(3) if larger else number


@jit.inline
def _keep_largest_of_each(image, places, columns, step, best, winner):
    """The same for few windows, one after the other."""
    for j in range(best.size):
        largest, found, number = image.dtype.type(-np.inf), _NONE, 0
        for row in places:
            for c in range(len(columns)):
                if row >= 0 and columns[c, 1] <= j < columns[c, 2]:
                    x = image[np.uint64(row + columns[c, 3] + j * step)]
                    if x > largest or x != x or found == _NONE:
                        largest, found = x, number
                number += 1
        best[j], winner[j] = largest, found


@jit.parallel
def _max(x, rows, columns, step, in_fours, out, winner, parts):
    """Write the largest element of each window and the number of its place in the window."""
    wide = len(columns)
    for part in prange(parts):
        space = np.empty(out.shape[2], x.dtype)
        for m in range(part * len(x) // parts, (part + 1) * len(x) // parts):
            for line in range(len(rows)):
                best, places = out[m, line], winner[m, line]
                if in_fours:
                    _keep_largest_of_four(x[m, rows[line, 0]:], x[m, rows[line, 1]:], best, places)
                    continue
                if best.size < _FEW:
                    _keep_largest_of_each(x[m], rows[line], columns, step, best, places)
                    continue
                best[:] = -np.inf
                places[:] = _NONE
                for r in range(rows.shape[1]):
                    for c in range(wide if rows[line, r] >= 0 else 0):
                        start, stop = columns[c, 1], columns[c, 2]
                        _keep_larger(
                            _every(x[m, rows[line, r] + columns[c, 0]:], step, space[start:stop]),
                            np.uint8(r * wide + c), best[start:stop], places[start:stop])


@jit.parallel
def _max_gradient(g, winner, rows, columns, step, image, parts):
    """Add each window's gradient to its largest element."""
    wide = len(columns)
    for part in prange(parts):
        begins = np.empty(rows.shape[1] * wide, np.int64)
        for m in range(part * len(g) // parts, (part + 1) * len(g) // parts):
            image[m] = 0
            for line in range(len(rows)):
                a, places = g[m, line], winner[m, line]
                for number in range(begins.size):
                    begins[number] = rows[line, number // wide] + columns[number % wide, 3]
                for j in range(a.size):
                    image[m, begins[places[j]] + j * step] += a[j]


class _Sides:
    """The images of one pool as rows, its windows as lines, and where their elements lie."""

    def __init__(self, shape, plan):
        dims = len(plan.size)
        self.shape, self.out_shape = shape, (*shape[:-dims], *plan.counts)
        self.elements = elements(plan.size, plan.counts, plan.kernel, plan.stride, plan.padding,
                                  plan.dilation)
        self.images = (math.prod(shape[:-dims]), math.prod(plan.size))
        self.lines = (self.images[0], math.prod(plan.counts[:-1]), plan.counts[-1])
        self.step = plan.stride[-1]
        self.in_fours = (
            plan.kernel[-2:] == plan.stride[-2:] == (2, 2) and math.prod(plan.kernel) == 4
            and not any(plan.padding) and set(plan.dilation) == {1}
            and all(2 * n <= size for n, size in zip(plan.counts[-2:], plan.size[-2:])))
        self.parts = jit.parts(math.prod(shape))


@kernel("max_pool", compiled=True)
class MaxPool:
    """Keeps, for backward, which place of the window won."""

    def forward(xp, recording, input, plan):
        x = xp.ascontiguousarray(input)
        if math.prod(plan.kernel) >= _NONE or not x.size or not jit.takes(x):
            return NotImplemented
        sides = _Sides(x.shape, plan)
        out = np.empty(sides.out_shape, x.dtype)
        winner = np.empty(sides.lines, np.uint8)
        _max(x.reshape(sides.images), *sides.elements, sides.step, sides.in_fours,
             out.reshape(sides.lines), winner, sides.parts)
        return out, (winner, sides)

    def backward(xp, g, saved, wanted):
        winner, sides = saved
        image = np.empty(sides.shape, g.dtype)
        _max_gradient(xp.ascontiguousarray(g).reshape(sides.lines), winner, *sides.elements,
                      sides.step, image.reshape(sides.images), sides.parts)
        return (image,)


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
        return pool.means(x), (pool,)

    def backward(xp, g, saved, wanted):
        return (saved[0].gradients(g),)


@kernel("adaptive_avg_pool", compiled=True)
class AdaptiveAvgPool:
    """Boxes that are nearly equal parts."""

    def forward(xp, recording, input, sizes):
        x = xp.ascontiguousarray(input)
        if not x.size or not jit.takes(x) or 0 in sizes:
            return NotImplemented
        boxes, elements = _parts(x.shape[-len(sizes):], sizes)
        pool = _Pool(x.shape, sizes, boxes, np.reshape(elements, sizes), x.dtype)
        return pool.means(x), (pool,)

    def backward(xp, g, saved, wanted):
        return (saved[0].gradients(g),)
