"""Symmetric distributions with heavier tails than the normal one: Cauchy and Laplace."""

import math

from ..autograd import dtypes, full_like
from .normal import Half, LocScale

__all__ = ["Cauchy", "HalfCauchy", "Laplace"]


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


class HalfCauchy(Half):
    """The absolute value of a Cauchy distributed number of median 0.

    Args:
        scale: of that number, a number or tensor.
        validate_args: as for `Distribution`.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#halfcauchy

    >>> import ember
    >>> ember.distributions.HalfCauchy(1.0).icdf(ember.tensor(0.5))
    tensor(1.)
    """

    _batched = ()

    def __init__(self, scale, validate_args=None):
        super().__init__(Cauchy(0, scale, validate_args=False), validate_args)

    @property
    def mean(self):
        return full_like(self.scale, math.inf)

    @property
    def variance(self):
        return self.base_dist.variance


class Laplace(LocScale):
    """Exponentially distributed distances to either side of loc.

    Args:
        loc: the mean, a number or tensor.
        scale: the mean distance from it.
        validate_args: as for `Distribution`.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#laplace

    >>> import ember
    >>> ember.distributions.Laplace(0.0, 1.0).variance
    tensor(2.)
    """

    _batched = LocScale._batched

    @property
    def variance(self):
        return 2 * self.scale.square()

    @property
    def stddev(self):
        return 2**0.5 * self.scale

    def rsample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        u = self.loc.new_empty(shape).uniform_(dtypes.finfo(self.loc.dtype).eps - 1, 1)
        return self.loc - self.scale * u.sign() * (-u.abs()).log1p()

    def log_prob(self, value):
        self._check(value)
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def cdf(self, value):
        self._check(value)
        distance = value - self.loc
        return 0.5 - 0.5 * distance.sign() * (-distance.abs() / self.scale).expm1()

    def icdf(self, value):
        share = value - 0.5
        return self.loc - self.scale * share.sign() * (-2 * share.abs()).log1p()

    def entropy(self):
        return 1 + (2 * self.scale).log()
