"""The relaxed (concrete) distributions, which samples of choices are differentiated through."""

import math

from ..autograd import rand
from . import constraints
from .bernoulli import Binary
from .categorical import Categorical, OfCategorical
from .transformed_distribution import TransformedDistribution
from .transforms import ExpTransform, SigmoidTransform
from .utils import broadcast_all, clamp_probs, probs_to_logits

__all__ = ["ExpRelaxedCategorical", "LogitRelaxedBernoulli", "Relaxed", "RelaxedBernoulli",
           "RelaxedOneHotCategorical"]


class LogitRelaxedBernoulli(Binary):
    """The log odds of `RelaxedBernoulli`, which are numerically safer.

    Args:
        temperature: a tensor; near 0 samples become infinite.
        probs: the probability of 1, or
        logits: its log odds; a number or tensor.
        validate_args: as for `Distribution`.
    Raises:
        ValueError: unless exactly one of the two is given, and in range.
    Source: Maddison, Mnih, Teh, The Concrete Distribution, arXiv:1611.00712.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.real
    _batched = ("probs", "logits", "_param")

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        self.temperature = temperature
        self._set_probability(probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    def rsample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        uniforms = clamp_probs(rand(shape, dtype=self.probs.dtype, device=self.probs.device))
        noise = uniforms.log() - (-uniforms).log1p()
        return (noise + probs_to_logits(self.probs.expand(shape), True)) / self.temperature

    def log_prob(self, value):
        self._check(value)
        logits, value = broadcast_all(self.logits, value)
        diff = logits - value * self.temperature
        return self.temperature.log() + diff - 2 * diff.exp().log1p()


class Relaxed(TransformedDistribution):
    """Base class of relaxed distributions, whose base distribution has the parameters."""

    has_rsample = True
    _batched: tuple[str, ...] = ()

    @property
    def temperature(self):
        """The temperature."""
        return self.base_dist.temperature

    @property
    def logits(self):
        """The logits of what is relaxed."""
        return self.base_dist.logits

    @property
    def probs(self):
        """The probabilities of what is relaxed."""
        return self.base_dist.probs


class RelaxedBernoulli(Relaxed):
    """Numbers from 0 to 1, near the ends when the temperature is low; has gradients.

    Args:
        temperature, probs, logits, validate_args: as for `LogitRelaxedBernoulli`.
    Source: Maddison, Mnih, Teh, The Concrete Distribution, arXiv:1611.00712.

    >>> import ember
    >>> m = ember.distributions.RelaxedBernoulli(ember.tensor(2.2), probs=0.5)
    >>> m.log_prob(ember.tensor(0.5)).exp()
    tensor(2.2000)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    _batched = ()

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        super().__init__(LogitRelaxedBernoulli(temperature, probs, logits), SigmoidTransform(),
                         validate_args=validate_args)


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
