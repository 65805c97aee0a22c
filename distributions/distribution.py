"""The base of all distributions, and that of the exponential families."""

import warnings

from ..autograd import Size, Tensor, grad, no_grad
from . import constraints
from .utils import lazy_property, sum_rightmost

__all__ = ["Distribution", "ExponentialFamily"]


class Distribution:
    """Base class of distributions.

    Args:
        batch_shape: the shape of the parameters: how many distributions it is at once.
        event_shape: the shape of one sample of one of them.
        validate_args: check parameters and values; None for the default, which is on.

    Attributes:
        arg_constraints: what each parameter may be, by name.
        support: what a sample can be.
        has_rsample: whether `rsample` passes gradients on to the parameters.
        has_enumerate_support: whether `enumerate_support` is possible.

    Raises:
        ValueError: for a parameter outside its constraint.

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#distribution
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__
    # Attributes with the batch shape in front (tensors, distributions): what `expand` expands.
    _batched: tuple[str, ...]

    @staticmethod
    def set_default_validate_args(value):
        """Set whether distributions check their arguments where they are not told.

        Raises:
            ValueError: when it is neither True nor False.
        """
        if value not in (True, False):
            raise ValueError(f"validate_args must be True or False, not {value}")
        Distribution._validate_args = value

    def __init__(self, batch_shape=(), event_shape=(), validate_args=None):
        self._batch_shape = Size(batch_shape)
        self._event_shape = Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._validate_parameters()

    def _validate_parameters(self):
        try:
            expected = self.arg_constraints
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `arg_constraints`. Please set `arg_constraints = "
                "{}` or initialize the distribution with `validate_args=False` to turn off "
                "validation.",
                stacklevel=4)
            return
        for name, constraint in expected.items():
            lazy = isinstance(getattr(type(self), name, None), lazy_property)
            if constraints.is_dependent(constraint) or lazy and name not in self.__dict__:
                continue
            value = getattr(self, name)
            if not constraint.check(value).all():
                raise ValueError(
                    f"Expected parameter {name} ({_kind(value)}) of distribution {self!r} to "
                    f"satisfy the constraint {constraint!r}, but found invalid values:\n{value}")

    def expand(self, batch_shape, _instance=None):
        """Return the distribution with its batch dimensions expanded, as views.

        Args:
            batch_shape: the new batch shape.
            _instance: for subclasses that override it: the object to fill.
        Raises:
            NotImplementedError: when the class has a constructor of its own but no `expand`.
        """
        family = next((c for c in type(self).__mro__ if "_batched" in vars(c)), None)
        if family is None:
            raise NotImplementedError(f"{type(self).__name__} does not define expand()")
        new = self._get_checked_instance(family, _instance)
        rank, batch_shape = len(self._batch_shape), Size(batch_shape)
        for name, value in self.__dict__.items():
            if name in self._batched:
                own = value.shape if isinstance(value, Tensor) else value.batch_shape
                value = value.expand(batch_shape + own[rank:])
            elif isinstance(getattr(type(self), name, None), lazy_property):
                continue
            new.__dict__.setdefault(name, value)
        new._batch_shape = batch_shape
        return new

    def _get_checked_instance(self, cls, _instance=None):
        if _instance is None and type(self).__init__ != cls.__init__:
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ "
                "method must also define a custom .expand() method.")
        return self.__new__(type(self)) if _instance is None else _instance

    @property
    def batch_shape(self):
        """The shape of the parameters."""
        return self._batch_shape

    @property
    def event_shape(self):
        """The shape of one sample, without the batch."""
        return self._event_shape

    @property
    def arg_constraints(self):
        """What each parameter may be, by name."""
        raise NotImplementedError

    @property
    def support(self):
        """What a sample can be, a constraint."""
        raise NotImplementedError

    @property
    def mean(self):
        """The mean."""
        raise NotImplementedError

    @property
    def mode(self):
        """The most likely value."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self):
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self):
        """The standard deviation."""
        return self.variance.sqrt()

    def sample(self, sample_shape=()):
        """Return samples without gradients, of shape sample_shape + batch_shape + event_shape."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=()):
        """Return samples as `sample` does, with gradients for the parameters."""
        raise NotImplementedError

    def sample_n(self, n):
        """Return n samples; old."""
        warnings.warn("`sample_n(n)` will be deprecated. Use `sample((n,))` instead.",
                      FutureWarning, stacklevel=2)
        return self.sample((n,))

    def log_prob(self, value):
        """Return the logarithm of the density, or of the probability, at a value."""
        raise NotImplementedError

    def cdf(self, value):
        """Return the probability of values up to this one."""
        raise NotImplementedError

    def icdf(self, value):
        """Return the value below which a sample is with this probability."""
        raise NotImplementedError

    def enumerate_support(self, expand=True):
        """Return all possible values along a new first dimension.

        Args:
            expand: over the batch shape; else the batch dimensions have size 1.
        """
        raise NotImplementedError

    def entropy(self):
        """Return the entropy, in nats."""
        raise NotImplementedError

    def perplexity(self):
        """Return the exponential of the entropy."""
        return self.entropy().exp()

    def _extended_shape(self, sample_shape=()):
        return Size(tuple(sample_shape) + self._batch_shape + self._event_shape)

    def _check(self, value):
        if self._validate_args:
            self._validate_sample(value)

    def _validate_sample(self, value):
        """Raise ValueError unless a value has a fitting shape and is in the support."""
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        if value.shape[value.ndim - len(self._event_shape):] != self._event_shape:
            raise ValueError("The right-most size of value must match event_shape: "
                             f"{value.shape} vs {self._event_shape}.")
        expected = self._batch_shape + self._event_shape
        for i, j in zip(reversed(value.shape), reversed(expected)):
            if i != 1 and j != 1 and i != j:
                raise ValueError("Value is not broadcastable with batch_shape+event_shape: "
                                 f"{value.shape} vs {expected}.")
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `support` to enable sample validation. Please "
                "initialize the distribution with `validate_args=False` to turn off validation.",
                stacklevel=4)
            return
        if not support.check(value).all():
            raise ValueError(
                f"Expected value argument ({_kind(value)}) to be within the support ({support!r}) "
                f"of the distribution {self!r}, but found invalid values:\n{value}")

    def __repr__(self):
        shown = ((name, self.__dict__[name]) for name in self.arg_constraints
                 if name in self.__dict__)
        parts = (f"{name}: {value if value.numel() == 1 else value.shape}"
                 for name, value in shown)
        return f"{type(self).__name__}({', '.join(parts)})"


def _kind(value):
    return f"{type(value).__name__} of shape {tuple(value.shape)}"


class ExponentialFamily(Distribution):
    """Base class of exponential families, whose entropy follows from their log normalizer F.

    A subclass gives the natural parameters θ (`_natural_params`), F (`_log_normalizer`) and the
    mean of the carrier measure k (`_mean_carrier_measure`).

    Source: Nielsen, Nock, Entropies and Cross-entropies of Exponential Families, ICIP 2010.
    """

    @property
    def _natural_params(self):
        raise NotImplementedError

    def _log_normalizer(self, *natural_params):
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self):
        raise NotImplementedError

    def entropy(self):
        """Return the entropy: F(θ) − ⟨θ, ∇F(θ)⟩ − E k(x)."""
        params, normalizer, means = self._bregman()
        result = normalizer - self._mean_carrier_measure
        for param, mean in zip(params, means):
            result = result - sum_rightmost(param * mean, param.ndim - len(self._batch_shape))
        return result

    def _bregman(self):
        """The natural parameters as leaves, the log normalizer, and its gradient (the means)."""
        params = [p.detach().requires_grad_() for p in self._natural_params]
        normalizer = self._log_normalizer(*params)
        return params, normalizer, grad(normalizer.sum(), params, create_graph=True)
