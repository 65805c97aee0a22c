"""The multivariate normal distribution with a covariance of low rank plus a diagonal."""

import math

from ..autograd import broadcast_tensors, eye
from ..autograd.ops.solving import cholesky, solve_triangular
from . import constraints
from .distribution import Distribution
from .multivariate_normal import log_det, mahalanobis, matrix_vector
from .utils import lazy_property, standard_normal

__all__ = ["LowRankMultivariateNormal"]


class LowRankMultivariateNormal(Distribution):
    """A normal distribution with covariance W·Wᵀ + D, at a cost that is linear in its size.

    Inverse and determinant come from the small matrix I + Wᵀ·D⁻¹·W (Woodbury's identity).

    Args:
        loc: the mean, of shape (..., n).
        cov_factor: W, of shape (..., n, m).
        cov_diag: the diagonal of D, positive, of shape (..., n).
        validate_args: as for `Distribution`.
    Raises:
        ValueError: for shapes that do not fit, or a diagonal that is not positive.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#lowrankmultivariatenormal

    >>> import ember
    >>> m = ember.distributions.LowRankMultivariateNormal(
    ...     ember.zeros(2), ember.tensor([[1.0], [0.0]]), ember.ones(2))
    >>> m.covariance_matrix
    tensor([[2., 0.],
            [0., 1.]])
    """

    arg_constraints = {"loc": constraints.real_vector,
                       "cov_factor": constraints.independent(constraints.real, 2),
                       "cov_diag": constraints.independent(constraints.positive, 1)}
    support = constraints.real_vector
    has_rsample = True
    _batched = ("loc", "cov_factor", "cov_diag")

    def __init__(self, loc, cov_factor, cov_diag, validate_args=None):
        _check_shapes(loc, cov_factor, cov_diag)
        try:
            loc_, self.cov_factor, diag_ = broadcast_tensors(
                loc.unsqueeze(-1), cov_factor, cov_diag.unsqueeze(-1))
        except RuntimeError as error:
            raise ValueError(f"Incompatible batch shapes: loc {loc.shape}, cov_factor "
                             f"{cov_factor.shape}, cov_diag {cov_diag.shape}") from error
        self.loc, self.cov_diag = loc_[..., 0], diag_[..., 0]
        self._w, self._d = cov_factor, cov_diag  # before broadcasting
        self._small = cholesky(_plus_unit(self._scaled @ cov_factor))
        super().__init__(self.loc.shape[:-1], loc.shape[-1:], validate_args=validate_args)

    @property
    def _scaled(self):
        """Wᵀ·D⁻¹."""
        return self._w.mT / self._d.unsqueeze(-2)

    @property
    def _log_det(self):
        return 2 * log_det(self._small) + self._d.log().sum(-1)

    def _distance(self, x):
        """xᵀ·(W·Wᵀ + D)⁻¹·x."""
        inner = mahalanobis(self._small, matrix_vector(self._scaled, x))
        return (x.square() / self._d).sum(-1) - inner

    def _matrices(self, matrix):
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @property
    def mean(self):
        return self.loc

    @property
    def mode(self):
        return self.loc

    @lazy_property
    def variance(self):
        """The variances of the elements."""
        variance = self._w.square().sum(-1) + self._d
        return variance.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self):
        """The lower Cholesky factor of the covariance matrix."""
        root = self._d.sqrt().unsqueeze(-1)
        scaled = self._w / root
        return self._matrices(root * cholesky(_plus_unit(scaled @ scaled.mT)))

    @lazy_property
    def covariance_matrix(self):
        """The covariance matrix."""
        return self._matrices(self._w @ self._w.mT + self._d.diag_embed())

    @lazy_property
    def precision_matrix(self):
        """The inverse of the covariance matrix."""
        inner = solve_triangular(self._small, self._scaled, upper=False)
        return self._matrices(self._d.reciprocal().diag_embed() - inner.mT @ inner)

    def rsample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        factors = standard_normal(shape[:-1] + self.cov_factor.shape[-1:], self.loc)
        noise = standard_normal(shape, self.loc)
        return self.loc + matrix_vector(self._w, factors) + self._d.sqrt() * noise

    def log_prob(self, value):
        self._check(value)
        size = self._event_shape[0] * math.log(2 * math.pi)
        return -0.5 * (size + self._log_det + self._distance(value - self.loc))

    def entropy(self):
        size = self._event_shape[0] * (1 + math.log(2 * math.pi))
        return (0.5 * (size + self._log_det)).expand(self._batch_shape)


def _plus_unit(matrix):
    return matrix + eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)


def _check_shapes(loc, cov_factor, cov_diag):
    if loc.ndim < 1:
        raise ValueError("loc must be at least one-dimensional.")
    event_shape = loc.shape[-1:]
    if cov_factor.ndim < 2:
        raise ValueError("cov_factor must be at least two-dimensional, with optional leading "
                         "batch dimensions")
    if cov_factor.shape[-2:-1] != event_shape:
        raise ValueError("cov_factor must be a batch of matrices with shape "
                         f"{event_shape[0]} x m")
    if cov_diag.shape[-1:] != event_shape:
        raise ValueError(f"cov_diag must be a batch of vectors with shape {event_shape}")
