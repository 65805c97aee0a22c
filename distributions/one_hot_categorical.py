"""One of several categories, as a vector with a single 1."""

from ..autograd import eye
from ..nn.functional import one_hot
from . import constraints
from .categorical import Categorical, OfCategorical

__all__ = ["OneHotCategorical", "OneHotCategoricalStraightThrough"]


class OneHotCategorical(OfCategorical):
    """Vectors with a single 1.

    Args:
        probs, logits, validate_args: as for `Categorical`.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#onehotcategorical

    >>> import ember
    >>> m = ember.distributions.OneHotCategorical(ember.tensor([1.0, 3.0]))
    >>> m.mode, m.log_prob(m.mode).exp()
    (tensor([0., 1.]), tensor(0.7500))
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.one_hot
    has_enumerate_support = True
    _batched = ("_categorical",)

    def __init__(self, probs=None, logits=None, validate_args=None):
        super().__init__(Categorical(probs, logits), validate_args=validate_args)

    @property
    def mean(self):
        return self.probs

    @property
    def mode(self):
        return one_hot(self.probs.argmax(dim=-1), self.probs.shape[-1]).type_as(self.probs)

    @property
    def variance(self):
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape=()):
        indices = self._categorical.sample(sample_shape)
        return one_hot(indices, self.probs.shape[-1]).type_as(self.probs)

    def log_prob(self, value):
        self._check(value)
        return self._categorical.log_prob(value.argmax(-1))

    def entropy(self):
        return self._categorical.entropy()

    def enumerate_support(self, expand=True):
        n, batch = self.event_shape[0], self.batch_shape
        values = eye(n, dtype=self._param.dtype, device=self._param.device)
        values = values.view((n, *(1,) * len(batch), n))
        return values.expand((n, *batch, n)) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """`OneHotCategorical` whose `rsample` passes the gradient straight on to the probabilities.

    Source: Bengio, Léonard, Courville, arXiv:1308.3432.
    """

    has_rsample = True

    def rsample(self, sample_shape=()):
        probs = self.probs
        return self.sample(sample_shape) + (probs - probs.detach())
