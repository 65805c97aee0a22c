"""The number of successes in several trials."""

from ..autograd import arange, binomial, no_grad
from . import constraints
from .binary import Binary
from .utils import along_first

__all__ = ["Binomial"]


class Binomial(Binary):
    """The number of successes in total_count trials.

    Args:
        total_count: the number of trials, a number or tensor.
        probs: the probability of success, or
        logits: its log odds.
        validate_args: as for `Distribution`.
    Raises:
        ValueError: unless exactly one of the two is given, and in range.
        NotImplementedError: from `entropy` and `enumerate_support` for several counts of trials.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#binomial

    >>> import ember
    >>> m = ember.distributions.Binomial(4, ember.tensor(0.5))
    >>> m.log_prob(ember.tensor(2.0)).exp()
    tensor(0.3750)
    """

    arg_constraints = {"total_count": constraints.nonnegative_integer,
                       "probs": constraints.unit_interval, "logits": constraints.real}
    has_enumerate_support = True
    _batched = ("total_count", "probs", "logits", "_param")

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        (self.total_count,) = self._set_probability(probs, logits, total_count)
        super().__init__(self._param.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self):
        return self.total_count * self.probs

    @property
    def mode(self):
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self):
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value):
        self._check(value)
        n, logits = self.total_count, self.logits
        choices = (n + 1).lgamma() - (value + 1).lgamma() - (n - value + 1).lgamma()
        # ln(1 + exp(logits)), with the gradient 1/2 of its linear part at 0
        positive = (logits.clamp(min=0) + logits - logits.clamp(max=0)) / 2
        return choices + value * logits - n * (positive + (-logits.abs()).exp().log1p())

    def entropy(self):
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand=True):
        count = int(self.total_count.max())
        if self.total_count.min() != count:
            raise NotImplementedError(
                "Inhomogeneous total count not supported by `enumerate_support`.")
        values = arange(1 + count, dtype=self._param.dtype, device=self._param.device)
        return along_first(values, self._batch_shape, expand)
