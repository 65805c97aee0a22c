"""The Weibull distribution."""

from ..autograd import ones_like
from . import constraints
from .exponential import Exponential
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, PowerTransform
from .utils import broadcast_all, euler_constant

__all__ = ["Weibull"]


class Weibull(TransformedDistribution):
    """Lifetimes: scale times the power 1 / concentration of an exponentially distributed number.

    Args:
        scale: λ, a positive number or tensor.
        concentration: k, positive.
        validate_args: as for `Distribution`.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#weibull

    >>> import ember
    >>> ember.distributions.Weibull(2.0, 1.0).mean
    tensor(2.)
    """

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive
    _batched = ("scale", "concentration", "concentration_reciprocal")

    def __init__(self, scale, concentration, validate_args=None):
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        super().__init__(Exponential(ones_like(self.scale), validate_args=validate_args),
                         [PowerTransform(self.concentration_reciprocal),
                          AffineTransform(0, self.scale)],
                         validate_args=validate_args)

    def _log_moment(self, n):
        return (1 + n * self.concentration_reciprocal).lgamma()

    @property
    def mean(self):
        return self.scale * self._log_moment(1).exp()

    @property
    def mode(self):
        k = self.concentration
        return self.scale * ((k - 1) / k) ** k.reciprocal()

    @property
    def variance(self):
        return self.scale.square() * (self._log_moment(2).exp() - (2 * self._log_moment(1)).exp())

    def entropy(self):
        inverse = self.concentration_reciprocal
        return euler_constant * (1 - inverse) + (self.scale * inverse).log() + 1
