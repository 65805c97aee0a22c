"""What the distributions share: broadcasting, probabilities and logits, lazy parameters."""

import functools
import numbers
from typing import Any

from ..autograd import Tensor, broadcast_tensors, dtypes, empty, enable_grad
from ..autograd.from_data import tensor
from ..nn import functional as F

__all__ = ["along_first", "broadcast_all", "clamp_probs", "euler_constant",
           "lazy_property", "logits_to_probs", "probs_to_logits", "standard_normal",
           "sum_rightmost", "tril_matrix_to_vec", "vec_to_tril_matrix"]

euler_constant = 0.57721566490153286061


def broadcast_all(*values):
    """Return tensors of one shape; numbers take the dtype and device of the first tensor.

    Raises:
        ValueError: for a value that is neither a number nor a tensor.

    >>> import ember
    >>> from ember.distributions.utils import broadcast_all
    >>> broadcast_all(ember.ones(2), 3)
    (tensor([1., 1.]), tensor([3., 3.]))
    """
    if not all(isinstance(v, (Tensor, numbers.Number)) for v in values):
        raise ValueError("Input arguments must all be instances of Number, torch.Tensor or objects "
                         "implementing __torch_function__.")
    first = next((v for v in values if isinstance(v, Tensor)), None)
    like: dict[str, Any] = {"dtype": dtypes.get_default_dtype()}
    if first is not None:
        like = {"dtype": first.dtype, "device": first.device}
    return tuple(broadcast_tensors(
        *(v if isinstance(v, Tensor) else tensor(v, **like) for v in values)))


def along_first(values, batch_shape, expand):
    """Return values along a first dimension, for every element of a batch."""
    values = values.view((-1,) + (1,) * len(batch_shape))
    return values.expand((-1, *batch_shape)) if expand else values


def standard_normal(shape, like):
    """Return standard normal numbers in the dtype and on the device of a tensor."""
    return empty(shape, dtype=like.dtype, device=like.device).normal_()


def sum_rightmost(value, dim):
    """Return the sum over the last `dim` dimensions.

    >>> import ember
    >>> from ember.distributions.utils import sum_rightmost
    >>> sum_rightmost(ember.ones(2, 3, 4), 2)
    tensor([12., 12.])
    """
    return value.reshape((*value.shape[:-dim], -1)).sum(-1) if dim else value


def logits_to_probs(logits, is_binary=False):
    """Return probabilities: of a one for log odds, else along the last dimension."""
    return logits.sigmoid() if is_binary else F.softmax(logits, dim=-1)


def clamp_probs(probs):
    """Return probabilities no nearer to 0 and 1 than the dtype's epsilon.

    >>> import ember
    >>> from ember.distributions.utils import clamp_probs
    >>> clamp_probs(ember.tensor([0.0, 0.5, 1.0]))
    tensor([1.1921e-07, 5.0000e-01, 1.0000e+00])
    """
    eps = dtypes.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs, is_binary=False):
    """Return log odds, or log probabilities; `clamp_probs` keeps them finite."""
    probs = clamp_probs(probs)
    return probs.log() - (-probs).log1p() if is_binary else probs.log()


class lazy_property:
    """A property that is computed on first use and is an attribute from then on."""

    def __init__(self, wrapped):
        self.wrapped = wrapped
        functools.update_wrapper(self, wrapped)

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


def tril_matrix_to_vec(mat, diag=0):
    """Return the lower triangles of matrices as vectors, row by row.

    Args:
        mat: of shape (..., n, n).
        diag: the highest diagonal that is taken.
    Raises:
        ValueError: for a diagonal that no matrix of this size has.

    >>> import ember
    >>> from ember.distributions.utils import tril_matrix_to_vec
    >>> tril_matrix_to_vec(ember.tensor([[1, 2], [3, 4]]))
    tensor([1, 3, 4])
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    return mat[..., _lower(n, diag, mat.device)]


def vec_to_tril_matrix(vec, diag=0):
    """Return vectors as lower triangular matrices; the inverse of `tril_matrix_to_vec`.

    Raises:
        ValueError: when no triangle has that many elements.
    """
    size = vec.shape[-1]
    shift = 1 + 2 * diag
    n = round(((shift**2 + 8 * size + 4 * abs(diag) * (diag + 1)) ** 0.5 - shift) / 2)
    lower = _lower(n, diag, vec.device)
    if int(lower.sum()) != size:
        raise ValueError(f"The size of last dimension is {size} which cannot be expressed as the "
                         "lower triangular part of a square D x D matrix.")
    mat = vec.new_zeros((*vec.shape[:-1], n, n))
    mat[..., lower] = vec
    return mat


def _lower(n, diag, device):
    return tensor([[j <= i + diag for j in range(n)] for i in range(n)], dtype=dtypes.bool,
                  device=device)
