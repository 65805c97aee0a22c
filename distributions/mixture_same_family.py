"""Mixtures of distributions of one family."""

from ..autograd import no_grad
from . import constraints
from .categorical import Categorical
from .distribution import Distribution

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """A sample of one component, which another distribution chooses.

    Args:
        mixture_distribution: a `Categorical` over n components.
        component_distribution: with n as the last batch dimension.
        validate_args: as for `Distribution`.
    Raises:
        ValueError: when they are no such distributions, or their shapes do not fit.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#mixturesamefamily

    >>> import ember
    >>> from ember.distributions import Categorical, MixtureSameFamily, Normal
    >>> two = Normal(ember.tensor([-1.0, 3.0]), ember.ones(2))
    >>> MixtureSameFamily(Categorical(ember.ones(2)), two).mean
    tensor(1.)
    """

    arg_constraints: dict[str, constraints.Constraint] = {}
    has_rsample = False
    _batched = ("_component_distribution",)

    def __init__(self, mixture_distribution, component_distribution, validate_args=None):
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        _check_fit(mixture_distribution, component_distribution)
        self._event_ndims = len(component_distribution.event_shape)
        super().__init__(component_distribution.batch_shape[:-1],
                         component_distribution.event_shape, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = super().expand(batch_shape, _instance)
        new._mixture_distribution = self._mixture_distribution.expand(new.batch_shape)
        return new

    @constraints.dependent_property
    def support(self):
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self):
        """What chooses the component."""
        return self._mixture_distribution

    @property
    def component_distribution(self):
        """The components."""
        return self._component_distribution

    @property
    def mean(self):
        return self._mixed(self.component_distribution.mean)

    @property
    def variance(self):
        parts = self.component_distribution
        return self._mixed(parts.variance + (parts.mean - self._pad(self.mean)).square())

    def _mixed(self, values):
        """The weighted sum of one value per component."""
        weights = self.mixture_distribution.probs
        weights = weights.reshape(weights.shape + (1,) * self._event_ndims)
        return (weights * values).sum(-1 - self._event_ndims)

    def _pad(self, x):
        return x.unsqueeze(-1 - self._event_ndims)

    def cdf(self, x):
        return (self.component_distribution.cdf(self._pad(x))
                * self.mixture_distribution.probs).sum(-1)

    def log_prob(self, x):
        self._check(x)
        parts = self.component_distribution.log_prob(self._pad(x))
        return (parts + self.mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def sample(self, sample_shape=()):
        with no_grad():
            mixture = self.mixture_distribution.expand(self.batch_shape)
            chosen = mixture.sample(sample_shape)
            samples = self.component_distribution.sample(sample_shape)
            dim = len(sample_shape) + len(self.batch_shape)
            event = self.event_shape
            chosen = chosen.reshape(chosen.shape + (1,) * (len(event) + 1))
            return samples.gather(dim, chosen.expand(chosen.shape[: dim + 1] + event)).squeeze(dim)

    def __repr__(self):
        return (f"MixtureSameFamily(\n  {self.mixture_distribution},\n  "
                f"{self.component_distribution})")


def _check_fit(mixture, component):
    if not isinstance(mixture, Categorical):
        raise ValueError(" The Mixture distribution needs to be an  instance of "
                         "torch.distributions.Categorical")
    if not isinstance(component, Distribution):
        raise ValueError("The Component distribution needs to be an instance of "
                         "torch.distributions.Distribution")
    wanted, found = mixture.batch_shape, component.batch_shape[:-1]
    for a, b in zip(reversed(wanted), reversed(found)):
        if a != 1 and b != 1 and a != b:
            raise ValueError(f"`mixture_distribution.batch_shape` ({wanted}) is not compatible "
                             f"with `component_distribution.batch_shape`({found})")
    n, m = mixture.logits.shape[-1], component.batch_shape[-1]
    if n != m:
        raise ValueError(f"`mixture_distribution component` ({n}) does not equal "
                         f"`component_distribution.batch_shape[-1]` ({m})")
