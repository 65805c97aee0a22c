"""Taking a tensor apart into several views."""

import operator

from ..op import op
from ..tensor import Tensor, tensor_method
from ..viewing import fast_backward, made_several, memory
from .dims import axis
from .keys import at

__all__ = ["chunk", "dsplit", "hsplit", "tensor_split", "unsafe_chunk", "unsafe_split",
           "unsafe_split_with_sizes", "vsplit"]


@op(name="unbind", view=True, derivative="the parts of g stacked")
def unbound(xp, input, dim=0):
    """Return the slices along a dimension."""
    return tuple([input[at(dim % input.ndim, i) + (...,)] for i in range(input.shape[dim])])


unbound.vjp("input", lambda xp, g, dim: xp.stack(g, dim))
fast_backward(unbound)


@unbound.op.public
def unbind(input, dim=0):
    """Return a tuple of the views along a dimension, without that dimension.

    Shape: (..., n, ...) -> n times (..., ...).
    Raises:
        IndexError: for a dimension that the tensor lacks.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.unbind.html

    >>> import ember
    >>> ember.tensor([1, 2]).unbind()
    (tensor(1), tensor(2))
    """
    array = memory(input)
    if not array.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    dim = axis(dim, array.ndim)
    return made_several(unbound.op, input, unbound.op.forward(None, array, dim), {"dim": dim})


@tensor_method
def __iter__(self):
    if not self._array.ndim:
        raise TypeError("iteration over a 0-d tensor")
    return iter(unbind(self, 0))


@op(name="split_with_sizes", view=True, derivative="the parts of g joined")
def cut(xp, input, split_sizes, dim=0):
    """Return consecutive parts of given sizes along a dimension."""
    parts, start = [], 0
    for size in split_sizes:
        parts.append(input[at(dim, slice(start, start + size))])
        start += size
    return tuple(parts)


cut.vjp("input", lambda xp, g, dim: xp.joined(g, dim))
fast_backward(cut)


@cut.op.public
def split_with_sizes(input, split_sizes, dim=0):
    """Return views of consecutive parts of given sizes along a dimension.

    Shape: (..., n, ...) -> (..., size, ...) for each size.
    Raises:
        RuntimeError: when the sizes do not sum to the dimension's.
    """
    return _split(cut.op, input, list(split_sizes), dim)


def _split(record, input, sizes, dim):
    array = memory(input)
    if not array.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    dim = axis(dim, array.ndim)
    if any(n < 0 for n in sizes):
        raise RuntimeError("split_with_sizes expects split_sizes have only non-negative entries, "
                           f"but got split_sizes={sizes}")
    if sum(sizes) != array.shape[dim]:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {array.shape[dim]} (input "
            f"tensor's size at dimension {dim}), but got split_sizes={sizes}")
    parts = cut.op.forward(None, array, sizes, dim)
    return made_several(record, input, parts, {"split_sizes": sizes, "dim": dim})


@op(name="split", view=True, derivative="the parts of g joined")
def cut_evenly(xp, input, split_sizes, dim=0):
    """Return consecutive parts of given sizes along a dimension."""
    return cut.op.forward(xp, input, split_sizes, dim)


cut_evenly.vjp("input", lambda xp, g, dim: xp.joined(g, dim))
fast_backward(cut_evenly)


@cut_evenly.op.public
def split(tensor, split_size_or_sections=None, dim=0, *, split_size=None, split_sizes=None):
    """Return views of consecutive parts along a dimension.

    Args:
        split_size_or_sections: size of each part (the last may be smaller), or a list of sizes.
    Shape: (..., n, ...) -> (..., size, ...) for each size.
    Raises:
        RuntimeError: for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.split.html

    >>> import ember
    >>> ember.arange(5).split(2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    wanted = next((w for w in (split_size_or_sections, split_size, split_sizes) if w is not None),
                  None)
    if isinstance(wanted, (list, tuple)):
        sizes = [operator.index(n) for n in wanted]
        return _split(cut_evenly.op if split_sizes is not None else cut.op, tensor, sizes, dim)
    wanted = operator.index(wanted)
    array = memory(tensor)
    if not array.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    if wanted < 0:
        raise RuntimeError(
            f"split expects split_size be non-negative, but got split_size={wanted}")
    length = array.shape[axis(dim, array.ndim)]
    if wanted == 0 and length:
        raise RuntimeError("split_size can only be 0 if dimension size is 0, but got dimension "
                           f"size of {length}")
    count = max(-(-length // wanted), 1) if wanted else 1
    sizes = [wanted] * (count - 1) + [length - wanted * (count - 1)]
    return _split(cut_evenly.op, tensor, sizes, dim)


@tensor_method
def chunk(input, chunks, dim=0):
    """Return views of at most `chunks` parts of equal size (the last may be smaller).

    Raises:
        RuntimeError: when chunks < 1.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.chunk.html

    >>> import ember
    >>> [len(part) for part in ember.arange(5).chunk(2)]
    [3, 2]
    """
    shape = memory(input).shape
    if not shape:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks < 1:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    length = shape[axis(dim, len(shape))]
    size = -(-length // chunks)
    if size == 0:
        return _split(cut.op, input, [0] * chunks, dim)
    return split(input, size, dim)


def _unsafe(name, safe):
    """Return the variant of a splitting function whose parts may be written in place."""
    def function(tensor, *args, **kwargs):
        parts = safe(tensor.detach(), *args, **kwargs)
        arguments = {"split_sizes": [p.shape[_dim_of(args, kwargs)] for p in parts],
                     "dim": _dim_of(args, kwargs)}
        return made_several(UNSAFE, tensor, [p._array for p in parts], arguments, tracked=False)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Return what `{safe.__name__}` does; autograd lets you write to the parts.

    It does not learn of such writes: the tensor that was split keeps its old history.
    """
    return tensor_method(function)


def _dim_of(args, kwargs):
    return args[1] if len(args) > 1 else kwargs.get("dim", 0)


@op(name="unsafe_split_at", namespaces=(), derivative="the parts of g joined")
def _cut_unsafely(xp, input, split_sizes, dim):
    """Return consecutive parts of given sizes along a dimension."""
    return cut.op.forward(xp, input, split_sizes, dim)


_cut_unsafely.vjp("input", lambda xp, g, dim: xp.joined(g, dim))
UNSAFE = fast_backward(_cut_unsafely).op
UNSAFE.node_name = "UnsafeSplitBackward0"
unsafe_split = _unsafe("unsafe_split", split)
unsafe_split_with_sizes = _unsafe("unsafe_split_with_sizes", split_with_sizes)
unsafe_chunk = _unsafe("unsafe_chunk", chunk)


@tensor_method
def tensor_split(input, indices_or_sections=None, dim=0, *, indices=None, sections=None):
    """Return views of parts along a dimension: a number of nearly equal ones, or cut at indices.

    Raises:
        RuntimeError: when the number of sections is not positive.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.tensor_split.html

    >>> import ember
    >>> ember.arange(5).tensor_split((1, 3))
    (tensor([0]), tensor([1, 2]), tensor([3, 4]))
    """
    shape = memory(input).shape
    if not shape:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a "
                           "tensor with 0 dims")
    dim = axis(dim, len(shape))
    length = shape[dim]
    wanted = next(w for w in (indices_or_sections, indices, sections) if w is not None)
    if isinstance(wanted, Tensor):
        wanted = wanted.tolist()
    if isinstance(wanted, (list, tuple)):
        edges = [None, *wanted, None]
    else:
        if wanted < 1:
            raise RuntimeError(
                f"number of sections must be larger than 0, got {operator.index(wanted)}")
        small, more = divmod(length, wanted)
        ends = [i * small + min(i, more) for i in range(wanted + 1)]
        edges = ends
    return tuple([input[at(dim, slice(a, b))] for a, b in zip(edges, edges[1:])])


def _split_at(name, least, dim):
    def splitter(input, indices_or_sections=None, *, indices=None, sections=None):
        wanted = next(w for w in (indices_or_sections, indices, sections) if w is not None)
        ndim = input._array.ndim
        if ndim < least:
            raise RuntimeError(f"torch.{name} requires a tensor with at least {least} dimension"
                               f"{'s' * (least > 1)}, but got a tensor with {ndim} dimensions!")
        along = 0 if name == "hsplit" and ndim == 1 else dim
        if isinstance(wanted, int) and (wanted < 1 or input._array.shape[along] % wanted):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {along}, but the size of the "
                f"dimension {input._array.shape[along]} is not divisible by the split_size "
                f"{wanted}!")
        return tensor_split(input, wanted, along)

    splitter.__name__ = splitter.__qualname__ = name
    splitter.__doc__ = f"""Return views of parts along dimension {dim}: equal, or cut at indices.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.{name}.html
    """
    return tensor_method(splitter)


hsplit = _split_at("hsplit", 1, 1)
vsplit = _split_at("vsplit", 2, 0)
dsplit = _split_at("dsplit", 3, 2)
