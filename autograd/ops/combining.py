"""Several tensors brought to common shapes, or combined element by element into a larger one."""

import itertools

import numpy as np

from .. import creation
from ..tensor import Size, Tensor, tensor_method
from ..viewing import memory
from .filling import into
from .joining import cat, stack
from .shape import expand, reshape

__all__ = ["atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_shapes",
           "broadcast_tensors", "cartesian_prod", "combinations", "kron", "meshgrid"]


def _several(tensors):
    """Return the tensors given as `f(a, b)` or `f([a, b])`."""
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        return tuple(tensors[0])
    return tensors


def broadcast_shapes(*shapes):
    """Return the shape that tensors of these shapes broadcast to.

    Raises:
        RuntimeError: when they do not.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.broadcast_shapes.html

    >>> import ember
    >>> ember.broadcast_shapes((2, 1), (3,))
    torch.Size([2, 3])
    """
    shapes = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    try:
        return Size(np.broadcast_shapes(*shapes))
    except ValueError:
        pass
    common = [1] * max(map(len, shapes))
    for n, shape in enumerate(shapes):
        for back in range(1, len(shape) + 1):
            if 1 != shape[-back] != common[-back] != 1:
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {shape[-back]} at {-back}! "
                    f"Mismatching argument at index {n} had {shape}; but expected shape should be "
                    f"broadcastable to {common}")
            common[-back] = max(shape[-back], common[-back])
    raise RuntimeError(f"Trying to create tensor with negative dimension: {shapes}")


def broadcast_tensors(*tensors):
    """Return views of the tensors expanded to their common shape.

    Raises:
        RuntimeError: when they do not broadcast.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.broadcast_tensors.html
    """
    tensors = _several(tensors)
    shape = ()
    for t in tensors:
        own = memory(t).shape
        for back in range(1, min(len(own), len(shape)) + 1):
            if 1 != own[-back] != shape[-back] != 1:
                raise RuntimeError(
                    f"The size of tensor a ({shape[-back]}) must match the size of tensor b "
                    f"({own[-back]}) at non-singleton dimension "
                    f"{max(len(own), len(shape)) - back}")
        shape = np.broadcast_shapes(shape, own)
    return tuple([t if t._array.shape == shape else expand(t, shape) for t in tensors])


def _at_least(name, widen):
    def function(*tensors):
        many = len(tensors) != 1 or not isinstance(tensors[0], Tensor)
        result = tuple([widen(t) for t in _several(tensors)])
        return result if many else result[0]

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Return views with at least {name[-2]} dimension(s) of each tensor.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.{name}.html
    """
    return function


def _to_3d(t):
    return t if t.ndim > 2 else t.unsqueeze(-1) if t.ndim == 2 else reshape(t, 1, -1, 1)


atleast_1d = _at_least("atleast_1d", lambda t: t if t.ndim else reshape(t, 1))
atleast_2d = _at_least("atleast_2d", lambda t: t if t.ndim > 1 else reshape(t, 1, -1))
atleast_3d = _at_least("atleast_3d", _to_3d)


def meshgrid(*tensors, indexing=None):
    """Return the coordinates of a grid: each vector expanded along its own dimension.

    Args:
        indexing: "ij" (the default: one dimension per vector in order) or "xy" (the first two
            swapped).
    Raises:
        RuntimeError: for tensors of more than one dimension or another indexing.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.meshgrid.html

    >>> import ember
    >>> ember.meshgrid(ember.tensor([1, 2]), ember.tensor([3]), indexing="ij")
    (tensor([[1],
            [2]]), tensor([[3],
            [3]]))
    """
    tensors = _several(tensors)
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError('torch.meshgrid: indexing must be one of "xy" or "ij", but received: '
                           f"{indexing}")
    for t in tensors:
        if t._array.ndim > 1:
            raise RuntimeError("torch.meshgrid: Expected 0D or 1D tensor in the tensor list but "
                               f"got: a tensor of shape {list(t.shape)}")
        if t._array.dtype != tensors[0]._array.dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    order = list(range(len(tensors)))
    if indexing == "xy":
        order[:2] = reversed(order[:2])
    shape = tuple([tensors[i]._array.size for i in order])
    grids = []
    for i, t in enumerate(tensors):
        own = [1] * len(tensors)
        own[order.index(i)] = t._array.size
        grids.append(expand(reshape(t, tuple(own)), shape))
    return tuple(grids)


def cartesian_prod(*tensors):
    """Return all combinations of one element of each vector, one a row.

    Raises:
        RuntimeError: for tensors that are no vectors.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.cartesian_prod.html

    >>> import ember
    >>> ember.cartesian_prod(ember.tensor([1, 2]), ember.tensor([3]))
    tensor([[1, 3],
            [2, 3]])
    """
    tensors = _several(tensors)
    for t in tensors:
        if t._array.ndim != 1:
            raise RuntimeError(
                f"Expect a 1D vector, but got shape {list(t.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([reshape(t, -1) for t in meshgrid(*tensors, indexing="ij")], 1)


def combinations(input, r=2, with_replacement=False):
    """Return all choices of r elements of a vector, one a row.

    Raises:
        RuntimeError: for tensors that are no vectors, or negative r.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.combinations.html

    >>> import ember
    >>> ember.combinations(ember.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    if input._array.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_empty(0)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    chosen = list(choose(range(input._array.size), r))
    index = creation.tensor(chosen, dtype=creation.arange(0).dtype, device=input.device)
    return input[index.reshape(-1, r)]


Tensor.combinations = combinations


def block_diag(*tensors):
    """Return a matrix with the given ones along its diagonal; vectors are rows.

    Raises:
        RuntimeError: for more than two dimensions.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.block_diag.html

    >>> import ember
    >>> ember.block_diag(ember.tensor([1, 2]), ember.tensor([[3]]))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    for i, t in enumerate(tensors):
        if t._array.ndim > 2:
            raise RuntimeError("torch.block_diag: Input tensors must have 2 or fewer dimensions. "
                               f"Input {i} has {t._array.ndim} dimensions")
    blocks = [atleast_2d(t) for t in tensors]
    if not blocks:
        return creation.empty(1, 0)
    width, before, rows = sum(b.shape[1] for b in blocks), 0, []
    for block in blocks:
        height, own = block.shape
        rows.append(cat([block.new_zeros(height, before), block,
                         block.new_zeros(height, width - before - own)], 1))
        before += own
    return cat(rows, 0)


@tensor_method
def kron(input, other, *, out=None):
    """Return the Kronecker product: each element of input times the whole of other.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.kron.html

    >>> import ember
    >>> ember.kron(ember.tensor([1, 10]), ember.tensor([1, 2]))
    tensor([ 1,  2, 10, 20])
    """
    ndim = max(input._array.ndim, other._array.ndim)
    a, b = [(1,) * (ndim - t._array.ndim) + t._array.shape for t in (input, other)]
    left = reshape(input, tuple([n for size in a for n in (size, 1)]))
    right = reshape(other, tuple([n for size in b for n in (1, size)]))
    product = reshape(left * right, tuple([n * m for n, m in zip(a, b)]))
    return into(out, product)
