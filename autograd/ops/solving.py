"""Solving linear systems, by factors and directly; the public names around the factorisations."""

from .. import dtypes, return_types
from ..op import RECORDS
from ..tensor import Tensor, tensor_method
from .decomposition import (
    LinAlgError,
    checked,
    cholesky_factor,
    eigh_factors,
    eigh_values,
    inv,
    lu_packed,
    permuted_identity,
    qr_factors,
    solve_matrices,
    svd_factors,
)
from .elementwise import mul

__all__ = ["cholesky", "cholesky_inverse", "cholesky_solve", "inverse", "logdet", "lu",
           "lu_solve", "lu_unpack", "qr", "svd", "triangular_solve"]


def written(out, result):
    """Write a result, or several, into what `out=` named."""
    if out is None:
        return result
    if isinstance(result, Tensor):
        return out.copy_(result) if out.shape == result.shape else mul(result, 1, out=out)
    for target, value in zip(out, result):
        written(target, value)
    return type(result)(*out)


# -- inverse and systems --------------------------------------------------------------------------


@tensor_method
def inverse(input, *, out=None):
    """Return the inverse matrices; see `linalg.inv`.

    >>> import ember
    >>> ember.inverse(ember.tensor([[2., 0.], [0., 4.]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return written(out, inv(input))


@tensor_method
def logdet(input):
    """Return the logarithm of the determinants; NaN for negative ones."""
    sign, logarithm = RECORDS["slogdet"].call(input)
    if input.dtype.is_complex:
        return logarithm + sign.log()
    return RECORDS["where"].call(sign < 0, float("nan"), logarithm)


def _is_vector(a, b):
    return b.ndim == 1 or (b.ndim == a.ndim - 1 and b.shape == a.shape[:-1])


def solve(A, B, *, left=True, out=None):
    """Return X with A @ X = B (left) or X @ A = B.

    Shape: A (..., n, n); B (..., n, k), or (..., n) for one vector each.
    Raises:
        LinAlgError: for singular matrices.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.solve.html
    """
    checked("linalg.solve", A, square=True)
    vector = left and _is_vector(A, B)
    if vector:
        B = B.unsqueeze(-1)
    if not left:
        return written(out, solve_matrices(A.mT, B.mT).mT)
    if A.shape[-1] != B.shape[-2]:
        raise RuntimeError("linalg.solve: Incompatible shapes of A and B for the equation AX = B "
                           f"({A.shape[-2]}x{A.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})")
    result = solve_matrices(A, B)
    return written(out, result.squeeze(-1) if vector else result)


def _infos(names, made, compute, A, check_errors):
    """Run a factorisation whose `_ex` form reports failures instead of raising."""
    info = A.new_zeros(A.shape[:-2], dtype=dtypes.int32)
    try:
        result = compute(A)
    except LinAlgError:
        if check_errors:
            raise
        result, info = compute(A * 0 + A.new_ones(A.shape[-1:]).diag()), info + 1
    return made(*(result if isinstance(result, tuple) else (result,)), info)


def inv_ex(A, *, check_errors=False, out=None):
    """Return (inverse, info); info is 1 instead of an error where matrices are singular."""
    return written(out, _infos("inv", return_types.linalg_inv_ex, inv, A, check_errors))


def solve_ex(A, B, *, left=True, check_errors=False, out=None):
    """Return (result, info); info is 1 instead of an error where matrices are singular."""
    return written(out, _infos("solve", return_types.linalg_solve_ex,
                               lambda a: solve(a, B, left=left), A, check_errors))


def solve_triangular(A, B, *, upper, left=True, unitriangular=False, out=None):
    """Return X with A @ X = B (left) or X @ A = B, reading one triangle of A only.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.solve_triangular.html
    """
    checked("linalg.solve_triangular", A, square=True)
    if unitriangular:
        A = (A.triu(1) if upper else A.tril(-1)) + A.new_ones(A.shape[-1:]).diag()
    else:
        A = A.triu() if upper else A.tril()
    return written(out, solve_matrices(A, B) if left else solve_matrices(A.mT, B.mT).mT)


@tensor_method
def triangular_solve(b, A, upper=True, transpose=False, unitriangular=False, *, out=None):
    """Return (solution, a copy of A) of A @ X = b or Aᵀ @ X = b with a triangular A."""
    matrix = A.mT if transpose else A
    result = solve_triangular(matrix, b, upper=upper != transpose, unitriangular=unitriangular)
    return written(out, return_types.triangular_solve(result, A.clone()))


def lstsq(A, B, rcond=None, *, driver=None):
    """Return the least squares solution of A @ X = B, its residuals, A's rank and singular values.

    As in PyTorch the driver decides which of the last three are filled: "gelsy" (the default)
    gives the rank, "gels" the residuals, "gelsd" and "gelss" all of them.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.lstsq.html
    """
    from .matrices import matrix_rank, pinv

    checked("linalg.lstsq", A)
    m, n = A.shape[-2:]
    vector = _is_vector(A, B)
    b = B.unsqueeze(-1) if vector else B
    solution = (pinv(A) if rcond is None else pinv(A, rtol=rcond)) @ b
    ranks = A.new_zeros((0,), dtype=dtypes.int64)
    values = A.new_zeros((0,), dtype=A.real.dtype)
    if driver != "gels":
        ranks = matrix_rank(A.detach(), rtol=rcond)
    if driver in ("gelsd", "gelss"):
        values = RECORDS["svdvals"].call(A.detach())
    residuals = (A.real.reshape(-1) * 1)[:0]  # part of the graph, as PyTorch's
    if m > n and (driver == "gels" or driver in ("gelsd", "gelss")
                  and bool((ranks == n).all())):
        residuals = ((A @ solution - b).abs() ** 2).sum(-2)
    return return_types.linalg_lstsq(solution.squeeze(-1) if vector else solution, residuals,
                                     ranks, values)


# -- Cholesky -------------------------------------------------------------------------------------


def linalg_cholesky(A, *, upper=False, out=None):
    """Return L with A = L @ Lᵀ for positive definite A; with `upper`, Lᵀ.

    Raises:
        LinAlgError: when A is not positive definite.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.cholesky.html
    """
    factor = cholesky_factor(A)
    return written(out, factor.mH if upper else factor)


@tensor_method
def cholesky(input, upper=False, *, out=None):
    """Return the Cholesky factor; see `linalg.cholesky`."""
    return linalg_cholesky(input, upper=upper, out=out)


def cholesky_ex(A, *, upper=False, check_errors=False, out=None):
    """Return (L, info); info is 1 instead of an error where A is not positive definite."""
    return written(out, _infos("cholesky", return_types.linalg_cholesky_ex,
                               lambda a: linalg_cholesky(a, upper=upper), A, check_errors))


@tensor_method
def cholesky_solve(B, L, upper=False, *, out=None):
    """Return X with A @ X = B, from the Cholesky factor of A."""
    for name, t in (("b", B), ("u", L)):
        if t.ndim < 2:
            raise RuntimeError(f"{name} should have at least 2 dimensions, but has {t.ndim} "
                               "dimensions instead")
    lower = L.mH.tril() if upper else L.tril()
    half = solve_matrices(lower, B)
    return written(out, solve_matrices(lower.mH, half))


@tensor_method
def cholesky_inverse(L, upper=False, *, out=None):
    """Return the inverse of A, from its Cholesky factor."""
    if L.ndim < 2 or L.shape[-1] != L.shape[-2]:
        raise RuntimeError("cholesky_inverse: A must be batches of square matrices, but they have "
                           f"shape {list(L.shape)}")
    half = inv(L.triu() if upper else L.tril())
    return written(out, half @ half.mH if upper else half.mH @ half)


# -- LU -------------------------------------------------------------------------------------------


def lu_factor(A, *, pivot=True, out=None):
    """Return (LU, pivots): both factors in one matrix, and the exchanges of rows.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.lu_factor.html
    """
    _with_pivots(pivot)
    return written(out, lu_packed(A))


def _with_pivots(pivot):
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")


def lu_factor_ex(A, *, pivot=True, check_errors=False, out=None):
    """Return (LU, pivots, info); info counts from 1 the first zero on U's diagonal, else 0."""
    _with_pivots(pivot)
    packed, pivots = lu_packed(A)
    zero = packed.detach().diagonal(0, -2, -1) == 0
    info = RECORDS["where"].call(zero.any(-1), zero.int().argmax(-1) + 1, 0) if (
        zero.shape[-1]) else zero.new_zeros(zero.shape[:-1])
    if check_errors and bool(info.any()):
        raise LinAlgError("torch.linalg.lu_factor_ex: U has a zero on its diagonal")
    return written(out, return_types.linalg_lu_factor_ex(packed, pivots, info.to(dtypes.int32)))


@tensor_method
def lu_unpack(LU_data, LU_pivots, unpack_data=True, unpack_pivots=True, *, out=None):
    """Return (P, L, U) with A = P @ L @ U, from what `lu_factor` returns.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.lu_unpack.html
    """
    m, n = LU_data.shape[-2:]
    k = min(m, n)
    P = L = U = LU_data.new_zeros((0,))
    if unpack_data:
        L = LU_data[..., :k].tril(-1) + LU_data.new_zeros((m, k)).fill_diagonal_(1)
        U = LU_data[..., :k, :].triu()
    if unpack_pivots:
        P = permuted_identity(LU_pivots, m, LU_data.dtype)
    return written(out, return_types.lu_unpack(P, L, U))


def linalg_lu(A, *, pivot=True, out=None):
    """Return (P, L, U) with A = P @ L @ U.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.lu.html
    """
    _with_pivots(pivot)
    return written(out, return_types.linalg_lu(*lu_unpack(*lu_packed(A))))


@tensor_method
def lu(A, pivot=True, get_infos=False, out=None):
    """Return (LU, pivots) as `linalg.lu_factor`; with `get_infos`, zeros for the infos too."""
    found = lu_factor_ex(A, pivot=pivot)
    return written(out, found if get_infos else return_types.linalg_lu_factor(*found[:2]))


def linalg_lu_solve(LU, pivots, B, *, left=True, adjoint=False, out=None):
    """Return X with A @ X = B (left) or X @ A = B, from what `lu_factor` returns.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.lu_solve.html
    """
    if not left:
        flipped = linalg_lu_solve(LU, pivots, B.mH, adjoint=not adjoint)
        return written(out, flipped.mH)
    P, L, U = lu_unpack(LU, pivots)
    if adjoint:
        result = P @ solve_matrices(L.mH, solve_matrices(U.mH, B))
    else:
        result = solve_matrices(U, solve_matrices(L, P.mT @ B))
    return written(out, result)


@tensor_method
def lu_solve(b, LU_data, LU_pivots, *, out=None):
    """Return X with A @ X = b, from what `lu_factor` returns."""
    return linalg_lu_solve(LU_data, LU_pivots, b, out=out)


# -- orthogonal factors ---------------------------------------------------------------------------


def linalg_qr(A, mode="reduced", *, out=None):
    """Return (Q, R) with A = Q @ R; mode "reduced", "complete", or "r" for R alone.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.qr.html
    """
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' "
                           "(default), 'r', or 'complete'")
    return written(out, qr_factors(A, mode))


@tensor_method
def qr(input, some=True, *, out=None):
    """Return (Q, R); see `linalg.qr`."""
    q, r = qr_factors(input, "reduced" if some else "complete")
    return written(out, return_types.qr(q, r))


def linalg_svd(A, full_matrices=True, *, driver=None, out=None):
    """Return (U, S, Vh) with A = U @ diag(S) @ Vh.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.svd.html
    """
    return written(out, svd_factors(A, full_matrices))


@tensor_method
def svd(input, some=True, compute_uv=True, *, out=None):
    """Return (U, S, V); see `linalg.svd`, which returns V transposed."""
    if not compute_uv:
        m, n = input.shape[-2:]
        lead = input.shape[:-2]
        return return_types.svd(input.new_zeros(lead + (m, m)), RECORDS["svdvals"].call(input),
                                input.new_zeros(lead + (n, n)))
    u, s, vh = svd_factors(input, not some)
    return written(out, return_types.svd(u, s, vh.mH))


def eigh(A, UPLO="L", *, out=None):
    """Return (eigenvalues, eigenvectors) of symmetric matrices, of which one half is read.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.eigh.html
    """
    return written(out, eigh_factors(A, _half(UPLO)))


def eigvalsh(A, UPLO="L", *, out=None):
    """Return the ascending eigenvalues of symmetric matrices, of which one half is read."""
    return written(out, eigh_values(A, _half(UPLO)))


def _half(uplo):
    if uplo.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {uplo}")
    return uplo.upper()
