"""The divergence of distributions of two families: −H(p) − E ln q(x).

What q needs to know of p is a few expected values: of x, x², ln x, or exp(−x / s).
"""

import functools
import math

from ...autograd import full_like, where, xlogy
from ..bernoulli import Bernoulli, ContinuousBernoulli
from ..beta import Beta
from ..binomial import Binomial, Poisson
from ..cauchy import Laplace
from ..gamma import Exponential, Gamma
from ..normal import Normal
from ..pareto import Gumbel, Pareto
from ..uniform import Uniform
from ..utils import euler_constant
from .registry import register_kl


def _register(families, kind):
    """Register a formula for several p and one q."""
    def decorator(formula):
        for family in families:
            register_kl(family, kind)(formula)
        return formula

    return decorator


# -- where p can give what q cannot ----

_IMPOSSIBLE = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Pareto: (Beta, ContinuousBernoulli, Uniform),
    Poisson: (Bernoulli, Binomial),
}


def _infinite(p, q):
    return full_like(p.mean, math.inf)


for _p, _others in _IMPOSSIBLE.items():
    for _q in _others:
        register_kl(_p, _q)(_infinite)


# -- expected values under p ----


@functools.singledispatch
def _mean_log(p):
    """E ln x."""
    raise NotImplementedError(type(p).__name__)


@_mean_log.register
def _(p: Beta):
    return p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma()


@_mean_log.register
def _(p: Exponential):
    return -euler_constant - p.rate.log()


@_mean_log.register
def _(p: Pareto):
    return p.scale.log() + p.alpha.reciprocal()


@_mean_log.register
def _(p: Uniform):
    return (xlogy(p.high, p.high) - xlogy(p.low, p.low)) / (p.high - p.low) - 1


@functools.singledispatch
def _mean_exp(p, t):
    """E exp(−t · x)."""
    raise NotImplementedError(type(p).__name__)


@_mean_exp.register
def _(p: Exponential, t):
    return p.rate / (p.rate + t)


@_mean_exp.register
def _(p: Gamma, t):
    return (1 + t / p.rate).pow(-p.concentration)


@_mean_exp.register
def _(p: Normal, t):
    return (0.5 * (t * p.scale).square() - t * p.loc).exp()


@_mean_exp.register
def _(p: Uniform, t):
    return ((-t * p.low).exp() - (-t * p.high).exp()) / (t * (p.high - p.low))


# -- by q ----


def _positive_part(p, result):
    """The result, infinite where a uniform p reaches below 0."""
    return where(p.low < 0, math.inf, result) if isinstance(p, Uniform) else result


@_register((Beta, ContinuousBernoulli, Gamma, Pareto, Uniform), Exponential)
def _to_exponential(p, q):
    return _positive_part(p, q.rate * p.mean - q.rate.log() - p.entropy())


@_register((Beta, Exponential, Pareto, Uniform), Gamma)
def _to_gamma(p, q):
    norm = q.concentration.lgamma() - q.concentration * q.rate.log()
    result = norm + (1 - q.concentration) * _mean_log(p) + q.rate * p.mean - p.entropy()
    if isinstance(p, Pareto):  # whose mean may be infinite
        return where(p.alpha <= 1, math.inf, result)
    return _positive_part(p, result)


@_register((Exponential, Gamma, Normal, Uniform), Gumbel)
def _to_gumbel(p, q):
    tail = (q.loc / q.scale).exp() * _mean_exp(p, 1 / q.scale)
    return q.scale.log() + (p.mean - q.loc) / q.scale + tail - p.entropy()


@_register((Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Pareto, Uniform),
           Normal)
def _to_normal(p, q):
    square = p.variance + (p.mean - q.loc).square()
    return (0.5 * math.log(2 * math.pi) + q.scale.log() + square / (2 * q.scale.square())
            - p.entropy())


@register_kl(Normal, Laplace)
def _normal_to_laplace(p, q):
    shift = p.loc - q.loc
    distance = (math.sqrt(2 / math.pi) * p.scale * (-0.5 * (shift / p.scale).square()).exp()
                + shift * (math.sqrt(0.5) * shift / p.scale).erf())
    return (2 * q.scale).log() + distance / q.scale - p.entropy()


@register_kl(Bernoulli, Poisson)
def _bernoulli_to_poisson(p, q):
    return q.rate - p.probs * q.rate.log() - p.entropy()


@register_kl(Beta, ContinuousBernoulli)
def _beta_to_continuous_bernoulli(p, q):
    return -p.mean * q.logits - (-q.probs).log1p() - q._log_norm() - p.entropy()


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_to_continuous_bernoulli(p, q):
    outside = (p.high >= 1) | (p.low <= 0)
    return where(outside, math.inf, _beta_to_continuous_bernoulli(p, q))


@register_kl(Beta, Uniform)
def _beta_to_uniform(p, q):
    inside = (q.high - q.low).log() - p.entropy()
    return where((q.low > 0) | (q.high < 1), math.inf, inside)


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_to_uniform(p, q):
    inside = (q.high - q.low).log() - p.entropy()
    return where((q.low >= 0) | (q.high <= 1), math.inf, inside)


@register_kl(Uniform, Beta)
def _uniform_to_beta(p, q):
    a, b = q.concentration1, q.concentration0
    mirrored = Uniform(1 - p.high, 1 - p.low, validate_args=False)
    inside = (a.lgamma() + b.lgamma() - (a + b).lgamma() - (a - 1) * _mean_log(p)
              - (b - 1) * _mean_log(mirrored) - p.entropy())
    return where((p.high > 1) | (p.low < 0), math.inf, inside)


@register_kl(Uniform, Pareto)
def _uniform_to_pareto(p, q):
    inside = ((q.alpha + 1) * _mean_log(p) - q.alpha.log() - q.alpha * q.scale.log()
              - p.entropy())
    return where(p.low < q.scale, math.inf, inside)
