"""One of several categories, by number or as a vector with a single 1."""

from ..autograd import Size, arange, broadcast_tensors, dtypes, eye, full, multinomial
from ..nn.functional import one_hot
from . import constraints
from .bernoulli import given_one
from .distribution import Distribution
from .utils import along_first, lazy_property, logits_to_probs, probs_to_logits

__all__ = ["Categorical", "OfCategorical", "OneHotCategorical", "OneHotCategoricalStraightThrough"]


class Categorical(Distribution):
    """The number of a category, 0 to n − 1.

    Args:
        probs: weights of shape (..., n), which are normalized to sum 1, or
        logits: log weights of that shape, which are normalized too.
        validate_args: as for `Distribution`.
    Raises:
        ValueError: unless exactly one of the two is given, with a dimension at least.
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#categorical

    >>> import ember
    >>> m = ember.distributions.Categorical(ember.tensor([1.0, 1.0, 2.0]))
    >>> m.probs
    tensor([0.2500, 0.2500, 0.5000])
    >>> m.log_prob(ember.tensor(2))
    tensor(-0.6931)
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True
    _batched = ("probs", "logits", "_param")

    def __init__(self, probs=None, logits=None, validate_args=None):
        given_one(probs, logits)
        if (logits if probs is None else probs).ndim < 1:
            name = "logits" if probs is None else "probs"
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if probs is not None:
            self._param = self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            self._param = self.logits = logits - logits.logsumexp(dim=-1, keepdim=True)
        self._num_events = self._param.shape[-1]
        super().__init__(self._param.shape[:-1], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        return constraints.integer_interval(0, self._num_events - 1)

    @lazy_property
    def logits(self):
        """The logarithms of the probabilities."""
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self):
        """The probabilities."""
        return logits_to_probs(self.logits)

    @property
    def param_shape(self):
        """The shape of the parameter that was given."""
        return self._param.shape

    @property
    def mean(self):
        return full(self._batch_shape, float("nan"), dtype=self.probs.dtype,
                    device=self.probs.device)

    @property
    def mode(self):
        return self.probs.argmax(dim=-1)

    @property
    def variance(self):
        return self.mean

    def sample(self, sample_shape=()):
        sample_shape = Size(sample_shape)
        rows = self.probs.reshape(-1, self._num_events)
        drawn = multinomial(rows, sample_shape.numel(), True).T
        return drawn.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value):
        self._check(value)
        value, logits = broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self):
        # −inf · 0 would be NaN
        logits = self.logits.clamp(min=dtypes.finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand=True):
        values = arange(self._num_events, dtype=dtypes.int64, device=self._param.device)
        return along_first(values, self._batch_shape, expand)


class OfCategorical(Distribution):
    """Base class of distributions over vectors whose parameters are those of a Categorical."""

    _batched: tuple[str, ...] = ("_categorical",)

    def __init__(self, categorical, validate_args=None):
        self._categorical = categorical
        super().__init__(categorical.batch_shape, categorical.param_shape[-1:],
                         validate_args=validate_args)

    @property
    def _param(self):
        return self._categorical._param

    @property
    def probs(self):
        """The probabilities."""
        return self._categorical.probs

    @property
    def logits(self):
        """The logarithms of the probabilities."""
        return self._categorical.logits

    @property
    def param_shape(self):
        """The shape of the parameter that was given."""
        return self._categorical.param_shape


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
