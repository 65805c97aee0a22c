"""Transforms of vectors and matrices, and of several parts of a tensor."""

import math

from ...autograd import arange, cat, dtypes, eye, stack
from ...autograd.ops.solving import cholesky
from ...nn.functional import logsigmoid, pad, softplus
from .. import constraints
from ..utils import sum_rightmost, tril_matrix_to_vec, vec_to_tril_matrix
from .base import Transform, check_dims
from .elementwise import clipped_sigmoid

__all__ = ["CatTransform", "CorrCholeskyTransform", "LowerCholeskyTransform",
           "PositiveDefiniteTransform", "SoftmaxTransform", "StackTransform",
           "StickBreakingTransform"]


class CorrCholeskyTransform(Transform):
    """From vectors of n(n − 1)/2 numbers to Cholesky factors of n × n correlation matrices.

    Each row below the diagonal becomes part of a unit vector: tanh of an element is its share of
    the length that the elements before it leave.

    Source: https://docs.pytorch.org/docs/2.13/distributions.html, CorrCholeskyTransform.
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x):
        eps = dtypes.finfo(x.dtype).eps
        share = vec_to_tril_matrix(x.tanh().clamp(min=-1 + eps, max=1 - eps), diag=-1)
        left = (1 - share**2).sqrt().cumprod(-1)
        share = share + eye(share.shape[-1], dtype=x.dtype, device=x.device)
        return share * pad(left[..., :-1], [1, 0], value=1)

    def _inverse(self, y):
        left = pad(1 - (y * y).cumsum(-1)[..., :-1], [1, 0], value=1)
        share = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt()
        return (share.log1p() - (-share).log1p()) / 2

    def log_abs_det_jacobian(self, x, y):
        left = tril_matrix_to_vec(1 - (y * y).cumsum(-1), diag=-2)
        tanh = -2 * (x + softplus(-2 * x) - math.log(2)).sum(-1)
        return 0.5 * left.log().sum(-1) + tanh

    def forward_shape(self, shape):
        check_dims(shape, 1)
        n = round((0.25 + 2 * shape[-1]) ** 0.5 + 0.5)
        if n * (n - 1) // 2 != shape[-1]:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return shape[:-1] + (n, n)

    def inverse_shape(self, shape):
        check_dims(shape, 2)
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        n = shape[-1]
        return shape[:-2] + (n * (n - 1) // 2,)


class SoftmaxTransform(Transform):
    """From vectors to the simplex by softmax; not bijective, since a constant may be added."""

    domain = constraints.real_vector
    codomain = constraints.simplex

    def __eq__(self, other):
        return isinstance(other, SoftmaxTransform)

    def _call(self, x):
        weights = (x - x.amax(-1, keepdim=True)).exp()
        return weights / weights.sum(-1, keepdim=True)

    def _inverse(self, y):
        return y.log()

    def forward_shape(self, shape):
        check_dims(shape, 1)
        return shape

    inverse_shape = forward_shape


class StickBreakingTransform(Transform):
    """From vectors to the simplex of one more dimension, bijectively.

    The sigmoid of each element is the part that it breaks off what is left of a stick.
    """

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    def __eq__(self, other):
        return isinstance(other, StickBreakingTransform)

    def _call(self, x):
        part = clipped_sigmoid(x - _pieces_left(x).log())
        left = (1 - part).cumprod(-1)
        return pad(part, [0, 1], value=1) * pad(left, [1, 0], value=1)

    def _inverse(self, y):
        y = y[..., :-1]
        left = (1 - y.cumsum(-1)).clamp(min=dtypes.finfo(y.dtype).tiny)
        return y.log() - left.log() + _pieces_left(y).log()

    def log_abs_det_jacobian(self, x, y):
        x = x - _pieces_left(x).log()
        return (logsigmoid(x) - x + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape):
        check_dims(shape, 1)
        return shape[:-1] + (shape[-1] + 1,)

    def inverse_shape(self, shape):
        check_dims(shape, 1)
        return shape[:-1] + (shape[-1] - 1,)


def _pieces_left(x):
    """n, n − 1, ... 1 for vectors of n elements."""
    return arange(x.shape[-1], 0, -1, dtype=x.dtype, device=x.device)


class LowerCholeskyTransform(Transform):
    """From square matrices to lower triangular ones with a positive diagonal (its exponential)."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def __eq__(self, other):
        return isinstance(other, LowerCholeskyTransform)

    def _call(self, x):
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y):
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(Transform):
    """From square matrices to positive definite ones, by way of the Cholesky factor."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def __eq__(self, other):
        return isinstance(other, PositiveDefiniteTransform)

    def _call(self, x):
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y):
        return LowerCholeskyTransform().inv(cholesky(y))


class _Several(Transform):
    """Transforms of parts of a tensor along a dimension."""

    def __init__(self, tseq, dim=0, cache_size=0):
        if not all(isinstance(t, Transform) for t in tseq):
            raise AssertionError("All elements of tseq must be Transform instances")
        super().__init__(cache_size=cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.dim = dim

    @property
    def bijective(self):
        return all(t.bijective for t in self.transforms)

    def _parts(self, z):
        if not -z.ndim <= self.dim < z.ndim:
            raise AssertionError(
                f"dim {self.dim} out of range for tensor with {z.ndim} dimensions")
        return self._split(z)

    def _split(self, z):
        raise NotImplementedError

    def _join(self, parts):
        raise NotImplementedError

    def _call(self, x):
        return self._join([t(part) for t, part in zip(self.transforms, self._parts(x))])

    def _inverse(self, y):
        return self._join([t.inv(part) for t, part in zip(self.transforms, self._parts(y))])

    def _log_slopes(self, x, y):
        return [t.log_abs_det_jacobian(*parts)
                for t, *parts in zip(self.transforms, self._parts(x), self._parts(y))]


class CatTransform(_Several):
    """A transform for each of several pieces along a dimension, as of `torch.cat`.

    Args:
        tseq: the transforms.
        dim: the dimension.
        lengths: of the pieces; 1 each when None.
        cache_size: as for `Transform`.
    """

    def __init__(self, tseq, dim=0, lengths=None, cache_size=0):
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise AssertionError(f"lengths ({len(self.lengths)}) must match transforms "
                                 f"({len(self.transforms)})")

    def _again(self, cache_size):
        return CatTransform(self.transforms, self.dim, self.lengths, cache_size)

    @property
    def event_dim(self):
        return max(t.event_dim for t in self.transforms)

    @property
    def length(self):
        """The length of all pieces together."""
        return sum(self.lengths)

    def _split(self, z):
        if z.shape[self.dim] != self.length:
            raise AssertionError(f"x.size({self.dim}) = {z.shape[self.dim]} must equal length "
                                 f"{self.length}")
        return z.split(self.lengths, self.dim)

    def _join(self, parts):
        return cat(parts, self.dim)

    def log_abs_det_jacobian(self, x, y):
        terms = [sum_rightmost(term, self.event_dim - t.event_dim)
                 for t, term in zip(self.transforms, self._log_slopes(x, y))]
        dim = (self.dim if self.dim < 0 else self.dim - x.ndim) + self.event_dim
        return cat(terms, dim) if dim < 0 else sum(terms)

    @constraints.dependent_property
    def domain(self):
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @constraints.dependent_property
    def codomain(self):
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)


class StackTransform(_Several):
    """A transform for each slice along a dimension, as of `torch.stack`.

    Args:
        tseq: the transforms.
        dim: the dimension.
        cache_size: as for `Transform`.
    """

    def _again(self, cache_size):
        return StackTransform(self.transforms, self.dim, cache_size)

    def _split(self, z):
        if z.shape[self.dim] != len(self.transforms):
            raise AssertionError(f"x.size({self.dim}) = {z.shape[self.dim]} must equal "
                                 f"len(transforms) {len(self.transforms)}")
        return z.unbind(self.dim)

    def _join(self, parts):
        return stack(parts, self.dim)

    def log_abs_det_jacobian(self, x, y):
        return self._join(self._log_slopes(x, y))

    @constraints.dependent_property
    def domain(self):
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @constraints.dependent_property
    def codomain(self):
        return constraints.stack([t.codomain for t in self.transforms], self.dim)
