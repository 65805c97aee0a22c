"""The continuous Bernoulli distribution on [0, 1]."""

import math

from ..autograd import rand, where
from ..nn.functional import binary_cross_entropy_with_logits
from . import constraints
from .binary import Binary
from .exp_family import ExponentialFamily
from .utils import broadcast_all, clamp_probs, lazy_property, logits_to_probs

__all__ = ["ContinuousBernoulli"]


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
