"""The multivariate normal distribution, by its covariance or by one of low rank."""

import math

from ..autograd import broadcast_shapes, broadcast_tensors, eye
from ..autograd.ops.solving import cholesky, cholesky_inverse, solve_triangular
from . import constraints
from .distribution import Distribution
from .utils import lazy_property, standard_normal

__all__ = ["FromCovariance", "LowRankMultivariateNormal", "MultivariateNormal", "log_det",
           "mahalanobis", "matrix_vector"]


def matrix_vector(matrix, vector):
    """Return the products of batches of matrices and vectors."""
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def mahalanobis(tril, x):
    """Return |L⁻¹x|² for batches of lower triangular matrices L and vectors x."""
    if tril.ndim > 2:
        return solve_triangular(tril, x.unsqueeze(-1), upper=False).square().sum((-2, -1))
    columns = x.reshape(-1, x.shape[-1]).T  # one matrix solves for all vectors at once
    lengths = solve_triangular(tril, columns, upper=False).square().sum(0)
    return lengths.reshape(x.shape[:-1])


def log_det(tril):
    """Return ln det of batches of lower triangular matrices."""
    return tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def _precision_to_tril(precision):
    """The Cholesky factor of the inverse, from the factor of the matrix read backwards."""
    backwards = cholesky(precision.flip((-2, -1)))
    inverse = backwards.flip((-2, -1)).mT
    unit = eye(precision.shape[-1], dtype=precision.dtype, device=precision.device)
    return solve_triangular(inverse, unit.expand(inverse.shape), upper=False)


class FromCovariance(Distribution):
    """Base class of distributions with a covariance matrix, given in one of three ways."""

    _batched: tuple[str, ...] = ("covariance_matrix", "precision_matrix", "scale_tril")

    def _set_covariance(self, batch_shape, covariance_matrix, precision_matrix, scale_tril):
        """Keep the matrix that is given, expanded to a batch shape."""
        given = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix,
                 "scale_tril": scale_tril}
        for name, matrix in given.items():
            if matrix is not None:
                self.__dict__[name] = matrix.expand((*batch_shape, -1, -1))

    def _factor(self, covariance_matrix, precision_matrix, scale_tril):
        """Keep the Cholesky factor of the covariance, without the batch's expansion."""
        if covariance_matrix is not None:
            scale_tril = cholesky(covariance_matrix)
        elif precision_matrix is not None:
            scale_tril = _precision_to_tril(precision_matrix)
        self._tril = scale_tril

    def _matrices(self, matrix):
        size = self._event_shape[-1]
        return matrix.expand((*self._batch_shape, size, size))

    @lazy_property
    def scale_tril(self):
        """The lower Cholesky factor of the covariance matrix."""
        return self._matrices(self._tril)

    @lazy_property
    def covariance_matrix(self):
        """The covariance matrix."""
        return self._matrices(self._tril @ self._tril.mT)

    @lazy_property
    def precision_matrix(self):
        """The inverse of the covariance matrix."""
        return self._matrices(cholesky_inverse(self._tril))


class MultivariateNormal(FromCovariance):
    """Vectors whose elements are normally distributed together.

    Args:
        loc: the mean, of shape (..., n).
        covariance_matrix: of shape (..., n, n), or
        precision_matrix: its inverse, or
        scale_tril: its lower Cholesky factor, which is what the others are turned into.
        validate_args: as for `Distribution`.
    Raises:
        ValueError: unless exactly one of the three is given, positive definite; for too few
            dimensions.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#multivariatenormal

    >>> import ember
    >>> m = ember.distributions.MultivariateNormal(ember.zeros(2), ember.eye(2))
    >>> m.log_prob(ember.zeros(2))
    tensor(-1.8379)
    """

    arg_constraints = {"loc": constraints.real_vector,
                       "covariance_matrix": constraints.positive_definite,
                       "precision_matrix": constraints.positive_definite,
                       "scale_tril": constraints.lower_cholesky}
    support = constraints.real_vector
    has_rsample = True
    _batched = ("loc", *FromCovariance._batched)

    def __init__(self, loc, covariance_matrix=None, precision_matrix=None, scale_tril=None,
                 validate_args=None):
        if loc.ndim < 1:
            raise ValueError("loc must be at least one-dimensional.")
        matrices = covariance_matrix, precision_matrix, scale_tril
        matrix = only_one(*matrices, ValueError)
        if matrix.ndim < 2:
            name = next(name for name, value in zip(self._batched[1:], matrices)
                        if value is not None)
            name += " matrix" if name == "scale_tril" else ""
            raise ValueError(f"{name} must be at least two-dimensional, with optional leading "
                             "batch dimensions")
        batch_shape = broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        self._set_covariance(batch_shape, *matrices)
        self.loc = loc.expand((*batch_shape, -1))
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args=validate_args)
        self._factor(*matrices)

    @property
    def mean(self):
        return self.loc

    @property
    def mode(self):
        return self.loc

    @property
    def variance(self):
        return self._tril.square().sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape=()):
        noise = standard_normal(self._extended_shape(sample_shape), self.loc)
        return self.loc + matrix_vector(self._tril, noise)

    def log_prob(self, value):
        self._check(value)
        distance = mahalanobis(self._tril, value - self.loc)
        size = self._event_shape[0] * math.log(2 * math.pi)
        return -0.5 * (size + distance) - log_det(self._tril)

    def entropy(self):
        size = self._event_shape[0] * (1 + math.log(2 * math.pi))
        return (0.5 * size + log_det(self._tril)).expand(self._batch_shape)


def only_one(covariance_matrix, precision_matrix, scale_tril, error):
    """Return the matrix that is given; raise an error unless it is exactly one."""
    given = [m for m in (covariance_matrix, precision_matrix, scale_tril) if m is not None]
    if len(given) != 1:
        raise error("Exactly one of covariance_matrix or precision_matrix or scale_tril may be "
                    "specified.")
    return given[0]


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
