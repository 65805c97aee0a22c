"""The generalized Pareto distribution."""

import math

from ..autograd import broadcast_to, rand, where
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """Excesses over a threshold, which exceed z scales with (1 + ξz) ** (−1/ξ).

    Args:
        loc: the threshold, a number or tensor.
        scale: positive.
        concentration: ξ; 0 gives the exponential distribution, below 0 there is a largest value.
        validate_args: as for `Distribution`.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#generalizedpareto

    >>> import ember
    >>> ember.distributions.GeneralizedPareto(0.0, 1.0, 0.5).mean
    tensor(2.)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive,
                       "concentration": constraints.real}
    has_rsample = True
    _batched = ("loc", "scale", "concentration")

    def __init__(self, loc, scale, concentration, validate_args=None):
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self):
        end = self.loc - self.scale / self.concentration
        return constraints.interval(self.loc, where(self.concentration < 0, end, math.inf))

    def _where_zero(self, exponential, power):
        """`exponential` where ξ is 0, else `power(ξ)`."""
        zero = self.concentration.isclose(self.concentration.new_zeros(()))
        return where(zero, exponential, power(where(zero, 1.0, self.concentration)))

    def rsample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        return self.icdf(rand(shape, dtype=self.loc.dtype, device=self.loc.device))

    def log_prob(self, value):
        self._check(value)
        z = (value - self.loc) / self.scale

        def power(xi):
            factor = 1 / xi + 1
            return where(factor == 0, 0.0, factor * (xi * z).log1p())

        return -self.scale.log() - self._where_zero(z, power)

    def log_survival_function(self, value):
        """Return the logarithm of the probability of values above this one."""
        self._check(value)
        z = (value - self.loc) / self.scale
        return self._where_zero(-z, lambda xi: -(xi * z).log1p() / xi)

    def log_cdf(self, value):
        """Return the logarithm of `cdf`."""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value):
        return self.log_cdf(value).exp()

    def icdf(self, value):
        rest = (-value).log1p()
        z = self._where_zero(-rest, lambda xi: (-xi * rest).expm1() / xi)
        return self.loc + self.scale * z

    def _moment(self, formula, limit):
        finite = self.concentration < limit
        result = formula(where(finite, self.concentration, limit / 2))
        return where(finite, result, math.nan)

    @property
    def mean(self):
        return self._moment(lambda xi: self.loc + self.scale / (1 - xi), 1.0)

    @property
    def mode(self):
        return self.loc

    @property
    def variance(self):
        return self._moment(lambda xi: self.scale**2 / ((1 - xi) ** 2 * (1 - 2 * xi)), 0.5)

    def entropy(self):
        return broadcast_to(self.scale.log() + self.concentration + 1, self._batch_shape)
