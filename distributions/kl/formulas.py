"""The divergences: of two distributions of one family, then of two families.

The latter are −H(p) − E ln q(x). What q needs to know of p is a few expected values: of x, x²,
ln x, or exp(−x / s).
"""

import functools
import math

from ...autograd import full_like, where, xlogy
from ...autograd.ops.solving import solve_triangular
from ...nn.functional import softplus
from ..bernoulli import Bernoulli, ContinuousBernoulli, Geometric
from ..beta import Beta, Dirichlet
from ..binomial import Binomial, Poisson
from ..categorical import Categorical, OneHotCategorical
from ..distribution import ExponentialFamily
from ..gamma import Exponential, Gamma
from ..multivariate_normal import (
    LowRankMultivariateNormal,
    MultivariateNormal,
    log_det,
    mahalanobis,
)
from ..normal import Cauchy, HalfNormal, Laplace, Normal
from ..pareto import Gumbel, Pareto
from ..transformed_distribution import Independent, TransformedDistribution
from ..uniform import Uniform
from ..utils import euler_constant, sum_rightmost
from .registry import kl_divergence, register_kl


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p, q):
    def term(share, log_ratio, other):
        """share · log_ratio, infinite where only the other share is 0, 0 where this one is."""
        return where(share == 0, 0.0, where(other == 0, math.inf, share * log_ratio))

    one = softplus(-q.logits) - softplus(-p.logits)
    zero = softplus(q.logits) - softplus(p.logits)
    return term(p.probs, one, q.probs) + term(1 - p.probs, zero, 1 - q.probs)


@register_kl(Binomial, Binomial)
def _binomial(p, q):
    if (p.total_count < q.total_count).any():
        raise NotImplementedError(
            "KL between Binomials where q.total_count > p.total_count is not implemented")
    single = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    return where(p.total_count > q.total_count, math.inf, p.total_count * single)


@register_kl(Categorical, Categorical)
def _categorical(p, q):
    terms = p.probs * (p.logits - q.logits)
    terms = where(p.probs == 0, 0.0, where(q.probs == 0, math.inf, terms))
    return terms.sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p, q):
    return _categorical(p._categorical, q._categorical)


@register_kl(Beta, Beta)
def _beta(p, q):
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p, q):
    a, b = p.concentration, q.concentration
    mean_logs = a.digamma() - a.sum(-1, keepdim=True).digamma()
    return (a.sum(-1).lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1)
            + ((a - b) * mean_logs).sum(-1))


@register_kl(Cauchy, Cauchy)
def _cauchy(p, q):
    distance = (p.scale + q.scale).square() + (p.loc - q.loc).square()
    return distance.log() - (4 * p.scale * q.scale).log()


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p, q):
    return (p.mean * (p.logits - q.logits) + p._log_norm() + (-p.probs).log1p()
            - q._log_norm() - (-q.probs).log1p())


@register_kl(Exponential, Exponential)
def _exponential(p, q):
    ratio = q.rate / p.rate
    return ratio - ratio.log() - 1


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p, q):
    """The Bregman divergence of the log normalizer."""
    if type(p) is not type(q):
        raise NotImplementedError("The cross KL-divergence between different exponential families "
                                  "cannot be computed using Bregman divergences")
    params, normalizer, means = p._bregman()
    others = q._natural_params
    result = q._log_normalizer(*others) - normalizer
    for param, other, mean in zip(params, others, means):
        result = result - sum_rightmost((other - param) * mean, len(q.event_shape))
    return result


@register_kl(Gamma, Gamma)
def _gamma(p, q):
    a, b = p.concentration, q.concentration
    return (b * (p.rate / q.rate).log() + b.lgamma() - a.lgamma() + (a - b) * a.digamma()
            + (q.rate - p.rate) * (a / p.rate))


@register_kl(Geometric, Geometric)
def _geometric(p, q):
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Gumbel, Gumbel)
def _gumbel(p, q):
    ratio, shift = p.scale / q.scale, (p.loc - q.loc) / q.scale
    return (shift - ratio.log() + ratio * euler_constant
            + ((1 + ratio).lgamma() - shift).exp() - (1 + euler_constant))


@register_kl(Laplace, Laplace)
def _laplace(p, q):
    ratio, distance = p.scale / q.scale, (p.loc - q.loc).abs()
    return ratio * (-distance / p.scale).exp() + distance / q.scale - ratio.log() - 1


@register_kl(Normal, Normal)
def _normal(p, q):
    ratio = (p.scale / q.scale).square()
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).square() - 1 - ratio.log())


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p, q):
    return _normal(p.base_dist, q.base_dist)


@register_kl(Pareto, Pareto)
def _pareto(p, q):
    ratio = q.alpha / p.alpha
    inside = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return where(p.scale < q.scale, math.inf, inside)


@register_kl(Poisson, Poisson)
def _poisson(p, q):
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Uniform, Uniform)
def _uniform(p, q):
    inside = ((q.high - q.low) / (p.high - p.low)).log()
    return where((q.low > p.low) | (q.high < p.high), math.inf, inside)


@register_kl(Independent, Independent)
def _independent(p, q):
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("KL between Independents with different numbers of dimensions")
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p, q):
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError("KL between TransformedDistributions with different transforms "
                                  "or event shapes")
    return kl_divergence(p.base_dist, q.base_dist)


def _log_det(p):
    """ln det of the covariance."""
    return p._log_det if isinstance(p, LowRankMultivariateNormal) else 2 * log_det(p._tril)


def _distance(q, x):
    """xᵀ·Σ⁻¹·x for the covariance Σ of q."""
    if isinstance(q, LowRankMultivariateNormal):
        return q._distance(x)
    return mahalanobis(q._tril, x)


def _roots(p):
    """Matrices whose products with their transposes add up to the covariance."""
    if isinstance(p, LowRankMultivariateNormal):
        return p._w, p._d.sqrt().diag_embed()
    return (p._tril,)


def _trace(q, root):
    """The trace of Σ⁻¹·R·Rᵀ for the covariance Σ of q and a root R: |S⁻¹·R|² where Σ = S·Sᵀ."""
    if not isinstance(q, LowRankMultivariateNormal):
        return _square(solve_triangular(q._tril, root, upper=False))
    inner = solve_triangular(q._small, q._scaled @ root, upper=False)
    return _square(root * q._d.rsqrt().unsqueeze(-1)) - _square(inner)


def _square(matrix):
    return matrix.square().sum((-2, -1))


@register_kl(MultivariateNormal, MultivariateNormal)
@register_kl(MultivariateNormal, LowRankMultivariateNormal)
@register_kl(LowRankMultivariateNormal, MultivariateNormal)
@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _multivariate(p, q):
    if p.event_shape != q.event_shape:
        raise ValueError("KL-divergence between two (Low Rank) Multivariate Normals with different "
                         "event shapes cannot be computed")
    trace = sum(_trace(q, root) for root in _roots(p))
    return 0.5 * (_log_det(q) - _log_det(p) + trace + _distance(q, q.loc - p.loc)
                  - p.event_shape[0])


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
