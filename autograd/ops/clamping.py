"""Limits, interpolation and scaled products: `clamp`, `lerp`, `addcmul` and their kin."""

from ..arguments import need_tensors
from ..lowprecision import rounded_once
from ..op import op
from ..tensor import tensor_method
from .elementwise import add, div, mul, sub

__all__ = ["addcdiv", "addcmul", "clamp_max", "clamp_min", "clip", "rsub"]


@op(name="clamp", cast="promote", promoted=("input", "min", "max"), inplace=True,
    derivative="g where min ≤ input ≤ max; ∂min: g below min; ∂max: g above max",
    dtypes="integer/float -> promoted")
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


@op(name="clamp_to_numbers", namespaces=(), alone=True, label="clamp",
    derivative="g where min ≤ input ≤ max")
def _clamp_to_numbers(xp, input, min=None, max=None):
    """Elements of a floating point tensor limited to an interval of numbers."""
    return input.clip(min, max)


_clamp_to_numbers.vjp("input", _clamp_input)


@_clamp.op.public
def clamp(input, min=None, max=None, *, out=None):
    """Return the elements limited to an interval; the gradient passes on its edges.

    Args:
        min, max: numbers or tensors that broadcast; one may be None. NaN elements stay.
    Shape: any, any, any -> broadcast.
    Raises:
        RuntimeError: when both are None.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.clamp.html

    >>> import ember
    >>> ember.clamp(ember.tensor([-2., 0.5, 2.]), -1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if type(min) in _NUMBERS and type(max) in _NUMBERS and input.dtype.is_floating_point:
        return _clamp_to_numbers(input, min, max, out=out)
    return _clamp(input, min, max, out=out)


_NUMBERS = frozenset((int, float, type(None)))


@tensor_method
def clip(input, min=None, max=None, *, out=None):
    """Return `clamp(input, min, max)`."""
    return clamp(input, min, max, out=out)


@tensor_method
def clamp_min(input, min, *, out=None):
    """Return the elements, those below `min` replaced by it."""
    need_tensors("clamp_min", input=input)
    return clamp(input, min, out=out)


@tensor_method
def clamp_max(input, max, *, out=None):
    """Return the elements, those above `max` replaced by it."""
    need_tensors("clamp_max", input=input)
    return clamp(input, None, max, out=out)


# -- interpolation and scaled products ------------------------------------------------------------


@op(inplace=True,
    derivative="∂input: g · (1 − weight); ∂end: g · weight; ∂weight: g · (end − input)",
    dtypes="float/complex -> same")
def lerp(xp, input, end, weight):
    """Linear interpolation: input + weight · (end − input).

    Shape: any, any, any -> broadcast.
    Raises:
        RuntimeError: when the dtypes differ.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.lerp.html

    >>> import ember
    >>> ember.lerp(ember.tensor([0.]), ember.tensor([10.]), 0.25)
    tensor([2.5000])
    """
    for name, value in (("end", end), ("weight", weight)):
        if getattr(value, "dtype", input.dtype) != input.dtype:
            raise RuntimeError(
                f"expected dtype {input.dtype.name} for `{name}` but got dtype {value.dtype.name}")
    step = end - input
    if not hasattr(weight, "dtype"):
        return input + step * weight if abs(weight) < 0.5 else end - step * (1 - weight)
    return xp.where(xp.abs(weight) < 0.5, input + step * weight, end - step * (1 - weight))


lerp.vjp("input", lambda g, weight: g * (1 - weight))
lerp.vjp("end", lambda g, weight: g * weight)
lerp.vjp("weight", lambda g, input, end: g * (end - input))


@tensor_method
@rounded_once
def addcmul(input, tensor1, tensor2, *, value=1, out=None):
    """Return input + value · tensor1 · tensor2, with broadcasting.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.addcmul.html

    >>> import ember
    >>> ember.addcmul(ember.ones(2), ember.ones(2), ember.ones(2), value=0.5)
    tensor([1.5000, 1.5000])
    """
    return add(input, mul(tensor1, tensor2), alpha=value, out=out)


@tensor_method
@rounded_once
def addcdiv(input, tensor1, tensor2, *, value=1, out=None):
    """Return input + value · tensor1 / tensor2, with broadcasting.

    Raises:
        RuntimeError: when tensor1 and tensor2 are both integers.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.addcdiv.html
    """
    if tensor1.dtype.category < 2 and tensor2.dtype.category < 2:
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported, and in a future release addcdiv "
            "will perform a true division of tensor1 and tensor2. Use addcmul or convert to float.")
    return add(input, div(tensor1, tensor2), alpha=value, out=out)


@tensor_method
def rsub(input, other, *, alpha=1):
    """Return other − alpha · input."""
    need_tensors("rsub", input=input)
    return sub(other, input, alpha=alpha)
