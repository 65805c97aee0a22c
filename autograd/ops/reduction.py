"""Reductions: sums, products, means, moments, truth of all or any."""

from .. import dtypes
from ..op import op
from ..tensor import tensor_method
from .dims import axes, count, expanded

__all__ = ["nanmean"]

_LARGE_INTEGER = dtypes.int64.numpy


def _in(input, dtype):
    return input if dtype is None else input.astype(dtype.numpy, copy=False)


@op(alone=True, name="sum", label="Σ", derivative="g, repeated along dim",
    dtypes="any -> same or int64", compiled=True)
def sum_(xp, input, dim=None, keepdim=False, *, dtype=None):
    """Sum of all elements, or along dimensions; integers and bools give int64.

    Args:
        dim: a dimension or several; None or () means all.
        keepdim: whether reduced dimensions stay, with size 1.
        dtype: cast to before summing.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.sum.html

    >>> import ember
    >>> ember.tensor([[1., 2.], [3., 4.]]).sum(dim=1)
    tensor([3., 7.])
    """
    input = _in(input, dtype)
    axis = dim if dim is None else axes(dim, input.ndim)
    kind = input.dtype.char
    if kind == "f" or kind == "d":
        return input.sum(axis, None, None, keepdim)
    if kind == "e":  # half precision needs a wider sum
        return input.sum(axis, xp.float32, None, keepdim).astype(xp.float16)
    wide = _LARGE_INTEGER if input.dtype.kind in "iub" and dtype is None else input.dtype
    return input.sum(axis, wide, None, keepdim)


sum_.vjp("input", lambda g, input_shape, dim, keepdim: expanded(g, input_shape, dim, keepdim))


@op(alone=True, label="mean", derivative="g / n, repeated along dim",
    dtypes="float/complex -> same", compiled=True)
def mean(xp, input, dim=None, keepdim=False, *, dtype=None):
    """Mean of all elements, or along dimensions.

    Args:
        dim, keepdim, dtype: as for `sum`.
    Raises:
        RuntimeError: for integers without `dtype`.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.mean.html

    >>> import ember
    >>> ember.tensor([[1., 2.], [3., 4.]]).mean(0, keepdim=True)
    tensor([[2., 3.]])
    """
    input = _in(input, dtype)
    if input.dtype.kind not in "fc":
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or "
            f"complex dtype. Got: {dtypes.of(input).title}. Convert with .float() or pass dtype=")
    axis = dim if dim is None else axes(dim, input.ndim)
    n = input.size if axis is None else count(input.shape, axis)
    if input.dtype.char == "e":
        return (input.sum(axis, xp.float32, None, keepdim) / n).astype(xp.float16)
    total = input.sum(axis, None, None, keepdim)
    return total / n if n else total * xp.nan


def _mean_input(g, input_shape, dim, keepdim):
    n = count(input_shape, axes(dim, len(input_shape)))
    return expanded(g / n if n else g, input_shape, dim, keepdim)


mean.vjp("input", _mean_input)


@op(alone=True, label="Π", derivative="g · the product of the other elements",
    dtypes="any -> same or int64")
def prod(xp, input, dim=None, keepdim=False, *, dtype=None):
    """Product of all elements, or along one dimension; integers and bools give int64.

    Args:
        dim, keepdim, dtype: as for `sum`.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.prod.html

    >>> import ember
    >>> ember.tensor([2., 3., 4.]).prod()
    tensor(24.)
    """
    input = _in(input, dtype)
    axis = axes(dim, input.ndim)
    wide = _LARGE_INTEGER if input.dtype.kind in "iub" and dtype is None else input.dtype
    return input.prod(axis, wide, None, keepdim)


def _prod_input(xp, g, input, dim, keepdim):
    """Products of what lies before and after each element: right where elements are zero."""
    shape = input.shape
    g = expanded(g, shape, dim, keepdim)
    if not shape:
        return g
    if dim is None:
        return (g * _others(xp, input.reshape(-1))).reshape(shape)
    return g * xp.swapaxes(_others(xp, xp.swapaxes(input, dim, -1)), dim, -1)


def _others(xp, x):
    """Return, for each element along the last dimension, the product of all others."""
    if not x.shape[-1]:
        return x
    one = xp.ones_like(x[..., :1])
    before = xp.cumprod(xp.concatenate([one, x[..., :-1]], -1), -1)
    behind = xp.cumprod(xp.concatenate([one, xp.flip(x[..., 1:], -1)], -1), -1)
    return before * xp.flip(behind, -1)


prod.vjp("input", _prod_input)


# -- truth ----------------------------------------------------------------------------------------


def _truth(xp, reduce, input, dim, keepdim):
    if isinstance(dim, (tuple, list)) and not dim:
        result = input != 0
    else:
        result = reduce(input, axes(dim, input.ndim), None, keepdim)
    return result.astype(xp.uint8) if input.dtype.char == "B" else result


@op(alone=True, name="all", label="all", dtypes="any -> bool or uint8")
def all_(xp, input, dim=None, keepdim=False):
    """Whether all elements, or all along dimensions, are non-zero.

    >>> import ember
    >>> ember.tensor([[True, False], [True, True]]).all(dim=1)
    tensor([False,  True])
    """
    return _truth(xp, xp.all, input, dim, keepdim)


@op(alone=True, name="any", label="any", dtypes="any -> bool or uint8")
def any_(xp, input, dim=None, keepdim=False):
    """Whether any element, or any along dimensions, is non-zero.

    >>> import ember
    >>> ember.tensor([[False, False], [True, False]]).any(dim=1)
    tensor([False,  True])
    """
    return _truth(xp, xp.any, input, dim, keepdim)


@op(alone=True, cast="float", label="logΣexp", derivative="g · exp(input − out)")
def logsumexp(xp, input, dim, keepdim=False):
    """Logarithm of the sum of exponentials along dimensions, without overflow.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.logsumexp.html

    >>> import ember
    >>> ember.logsumexp(ember.tensor([1000., 1000.]), dim=0)
    tensor(1000.6932)
    """
    axis = axes(dim, input.ndim)
    if not input.size:
        return xp.log(xp.exp(input).sum(axis, None, None, keepdim))
    top = xp.max(input.real, axis, None, True)
    top = xp.where(xp.isfinite(top), top, 0)
    total = xp.log(xp.exp(input - top).sum(axis, None, None, True)) + top
    return total if keepdim else total.reshape(_without(input.shape, axis))


def _without(shape, axis):
    lost = range(len(shape)) if axis is None else (axis,) if type(axis) is int else axis
    return tuple([n for i, n in enumerate(shape) if i not in lost])


def _logsumexp_input(xp, g, input, out, dim, keepdim):
    g, out = (expanded(v, input.shape, dim, keepdim) for v in (g, out))
    return g * xp.exp(input - out)


logsumexp.vjp("input", _logsumexp_input)


@op(alone=True, namespaces=("torch", "Tensor"), derivative="", dtypes="any -> int64")
def count_nonzero(xp, input, dim=None):
    """Number of non-zero elements, in all or along dimensions, as int64.

    Shape: (..., n, ...) -> (..., ...).
    """
    return xp.sum(input != 0, axis=axes(dim, input.ndim), dtype=_LARGE_INTEGER)


@tensor_method
def sum_to_size(self, *size):
    """Return the sum over the dimensions in which a smaller size has 1 or nothing.

    Raises:
        RuntimeError: when the size does not broadcast to the tensor's.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.sum_to_size.html

    >>> import ember
    >>> ember.ones(2, 3).sum_to_size(1, 3)
    tensor([[2., 2., 2.]])
    """
    size = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else size
    shape = tuple(self.shape)
    extra = len(shape) - len(size)
    if extra < 0 or any(n not in (1, m) for n, m in zip(size, shape[extra:])):
        raise RuntimeError(f"size {list(size)} is not expandable to size {list(shape)}.")
    if not size:
        return self.sum()
    lost = [d for d, n in enumerate((1,) * extra + size) if n != shape[d] or d < extra]
    return self.sum(lost, keepdim=True).reshape(size) if lost else self


# -- leaving NaN out ------------------------------------------------------------------------------


@op(alone=True, label="Σ", derivative="g, repeated along dim, where input is a number",
    dtypes="real -> same or int64")
def nansum(xp, input, dim=None, keepdim=False, *, dtype=None):
    """Sum as `sum` does it, with NaN counted as 0.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nansum.html

    >>> import ember
    >>> ember.nansum(ember.tensor([1., float("nan")]))
    tensor(1.)
    """
    if input.dtype.kind == "f":
        input = xp.where(input == input, input, 0.0)
    return sum_.op.forward(xp, input, dim, keepdim, dtype=dtype)


nansum.vjp("input", lambda xp, g, input, dim, keepdim: (
    expanded(g, input.shape, dim, keepdim) * (input == input)))


@tensor_method
def nanmean(input, dim=None, keepdim=False, *, dtype=None, out=None):
    """Return the mean as `mean` does it, with NaN left out.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nanmean.html

    >>> import ember
    >>> ember.nanmean(ember.tensor([1., float("nan"), 3.]))
    tensor(2.)
    """
    if not input.dtype.is_floating_point:
        raise RuntimeError("nanmean(): expected input to have floating point or complex dtype but "
                           f"got {input.dtype.title}")
    total = nansum(input, dim, keepdim, dtype=dtype)
    result = total / sum_(~input.isnan(), dim, keepdim).detach()
    return result if out is None else out.copy_(result)
