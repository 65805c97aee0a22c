"""Factorisations and solutions: the records that `ember.linalg` is made of.

Derivatives: Giles, Collected Matrix Derivative Results (2008); for SVD and eigenvectors as in
https://docs.pytorch.org/docs/stable/linalg.html.
"""

import numpy as np

from .. import dtypes, return_types
from ..op import op

_HERE = ("linalg",)


class LinAlgError(RuntimeError):
    """Raised when a matrix has no such factorisation: `torch.linalg.LinAlgError`."""


def _is_complex(a):
    """Tell of an array or a Tensor."""
    return getattr(a, "_array", a).dtype.kind == "c"


def checked(name, input, square=False, least=2):
    """Refuse what is not a floating point matrix, be it array or Tensor.

    Raises:
        RuntimeError: naming the function, the shape or the dtype.
    """
    input = getattr(input, "_array", input)
    if input.ndim < least:
        raise RuntimeError(f"{name}: The input tensor A must have at least {least} dimensions.")
    if square and input.shape[-1] != input.shape[-2]:
        raise RuntimeError(f"{name}: A must be batches of square matrices, but they are "
                           f"{input.shape[-2]} by {input.shape[-1]} matrices")
    if input.dtype.name in ("float16", "complex32"):
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got Half; convert with "
                           ".float()")
    if input.dtype.kind not in "fc":
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got "
                           f"{dtypes.of(input).title}; convert with .float()")


def attempt(name, reason, compute, *args):
    """Compute something, with NumPy's LinAlgError turned into PyTorch's."""
    try:
        return compute(*args)
    except np.linalg.LinAlgError:
        raise LinAlgError(f"{name}: {reason}") from None


def _t(xp, a):
    return xp.swapaxes(a, -1, -2)


def adjoint(xp, a):
    """Return the conjugate transposes, which real matrices do not pay for."""
    return xp.swapaxes(a.conj(), -1, -2)


def _identity(xp, like):
    """Return the identity matrices of the shape of stacked square matrices."""
    return xp.triu(xp.tril(xp.ones_like(like)))


# -- inverse and determinant ----------------------------------------------------------------------


@op(namespaces=_HERE, label="A⁻¹", derivative="−outᵀ · g · outᵀ", dtypes="float/complex -> same")
def inv(xp, input):
    """Inverse matrices. Shape: (..., n, n) -> same.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.inv.html
    """
    checked("linalg.inv", input, square=True)
    return attempt("linalg.inv", "The diagonal element of a factor is zero, the inversion could "
                   "not be completed because the input matrix is singular.", xp.inv, input)


inv.vjp("input", lambda xp, g, out: -xp.matmul(xp.matmul(_t(xp, out), g), _t(xp, out)))


@op(name="solve", namespaces=(), label="A⁻¹B", derivative="∂B: A⁻ᵀ · g; ∂A: −∂B · outᵀ")
def solve_matrices(xp, input, other):
    """X with input @ X = other, for matrices on the right."""
    checked("linalg.solve", input, square=True)
    return attempt("linalg.solve", "The solver failed because the input matrix is singular.",
                   xp.solve, input, other)


solve_matrices.vjp("input", lambda xp, g, input, out: -xp.matmul(
    xp.solve(_t(xp, input), g), _t(xp, out)))
solve_matrices.vjp("other", lambda xp, g, input: xp.solve(_t(xp, input), g))


@op(name="slogdet", derivative="∂: g of logabsdet · A⁻ᵀ", several=True,
    namespaces=("torch", "Tensor", "linalg"), dtypes="float/complex -> same, real part")
def slogdet(xp, input):
    """Sign and logarithm of the absolute value of the determinants.

    Shape: (..., n, n) -> (...), (...).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.slogdet.html
    """
    checked("linalg.slogdet", input, square=True)
    return return_types.slogdet(*xp.slogdet(input))


def _slogdet_input(xp, g, input, out):
    slope = g[1]
    if _is_complex(input):
        slope = xp.complex(slope, -(g[0].conj() * out[0]).imag)
    return xp.expand_dims(slope, (-2, -1)) * adjoint(xp, xp.inv(input))


slogdet.vjp("input", _slogdet_input)


@op(name="det", namespaces=("torch", "Tensor", "linalg"), derivative="g · out · A⁻ᵀ",
    dtypes="float/complex -> same")
def det(xp, input):
    """Determinants. Shape: (..., n, n) -> (...).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.det.html

    >>> import ember
    >>> ember.det(ember.tensor([[2., 0.], [0., 3.]]))
    tensor(6.)
    """
    checked("linalg.det", input, square=True)
    sign, logarithm = xp.slogdet(input)
    return sign * xp.exp(logarithm)


def _det_input(xp, g, input, out):
    g, out = xp.expand_dims(g, (-2, -1)), xp.expand_dims(out, (-2, -1))
    if xp.to_host((xp.abs(out) > 1e-9).all()):
        return g * out * _t(xp, xp.inv(input))
    # the cofactors, which exist for singular matrices too
    u, s, vh = xp.svd(input, False)
    others = xp.expand_dims(_products_of_others(xp, s), -2)
    sign = xp.expand_dims(xp.slogdet(xp.matmul(u, vh))[0], (-2, -1))
    return g * sign * xp.matmul(u * others, vh).conj()


def _products_of_others(xp, s):
    one = xp.ones_like(s[..., :1])
    before = xp.cumprod(xp.concatenate([one, s[..., :-1]], -1), -1)
    behind = xp.cumprod(xp.concatenate([one, xp.flip(s[..., 1:], -1)], -1), -1)
    return before * xp.flip(behind, -1)


det.vjp("input", _det_input)

# -- factors --------------------------------------------------------------------------------------


@op(name="cholesky", namespaces=(), adjoint=True, derivative="L⁻ᵀ · Φ(Lᵀg) · L⁻¹, made symmetric")
def cholesky_factor(xp, input):
    """Lower Cholesky factors of positive definite matrices."""
    checked("linalg.cholesky", input, square=True)
    return attempt("linalg.cholesky", "The factorization could not be completed because the input "
                   "is not positive-definite.", xp.cholesky, input)


def _cholesky_input(xp, g, out):
    inner = xp.tril(xp.matmul(adjoint(xp, out), g))
    inner = inner - 0.5 * inner * _identity(xp, inner)
    inverse = xp.inv(out)
    full = xp.matmul(xp.matmul(adjoint(xp, inverse), inner), inverse)
    return 0.5 * (full + adjoint(xp, full))


cholesky_factor.vjp("input", _cholesky_input)


@op(name="qr", namespaces=(), several=True, derivative="see Giles (2008)")
def qr_factors(xp, input, mode="reduced"):
    """Orthonormal Q and upper triangular R with input = Q @ R."""
    checked("linalg.qr", input)
    return return_types.linalg_qr(*xp.qr(input, mode))


def _qr_input(xp, g, out, input, mode):
    if mode == "r":
        raise RuntimeError("The derivative of linalg.qr depends on Q, which is not computed when "
                           "mode='r'. Please use linalg.qr(A, mode='reduced') if you are going to "
                           "require gradients.")
    (gq, gr), (q, r) = g, out
    m, n = input.shape[-2:]
    if mode == "complete" and m > n:
        raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and "
                           "nrows > ncols")
    if m >= n:
        return _square_qr(xp, gq, gr, q, r)
    behind = input[..., m:]
    gq = gq + xp.matmul(behind, adjoint(xp, gr[..., m:]))
    first = _square_qr(xp, gq, gr[..., :m], q, r[..., :m])
    return xp.concatenate([first, xp.matmul(q, gr[..., m:])], -1)


def _square_qr(xp, gq, gr, q, r):
    inner = xp.triu(xp.matmul(gr, adjoint(xp, r)) - xp.matmul(adjoint(xp, q), gq))
    inner = inner + adjoint(xp, inner) - inner.real * _identity(xp, inner)
    right = gq + xp.matmul(q, inner)
    return adjoint(xp, xp.solve(r, adjoint(xp, right)))


qr_factors.vjp("input", _qr_input)


def _gaps(xp, values):
    """Return the differences values_j − values_i, with 1 on the diagonal."""
    gaps = xp.expand_dims(values, -2) - xp.expand_dims(values, -1)
    return gaps + _identity(xp, gaps)


@op(name="svd", namespaces=(), several=True, derivative="see Townsend (2016)")
def svd_factors(xp, input, full=True):
    """Orthonormal U, descending S and orthonormal Vᵀ with input = U @ diag(S) @ Vᵀ."""
    checked("linalg.svd", input)
    return return_types.linalg_svd(*attempt(
        "linalg.svd", "The algorithm failed to converge because the input matrix is "
        "ill-conditioned or has too many repeated singular values.", xp.svd, input, full))


def _svd_input(xp, g, out):
    (gu, gs, gvh), (u, s, vh) = g, out
    k = s.shape[-1]
    u, gu, vh, gvh = u[..., :k], gu[..., :k], vh[..., :k, :], gvh[..., :k, :]
    gaps = _gaps(xp, s * s)
    row, column = xp.expand_dims(s, -2), xp.expand_dims(s, -1)

    one = _identity(xp, gaps)

    def skew(x):
        return (x - adjoint(xp, x)) * (1 - one) / gaps

    left = xp.matmul(adjoint(xp, u), gu)
    right = xp.matmul(gvh, adjoint(xp, vh))
    inner = (skew(left) * row + column * skew(adjoint(xp, right)) + xp.expand_dims(gs, -2) * one)
    if _is_complex(u):  # turning the phase of a singular vector
        inner = inner + (left - adjoint(xp, left)) / (2 * row) * one
    result = xp.matmul(xp.matmul(u, inner), vh)
    if u.shape[-2] > k:
        result = result + xp.matmul((gu - xp.matmul(u, left)) / row, vh)
    if vh.shape[-1] > k:
        result = result + xp.matmul(u, (gvh - xp.matmul(right, vh)) / column)
    return result


svd_factors.vjp("input", _svd_input)


@op(name="svdvals", namespaces=_HERE, derivative="U · diag(g) · Vᵀ",
    dtypes="float/complex -> real part")
def svdvals(xp, input):
    """Singular values in descending order. Shape: (..., m, n) -> (..., min(m, n))."""
    checked("linalg.svdvals", input)
    return xp.svd(input, False)[1]


def _svdvals_input(xp, g, input):
    u, _, vh = xp.svd(input, False)
    return xp.matmul(u * xp.expand_dims(g, -2), vh)


svdvals.vjp("input", _svdvals_input)


@op(name="eigh", namespaces=(), several=True, derivative="V · (diag(gL) + VᵀgV / gaps) · Vᵀ")
def eigh_factors(xp, input, uplo="L"):
    """Ascending eigenvalues and orthonormal eigenvectors of symmetric matrices."""
    checked("linalg.eigh", input, square=True)
    return return_types.linalg_eigh(*attempt(
        "linalg.eigh", "The algorithm failed to converge because the input matrix is "
        "ill-conditioned or has too many repeated eigenvalues.", xp.eigh, input, uplo.upper()))


def _eigh_input(xp, g, out):
    (gl, gv), (values, vectors) = g, out
    inner = xp.matmul(adjoint(xp, vectors), gv) / _gaps(xp, values)
    inner = inner - inner * _identity(xp, inner)
    inner = 0.5 * (inner + adjoint(xp, inner))  # of hermitian matrices, one half being read
    inner = inner + xp.expand_dims(gl, -2) * _identity(xp, inner)
    return xp.matmul(xp.matmul(vectors, inner), adjoint(xp, vectors))


eigh_factors.vjp("input", _eigh_input)


@op(name="eigvalsh", namespaces=(), derivative="V · diag(g) · Vᵀ")
def eigh_values(xp, input, uplo="L"):
    """Ascending eigenvalues of symmetric matrices."""
    checked("linalg.eigvalsh", input, square=True)
    return xp.eigh(input, uplo.upper())[0]


def _eigvalsh_input(xp, g, input, uplo):
    _, vectors = xp.eigh(input, uplo)
    return xp.matmul(vectors * xp.expand_dims(g, -2), adjoint(xp, vectors))


eigh_values.vjp("input", _eigvalsh_input)


@op(namespaces=_HERE, several=True, derivative="see Boeddeker et al. (2019), equation 4.77",
    dtypes="float/complex -> complex, complex")
def eig(xp, input):
    """Complex eigenvalues and eigenvectors of square matrices; gradients of first order.

    Shape: (..., n, n) -> (..., n), (..., n, n).
    """
    checked("linalg.eig", input, square=True)
    return return_types.linalg_eig(*xp.eig(input))


def _eig_input(xp, g, out):
    (gl, gv), (values, vectors) = g, out
    adjoint = xp.conj(_t(xp, vectors))
    inner = xp.matmul(adjoint, gv)
    one = _identity(xp, inner)
    length = xp.expand_dims(xp.sum((inner * one).real, axis=-1), -2)
    inner = inner - xp.matmul(adjoint, vectors * length)
    inner = inner / xp.conj(_gaps(xp, values))
    inner = inner - inner * one + xp.expand_dims(gl, -2) * one
    return xp.solve(adjoint, xp.matmul(inner, adjoint))


eig.vjp("input", _eig_input)


@op(namespaces=_HERE, adjoint=True, derivative="V⁻ᴴ · diag(g) · Vᴴ",
    dtypes="float/complex -> complex")
def eigvals(xp, input):
    """Complex eigenvalues of square matrices; gradients of first order.

    Shape: (..., n, n) -> (..., n).
    """
    checked("linalg.eigvals", input, square=True)
    return xp.eig(input)[0]


def _eigvals_input(xp, g, input):
    _, vectors = xp.eig(input)
    adjoint = xp.conj(_t(xp, vectors))
    return xp.solve(adjoint, xp.expand_dims(g, -1) * adjoint)


eigvals.vjp("input", _eigvals_input)


# -- LU -------------------------------------------------------------------------------------------


@op(name="lu", namespaces=(), several=True, derivative="P L⁻ᵀ (tril(LᵀgL, −1) + triu(gU Uᵀ)) U⁻ᵀ")
def lu_packed(xp, input):
    """Factors L − I + U of row-permuted matrices in one, and the exchanges of rows."""
    checked("linalg.lu_factor", input)
    return return_types.linalg_lu_factor(*xp.lu(input))


def _lu_input(xp, g, out, input):
    packed, pivots = out
    m, n = input.shape[-2:]
    k = min(m, n)
    first, g1 = packed[..., :k, :k], g[0][..., :k, :k]
    lower, upper = xp.tril(first, -1) + _identity(xp, first), xp.triu(first)
    left = xp.matmul(adjoint(xp, lower), xp.tril(g1, -1))
    right = xp.matmul(xp.triu(g1), adjoint(xp, upper))
    behind = g[0][..., k:]  # of U, for wide matrices
    below = g[0][..., k:, :]  # of L, for tall ones
    if n > k:
        left = left - xp.matmul(behind, adjoint(xp, packed[..., k:]))
    if m > k:
        right = right - xp.matmul(adjoint(xp, packed[..., k:, :]), below)
    inner = xp.solve(adjoint(xp, lower), xp.tril(left, -1) + xp.triu(right))
    result = adjoint(xp, xp.solve(upper, adjoint(xp, inner)))
    if n > k:
        result = xp.concatenate([result, xp.solve(adjoint(xp, lower), behind)], -1)
    if m > k:
        tall = adjoint(xp, xp.solve(upper, adjoint(xp, below)))
        result = xp.concatenate([result, tall], -2)
    return xp.matmul(xp.permuted_identity(pivots, m, input.dtype), result)


lu_packed.vjp("input", _lu_input)


@op(namespaces=())
def permuted_identity(xp, pivots, rows, dtype):
    """Permutation matrices P with A = P @ L @ U for the exchanges of an LU factorisation."""
    return xp.permuted_identity(pivots, rows, getattr(dtype, "numpy", dtype))
