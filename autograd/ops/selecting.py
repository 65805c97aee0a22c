"""Choosing elements: by condition, by mask, by position along a dimension."""

import numpy as np

from .. import inplace
from ..arguments import shape_error
from ..op import RECORDS, op
from ..tensor import Tensor, tensor_method
from ..viewing import copied, fast_backward, memory
from . import keys
from .dims import axis
from .filling import into
from .indexing import gathered
from .keys import at
from .scalars import checked
from .shape import expand, reshape

__all__ = ["argwhere", "masked_scatter", "masked_select", "nonzero",
           "nonzero_static", "take_along_dim"]

# -- by condition ---------------------------------------------------------------------------------


@op(name="where", cast="promote", promoted=("input", "other"), namespaces=("torch",),
    derivative="∂input: g where condition; ∂other: g elsewhere")
def chosen(xp, condition, input, other):
    """Return input where the condition holds, other elsewhere."""
    return xp.where(condition, input, other)


chosen.vjp("input", lambda xp, g, condition: xp.where(condition, g, 0))
chosen.vjp("other", lambda xp, g, condition: xp.where(condition, 0, g))


@chosen.op.public
def where(condition, input=None, other=None, *, out=None, **named):
    """Return input where the condition holds, other elsewhere, with broadcasting.

    Args:
        condition: boolean tensor; input, other: tensors or numbers. With the condition alone:
            the tuple of indices at which it holds.
    Shape: any, any, any -> broadcast.
    Raises:
        RuntimeError: for a condition that is not boolean, or shapes that do not broadcast.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.where.html

    >>> import ember
    >>> ember.where(ember.tensor([True, False]), 1, 2)
    tensor([1, 2])
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    kind = condition._array.dtype
    if kind.kind != "b":
        if kind != np.uint8:
            raise RuntimeError("where expected condition to be a boolean tensor, but got a tensor "
                               f"with dtype {condition.dtype.title}")
        condition = condition.bool()
    try:
        return chosen(condition, input, other, out=out)
    except ValueError:
        shapes = [list(t.shape) for t in (condition, input, other) if isinstance(t, Tensor)]
        raise RuntimeError(f"where: shapes {shapes} do not broadcast together") from None


Tensor.where = lambda self, condition, other: where(condition, self, other)


@tensor_method
def nonzero(input, *, out=None, as_tuple=False):
    """Return the positions of the elements that are not zero.

    Shape: (count, ndim); as_tuple: one vector per dimension, which can index the tensor.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nonzero.html

    >>> import ember
    >>> ember.nonzero(ember.tensor([0, 5, 7]))
    tensor([[1],
            [2]])
    """
    array, xp = memory(input), input._xp
    if as_tuple:
        array = array if array.ndim else array.reshape(1)
        return tuple([Tensor._wrap(i, xp) for i in xp.nonzero(array)])
    if array.ndim:
        positions = xp.stack(xp.nonzero(array), 1)
    else:
        positions = xp.zeros((int(xp.to_host(array != 0)), 0), xp.int64)
    found = Tensor._wrap(positions, xp)
    return into(out, found)


@tensor_method
def nonzero_static(input, *, size, fill_value=-1, out=None):
    """Return the first `size` positions that are not zero, and a filling for what is missing.

    Shape: (size, ndim).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nonzero_static.html
    """
    found = nonzero(input)[:size]
    missing = found.new_full((size - found.shape[0], found.shape[1]), fill_value)
    return into(out, RECORDS["cat"].call([found, missing], 0))


@tensor_method
def argwhere(input):
    """Return the positions of the elements that are not zero, one a row.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.argwhere.html
    """
    return nonzero(input)


# -- by mask --------------------------------------------------------------------------------------


@op(name="masked_fill", inplace=True, derivative="∂input: g, 0 at the mask; ∂value: g there")
def mask_filled(xp, input, mask, value):
    """Return input with a value where the mask is true."""
    return xp.where(mask, xp.asarray(value, input.dtype), input)


mask_filled.vjp("input", lambda xp, g, mask: xp.where(mask, 0, g))
mask_filled.vjp("value", lambda xp, g, mask: xp.where(mask, g, 0))


@mask_filled.op.public
def masked_fill(input, mask, value):
    """Return a copy with a value where the mask is true, with broadcasting.

    Args:
        mask: boolean tensor; value: number or 0-d tensor.
    Shape: any, any -> broadcast.
    Raises:
        RuntimeError: for masks that are not boolean, or values with dimensions.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.masked_fill.html

    >>> import ember
    >>> ember.tensor([1, 2]).masked_fill(ember.tensor([True, False]), 0)
    tensor([0, 2])
    """
    _check_mask("masked_fill_", mask)
    if isinstance(value, Tensor):
        if value._array.ndim:
            raise RuntimeError("masked_fill_ only supports a 0-dimensional value tensor, but got "
                               f"tensor with {value._array.ndim} dimension(s).")
        if value._array.dtype.kind == "c" != input._array.dtype.kind:
            raise RuntimeError("value cannot be converted to type "
                               f"{input.dtype.name} without overflow")
    else:
        value = checked(value, input._array.dtype)
    try:
        return mask_filled(input, mask, value)
    except ValueError:
        raise _mask_shape_error(input, mask) from None


def _check_mask(name, mask):
    if not isinstance(mask, Tensor):
        raise TypeError(f"{name}(): argument 'mask' must be Tensor, not {type(mask).__name__}")
    if mask._array.dtype.kind != "b":
        raise RuntimeError(f"{name} only supports boolean masks, but got mask with dtype "
                           f"{mask.dtype.name}")


def _mask_shape_error(input, mask):
    return shape_error(mask_filled.op, input._array, mask._array)


def _spread_together(input, mask):
    """Return input and mask expanded to their common shape."""
    try:
        shape = np.broadcast_shapes(input._array.shape, mask._array.shape)
    except ValueError:
        raise _mask_shape_error(input, mask) from None
    return expand(input, shape), expand(mask, shape)


@tensor_method
def masked_select(input, mask, *, out=None):
    """Return the elements where the mask is true, in one dimension.

    Raises:
        RuntimeError: for masks that are not boolean, or shapes that do not broadcast.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.masked_select.html

    >>> import ember
    >>> ember.masked_select(ember.tensor([1, 2]), ember.tensor([False, True]))
    tensor([2])
    """
    if mask._array.dtype.kind != "b":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    given = (input, mask)
    input, mask = _spread_together(input, mask)
    if not input.ndim:
        input, mask = reshape(input, 1), reshape(mask, 1)
    return into(out, input[mask], *given)


@tensor_method
def masked_scatter(input, mask, source):
    """Return a copy whose elements at the mask are the first ones of source, in order.

    Raises:
        RuntimeError: when source is too short, or dtypes differ.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.masked_scatter_.html
    """
    _check_mask("masked_scatter_", mask)
    if source._array.dtype != input._array.dtype:
        raise RuntimeError("masked_scatter: expected self and source to have same dtypes but got "
                           f"{input.dtype.title} and {source.dtype.title}")
    input, mask = _spread_together(input, mask)
    count = int(input._xp.to_host(mask._array.sum()))
    if count > source._array.size:
        raise RuntimeError(f"Number of elements of source < number of ones in mask: source has "
                           f"{source._array.size}, the mask {count}")
    return input.index_put((mask,), reshape(source, -1)[:count])


@tensor_method
def masked_scatter_(self, mask, source):
    """In-place version of `masked_scatter`."""
    inplace.check_writable(self, "masked_scatter_")
    return inplace.overwrite(self, masked_scatter(self, mask, source), "masked_scatter_")


# -- by position along a dimension ----------------------------------------------------------------


def _picking(name):
    """Return the record of an op that picks elements with index arrays, as `index` does."""
    @op(name=name, derivative="zeros with g added at the index")
    def picked(xp, input, index):
        """Return the elements at a key with index arrays."""
        return xp.pick(input, index)

    picked.vjp("input", gathered.op.vjps["input"])
    fast_backward(picked)
    return picked.op


GATHER, INDEX_SELECT, TAKE = map(_picking, ("gather", "index_select", "take"))


def check_positions(name, index, size, dim, xp):
    """Raise for index arrays of another type than integers, or that reach outside."""
    if not index.size:
        return
    if index.dtype.kind != "i" or index.dtype.itemsize < 4:
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index, but got "
                           f"{index.dtype.name}")
    index = xp.to_host(index)
    if index.min() < 0 or index.max() >= size:
        bad = index[(index < 0) | (index >= size)][0]
        raise RuntimeError(
            f"{name}(): index {bad} is out of bounds for dimension {dim} with size {size}")


def along(xp, dim, index):
    """Return the key of the places that `gather` reads: index along dim, itself elsewhere."""
    if not index.size:
        index = index.astype(xp.int64)  # any type will do; a key of bytes would be a mask
    return tuple([index if d == dim else xp.arange(n).reshape(
        (n,) + (1,) * (index.ndim - d - 1)) for d, n in enumerate(index.shape)])


def gather_key(name, array, dim, index, xp):
    """Return the key of the elements that gather reads and scatter writes.

    Raises:
        RuntimeError: for indices of another rank, size or type than fits, or out of range.
    """
    if index.size and index.ndim != array.ndim:
        raise RuntimeError(
            f"{name}(): Index tensor must have the same number of dimensions as input tensor")
    dim = axis(dim, array.ndim)
    for d, (a, b) in enumerate(zip(index.shape, array.shape)):
        if a > b and d != dim and index.size:
            raise RuntimeError(
                f"{name}(): Size does not match at dimension {d} expected index "
                f"{list(index.shape)} to be no larger than self {list(array.shape)} apart from "
                f"dimension {dim}")
    check_positions(name, index, array.shape[dim], dim, xp)
    return along(xp, dim, index)


def _along_dim(input, dim, index):
    """Return the elements that an index tensor of the input's rank names along a dimension."""
    array, xp = memory(input), input._xp
    if array.ndim and index._array.ndim:
        key = gather_key("gather", array, dim, index._array, xp)
        if not index._array.size and index._array.ndim != array.ndim:
            return reshape(input, -1)[:0].reshape(tuple(index.shape))
        return copied(GATHER, input, array[key], {"index": key})
    found = _along_dim(reshape(input, -1) if not array.ndim else input, dim,
                       index if index._array.ndim else reshape(index, 1))
    return reshape(found, tuple(index.shape))


@GATHER.public
def gather(input, dim, index, *, sparse_grad=False, out=None):
    """Return the elements that an index tensor names along a dimension.

    out[i][j] = input[index[i][j]][j] for dim 0. Shape: any, index of its rank -> the index's.
    Raises:
        RuntimeError: for indices of other rank, size or type, or out of range.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.gather.html

    >>> import ember
    >>> ember.gather(ember.tensor([[1, 2], [3, 4]]), 1, ember.tensor([[0], [1]]))
    tensor([[1],
            [4]])
    """
    axis(dim, memory(input).ndim)
    found = _along_dim(input, dim, index)
    return into(out, found, input, index)


@tensor_method
def take_along_dim(input, indices, dim=None, *, out=None):
    """Return the elements that an index tensor names along a dimension, with broadcasting.

    Raises:
        RuntimeError: for indices of another rank or type.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.take_along_dim.html
    """
    if dim is None:
        return gather(reshape(input, -1), 0, reshape(indices, -1), out=out)
    if indices._array.dtype != np.int64:
        raise RuntimeError("torch.take_along_dim(): dtype of indices should be Long but got "
                           f"{indices.dtype.title}")
    if input._array.ndim != indices._array.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {input._array.ndim} dimensions for input, and {indices._array.ndim} "
            "dimensions for indices")
    dim = axis(dim, input._array.ndim)
    shapes = [t._array.shape[:dim] + (1,) + t._array.shape[dim + 1:] for t in (input, indices)]
    common = np.broadcast_shapes(*shapes)
    own = [common[:dim] + (t._array.shape[dim],) + common[dim + 1:] for t in (input, indices)]
    if not input._array.ndim:
        own = [(), ()]
    size = input._array.shape[dim] if own[0] else 1
    indices = indices.where(indices >= 0, indices + size)
    return gather(expand(input, own[0]), dim, expand(indices, own[1]), out=out)


@INDEX_SELECT.public
def index_select(input, dim, index, *, out=None):
    """Return the slices along a dimension that a vector of indices names.

    Shape: (..., n, ...), (k) -> (..., k, ...).
    Raises:
        IndexError: for an index that is no vector; RuntimeError: for one of another type or
            out of range.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.index_select.html

    >>> import ember
    >>> ember.index_select(ember.tensor([[1, 2], [3, 4]]), 1, ember.tensor([1, 1]))
    tensor([[2, 2],
            [4, 4]])
    """
    array, positions = memory(input), index._array
    dim = axis(dim, array.ndim)
    if positions.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector, but got dim: "
                         f"{positions.ndim}")
    if not array.ndim:
        if positions.size != 1:
            raise RuntimeError("index_select(): Index to scalar can have only 1 value, got "
                               f"{positions.size} value(s)")
        found = input.clone()
    else:
        positions = positions.reshape(-1)
        try:
            check_positions("index_select", positions, array.shape[dim], dim, input._xp)
        except RuntimeError as error:
            if "bounds" in str(error):
                raise IndexError(f"index out of range in self: {error}") from None
            raise
        key = at(dim, positions)
        found = copied(INDEX_SELECT, input, input._xp.pick(array, key), {"index": key})
    return into(out, found, input, index)


@TAKE.public
def take(input, index, *, out=None):
    """Return the elements at positions in the flattened tensor, in the index's shape.

    Shape: any, any -> the index's.
    Raises:
        RuntimeError, IndexError: for indices of another type or out of range.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.take.html

    >>> import ember
    >>> ember.take(ember.tensor([[4, 3], [2, 1]]), ember.tensor([0, 3]))
    tensor([4, 1])
    """
    if index._array.dtype != np.int64:
        raise RuntimeError(
            f"take(): Expected a long tensor for index, but got {index.dtype.title}")
    flat = reshape(input, -1)
    key = (index._buffer(),)
    try:
        r = flat._xp.pick(flat._array, key)
    except IndexError as error:
        reason = keys.explain(error, flat._array, key, flat._xp)
        raise IndexError(f"out of range: {reason}") from None
    found = copied(TAKE, flat, r, {"index": key})
    return into(out, found, input, index)
