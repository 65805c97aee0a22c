"""Functions that `torch` offers beside `nn.functional`: codes for modes, statistics returned.

The normalizations return (output, mean, 1 / standard deviation).
"""

from .grid import grid_sample
from .normalization import batch_norm, group_norm, layer_norm

__all__ = ["grid_sampler", "grid_sampler_2d", "grid_sampler_3d", "native_batch_norm",
           "native_group_norm", "native_layer_norm"]

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")


def grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners):
    """Interpolate an input at given places; see `nn.functional.grid_sample`.

    Args:
        interpolation_mode: 0 for bilinear, 1 for nearest, 2 for bicubic.
        padding_mode: 0 for zeros, 1 for border, 2 for reflection.
    """
    return grid_sample(input, grid, _MODES[interpolation_mode], _PADDINGS[padding_mode],
                       align_corners)


def grid_sampler_2d(input, grid, interpolation_mode, padding_mode, align_corners):
    """Interpolate images at given places; see `grid_sampler`."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


def grid_sampler_3d(input, grid, interpolation_mode, padding_mode, align_corners):
    """Interpolate volumes at given places; see `grid_sampler`."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


def _moments(input, dims, eps):
    mean = input.mean(dims, keepdim=True)
    return mean, (input.var(dims, correction=0, keepdim=True) + eps).rsqrt()


def native_layer_norm(input, normalized_shape, weight, bias, eps):
    """Normalize over the last dimensions; see `nn.functional.layer_norm`."""
    out = layer_norm(input, normalized_shape, weight, bias, eps)
    return (out, *_moments(input.detach(), list(range(-len(normalized_shape), 0)), eps))


def native_group_norm(input, weight, bias, N, C, HxW, group, eps):
    """Normalize each group of channels of each sample; see `nn.functional.group_norm`.

    Args:
        N, C, HxW: the number of samples, of channels, and of elements of each.
    """
    out = group_norm(input, group, weight, bias, eps)
    mean, scale = _moments(input.reshape(N, group, C // group * HxW), [2], eps)
    return out, mean.squeeze(2), scale.squeeze(2)


def native_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps):
    """Normalize each channel over the batch; see `nn.functional.batch_norm`.

    Outside training the statistics are empty.
    """
    out = batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    if not training:
        return out, input.new_zeros((0,)), input.new_zeros((0,))
    mean, scale = _moments(input.detach(), [0, *range(2, input.ndim)], eps)
    return out, mean.reshape(-1), scale.reshape(-1)
