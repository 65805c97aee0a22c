"""Factorisations of symmetric indefinite matrices: P A Pᵀ = L D Lᴴ.

Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.ldl_factor_ex.html
"""

from .. import dtypes, return_types
from ..op import op
from .decomposition import LinAlgError, checked
from .solving import written


@op(name="ldl", namespaces=(), several=True)
def _factors(xp, input, hermitian=False):
    """Packed factors, exchanges and LAPACK's report of each matrix."""
    checked("torch.linalg.ldl_factor_ex", input, square=True)
    return xp.ldl(input, hermitian)


@op(name="ldl_solution", namespaces=())
def _solution(xp, input, pivots, other, hermitian=False):
    """X with A @ X = other, from what `ldl_factor` returns."""
    return xp.ldl_solve(input, pivots, other, hermitian)


def ldl_factor_ex(A, *, hermitian=False, check_errors=False, out=None):
    """Return (LD, pivots, info) of symmetric (or hermitian) matrices, of which a half is read.

    Raises:
        LinAlgError: when check_errors is set and D is singular.
    """
    packed, pivots, info = _factors(A.detach(), hermitian)
    if check_errors and bool((info != 0).any()):
        raise LinAlgError("torch.linalg.ldl_factor_ex: D is singular: a pivot is zero")
    return written(out, return_types.linalg_ldl_factor_ex(packed, pivots, info))


def ldl_factor(A, *, hermitian=False, out=None):
    """Return (LD, pivots); see `ldl_factor_ex`."""
    return written(out, return_types.linalg_ldl_factor(
        *ldl_factor_ex(A, hermitian=hermitian, check_errors=True)[:2]))


def ldl_solve(LD, pivots, B, *, hermitian=False, out=None):
    """Return X with A @ X = B, from what `ldl_factor` returns; without gradients, as PyTorch.

    Raises:
        RuntimeError: for shapes or dtypes that do not fit.
    """
    checked("torch.linalg.ldl_solve", LD, square=True)
    if B.ndim < 2 or LD.shape[-1] != B.shape[-2]:
        raise RuntimeError("torch.linalg.ldl_solve: Expected B to be of at least 2 dimensions and "
                           f"to fit LD, but got {list(B.shape)} and {list(LD.shape)}")
    if pivots.dtype is not dtypes.int32:
        raise RuntimeError("torch.linalg.ldl_solve: Expected pivots to be integers of dtype int32. "
                           f"Got {pivots.dtype.title}")
    if pivots.shape != LD.shape[:-1]:
        raise RuntimeError("torch.linalg.ldl_solve: Expected LD.shape[:-1] and pivots.shape to be "
                           f"the same, but got {list(LD.shape)} and {list(pivots.shape)}")
    if LD.dtype is not B.dtype:
        raise RuntimeError(f"ldl_solve: Expected LD and B to have the same dtype, but got "
                           f"{LD.dtype.title} and {B.dtype.title}")
    return written(out, _solution(LD, pivots, B, hermitian))
