"""Views of parts of a tensor: slices along a dimension, diagonals, windows, strides."""

import operator

from ..op import op
from ..tensor import Tensor, tensor_method
from ..viewing import fast_backward, made, memory
from .dims import axis
from .indexing import SELECT, SLICE
from .joining import at

__all__ = ["narrow", "select"]


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
            f"start ({begin}) + length ({length}) exceeds dimension size ({size}).")
    key = at(dim, slice(begin, begin + length))
    return made(SLICE, input, array[key], {"index": key})
