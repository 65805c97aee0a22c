"""A product added to something: the BLAS-like `addmm` and its kin."""

from ..lowprecision import rounded_once
from ..tensor import tensor_method
from .elementwise import add
from .linalg import bmm, mm, mv, outer

__all__ = ["addbmm", "addmm", "addmv", "addr", "baddbmm"]


def _plus(input, product, beta, alpha, out):
    """Return beta · input + alpha · product; NaN in input does not count where beta is 0."""
    if product.dtype.category < 2:  # integers take the whole part of the factors
        whole = int if product.dtype.category else bool
        alpha, beta = whole(alpha), whole(beta)
    if alpha != 1:
        product = product * alpha
    if input.shape != product.shape:
        input = input.expand(product.shape)
    if beta == 0:
        input = input.detach().new_zeros(())
    elif beta != 1:
        input = input * beta
    return add(input, product, out=out)


@tensor_method
@rounded_once
def addmm(input, mat1, mat2, *, beta=1, alpha=1, out=None):
    """Return beta · input + alpha · (mat1 @ mat2).

    Shape: broadcast to (n, m); (n, k); (k, m) -> (n, m).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.addmm.html

    >>> import ember
    >>> ember.addmm(ember.ones(2), ember.eye(2), ember.eye(2))
    tensor([[2., 1.],
            [1., 2.]])
    """
    return _plus(input, mm(mat1, mat2), beta, alpha, out)


@tensor_method
@rounded_once
def addmv(input, mat, vec, *, beta=1, alpha=1, out=None):
    """Return beta · input + alpha · (mat @ vec). Shape: to (n); (n, k); (k) -> (n).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.addmv.html
    """
    return _plus(input, mv(mat, vec), beta, alpha, out)


@tensor_method
@rounded_once
def addr(input, vec1, vec2, *, beta=1, alpha=1, out=None):
    """Return beta · input + alpha · outer(vec1, vec2). Shape: to (n, m); (n); (m) -> (n, m).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.addr.html
    """
    return _plus(input, outer(vec1, vec2), beta, alpha, out)


@tensor_method
@rounded_once
def baddbmm(input, batch1, batch2, *, beta=1, alpha=1, out=None):
    """Return beta · input + alpha · bmm(batch1, batch2).

    Shape: broadcast to (b, n, m); (b, n, k); (b, k, m) -> (b, n, m).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.baddbmm.html
    """
    return _plus(input, bmm(batch1, batch2), beta, alpha, out)


@tensor_method
@rounded_once
def addbmm(input, batch1, batch2, *, beta=1, alpha=1, out=None):
    """Return beta · input + alpha · the sum over the batch of bmm(batch1, batch2).

    Shape: broadcast to (n, m); (b, n, k); (b, k, m) -> (n, m).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.addbmm.html
    """
    return _plus(input, bmm(batch1, batch2).sum(0, dtype=batch1.dtype), beta, alpha, out)
