"""Linear algebra of stacked matrices: the array module's, with PyTorch's names."""

import importlib
import math

import numpy as np

_PREFIXES = {"f": "s", "d": "d", "F": "c", "D": "z"}  # LAPACK names dtypes so


def _lapack(kind, hermitian, a):
    """Return LAPACK's routine for symmetric, or for hermitian matrices of a dtype."""
    try:
        lapack = importlib.import_module("scipy.linalg.lapack")
    except ImportError as error:
        raise ImportError("linalg.ldl_factor needs SciPy: pip install 'ember[scipy]'") from error
    family = "he" if hermitian and a.dtype.kind == "c" else "sy"
    return getattr(lapack, _PREFIXES[a.dtype.char] + family + kind)


class Linear:
    """The part of a backend that factorises matrices.

    Functions raise NumPy's LinAlgError where a factorisation does not exist.
    """

    def inv(self, a):
        """Return the inverses."""
        return self.linalg.inv(a)

    def solve(self, a, b):
        """Return x with a @ x = b, for matrices b."""
        return self.linalg.solve(a, b)

    def slogdet(self, a):
        """Return the signs and the logarithms of the absolute values of the determinants."""
        sign, logarithm = self.linalg.slogdet(a)
        return sign, logarithm

    def cholesky(self, a):
        """Return the lower Cholesky factors."""
        return self.linalg.cholesky(a)

    def qr(self, a, mode):
        """Return Q and R; mode "reduced", "complete" or "r"."""
        if mode == "r":
            return self.zeros((0,), a.dtype), self.linalg.qr(a, "r")
        q, r = self.linalg.qr(a, mode)
        return q, r

    def svd(self, a, full):
        """Return U, S and the transposed V."""
        u, s, vh = self.linalg.svd(a, full)
        return u, s, vh

    def eigh(self, a, uplo):
        """Return eigenvalues and eigenvectors of symmetric matrices of which half is read."""
        values, vectors = self.linalg.eigh(a, uplo)
        return values, vectors

    def eig(self, a):
        """Return eigenvalues and eigenvectors as complex numbers."""
        complex_type = np.result_type(a.dtype, np.complex64)
        if not a.size:
            return (self.zeros(a.shape[:-1], complex_type), self.zeros(a.shape, complex_type))
        values, vectors = self.linalg.eig(a)
        return values.astype(complex_type), vectors.astype(complex_type)

    def lu(self, a):
        """Return the packed factors L − I + U of row-permuted matrices, and the exchanges.

        Returns:
            (packed, pivots): row i was exchanged with row pivots[i] (from 1, int32) in turn.
        """
        m, n = a.shape[-2:]
        lead = a.shape[:-2]
        a = a.reshape((math.prod(lead), m, n)).copy()
        batch = self.arange(a.shape[0])
        k = min(m, n)
        pivots = self.zeros((a.shape[0], k), self.int32)
        for i in range(k):
            column = a[:, i:, i]  # LAPACK measures complex pivots so
            row = (self.abs(column.real) + self.abs(column.imag)).argmax(1) + i
            pivots[:, i] = row + 1
            chosen = a[batch, row].copy()
            a[batch, row] = a[:, i]
            a[:, i] = chosen
            pivot = a[:, i, i]
            a[:, i + 1:, i] /= self.where(pivot == 0, 1, pivot)[:, None]
            a[:, i + 1:, i + 1:] -= a[:, i + 1:, i, None] * a[:, i, None, i + 1:]
        return a.reshape(lead + (m, n)), pivots.reshape(lead + (k,))

    def permuted_identity(self, pivots, rows, dtype):
        """Return the matrices P with a = P @ L @ U for the exchanges of `lu`."""
        lead, k = pivots.shape[:-1], pivots.shape[-1]
        pivots = pivots.reshape((math.prod(lead), k))
        order = self.zeros((pivots.shape[0], rows), self.int64) + self.arange(rows)
        batch = self.arange(pivots.shape[0])
        for i in range(k):
            other = pivots[:, i] - 1
            here = order[:, i].copy()
            order[:, i] = order[batch, other]
            order[batch, other] = here
        identity = order[:, None, :] == self.arange(rows)[:, None]
        return identity.astype(dtype).reshape(lead + (rows, rows))

    def ldl(self, a, hermitian):
        """Return (packed L and D, exchanges, infos) of symmetric matrices: LAPACK's `sytrf`."""
        a = np.asarray(self.to_host(a))
        packed, pivots = np.empty_like(a), np.empty(a.shape[:-1], np.int32)
        infos = np.zeros(a.shape[:-2], np.int32)
        for i in np.ndindex(*a.shape[:-2]) if a.size else ():
            both, pivots[i], infos[i] = _lapack("trf", hermitian, a)(a[i], lower=1)
            packed[i] = np.tril(both)
        return self.from_host(packed), self.from_host(pivots), self.from_host(infos)

    def ldl_solve(self, a, pivots, b, hermitian):
        """Return x with the factorised a @ x = b."""
        a, pivots, b = (np.asarray(self.to_host(v)) for v in (a, pivots, b))
        lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a, pivots, b = (np.broadcast_to(v, lead + v.shape[v.ndim - n:])
                        for v, n in ((a, 2), (pivots, 1), (b, 2)))
        x = np.empty(b.shape, b.dtype)
        for i in np.ndindex(*lead) if b.size else ():
            x[i], _ = _lapack("trs", hermitian, a)(a[i], pivots[i], b[i], lower=1)
        return self.from_host(x)
