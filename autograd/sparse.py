"""Sparse tensors in coordinate form, as programs on graphs use them.

A sparse tensor is its indices and its values, both tensors; gradients flow to the values. The few
operations below are compositions of dense ones, and every other one refuses.
Source: https://docs.pytorch.org/docs/stable/sparse.html
"""

import numpy as np

from . import dtypes, modes
from .from_data import tensor
from .layouts import sparse_coo
from .ops.joining import cat
from .ops.search import unique
from .tensor import Size, Tensor

__all__ = ["SparseTensor", "from_dense", "mm", "sparse_coo_tensor", "spmm", "sum"]


class SparseTensor(Tensor):
    """A tensor of which only the listed elements are kept; made by `sparse_coo_tensor`.

    Duplicate indices add up; `coalesce` merges and sorts them.
    """

    @classmethod
    def _of(cls, indices, values, size, coalesced=False):
        self = Tensor.__new__(cls)
        # The array only stands for the shape, the dtype and the device.
        nothing = values._xp.from_host(np.zeros((), values._array.dtype))
        self._array = values._xp.broadcast_to(nothing, tuple(size))
        self._history, self._xp = None, values._xp
        self._parts, self._coalesced = (indices, values), coalesced
        return self

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        name = func.__name__
        if name not in _OPERATIONS:
            raise NotImplementedError(f"{name} is not implemented for sparse tensors; make it "
                                      "dense first: .to_dense()")
        return _OPERATIONS[name](*args, **(kwargs or {}))

    # -- its parts --------------------------------------------------------------------------------

    layout = sparse_coo
    is_sparse = True
    requires_grad = property(lambda self: self._parts[1].requires_grad)
    is_leaf = property(lambda self: self._parts[1].is_leaf)
    grad_fn = property(lambda self: self._parts[1].grad_fn)

    def indices(self):
        """Return the positions of the values, (dimensions, values) int64; coalesced ones only."""
        return self._checked("indices")._parts[0]

    def values(self):
        """Return the values, one-dimensional; of a coalesced tensor only."""
        return self._checked("values")._parts[1]

    def _checked(self, name):
        if not self._coalesced:
            raise RuntimeError(f"Cannot get {name} on an uncoalesced tensor, please call "
                               ".coalesce() first")
        return self

    def _indices(self):
        return self._parts[0]

    def _values(self):
        return self._parts[1]

    def _nnz(self):
        return self._parts[1].shape[0]

    def sparse_dim(self):
        """Return the number of dimensions that the indices name."""
        return self._parts[0].shape[0]

    def dense_dim(self):
        """Return the number of dimensions of one value: 0."""
        return 0

    def is_coalesced(self):
        """Return whether the indices are sorted and without duplicates."""
        return self._coalesced

    def coalesce(self):
        """Return the tensor with sorted indices, each once."""
        if self._coalesced:
            return self
        indices, values = self._parts
        places, inverse = unique(indices, dim=1, return_inverse=True)
        merged = values.new_zeros(places.shape[1]).index_add(0, inverse, values)
        return self._of(places, merged, self.shape, coalesced=True)

    # -- into something else ----------------------------------------------------------------------

    def to_dense(self, dtype=None):
        """Return the strided tensor with zeros wherever nothing is listed."""
        indices, values = self._parts
        dense = values.new_zeros(self.shape).index_put(tuple(indices), values, accumulate=True)
        return dense if dtype is None else dense.to(dtype)

    def to_sparse(self, sparse_dim=None):
        """Return the tensor itself."""
        return self

    def to(self, *args, **kwargs):
        """Return the tensor with another dtype and/or on another device."""
        return self._with(self._parts[1].to(*args, **kwargs))

    def detach(self):
        """Return the same tensor without history."""
        return self._with(self._parts[1].detach())

    def requires_grad_(self, requires_grad=True):
        """Have gradients flow to the values, or not."""
        self._parts[1].requires_grad_(requires_grad)
        return self

    def _with(self, values, indices=None, size=None):
        """Return a tensor like this one with other values, and perhaps other indices."""
        indices = (self._parts[0] if indices is None else indices).to(values.device)
        return self._of(indices, values, size or self.shape, self._coalesced and size is None)

    def __repr__(self):
        indices, values = self._parts
        return (f"tensor(indices={indices!r},\n       values={values!r},\n"
                f"       size={tuple(self.shape)}, nnz={self._nnz()}, layout=torch.sparse_coo)")

    def _refuse(self, *args, **kwargs):
        raise TypeError("a sparse tensor has no dense memory; make it dense first: .to_dense()")

    numpy = tolist = item = __array__ = __bool__ = __iter__ = _refuse
    data = property(detach)


# -- what can be computed -------------------------------------------------------------------------


def _matmul(input, other):
    """Multiply a sparse matrix and a dense one (or a vector), in either order."""
    if not isinstance(input, SparseTensor):
        return _matmul(_transpose(other), input.mT).mT
    if isinstance(other, SparseTensor):
        return from_dense(_matmul(input, other.to_dense()))
    if input.ndim != 2 or other.ndim not in (1, 2) or input.shape[1] != other.shape[0]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({list(input.shape)} and "
                           f"{list(other.shape)})")
    if input.dtype != other.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {input.dtype} "
                           f"!= {other.dtype}")
    (rows, columns), values = input._parts
    scale = values if other.ndim == 1 else values.unsqueeze(1)
    out = values.new_zeros((input.shape[0], *other.shape[1:]))
    return out.index_add(0, rows, scale * other[columns])


def _add(input, other, *, alpha=1):
    if not (isinstance(input, SparseTensor) and isinstance(other, SparseTensor)):
        dense = [x.to_dense() if isinstance(x, SparseTensor) else x for x in (input, other)]
        return dense[0].add(dense[1], alpha=alpha)
    if input.shape != other.shape:
        raise RuntimeError(f"add: expected sizes of 'self' and 'other' to match, but "
                           f"{list(input.shape)} != {list(other.shape)}")
    pairs = zip(input._parts, (other._parts[0], other._parts[1] * alpha))
    indices, values = (cat(pair, -1) for pair in pairs)
    return SparseTensor._of(indices, values, input.shape).coalesce()


def _scaled(name):
    def scaled(input, other):
        sparse, number = (input, other) if isinstance(input, SparseTensor) else (other, input)
        if isinstance(number, Tensor) and number.ndim:
            raise NotImplementedError(f"{name} of a sparse tensor takes a number; make it dense "
                                      "first: .to_dense()")
        return sparse._with(getattr(sparse._parts[1], name)(number))

    return scaled


def _transpose(input, dim0=0, dim1=1):
    order = list(range(input.ndim))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    size = [input.shape[d] for d in order]
    return input._with(input._parts[1], input._parts[0][order], size)


def _sum(input, dim=None, **options):
    values = input._parts[1]
    return values.sum(**options) if dim is None else input.to_dense().sum(dim, **options)


def _clone(input, **options):
    return input._with(input._parts[1].clone())


_OPERATIONS = {
    "add": _add, "clone": _clone, "div": _scaled("div"), "matmul": _matmul, "mul": _scaled("mul"),
    "neg": lambda input: input._with(-input._parts[1]),
    "sub": lambda input, other, *, alpha=1: _add(input, other, alpha=-alpha),
    "sum": _sum, "t": _transpose, "transpose": _transpose,
}


def mm(mat1, mat2):
    """Multiply a sparse matrix (m, k) and a dense one (k, n), either order; dense (m, n).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.sparse.mm.html

    >>> import ember
    >>> a = ember.sparse_coo_tensor([[0, 1], [1, 0]], [2.0, 3.0], (2, 2))
    >>> ember.sparse.mm(a, ember.eye(2))
    tensor([[0., 2.],
            [3., 0.]])
    """
    return mat1 @ mat2


spmm = mm


def sum(input, dim=None, dtype=None):
    """Return the sum of a sparse tensor's elements, or along dimensions (dense)."""
    return _sum(input, dim, dtype=dtype)


# -- how they are made ----------------------------------------------------------------------------


def sparse_coo_tensor(indices, values=None, size=None, *, dtype=None, device=None,
                      pin_memory=False, requires_grad=False, check_invariants=None,
                      is_coalesced=None):
    """Return a sparse tensor of values at indices.

    Args:
        indices: positions, (dimensions, values) int64: tensor or nested sequence.
        values: tensor or sequence, one number for each position. size: shape; by default the
            smallest that holds every index.
        dtype, device: of the values; their own by default.
        requires_grad: whether gradients shall flow to the values.
    Raises:
        RuntimeError: when the sizes do not go together or an index is outside.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.sparse_coo_tensor.html

    >>> import ember
    >>> ember.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2, 3)).to_dense()
    tensor([[0., 0., 3.],
            [4., 0., 0.]])
    """
    made = isinstance(values, Tensor)
    values = values if made else tensor([] if values is None else values)
    values = values.to(dtype=dtype, device=device)
    if requires_grad:
        values = values.detach().requires_grad_()
    indices = indices if isinstance(indices, Tensor) else tensor(indices, dtype=dtypes.int64)
    indices = indices.to(device=values.device, dtype=dtypes.int64)
    if indices.ndim != 2 or values.ndim != 1 or indices.shape[1] != values.shape[0]:
        raise RuntimeError("sparse_coo_tensor: indices must be (dimensions, values) and values "
                           f"(values,), but they have the shapes {list(indices.shape)} and "
                           f"{list(values.shape)}")
    with modes.no_grad():
        ends = indices.amax(1).add(1).tolist() if indices.shape[1] else [0] * indices.shape[0]
        below = indices.shape[1] and int(indices.min()) < 0
    size = Size(ends if size is None else size)
    if below or len(size) != len(ends) or any(n > m for n, m in zip(ends, size)):
        raise RuntimeError(f"size is inconsistent with indices: for the size {list(size)} an index "
                           f"is negative or reaches {ends}")
    return SparseTensor._of(indices, values, size, bool(is_coalesced))


def from_dense(input):
    """Return the nonzero elements of a strided tensor as a sparse one."""
    indices = input.detach().nonzero().t()
    return SparseTensor._of(indices, input[tuple(indices)], input.shape, coalesced=True)
