"""Normalization: over the batch, over a layer, over groups of channels.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.functional.html#normalization-functions
"""

import math

from ...autograd import detours, finfo, no_grad, stack
from ...autograd.composite import composite
from ...autograd.lowprecision import widened
from ...autograd.writes import mark_written
from .padding import pad
from .pooling import _along

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm",
           "normalize", "rms_norm"]


# -- over the batch -------------------------------------------------------------------------------


def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False,
               momentum=0.1, eps=1e-5):
    """Normalize each channel over the batch and the spatial dimensions.

    Args:
        input: shape (N, C, *).
        running_mean, running_var: shape (C,); in training they are moved towards the batch's,
            otherwise used. May be None in training.
        weight, bias: scale and shift, shape (C,), or None.
        training: whether to use the batch's statistics.
        momentum: how far the running statistics move.
        eps: added to the variance.

    Raises:
        ValueError: there is only one value per channel in training.
        RuntimeError: the shapes do not fit, or statistics are missing.
    Source: Ioffe and Szegedy, "Batch Normalization", 2015.

    >>> import ember as torch
    >>> torch.nn.functional.batch_norm(
    ...     torch.tensor([[1.0], [3.0]]), None, None, training=True).round()
    tensor([[-1.],
            [ 1.]])
    """
    if input.ndim < 2 and not input.numel():
        return input.clone()
    _check_channels(input, running_mean, running_var, weight, bias)
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("batch_norm: Expected running_mean and running_var to be defined "
                               "when training=False")
        return batch_norm_eval(input, running_mean, running_var, weight, bias, eps)
    _check_batch(input.shape)
    statistics = None
    if (running_mean is not None or running_var is not None) and input.numel():
        statistics = _update_running(input, running_mean, running_var, momentum)
    return batch_norm_train(input, weight, bias, eps, statistics)


@composite(label="batch_norm")
def batch_norm_train(input, weight, bias, eps, statistics):
    """Normalize by the batch's own statistics.

    Args:
        statistics: what `channel_moments` gave, for kernels, or None; the composition computes
            them itself.
    """
    dims = [0, *range(2, input.ndim)]
    mean = input.mean(dims, keepdim=True)
    var = input.var(dims, correction=0, keepdim=True)
    return _affine((input - mean) * (var + eps).rsqrt(), weight, bias)


@composite
def channel_moments(input):
    """Return mean and variance of each channel, (2, C)."""
    dims = [0, *range(2, input.ndim)]
    return stack([input.mean(dims), input.var(dims, correction=0)])


def _update_running(input, running_mean, running_var, momentum, samples=1):
    """Move the running statistics; return the batch's, or None for an input in half precision.

    Args:
        samples: how many channels next to each other are one channel of as many samples.
    """
    count = input.numel() // input.shape[1]
    with no_grad():
        statistics = channel_moments(widened(input))
        each = statistics.reshape(2, samples, -1).mean(1) if samples > 1 else statistics
        _move(running_mean, each[0], momentum)
        _move(running_var, each[1] * (count / (count - 1)), momentum)
    return statistics if statistics.dtype is input.dtype else None


def _move(running, new, momentum):
    """Move running statistics towards new ones."""
    if running is None:
        return
    array, new_array = running._array, new._array
    if detours.installed or running._node is not None or array.dtype is not new_array.dtype:
        running.copy_(widened(running) * (1 - momentum) + momentum * new)
    else:  # the same in a tenth of the time
        array *= 1 - momentum
        array += momentum * new_array
        mark_written(array)


@composite(label="batch_norm")
def batch_norm_eval(input, mean, var, weight, bias, eps):
    """Normalize by given statistics: one scale and one shift for each channel."""
    shape = [1, -1] + [1] * (input.ndim - 2)
    factor = (var + eps).rsqrt()
    if weight is not None:
        factor = factor * weight
    shift = -mean * factor
    if bias is not None:
        shift = shift + bias
    return input * factor.reshape(shape) + shift.reshape(shape)


def _affine(x, weight, bias):
    """Scale and shift the channels (dimension 1)."""
    shape = [1, -1] + [1] * (x.ndim - 2)
    if weight is not None:
        x = x * weight.reshape(shape)
    return x if bias is None else x + bias.reshape(shape)


def _check_channels(input, running_mean, running_var, weight, bias):
    if input.ndim < 2:
        raise RuntimeError("batch_norm: expected an input of shape (N, C, *), but got "
                           f"{list(input.shape)}")
    channels = input.shape[1]
    for name, value in (("running_mean", running_mean), ("running_var", running_var),
                        ("weight", weight), ("bias", bias)):
        if value is not None and value.numel() != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not "
                               f"{value.numel()} (batch_norm of an input of shape "
                               f"{list(input.shape)})")


def _check_batch(shape):
    if math.prod(shape) == shape[1]:
        raise ValueError("Expected more than 1 value per channel when training, got input size "
                         f"torch.Size({list(shape)})")


def instance_norm(input, running_mean=None, running_var=None, weight=None, bias=None,
                  use_input_stats=True, momentum=0.1, eps=1e-5):
    """Normalize each channel of each sample over the spatial dimensions.

    Args:
        input: shape (N, C, *).
        running_mean, running_var: shape (C,); used when `use_input_stats` is False.

    Raises:
        ValueError: there is only one spatial element.
    Source: Ulyanov et al., "Instance Normalization", 2016.
    """
    batch, channels, *size = input.shape
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    if math.prod(size) == 1:
        raise ValueError("Expected more than 1 spatial element when training, got input size "
                         f"{input.shape}")
    _check_channels(input, running_mean, running_var, weight, bias)
    if not input.numel():
        return _affine(input, weight, bias)
    if running_mean is not None or running_var is not None:
        _update_running(input.reshape(1, batch * channels, *size), running_mean, running_var,
                        momentum, batch)
    return group_norm_over(input, channels, weight, bias, eps)


# -- over a layer ---------------------------------------------------------------------------------


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """Normalize over the last dimensions.

    Args:
        input: shape (*, *normalized_shape).
        normalized_shape: the dimensions to normalize over.
        weight, bias: scale and shift of that shape, or None.
        eps: added to the variance.

    Raises:
        RuntimeError: the shapes do not fit.
    Source: Ba et al., "Layer Normalization", 2016.

    >>> import ember as torch
    >>> torch.nn.functional.layer_norm(torch.tensor([1.0, 3.0]), [2]).round()
    tensor([-1.,  1.])
    """
    shape = _normalized("layer_norm", input, normalized_shape, weight, bias)
    return layer_norm_over(input, len(shape), weight, bias, eps)


@composite(label="layer_norm")
def layer_norm_over(input, count, weight, bias, eps):
    """Normalize over the last `count` dimensions."""
    dims = list(range(-count, 0))
    mean = input.mean(dims, keepdim=True)
    var = input.var(dims, correction=0, keepdim=True)
    out = (input - mean) * (var + eps).rsqrt()
    if weight is not None:
        out = out * weight
    return out if bias is None else out + bias


@composite(label="add, layer_norm")
def add_layer_norm(x, y, count, weight, bias, eps):
    """Return x + y, and that normalized over the last `count` dimensions: a residual path and the
    norm behind it. PyTorch has no such function.
    """
    total = x + y
    return total, layer_norm_over(total, count, weight, bias, eps)


def rms_norm(input, normalized_shape, weight=None, eps=None):
    """Divide by the root mean square over the last dimensions.

    Args:
        input: shape (*, *normalized_shape).
        normalized_shape: the dimensions to average over.
        weight: scale of that shape, or None.
        eps: added to the mean square; the dtype's machine epsilon by default.

    Raises:
        RuntimeError: the shapes do not fit.
    Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.
    """
    shape = _normalized("rms_norm", input, normalized_shape, weight, None)
    eps = finfo(input.dtype).eps if eps is None else eps
    return rms_norm_over(input, len(shape), weight, eps)


@composite(label="rms_norm")
def rms_norm_over(input, count, weight, eps):
    """Divide by the root mean square over the last `count` dimensions."""
    square = (input * input).mean(list(range(-count, 0)), keepdim=True)
    out = input * (square + eps).rsqrt()
    return out if weight is None else out * weight


def _normalized(name, input, normalized_shape, weight, bias):
    shape = ((normalized_shape,) if isinstance(normalized_shape, int)
             else tuple(normalized_shape))
    if not shape:
        raise RuntimeError("Expected normalized_shape to be at least 1-dimensional, i.e., "
                           "containing at least one element, but got normalized_shape = []")
    if tuple(input.shape[-len(shape):]) != shape:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape "
            f"[*, {', '.join(map(str, shape))}], but got input of size{list(input.shape)} "
            f"({name})")
    for kind, value in (("weight", weight), ("bias", bias)):
        if value is not None and tuple(value.shape) != shape:
            raise RuntimeError(
                f"Expected {kind} to be of same shape as normalized_shape, but got {kind} of "
                f"shape {list(value.shape)} and normalized_shape = {list(shape)} ({name})")
    return shape


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    """Normalize each group of channels of each sample.

    Args:
        input: shape (N, C, *).
        num_groups: the number of groups; divides C.
        weight, bias: scale and shift per channel, shape (C,), or None.

    Raises:
        RuntimeError: the shapes do not fit.
        ValueError: there is only one value per group.
    Source: Wu and He, "Group Normalization", 2018.
    """
    if input.ndim < 2:
        raise RuntimeError("Expected at least 2 dimensions for input tensor but received "
                           f"{input.ndim}")
    batch, channels = input.shape[:2]
    if num_groups <= 0 or channels % num_groups:
        raise RuntimeError(f"Expected number of channels in input to be divisible by num_groups, "
                           f"but got input of shape {list(input.shape)} and "
                           f"num_groups={num_groups}")
    for kind, value in (("weight", weight), ("bias", bias)):
        if value is not None and tuple(value.shape) != (channels,):
            raise RuntimeError(
                f"Expected {kind} to be a vector of size equal to the number of channels in "
                f"input, but got {kind} of shape {list(value.shape)} and input of shape "
                f"{list(input.shape)}")
    if input.numel() and batch * num_groups == input.numel():
        raise ValueError("Expected more than 1 value per channel when training, got input size "
                         f"{list(input.shape)}")
    if not input.numel():
        return _affine(input, weight, bias)
    return group_norm_over(input, num_groups, weight, bias, eps)


@composite(label="group_norm")
def group_norm_over(input, num_groups, weight, bias, eps):
    """Normalize over the channels of a group and the spatial dimensions."""
    rows = input.reshape(input.shape[0] * num_groups, -1)
    out = layer_norm_over(rows, 1, None, None, eps)
    return _affine(out.reshape(input.shape), weight, bias)


# -- others ---------------------------------------------------------------------------------------


def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0):
    """Divide each element by a power of the mean square over neighbouring channels.

    Args:
        input: shape (N, C, *).
        size: number of channels averaged over.

    Raises:
        ValueError: the input has fewer than three dimensions.
    Source: Krizhevsky et al., "ImageNet Classification with Deep CNNs", 2012.
    """
    if input.ndim < 3:
        raise ValueError("Expected 3D or higher dimensionality input (got "
                         f"{input.ndim} dimensions)")
    if input.numel() == 0:
        return input
    square = pad(input * input, [0, 0] * (input.ndim - 2) + [size // 2, (size - 1) // 2])
    mean = _along(square, 1, input.shape[1], size, 1, 1).mean(-1)
    return input / (mean * alpha + k).pow(beta)


def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    """Divide by the p-norm along a dimension, or by `eps` where that is smaller.

    >>> import ember as torch
    >>> torch.nn.functional.normalize(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    result = input / input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)
    return result if out is None else out.copy_(result)
