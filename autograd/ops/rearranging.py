"""Copies of a tensor with its elements in another order, repeated, or partly zeroed."""

import numpy as np

from .. import creation, dtypes
from ..layouts import contiguous_format
from ..op import op
from ..tensor import Tensor, tensor_method
from ..viewing import memory
from .conversion import clone
from .dims import axis
from .shape import expand, reshape, spread

__all__ = ["fliplr", "flipud", "repeat_interleave", "rot90", "tile", "tril_indices",
           "triu_indices"]


def _dims(dims, ndim):
    """Return several dimensions as numbers from 0, each at most once."""
    found = tuple([axis(d, ndim) for d in ((dims,) if isinstance(dims, int) else dims)])
    if len(set(found)) < len(found):
        raise RuntimeError(f"dim {max(found, key=found.count)} appears multiple times in the list "
                           "of dims")
    return found


# -- another order --------------------------------------------------------------------------------


@op(name="flip", derivative="g flipped back")
def backwards(xp, input, dims):
    """Return the input with the order along some dimensions reversed."""
    return xp.flip(input, dims).copy() if input.ndim else input.copy()


backwards.vjp("input", lambda xp, g, dims: xp.flip(g, dims) if g.ndim else g)


@backwards.op.public
def flip(input, *dims, **named):
    """Return a copy with the order along some dimensions reversed.

    Shape: any -> same.
    Raises:
        IndexError: for dimensions the tensor lacks; RuntimeError: for repeated ones.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.flip.html

    >>> import ember
    >>> ember.tensor([1, 2, 3]).flip(0)
    tensor([3, 2, 1])
    """
    return backwards(input, _dims(spread("flip", dims, named, "dims"), memory(input).ndim))


@tensor_method
def fliplr(input):
    """Return a copy with the columns (dimension 1) in reverse order.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.fliplr.html
    """
    if input._array.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@tensor_method
def flipud(input):
    """Return a copy with the rows (dimension 0) in reverse order.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.flipud.html
    """
    if input._array.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


@op(name="roll", derivative="g rolled back")
def rolled(xp, input, shifts, dims):
    """Return the input with the elements moved along dimensions, the last ones to the front."""
    return xp.roll(input, shifts, dims)


rolled.vjp("input", lambda xp, g, shifts, dims: xp.roll(g, tuple([-s for s in shifts]), dims))


@rolled.op.public
def roll(input, shifts, dims=None):
    """Return a copy with the elements moved along dimensions, those that fall off to the front.

    Args:
        shifts, dims: numbers or as many as one another; without dims the tensor is flattened.
    Shape: any -> same.
    Raises:
        RuntimeError: when their numbers differ; IndexError: for dimensions the tensor lacks.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.roll.html

    >>> import ember
    >>> ember.tensor([1, 2, 3]).roll(1)
    tensor([3, 1, 2])
    """
    shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    dims = () if dims is None else (dims,) if isinstance(dims, int) else tuple(dims)
    if not shifts:
        raise RuntimeError("`shifts` required")
    if not dims and len(shifts) == 1:
        return rolled(input, shifts, None)
    if len(shifts) != len(dims):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, "
                           f"dims:{len(dims)}")
    ndim = memory(input).ndim
    if not ndim:
        raise IndexError(f"Dimension specified as {dims[0]} but tensor has no dimensions")
    return rolled(input, shifts, tuple([axis(d, ndim) for d in dims]))


@tensor_method
def rot90(input, k=1, dims=(0, 1)):
    """Return a copy turned by 90 degrees k times, from the first of two dimensions to the second.

    Raises:
        RuntimeError: when there are not two different dimensions.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.rot90.html

    >>> import ember
    >>> ember.tensor([[1, 2], [3, 4]]).rot90()
    tensor([[2, 4],
            [1, 3]])
    """
    ndim = memory(input).ndim
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {ndim}")
    first, second = dims
    if first == second or abs(first - second) == ndim:
        raise RuntimeError("expected rotation dims to be different, but got dim0 = "
                           f"{first} and dim1 = {second}")
    for number, d in enumerate(dims):
        if not -ndim <= d < ndim:
            raise RuntimeError(f"Rotation dim{number} out of range, dim{number} = {d}")
    if k % 2 == 0:
        return flip(input, dims) if k % 4 else input.clone()
    return flip(input, second if k % 4 == 1 else first).transpose(first, second)


# -- repetition -----------------------------------------------------------------------------------


@op(name="repeat", derivative="g summed over the repetitions")
def copies(xp, input, repeats):
    """Return the input repeated along each dimension."""
    return xp.tile(input, repeats)


def _copies_vjp(xp, g, input_shape, repeats):
    shape = (1,) * (len(repeats) - len(input_shape)) + tuple(input_shape)
    pairs = tuple([n for pair in zip(repeats, shape) for n in pair])
    return xp.sum(g.reshape(pairs), axis=tuple(range(0, len(pairs), 2))) if pairs else g


copies.vjp("input", _copies_vjp)


@copies.op.public
def repeat(self, *repeats, **named):
    """Return a copy repeated along each dimension; new dimensions come first.

    Shape: (n, ...) -> (n · repeats, ...).
    Raises:
        RuntimeError: for fewer numbers than dimensions, or negative ones.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.repeat.html

    >>> import ember
    >>> ember.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    if not repeats and not named:
        raise TypeError('repeat() missing 1 required positional arguments: "repeats"')
    repeats = tuple(map(int, spread("repeat", repeats, named, "repeats")))
    shape = memory(self).shape
    if len(repeats) < len(shape):
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of "
                           "dimensions of tensor")
    if any(n < 0 for n in repeats):
        wide = (1,) * (len(repeats) - len(shape)) + shape
        sizes = [n * r for n, r in zip(wide, repeats)]
        raise RuntimeError("Trying to create tensor with negative dimension "
                           f"{min(sizes)}: {sizes}")
    return copies(self, repeats)


@tensor_method
def tile(input, *dims, **named):
    """Return a copy repeated along each dimension; missing numbers are 1.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.tile.html
    """
    dims = spread("tile", dims, named, "dims")
    return repeat(input, (1,) * (memory(input).ndim - len(dims)) + tuple(dims))


@tensor_method
def repeat_interleave(input, repeats=None, dim=None, *, output_size=None):
    """Return a copy in which each element (or slice along dim) is repeated.

    Args:
        repeats: number, or a vector of one number per slice. When only one tensor is given, it
            is the repeats, and the result their positions.
    Raises:
        RuntimeError: for negative numbers or a vector of another length.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.repeat_interleave.html

    >>> import ember
    >>> ember.tensor([1, 2]).repeat_interleave(2)
    tensor([1, 1, 2, 2])
    """
    if repeats is None:
        return _positions(input)
    if dim is None:
        input, dim = reshape(input, -1), 0
    dim = axis(dim, memory(input).ndim)
    if not input._array.ndim:
        input = reshape(input, 1)
    size = input._array.shape[dim]
    if isinstance(repeats, Tensor) and repeats._array.size == 1:
        repeats = int(repeats.item())
    if isinstance(repeats, Tensor):
        if repeats._array.ndim > 1:
            raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
        if repeats._array.size != size:
            raise RuntimeError(
                "repeats must have the same size as input along dim, but got repeats.size(0) = "
                f"{repeats._array.size} and input.size({dim}) = {size}")
        return input.index_select(dim, _positions(repeats))
    if repeats < 0:
        raise RuntimeError("Repeats must be non-negative")
    shape = input._array.shape
    wide = expand(input.unsqueeze(dim + 1), (*shape[:dim + 1], repeats, *shape[dim + 1:]))
    return reshape(clone(wide, memory_format=contiguous_format),
                   (*shape[:dim], size * repeats, *shape[dim + 1:]))


def _positions(repeats):
    array, xp = memory(repeats), repeats._xp
    if array.ndim != 1:
        raise RuntimeError(f"repeat_interleave only accept 1D vector as repeat, got shape "
                           f"{list(array.shape)}")
    if array.dtype.kind != "i" or array.dtype.itemsize < 4:
        raise NotImplementedError(
            f"\"repeat_interleave_cpu\" not implemented for '{repeats.dtype.title}'")
    if array.size and int(xp.to_host(array.min())) < 0:
        raise RuntimeError("repeats can not be negative")
    host = np.asarray(xp.to_host(array))
    return Tensor._wrap(xp.from_host(np.repeat(np.arange(len(host), dtype=host.dtype), host)), xp)


# -- triangles ------------------------------------------------------------------------------------


def _triangle(name, words):
    def forward(xp, input, diagonal=0):
        if input.ndim < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
        return getattr(xp, name)(input, diagonal)

    forward.__doc__ = f"""Return a copy with zeros {words} a diagonal of the last two dimensions.

    Args:
        diagonal: how far above (or, negative, below) the main diagonal.
    Shape: (..., m, n) -> same.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.{name}.html
    """
    function = op(name=name, inplace=True, derivative=f"{name} of g")(forward)
    function.vjp("input", lambda xp, g, diagonal: getattr(xp, name)(g, diagonal))
    return function


tril = _triangle("tril", "above")
triu = _triangle("triu", "below")


def _triangle_indices(row, col, offset, dtype, device, lower):
    if row < 0 or col < 0:
        raise RuntimeError(f"row and col must be non-negative, got {row} and {col}")
    kept = np.tri(row, col, offset, dtype=bool) if lower else ~np.tri(row, col, offset - 1,
                                                                      dtype=bool)
    indices = np.stack(np.nonzero(kept))
    return creation.tensor(indices, dtype=dtype or dtypes.int64, device=device)


def tril_indices(row, col, offset=0, *, dtype=None, device=None, layout=None):
    """Return the rows and columns of a matrix's elements on and below a diagonal.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.tril_indices.html

    >>> import ember
    >>> ember.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    return _triangle_indices(row, col, offset, dtype, device, True)


def triu_indices(row, col, offset=0, *, dtype=None, device=None, layout=None):
    """Return the rows and columns of a matrix's elements on and above a diagonal.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.triu_indices.html

    >>> import ember
    >>> ember.triu_indices(2, 2)
    tensor([[0, 0, 1],
            [0, 1, 1]])
    """
    return _triangle_indices(row, col, offset, dtype, device, False)
