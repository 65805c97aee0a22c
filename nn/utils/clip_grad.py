"""Keeping gradients small.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.clip_grad_norm_.html
"""

import math
import warnings

from ...autograd import Tensor, detours, no_grad, stack
from ...autograd.from_data import tensor
from ...autograd.writes import mark_written
from ...backends import cpu, kernels

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_",
           "get_total_norm"]


def get_total_norm(tensors, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Return the norm of all tensors as if they were one vector.

    Raises:
        RuntimeError: the norm is not finite and `error_if_nonfinite` is set.
    """
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not tensors:
        return tensor(0.0)
    norm_type = float(norm_type)
    total = _length(tensors) if norm_type == 2 and not detours.installed else None
    if total is None:
        with no_grad():
            first = tensors[0].device
            norms = stack([t.detach().norm(norm_type).to(first) for t in tensors])
            total = norms.norm(norm_type)
    if error_if_nonfinite and not bool(total.isfinite()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, "
            "so it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`")
    return total


def _length(tensors):
    """Return the norm of order 2 of tensors of one precision on the CPU; None for others."""
    dtype, total = tensors[0]._array.dtype, 0.0
    for t in tensors:
        array = t._array
        if t._xp is not cpu or array.dtype is not dtype or dtype.char not in "fd":
            return None
        compiled = kernels.compiled("square_length", array.size)
        square = NotImplemented if compiled is None else compiled(array)
        total += float(cpu.vdot(array, array) if square is NotImplemented else square)
    return Tensor._wrap(dtype.type(math.sqrt(total)), cpu)


def clip_grads_with_norm_(parameters, max_norm, total_norm, foreach=None):
    """Scale gradients in place so that a known total norm becomes at most `max_norm`."""
    factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
    if factor.device.type == "cpu" and factor == 1:  # on a GPU, asking would mean waiting
        return
    with no_grad(), cpu.quiet():
        for gradient in _gradients(parameters):
            _scale(gradient, factor if gradient._xp is factor._xp is cpu
                   else factor.to(gradient.device))


def _scale(gradient, factor):
    """Multiply in place, where possible without a second array."""
    array = gradient._buffer()
    if array.dtype.char not in "fd" or array.dtype != factor._array.dtype or not array.size:
        gradient.mul_(factor)
        return
    compiled = kernels.compiled("scale", array.size) if gradient._xp is cpu else None
    if compiled is None or compiled(array, factor._array) is NotImplemented:
        gradient._xp.multiply(array, factor._array, array)
    mark_written(array)


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Scale all gradients in place so that their total norm is at most `max_norm`.

    Args:
        parameters: tensors, or one tensor, whose `.grad` is meant.
        max_norm: the bound.
        norm_type: the p of the norm; may be infinity.
        error_if_nonfinite: raise when the norm is infinite or NaN.
        foreach: accepted.

    Returns:
        The total norm before.

    Raises:
        RuntimeError: the norm is not finite and `error_if_nonfinite` is set.

    >>> import ember as torch
    >>> p = torch.nn.Parameter(torch.zeros(2))
    >>> p.grad = torch.tensor([3.0, 4.0])
    >>> torch.nn.utils.clip_grad_norm_(p, 1.0)
    tensor(5.)
    >>> p.grad
    tensor([0.6000, 0.8000])
    """
    parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    total = get_total_norm(_gradients(parameters), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


def clip_grad_norm(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Old name of `clip_grad_norm_`."""
    warnings.warn("torch.nn.utils.clip_grad_norm is now deprecated in favor of "
                  "torch.nn.utils.clip_grad_norm_.", FutureWarning, stacklevel=2)
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite)


def clip_grad_value_(parameters, clip_value, foreach=None):
    """Clip every element of all gradients in place to [−clip_value, clip_value]."""
    with no_grad():
        for gradient in _gradients(parameters):
            gradient.clamp_(-float(clip_value), float(clip_value))


def _gradients(parameters):
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p.grad for p in parameters if p.grad is not None]
