"""Cumulative sums, products and extremes along a dimension."""

from .. import dtypes, return_types
from ..op import op
from .dims import axis

_LARGE_INTEGER = dtypes.int64.numpy
_NOTHING = -1e4  # a logarithm whose exponential is 0 in every dtype; finite, to be differentiated


def _prepared(input, dtype):
    if dtype is not None:
        return input.astype(dtype.numpy, copy=False)
    return input.astype(_LARGE_INTEGER) if input.dtype.kind in "iub" else input


@op(alone=True, label="cumΣ", inplace=True, derivative="sum of g from each element on",
    dtypes="number -> same or int64", compiled=True)
def cumsum(xp, input, dim, *, dtype=None):
    """Sum of all elements up to each one along a dimension; integers and bools give int64.

    Shape: any -> same.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.cumsum.html

    >>> import ember
    >>> ember.cumsum(ember.tensor([1., 2., 3.]), dim=0)
    tensor([1., 3., 6.])
    """
    a = axis(dim, input.ndim)
    input = _prepared(input, dtype)
    return xp.cumsum(input, axis=a, dtype=input.dtype) if input.ndim else input.copy()


def _from_here_on(xp, g, dim):
    """Return the sum of all elements from each one on."""
    return xp.flip(xp.cumsum(xp.flip(g, dim), dim), dim) if len(g.shape) else g


cumsum.vjp("input", lambda xp, g, dim: _from_here_on(xp, g, dim))


@op(alone=True, label="cumΠ", inplace=True,
    derivative="sum of g · out from each element on, / input", dtypes="number -> same or int64")
def cumprod(xp, input, dim, *, dtype=None):
    """Product of all elements up to each one along a dimension; integers and bools give int64.

    Shape: any -> same.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.cumprod.html

    >>> import ember
    >>> ember.cumprod(ember.tensor([1., 2., 3.]), dim=0)
    tensor([1., 2., 6.])
    """
    a = axis(dim, input.ndim)
    input = _prepared(input, dtype)
    return xp.cumprod(input, axis=a, dtype=input.dtype) if input.ndim else input.copy()


def _cumprod_input(xp, g, input, out, dim):
    if not len(input.shape):
        return g
    if not xp.to_host((input == 0).any()):
        return _from_here_on(xp, g * out, dim) / input
    g, x = xp.swapaxes(g, dim, -1), xp.swapaxes(input, dim, -1)
    place = xp.cumsum(xp.ones_like(x.real), -1)
    here, there = xp.expand_dims(place, -1), xp.expand_dims(place, -2)
    # row i holds the products without element i, which count from element i on
    others = xp.cumprod(xp.where(here == there, 1.0, xp.expand_dims(x, -2)), -1)
    products = xp.where(there >= here, others, 0.0) * xp.expand_dims(g, -2)
    return xp.swapaxes(xp.sum(products, axis=-1), dim, -1)


cumprod.vjp("input", _cumprod_input)


def _extreme(xp, input, dim, larger, made):
    a = axis(dim, input.ndim)
    if not input.ndim:
        return made(input.copy(), xp.zeros((), _LARGE_INTEGER))
    if not input.size:
        return made(input.copy(), xp.zeros(input.shape, _LARGE_INTEGER))
    values = xp.running(larger, input, a)
    place = xp.arange(input.shape[a]).reshape((-1,) + (1,) * (input.ndim - 1 - a))
    newest = xp.where((input == values) | (input != input), place, 0)
    return made(values, xp.running(xp.maximum, newest, a))


def _to_extreme(xp, g, out, input_shape, dim):
    if not input_shape:
        return g[0]
    return xp.add_along(g[0], out[1], input_shape, axis(dim, len(input_shape)))


@op(alone=True, derivative="g added at the index of each maximum", dtypes="real -> same, int64")
def cummax(xp, input, dim):
    """Largest element up to each one along a dimension, and its place; the last of equal ones.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.cummax.html

    >>> import ember
    >>> ember.cummax(ember.tensor([1., 3., 2.]), dim=0).values
    tensor([1., 3., 3.])
    """
    return _extreme(xp, input, dim, xp.maximum, return_types.cummax)


@op(alone=True, derivative="g added at the index of each minimum", dtypes="real -> same, int64")
def cummin(xp, input, dim):
    """Smallest element up to each one along a dimension, and its place; the last of equal ones.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.cummin.html

    >>> import ember
    >>> ember.cummin(ember.tensor([3., 1., 2.]), dim=0).indices
    tensor([0, 1, 1])
    """
    return _extreme(xp, input, dim, xp.minimum, return_types.cummin)


cummax.vjp("input", _to_extreme)
cummin.vjp("input", _to_extreme)


@op(alone=True, derivative="sum of g · exp(input − out) from each element on",
    dtypes="float/complex -> same")
def logcumsumexp(xp, input, dim):
    """Logarithm of the sum of exponentials up to each element, without overflow.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.logcumsumexp.html
    """
    if input.dtype.kind not in "fc":
        raise NotImplementedError('"logcumsumexp_out_cpu" not implemented for integers; convert '
                                  "with .float()")
    a = axis(dim, input.ndim)
    return xp.logcumsumexp(input, a) if input.size and input.ndim else input.copy()


def _logcumsumexp_input(xp, g, input, out, dim):
    """Sum in logarithms, g's positive and negative part apart, so that nothing overflows."""
    if not len(input.shape):
        return g

    def part(selected, g):
        logarithm = xp.where(selected, xp.log(xp.where(selected, g, 1.0)), _NOTHING)
        total = xp.flip(xp.logcumsumexp(xp.flip(logarithm - out, dim), dim), dim)
        return xp.exp(total + input)

    if getattr(g, "_array", g).dtype.kind == "c":
        return part(g != 0, g)
    return part(g > 0, g) - part(g < 0, -g)


logcumsumexp.vjp("input", _logcumsumexp_input)
