"""Largest and smallest: elements, places, of one tensor or two."""

from .. import return_types
from ..op import op
from ..tensor import Tensor
from .dims import axes, axis, count, expanded

# -- of all elements or several dimensions: ties share the gradient evenly ------------------------


def _not_empty(name, input, axes):
    if input.size:
        return
    if axes is None:
        raise RuntimeError(f"{name}(): Expected reduction dim to be specified for input.numel() == "
                           "0. Specify the reduction dim with the 'dim' argument.")
    for a in (axes,) if type(axes) is int else axes:
        if not input.shape[a]:
            raise IndexError(f"{name}(): Expected reduction dim {a} to have non-zero size.")


def shared(xp, g, input, out, dim=None, keepdim=False):
    """Split a gradient evenly among the elements that equal the result."""
    g, out = (expanded(v, input.shape, dim, keepdim) for v in (g, out))
    mask = (input == out) | ((input != input) & (out != out))
    ties = xp.sum(mask, axis=axes(dim, len(input.shape)), keepdims=True)
    return xp.where(mask, g / ties, 0.0)


@op(alone=True, label="max", derivative="g where input = out, ties share it", dtypes="real -> same")
def amax(xp, input, dim=(), keepdim=False):
    """Largest element of all, or along dimensions; equal ones share the gradient evenly.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.amax.html

    >>> import ember
    >>> ember.amax(ember.tensor([[1., 5.], [3., 2.]]), dim=(0, 1))
    tensor(5.)
    """
    a = axes(dim, input.ndim)
    _not_empty("amax", input, a)
    return input.max(a, None, keepdim)


@op(alone=True, label="min", derivative="g where input = out, ties share it", dtypes="real -> same")
def amin(xp, input, dim=(), keepdim=False):
    """Smallest element of all, or along dimensions; equal ones share the gradient evenly.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.amin.html

    >>> import ember
    >>> ember.amin(ember.tensor([[1., 5.], [3., 2.]]), dim=1)
    tensor([1., 2.])
    """
    a = axes(dim, input.ndim)
    _not_empty("amin", input, a)
    return input.min(a, None, keepdim)


amax.vjp("input", shared)
amin.vjp("input", shared)


@op(name="max_all", namespaces=(), label="max", derivative="g where input = out, ties share it")
def _max_all(xp, input):
    """Largest of all elements; equal ones share the gradient evenly."""
    _not_empty("max", input, None)
    return input.max()


@op(name="min_all", namespaces=(), label="min", derivative="g where input = out, ties share it")
def _min_all(xp, input):
    """Smallest of all elements; equal ones share the gradient evenly."""
    _not_empty("min", input, None)
    return input.min()


_max_all.vjp("input", lambda xp, g, input, out: shared(xp, g, input, out))
_min_all.vjp("input", lambda xp, g, input, out: shared(xp, g, input, out))

# -- along one dimension: the first of equal ones takes the gradient ------------------------------


def _to_chosen(xp, g, out, input_shape, dim, keepdim):
    """Send the gradient of the values to the elements at the indices."""
    g, index = (expanded(v, input_shape, dim, keepdim) for v in (g[0], out[1]))
    if not input_shape:
        return g
    return xp.put_along(g, index, input_shape, axis(dim, len(input_shape)))


@op(alone=True, name="max", derivative="g at the index of the first maximum",
    dtypes="real -> same, int64")
def _max_along(xp, input, dim, keepdim=False):
    """Largest elements along a dimension and their places."""
    a = axis(dim, input.ndim)
    _not_empty("max", input, a)
    a = a if input.ndim else None
    return return_types.max(input.max(a, None, keepdim), input.argmax(a, keepdims=keepdim))


@op(alone=True, name="min", derivative="g at the index of the first minimum",
    dtypes="real -> same, int64")
def _min_along(xp, input, dim, keepdim=False):
    """Smallest elements along a dimension and their places."""
    a = axis(dim, input.ndim)
    _not_empty("min", input, a)
    a = a if input.ndim else None
    return return_types.min(input.min(a, None, keepdim), input.argmin(a, keepdims=keepdim))


_max_along.vjp("input", _to_chosen)
_min_along.vjp("input", _to_chosen)


# -- of two tensors: equal elements share the gradient --------------------------------------------


def _unless(loses, xp, g, input, other):
    """Return g but where an operand loses; next to NaN neither does, as in PyTorch."""
    return xp.where(input == other, g * 0.5, xp.where(loses, 0.0, g))


@op(numbers=(), cast="promote", derivative="g where input > other, half of it where equal",
    dtypes="real -> promoted")
def maximum(xp, input, other):
    """Larger of two elements; NaN if either is. Equal ones share the gradient.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.maximum.html

    >>> import ember
    >>> ember.maximum(ember.tensor([1, 5]), ember.tensor([3, 2]))
    tensor([3, 5])
    """
    return xp.maximum(input, other)


@op(numbers=(), cast="promote", derivative="g where input < other, half of it where equal",
    dtypes="real -> promoted")
def minimum(xp, input, other):
    """Smaller of two elements; NaN if either is. Equal ones share the gradient.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.minimum.html

    >>> import ember
    >>> ember.minimum(ember.tensor([1, 5]), ember.tensor([3, 2]))
    tensor([1, 2])
    """
    return xp.minimum(input, other)


@op(numbers=(), cast="promote", derivative="g where input ≥ other or other is NaN",
    dtypes="real -> promoted")
def fmax(xp, input, other):
    """Larger of two elements; NaN only if both are."""
    return xp.fmax(input, other)


@op(numbers=(), cast="promote", derivative="g where input ≤ other or other is NaN",
    dtypes="real -> promoted")
def fmin(xp, input, other):
    """Smaller of two elements; NaN only if both are."""
    return xp.fmin(input, other)


maximum.vjp("input", lambda xp, g, input, other: _unless(input < other, xp, g, input, other))
maximum.vjp("other", lambda xp, g, input, other: _unless(other < input, xp, g, input, other))
minimum.vjp("input", lambda xp, g, input, other: _unless(input > other, xp, g, input, other))
minimum.vjp("other", lambda xp, g, input, other: _unless(other > input, xp, g, input, other))
fmax.vjp("input", lambda xp, g, input, other: xp.where(
    (input >= other) | (other != other), g, 0.0))
fmax.vjp("other", lambda xp, g, input, other: xp.where(
    (input >= other) | (other != other), 0.0, g))
fmin.vjp("input", lambda xp, g, input, other: xp.where(
    (input <= other) | (other != other), g, 0.0))
fmin.vjp("other", lambda xp, g, input, other: xp.where(
    (input <= other) | (other != other), 0.0, g))


# -- the public names -----------------------------------------------------------------------------


def _dispatch(name, of_all, along, of_two):
    def call(input, dim=None, keepdim=False, *, other=None, out=None):
        if isinstance(dim, Tensor):
            dim, other = None, dim
        if other is not None:
            return of_two(input, other, out=out)
        if dim is None:
            return of_all(input, out=out)
        return along(input, dim, keepdim, out=out)

    call.__name__ = call.__qualname__ = name
    call.__module__ = __name__
    return call


_max = _dispatch("max", _max_all, _max_along, maximum)
_max.__doc__ = """Largest of all elements, along a dimension, or of two tensors.

`max(input)` -> 0-d tensor; `max(input, dim, keepdim=False)` -> (values, indices);
`max(input, other)` -> elementwise, as `maximum`.

Raises:
    RuntimeError: for an empty input without `dim`.
Source: https://docs.pytorch.org/docs/stable/generated/torch.max.html

>>> import ember
>>> values, indices = ember.max(ember.tensor([[1., 5.], [3., 2.]]), dim=1)
>>> indices
tensor([1, 0])
"""
_min = _dispatch("min", _min_all, _min_along, minimum)
_min.__doc__ = """Smallest of all elements, along a dimension, or of two tensors.

`min(input)` -> 0-d tensor; `min(input, dim, keepdim=False)` -> (values, indices);
`min(input, other)` -> elementwise, as `minimum`.

Raises:
    RuntimeError: for an empty input without `dim`.
Source: https://docs.pytorch.org/docs/stable/generated/torch.min.html

>>> import ember
>>> ember.min(ember.tensor([[1., 5.], [3., 2.]]))
tensor(1.)
"""
_max_along.op.public(_max)
_min_along.op.public(_min)


# -- places ---------------------------------------------------------------------------------------


def _place(name, find, input, dim, keepdim):
    if input.dtype.kind == "b":
        raise RuntimeError(f"{name}(): does not support bool input; convert with .int()")
    a = axes(dim, input.ndim)
    if not input.size and a is None:
        raise IndexError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")
    _not_empty(name, input, a)
    return find(a, keepdims=keepdim)


@op(alone=True, derivative="", dtypes="integer/float -> int64")
def argmax(xp, input, dim=None, keepdim=False):
    """Index of the first largest element, of the flattened tensor or along a dimension.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.argmax.html

    >>> import ember
    >>> ember.tensor([[1., 5.], [3., 2.]]).argmax(dim=1)
    tensor([1, 0])
    """
    return _place("argmax", input.argmax, input, dim, keepdim)


@op(alone=True, derivative="", dtypes="integer/float -> int64")
def argmin(xp, input, dim=None, keepdim=False):
    """Index of the first smallest element, of the flattened tensor or along a dimension.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.argmin.html

    >>> import ember
    >>> ember.tensor([[1., 5.], [3., 2.]]).argmin()
    tensor(0)
    """
    return _place("argmin", input.argmin, input, dim, keepdim)


@op(alone=True, name="aminmax", derivative="g where input equals the extreme, ties share it",
    dtypes="real -> same")
def _aminmax(xp, input, *, dim=None, keepdim=False):
    """Smallest and largest element, of all or along a dimension.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.aminmax.html

    >>> import ember
    >>> ember.aminmax(ember.tensor([1., 5., 3.])).max
    tensor(5.)
    """
    a = axes(dim, input.ndim)
    if dim is not None:
        _not_empty("aminmax", input, a)
    if not count(input.shape, a):
        raise RuntimeError("aminmax(): cannot compute aminmax over an empty dimension as the "
                           "operation has no identity.")
    return return_types.aminmax(input.min(a, None, keepdim), input.max(a, None, keepdim))


def _aminmax_input(xp, g, input, out, dim, keepdim):
    return (shared(xp, g[0], input, out[0], dim, keepdim)
            + shared(xp, g[1], input, out[1], dim, keepdim))


_aminmax.vjp("input", _aminmax_input)
