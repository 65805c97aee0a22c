"""Convolutions: gather the windows, one matrix product, scatter.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.functional.html#convolution-functions
"""

import math

from ...autograd.composite import composite
from ._windows import cropped, overlap_add, pad_zeros, per_axis, windows
from .padding import pad

__all__ = ["conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d",
           "conv_transpose3d"]


def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Convolve signals: (N, C, L) or (C, L) with weights (out, C / groups, k).

    Args and errors: as for `conv2d`.
    """
    return _convolve("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Convolve images (correlate, as in every deep learning library).

    Args:
        input: shape (N, C, H, W) or (C, H, W).
        weight: shape (out, C / groups, kh, kw).
        bias: shape (out,), or None.
        stride: step of the window, a number or one per axis.
        padding: zeros added on both sides; or "valid", or "same".
        dilation: distance of the window's elements.
        groups: number of independent groups of channels.

    Returns:
        Shape (N, out, H', W') with H' = (H + 2 · padding − dilation · (kh − 1) − 1) // stride + 1.

    Raises:
        RuntimeError: shapes or options do not fit.
    Source: https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.conv2d.html

    >>> import ember as torch
    >>> torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)).tolist()
    [[[[4.0, 4.0], [4.0, 4.0]]]]
    """
    return _convolve("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Convolve volumes: (N, C, D, H, W) or (C, D, H, W) with (out, C / groups, kd, kh, kw).

    Args and errors: as for `conv2d`.
    """
    return _convolve("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


def _convolve(name, dims, input, weight, bias, stride, padding, dilation, groups):
    stride = per_axis(stride, dims, "stride")
    dilation = per_axis(dilation, dims, "dilation")
    _check(name, dims, input, weight, bias, stride, dilation, groups)
    batched = input.ndim == dims + 2
    if not batched:
        input = input.unsqueeze(0)
    if input.shape[1] != weight.shape[1] * groups:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(weight.shape)}, expected "
            f"input{list(input.shape)} to have {weight.shape[1] * groups} channels, but got "
            f"{input.shape[1]} channels instead, in {name}")
    if padding == "same":
        input, padding = _pad_same(name, input, weight, stride, dilation), 0
    elif padding == "valid":
        padding = 0
    elif isinstance(padding, str):
        raise RuntimeError(f"{name}: Invalid padding string: {padding!r}; use 'valid' or 'same'")
    padding = per_axis(padding, dims, "padding")
    _check_size(input, weight, padding, dilation)
    out = convolution(input, weight, bias, stride, padding, dilation, groups)
    return out if batched else out.squeeze(0)


@composite(label="conv")
def convolution(input, weight, bias, stride, padding, dilation, groups):
    """Windows of the input times the weights: the definition of all convolutions.

    Args:
        input: shape (N, C, *size).
        weight: shape (out, C / groups, *kernel).
        stride, padding, dilation: one number per spatial axis.
    """
    kernel = weight.shape[2:]
    columns = windows(pad_zeros(input, padding), kernel, stride, dilation)
    size = columns.shape[3:]
    columns = columns.reshape(input.shape[0], groups, weight[0].numel(), math.prod(size))
    rows = weight.reshape(groups, weight.shape[0] // groups, weight[0].numel())
    out = rows.matmul(columns).reshape(input.shape[0], weight.shape[0], *size)
    return out if bias is None else out + bias.reshape(-1, *[1] * len(size))


def _pad_same(name, input, weight, stride, dilation):
    """Pad so that the output has the input's size; an odd element goes behind."""
    if any(s != 1 for s in stride):
        raise RuntimeError(f"{name}: padding='same' is not supported for strided convolutions")
    sides = []
    for k, d in zip(reversed(weight.shape[2:]), reversed(dilation)):
        total = d * (k - 1)
        sides += [total // 2, total - total // 2]
    return pad(input, sides)


def _check(name, dims, input, weight, bias, stride, dilation, groups):
    if input.ndim not in (dims + 1, dims + 2):
        raise RuntimeError(f"Expected {dims + 1}D (unbatched) or {dims + 2}D (batched) input to "
                           f"{name}, but got input of size: {list(input.shape)}")
    if weight.ndim != dims + 2:
        raise RuntimeError(f"weight should have {dims + 2} dimensions for {name}, but got shape "
                           f"{list(weight.shape)}")
    if input.dtype is not weight.dtype:
        raise RuntimeError(f"{name}: Input type ({input.dtype}) and weight type ({weight.dtype}) "
                           "should be the same")
    if bias is not None and bias.dtype is not input.dtype:
        raise RuntimeError(f"{name}: Input type ({input.dtype}) and bias type ({bias.dtype}) "
                           "should be the same")
    if min(stride) <= 0:
        raise RuntimeError(f"{name}: non-positive stride is not supported")
    if min(dilation) <= 0:
        raise RuntimeError(f"{name}: dilation should be greater than zero")
    if groups <= 0 or weight.shape[0] % groups and "transpose" not in name:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {max(groups, 1)} at dimension "
            f"0 and divisible by it, but got weight of size {list(weight.shape)} instead")
    out = weight.shape[1] * groups if "transpose" in name else weight.shape[0]
    if bias is not None and tuple(bias.shape) != (out,):
        raise RuntimeError(
            f"Given {name} weight of size {list(weight.shape)}, expected bias to be 1-dimensional "
            f"with {out} elements, but got bias of size {list(bias.shape)} instead")


def _check_size(input, weight, padding, dilation):
    size, kernel = [], []
    for n, k, p, d in zip(input.shape[2:], weight.shape[2:], padding, dilation):
        if p < 0:
            raise RuntimeError("negative padding is not supported")
        size.append(n + 2 * p)
        kernel.append(d * (k - 1) + 1)
    for n, k in zip(size, kernel):
        if k > n:
            raise RuntimeError(
                f"Calculated padded input size per channel: ({' x '.join(map(str, size))}). "
                f"Kernel size: ({' x '.join(map(str, kernel))}). Kernel size can't be greater "
                f"than actual input size, in conv{len(size)}d")


# -- transposed -----------------------------------------------------------------------------------


def conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1,
                     dilation=1):
    """The adjoint of `conv1d`: (N, C, L) with weights (C, out / groups, k).

    Args and errors: as for `conv_transpose2d`.
    """
    return _convolve_transposed("conv_transpose1d", 1, input, weight, bias, stride, padding,
                                output_padding, groups, dilation)


def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1,
                     dilation=1):
    """The adjoint of `conv2d`, also called deconvolution.

    Args:
        input: shape (N, C, H, W) or (C, H, W).
        weight: shape (C, out / groups, kh, kw).
        bias: shape (out,), or None.
        stride, padding, dilation, groups: those of the convolution it undoes the shape of.
        output_padding: rows and columns added to one side of the output.

    Returns:
        Shape (N, out, H', W') with
        H' = (H − 1) · stride − 2 · padding + dilation · (kh − 1) + output_padding + 1.

    Raises:
        RuntimeError: shapes or options do not fit.

    >>> import ember as torch
    >>> torch.nn.functional.conv_transpose2d(
    ...     torch.ones(1, 1, 1, 1), torch.ones(1, 1, 2, 2)).tolist()
    [[[[1.0, 1.0], [1.0, 1.0]]]]
    """
    return _convolve_transposed("conv_transpose2d", 2, input, weight, bias, stride, padding,
                                output_padding, groups, dilation)


def conv_transpose3d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1,
                     dilation=1):
    """The adjoint of `conv3d`: (N, C, D, H, W) with weights (C, out / groups, kd, kh, kw).

    Args and errors: as for `conv_transpose2d`.
    """
    return _convolve_transposed("conv_transpose3d", 3, input, weight, bias, stride, padding,
                                output_padding, groups, dilation)


def _convolve_transposed(name, dims, input, weight, bias, stride, padding, output_padding,
                         groups, dilation):
    stride = per_axis(stride, dims, "stride")
    padding = per_axis(padding, dims, "padding")
    dilation = per_axis(dilation, dims, "dilation")
    extra = per_axis(output_padding, dims, "output_padding")
    _check(name, dims, input, weight, bias, stride, dilation, groups)
    if any(e >= s and e >= d for e, s, d in zip(extra, stride, dilation)):
        raise RuntimeError("output padding must be smaller than either stride or dilation, but "
                           f"got output_padding={extra}, stride={stride}, dilation={dilation}")
    batched = input.ndim == dims + 2
    if not batched:
        input = input.unsqueeze(0)
    if input.shape[1] != weight.shape[0]:
        raise RuntimeError(
            f"Given transposed=1, weight of size {list(weight.shape)}, expected "
            f"input{list(input.shape)} to have {weight.shape[0]} channels, but got "
            f"{input.shape[1]} channels instead, in {name}")
    out = convolution_transposed(input, weight, bias, stride, padding, extra, dilation, groups)
    return out if batched else out.squeeze(0)


@composite(label="conv transposed")
def convolution_transposed(input, weight, bias, stride, padding, output_padding, dilation,
                           groups):
    """Each input element times the weights, added up where the windows overlap."""
    batch, channels, *size = input.shape
    out_channels, kernel = weight.shape[1] * groups, weight.shape[2:]
    rows = weight.reshape(groups, channels // groups, weight[0].numel())
    columns = rows.mT.matmul(input.reshape(batch, groups, channels // groups, math.prod(size)))
    columns = columns.reshape(batch, out_channels, math.prod(kernel), *size)
    full = [(n - 1) * s + d * (k - 1) + 1 + e for n, s, d, k, e in zip(
        size, stride, dilation, kernel, output_padding)]
    out = cropped(overlap_add(columns, full, kernel, stride, dilation), padding)
    return out if bias is None else out + bias.reshape(-1, *[1] * len(size))


def conv_tbc(input, weight, bias, pad=0):
    """Convolve signals stored as (time, batch, channels) with weights (k, in, out).

    Args:
        pad: zeros added to both ends.
    """
    out = conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad)
    return out.permute(2, 0, 1)
