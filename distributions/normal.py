"""The normal distribution."""

import math

from ..autograd import no_grad, normal
from .exp_family import ExponentialFamily
from .loc_scale import LocScale
from .utils import standard_normal

__all__ = ["Normal"]


class Normal(LocScale, ExponentialFamily):
    """The normal (Gaussian) distribution.

    Args:
        loc: the mean, a number or tensor.
        scale: the standard deviation.
        validate_args: as for `Distribution`.
    Raises:
        ValueError: for a scale that is not positive.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#normal

    >>> import ember
    >>> m = ember.distributions.Normal(ember.tensor([0.0]), ember.tensor([2.0]))
    >>> m
    Normal(loc: tensor([0.]), scale: tensor([2.]))
    >>> _ = ember.manual_seed(42)
    >>> m.sample((3,)).squeeze()
    tensor([0.6734, 0.2576, 0.4689])
    """

    _mean_carrier_measure = 0
    _batched = LocScale._batched

    @property
    def stddev(self):
        return self.scale

    @property
    def variance(self):
        return self.scale.square()

    def sample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return normal(self.loc.expand(shape), self.scale.expand(shape))

    def rsample(self, sample_shape=()):
        noise = standard_normal(self._extended_shape(sample_shape), self.loc)
        return self.loc + noise * self.scale

    def log_prob(self, value):
        self._check(value)
        return (-((value - self.loc) ** 2) / (2 * self.scale**2) - self.scale.log()
                - 0.5 * math.log(2 * math.pi))

    def cdf(self, value):
        self._check(value)
        return 0.5 * (1 + ((value - self.loc) / self.scale / math.sqrt(2)).erf())

    def icdf(self, value):
        return self.loc + self.scale * (2 * value - 1).erfinv() * math.sqrt(2)

    def entropy(self):
        return 0.5 + 0.5 * math.log(2 * math.pi) + self.scale.log()

    @property
    def _natural_params(self):
        return self.loc / self.scale.square(), -0.5 / self.scale.square()

    def _log_normalizer(self, x, y):
        return -0.25 * x.square() / y + 0.5 * (-math.pi / y).log()
