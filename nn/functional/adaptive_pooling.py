"""Pooling to a given output size: adaptive and fractional.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.functional.html#pooling-functions
"""

from ...autograd import arange, cat, empty
from ...autograd.composite import composite
from ...autograd.ops.activation import bent
from ._windows import per_axis
from .pooling import Plan, max_pool

__all__ = ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
           "adaptive_max_pool1d", "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d",
           "adaptive_max_pool2d_with_indices", "adaptive_max_pool3d",
           "adaptive_max_pool3d_with_indices", "fractional_max_pool2d",
           "fractional_max_pool2d_with_indices", "fractional_max_pool3d",
           "fractional_max_pool3d_with_indices"]


def _targets(name, dims, input, output_size):
    """Return the output size per axis; None keeps the input's."""
    if isinstance(output_size, (list, tuple)) and 1 < dims == len(output_size) >= input.ndim:
        raise ValueError(f"Input dimension should be at least {dims + 1}, got {input.ndim} "
                         f"({name})")
    if input.ndim not in (dims + 1, dims + 2):
        raise RuntimeError(f"{name}: Expected {dims + 1}D or {dims + 2}D tensor, but got "
                           f"{list(input.shape)}")
    if 0 in input.shape[1 + (input.ndim == dims + 1):] or 0 in input.shape[-dims:]:
        raise RuntimeError(f"{name}: Expected input to have non-zero size for non-batch "
                           f"dimensions, but input has sizes {list(input.shape)}")
    if isinstance(output_size, (list, tuple)) and len(output_size) not in (1, dims):
        raise RuntimeError(f"{name}: output_size must have {dims} elements, got {output_size}")
    sizes = per_axis(output_size, dims, "output_size")
    sizes = [n if wanted is None else wanted for wanted, n in zip(sizes, input.shape[-dims:])]
    if min(sizes) < 0:
        raise RuntimeError(f"{name}: elements of output_size must be greater than or equal to 0 "
                           f"but received {sizes}")
    return sizes


def _regions(size, count):
    """Return (start, end) of each of `count` nearly equal, possibly overlapping parts."""
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def _mean(name, dims, input, output_size):
    sizes = _targets(name, dims, input, output_size)
    if set(sizes) == {1}:
        return bent(input).mean(tuple(range(-dims, 0)), keepdim=True)
    return adaptive_avg_pool(input, tuple(sizes))


@composite
def adaptive_avg_pool(input, sizes):
    """Mean of each of nearly equal, possibly overlapping parts, one axis after the other."""
    input = bent(input)
    for dim, count in enumerate(sizes, input.ndim - len(sizes)):
        input = _mean_along(input, dim, count)
    return input


def _mean_along(x, dim, count):
    n = x.shape[dim]
    if count and n % count == 0:
        return x.unflatten(dim, (count, n // count)).mean(dim + 1)
    if count == 0:
        return x.narrow(dim, 0, 0)
    return cat([x.narrow(dim, start, end - start).mean(dim, keepdim=True)
                for start, end in _regions(n, count)], dim)


def adaptive_avg_pool1d(input, output_size):
    """Means over parts of signals: (N, C, L) or (C, L). Args: as for `adaptive_avg_pool2d`."""
    return _mean("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input, output_size):
    """Means over a grid of parts of images, whatever their size.

    Args:
        input: shape (N, C, H, W) or (C, H, W).
        output_size: (H', W'), one number for both, or None to keep an axis.

    Raises:
        RuntimeError: shapes or sizes do not fit.

    >>> import ember as torch
    >>> torch.nn.functional.adaptive_avg_pool2d(torch.arange(4.0).reshape(1, 2, 2), 1)
    tensor([[[1.5000]]])
    """
    return _mean("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_avg_pool3d(input, output_size):
    """Means over parts of volumes: (N, C, D, H, W) or (C, D, H, W). Args: as above."""
    return _mean("adaptive_avg_pool3d", 3, input, output_size)


# -- maximum --------------------------------------------------------------------------------------


def _maximum(name, dims, input, output_size, return_indices):
    sizes = _targets(name, dims, input, output_size)
    shape = input.shape[-dims:]
    if not return_indices and all(count and n % count == 0 for n, count in zip(shape, sizes)):
        windows = [n // count for n, count in zip(shape, sizes)]
        return max_pool(input, Plan(name, dims, input, windows, None, 0, 1, False))
    input, place, passed = bent(input), None, 1
    for dim, count in reversed(list(zip(range(input.ndim - dims, input.ndim), sizes))):
        n = input.shape[dim]
        input, place = _max_along(input, place, dim, count, passed)
        passed *= n
    return (input, place) if return_indices else input


def _max_along(x, place, dim, count, passed):
    """Reduce one axis; keep track of the place of each maximum."""
    values, places = [], []
    for start, end in _regions(x.shape[dim], count):
        value, which = x.narrow(dim, start, end - start).max(dim, keepdim=True)
        here = (which + start) * passed
        if place is not None:
            here = here + place.narrow(dim, start, end - start).gather(dim, which)
        values.append(value)
        places.append(here)
    if not values:
        return x.narrow(dim, 0, 0), x.detach().narrow(dim, 0, 0).long()
    return cat(values, dim), cat(places, dim)


def adaptive_max_pool1d(input, output_size, return_indices=False):
    """Maxima over parts of signals: (N, C, L) or (C, L). Args: as for `adaptive_max_pool2d`."""
    return _maximum("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input, output_size, return_indices=False):
    """Maxima over a grid of parts of images, whatever their size.

    Args:
        input: shape (N, C, H, W) or (C, H, W).
        output_size: (H', W'), one number for both, or None to keep an axis.
        return_indices: also return where each maximum was, in the flattened image.

    Raises:
        RuntimeError: shapes or sizes do not fit.
    """
    return _maximum("adaptive_max_pool2d", 2, input, output_size, return_indices)


def adaptive_max_pool3d(input, output_size, return_indices=False):
    """Maxima over parts of volumes: (N, C, D, H, W) or (C, D, H, W). Args: as above."""
    return _maximum("adaptive_max_pool3d", 3, input, output_size, return_indices)


def adaptive_max_pool1d_with_indices(input, output_size, return_indices=True):
    """`adaptive_max_pool1d` with `return_indices=True`."""
    return adaptive_max_pool1d(input, output_size, True)


def adaptive_max_pool2d_with_indices(input, output_size, return_indices=True):
    """`adaptive_max_pool2d` with `return_indices=True`."""
    return adaptive_max_pool2d(input, output_size, True)


def adaptive_max_pool3d_with_indices(input, output_size, return_indices=True):
    """`adaptive_max_pool3d` with `return_indices=True`."""
    return adaptive_max_pool3d(input, output_size, True)


# -- fractional -----------------------------------------------------------------------------------


def _fractional(name, dims, input, kernel_size, output_size, output_ratio, return_indices,
                samples):
    kernel = per_axis(kernel_size, dims, "kernel_size")
    if (output_size is None) == (output_ratio is None):
        raise ValueError(f"{name}: exactly one of output_size and output_ratio must be given")
    shape = input.shape[-dims:]
    if output_size is None:
        sizes = [int(n * ratio) for n, ratio in zip(shape, per_axis(output_ratio, dims))]
    else:
        sizes = list(per_axis(output_size, dims, "output_size"))
    _check_fractional(name, input, dims, kernel, sizes)
    batched = input.ndim == dims + 2
    x = bent(input) if batched else bent(input).unsqueeze(0)
    if samples is None:
        samples = empty(*x.shape[:2], dims, dtype=x.dtype, device=x.device).uniform_(0, 1)
    samples, place = samples[:x.shape[0]], None
    for axis in range(dims):
        # in two dimensions PyTorch gives the first sample to the last axis
        sample = samples[..., 1 - axis if dims == 2 else axis]
        starts = _starts(sample, shape[axis], sizes[axis], kernel[axis])
        cells = starts.unsqueeze(-1) + arange(kernel[axis], device=x.device)
        cells = cells.reshape(*x.shape[:2], *[
            n for i in range(dims) for n in (cells.shape[2:] if i == axis else (1, 1))])
        place = cells if place is None else place * shape[axis] + cells
    # place: (N, C, out, k, out, k, ...); bring the window's axes to the end
    order = [0, 1, *range(2, 2 + 2 * dims, 2), *range(3, 3 + 2 * dims, 2)]
    place = place.permute(order).flatten(2 + dims)
    flat = x.flatten(2).gather(2, place.flatten(2)).reshape(place.shape)
    values, which = flat.max(-1)
    values = values if batched else values.squeeze(0)
    if not return_indices:
        return values
    indices = place.gather(-1, which.unsqueeze(-1)).squeeze(-1)
    return values, indices if batched else indices.squeeze(0)


def _check_fractional(name, input, dims, kernel, sizes):
    if input.ndim not in (dims + 1, dims + 2) or 0 in input.shape[-dims - 1:]:
        raise RuntimeError(f"{name}: Expected a non-empty {dims + 1}D or {dims + 2}D tensor, but "
                           f"got {list(input.shape)}")
    for n, k, size in zip(input.shape[-dims:], kernel, sizes):
        if not 0 < size <= n - k + 1:
            raise RuntimeError(f"{name}: {sizes} windows of size {kernel} do not fit into an "
                               f"input of shape {list(input.shape)}")


def _starts(sample, size, count, kernel):
    """Return pseudo-random, nearly evenly spaced window starts. Shape: (N, C) -> (N, C, count)."""
    if count == 1:
        return (sample.unsqueeze(-1) * 0 + (size - kernel)).long()
    alpha = (size - kernel) / (count - 1)
    i = arange(count, device=sample.device).to(sample.dtype)
    sample = sample.unsqueeze(-1)
    starts = ((i + sample) * alpha).long() - (sample * alpha).long()
    last = (i == count - 1).long()
    return starts * (1 - last) + (size - kernel) * last


def fractional_max_pool2d(input, kernel_size, output_size=None, output_ratio=None,
                          return_indices=False, _random_samples=None):
    """Maxima over windows at pseudo-random places, for output sizes that are not a divisor.

    Args:
        input: shape (N, C, H, W) or (C, H, W).
        kernel_size: of the window.
        output_size, output_ratio: the size of the result, absolute or relative; exactly one.
        return_indices: also return where each maximum was, in the flattened image.

    Raises:
        ValueError: not exactly one size is given.
        RuntimeError: the windows do not fit.
    Source: Graham, "Fractional Max-Pooling", 2014.
    """
    return _fractional("fractional_max_pool2d", 2, input, kernel_size, output_size, output_ratio,
                       return_indices, _random_samples)


def fractional_max_pool3d(input, kernel_size, output_size=None, output_ratio=None,
                          return_indices=False, _random_samples=None):
    """`fractional_max_pool2d` of volumes: (N, C, D, H, W) or (C, D, H, W)."""
    return _fractional("fractional_max_pool3d", 3, input, kernel_size, output_size, output_ratio,
                       return_indices, _random_samples)


def fractional_max_pool2d_with_indices(input, kernel_size, output_size=None, output_ratio=None,
                                       return_indices=True, _random_samples=None):
    """`fractional_max_pool2d` with `return_indices=True`."""
    return fractional_max_pool2d(input, kernel_size, output_size, output_ratio, True,
                                 _random_samples)


def fractional_max_pool3d_with_indices(input, kernel_size, output_size=None, output_ratio=None,
                                       return_indices=True, _random_samples=None):
    """`fractional_max_pool3d` with `return_indices=True`."""
    return fractional_max_pool3d(input, kernel_size, output_size, output_ratio, True,
                                 _random_samples)
