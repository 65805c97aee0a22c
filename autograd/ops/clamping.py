"""Limits, interpolation and scaled products: `clamp`, `lerp`, `addcmul` and their kin."""

from .. import dtypes
from ..op import op
from ..tensor import Tensor, tensor_method
from .extremes import maximum, minimum

__all__ = ["clamp_max", "clamp_min", "clip"]


@op(name="clamp", cast="promote", promoted=("input", "min", "max"), inplace=True,
    derivative="g where min ≤ input ≤ max; ∂min: g below min; ∂max: g above max")
def _clamp(xp, input, min=None, max=None):
    """Elements limited to an interval."""
    if min is not None:
        input = xp.maximum(input, min)
    return input if max is None else xp.minimum(input, max)


def _clamp_input(xp, g, input, min, max):
    if min is None or max is None:
        return xp.where(input <= max if min is None else input >= min, g, 0.0)
    return xp.where((input >= min) & (input <= max), g, 0.0)


def _clamp_min(xp, g, input, min, max):
    below = input < min
    return xp.where(below if max is None else below & (min < max), g, 0.0)


def _clamp_max(xp, g, input, min, max):
    above = input > max
    return xp.where(above if min is None else above | (max < min), g, 0.0)


_clamp.vjp("input", _clamp_input)
_clamp.vjp("min", _clamp_min)
_clamp.vjp("max", _clamp_max)


@_clamp.op.public
def clamp(input, min=None, max=None, *, out=None):
    """Return the elements limited to an interval; the gradient passes on its edges.

    Args:
        min, max: numbers or tensors that broadcast; one may be None. NaN elements stay.
    Raises:
        RuntimeError: when both are None.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.clamp.html

    >>> import ember
    >>> ember.clamp(ember.tensor([-2., 0.5, 2.]), -1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    return _clamp(input, min, max, out=out)


@tensor_method
def clip(input, min=None, max=None, *, out=None):
    """Return `clamp(input, min, max)`."""
    return clamp(input, min, max, out=out)


@tensor_method
def clamp_min(input, min, *, out=None):
    """Return the elements, those below `min` replaced by it."""
    return clamp(input, min, out=out)


@tensor_method
def clamp_max(input, max, *, out=None):
    """Return the elements, those above `max` replaced by it."""
    return clamp(input, None, max, out=out)
