"""Products of Householder reflections, and factorisations that stop at a low rank."""

import numpy as np

from .. import return_types
from ..op import op
from ..tensor import tensor_method
from .decomposition import checked
from .solving import linalg_qr, linalg_svd, written

__all__ = ["geqrf", "orgqr", "ormqr", "pca_lowrank", "svd_lowrank"]


@op(name="geqrf", namespaces=(), several=True)
def _geqrf(xp, input):
    """R with the Householder vectors below it, and their scales."""
    checked("geqrf", input)
    packed, tau = np.linalg.qr(xp.to_host(input), "raw")
    return return_types.geqrf(xp.from_host(np.swapaxes(packed, -1, -2)), xp.from_host(tau))


@tensor_method
def geqrf(input, *, out=None):
    """Return (a, tau): R with Householder vectors below its diagonal, and their scales.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.geqrf.html
    """
    return written(out, _geqrf(input))


def _reflected(vectors, tau, matrix, backwards):
    """Apply the reflections I − τ v vᴴ to a matrix, the last one first if asked."""
    k = tau.shape[-1]
    for i in reversed(range(k)) if backwards else range(k):
        v = vectors[..., i:i + 1]
        matrix = matrix - tau[..., i, None, None] * (v @ (v.mH @ matrix))
    return matrix


def _householder_vectors(input, k):
    m, n = input.shape[-2:]
    return input[..., :k].tril(-1) + input.new_zeros((m, k)).fill_diagonal_(1)


def householder_product(input, tau, *, out=None):
    """Return the first columns of the product of Householder reflections.

    Shape: (..., m, n), (..., k) -> (..., m, n).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.householder_product.html
    """
    checked("linalg.householder_product", input)
    m, n = input.shape[-2:]
    k = tau.shape[-1]
    if m < n:
        raise RuntimeError("torch.linalg.householder_product: input.shape[-2] must be greater than "
                           "or equal to input.shape[-1]")
    if n < k:
        raise RuntimeError("torch.linalg.householder_product: input.shape[-1] must be greater than "
                           "or equal to tau.shape[-1]")
    first = input * 0 + input.new_zeros((m, n)).fill_diagonal_(1)
    return written(out, _reflected(_householder_vectors(input, k), tau, first, True))


@tensor_method
def orgqr(input, tau, *, out=None):
    """Return what `linalg.householder_product` does, with which `geqrf` becomes a Q.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.orgqr.html

    >>> import ember
    >>> a = ember.tensor([[3., 1.], [4., 2.]])
    >>> q = ember.orgqr(*ember.geqrf(a))
    >>> ember.allclose(q.T @ q, ember.eye(2), atol=1e-6)
    True
    """
    return householder_product(input, tau, out=out)


@tensor_method
def ormqr(input, tau, other, left=True, transpose=False, *, out=None):
    """Return other multiplied by the orthogonal matrix of Householder reflections.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.ormqr.html
    """
    if input.ndim < 2 or other.ndim < 2:
        which = "input" if input.ndim < 2 else "other"
        raise RuntimeError(f"torch.ormqr: {which} must have at least 2 dimensions.")
    vectors = _householder_vectors(input, tau.shape[-1])
    if left:
        tau = tau.conj() if transpose else tau
        return written(out, _reflected(vectors, tau, other, not transpose))
    tau = tau if transpose else tau.conj()  # from the right: the adjoint, from the left
    return written(out, _reflected(vectors, tau, other.mH, transpose).mH)


# -- low rank -------------------------------------------------------------------------------------


@tensor_method
def svd_lowrank(A, q=6, niter=2, M=None):
    """Return (U, S, V) of rank q of A − M, by randomised subspace iteration.

    Source: Halko, Martinsson and Tropp (2009), algorithms 4.4 and 5.1;
    https://docs.pytorch.org/docs/stable/generated/torch.svd_lowrank.html
    """
    if M is not None:
        A = A - M.expand(A.shape)
    m, n = A.shape[-2:]
    wide = m < n
    if wide:
        A = A.mH
    X = _random(A.shape[-1], q, A)
    Q = linalg_qr(A @ X)[0]
    for _ in range(niter):
        Q = linalg_qr(A.mH @ Q)[0]
        Q = linalg_qr(A @ Q)[0]
    U, S, Vh = linalg_svd(Q.mH @ A, full_matrices=False)
    U, V = Q @ U, Vh.mH
    return (V, S, U) if wide else (U, S, V)


def _random(rows, columns, like):
    from ..random import randn

    return randn(rows, columns, dtype=like.dtype, device=like.device)


@tensor_method
def pca_lowrank(A, q=None, center=True, niter=2):
    """Return (U, S, V): the principal components of the rows of A, to rank q.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.pca_lowrank.html
    """
    m, n = A.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)="
                         f"{min(m, n)}")
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, q, niter)
