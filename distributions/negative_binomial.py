"""The number of successes before a number of failures."""

from ..autograd import no_grad, poisson
from ..nn.functional import logsigmoid
from . import constraints
from .binary import Binary
from .gamma import Gamma
from .utils import lazy_property

__all__ = ["NegativeBinomial"]


class NegativeBinomial(Binary):
    """The number of successes before total_count failures.

    Args:
        total_count: the number of failures, a number or tensor, not negative.
        probs: the probability of success, below 1, or
        logits: its log odds.
        validate_args: as for `Distribution`.
    Raises:
        ValueError: unless exactly one of the two is given, and in range.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#negativebinomial

    >>> import ember
    >>> ember.distributions.NegativeBinomial(3, ember.tensor(0.5)).mean
    tensor(3.)
    """

    arg_constraints = {"total_count": constraints.greater_than_eq(0),
                       "probs": constraints.half_open_interval(0.0, 1.0),
                       "logits": constraints.real}
    support = constraints.nonnegative_integer
    _batched = ("total_count", "probs", "logits", "_param")

    def __init__(self, total_count, probs=None, logits=None, validate_args=None):
        (self.total_count,) = self._set_probability(probs, logits, total_count)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self):
        return self.total_count * self.logits.exp()

    @property
    def mode(self):
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0)

    @property
    def variance(self):
        return self.mean / (-self.logits).sigmoid()

    @lazy_property
    def _gamma(self):
        return Gamma(self.total_count, (-self.logits).exp(), validate_args=False)

    def sample(self, sample_shape=()):
        with no_grad():
            return poisson(self._gamma.sample(sample_shape))

    def log_prob(self, value):
        self._check(value)
        n = self.total_count
        choices = (n + value).lgamma() - (1 + value).lgamma() - n.lgamma()
        choices = choices.masked_fill(n + value == 0, 0)
        return n * logsigmoid(-self.logits) + value * logsigmoid(self.logits) + choices
