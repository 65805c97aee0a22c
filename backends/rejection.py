"""Samples that take as many random numbers as they happen to need: PyTorch's, one by one.

The order in which each sampler asks for numbers is PyTorch's, so that the samples are.
"""

import itertools
import math

__all__ = ["Draws", "binomial_count", "gamma_value", "poisson_count"]

# PyTorch writes it in single precision; the samples depend on it.
_SQUEEZE = 0.03310000151395798

# ln k! − [ln √(2π) + (k + ½) ln(k + 1) − (k + 1)] for k below 10.
_TAILS = [math.lgamma(k + 1) - (0.5 * math.log(2 * math.pi) + (k + 0.5) * math.log(k + 1) - k - 1)
          for k in range(10)]


class Draws:
    """Random numbers one at a time.

    Args:
        uniforms: an endless iterator of uniforms.
        spare: the second half of the last pair of normals, or None.
    Attributes:
        used: how many uniforms were taken.
    """

    def __init__(self, uniforms, spare):
        self._next = uniforms.__next__
        self.used = 0
        self.spare = spare

    def uniform(self):
        """Return a number in [0, 1)."""
        self.used += 1
        return self._next()

    def normal(self):
        """Return a standard normal number (Box-Muller: they come in pairs)."""
        if self.spare is not None:
            value, self.spare = self.spare, None
            return value
        angle = 2.0 * math.pi * self.uniform()
        radius = math.sqrt(-2.0 * math.log1p(-self.uniform()))
        self.spare = radius * math.sin(angle)
        return radius * math.cos(angle)


def poisson_count(rate, draws):
    """Return a Poisson distributed count.

    By multiplication, or for large rates by Hörmann's transformed rejection (PTRS, 1993).
    """
    if rate == 0:
        return 0
    if rate < 10:
        limit, product = math.exp(-rate), 1.0
        for count in itertools.count():
            product *= draws.uniform()
            if product <= limit:
                return count
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    while True:
        u = draws.uniform() - 0.5
        v = draws.uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= 0.9277 - 3.6224 / (b - 2):
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        if (math.log(v) + math.log(inverse_alpha) - math.log(a / (us * us) + b)
                <= -rate + k * math.log(rate) - math.lgamma(k + 1)):
            return k


def gamma_value(d, exponent, draws):
    """Return a gamma distributed number of shape d + 1/3 and rate 1 (Marsaglia and Tsang, 2000).

    Args:
        exponent: 0, or 1/a for the shape a = d − 2/3 < 1: fewer are rejected above 1.
    """
    scale = (1 - draws.uniform()) ** exponent if exponent else 1.0
    c = 1 / math.sqrt(9 * d)
    while True:
        x = draws.normal()
        root = 1 + c * x
        if root <= 0:
            continue
        v = root * root * root
        u = 1 - draws.uniform()
        square = x * x
        if u < 1 - _SQUEEZE * square * square:
            return scale * d * v
        if math.log(u) < 0.5 * square + d * (1 - v + math.log(v)):
            return scale * d * v


def binomial_count(trials, probability, draws):
    """Return a binomially distributed count; NaN for a probability that is NaN.

    By waiting times, or for large means by Hörmann's transformed rejection (BTRS, 1993).
    """
    if trials <= 0 or probability <= 0:
        return 0.0
    if probability >= 1:
        return trials
    if not probability <= 0.5:
        if math.isnan(probability):
            return math.nan
        return trials - binomial_count(trials, 1 - probability, draws)
    if trials * probability >= 10:
        return _binomial_by_rejection(trials, probability, draws)
    log_failure = math.log1p(-probability)
    trial = count = 0.0
    while True:
        u = draws.uniform()
        trial += math.ceil(math.log(u) / log_failure) if u else math.inf
        if trial > trials:
            return count
        count += 1


def _binomial_by_rejection(n, p, draws):
    deviation = math.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    alpha = (2.83 + 5.1 / b) * deviation
    odds = p / (1 - p)
    mode = math.floor((n + 1) * p)
    while True:
        u = draws.uniform() - 0.5
        v = draws.uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + n * p + 0.5)
        if us >= 0.07 and v <= 0.92 - 4.2 / b:
            return k
        if k < 0 or k > n:
            continue
        v = math.log(v * alpha / (a / (us * us) + b))
        bound = ((mode + 0.5) * math.log((mode + 1) / (odds * (n - mode + 1)))
                 + (n + 1) * math.log((n - mode + 1) / (n - k + 1))
                 + (k + 0.5) * math.log(odds * (n - k + 1) / (k + 1))
                 + _stirling_tail(mode) + _stirling_tail(n - mode)
                 - _stirling_tail(k) - _stirling_tail(n - k))
        if v <= bound:
            return k


def _stirling_tail(k):
    """What Stirling's formula lacks of ln k!."""
    if k < len(_TAILS):
        return _TAILS[int(k)]
    square = (k + 1) ** 2
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)
