"""Exponential families: p(x; θ) = exp(⟨t(x), θ⟩ − F(θ) + k(x))."""

from ..autograd import grad
from .distribution import Distribution
from .utils import sum_rightmost

__all__ = ["ExponentialFamily"]


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
