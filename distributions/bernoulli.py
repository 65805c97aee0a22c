"""Success or failure: the Bernoulli distribution, its continuous form, and the geometric one."""

import math

from ..autograd import arange, bernoulli, dtypes, no_grad, rand, where, zeros_like
from ..nn.functional import binary_cross_entropy_with_logits
from . import constraints
from .distribution import Distribution, ExponentialFamily
from .utils import (
    along_first,
    broadcast_all,
    clamp_probs,
    lazy_property,
    logits_to_probs,
    probs_to_logits,
)

__all__ = ["Bernoulli", "Binary", "ContinuousBernoulli", "Geometric", "given_one"]


def given_one(probs, logits):
    """Raise ValueError unless exactly one of them is given."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


class Binary(Distribution):
    """Base class of distributions with `probs` or `logits`; the other one is computed."""

    def _set_probability(self, probs, logits, *others):
        """Set the one that is given; return it and others, broadcast to one shape."""
        given_one(probs, logits)
        param, *others = broadcast_all(logits if probs is None else probs, *others)
        self._param = param
        self.__dict__["logits" if probs is None else "probs"] = param
        return [other.type_as(param) for other in others]

    @lazy_property
    def logits(self):
        """The log odds."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self):
        """The probability of success."""
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self):
        """The shape of the parameter that was given."""
        return self._param.shape


class Bernoulli(Binary, ExponentialFamily):
    """1 with a probability, else 0.

    Args:
        probs: the probability of 1, or
        logits: its log odds; a number or tensor.
        validate_args: as for `Distribution`.
    Raises:
        ValueError: unless exactly one of the two is given, and in range.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#bernoulli

    >>> import ember
    >>> m = ember.distributions.Bernoulli(ember.tensor([0.3]))
    >>> m.log_prob(ember.tensor([1.0])).exp()
    tensor([0.3000])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True
    _mean_carrier_measure = 0
    _batched = ("probs", "logits", "_param")

    def __init__(self, probs=None, logits=None, validate_args=None):
        self._set_probability(probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self):
        return self.probs

    @property
    def mode(self):
        mode = (self.probs >= 0.5).type_as(self.probs)
        return where(self.probs == 0.5, float("nan"), mode)

    @property
    def variance(self):
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape=()):
        with no_grad():
            return bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        self._check(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self):
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand=True):
        values = arange(2, dtype=self._param.dtype, device=self._param.device)
        return along_first(values, self._batch_shape, expand)

    @property
    def _natural_params(self):
        return (self.probs.logit(),)

    def _log_normalizer(self, x):
        return x.exp().log1p()


class ContinuousBernoulli(Binary, ExponentialFamily):
    """Numbers from 0 to 1 with density proportional to pˣ (1 − p)¹⁻ˣ.

    Args:
        probs: p, in (0, 1), or
        logits: its log odds; a number or tensor.
        lims: between these values of p Taylor series replace formulas that are 0 / 0 at 1/2.
        validate_args: as for `Distribution`.
    Raises:
        ValueError: unless exactly one of the two is given, and in range.
    Source: Loaiza-Ganem, Cunningham, The continuous Bernoulli, arXiv:1907.06845.

    >>> import ember
    >>> ember.distributions.ContinuousBernoulli(0.5).mean
    tensor(0.5000)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0
    _batched = ("probs", "logits", "_param")

    def __init__(self, probs=None, logits=None, lims=(0.499, 0.501), validate_args=None):
        self._set_probability(probs, logits)
        if probs is not None:
            checked = validate_args is not None
            if checked and not self.arg_constraints["probs"].check(self.probs).all():
                raise ValueError("The parameter probs has invalid values")
            self._param = self.probs = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(self._param.shape, validate_args=validate_args)

    @lazy_property
    def probs(self):
        """p, the probability of 1 of the Bernoulli distribution that this one extends."""
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def _by_region(self, formula, taylor):
        """formula(p), or taylor(p − 1/2) near 1/2, where the formula must not be taken."""
        p = self.probs
        outside = (p <= self._lims[0]) | (p > self._lims[1])
        return where(outside, formula(where(outside, p, self._lims[0])), taylor(p - 0.5))

    def _log_norm(self):
        """The logarithm of what the density is multiplied by."""
        def formula(p):
            return (((-p).log1p() - p.log()).abs().log() - (1 - 2 * p).abs().log())

        def taylor(x):
            return math.log(2) + (4 / 3 + 104 / 45 * x**2) * x**2

        return self._by_region(formula, taylor)

    @property
    def mean(self):
        return self._by_region(
            lambda p: p / (2 * p - 1) + 1 / ((-p).log1p() - p.log()),
            lambda x: 0.5 + (1 / 3 + 16 / 45 * x**2) * x)

    @property
    def variance(self):
        return self._by_region(
            lambda p: p * (p - 1) / (1 - 2 * p) ** 2 + 1 / ((-p).log1p() - p.log()) ** 2,
            lambda x: 1 / 12 - (1 / 15 - 128 / 945 * x**2) * x**2)

    def rsample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        return self.icdf(rand(shape, dtype=self.probs.dtype, device=self.probs.device))

    def log_prob(self, value):
        self._check(value)
        logits, value = broadcast_all(self.logits, value)
        return (self._log_norm()
                - binary_cross_entropy_with_logits(logits, value, reduction="none"))

    def cdf(self, value):
        self._check(value)
        inside = self._by_region(
            lambda p: (p**value * (1 - p) ** (1 - value) + p - 1) / (2 * p - 1),
            lambda x: value)
        return where(value <= 0, 0.0, where(value >= 1, 1.0, inside))

    def icdf(self, value):
        return self._by_region(
            lambda p: (((value * (2 * p - 1) - p).log1p() - (-p).log1p())
                       / (p.log() - (-p).log1p())),
            lambda x: value)

    def entropy(self):
        p0, p1 = (-self.probs).log1p(), self.probs.log()
        return self.mean * (p0 - p1) - self._log_norm() - p0

    @property
    def _natural_params(self):
        return (self.logits,)

    def _log_normalizer(self, x):
        outside = (x <= self._lims[0] - 0.5) | (x > self._lims[1] - 0.5)
        far = where(outside, x, self._lims[0] - 0.5)
        taylor = 0.5 * x + x**2 / 24 - x**4 / 2880
        return where(outside, far.expm1().abs().log() - far.abs().log(), taylor)


class Geometric(Binary):
    """The number of failures before the first success.

    Args:
        probs: the probability of success, or
        logits: its log odds; a number or tensor.
        validate_args: as for `Distribution`.
    Raises:
        ValueError: unless exactly one of the two is given, and in range; for probs 0.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#geometric

    >>> import ember
    >>> ember.distributions.Geometric(0.25).mean
    tensor(3.)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer
    _batched = ("probs", "logits", "_param")

    def __init__(self, probs=None, logits=None, validate_args=None):
        self._set_probability(probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)
        if self._validate_args and probs is not None and not (self.probs > 0).all():
            value = self.probs
            raise ValueError(
                f"Expected parameter probs ({type(value).__name__} of shape {tuple(value.shape)}) "
                f"of distribution {self!r} to be positive but found invalid values:\n"
                f"{value[~(value > 0)]}")

    @property
    def mean(self):
        return 1 / self.probs - 1

    @property
    def mode(self):
        return zeros_like(self.probs)

    @property
    def variance(self):
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        with no_grad():
            u = self.probs.new_empty(shape).uniform_(dtypes.finfo(self.probs.dtype).tiny, 1)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value):
        self._check(value)
        value, probs = broadcast_all(value, self.probs)
        failure = probs.masked_fill((probs == 1) & (value == 0), 0)  # 0 · ln 0 is 0
        return value * (-failure).log1p() + self.probs.log()

    def entropy(self):
        return (binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")
                / self.probs)
