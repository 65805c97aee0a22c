"""The names that classes and functions have in PyTorch's files."""

import sys
import types

from ...autograd import TORCH_NAMES
from ...nn import functional

__all__ = ["path_of", "paths_of"]

# Where PyTorch has a part of ember's modules.
_MOVED = {"torch.nn.modules._parameter_containers": "torch.nn.modules.container",
          "torch.nn.modules.attention": "torch.nn.modules.activation",
          "torch.nn.modules.rnn_cells": "torch.nn.modules.rnn"}
# The modules that PyTorch has for distributions which share one with others in ember.
_DISTRIBUTIONS = {
    "Cauchy": "cauchy", "Chi2": "chi2", "ContinuousBernoulli": "continuous_bernoulli",
    "Dirichlet": "dirichlet", "Exponential": "exponential", "ExponentialFamily": "exp_family",
    "ExpRelaxedCategorical": "relaxed_categorical", "FisherSnedecor": "fishersnedecor",
    "GeneralizedPareto": "generalized_pareto", "Geometric": "geometric", "Gumbel": "gumbel",
    "HalfCauchy": "half_cauchy", "HalfNormal": "half_normal", "Independent": "independent",
    "InverseGamma": "inverse_gamma", "Kumaraswamy": "kumaraswamy", "LKJCholesky": "lkj_cholesky",
    "Laplace": "laplace", "LogNormal": "log_normal", "LogisticNormal": "logistic_normal",
    "LowRankMultivariateNormal": "lowrank_multivariate_normal",
    "MixtureSameFamily": "mixture_same_family", "Multinomial": "multinomial",
    "NegativeBinomial": "negative_binomial", "OneHotCategorical": "one_hot_categorical",
    "OneHotCategoricalStraightThrough": "one_hot_categorical", "Poisson": "poisson",
    "RelaxedOneHotCategorical": "relaxed_categorical", "StudentT": "studentT",
    "VonMises": "von_mises", "Weibull": "weibull"}
# Functions of torch.nn.functional that PyTorch's files call by an inner name.
_INNER = {name: f"torch._C._nn.{name}" for name in (
    "avg_pool2d", "avg_pool3d", "elu_", "gelu", "hardtanh_", "leaky_relu_", "linear", "one_hot",
    "scaled_dot_product_attention", "softplus", "softshrink")}
_INNER |= {"logsigmoid": "torch._C._nn.log_sigmoid",
           "threshold": "torch.nn.functional._threshold"}


def path_of(value):
    """Return the full name of a class or function in a file, or None for one that has none.

    Only what can be reached by its name has one: a lambda or a local class has not.

    >>> import ember as torch
    >>> path_of(torch.nn.Linear), path_of(torch.nn.functional.relu), path_of(lambda x: x)
    ('torch.nn.modules.linear.Linear', 'torch.nn.functional.relu', None)
    """
    return next(iter(paths_of(value)), None)


def paths_of(value):
    """Return all names that a class or function may have in a file, the one to be written first.

    >>> import ember as torch
    >>> paths_of(torch.sigmoid)
    ['torch.nn.functional.sigmoid', 'torch.sigmoid']
    """
    if isinstance(value, types.FunctionType):
        public = _public_names(value)
        if public or _is_ours(value):
            return public
    if not isinstance(value, (type, types.FunctionType)) or not _is_reachable(value):
        return []
    module = _pytorch_module(value) if _is_ours(value) else value.__module__
    return [f"{module}.{value.__qualname__}"]


def _public_names(function):
    """Return the names that PyTorch has for a function of ember's."""
    name = function.__name__
    found = []
    if vars(functional).get(name) is function:
        found.append(_INNER.get(name, f"torch.nn.functional.{name}"))
    if TORCH_NAMES.get(name) is function:
        found.append(f"torch.{name}")
    return found


def _is_reachable(value):
    found = sys.modules.get(value.__module__)
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is value


def _is_ours(value):
    return value.__module__.startswith("ember.")


def _pytorch_module(value):
    name = value.__module__
    for ours, theirs in (("ember.vision", "torchvision"), ("ember", "torch")):
        if name.startswith(ours):
            name = theirs + name.removeprefix(ours)
    if name.startswith("torch.distributions.") and value.__qualname__ in _DISTRIBUTIONS:
        return f"torch.distributions.{_DISTRIBUTIONS[value.__qualname__]}"
    return _MOVED.get(name, name)
