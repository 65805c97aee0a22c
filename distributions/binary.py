"""What distributions of successes share: their probability, given as such or as log odds."""

from .distribution import Distribution
from .utils import broadcast_all, lazy_property, logits_to_probs, probs_to_logits

__all__ = ["Binary", "given_one"]


def given_one(probs, logits):
    """Raise ValueError unless exactly one of them is given."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


class Binary(Distribution):
    """Base class of distributions with `probs` or `logits`; the other one is computed."""

    def _set_probability(self, probs, logits, *others):
        """Set the one that is given; return it and others, broadcast to one shape."""
        given_one(probs, logits)
        param, *others = broadcast_all(logits if probs is None else probs, *others)
        self._param = param
        self.__dict__["logits" if probs is None else "probs"] = param
        return [other.type_as(param) for other in others]

    @lazy_property
    def logits(self):
        """The log odds."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self):
        """The probability of success."""
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self):
        """The shape of the parameter that was given."""
        return self._param.shape
