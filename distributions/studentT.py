"""Student's t-distribution."""

import math

from ..autograd import where
from . import constraints
from .chi2 import Chi2
from .distribution import Distribution
from .utils import broadcast_all, standard_normal

__all__ = ["StudentT"]


class StudentT(Distribution):
    """A normal number over the root of a chi-squared one per degree of freedom.

    Args:
        df: degrees of freedom, a positive number or tensor.
        loc, scale: what it is multiplied by and shifted.
        validate_args: as for `Distribution`.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#studentt

    >>> import ember
    >>> ember.distributions.StudentT(4.0).variance
    tensor(2.)
    """

    arg_constraints = {"df": constraints.positive, "loc": constraints.real,
                       "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _batched = ("df", "loc", "scale", "_chi2")

    def __init__(self, df, loc=0.0, scale=1.0, validate_args=None):
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df)
        super().__init__(self.df.shape, validate_args=validate_args)

    @property
    def mean(self):
        return self.loc.masked_fill(self.df <= 1, math.nan)

    @property
    def mode(self):
        return self.loc

    @property
    def variance(self):
        finite = self.scale.square() * self.df / (self.df - 2)
        return where(self.df > 2, finite, where(self.df > 1, math.inf, math.nan))

    def rsample(self, sample_shape=()):
        noise = standard_normal(self._extended_shape(sample_shape), self.df)
        spread = self._chi2.rsample(sample_shape) / self.df
        return self.loc + self.scale * noise * spread.rsqrt()

    def _log_beta(self):
        return (0.5 * self.df).lgamma() + math.lgamma(0.5) - (0.5 * (self.df + 1)).lgamma()

    def log_prob(self, value):
        self._check(value)
        y = (value - self.loc) / self.scale
        return (-0.5 * (self.df + 1) * (y.square() / self.df).log1p() - self.scale.log()
                - 0.5 * self.df.log() - self._log_beta())

    def entropy(self):
        half = 0.5 * (self.df + 1)
        return (self.scale.log() + half * (half.digamma() - (0.5 * self.df).digamma())
                + 0.5 * self.df.log() + self._log_beta())
