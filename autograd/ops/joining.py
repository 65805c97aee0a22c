"""Joining tensors into one."""

from ..op import op
from ..tensor import Tensor
from .dims import axis
from .filling import apart
from .keys import at
from .shape import reshape

__all__ = ["column_stack", "concat", "concatenate", "dstack", "hstack", "row_stack", "vstack"]


@op(name="cat", lists=("tensors",), cast="promote", namespaces=("torch",),
    derivative="the parts of g")
def joined(xp, tensors, dim):
    """Return the arrays joined along a dimension; empty 1-d ones are left out."""
    kept = [t for t in tensors if t.shape != (0,)] or tensors
    try:
        return xp.concatenate(kept, dim)
    except (ValueError, IndexError):
        raise _cat_error(tensors, kept, dim) from None


def _cat_error(tensors, kept, dim):
    first = kept[0]
    for n, t in enumerate(tensors):
        if t.ndim == 0:
            return RuntimeError(
                f"zero-dimensional tensor (at position {n}) cannot be concatenated")
    dim = axis(dim, first.ndim)
    for n, t in enumerate(tensors):
        if t.shape == (0,):
            continue
        if t.ndim != first.ndim:
            return RuntimeError(f"Tensors must have same number of dimensions: got {first.ndim} "
                                f"and {t.ndim}")
        for d, (a, b) in enumerate(zip(first.shape, t.shape)):
            if a != b and d != dim:
                return RuntimeError(
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {a} "
                    f"but got size {b} for tensor number {n} in the list. (cat got shapes "
                    f"{[list(t.shape) for t in tensors]})")
    return RuntimeError(f"cat: cannot join shapes {[list(t.shape) for t in tensors]}")


def _cat_vjp(g, tensors_shape, dim):
    dim %= g.ndim
    parts, start = [], 0
    for shape in tensors_shape:
        size = 0 if shape == (0,) else shape[dim]
        part = g[at(dim, slice(start, start + size))]
        parts.append(part.reshape(shape) if shape == (0,) else part)
        start += size
    return parts


joined.vjp("tensors", _cat_vjp)


@joined.op.public
def cat(tensors, dim=0, *, out=None, axis=None):
    """Join tensors along an existing dimension. Empty 1-d tensors are left out.

    Shape: (..., n, ...) each -> (..., sum of n, ...).
    Raises:
        RuntimeError: for shapes that do not fit; TypeError: for anything but tensors;
            ValueError: for no tensors.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.cat.html

    >>> import ember
    >>> ember.cat([ember.tensor([1, 2]), ember.tensor([3])])
    tensor([1, 2, 3])
    """
    if not _all_tensors("cat", tensors):
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    if out is not None:
        apart(out, *tensors)
    return joined(tensors, dim if axis is None else axis, out=out)


concat = concatenate = cat


def _all_tensors(name, tensors):
    """Return whether there are any tensors; raise TypeError when these are something else."""
    if type(tensors) is not list and type(tensors) is not tuple and (
            isinstance(tensors, Tensor) or not isinstance(tensors, (list, tuple))):
        raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not "
                        f"{type(tensors).__name__}")
    for place, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(f"expected Tensor as element {place} in argument 0 of {name}(), but "
                            f"got {type(t).__name__}")
    return len(tensors) > 0


@op(name="stack", lists=("tensors",), cast="promote", namespaces=("torch",),
    derivative="the parts of g")
def stacked(xp, tensors, dim):
    """Return the arrays joined along a new dimension."""
    shape = tensors[0].shape
    for n, t in enumerate(tensors):
        if t.shape != shape:
            raise RuntimeError(f"stack expects each tensor to be equal size, but got "
                               f"{list(shape)} at entry 0 and {list(t.shape)} at entry {n}")
    dim = axis(dim, len(shape) + 1)
    shape = (*shape[:dim], 1, *shape[dim:])
    return xp.concatenate([t.reshape(shape) for t in tensors], dim)


def _stack_vjp(g, tensors_shape, dim):
    dim %= g.ndim
    return [g[at(dim, i)] for i in range(len(tensors_shape))]


stacked.vjp("tensors", _stack_vjp)


@stacked.op.public
def stack(tensors, dim=0, *, out=None, axis=None):
    """Join tensors of one shape along a new dimension.

    Shape: equal -> (..., count, ...).
    Raises:
        RuntimeError: for shapes that differ, or no tensors; IndexError: for a dimension out of
            range.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.stack.html

    >>> import ember
    >>> ember.stack([ember.tensor([1, 2]), ember.tensor([3, 4])], dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    return stacked(_tensors_of("stack", tensors), dim if axis is None else axis, out=out)


def _tensors_of(name, tensors):
    if not _all_tensors(name, tensors):
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return tensors


def hstack(tensors, *, out=None):
    """Join tensors side by side: along dimension 1, or 0 for vectors.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.hstack.html
    """
    tensors = [reshape(t, 1) if t.ndim == 0 else t for t in _tensors_of("hstack", tensors)]
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1, out=out)


def vstack(tensors, *, out=None):
    """Join tensors row upon row: along dimension 0, vectors being rows.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.vstack.html
    """
    return cat([reshape(t, 1, -1) if t.ndim < 2 else t for t in _tensors_of("vstack", tensors)],
               out=out)


row_stack = vstack


def dstack(tensors, *, out=None):
    """Join tensors along dimension 2, numbers and matrices being widened to three dimensions.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.dstack.html
    """
    wide = [reshape(t, 1, -1, 1) if t.ndim < 2 else t.unsqueeze(2) if t.ndim == 2 else t
            for t in _tensors_of("dstack", tensors)]
    return cat(wide, 2, out=out)


def column_stack(tensors, *, out=None):
    """Join tensors side by side, vectors being columns.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.column_stack.html
    """
    wide = [reshape(t, t.numel(), 1) if t.ndim < 2 else t
            for t in _tensors_of("column_stack", tensors)]
    return cat(wide, 1, out=out)
