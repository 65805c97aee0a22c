"""The relaxed one-hot categorical (concrete, Gumbel-softmax) distribution."""

import math

from ..autograd import rand
from . import constraints
from .categorical import Categorical, OfCategorical
from .relaxed_bernoulli import Relaxed
from .transforms import ExpTransform
from .utils import broadcast_all, clamp_probs

__all__ = ["ExpRelaxedCategorical", "RelaxedOneHotCategorical"]


class ExpRelaxedCategorical(OfCategorical):
    """The logarithms of `RelaxedOneHotCategorical`, which are numerically safer.

    Args:
        temperature: a tensor.
        probs, logits, validate_args: as for `Categorical`.
    Source: Maddison, Mnih, Teh, The Concrete Distribution, arXiv:1611.00712.
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.real_vector
    has_rsample = True
    _batched = ("_categorical",)

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        self.temperature = temperature
        super().__init__(Categorical(probs, logits), validate_args=validate_args)

    def rsample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        uniforms = clamp_probs(rand(shape, dtype=self.logits.dtype, device=self.logits.device))
        scores = (self.logits - (-uniforms.log()).log()) / self.temperature
        return scores - scores.logsumexp(dim=-1, keepdim=True)

    def log_prob(self, value):
        self._check(value)
        n = self.event_shape[0]
        logits, value = broadcast_all(self.logits, value)
        score = logits - value * self.temperature
        score = (score - score.logsumexp(dim=-1, keepdim=True)).sum(-1)
        return score + math.lgamma(n) + (n - 1) * self.temperature.log()


class RelaxedOneHotCategorical(Relaxed):
    """Shares with sum 1, nearly one-hot when the temperature is low; has gradients.

    Args:
        temperature: a tensor.
        probs, logits, validate_args: as for `Categorical`.
    Source: Maddison, Mnih, Teh, The Concrete Distribution, arXiv:1611.00712.

    >>> import ember
    >>> m = ember.distributions.RelaxedOneHotCategorical(
    ...     ember.tensor(0.5), ember.tensor([1.0, 1.0]))
    >>> m.rsample((5,)).shape
    torch.Size([5, 2])
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    _batched = ()

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)
