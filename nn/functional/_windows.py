"""Sliding windows and their adjoint: what convolution, pooling, unfold and fold share."""

from itertools import product

from ...autograd import stack, zeros
from .padding import pad

__all__ = ["cropped", "output_size", "overlap_add", "pad_zeros", "per_axis", "windows"]


def per_axis(value, dims, name="argument"):
    """Return a number, or a sequence of one or `dims` numbers, as `dims` numbers.

    Raises:
        RuntimeError: the sequence has another length.
    """
    if isinstance(value, (tuple, list)):
        if len(value) == 1:
            return tuple(value) * dims
        if len(value) != dims:
            raise RuntimeError(f"expected {name} to be a single integer value or a list of "
                               f"{dims} values, but got {name}={list(value)}")
        return tuple(value)
    return (value,) * dims


def output_size(size, kernel, stride, dilation):
    """Return how many windows fit along one axis."""
    return (size - dilation * (kernel - 1) - 1) // stride + 1


def pad_zeros(x, padding):
    """Return images with so many zeros on both sides of each axis."""
    if not any(padding):
        return x
    return pad(x, [side for p in reversed(padding) for side in (p, p)])


def cropped(x, padding):
    """Return images without a border: the adjoint of `pad_zeros`."""
    if not any(padding):
        return x
    return x[(..., *[slice(p, n - p) for n, p in zip(x.shape[-len(padding):], padding)])]


def _places(counts, kernel, stride, dilation):
    """Yield, for each place in the window, the slices that all windows have there."""
    for place in product(*map(range, kernel)):
        yield (..., *[slice(i * d, i * d + (n - 1) * s + 1, s)
                      for i, n, s, d in zip(place, counts, stride, dilation)])


def windows(x, kernel, stride, dilation):
    """Return every window of an image.

    Args:
        x: shape (N, C, *size).
        kernel, stride, dilation: one number per spatial axis.

    Returns:
        Shape (N, C, prod(kernel), *counts).
    """
    counts = [output_size(*axis) for axis in zip(x.shape[2:], kernel, stride, dilation)]
    return stack([x[place] for place in _places(counts, kernel, stride, dilation)], 2)


def overlap_add(columns, size, kernel, stride, dilation):
    """Return an image onto which every window is added: the adjoint of `windows`.

    Args:
        columns: shape (N, C, prod(kernel), *counts).
        size: the spatial shape of the image.

    Returns:
        Shape (N, C, *size).
    """
    canvas = zeros(*columns.shape[:2], *size, dtype=columns.dtype, device=columns.device)
    for i, place in enumerate(_places(columns.shape[3:], kernel, stride, dilation)):
        canvas[place] += columns[:, :, i]
    return canvas
