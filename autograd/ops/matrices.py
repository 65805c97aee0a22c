"""Norms, powers and pseudo-inverses of matrices, composed of the factorisations."""

import math

from .. import dtypes
from ..lowprecision import rounded_once
from ..op import RECORDS, op
from ..tensor import Tensor, tensor_method
from .combining import broadcast_tensors
from .decomposition import adjoint, checked, inv, solve_matrices, svdvals
from .dims import axis
from .distances import cross
from .norms import norm_along
from .solving import eigvalsh, written

__all__ = ["matrix_exp", "matrix_power", "pinverse"]

# -- norms ----------------------------------------------------------------------------------------


def vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None, out=None):
    """Return the norm of the elements along dimensions as if they were one vector.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.vector_norm.html
    """
    return norm_along(x, float(ord), dim, keepdim, dtype=dtype, out=out)


def _largest(values, dim, keepdim=False):
    """Return the maximum of values that are not negative, 0 where there are none."""
    return values.amax(dim, keepdim) if values.shape[dim] else values.sum(dim, keepdim)


def matrix_norm(A, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None, out=None):
    """Return the norm of matrices: "fro", "nuc", or inf, 1, 2 with either sign.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.matrix_norm.html
    """
    if dtype is not None:
        A = A.to(dtype)
    if A.ndim < 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 "
                           f"dimensions, but it has {A.ndim}")
    rows, columns = (axis(d, A.ndim) for d in dim)
    if rows == columns:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    if ord == "fro":
        return norm_along(A, 2.0, dim, keepdim, out=out)
    if ord not in ("nuc", 1, -1, 2, -2, math.inf, -math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    if ord == "nuc" or abs(ord) == 2:
        values = svdvals(A.movedim((rows, columns), (-2, -1)))
        if ord == "nuc":
            result = values.sum(-1)
        else:
            result = _largest(values, -1) if ord > 0 else values.amin(-1)
        if keepdim:
            for d in sorted((rows, columns)):
                result = result.unsqueeze(d)
        return written(out, result)
    summed, extreme = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = norm_along(A, 1.0, summed, True)
    result = _largest(sums, extreme, True) if ord > 0 else sums.amin(extreme, True)
    if not keepdim:
        result = result.squeeze((rows, columns))
    return written(out, result)


def norm(A, ord=None, dim=None, keepdim=False, *, dtype=None, out=None):
    """Return the norm of a vector or matrix, by the number of dimensions.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.norm.html
    """
    if dim is not None and isinstance(dim, int):
        dim = (dim,)
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype, out=out)
    if dim is None and A.ndim > 2:
        raise RuntimeError("linalg.norm: If dim is not specified but ord is, the input must be 1D "
                           f"or 2D. Got {A.ndim}D.")
    if isinstance(ord, str) or (len(dim) if dim is not None else A.ndim) == 2:
        return matrix_norm(A, ord, (-2, -1) if dim is None else dim, keepdim, dtype=dtype, out=out)
    return vector_norm(A, ord, dim, keepdim, dtype=dtype, out=out)


def cond(A, p=None, *, out=None):
    """Return the condition number: the norm of A times the norm of its inverse.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.cond.html
    """
    if p is None or p in (2, -2):
        values = svdvals(A)
        if not A.numel():
            return written(out, values.new_zeros(values.shape[:-1]))
        first, last = values[..., 0], values[..., -1]
        return written(out, last / first if p == -2 else first / last)
    return written(out, matrix_norm(A, p) * matrix_norm(inv(A), p))


# -- rank and pseudo-inverse ----------------------------------------------------------------------


def _tolerance(A, largest, atol, rtol):
    """Return the threshold below which singular values count as zero."""
    if rtol is None:
        set_ = atol is not None and (not isinstance(atol, Tensor) and atol > 0
                                     or isinstance(atol, Tensor))
        rtol = 0.0 if set_ else max(A.shape[-2:]) * dtypes.finfo(A.dtype).eps
    relative = largest * rtol
    return relative if atol is None else RECORDS["maximum"].call(
        relative, atol if isinstance(atol, Tensor) else relative * 0 + atol)


def _magnitudes(A, hermitian):
    return eigvalsh(A).abs() if hermitian else svdvals(A)


def matrix_rank(A, tol=None, hermitian=False, *, atol=None, rtol=None, out=None):
    """Return the number of singular values above a tolerance.

    Args:
        atol, rtol: absolute and relative to the largest; tol: the old name of atol.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.matrix_rank.html
    """
    checked("linalg.matrix_rank", A)
    values = _magnitudes(A.detach(), hermitian)
    if not values.shape[-1]:
        return written(out, values.new_zeros(values.shape[:-1], dtype=dtypes.int64))
    limit = _tolerance(A, values.amax(-1), tol if tol is not None else atol,
                       0.0 if tol is not None else rtol)
    return written(out, (values > limit.unsqueeze(-1)).sum(-1))


@op(name="pinv", namespaces=(), label="A⁺", adjoint=True, derivative="see Golub and Pereyra (1973)")
def pseudo_inverse(xp, input, limit, hermitian=False):
    """Pseudo-inverses, with singular values up to a limit counted as zero."""
    if hermitian:
        s, u = xp.eigh(input, "L")
        vh = adjoint(xp, u)
    else:
        u, s, vh = xp.svd(input, False)
    kept = xp.abs(s) > limit[..., None]
    reciprocal = xp.where(kept, 1 / xp.where(kept, s, 1), 0)
    return xp.matmul(adjoint(xp, vh) * reciprocal[..., None, :], adjoint(xp, u))


def _pinv_input(xp, g, input, out):
    g, t = adjoint(xp, g), adjoint(xp, out)
    if input.shape[-2] <= input.shape[-1]:
        k = xp.matmul(g, out)
        kt = xp.matmul(k, t)
        return (kt - xp.matmul(xp.matmul(input, out), kt)
                - adjoint(xp, xp.matmul(out, k))
                + xp.matmul(xp.matmul(t, out), g - xp.matmul(k, input)))
    k = xp.matmul(out, g)
    tk = xp.matmul(t, k)
    return (xp.matmul(xp.matmul(g - xp.matmul(input, k), out), t) + tk
            - adjoint(xp, xp.matmul(k, out)) - xp.matmul(xp.matmul(tk, out), input))


pseudo_inverse.vjp("input", _pinv_input)


def pinv(A, rcond=None, hermitian=False, *, atol=None, rtol=None, out=None):
    """Return the Moore-Penrose pseudo-inverses.

    Args:
        atol, rtol: limits below which singular values count as zero; rcond: old name of rtol.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.pinv.html
    """
    checked("linalg.pinv", A)
    if A.numel():
        largest = _magnitudes(A.detach(), hermitian).amax(-1)
    else:
        largest = A.detach().new_zeros(A.shape[:-2])
    limit = _tolerance(A, largest, atol, rcond if rtol is None else rtol)
    return written(out, pseudo_inverse(A, limit, hermitian))


@tensor_method
def pinverse(input, rcond=1e-15):
    """Return the pseudo-inverses; see `linalg.pinv`."""
    return pinv(input, rtol=rcond)


# -- powers and products --------------------------------------------------------------------------


@tensor_method
def matrix_power(A, n, *, out=None):
    """Return the n-th power of square matrices, by repeated squaring; of the inverse for n < 0.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.matrix_power.html
    """
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise RuntimeError("linalg.matrix_power: A must be batches of square matrices, but they "
                           f"have shape {list(A.shape)}")
    if n < 0:
        A, n = inv(A), -n
    if n == 0:
        return written(out, A * 0 + A.new_ones(A.shape[-1:]).diag())
    result = None
    while n:
        if n & 1:
            result = A if result is None else result @ A
        n >>= 1
        if n:
            A = A @ A
    return written(out, result)


@tensor_method
@rounded_once
def matrix_exp(A):
    """Return the exponential of square matrices: a Taylor series of A / 2ˢ, squared s times.

    Source: Bader, Blanes & Casas, https://doi.org/10.3390/math7121174;
    https://docs.pytorch.org/docs/stable/generated/torch.linalg.matrix_exp.html
    """
    checked("linalg.matrix_exp", A, square=True)
    if not A.numel():
        return A.clone()
    size = matrix_norm(A.detach(), 1).max().item()
    # Up to these norms 18 terms are exact to rounding, which each squaring doubles.
    limit = 1.09 if A.dtype in (dtypes.float64, dtypes.complex128) else 3.01
    squarings = max(0, math.ceil(math.log2(size / limit))) if 0 < size < math.inf else 0
    scaled = A / 2.0 ** squarings
    one = A.new_ones(A.shape[-1:]).diag()
    result = one + scaled / 18
    for k in range(17, 0, -1):
        result = one + scaled @ result / k
    for _ in range(squarings):
        result = result @ result
    return result


def multi_dot(tensors, *, out=None):
    """Return the product of matrices, multiplied in the order that takes fewest operations.

    The first may be a row and the last a column vector.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.multi_dot.html
    """
    tensors = list(tensors)
    if len(tensors) < 2:
        raise RuntimeError("multi_dot(): expected at least 2 tensors but got "
                           f"{len(tensors)}")
    row, column = tensors[0].ndim == 1, tensors[-1].ndim == 1
    if row:
        tensors[0] = tensors[0].unsqueeze(0)
    if column:
        tensors[-1] = tensors[-1].unsqueeze(1)
    for i, t in enumerate(tensors):
        if t.ndim != 2:
            raise RuntimeError(f"multi_dot(): tensor {i} must be 2D but got {t.ndim}D")
    result = _chained(tensors, _best_splits([t.shape[0] for t in tensors] + [tensors[-1].shape[1]]),
                      0, len(tensors) - 1)
    if row:
        result = result.squeeze(0)
    return written(out, result.squeeze(-1) if column else result)


def _best_splits(sizes):
    """Return where to split each chain of matrices i..j, by dynamic programming."""
    n = len(sizes) - 1
    cost = {(i, i): 0 for i in range(n)}
    split = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i, j], split[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j))
    return split


def _chained(tensors, split, i, j):
    if i == j:
        return tensors[i]
    k = split[i, j]
    return _chained(tensors, split, i, k) @ _chained(tensors, split, k + 1, j)


def vecdot(x, y, *, dim=-1, out=None):
    """Return the dot products of vectors along a dimension.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.vecdot.html
    """
    return written(out, (x.conj() * y).sum(dim))


def vander(x, N=None):
    """Return the Vandermonde matrices: powers 0 to N − 1 of each element.

    Shape: (..., n) -> (..., n, N).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.vander.html
    """
    x = x if x.ndim else x.reshape(1)
    N = x.shape[-1] if N is None else N
    if N <= 1:
        raise RuntimeError("N must be greater than 1.")
    powers = x.unsqueeze(-1).expand(tuple(x.shape) + (N - 1,)).cumprod(-1)
    return RECORDS["cat"].call([RECORDS["clone"].call(x.unsqueeze(-1)) * 0 + 1, powers], -1)


def tensorinv(A, ind=2, *, out=None):
    """Return the inverse of a tensor for tensordot over its first `ind` dimensions.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.tensorinv.html
    """
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    first, second = A.shape[:ind], A.shape[ind:]
    n, m = math.prod(first), math.prod(second)
    if n != m:
        raise RuntimeError("Expected self to satisfy the requirement prod(self.shape[ind:]) == "
                           f"prod(self.shape[:ind]), but got {m} != {n}")
    return written(out, inv(A.reshape(n, m)).reshape(tuple(second) + tuple(first)))


def tensorsolve(A, B, dims=None, *, out=None):
    """Return X with tensordot(A, X, X.ndim) = B.

    Args:
        dims: dimensions of A to move to the end first.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.tensorsolve.html
    """
    if dims is not None:
        A = A.movedim(tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))
    shape = A.shape[B.ndim:]
    n = math.prod(shape)
    if n != B.numel():
        raise RuntimeError("Expected self to satisfy the requirement prod(self.shape[other.ndim:]) "
                           f"== prod(self.shape[:other.ndim]), but got {n} != {B.numel()}")
    result = solve_matrices(A.reshape(n, n), B.reshape(n, 1))
    return written(out, result.reshape(tuple(shape)))


def linalg_cross(input, other, *, dim=-1, out=None):
    """Return the vector products along a dimension of size 3, with broadcasting.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.cross.html
    """
    if 3 not in (input.shape[dim], other.shape[dim]) or input.shape[dim] != other.shape[dim]:
        raise RuntimeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got "
                           f"{input.shape[dim]} and {other.shape[dim]}")
    if input.ndim == other.ndim and input.shape != other.shape:
        input, other = broadcast_tensors(input, other)
    return cross(input, other, dim, out=out)


def linalg_diagonal(A, *, offset=0, dim1=-2, dim2=-1):
    """Return the diagonals of matrices, as a view."""
    return A.diagonal(offset, dim1, dim2)
