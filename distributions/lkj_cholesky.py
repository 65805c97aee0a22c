"""The LKJ distribution of correlation matrices."""

import math

from ..autograd import arange, cat, diag_embed, dtypes, mvlgamma, no_grad, randn, zeros
from . import constraints
from .beta import Beta
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["LKJCholesky"]


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
