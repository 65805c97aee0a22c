"""The half-Cauchy distribution."""

import math

from ..autograd import full_like
from . import constraints
from .cauchy import Cauchy
from .half_normal import Half

__all__ = ["HalfCauchy"]


class HalfCauchy(Half):
    """The absolute value of a Cauchy distributed number of median 0.

    Args:
        scale: of that number, a number or tensor.
        validate_args: as for `Distribution`.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#halfcauchy

    >>> import ember
    >>> ember.distributions.HalfCauchy(1.0).icdf(ember.tensor(0.5))
    tensor(1.)
    """

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _batched = ()

    def __init__(self, scale, validate_args=None):
        super().__init__(Cauchy(0, scale, validate_args=False), validate_args)

    @property
    def mean(self):
        return full_like(self.scale, math.inf)

    @property
    def variance(self):
        return self.base_dist.variance
