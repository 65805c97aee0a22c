"""The divergence of two distributions of one family."""

import math

from ...autograd import where
from ...autograd.ops.solving import solve_triangular
from ...nn.functional import softplus
from ..bernoulli import Bernoulli, ContinuousBernoulli, Geometric
from ..beta import Beta, Dirichlet
from ..binomial import Binomial, Poisson
from ..categorical import Categorical, OneHotCategorical
from ..cauchy import Cauchy, Laplace
from ..distribution import ExponentialFamily
from ..gamma import Exponential, Gamma
from ..multivariate_normal import (
    LowRankMultivariateNormal,
    MultivariateNormal,
    log_det,
    mahalanobis,
)
from ..normal import HalfNormal, Normal
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
