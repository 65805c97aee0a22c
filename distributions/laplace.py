"""The Laplace distribution."""

from ..autograd import dtypes
from .loc_scale import LocScale

__all__ = ["Laplace"]


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
