"""One trial: 1 for success, 0 for failure."""

from ..autograd import arange, bernoulli, no_grad, where
from ..nn.functional import binary_cross_entropy_with_logits
from . import constraints
from .binary import Binary
from .exp_family import ExponentialFamily
from .utils import along_first, broadcast_all

__all__ = ["Bernoulli"]


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
