"""Pooling over sliding windows, one axis at a time.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.functional.html#pooling-functions
"""

import math

from ...autograd import arange, iinfo, stack
from ...autograd.composite import composite
from ...autograd.from_data import tensor
from ...autograd.ops import padding as records
from ...autograd.ops.activation import bent
from ._windows import per_axis

__all__ = ["avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d",
           "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices",
           "max_pool3d", "max_pool3d_with_indices", "max_unpool1d", "max_unpool2d",
           "max_unpool3d"]


def _count(size, kernel, stride, padding, dilation, ceil_mode):
    """Return how many windows an axis has; the last may reach over the edge in ceil mode."""
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    return count - 1 if (count - 1) * stride >= size + padding else count


def _along(x, dim, count, kernel, stride, dilation):
    """Return the windows of one axis in a new last dimension."""
    before = (slice(None),) * dim
    return stack([x[(*before, slice(i * dilation, i * dilation + (count - 1) * stride + 1, stride))]
                  for i in range(kernel)], -1)


def _fit(x, dim, count, kernel, stride, padding, dilation, value):
    """Pad one axis to just what its windows cover."""
    n = x.shape[dim]
    after = (count - 1) * stride + dilation * (kernel - 1) + 1 - padding - n
    if after < 0:
        x = x.narrow(dim, 0, n + after)
    if padding == 0 and after <= 0:
        return x
    widths = [(0, 0)] * x.ndim
    widths[dim] = (padding, max(after, 0))
    return records.pad_each(x, widths, value)


class Plan:
    """The options of a pool as one number per axis, checked."""

    def __init__(self, name, dims, input, kernel, stride, padding, dilation, ceil_mode):
        self.kernel = per_axis(kernel, dims, "kernel_size")
        empty = stride is None or isinstance(stride, (list, tuple)) and not stride
        self.stride = self.kernel if empty else per_axis(stride, dims, "stride")
        self.padding = per_axis(padding, dims, "padding")
        self.dilation = per_axis(dilation, dims, "dilation")
        self._check(name, dims, input)
        self.size = tuple(input.shape[-dims:])
        self.counts = tuple(_count(*axis, ceil_mode) for axis in zip(
            self.size, self.kernel, self.stride, self.padding, self.dilation))
        if min(self.counts) < 1:
            raise RuntimeError(
                f"{name}: Given input size: {tuple(input.shape[-dims - 1:])}. Calculated output "
                f"size: {self.counts}. Output size is too small")

    def _check(self, name, dims, input):
        if input.ndim not in (dims + 1, dims + 2):
            raise RuntimeError(f"{name}: Expected {dims + 1}D or {dims + 2}D (batch mode) tensor, "
                               f"but got input of shape {list(input.shape)}")
        if 0 in input.shape[-dims - 1:]:
            raise RuntimeError(
                f"{name}: Expected {dims + 1}D or {dims + 2}D (batch mode) tensor with optional 0 "
                f"dim batch size for input, but got: {list(input.shape)}")
        if min(self.kernel) <= 0:
            raise RuntimeError(f"{name}: kernel size should be greater than zero, but got "
                               f"{self.kernel}")
        if min(self.stride) <= 0:
            raise RuntimeError(f"{name}: stride should be greater than zero, but got {self.stride}")
        if min(self.dilation) <= 0:
            raise RuntimeError(f"{name}: dilation should be greater than zero, but got "
                               f"{self.dilation}")
        if any(p < 0 or 2 * p > k for p, k in zip(self.padding, self.kernel)):
            raise RuntimeError(
                f"{name}: pad should be non-negative and at most half of the effective kernel "
                f"size, but got pad={self.padding} and kernel_size={self.kernel}")

    def axes(self, ndim):
        """Yield the options of each axis, last axis first."""
        dims = len(self.kernel)
        for i in reversed(range(dims)):
            yield (ndim - dims + i, self.counts[i], self.kernel[i], self.stride[i],
                   self.padding[i], self.dilation[i])


# -- maximum --------------------------------------------------------------------------------------


@composite
def max_pool(input, plan):
    """Largest element of each window, the first one where several are equal."""
    input = bent(input)
    for dim, count, kernel, stride, padding, dilation in plan.axes(input.ndim):
        x = _fit(input, dim, count, kernel, stride, padding, dilation, _lowest(input))
        input = _along(x, dim, count, kernel, stride, dilation).max(-1).values
    return input


def _max_pool_with_indices(input, plan):
    """The same, and the place of each in the flattened spatial dimensions of the input."""
    input, size, place, passed = bent(input), plan.size, None, 1
    for dim, count, kernel, stride, padding, dilation in plan.axes(input.ndim):
        x = _fit(input, dim, count, kernel, stride, padding, dilation, _lowest(input))
        along = _along(x, dim, count, kernel, stride, dilation)
        input, which = along.max(-1)
        shape = [-1 if i == dim else 1 for i in range(input.ndim)]
        starts = arange(count, device=input.device) * stride - padding
        here = starts.reshape(shape) + which * dilation
        if place is None:
            place = here
        else:
            fitted = _fit(place, dim, count, kernel, stride, padding, dilation, 0)
            below = _along(fitted, dim, count, kernel, stride, dilation)
            place = below.gather(-1, which.unsqueeze(-1)).squeeze(-1) + here * passed
        passed *= size[dim - (input.ndim - len(size))]
    return input, place


def _lowest(input):
    if input.dtype.is_floating_point:
        return -math.inf
    return iinfo(input.dtype).min


def _max(name, dims, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices):
    plan = Plan(name, dims, input, kernel_size, stride, padding, dilation, ceil_mode)
    return _max_pool_with_indices(input, plan) if return_indices else max_pool(input, plan)


def max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
               return_indices=False):
    """Maximum over windows of signals: (N, C, L) or (C, L). Args: as for `max_pool2d`."""
    return _max("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode,
                return_indices)


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
               return_indices=False):
    """Maximum over windows of images.

    Args:
        input: shape (N, C, H, W) or (C, H, W).
        kernel_size: of the window, a number or one per axis.
        stride: step of the window; the kernel size by default.
        padding: border of −∞ on both sides, at most half the kernel size.
        dilation: distance of the window's elements.
        ceil_mode: whether a last window may reach over the edge.
        return_indices: also return where each maximum was, in the flattened image.

    Raises:
        RuntimeError: shapes or options do not fit.
    Source: https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.max_pool2d.html

    >>> import ember as torch
    >>> torch.nn.functional.max_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """
    return _max("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode,
                return_indices)


def max_pool3d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
               return_indices=False):
    """Maximum over windows of volumes: (N, C, D, H, W) or (C, D, H, W). Args: as above."""
    return _max("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode,
                return_indices)


def max_pool1d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1,
                            ceil_mode=False, return_indices=True):
    """`max_pool1d` with `return_indices=True`."""
    return max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool2d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1,
                            ceil_mode=False, return_indices=True):
    """`max_pool2d` with `return_indices=True`."""
    return max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool3d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1,
                            ceil_mode=False, return_indices=True):
    """`max_pool3d` with `return_indices=True`."""
    return max_pool3d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


# -- maximum undone -------------------------------------------------------------------------------


def max_unpool1d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Put maxima back to their places, zeros elsewhere. Args: as for `max_unpool2d`."""
    return _unpool("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Put maxima back to their places, zeros elsewhere.

    Args:
        input: shape (N, C, H, W) or (C, H, W), from `max_pool2d`.
        indices: what `max_pool2d` returned with `return_indices=True`.
        kernel_size, stride, padding: those of the pool.
        output_size: the spatial shape of the result, where several are possible.

    Raises:
        ValueError: no pool gives this shape from `output_size`.
        RuntimeError: an index lies outside the result.
    """
    return _unpool("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Put maxima back to their places, zeros elsewhere. Args: as for `max_unpool2d`."""
    return _unpool("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)


def _unpool(name, dims, input, indices, kernel_size, stride, padding, output_size):
    kernel = per_axis(kernel_size, dims, "kernel_size")
    stride = kernel if stride is None else per_axis(stride, dims, "stride")
    padding = per_axis(padding, dims, "padding")
    if indices.shape != input.shape:
        raise RuntimeError(f"{name}: Expected shape of indices to be same as that of the input "
                           f"tensor ({list(input.shape)}) but got {list(indices.shape)}")
    size = _unpooled_size(input.shape[-dims:], kernel, stride, padding, output_size)
    lead, total = input.shape[:-dims], math.prod(size)
    if indices.numel() and not (0 <= int(indices.min()) and int(indices.max()) < total):
        raise RuntimeError(f"{name}: found an invalid max index: the indices reach from "
                           f"{int(indices.min())} to {int(indices.max())}, but the output size "
                           f"is {list(size)}")
    count = math.prod(input.shape[-dims:])
    flat = input.reshape(*lead, count)
    empty = flat.new_zeros([*lead, total])
    return empty.scatter(-1, indices.reshape(*lead, count), flat).reshape(*lead, *size)


def _unpooled_size(shape, kernel, stride, padding, output_size):
    default = [(n - 1) * s + k - 2 * p for n, s, k, p in zip(shape, stride, kernel, padding)]
    if output_size is None:
        return default
    output_size = list(output_size)[-len(shape):]
    if len(output_size) != len(shape):
        raise ValueError(f"output_size should be a sequence containing {len(shape)} or "
                         f"{len(shape) + 2} elements, but it has a length of {len(output_size)}")
    for wanted, size, s in zip(output_size, default, stride):
        if not size - s < wanted < size + s:
            raise ValueError(f"invalid output_size {output_size}: sizes must lie within one "
                             f"stride of {default}")
    return output_size


# -- average and norm -----------------------------------------------------------------------------


def _average(name, dims, input, kernel_size, stride, padding, ceil_mode, count_include_pad,
             divisor_override):
    plan = Plan(name, dims, input, kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override == 0:
        raise RuntimeError(f"{name}: divisor must be not zero")
    return avg_pool(input, plan, count_include_pad, divisor_override)


@composite
def avg_pool(input, plan, count_include_pad, divisor_override):
    """Sum of each window over the number of its elements, for integers without the fraction."""
    dtype, whole = input.dtype, "trunc" if input.dtype.category < 2 else None
    input, divisor = bent(input), divisor_override or 1
    for dim, count, kernel, stride, padding, _ in plan.axes(input.ndim):
        n = input.shape[dim]
        x = _fit(input, dim, count, kernel, stride, padding, 1, 0)
        input = _along(x, dim, count, kernel, stride, 1).sum(-1)
        if divisor_override is None:
            starts = [i * stride - padding for i in range(count)]
            ends = [min(start + kernel, n + padding) for start in starts]
            if not count_include_pad:
                starts = [max(start, 0) for start in starts]
                ends = [min(end, n) for end in ends]
            sizes = [max(end - start, 0) for start, end in zip(starts, ends)]
            shape = [-1 if i == dim else 1 for i in range(input.ndim)]
            sizes = tensor(sizes, dtype=input.dtype, device=input.device).reshape(shape)
            divisor = sizes * divisor
    return input.div(divisor, rounding_mode=whole).to(dtype)


def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False,
               count_include_pad=True):
    """Mean over windows of signals: (N, C, L) or (C, L). Args: as for `avg_pool2d`."""
    return _average("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode,
                    count_include_pad, None)


def avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False,
               count_include_pad=True, divisor_override=None):
    """Mean over windows of images.

    Args:
        input: shape (N, C, H, W) or (C, H, W).
        kernel_size, stride, padding, ceil_mode: as for `max_pool2d`; the border is zero.
        count_include_pad: whether the border counts in the mean.
        divisor_override: a divisor instead of the number of elements.

    Raises:
        RuntimeError: shapes or options do not fit.

    >>> import ember as torch
    >>> torch.nn.functional.avg_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    return _average("avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode,
                    count_include_pad, divisor_override)


def avg_pool3d(input, kernel_size, stride=None, padding=0, ceil_mode=False,
               count_include_pad=True, divisor_override=None):
    """Mean over windows of volumes: (N, C, D, H, W) or (C, D, H, W). Args: as above."""
    return _average("avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode,
                    count_include_pad, divisor_override)


def _lp(name, dims, input, norm_type, kernel_size, stride, ceil_mode):
    """Norm of each window: (mean of x^p times the window's size)^(1/p)."""
    if math.isinf(norm_type):
        sign = math.copysign(1, norm_type)
        return sign * _max(name, dims, sign * input.abs(), kernel_size, stride, 0, 1, ceil_mode,
                           False)
    size = math.prod(per_axis(kernel_size, dims, "kernel_size"))
    mean = _average(name, dims, input.pow(norm_type), kernel_size, stride, 0, ceil_mode, True, None)
    return (mean.sign() * mean.abs().relu() * size).pow(1.0 / norm_type)


def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """p-norm over windows of signals: (N, C, L) or (C, L)."""
    return _lp("lp_pool1d", 1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """p-norm over windows of images: (N, C, H, W) or (C, H, W)."""
    return _lp("lp_pool2d", 2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """p-norm over windows of volumes: (N, C, D, H, W) or (C, D, H, W)."""
    return _lp("lp_pool3d", 3, input, norm_type, kernel_size, stride, ceil_mode)
