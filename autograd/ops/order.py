"""Views of a tensor's memory with the dimensions in another order."""

from ..op import op
from ..tensor import Tensor, tensor_method
from ..viewing import fast_backward, made, memory
from .dims import axis
from .shape import spread

__all__ = ["adjoint", "moveaxis", "movedim", "swapaxes", "swapdims"]


@op(name="transpose", view=True, derivative="g with the dimensions swapped")
def swapped(xp, input, dim0, dim1):
    """Return the input with two dimensions swapped."""
    return input.swapaxes(dim0, dim1) if input.ndim else input[...]


swapped.vjp("input", lambda g, dim0, dim1: g.swapaxes(dim0, dim1) if g.ndim else g)
fast_backward(swapped)


@swapped.op.public
def transpose(input, dim0, dim1):
    """Return a view with two dimensions swapped.

    Shape: (..., m, ..., n, ...) -> (..., n, ..., m, ...).
    Raises:
        IndexError: for dimensions the tensor lacks.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.transpose.html

    >>> import ember
    >>> ember.zeros(2, 3).transpose(0, 1).shape
    torch.Size([3, 2])
    """
    array = memory(input)
    try:
        r = array.swapaxes(dim0, dim1)
    except ValueError:
        axis(dim0, array.ndim), axis(dim1, array.ndim)
        r = array[...]
    return made(swapped.op, input, r, {"dim0": dim0, "dim1": dim1})


def swapaxes(input, axis0, axis1):
    """Return a view with two dimensions swapped: NumPy's name of `transpose`."""
    return transpose(input, axis0, axis1)


def swapdims(input, dim0, dim1):
    """Return a view with two dimensions swapped: another name of `transpose`."""
    return transpose(input, dim0, dim1)


Tensor.swapaxes, Tensor.swapdims = swapaxes, swapdims


@op(name="t", view=True, derivative="gᵀ")
def flipped(xp, input):
    """Return the matrix transposed."""
    return input.T


flipped.vjp("input", lambda g: g.T)
fast_backward(flipped)


@flipped.op.public
def t(input):
    """Return a view of a matrix transposed; vectors and numbers are left alone.

    Shape: (m, n) -> (n, m).
    Raises:
        RuntimeError: for more than two dimensions.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.t.html

    >>> import ember
    >>> ember.tensor([[1, 2]]).t()
    tensor([[1],
            [2]])
    """
    array = memory(input)
    if array.ndim > 2:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {array.ndim}D")
    return made(flipped.op, input, array.T if array.ndim else array[...], {})


@op(name="permute", view=True, varargs="dims", derivative="g with the dimensions put back")
def reordered(xp, input, dims):
    """Return the input with its dimensions in another order."""
    return input.transpose(dims)


reordered.vjp("input", lambda xp, g, dims: xp.transpose(g, _inverse(dims)))
fast_backward(reordered)


def _inverse(dims):
    n = len(dims)
    return tuple(sorted(range(n), key=lambda i: dims[i] % n))


@reordered.op.public
def permute(input, *dims, **named):
    """Return a view with the dimensions in another order.

    Shape: any -> its sizes in the new order.
    Raises:
        RuntimeError: when a dimension is missing or named twice; IndexError: for others.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.permute.html

    >>> import ember
    >>> ember.zeros(2, 3, 5).permute(2, 0, 1).shape
    torch.Size([5, 2, 3])
    """
    array = memory(input)
    if named or len(dims) == 1 and type(dims[0]) is not int:
        dims = spread("permute", dims, named, "dims")
    try:
        r = array.transpose(dims) if dims else array[...]
    except ValueError:
        r = None
    if r is None or len(dims) != array.ndim:
        raise _permute_error(array, dims)
    return made(reordered.op, input, r, {"dims": dims})


def _permute_error(array, dims):
    if len(dims) != array.ndim:
        return RuntimeError(
            "permute: number of dimensions in the tensor input does not match the length of the "
            f"desired ordering of dimensions i.e. input.dim() = {array.ndim} is not equal to "
            f"len(dims) = {len(dims)}")
    for d in dims:
        axis(d, array.ndim)
    return RuntimeError("permute(): duplicate dims are not allowed.")


@tensor_method
def movedim(input, source, destination):
    """Return a view with dimensions moved to other places; the rest keep their order.

    Args:
        source, destination: a dimension or as many as one another.
    Raises:
        RuntimeError: when they differ in number or repeat; IndexError: for missing dimensions.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.movedim.html

    >>> import ember
    >>> ember.zeros(2, 3, 5).movedim(0, -1).shape
    torch.Size([3, 5, 2])
    """
    given = [tuple(d) if isinstance(d, (tuple, list)) else (d,) for d in (source, destination)]
    if len(given[0]) != len(given[1]):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(given[0])} dims) should "
            f"contain the same number of dims as destination ({list(given[1])} dims)")
    ndim = memory(input).ndim
    sources, destinations = ([axis(d, ndim) for d in dims] for dims in given)
    for name, dims in (("source", sources), ("destination", destinations)):
        if len(set(dims)) < len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({list(dims)})")
    if not ndim:
        return input[...]
    rest = iter([d for d in range(ndim) if d not in sources])
    came_from = dict(zip(destinations, sources))
    return permute(input, tuple([came_from[d] if d in came_from else next(rest)
                                 for d in range(ndim)]))


def moveaxis(input, source, destination):
    """Return a view with dimensions moved: NumPy's name of `movedim`."""
    return movedim(input, source, destination)


Tensor.moveaxis = moveaxis


def _reversed(self):
    """The tensor with its dimensions in reverse order."""
    return permute(self, tuple(range(memory(self).ndim))[::-1])


def _matrix_transposed(self):
    """The tensor with its last two dimensions swapped."""
    if self._array.ndim == 0:
        return permute(self, ())
    if self._array.ndim < 2:
        raise RuntimeError("tensor.mT is only supported on matrices or batches of matrices. Got "
                           f"{self._array.ndim}-D tensor.")
    return transpose(self, -2, -1)


@tensor_method
def adjoint(input):
    """Return the matrices transposed and, if complex, conjugated.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.adjoint.html
    """
    if input._array.ndim == 1:
        raise RuntimeError("tensor.adjoint() is only supported on matrices or batches of matrices."
                           " Got 1-D tensor.")
    turned = _matrix_transposed(input)
    return turned.conj() if input._array.dtype.kind == "c" else turned


def _hermitian(self):
    """The conjugate transpose of a matrix."""
    if self._array.ndim not in (0, 2):
        raise RuntimeError("tensor.H is only supported on matrices (2-D tensors). Got "
                           f"{self._array.ndim}-D tensor."
                           + (" For batches of matrices, consider using tensor.mH"
                              if self._array.ndim > 2 else ""))
    return adjoint(self)


Tensor.T = property(_reversed)
Tensor.mT = property(_matrix_transposed)
Tensor.H = property(_hermitian)
Tensor.mH = property(adjoint)
