"""Views of parts of a tensor: slices along a dimension, diagonals, windows, strides."""

import operator

import numpy as np

from ..op import op
from ..tensor import Tensor, tensor_method
from ..viewing import fast_backward, made, memory
from .dims import axis
from .filling import into
from .indexing import SELECT, SLICE
from .keys import at
from .shape import reshape

__all__ = ["as_strided_scatter", "diag", "diag_embed", "diagflat", "diagonal_scatter", "narrow",
           "select", "select_scatter", "slice_scatter"]


@tensor_method
def select(input, dim, index):
    """Return a view of one slice along a dimension, without that dimension.

    Raises:
        IndexError: when the dimension or the slice does not exist.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.select.html

    >>> import ember
    >>> ember.tensor([[1, 2], [3, 4]]).select(1, 0)
    tensor([1, 3])
    """
    array = memory(input)
    if not array.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim = axis(dim, array.ndim)
    index = operator.index(index)
    key = at(dim, index) + (...,)
    try:
        r = array[key]
    except IndexError:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(array.shape)} at "
            f"dimension {dim}") from None
    return made(SELECT, input, r, {"index": key})


@tensor_method
def narrow(input, dim, start, length):
    """Return a view of `length` slices along a dimension, from `start` on.

    Raises:
        IndexError, RuntimeError: when they reach outside the tensor.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.narrow.html

    >>> import ember
    >>> ember.arange(5).narrow(0, 1, 3)
    tensor([1, 2, 3])
    """
    array = memory(input)
    if not array.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    dim = axis(dim, array.ndim)
    size = array.shape[dim]
    if isinstance(start, Tensor):
        if start._array.ndim or start._array.dtype.kind not in "iu":
            raise RuntimeError("start must be an 0-dim integral Tensor.")
        start = int(start)
    if not -size <= start <= size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but "
                         f"got {start})")
    begin = start + size if start < 0 else start
    if begin + length > size:
        raise RuntimeError(
            f"start ({begin}) + length ({length}) exceeds dimension size ({size}). narrow() got "
            f"shape {list(array.shape)} and dimension {dim}")
    key = at(dim, slice(begin, begin + length))
    return made(SLICE, input, array[key], {"index": key})


# -- diagonals ------------------------------------------------------------------------------------


@op(name="diagonal", view=True, derivative="zeros with g on the diagonal")
def on_diagonal(xp, input, offset=0, dim1=0, dim2=1):
    """Return the diagonals of two dimensions."""
    return xp.diagonal_view(input, offset, dim1, dim2)


on_diagonal.vjp("input", lambda xp, g, input_shape, offset, dim1, dim2: xp.zeros_diagonal(
    g, input_shape, offset, dim1, dim2))
fast_backward(on_diagonal)


@op(namespaces=(), derivative="the diagonal of g")
def zeros_diagonal(xp, input, shape, offset, dim1, dim2):
    """Return zeros of a shape with the input on the diagonals of two dimensions."""
    return xp.zeros_diagonal(input, shape, offset, dim1, dim2)


zeros_diagonal.vjp("input", lambda xp, g, offset, dim1, dim2: _diagonal_of(
    xp, g, offset, dim1, dim2))
zeros_diagonal.op.node_name = "DiagEmbedBackward0"


def _diagonal_of(xp, g, offset, dim1, dim2):
    return g.diagonal(offset, dim1, dim2)


def _two_dims(dim1, dim2, ndim):
    a, b = axis(dim1, ndim), axis(dim2, ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return a, b


@on_diagonal.op.public
def diagonal(input, offset=0, dim1=0, dim2=1):
    """Return a view of the diagonals of two dimensions, which become the last dimension.

    Args:
        offset: how far above (or, negative, below) the main diagonal.
    Shape: (..., n, ..., m, ...) -> (..., length of the diagonal).
    Raises:
        IndexError: for dimensions the tensor lacks; RuntimeError: when they are the same.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.diagonal.html

    >>> import ember
    >>> ember.eye(3).diagonal()
    tensor([1., 1., 1.])
    """
    array = memory(input)
    dim1, dim2 = _two_dims(dim1, dim2, array.ndim)
    return made(on_diagonal.op, input, input._xp.diagonal_view(array, offset, dim1, dim2),
                {"offset": offset, "dim1": dim1, "dim2": dim2})


@tensor_method
def diag_embed(input, offset=0, dim1=-2, dim2=-1):
    """Return matrices, in two new dimensions, with the last dimension on a diagonal.

    Raises:
        IndexError: for dimensions out of range; RuntimeError: when they are the same.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.diag_embed.html

    >>> import ember
    >>> ember.diag_embed(ember.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    shape = memory(input).shape
    dim1, dim2 = _two_dims(dim1, dim2, len(shape) + 1)
    size = shape[-1] + abs(offset)
    rest = iter(shape[:-1])
    full = tuple([size if d in (dim1, dim2) else next(rest) for d in range(len(shape) + 1)])
    return zeros_diagonal(input, full, offset, dim1, dim2)


@tensor_method
def diag(input, diagonal=0, *, out=None):
    """Return a matrix with the vector on a diagonal, or a copy of a matrix's diagonal.

    Raises:
        RuntimeError: for other than one or two dimensions.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.diag.html

    >>> import ember
    >>> ember.diag(ember.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    ndim = input._array.ndim
    if ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {ndim}D")
    return into(out, diag_embed(input, diagonal) if ndim == 1
                else input.diagonal(diagonal).clone())


@tensor_method
def diagflat(input, offset=0):
    """Return a matrix with all elements on a diagonal.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.diagflat.html
    """
    return diag_embed(reshape(input, -1), offset)


# -- strides --------------------------------------------------------------------------------------


@op(name="as_strided", view=True, derivative="g added to the elements that it came from")
def strided(xp, input, size, stride, storage_offset, origin):
    """Return a view of the input's storage with given sizes and strides."""
    return xp.view(input, size, stride, storage_offset - origin[1])


def _strided_vjp(xp, g, input_shape, size, stride, storage_offset, origin):
    """Add each element of g to its place in the storage, then read the input's places."""
    steps, start = origin
    read, written = (_places(*geometry) for geometry in (
        (input_shape, steps, start), (size, stride, storage_offset)))
    length = int(max(read.max(initial=-1), written.max(initial=-1))) + 1
    storage = xp.zeros_plus(g.reshape(-1), (length,), (xp.from_host(written.reshape(-1)),))
    grad = storage[(xp.from_host(read),)]
    if len(np.unique(read)) < read.size:  # places read several times share their gradient
        counts = np.bincount(read.reshape(-1), minlength=length)[read]
        grad = grad / xp.from_host(counts.astype(np.float32))
    return grad


def _places(shape, steps, start):
    """Return where in the storage each element of a strided view lies."""
    places = np.full(shape, start, np.int64)
    for d, (n, step) in enumerate(zip(shape, steps)):
        places += (np.arange(n) * step).reshape((n,) + (1,) * (len(shape) - d - 1))
    return places


strided.vjp("input", _strided_vjp)
fast_backward(strided)


@strided.op.public
def as_strided(input, size, stride, storage_offset=None, origin=None):
    """Return a view of the tensor's storage with given sizes, strides and offset in elements.

    Shape: any -> size.
    Args:
        origin: strides and offset of the tensor for which the others were meant, where this is
            another one with the same strides; None: they are meant for this one.
    Raises:
        RuntimeError: when the view would reach outside the storage.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.as_strided.html

    >>> import ember
    >>> ember.arange(4).as_strided((3, 2), (1, 1))
    tensor([[0, 1],
            [1, 2],
            [2, 3]])
    """
    array = memory(input)
    size, stride = tuple(map(int, size)), tuple(map(int, stride))
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if min(stride, default=0) < 0:
        raise RuntimeError(
            f"as_strided: Negative strides are not supported at the moment, got strides: "
            f"{list(stride)}")
    start = input.storage_offset()
    storage_offset = start if storage_offset is None else storage_offset
    if origin is not None:
        storage_offset += start - origin[1]
    origin = (input.stride(), start)
    return made(strided.op, input, strided.op.forward(
        input._xp, array, size, stride, storage_offset, origin),
        {"size": size, "stride": stride, "storage_offset": storage_offset, "origin": origin})


@op(name="unfold", view=True, derivative="g added where the windows came from")
def windows(xp, input, dimension, size, step):
    """Return windows along a dimension, as a new last dimension."""
    count = (input.shape[dimension] - size) // step + 1 if input.ndim else 1
    steps = [s // input.itemsize for s in input.strides]
    if not input.ndim:
        return xp.view(input, (size,), (1,))
    shape = (*input.shape[:dimension], count, *input.shape[dimension + 1:], size)
    return xp.view(input, shape, (*steps[:dimension], steps[dimension] * step,
                                  *steps[dimension + 1:], steps[dimension]))


def _windows_vjp(xp, g, input_shape, dimension, size, step):
    if not input_shape:
        return g.reshape(input_shape)
    count = g.shape[dimension]
    places = (np.arange(count)[:, None] * step + np.arange(size)).reshape(-1)
    last = xp.moveaxis(g, -1, dimension + 1)
    joined = last.reshape(input_shape[:dimension] + (count * size,) + input_shape[dimension + 1:])
    return xp.zeros_plus(joined, input_shape, at(dimension, xp.from_host(places)))


windows.vjp("input", _windows_vjp)
fast_backward(windows)


@windows.op.public
def unfold(self, dimension, size, step):
    """Return a view of all windows of a size along a dimension, as a new last dimension.

    Shape: (..., n, ...) -> (..., windows, ..., size).
    Raises:
        RuntimeError: when the window does not fit, or step is not positive.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.unfold.html

    >>> import ember
    >>> ember.arange(4).unfold(0, 2, 1)
    tensor([[0, 1],
            [1, 2],
            [2, 3]])
    """
    array = memory(self)
    dimension = axis(dimension, array.ndim)
    longest = array.shape[dimension] if array.ndim else 1
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > longest:
        raise RuntimeError(f"maximum size for tensor at dimension {dimension} is {longest} but "
                           f"size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    arguments = {"dimension": dimension, "size": size, "step": step}
    return made(windows.op, self, windows.op.forward(self._xp, array, **arguments), arguments)


# -- a copy with one part replaced ----------------------------------------------------------------


def _with_part(input, src, part_of):
    """Return a copy of input whose part is src."""
    result = input.clone()
    part = part_of(result)
    if part.shape != src.shape:
        raise RuntimeError("expected src to have a size equal to the slice of self. src size = "
                           f"{list(src.shape)}, slice size = {list(part.shape)}")
    part.copy_(src)
    return result


@tensor_method
def select_scatter(input, src, dim, index):
    """Return a copy with src as one slice along a dimension.

    Raises:
        RuntimeError: when src has another shape.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.select_scatter.html
    """
    return _with_part(input, src, lambda x: select(x, dim, index))


@tensor_method
def slice_scatter(input, src, dim=0, start=None, end=None, step=1):
    """Return a copy with src as the slices start:end:step along a dimension.

    Raises:
        RuntimeError: when src has another shape.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.slice_scatter.html
    """
    key = at(axis(dim, input._array.ndim), slice(start, end, step))
    return _with_part(input, src, lambda x: x[key])


@tensor_method
def diagonal_scatter(input, src, offset=0, dim1=0, dim2=1):
    """Return a copy with src on a diagonal.

    Raises:
        RuntimeError: when src has another shape.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.diagonal_scatter.html
    """
    return _with_part(input, src, lambda x: x.diagonal(offset, dim1, dim2))


@tensor_method
def as_strided_scatter(input, src, size, stride, storage_offset=None):
    """Return a copy with src as the elements that `as_strided` would show.

    Raises:
        RuntimeError: when src has another shape.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.as_strided_scatter.html
    """
    return _with_part(input, src, lambda x: as_strided(x, size, stride, storage_offset))
