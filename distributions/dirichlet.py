"""The Dirichlet distribution."""

from ..autograd import where
from ..autograd.gamma import sample_dirichlet
from ..nn.functional import one_hot
from . import constraints
from .exp_family import ExponentialFamily

__all__ = ["Dirichlet"]


class Dirichlet(ExponentialFamily):
    """Vectors of shares with sum 1.

    Args:
        concentration: positive, of shape (..., n).
        validate_args: as for `Distribution`.
    Raises:
        ValueError: for a concentration without dimensions or that is not positive.
        ImportError: from what needs special functions, when SciPy is not installed.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#dirichlet

    >>> import ember
    >>> ember.distributions.Dirichlet(ember.tensor([1.0, 3.0])).mean
    tensor([0.2500, 0.7500])
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True
    _batched = ("concentration",)

    def __init__(self, concentration, validate_args=None):
        if concentration.ndim < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:],
                         validate_args=validate_args)

    @property
    def mean(self):
        return self.concentration / self.concentration.sum(-1, keepdim=True)

    @property
    def mode(self):
        excess = (self.concentration - 1).clamp(min=0)
        mode = excess / excess.sum(-1, keepdim=True)
        corner = one_hot(mode.argmax(-1), mode.shape[-1]).type_as(mode)
        return where((self.concentration < 1).all(-1, keepdim=True), corner, mode)

    @property
    def variance(self):
        total = self.concentration.sum(-1, keepdim=True)
        return self.concentration * (total - self.concentration) / (total.square() * (total + 1))

    def rsample(self, sample_shape=()):
        return sample_dirichlet(self.concentration.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        self._check(value)
        alpha = self.concentration
        return ((alpha - 1).xlogy(value).sum(-1) + alpha.sum(-1).lgamma()
                - alpha.lgamma().sum(-1))

    def entropy(self):
        alpha, total = self.concentration, self.concentration.sum(-1)
        return (alpha.lgamma().sum(-1) - total.lgamma()
                - (alpha.shape[-1] - total) * total.digamma()
                - ((alpha - 1) * alpha.digamma()).sum(-1))

    @property
    def _natural_params(self):
        return (self.concentration,)

    def _log_normalizer(self, x):
        return x.lgamma().sum(-1) - x.sum(-1).lgamma()
