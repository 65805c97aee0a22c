"""Distances between vectors, and other products of pairs: `cdist`, `cross`, `kron`, `trace`."""

from ..op import RECORDS, op
from ..tensor import tensor_method
from .dims import axis
from .norms import norm_along

__all__ = ["cdist", "cross", "dist", "kron", "renorm", "trace"]


@tensor_method
def dist(input, other, p=2):
    """Return the p-norm of input − other.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.dist.html

    >>> import ember
    >>> ember.dist(ember.tensor([1., 1.]), ember.tensor([4., 5.]))
    tensor(5.)
    """
    return norm_along(input - other, float(p))


@op(name="p_distance", namespaces=(), label="‖x₁ − x₂‖",
    derivative="∂x1: Σ g · ∂‖·‖(x1 − x2); ∂x2: the negative, summed over x1")
def _p_distance(xp, x1, x2, p):
    """Distances of all rows of x1 to all rows of x2."""
    difference = xp.expand_dims(x1, -2) - xp.expand_dims(x2, -3)
    if not difference.shape[-1]:
        return xp.zeros(difference.shape[:-1], x1.dtype)
    return norm_along.op.forward(xp, difference, p, -1)


def _p_slope(xp, g, x1, x2, out, p):
    difference = xp.expand_dims(x1, -2) - xp.expand_dims(x2, -3)
    if not difference.shape[-1]:
        return difference * xp.expand_dims(g, -1)
    return norm_along.op.vjps["input"](xp, g, difference, out, p, -1, False)


_p_distance.vjp("x1", lambda xp, g, x1, x2, out, p: xp.sum(
    _p_slope(xp, g, x1, x2, out, p), axis=-2))
_p_distance.vjp("x2", lambda xp, g, x1, x2, out, p: -xp.sum(
    _p_slope(xp, g, x1, x2, out, p), axis=-3))


def cdist(x1, x2, p=2.0, compute_mode="use_mm_for_euclid_dist_if_necessary"):
    """Return the p-norm distances of all rows of x1 to all rows of x2.

    Shape: (..., n, d), (..., m, d) -> (..., n, m).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.cdist.html

    >>> import ember
    >>> ember.cdist(ember.tensor([[0., 0.]]), ember.tensor([[3., 4.]]))
    tensor([[5.]])
    """
    for name, t in (("X1", x1), ("X2", x2)):
        if t.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {t.ndim}D")
        if not t.dtype.is_floating_point:
            raise RuntimeError(f"cdist only supports floating-point dtypes, {name} got: "
                               f"{t.dtype.title}")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError("X1 and X2 must have the same number of columns. "
                           f"X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    rows = max(x1.shape[-2], x2.shape[-2])
    by_products = compute_mode == "use_mm_for_euclid_dist" or (
        compute_mode.endswith("if_necessary") and rows > 25)
    if p == 2 and by_products:
        squares = ((x1 * x1).sum(-1, keepdim=True) + (x2 * x2).sum(-1).unsqueeze(-2)
                   - 2 * (x1 @ x2.mT))
        return squares.clamp(min=0).sqrt()
    return _p_distance(x1, x2, float(p))


# -- products -------------------------------------------------------------------------------------


@tensor_method
def cross(input, other, dim=None, *, out=None):
    """Return the vector products of vectors with 3 elements along a dimension.

    Args:
        dim: by default the first dimension of size 3.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.cross.html

    >>> import ember
    >>> ember.cross(ember.tensor([1., 0., 0.]), ember.tensor([0., 1., 0.]))
    tensor([0., 0., 1.])
    """
    if input.ndim != other.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    if dim is None:
        dim = next((i for i, n in enumerate(input.shape) if n == 3), None)
        if dim is None:
            raise RuntimeError("no dimension of size 3 in input")
    if input.shape[dim] != 3 or other.shape[dim] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[dim]} and "
            f"{other.shape[dim]}")
    roll = RECORDS["roll"].call
    result = (roll(input, -1, dim) * roll(other, -2, dim)
              - roll(input, -2, dim) * roll(other, -1, dim))
    return result if out is None else out.copy_(result)


@tensor_method
def kron(input, other, *, out=None):
    """Return the Kronecker product: each element of input times the whole of other.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.kron.html
    """
    ndim = max(input.ndim, other.ndim)
    a = (1,) * (ndim - input.ndim) + tuple(input.shape)
    b = (1,) * (ndim - other.ndim) + tuple(other.shape)
    left = [n for size in a for n in (size, 1)]
    right = [n for size in b for n in (1, size)]
    product = input.reshape(left) * other.reshape(right)
    product = product.reshape([m * n for m, n in zip(a, b)])
    return product if out is None else out.copy_(product)


@tensor_method
def trace(input):
    """Return the sum of the diagonal of a matrix. Shape: (n, m) -> ().

    Source: https://docs.pytorch.org/docs/stable/generated/torch.trace.html

    >>> import ember
    >>> ember.trace(ember.tensor([[1., 2.], [3., 4.]]))
    tensor(5.)
    """
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return input.diagonal().sum()


@tensor_method
def renorm(input, p, dim, maxnorm, *, out=None):
    """Return the tensor with each slice along a dimension scaled to a p-norm of at most maxnorm.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.renorm.html
    """
    if input.ndim < 2:
        raise RuntimeError("renorm: input needs at least 2 dimensions, got "
                           f"{input.ndim} dimensions")
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    a = axis(dim, input.ndim)
    others = [i for i in range(input.ndim) if i != a]
    norms = norm_along(input, float(p), others, True)
    scale = RECORDS["where"].call(norms > maxnorm, maxnorm / (norms + 1e-7), 1.0)
    return RECORDS["mul"].call(input, scale, out=out)
