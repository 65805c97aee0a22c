"""The distribution of a function of a random variable."""

from ..autograd import no_grad
from . import constraints
from .distribution import Distribution
from .independent import Independent
from .transforms import ComposeTransform, Transform
from .utils import sum_rightmost

__all__ = ["TransformedDistribution"]


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
