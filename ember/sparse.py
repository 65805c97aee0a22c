"""PyTorch's torch.sparse, the part of it that programs on graphs use.

PyTorch page: https://docs.pytorch.org/docs/stable/sparse.html
"""

from . import autograd as _autograd
from .autograd.sparse import mm, sparse_coo_tensor, sum

__all__ = ["FloatTensor", "mm", "sum"]


def FloatTensor(indices, values, size=None):
    """Return a float32 sparse tensor; the old way to write `sparse_coo_tensor`."""
    return sparse_coo_tensor(indices, values, size, dtype=_autograd.dtypes.float32)
