"""What distributions on the real line with a location and a scale share."""

from . import constraints
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["LocScale"]


class LocScale(Distribution):
    """Base class of distributions of loc + scale · noise, the noise symmetric about 0."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _batched: tuple[str, ...] = ("loc", "scale")

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self):
        return self.loc

    @property
    def mode(self):
        return self.loc
