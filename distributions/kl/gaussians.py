"""The divergence of multivariate normal distributions, also of low rank."""

from ...autograd.ops.solving import solve_triangular
from ..multivariate_normal import (
    LowRankMultivariateNormal,
    MultivariateNormal,
    log_det,
    mahalanobis,
)
from .registry import register_kl


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
