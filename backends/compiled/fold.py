"""Windows of images as columns (im2col), and columns added onto images, a line at a time."""

import numpy as np
from numba import prange

from ..kernels import kernel
from . import jit
from .pooling import elements


@jit.parallel
def _gather(x, rows, columns, step, out, parts):
    """Write what all windows have at each of their places; zeros outside the image."""
    wide = len(columns)
    for part in prange(parts):
        for m in range(part * len(x) // parts, (part + 1) * len(x) // parts):
            image = x[m]
            for place in range(out.shape[1]):
                first, start, stop = columns[place % wide, :3]
                border, lines = stop - start < out.shape[3], out[m, place]
                for line in range(len(rows)):
                    row = rows[line, place // wide]
                    if border or row < 0:
                        lines[line] = 0
                    if row < 0:
                        continue
                    a, b = image[row + first:], lines[line, start:stop]
                    if step == 1:
                        for j in range(b.size):
                            b[j] = a[j]
                    else:
                        for j in range(b.size):
                            b[j] = a[j * step]


@jit.parallel
def _scatter(x, rows, columns, step, out, parts):
    """Add the windows onto images: the adjoint of `_gather`."""
    wide = len(columns)
    for part in prange(parts):
        for m in range(part * len(x) // parts, (part + 1) * len(x) // parts):
            image = out[m]
            image[:] = 0
            for place in range(x.shape[1]):
                first, start, stop = columns[place % wide, :3]
                lines = x[m, place]
                for line in range(len(rows)):
                    row = rows[line, place // wide]
                    if row < 0:
                        continue
                    a, b = lines[line, start:stop], image[row + first:]
                    if step == 1:
                        for j in range(a.size):
                            b[j] += a[j]
                    else:
                        for j in range(a.size):
                            b[j * step] += a[j]


class _Sides:
    """The shapes of images and columns, and where the windows' elements lie."""

    def __init__(self, batch, channels, size, kernel, dilation, padding, stride):
        counts = tuple([(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, d, p, s in zip(
            size, kernel, dilation, padding, stride)])
        taps = kernel[0] * kernel[1]
        self.elements = elements(tuple(size), counts, kernel, stride, padding, dilation)
        self.step = stride[1]
        self.image_shape = (batch, channels, *size)
        self.column_shape = (batch, channels * taps, counts[0] * counts[1])
        self.images = (batch * channels, size[0] * size[1])
        self.columns = (batch * channels, taps, *counts)

    def gather(self, image):
        """Return the columns of images."""
        out = np.empty(self.columns, image.dtype)
        _gather(image.reshape(self.images), *self.elements, self.step, out, jit.parts(out.size))
        return out.reshape(self.column_shape)

    def scatter(self, columns):
        """Return the images onto which columns are added."""
        out = np.empty(self.images, columns.dtype)
        _scatter(columns.reshape(self.columns), *self.elements, self.step, out,
                 jit.parts(columns.size))
        return out.reshape(self.image_shape)


@kernel("im2col", compiled=True)
class Im2col:
    """Copies of lines."""

    def forward(xp, recording, input, kernel_size, dilation, padding, stride):
        x = xp.ascontiguousarray(input)
        if not x.size or not jit.takes(x):
            return NotImplemented
        sides = _Sides(*x.shape[:2], x.shape[2:], kernel_size, dilation, padding, stride)
        return sides.gather(x), (sides,)

    def backward(xp, g, saved, wanted):
        return (saved[0].scatter(xp.ascontiguousarray(g)),)


@kernel("col2im", compiled=True)
class Col2im:
    """Sums of lines."""

    def forward(xp, recording, input, size, kernel_size, dilation, padding, stride):
        x = xp.ascontiguousarray(input)
        if not x.size or not jit.takes(x):
            return NotImplemented
        channels = x.shape[1] // (kernel_size[0] * kernel_size[1])
        sides = _Sides(len(x), channels, size, kernel_size, dilation, padding, stride)
        return sides.scatter(x), (sides,)

    def backward(xp, g, saved, wanted):
        return (saved[0].gather(xp.ascontiguousarray(g)),)
