"""Windows of images as columns, and back.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.unfold.html
"""

import math

from ...autograd.composite import composite
from ._windows import cropped, output_size, overlap_add, pad_zeros, per_axis, windows

__all__ = ["fold", "unfold"]


@composite
def im2col(input, kernel_size, dilation, padding, stride):
    """Every window of a batch of images as a column."""
    columns = windows(pad_zeros(input, padding), kernel_size, stride, dilation)
    batch, channels, taps, *counts = columns.shape
    return columns.reshape(batch, channels * taps, math.prod(counts))


@composite
def col2im(input, size, kernel_size, dilation, padding, stride):
    """A batch of images onto which columns are added: the adjoint of `im2col`."""
    full = [n + 2 * p for n, p in zip(size, padding)]
    counts = [output_size(*axis) for axis in zip(full, kernel_size, stride, dilation)]
    taps = math.prod(kernel_size)
    columns = input.reshape(input.shape[0], input.shape[1] // taps, taps, *counts)
    return cropped(overlap_add(columns, full, kernel_size, stride, dilation), padding)


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """Return every window of images as a column.

    Args:
        input: shape (N, C, H, W) or (C, H, W).

    Returns:
        Shape (N, C · kh · kw, windows).

    Raises:
        RuntimeError: no window fits.

    >>> import ember as torch
    >>> torch.nn.functional.unfold(torch.ones(1, 3, 4, 4), kernel_size=2).shape
    torch.Size([1, 12, 9])
    """
    kernel, stride = per_axis(kernel_size, 2), per_axis(stride, 2)
    padding, dilation = per_axis(padding, 2), per_axis(dilation, 2)
    if input.ndim not in (3, 4):
        raise RuntimeError("Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and "
                           f"other non-zero dimensions for input, but got: {list(input.shape)}")
    full = [n + 2 * p for n, p in zip(input.shape[-2:], padding)]
    counts = [output_size(*axis) for axis in zip(full, kernel, stride, dilation)]
    if min(counts) < 1:
        raise RuntimeError(
            f"Given input with spatial size {tuple(input.shape[-2:])}, kernel_size={kernel}, "
            f"dilation={dilation}, padding={padding}, stride={stride}, calculated shape of the "
            f"array of sliding blocks as {tuple(counts)}, but its components must be at least one")
    if input.ndim == 4:
        return im2col(input, kernel, dilation, padding, stride)
    return im2col(input.unsqueeze(0), kernel, dilation, padding, stride).squeeze(0)


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Add columns up to images where they overlap: the adjoint of `unfold`.

    Args:
        input: shape (N, C · kh · kw, windows) or (C · kh · kw, windows).
        output_size: (H, W).

    Returns:
        Shape (N, C, H, W).

    Raises:
        RuntimeError: the shapes do not fit.
    """
    size, kernel = per_axis(output_size, 2), per_axis(kernel_size, 2)
    stride, padding, dilation = (per_axis(stride, 2), per_axis(padding, 2),
                                 per_axis(dilation, 2))
    if input.ndim not in (2, 3):
        raise RuntimeError("Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch "
                           f"size and non-zero dimensions for input, but got: {list(input.shape)}")
    blocks = math.prod((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, p, k, s, d in zip(
        size, padding, kernel, stride, dilation))
    if input.shape[-2] % math.prod(kernel) or input.shape[-1] != blocks:
        raise RuntimeError(
            f"fold: an output of size {size} with kernel_size={kernel}, dilation={dilation}, "
            f"padding={padding}, stride={stride} takes {blocks} blocks and a multiple "
            f"of {math.prod(kernel)} rows, but the input has shape {list(input.shape)}")
    if input.ndim == 3:
        return col2im(input, size, kernel, dilation, padding, stride)
    return col2im(input.unsqueeze(0), size, kernel, dilation, padding, stride).squeeze(0)
