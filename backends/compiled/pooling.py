"""Maxima over windows, a line of windows at a time."""

import functools
import math
from itertools import product

import numpy as np
from numba import prange

from ..kernels import kernel
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
