"""Distributions of matrices: Wishart of covariances, LKJ of correlations."""

import math
import numbers
import warnings

from ..autograd import (
    arange,
    broadcast_shapes,
    cat,
    diag_embed,
    dtypes,
    mvlgamma,
    no_grad,
    randn,
    where,
    zeros,
)
from ..autograd.from_data import tensor
from ..autograd.ops.decomposition import slogdet
from ..autograd.ops.solving import cholesky_solve
from . import constraints
from .beta import Beta
from .distribution import Distribution, ExponentialFamily
from .gamma import Chi2
from .multivariate_normal import FromCovariance, log_det, only_one
from .utils import broadcast_all, lazy_property, vec_to_tril_matrix

__all__ = ["LKJCholesky", "Wishart"]


class Wishart(FromCovariance, ExponentialFamily):
    """Sums of df products x·xᵀ of normal vectors x.

    The samples of a seed are not PyTorch's, which draws valid ones again.

    Args:
        df: the degrees of freedom, a number or tensor above n − 1.
        covariance_matrix, precision_matrix, scale_tril: of x; one of them, of shape (..., n, n).
        validate_args: as for `Distribution`.
    Raises:
        AssertionError: unless exactly one of the three is given.
        ValueError: when it is not positive definite, or df too small.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#wishart

    >>> import ember
    >>> ember.distributions.Wishart(3.0, covariance_matrix=ember.eye(2)).mean
    tensor([[3., 0.],
            [0., 3.]])
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0
    _batched = ("df", *FromCovariance._batched)

    def __init__(self, df, covariance_matrix=None, precision_matrix=None, scale_tril=None,
                 validate_args=None):
        matrices = covariance_matrix, precision_matrix, scale_tril
        param = only_one(*matrices, AssertionError)
        if param.ndim < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading "
                             "batch dimensions")
        if isinstance(df, numbers.Number):
            batch_shape = param.shape[:-2]
            self.df = tensor(df, dtype=param.dtype, device=param.device).expand(batch_shape)
        else:
            batch_shape = broadcast_shapes(param.shape[:-2], df.shape)
            self.df = df.expand(batch_shape)
        n = param.shape[-1]
        if (self.df <= n - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {n - 1}.")
        self._set_covariance(batch_shape, *matrices)
        if (self.df < n).any():
            warnings.warn("Low df values detected. Singular samples are highly likely to occur for "
                          "ndim - 1 < df < ndim.", stacklevel=2)
        super().__init__(batch_shape, param.shape[-2:], validate_args=validate_args)
        self._factor(*matrices)

    @property
    def arg_constraints(self):
        return {"covariance_matrix": constraints.positive_definite,
                "precision_matrix": constraints.positive_definite,
                "scale_tril": constraints.lower_cholesky,
                "df": constraints.greater_than(self._event_shape[-1] - 1)}

    @property
    def mean(self):
        return self.df[..., None, None] * self.covariance_matrix

    @property
    def mode(self):
        factor = self.df - self._event_shape[-1] - 1
        factor = where(factor > 0, factor, math.nan)
        return factor[..., None, None] * self.covariance_matrix

    @property
    def variance(self):
        diagonal = self.covariance_matrix.diagonal(dim1=-2, dim2=-1)
        products = diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2)
        return self.df[..., None, None] * (self.covariance_matrix.square() + products)

    @lazy_property
    def _chi2(self):
        n = self._event_shape[-1]
        steps = arange(n, dtype=self.df.dtype, device=self.df.device)
        return Chi2(self.df.unsqueeze(-1) - steps)

    def _bartlett(self, sample_shape):
        """Samples by Bartlett's decomposition: the Cholesky factor's elements are independent."""
        n = self._event_shape[-1]
        lengths = self._chi2.rsample(sample_shape).sqrt()
        diagonal = lengths.clamp(min=dtypes.finfo(lengths.dtype).eps).diag_embed()
        shape = (*sample_shape, *self._batch_shape, n * (n - 1) // 2)
        below = vec_to_tril_matrix(randn(shape, dtype=lengths.dtype, device=lengths.device), -1)
        factor = self._tril @ (diagonal + below)
        return factor @ factor.mT

    def rsample(self, sample_shape=(), max_try_correction=10):
        """Return samples with gradients.

        Args:
            sample_shape: as for `Distribution`.
            max_try_correction: how often samples that came out singular are drawn again.
        """
        sample = self._bartlett(sample_shape)
        for attempt in range(max_try_correction + 1):
            singular = ~self.support.check(sample)
            if attempt == max_try_correction or not singular.any():
                return sample
            if attempt == 0:
                warnings.warn("Singular sample detected.", stacklevel=2)
            sample = where(singular[..., None, None], self._bartlett(sample_shape), sample)

    def log_prob(self, value):
        self._check(value)
        df, n = self.df, self._event_shape[-1]
        trace = cholesky_solve(value, self._tril).diagonal(dim1=-2, dim2=-1).sum(-1)
        return ((df - n - 1) / 2 * slogdet(value).logabsdet - trace / 2
                - df * (n * math.log(2) / 2 + log_det(self._tril)) - mvlgamma(df / 2, n))

    def entropy(self):
        df, n = self.df, self._event_shape[-1]
        steps = arange(n, dtype=df.dtype, device=df.device) / 2
        digammas = ((df / 2).unsqueeze(-1) - steps).digamma().sum(-1)
        return ((n + 1) * (n * math.log(2) / 2 + log_det(self._tril)) + mvlgamma(df / 2, n)
                - (df - n - 1) / 2 * digammas + df * n / 2)

    @property
    def _natural_params(self):
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x, y):
        n = self._event_shape[-1]
        half = y + (n + 1) / 2
        return half * (n * math.log(2) - slogdet(-2 * x).logabsdet) + mvlgamma(half, n)


class LKJCholesky(Distribution):
    """Lower Cholesky factors of correlation matrices M, with density det(M) ** (concentration − 1).

    Args:
        dim: the size of the matrices, from 2.
        concentration: positive; 1 makes all correlation matrices equally likely.
        validate_args: as for `Distribution`.
    Raises:
        ValueError: for dim below 2, or a concentration that is not positive.
    Source: Lewandowski, Kurowicka, Joe, Generating random correlation matrices, 2009 (onion
    method).

    >>> import ember
    >>> factor = ember.distributions.LKJCholesky(3, 0.5).sample()
    >>> (factor @ factor.T).diagonal().round(decimals=3)
    tensor([1., 1., 1.])
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    _batched = ("concentration", "_beta")

    def __init__(self, dim, concentration=1.0, validate_args=None):
        if dim < 2:
            raise ValueError("Expected dim to be an integer greater than or equal to 2. Found "
                             f"dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        # The squared length of each row below the diagonal.
        kind = {"dtype": self.concentration.dtype, "device": self.concentration.device}
        offset = cat([zeros(1, **kind), arange(dim - 1, **kind)])
        marginal = (self.concentration + 0.5 * (dim - 2)).unsqueeze(-1)
        self._beta = Beta(offset + 0.5, marginal - 0.5 * offset)
        super().__init__(self.concentration.shape, (dim, dim), validate_args)

    def sample(self, sample_shape=()):
        with no_grad():
            square = self._beta.sample(sample_shape).unsqueeze(-1)
            noise = randn(self._extended_shape(sample_shape), dtype=square.dtype,
                          device=square.device).tril(-1)
            length = noise.norm(dim=-1, keepdim=True)
            rows = square.sqrt() * noise / length.masked_fill(length == 0, 1)  # the first is zero
            rest = (1 - rows.square().sum(-1)).clamp(min=dtypes.finfo(rows.dtype).tiny)
            return rows + diag_embed(rest.sqrt())

    def log_prob(self, value):
        self._check(value)
        eta, n = self.concentration, self.dim
        order = arange(n - 2, -1, -1, device=eta.device) + 2 * (eta - 1).unsqueeze(-1)
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        alpha = eta + 0.5 * (n - 1)
        norm = (0.5 * (n - 1) * math.log(math.pi) + mvlgamma(alpha - 0.5, n - 1)
                - alpha.lgamma() * (n - 1))
        return (order * diagonal.log()).sum(-1) - norm
