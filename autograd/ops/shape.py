"""Views of a tensor's memory in another shape."""

import math

from ..op import op
from ..tensor import tensor_method
from ..viewing import Parameters, copied, fast_backward, made, memory, shares
from .dims import axis

__all__ = ["broadcast_to", "flatten", "ravel", "unflatten"]


def spread(name, sizes, named, *keys):
    """Return the sizes given as `f(2, 3)`, `f((2, 3))` or by keyword as one tuple.

    Raises:
        TypeError: when there are none, or other arguments besides.
    """
    for key in keys:
        if key in named and not sizes:
            sizes = (named.pop(key),)
    if named:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(named))}'")
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    return sizes


# -- another shape --------------------------------------------------------------------------------


@op(name="view", view=True, derivative="g in the input's shape")
def as_shape(xp, input, shape):
    """Return the same memory in another shape."""
    return input.reshape(shape)


as_shape.vjp("input", lambda g, input_shape: g.reshape(input_shape))
fast_backward(as_shape)


@op(name="unsafe_view", namespaces=(), derivative="g in the input's shape")
def in_new_memory(xp, input, shape):
    """Return a copy in another shape: reshape of memory that no view can show that way."""
    return input.reshape(shape)


in_new_memory.vjp("input", lambda g, input_shape: g.reshape(input_shape))
fast_backward(in_new_memory)


@as_shape.op.public
def view(input, *shape, **named):
    """Return the same memory in another shape, or its bytes as another dtype.

    Args:
        shape: sizes, one of them may be -1; or one dtype.
    Shape: any -> shape, of as many elements.
    Raises:
        RuntimeError: when the sizes do not fit, or only a copy could have this shape.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.view.html

    >>> import ember
    >>> ember.arange(6).view(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    array = memory(input)
    if named or len(shape) == 1 and type(shape[0]) is not int:
        if "dtype" in named or shape and hasattr(shape[0], "itemsize"):
            return as_dtype(input, named["dtype"] if named else shape[0])
        shape = spread("view", shape, named, "shape", "size")
    try:
        r = array.reshape(shape)
    except (ValueError, TypeError):
        raise shape_error("view", array, shape) from None
    if r.shape != shape:
        check_sizes(shape)
    if not shares(r, array):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead.")
    return made(VIEW, input, r, {"shape": r.shape})


VIEW, COPIED = as_shape.op, in_new_memory.op


@op(name="reshape", view=True, derivative="g in the input's shape")
def in_shape(xp, input, shape):
    """Return the same elements in another shape."""
    return input.reshape(shape)


@in_shape.op.public
def reshape(input, *shape, **named):
    """Return the elements in another shape, as a view where the memory allows it.

    Args:
        shape: sizes; one of them may be -1.
    Shape: any -> shape, of as many elements.
    Raises:
        RuntimeError: when the sizes do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.reshape.html

    >>> import ember
    >>> ember.arange(4).reshape(2, 2)
    tensor([[0, 1],
            [2, 3]])
    """
    array = memory(input)
    if named or len(shape) == 1 and type(shape[0]) is not int:
        shape = spread("reshape", shape, named, "shape")
    try:
        r = array.reshape(shape)
    except (ValueError, TypeError):
        raise shape_error("reshape", array, shape) from None
    if r.shape != shape:
        check_sizes(shape)
    if shares(r, array):
        return made(VIEW, input, r, {"shape": r.shape})
    return copied(COPIED, input, r, Parameters(shape=r.shape))


def check_sizes(shape):
    """Raise for negative sizes other than -1, which NumPy would take for -1."""
    for i, n in enumerate(shape):
        if n < -1:
            raise RuntimeError(
                f"invalid shape dimension {n} at index {i} of shape {list(shape)}")


def shape_error(name, array, shape):
    """Return the error for a shape that an array cannot have."""
    for place, n in enumerate(shape, 1):
        if not hasattr(n, "__index__"):
            return TypeError(f"{name}(): argument 'shape' failed to unpack the object at pos "
                             f"{place} with error \"type must be tuple of ints,but got "
                             f"{type(n).__name__}\"")
    shape = [int(n) for n in shape]
    if shape.count(-1) > 1:
        return RuntimeError("only one dimension can be inferred")
    check_sizes(shape)
    if -1 in shape and 0 in shape and not array.size:
        return RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {shape} because the unspecified "
            "dimension size -1 can be any value and is ambiguous")
    return RuntimeError(f"shape '{shape}' is invalid for input of size {array.size}: {name}() got "
                        f"a tensor of shape {list(array.shape)}")


@op(name="view_as_dtype", view=True, namespaces=())
def as_dtype_view(xp, input, dtype):
    """Return the memory's bytes as elements of another NumPy dtype."""
    return input.view(dtype)


@as_dtype_view.op.public
def as_dtype(input, dtype):
    """Return a view of a tensor's bytes as another dtype; the last dimension's size scales.

    Raises:
        RuntimeError: when the last dimension cannot be divided, or is not contiguous.
    """
    target = getattr(dtype, "numpy", dtype)
    array = memory(input)
    if target.itemsize != array.itemsize and not array.ndim:
        raise RuntimeError(
            f"self.dim() cannot be 0 to view {input.dtype} as {dtype} (different element sizes)")
    try:
        r = array.view(target)
    except ValueError:
        raise RuntimeError(
            f"view: a tensor of shape {list(array.shape)} and strides {list(input.stride())} "
            f"cannot be seen as {dtype}: self.size(-1) must be divisible by "
            f"{target.itemsize / array.itemsize:g} and self.stride(-1) must be 1") from None
    return made(as_dtype_view.op, input.detach() if input._node is not None else input, r,
                {"dtype": target})


@tensor_method
def flatten(input, start_dim=0, end_dim=-1):
    """Join the dimensions from start_dim to end_dim into one.

    Raises:
        IndexError: for dimensions the tensor lacks; RuntimeError: when end comes before start.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.flatten.html

    >>> import ember
    >>> ember.zeros(2, 3, 4).flatten(1).shape
    torch.Size([2, 12])
    """
    shape = memory(input).shape
    if not shape:
        return reshape(input, 1)
    start, end = axis(start_dim, len(shape)), axis(end_dim, len(shape))
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if start == end:
        return input
    return input.reshape(*shape[:start], math.prod(shape[start:end + 1]), *shape[end + 1:])


@tensor_method
def unflatten(input, dim, sizes):
    """Split one dimension into several; one of the sizes may be -1.

    Raises:
        RuntimeError: when the sizes do not multiply up to the dimension's.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.unflatten.html

    >>> import ember
    >>> ember.zeros(2, 12).unflatten(1, (3, -1)).shape
    torch.Size([2, 3, 4])
    """
    shape = memory(input).shape
    dim = axis(dim, len(shape))
    sizes = (sizes,) if isinstance(sizes, int) else tuple(sizes)
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    known = math.prod(n for n in sizes if n != -1)
    if sizes.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    if -1 in sizes and known and shape[dim] % known == 0:
        sizes = tuple(shape[dim] // known if n == -1 else n for n in sizes)
    elif -1 in sizes or known != shape[dim]:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} "
            f"({shape[dim]}) in the input tensor")
    return input.view(*shape[:dim], *sizes, *shape[dim + 1:])


@tensor_method
def ravel(input):
    """Return the elements in one dimension.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.ravel.html
    """
    return view(input.contiguous(), -1)


@tensor_method
def view_as(self, other):
    """Return a view in the shape of another tensor."""
    return view(self, *other._array.shape)


@tensor_method
def reshape_as(self, other):
    """Return the elements in the shape of another tensor."""
    return reshape(self, *other._array.shape)


# -- dimensions of size one -----------------------------------------------------------------------


@op(name="squeeze", view=True, derivative="g in the input's shape")
def without_ones(xp, input):
    """Return the input without dimensions of size 1."""
    return input.squeeze()


@op(name="squeeze_dim", view=True, namespaces=(), derivative="g in the input's shape")
def without_dim(xp, input, dim):
    """Return the input without certain dimensions, where they have size 1."""
    return input.reshape(_squeezed(input.shape, dim))


for _record in (without_ones, without_dim):
    _record.vjp("input", lambda g, input_shape: g.reshape(input_shape))
    fast_backward(_record)
without_dim.op.node_name = "SqueezeBackward1"


def _squeezed(shape, dim):
    dims = dim if isinstance(dim, (tuple, list)) else (dim,)
    dims = [axis(d, len(shape)) for d in dims]
    if len(set(dims)) < len(dims):
        raise RuntimeError(f"dim {max(dims, key=dims.count)} appears multiple times in the list "
                           "of dims")
    return tuple([n for i, n in enumerate(shape) if n != 1 or i not in dims])


@without_dim.op.public
def _squeeze_dim(input, dim):
    array = memory(input)
    return made(without_dim.op, input, array.reshape(_squeezed(array.shape, dim)), {"dim": dim})


@without_ones.op.public
def squeeze(input, dim=None):
    """Return a view without the dimensions of size 1.

    Args:
        dim: a dimension or several; others stay. None: all of size 1 go.
    Shape: any -> without sizes of 1.
    Raises:
        IndexError: for dimensions the tensor lacks.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.squeeze.html

    >>> import ember
    >>> ember.zeros(1, 2, 1).squeeze(0).shape
    torch.Size([2, 1])
    """
    if dim is not None:
        return _squeeze_dim(input, dim)
    return made(without_ones.op, input, memory(input).squeeze(), {})


@op(name="unsqueeze", view=True, derivative="g in the input's shape")
def with_one(xp, input, dim):
    """Return the input with a dimension of size 1 at a place."""
    return input.reshape(_unsqueezed(input.shape, dim))


with_one.vjp("input", lambda g, input_shape: g.reshape(input_shape))
fast_backward(with_one)


def _unsqueezed(shape, dim):
    dim = axis(dim, len(shape) + 1)
    return (*shape[:dim], 1, *shape[dim:])


@with_one.op.public
def unsqueeze(input, dim):
    """Return a view with a new dimension of size 1 before `dim`.

    Shape: (..., ...) -> (..., 1, ...).
    Raises:
        IndexError: when dim is not in [-ndim-1, ndim].
    Source: https://docs.pytorch.org/docs/stable/generated/torch.unsqueeze.html

    >>> import ember
    >>> ember.zeros(2, 3).unsqueeze(-1).shape
    torch.Size([2, 3, 1])
    """
    array = memory(input)
    return made(with_one.op, input, array.reshape(_unsqueezed(array.shape, dim)), {"dim": dim})


# -- repetition without copies --------------------------------------------------------------------


@op(name="expand", view=True, derivative="g summed over the repeated dimensions")
def repeated(xp, input, size):
    """Return the input with dimensions of size 1 repeated."""
    return xp.broadcast_to(input, size)


repeated.vjp("input", lambda g: g)
fast_backward(repeated)


@repeated.op.public
def expand(input, *size, **named):
    """Return a view with dimensions of size 1 repeated; -1 keeps a size. Takes no memory.

    Shape: sizes of 1 -> any; new dimensions come first.
    Raises:
        RuntimeError: when sizes do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.expand.html

    >>> import ember
    >>> ember.tensor([[1], [2]]).expand(-1, 2)
    tensor([[1, 1],
            [2, 2]])
    """
    array = memory(input)
    if named or len(size) < 2 and (not size or type(size[0]) is not int):
        named.pop("implicit", None)
        if not size and not named:
            raise TypeError('expand() missing 1 required positional arguments: "size"')
        size = spread("expand", size, named, "size")
    if -1 in size:
        size = _filled(array, size)
    try:
        r = input._xp.broadcast_to(array, size)
    except (ValueError, TypeError):
        raise _expand_error(input, size) from None
    return made(repeated.op, input, r, {"size": r.shape})


def _filled(array, size):
    """Replace each -1 by the size of the input's dimension."""
    lead = len(size) - array.ndim
    if -1 in size[:max(lead, 0)]:
        raise RuntimeError("The expanded size of the tensor (-1) isn't allowed in a leading, "
                           f"non-existing dimension {size.index(-1)}")
    if lead < 0:
        return size
    return size[:lead] + tuple(
        have if want == -1 else want for want, have in zip(size[lead:], array.shape))


def _expand_error(input, size):
    shape = input._array.shape
    for n in size:
        if not hasattr(n, "__index__"):
            return TypeError(
                f"expand(): argument 'size' must be tuple of ints, not {type(n).__name__}")
    size, lead = list(map(int, size)), len(size) - len(shape)
    if lead < 0:
        return RuntimeError(
            f"expand(torch.{input.dtype.title}Tensor{{{list(shape)}}}, size={size}): the number "
            f"of sizes provided ({len(size)}) must be greater or equal to the number of "
            f"dimensions in the tensor ({len(shape)})")
    for i in reversed(range(len(size))):
        if i >= lead and size[i] != shape[i - lead] and shape[i - lead] != 1:
            return RuntimeError(
                f"The expanded size of the tensor ({size[i]}) must match the existing size "
                f"({shape[i - lead]}) at non-singleton dimension {i}.  Target sizes: {size}.  "
                f"Tensor sizes: {list(shape)}")
    return RuntimeError(f"expand: cannot give a tensor of shape {list(shape)} the sizes {size}")


@tensor_method
def expand_as(self, other):
    """Return a view with dimensions of size 1 repeated to the shape of another tensor."""
    return expand(self, other._array.shape)


@tensor_method
def broadcast_to(input, size):
    """Return a view with dimensions of size 1 repeated: `expand` under NumPy's name.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.broadcast_to.html
    """
    return expand(input, tuple(size))
