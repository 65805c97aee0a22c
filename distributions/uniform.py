"""The uniform distribution on an interval, and the von Mises distribution of angles."""

import math

from ..autograd import dtypes, empty, no_grad, rand, where
from ..autograd.op import RECORDS
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all, lazy_property

__all__ = ["Uniform", "VonMises"]


class Uniform(Distribution):
    """Every number in [low, high) is as likely as any other.

    Args:
        low, high: the ends, numbers or tensors.
        validate_args: as for `Distribution`.
    Raises:
        ValueError: unless low < high.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#uniform

    >>> import ember
    >>> m = ember.distributions.Uniform(0.0, 4.0)
    >>> m.cdf(ember.tensor(1.0)), m.entropy()
    (tensor(0.2500), tensor(1.3863))
    """

    has_rsample = True
    _batched = ("low", "high")

    def __init__(self, low, high, validate_args=None):
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)

    @property
    def arg_constraints(self):
        return {"low": constraints.less_than(self.high), "high": constraints.greater_than(self.low)}

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self):
        return constraints.interval(self.low, self.high)

    @property
    def mean(self):
        return (self.high + self.low) / 2

    @property
    def mode(self):
        return float("nan") * self.high

    @property
    def stddev(self):
        return (self.high - self.low) / 12**0.5

    @property
    def variance(self):
        return (self.high - self.low).square() / 12

    def rsample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        share = rand(shape, dtype=self.low.dtype, device=self.low.device)
        return self.low + share * (self.high - self.low)

    def log_prob(self, value):
        self._check(value)
        inside = (self.low <= value) & (value < self.high)
        return inside.type_as(self.low).log() - (self.high - self.low).log()

    def cdf(self, value):
        self._check(value)
        return ((value - self.low) / (self.high - self.low)).clamp(min=0, max=1)

    def icdf(self, value):
        return value * (self.high - self.low) + self.low

    def entropy(self):
        return (self.high - self.low).log()


i0e, i1e = RECORDS["i0e"].call, RECORDS["i1e"].call


class VonMises(Distribution):
    """Angles in radians, normally distributed around a circle.

    Args:
        loc: the mean angle, a number or tensor.
        concentration: 1 / the variance, about; positive.
        validate_args: as for `Distribution`.
    Raises:
        ImportError: from what needs Bessel functions, when SciPy is not installed.
    Source: Best, Fisher, Efficient simulation of the von Mises distribution, 1979.

    >>> import ember
    >>> m = ember.distributions.VonMises(0.0, 4.0)
    >>> m.log_prob(ember.tensor(0.0)).exp()
    tensor(0.7689)
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False
    _batched = ("loc", "concentration")

    def __init__(self, loc, concentration, validate_args=None):
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self):
        return self.loc

    @property
    def mode(self):
        return self.loc

    @lazy_property
    def variance(self):
        """The circular variance, 1 − I₁(κ) / I₀(κ)."""
        return 1 - i1e(self.concentration) / i0e(self.concentration)

    def log_prob(self, value):
        self._check(value)
        kappa = self.concentration
        # i0e is I₀(κ)·exp(−κ)
        return kappa * ((value - self.loc).cos() - 1) - math.log(2 * math.pi) - i0e(kappa).log()

    def sample(self, sample_shape=()):
        with no_grad():
            return self._accepted(self._extended_shape(sample_shape)).to(self.loc.dtype)

    def _accepted(self, shape):
        """Samples in double precision, by rejection of wrapped Cauchy ones."""
        loc, kappa = self.loc.double(), self.concentration.double()
        tau = 1 + (1 + 4 * kappa**2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
        r = where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho**2) / (2 * rho))
        angle = empty(shape, dtype=dtypes.float64, device=loc.device).fill_(math.nan)
        while angle.isnan().any():
            u1, u2, u3 = rand((3, *shape), dtype=dtypes.float64, device=loc.device).unbind()
            z = (math.pi * u1).cos()
            f = (1 + r * z) / (r + z)
            c = kappa * (r - f)
            accepted = (c * (2 - c) > u2) | ((c / u2).log() + 1 >= c)
            angle = where(accepted, (u3 - 0.5).sign() * f.acos(), angle)
        return (angle + math.pi + loc) % (2 * math.pi) - math.pi
