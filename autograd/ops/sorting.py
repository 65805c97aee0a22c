"""Sorting and what follows from it: order, ranks, medians, distinct values."""

from ...backends import cpu, kernels
from .. import dtypes, return_types
from ..op import op
from ..tensor import tensor_method
from .dims import axis, expanded
from .extremes import shared

__all__ = ["msort"]

_LARGE_INTEGER = dtypes.int64.numpy


def _order(xp, input, a, descending):
    """Return the indices that sort along an axis; equal ones keep their order, NaN is largest."""
    if not descending:
        return input.argsort(a, kind="stable")
    backwards = xp.flip(input, a).argsort(a, kind="stable")
    return xp.flip(input.shape[a] - 1 - backwards, a)


def _picked(xp, input, index, a, keepdim, made):
    """Return values and indices for a result with one element along the axis."""
    if not input.ndim:
        return made(input.copy(), xp.zeros((), _LARGE_INTEGER))
    values = xp.take_along_axis(input, index, a)
    if keepdim:
        return made(values, index)
    return made(xp.squeeze(values, a), xp.squeeze(index, a))


def _to_picked(xp, g, out, input_shape, dim, keepdim):
    if not input_shape:
        return g[0]
    values, index = (expanded(v, input_shape, dim, keepdim) for v in (g[0], out[1]))
    return xp.put_along(values, index, input_shape, axis(dim, len(input_shape)))


def _to_sorted(xp, g, out, input_shape, dim):
    if not input_shape:
        return g[0]
    return xp.put_along(g[0], out[1], input_shape, axis(dim, len(input_shape)))


# -- order ----------------------------------------------------------------------------------------


@op(alone=True, derivative="g put back in order", dtypes="real -> same, int64")
def sort(xp, input, dim=-1, descending=False, stable=False):
    """Elements in order along a dimension, and where they came from; equal ones keep their order.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.sort.html

    >>> import ember
    >>> values, indices = ember.sort(ember.tensor([2., 3., 1.]))
    >>> values, indices
    (tensor([1., 2., 3.]), tensor([2, 0, 1]))
    """
    a = axis(dim, input.ndim)
    if not input.ndim:
        return return_types.sort(input.copy(), xp.zeros((), _LARGE_INTEGER))
    index = _order(xp, input, a, descending)
    return return_types.sort(xp.take_along_axis(input, index, a), index)


sort.vjp("input", _to_sorted)


@op(alone=True, dtypes="real -> int64")
def argsort(xp, input, dim=-1, descending=False, stable=False):
    """Indices that sort along a dimension.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.argsort.html

    >>> import ember
    >>> ember.argsort(ember.tensor([2., 3., 1.]), descending=True)
    tensor([1, 0, 2])
    """
    a = axis(dim, input.ndim)
    return _order(xp, input, a, descending) if input.ndim else xp.zeros((), _LARGE_INTEGER)


@tensor_method
def msort(input, *, out=None):
    """Return the elements in order along the first dimension."""
    values, _ = sort(input, 0)
    return values if out is None else out.copy_(values)


@op(alone=True, derivative="g at the indices", dtypes="integer/float -> same, int64")
def topk(xp, input, k, dim=-1, largest=True, sorted=True):
    """The k largest (or smallest) elements along a dimension, in order, and their places.

    Shape: (..., n, ...) -> twice (..., k, ...).
    Raises:
        RuntimeError: when there are fewer than k.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.topk.html

    >>> import ember
    >>> ember.topk(ember.tensor([2., 3., 1.]), 2).indices
    tensor([1, 0])
    """
    a = axis(dim, input.ndim)
    n = input.shape[a] if input.ndim else 1
    if not 0 <= k <= n:
        raise RuntimeError(f"selected index k out of range: topk({k}) of {n} elements along "
                           f"dimension {dim}")
    if not input.ndim:
        return return_types.topk(input.copy(), xp.zeros((), _LARGE_INTEGER))
    if 8 * k < n:  # sorting the rest would be a waste
        index = _ends(xp, input, k, a, largest)
    else:
        index = xp.take(_order(xp, input, a, largest), xp.arange(k), axis=a)
    return return_types.topk(xp.take_along_axis(input, index, a), index)


def _ends(xp, input, k, a, largest):
    """Return the indices of the k largest or smallest elements."""
    compiled = kernels.compiled("first_places", input.size) if xp is cpu else None
    index = NotImplemented if compiled is None else compiled(input, k, a, largest)
    if index is not NotImplemented:
        return index
    n = input.shape[a]
    order = xp.argpartition(input, n - k if largest and k else k, a)
    ends = xp.arange(n - k, n) if largest else xp.arange(k)
    first = xp.sort(xp.take(order, ends, axis=a), axis=a)  # equal ones in order of their places
    order = _order(xp, xp.take_along_axis(input, first, a), a, largest)
    return xp.take_along_axis(first, order, a)


topk.vjp("input", _to_sorted)


# -- one element by its rank ----------------------------------------------------------------------


def _not_empty(name, input, a):
    if input.ndim and not input.shape[a]:
        raise IndexError(f"{name}(): Expected reduction dim {a} to have non-zero size.")


@op(alone=True, derivative="g at the index", dtypes="integer/float -> same, int64")
def kthvalue(xp, input, k, dim=-1, keepdim=False):
    """The k-th smallest element along a dimension (from 1), and its place.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.kthvalue.html

    >>> import ember
    >>> ember.kthvalue(ember.tensor([2., 3., 1.]), 2).values
    tensor(2.)
    """
    a = axis(dim, input.ndim)
    _not_empty("kthvalue", input, a)
    if not 1 <= k <= (input.shape[a] if input.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}")
    index = None
    if input.ndim:
        index = xp.take(_order(xp, input, a, False), xp.arange(k - 1, k), axis=a)
    return _picked(xp, input, index, a, keepdim, return_types.kthvalue)


def _median_rank(xp, input, a, skip_nan):
    """Return the rank of the lower median along an axis, with size 1 there.

    NaN sorts last: ranking all but the NaNs skips them, ranking the first NaN spreads it.
    """
    n = input.shape[a]
    valid = (input == input).sum(a, keepdims=True)
    if skip_nan:
        return xp.maximum((valid - 1) // 2, 0)
    return xp.where(valid < n, valid, (n - 1) // 2)


def _median_along(xp, name, input, dim, keepdim, skip_nan, made):
    a = axis(dim, input.ndim)
    _not_empty(name, input, a)
    index = None
    if input.ndim:
        rank = _median_rank(xp, input, a, skip_nan)
        index = xp.take_along_axis(_order(xp, input, a, False), rank, a)
    return _picked(xp, input, index, a, keepdim, made)


@op(alone=True, name="median", derivative="g at the index", dtypes="integer/float -> same, int64")
def _median(xp, input, dim, keepdim=False):
    """Lower median along a dimension and its place."""
    return _median_along(xp, "median", input, dim, keepdim, False, return_types.median)


@op(alone=True, name="nanmedian", derivative="g at the index",
    dtypes="integer/float -> same, int64")
def _nanmedian(xp, input, dim, keepdim=False):
    """Lower median along a dimension, NaN left out, and its place."""
    return _median_along(xp, "nanmedian", input, dim, keepdim, True, return_types.nanmedian)


def _median_of_all(xp, input, skip_nan):
    flat = input.reshape(-1)
    if not flat.size:
        if input.dtype.kind != "f":
            raise RuntimeError("median(): there is no median of no integers")
        return xp.asarray(xp.nan, input.dtype).reshape(())
    rank = _median_rank(xp, flat, 0, skip_nan)
    return xp.take_along_axis(xp.sort(flat), rank, 0).reshape(())


@op(name="median_all", namespaces=(), label="median", derivative="g where input = out, ties share")
def _median_all(xp, input):
    """Lower median of all elements; equal ones share the gradient evenly."""
    return _median_of_all(xp, input, False)


@op(name="nanmedian_all", namespaces=(), label="nanmedian",
    derivative="g where input = out, ties share")
def _nanmedian_all(xp, input):
    """Lower median of all elements but NaN; equal ones share the gradient evenly."""
    return _median_of_all(xp, input, True)


_median.vjp("input", _to_picked)
_nanmedian.vjp("input", _to_picked)
kthvalue.vjp("input", _to_picked)
_median_all.vjp("input", lambda xp, g, input, out: shared(xp, g, input, out))
_nanmedian_all.vjp("input", lambda xp, g, input, out: shared(xp, g, input, out))


@_median.op.public
def median(input, dim=None, keepdim=False, *, out=None):
    """Return the median of all elements, or (values, indices) along a dimension.

    Of an even number of elements the lower one of the middle counts; NaN spreads.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.median.html

    >>> import ember
    >>> ember.median(ember.tensor([4., 1., 3., 2.]))
    tensor(2.)
    """
    return _median_all(input, out=out) if dim is None else _median(input, dim, keepdim, out=out)


@_nanmedian.op.public
def nanmedian(input, dim=None, keepdim=False, *, out=None):
    """Return the median as `median` does, but leave NaN out.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nanmedian.html
    """
    if dim is None:
        return _nanmedian_all(input, out=out)
    return _nanmedian(input, dim, keepdim, out=out)


@op(alone=True, derivative="g at the index", dtypes="real -> same, int64")
def mode(xp, input, dim=-1, keepdim=False):
    """The most frequent element along a dimension (the smallest of several), and its last place.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.mode.html

    >>> import ember
    >>> ember.mode(ember.tensor([2., 1., 2.])).values
    tensor(2.)
    """
    a = axis(dim, input.ndim)
    _not_empty("mode", input, a)
    index = None
    if input.ndim:
        order = xp.moveaxis(_order(xp, input, a, False), a, -1)
        ordered = xp.take_along_axis(xp.moveaxis(input, a, -1), order, -1)
        place = xp.arange(ordered.shape[-1])
        starts = xp.concatenate([xp.ones(ordered.shape[:-1] + (1,), bool),
                                 ordered[..., 1:] != ordered[..., :-1]], -1)
        run = place - xp.running(xp.maximum, xp.where(starts, place, 0), -1)
        index = xp.take_along_axis(order, run.argmax(-1, keepdims=True), -1)
        index = xp.moveaxis(index, -1, a)
    return _picked(xp, input, index, a, keepdim, return_types.mode)


mode.vjp("input", _to_picked)
