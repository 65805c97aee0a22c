"""Writing and adding at positions along a dimension: the counterparts of gather and take."""

import numpy as np

from ..op import op
from ..tensor import Tensor
from ..viewing import memory
from .dims import axis
from .indexing import with_values
from .keys import at
from .scalars import checked
from .selecting import gather_key
from .shape import reshape

__all__ = []


def _writing(name, derivative):
    """Return the record of an op that writes or adds values at a key, as `index_put` does."""
    @op(name=name, inplace=True, derivative=derivative)
    def written(xp, input, index, values, accumulate):
        """Return the input with values written (or added) at a key."""
        return xp.write_at(input.copy(), index, values, accumulate)

    for argument, formula in with_values.op.vjps.items():
        written.vjp(argument, formula)
    return written.op, written


_REPLACES = "∂input: g, 0 at the index; ∂src: g[index]"
_ADDS = "∂input: g; ∂src: g[index]"
SCATTER, _scattered = _writing("scatter", _REPLACES)
SCATTER_ADD, _scattered_sum = _writing("scatter_add", _ADDS)
INDEX_ADD, _added = _writing("index_add", _ADDS)
INDEX_COPY, _replaced = _writing("index_copy", _REPLACES)
INDEX_FILL, _filled = _writing("index_fill", _REPLACES)
PUT, _put = _writing("put", _REPLACES)

# -- like gather ----------------------------------------------------------------------------------


def _targets(name, input, dim, index, src=None):
    """Return (key, src cut to the index's shape) for the scatter functions."""
    array, positions = memory(input), index._array
    if isinstance(src, Tensor):
        if src._array.dtype != array.dtype:
            raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")
        if positions.size and any(n > m for n, m in zip(positions.shape, src._array.shape)):
            raise RuntimeError(
                f"{name}(): Expected index {list(positions.shape)} to be no larger than self "
                f"{list(array.shape)} apart from dimension {dim} and to be no larger size than "
                f"src {list(src._array.shape)}")
        if src._array.shape != positions.shape:
            src = src[tuple([slice(n) for n in positions.shape])]
    return gather_key(name, array, dim, positions, input._xp), src


def _one_dimensional(function, input, dim, index, src, **options):
    """Scatter 0-d tensors as tensors of one element (a copy: backward may need the old one)."""
    if isinstance(src, Tensor):
        src = reshape(src, -1)
    result = function(reshape(input.clone(), -1), dim, reshape(index, -1), src, **options)
    return reshape(result, tuple(input.shape))


@SCATTER.public
def scatter(input, dim, index, src=None, *, reduce=None, value=None):
    """Return a copy with src written where an index tensor says, along a dimension.

    out[index[i][j]][j] = src[i][j] for dim 0.
    Args:
        src: tensor of the input's dtype or number (also as `value`); reduce: None, "add" or
            "multiply" what is there.
    Shape: any; index and src of its rank -> same.
    Raises:
        RuntimeError: for shapes, dtypes or positions that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.scatter_.html

    >>> import ember
    >>> ember.zeros(2, 3).scatter(1, ember.tensor([[2], [0]]), 1)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    src = value if src is None else src
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError("reduce argument must be either add or multiply.")
    if not (memory(input).ndim and index._array.ndim):
        return _one_dimensional(scatter, input, dim, index, src, reduce=reduce)
    if not isinstance(src, Tensor):
        src = Tensor._wrap(checked(src, input._array.dtype), input._xp)
    if index._array.size == 0:
        return input.clone()
    key, src = _targets("scatter", input, dim, index, src if src.ndim else src.expand(index.shape))
    if reduce == "multiply":
        return reduced(input, key, src, "prod", True)
    return _scattered(input, key, src, reduce == "add")


@SCATTER_ADD.public
def scatter_add(input, dim, index, src):
    """Return a copy with src added where an index tensor says, along a dimension.

    Shape: any; index and src of its rank -> same.
    Raises:
        RuntimeError: for shapes, dtypes or positions that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.scatter_add_.html

    >>> import ember
    >>> ember.zeros(2).scatter_add(0, ember.tensor([1, 1]), ember.tensor([2., 3.]))
    tensor([0., 5.])
    """
    if not (memory(input).ndim and index._array.ndim):
        return _one_dimensional(scatter_add, input, dim, index, src)
    if index._array.size == 0:
        return input.clone()
    key, src = _targets("scatter", input, dim, index, src)
    return _scattered_sum(input, key, src, True)


# -- reductions -----------------------------------------------------------------------------------

_REDUCTIONS = {"sum": "add", "mean": "add", "prod": "multiply", "amax": "maximum",
               "amin": "minimum"}


@op(name="scatter_reduce", inplace=True, derivative="by the reduction: see the source",
    dtypes="real -> same")
def reduced(xp, input, index, src, reduce, include_self):
    """Return the input reduced with the values of src that go to the same place."""
    out = input.copy()
    if not include_self:
        out[index] = _identity(reduce, out.dtype)
    xp.scatter_with(_REDUCTIONS[reduce], out, index, src)
    if reduce != "mean":
        return out
    count = _counts(xp, input.shape, src, index, include_self).astype(out.dtype)
    return out // count if out.dtype.kind in "iu" else out / count


def _identity(reduce, dtype):
    if reduce in ("sum", "mean", "prod"):
        return int(reduce == "prod")
    if dtype.kind == "f":
        return -np.inf if reduce == "amax" else np.inf
    if dtype.kind == "b":
        return reduce == "amin"
    return np.iinfo(dtype).min if reduce == "amax" else np.iinfo(dtype).max


def _counts(xp, shape, src, index, include_self):
    """Return how many values each place is the mean of, at least 1."""
    count = xp.zeros_plus(src * 0 + 1, shape, index)
    return count + 1 if include_self else xp.where(count == 0, count * 0 + 1, count)


def _reduced_input(xp, g, out, input, index, src, reduce, include_self):
    shape = tuple(input.shape)
    if reduce == "mean":
        g = g / _counts(xp, shape, src, index, include_self)
    elif reduce == "prod":
        nonzero = xp.where(input == 0, input * 0 + 1, input)
        g = g * _product(xp, nonzero, index, src, include_self) / nonzero
    elif reduce != "sum":
        g = _share(xp, g, out, input, index, src, include_self) * (input == out)
    return g if include_self else xp.cleared(g, index)


def _reduced_src(xp, g, out, input, index, src, reduce, include_self):
    if reduce == "sum":
        return g[index]
    shape = tuple(input.shape)
    if reduce == "mean":
        return (g / _counts(xp, shape, src, index, include_self))[index]
    if reduce != "prod":
        share = _share(xp, g, out, input, index, src, include_self)
        return share[index] * (src == out[index])
    zero = src == 0
    only = zero & (xp.zeros_plus(src * 0 + zero, shape, index)[index] == 1)
    without = _product(xp, input, index, xp.where(only, src * 0 + 1, src), include_self)
    return xp.where(only, (g * without)[index],
                    (g * out)[index] / xp.where(zero, src * 0 + 1, src))


def _product(xp, input, index, src, include_self):
    """The reduction itself, on arrays or Tensors."""
    if isinstance(input, Tensor):
        return reduced(input, index, src, "prod", include_self)
    return reduced.op.forward(xp, input, index, src, "prod", include_self)


def _share(xp, g, out, input, index, src, include_self):
    """Return what each of the equal extremes gets of the gradient of its place."""
    hits = xp.zeros_plus(src * 0 + (src == out[index]), tuple(input.shape), index)
    if include_self:
        hits = hits + (input == out)
    return g / xp.where(hits == 0, hits * 0 + 1, hits)


reduced.vjp("input", _reduced_input)
reduced.vjp("src", _reduced_src)


def _check_reduction(reduce, allowed):
    if reduce not in allowed:
        *most, last = allowed
        raise RuntimeError(
            f"reduce argument must be either {', '.join(most)} or {last}, got {reduce}")


@reduced.op.public
def scatter_reduce(input, dim, index, src, reduce, *, include_self=True):
    """Return a copy in which values of src are reduced where an index tensor says.

    Args:
        reduce: "sum", "prod", "mean", "amax" or "amin"; include_self: with what is there.
    Shape: any; index and src of its rank -> same.
    Raises:
        RuntimeError: for shapes, dtypes or positions that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.scatter_reduce_.html

    >>> import ember
    >>> x, i = ember.zeros(2), ember.tensor([0, 0, 1])
    >>> x.scatter_reduce(0, i, ember.tensor([1., 5., 2.]), "amax")
    tensor([5., 2.])
    """
    _check_reduction(reduce, ("sum", "prod", "mean", "amax", "amin"))
    if not (memory(input).ndim and index._array.ndim):
        return _one_dimensional(scatter_reduce, input, dim, index, src, reduce=reduce,
                                include_self=include_self)
    if index._array.size == 0:
        return input.clone()
    key, src = _targets("scatter_reduce", input, dim, index, src)
    return reduced(input, key, src, reduce, include_self)


# -- like index_select ----------------------------------------------------------------------------


def _slices(name, input, dim, index, error=RuntimeError):
    """Return (input with at least one dimension, dim, key) of the index_* functions."""
    dim = axis(dim, memory(input).ndim)
    positions = index._array
    if positions.ndim > 1:
        raise IndexError(
            f"{name}(): Index is supposed to be a vector, but got dim: {positions.ndim} with "
            f"type: {index.dtype.title} and size: {list(positions.shape)}")
    if positions.dtype.kind != "i" or positions.dtype.itemsize < 4:
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index but got: "
                           f"{index.dtype.title}")
    if not input._array.ndim:
        input = reshape(input.clone(), 1)  # backward may need the old value
    positions, size = positions.reshape(-1), input._array.shape[dim]
    lowest = -size if name == "index_fill_" else 0
    wrong = positions[(positions < lowest) | (positions >= size)]
    if wrong.size:
        first = input._xp.to_host(wrong)[0]
        raise error(f"index {first} is out of bounds for dimension {dim} with size {size}")
    return input, dim, at(dim, positions)


def _source(name, input, dim, key, source):
    """Return the source with at least one dimension, checked against the slices it goes to."""
    if source._array.dtype != input._array.dtype:
        raise RuntimeError(
            f"{name}(): self and source expected to have the same dtype, but got (self) "
            f"{input.dtype.title} and (source) {source.dtype.title}")
    if not source._array.ndim:
        source = reshape(source, 1)
    shape, count = source._array.shape, key[dim].size
    if name == "index_add_" and len(shape) != input._array.ndim:
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(input._array.shape)} source.shape = {list(shape)}")
    if source._array.ndim != input._array.ndim and source._array.size != 1:
        raise IndexError(f"{name}(): When source and destination are not scalars, their "
                         f"dimensionality must match. Source dimensionality ({len(shape)}), "
                         f"destination dimensionality ({input._array.ndim})")
    if dim < len(shape) and shape[dim] != count:
        raise IndexError(f"{name}(): Number of indices ({count}) should be equal to "
                         f"source.size(dim) ({shape[dim]})")
    if shape[:dim] + shape[dim + 1:] != input._array.shape[:dim] + input._array.shape[dim + 1:]:
        raise RuntimeError(
            f"{name}(): Source/destination tensor must have same slice shapes. Destination "
            f"slice shape: {list(input._array.shape)} at dimension {dim} and source slice shape: "
            f"{list(shape)} at dimension {dim}.")
    return source


@INDEX_ADD.public
def index_add(input, dim, index, source, *, alpha=1):
    """Return a copy with slices of source, times alpha, added to the slices an index names.

    Shape: (..., n, ...), index (k), source (..., k, ...) -> same.
    Raises:
        IndexError, RuntimeError: for shapes, dtypes or positions that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.index_add_.html

    >>> import ember
    >>> ember.zeros(3).index_add(0, ember.tensor([2, 2]), ember.tensor([1., 2.]))
    tensor([0., 0., 3.])
    """
    wide, dim, key = _slices("index_add_", input, dim, index)
    source = _source("index_add_", wide, dim, key, source)
    result = _added(wide, key, source if alpha == 1 else source * alpha, True)
    return reshape(result, tuple(input.shape)) if wide is not input else result


@INDEX_COPY.public
def index_copy(input, dim, index, source):
    """Return a copy with slices of source written to the slices an index names.

    Shape: (..., n, ...), index (k), source (..., k, ...) -> same.
    Raises:
        IndexError, RuntimeError: for shapes, dtypes or positions that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.index_copy_.html
    """
    wide, dim, key = _slices("index_copy_", input, dim, index, IndexError)
    result = _replaced(wide, key, _source("index_copy_", wide, dim, key, source), False)
    return reshape(result, tuple(input.shape)) if wide is not input else result


@INDEX_FILL.public
def index_fill(input, dim, index, value):
    """Return a copy with the slices an index names filled with a number or 0-d tensor.

    Shape: any -> same.
    Raises:
        IndexError: for positions out of range; RuntimeError: for a value with dimensions.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.index_fill_.html

    >>> import ember
    >>> ember.zeros(3).index_fill(0, ember.tensor([1]), 5)
    tensor([0., 5., 0.])
    """
    wide, dim, key = _slices("index_fill_", input, dim, index, IndexError)
    if not isinstance(value, Tensor):
        value = checked(value, input._array.dtype)
    elif value._array.ndim:
        raise RuntimeError("index_fill_ only supports a 0-dimensional value tensor, but got "
                           f"tensor with {value._array.ndim} dimension(s).")
    result = _filled(wide, key, value, False)
    return reshape(result, tuple(input.shape)) if wide is not input else result


@op(name="index_reduce", inplace=True, derivative="as scatter_reduce",
    dtypes="integer/float -> same")
def slices_reduced(xp, input, index, source, reduce, include_self):
    """Return the input with slices reduced with the slices of source that go to the same place."""
    return reduced.op.forward(xp, input, index, source, reduce, include_self)


slices_reduced.vjp("input", lambda xp, g, out, input, index, source, reduce, include_self:
                   _reduced_input(xp, g, out, input, index, source, reduce, include_self))
slices_reduced.vjp("source", lambda xp, g, out, input, index, source, reduce, include_self:
                   _reduced_src(xp, g, out, input, index, source, reduce, include_self))


@slices_reduced.op.public
def index_reduce(input, dim, index, source, reduce, *, include_self=True):
    """Return a copy with slices of source reduced into the slices an index names.

    Args:
        reduce: "prod", "mean", "amax" or "amin"; include_self: with what is there.
    Shape: (..., n, ...), index (k), source (..., k, ...) -> same.
    Raises:
        IndexError, RuntimeError: for shapes, dtypes or positions that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.index_reduce_.html
    """
    _check_reduction(reduce, ("prod", "mean", "amax", "amin"))
    wide, dim, key = _slices("index_reduce", input, dim, index, IndexError)
    source = _source("index_reduce", wide, dim, key, source)
    result = slices_reduced(wide, key, source, reduce, include_self)
    return reshape(result, tuple(input.shape)) if wide is not input else result


# -- like take ------------------------------------------------------------------------------------


@PUT.public
def put(input, index, source, accumulate=False):
    """Return a copy with source written (or added) at positions in the flattened tensor.

    Shape: any -> same.
    Raises:
        RuntimeError: for dtypes or sizes that do not fit; IndexError: for positions out of range.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.put_.html

    >>> import ember
    >>> ember.zeros(3).put(ember.tensor([0, 2]), ember.tensor([1., 2.]))
    tensor([1., 0., 2.])
    """
    if source._array.dtype != input._array.dtype:
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{input.dtype.title} and source.dtype = {source.dtype.title}")
    if index._array.dtype != np.int64:
        raise RuntimeError(
            f"put_(): Expected a long tensor for index, but got {index.dtype.title}")
    if index._array.size != source._array.size:
        raise RuntimeError(
            f"put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {source._array.size}, index.numel() = {index._array.size}")
    positions, size = index._array.reshape(-1), input._array.size
    wrong = positions[(positions < -size) | (positions >= size)]
    if wrong.size:
        first = input._xp.to_host(wrong)[0]
        raise IndexError(f"out of range: tried to access index {first} on a tensor of "
                         f"{size} elements.")
    result = _put(reshape(input, -1), (positions,), reshape(source, -1), accumulate)
    return reshape(result, tuple(input.shape))
