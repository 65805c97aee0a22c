"""Norms and distances."""

import math

from .. import dtypes
from ..op import op
from ..tensor import tensor_method
from .dims import axes, expanded
from .extremes import shared

__all__ = ["norm"]


@op(alone=True, name="vector_norm", namespaces=(), label="‖·‖",
    derivative="g · input / out for ord = 2 (0 at 0); g · sign(input) for ord = 1",
    compiled=True)
def norm_along(xp, input, ord=2, dim=None, keepdim=False, *, dtype=None):
    """Norm of the elements along dimensions as if they were one vector."""
    if dtype is not None:
        input = input.astype(dtype.numpy, copy=False)
    if input.dtype.kind not in "fc":
        raise RuntimeError("linalg.vector_norm: Expected a floating point or complex tensor as "
                           f"input. Got {dtypes.of(input).title}. Convert it with .float()")
    axis = axes(dim, input.ndim)
    if input.dtype.char == "e":
        wide = norm_along.op.forward(xp, input.astype(xp.float32), ord, dim, keepdim)
        return wide.astype(xp.float16)
    if ord == 2:
        magnitude = xp.abs(input) if input.dtype.kind == "c" else input
        return xp.sqrt((magnitude * magnitude).sum(axis, None, None, keepdim))
    if ord == 0:
        return (input != 0).sum(axis, input.real.dtype, None, keepdim)
    magnitude = xp.abs(input)
    if ord == 1:
        return magnitude.sum(axis, None, None, keepdim)
    if math.isinf(ord):
        _has_elements(input, axis, ord)
        return (magnitude.max if ord > 0 else magnitude.min)(axis, None, keepdim)
    return (magnitude ** ord).sum(axis, None, None, keepdim) ** (1 / ord)


def _has_elements(input, axis, ord):
    empty = not input.size if axis is None else any(
        not input.shape[a] for a in ((axis,) if type(axis) is int else axis))
    if empty:
        raise RuntimeError(f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor "
                           "or dimension because the operation does not have an identity")


def _norm_input(xp, g, input, out, ord, dim, keepdim):
    if ord == 0:
        return expanded(g, input.shape, dim, keepdim) * 0.0
    if math.isinf(ord):
        return shared(xp, g, xp.abs(input), out, dim, keepdim) * xp.sign(input)
    if ord == 1:
        return expanded(g, input.shape, dim, keepdim) * xp.sign(input)
    if ord < 1:
        slope = xp.where(input == 0, 0.0, xp.abs(input) ** (ord - 1))
        return xp.sign(input) * slope * expanded(g * out ** (1 - ord), input.shape, dim, keepdim)
    zero = out == 0  # the division is kept from it, since its derivative is evaluated as well
    g = xp.where(zero, 0.0, g) / xp.where(zero, 1.0, out) ** (ord - 1)
    g = expanded(g, input.shape, dim, keepdim)
    if ord == 2:
        return g * input
    if ord < 2:
        slope = xp.sign(input) * xp.abs(input) ** (ord - 1)
    else:
        slope = input * xp.abs(input) ** (ord - 2)
    return slope * g


norm_along.vjp("input", _norm_input)


@tensor_method
def norm(input, p="fro", dim=None, keepdim=False, out=None, dtype=None):
    """Return the norm of all elements, or along dimensions.

    Args:
        p: the order of a vector norm, "fro" (the same as 2) or "nuc" (of matrices).
        dim: a dimension or several; None means all.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.norm.html

    >>> import ember
    >>> ember.norm(ember.tensor([3., 4.]))
    tensor(5.)
    """
    if p == "nuc":
        from .matrices import matrix_norm

        return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype=dtype,
                           out=out)
    order = 2 if p is None or p == "fro" else p
    return norm_along(input, float(order), dim, keepdim, dtype=dtype, out=out)
