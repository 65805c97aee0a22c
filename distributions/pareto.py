"""Heavy tails and extreme values: Pareto, Gumbel and Weibull distributions."""

import math

from ..autograd import broadcast_to, dtypes, full_like, ones_like, rand, where
from . import constraints
from .distribution import Distribution
from .gamma import Exponential
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, ExpTransform, PowerTransform
from .uniform import Uniform
from .utils import broadcast_all, euler_constant

__all__ = ["GeneralizedPareto", "Gumbel", "Pareto", "Weibull"]


class Pareto(TransformedDistribution):
    """Numbers from scale on, which exceed x with the probability (scale / x) ** alpha.

    Args:
        scale: the least value, a positive number or tensor.
        alpha: positive; the mean is finite above 1, the variance above 2.
        validate_args: as for `Distribution`.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#pareto

    >>> import ember
    >>> ember.distributions.Pareto(1.0, 3.0).mean
    tensor(1.5000)
    """

    arg_constraints = {"alpha": constraints.positive, "scale": constraints.positive}
    _batched = ("scale", "alpha")

    def __init__(self, scale, alpha, validate_args=None):
        self.scale, self.alpha = broadcast_all(scale, alpha)
        super().__init__(Exponential(self.alpha, validate_args=validate_args),
                         [ExpTransform(), AffineTransform(0, self.scale)],
                         validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self):
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self):
        alpha = self.alpha.clamp(min=1)
        return alpha * self.scale / (alpha - 1)

    @property
    def mode(self):
        return self.scale

    @property
    def variance(self):
        alpha = self.alpha.clamp(min=2)
        return self.scale.square() * alpha / ((alpha - 1).square() * (alpha - 2))

    def entropy(self):
        return (self.scale / self.alpha).log() + (1 + self.alpha.reciprocal())


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


class Gumbel(TransformedDistribution):
    """Largest values of many: loc − scale · ln(−ln u) of a uniform number u.

    Args:
        loc: the mode, a number or tensor.
        scale: positive.
        validate_args: as for `Distribution`.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#gumbel

    >>> import ember
    >>> ember.distributions.Gumbel(0.0, 1.0).mean
    tensor(0.5772)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    _batched = ("loc", "scale")

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = broadcast_all(loc, scale)
        finfo = dtypes.finfo(self.loc.dtype)
        base = Uniform(full_like(self.loc, finfo.tiny), full_like(self.loc, 1 - finfo.eps),
                       validate_args=validate_args)
        transforms = [ExpTransform().inv, AffineTransform(0, -ones_like(self.scale)),
                      ExpTransform().inv, AffineTransform(loc, -self.scale)]
        super().__init__(base, transforms, validate_args=validate_args)

    def log_prob(self, value):
        self._check(value)
        y = (self.loc - value) / self.scale
        return y - y.exp() - self.scale.log()

    @property
    def mean(self):
        return self.loc + self.scale * euler_constant

    @property
    def mode(self):
        return self.loc

    @property
    def stddev(self):
        return math.pi / math.sqrt(6) * self.scale

    @property
    def variance(self):
        return self.stddev.square()

    def entropy(self):
        return self.scale.log() + (1 + euler_constant)


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
