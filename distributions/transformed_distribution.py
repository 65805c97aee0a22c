"""Distributions made of others: transformed, mixed, or with batch dimensions in the event."""

from ..autograd import no_grad
from . import constraints
from .categorical import Categorical
from .distribution import Distribution
from .transforms import ComposeTransform, Transform
from .utils import sum_rightmost

__all__ = ["Independent", "MixtureSameFamily", "TransformedDistribution"]


class Independent(Distribution):
    """A distribution whose last batch dimensions are event dimensions, so log_prob sums over them.

    Args:
        base_distribution: the distribution.
        reinterpreted_batch_ndims: how many of its batch dimensions.
        validate_args: as for `Distribution`.
    Raises:
        ValueError: when there are not so many.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#independent

    >>> import ember
    >>> from ember.distributions import Independent, Normal
    >>> normal = Normal(ember.zeros(2, 3), ember.ones(2, 3))
    >>> diagonal = Independent(normal, 1)
    >>> diagonal.batch_shape, diagonal.event_shape
    (torch.Size([2]), torch.Size([3]))
    """

    arg_constraints: dict[str, constraints.Constraint] = {}
    _batched = ("base_dist",)

    def __init__(self, base_distribution, reinterpreted_batch_ndims, validate_args=None):
        batch = base_distribution.batch_shape
        cut = len(batch) - reinterpreted_batch_ndims
        if cut < 0:
            raise ValueError("Expected reinterpreted_batch_ndims <= "
                             f"len(base_distribution.batch_shape), actual "
                             f"{reinterpreted_batch_ndims} vs {len(batch)}")
        self.base_dist = base_distribution
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        super().__init__(batch[:cut], batch[cut:] + base_distribution.event_shape,
                         validate_args=validate_args)

    @property
    def has_rsample(self):
        return self.base_dist.has_rsample

    @property
    def has_enumerate_support(self):
        return not self.reinterpreted_batch_ndims and self.base_dist.has_enumerate_support

    @constraints.dependent_property
    def support(self):
        support = self.base_dist.support
        if self.reinterpreted_batch_ndims:
            support = constraints.independent(support, self.reinterpreted_batch_ndims)
        return support

    @property
    def mean(self):
        return self.base_dist.mean

    @property
    def mode(self):
        return self.base_dist.mode

    @property
    def variance(self):
        return self.base_dist.variance

    def sample(self, sample_shape=()):
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape=()):
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value):
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self):
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand=True):
        if self.reinterpreted_batch_ndims > 0:
            raise NotImplementedError("Enumeration over cartesian product is not implemented")
        return self.base_dist.enumerate_support(expand=expand)

    def __repr__(self):
        return f"{type(self).__name__}({self.base_dist}, {self.reinterpreted_batch_ndims})"


class TransformedDistribution(Distribution):
    """The distribution of y = f(x): ln p(y) = ln p(x) − ln |dy/dx|.

    Args:
        base_distribution: of x.
        transforms: f, a transform or a list of them, the first to be applied first.
        validate_args: as for `Distribution`.
    Raises:
        ValueError: when they are no transforms, or x has too few dimensions for them.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#transformeddistribution

    >>> import ember
    >>> from ember.distributions import (
    ...     AffineTransform, SigmoidTransform, TransformedDistribution, Uniform)
    >>> logistic = TransformedDistribution(
    ...     Uniform(0.0, 1.0), [SigmoidTransform().inv, AffineTransform(2.0, 1.0)])
    >>> logistic.log_prob(ember.tensor(2.0))
    tensor(-1.3863)
    """

    arg_constraints: dict[str, constraints.Constraint] = {}
    _batched: tuple[str, ...] = ()

    def __init__(self, base_distribution, transforms, validate_args=None):
        self.transforms = _checked(transforms)
        whole = ComposeTransform(self.transforms)
        base_shape = base_distribution.batch_shape + base_distribution.event_shape
        base_dim, needed = len(base_distribution.event_shape), whole.domain.event_dim
        if len(base_shape) < needed:
            raise ValueError("base_distribution needs to have shape with size at least "
                             f"{needed}, but got {base_shape}.")
        shape = whole.forward_shape(base_shape)
        expanded = whole.inverse_shape(shape)
        if expanded != base_shape:
            base_distribution = base_distribution.expand(expanded[: len(expanded) - base_dim])
        if needed > base_dim:
            base_distribution = Independent(base_distribution, needed - base_dim)
        self.base_dist = base_distribution
        made = whole.codomain.event_dim
        cut = len(shape) - max(made, base_dim + made - needed)
        super().__init__(shape[:cut], shape[cut:], validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = super().expand(batch_shape, _instance)
        shape = new.batch_shape + self.event_shape
        for transform in reversed(self.transforms):
            shape = transform.inverse_shape(shape)
        new.base_dist = self.base_dist.expand(
            shape[: len(shape) - len(self.base_dist.event_shape)])
        return new

    @constraints.dependent_property(is_discrete=False)
    def support(self):
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        more = len(self.event_shape) - support.event_dim
        return constraints.independent(support, more) if more > 0 else support

    @property
    def has_rsample(self):
        return self.base_dist.has_rsample

    def sample(self, sample_shape=()):
        with no_grad():
            return self._transformed(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape=()):
        return self._transformed(self.base_dist.rsample(sample_shape))

    def _transformed(self, x):
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value):
        self._check(value)
        event_dim, result = len(self.event_shape), 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(value)
            event_dim += transform.domain.event_dim - transform.codomain.event_dim
            slope = transform.log_abs_det_jacobian(x, value)
            result = result - sum_rightmost(slope, event_dim - transform.domain.event_dim)
            value = x
        base = self.base_dist
        return result + sum_rightmost(base.log_prob(value), event_dim - len(base.event_shape))

    def cdf(self, value):
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        self.base_dist._check(value)
        return self._rising(self.base_dist.cdf(value))

    def icdf(self, value):
        return self._transformed(self.base_dist.icdf(self._rising(value)))

    def _rising(self, probability):
        """A probability, or what it lacks of 1 where the transforms fall."""
        sign = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        if isinstance(sign, int) and sign == 1:
            return probability
        return sign * (probability - 0.5) + 0.5


def _checked(transforms):
    if isinstance(transforms, Transform):
        return [transforms]
    if not isinstance(transforms, list):
        raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
    if not all(isinstance(t, Transform) for t in transforms):
        raise ValueError("transforms must be a Transform or a list of Transforms")
    return transforms


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
