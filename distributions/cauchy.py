"""The Cauchy distribution."""

import math

from ..autograd import full_like
from .loc_scale import LocScale

__all__ = ["Cauchy"]


class Cauchy(LocScale):
    """Ratios of two normal numbers; it has no mean.

    Args:
        loc: the median, a number or tensor.
        scale: half the width at half the maximum.
        validate_args: as for `Distribution`.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#cauchy

    >>> import ember
    >>> ember.distributions.Cauchy(0.0, 1.0).cdf(ember.tensor(1.0))
    tensor(0.7500)
    """

    _batched = LocScale._batched

    @property
    def mean(self):
        return full_like(self.loc, math.nan)

    @property
    def variance(self):
        return full_like(self.loc, math.inf)

    def rsample(self, sample_shape=()):
        noise = self.loc.new_empty(self._extended_shape(sample_shape)).cauchy_()
        return self.loc + noise * self.scale

    def log_prob(self, value):
        self._check(value)
        distance = (value - self.loc) / self.scale
        return -math.log(math.pi) - self.scale.log() - distance.square().log1p()

    def cdf(self, value):
        self._check(value)
        return ((value - self.loc) / self.scale).atan() / math.pi + 0.5

    def icdf(self, value):
        return (math.pi * (value - 0.5)).tan() * self.scale + self.loc

    def entropy(self):
        return math.log(4 * math.pi) + self.scale.log()
