"""Distances and similarities of vectors.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.functional.html#distance-functions
"""

from ...autograd import arange, broadcast_tensors

__all__ = ["cosine_similarity", "pairwise_distance", "pdist"]


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """Cosine of the angle between vectors.

    Args:
        x1, x2: shapes that broadcast.
        dim: the dimension of the vectors.
        eps: least norm.

    >>> import ember as torch
    >>> torch.nn.functional.cosine_similarity(torch.eye(2), torch.ones(2, 2))
    tensor([0.7071, 0.7071])
    """
    x1, x2 = broadcast_tensors(x1, x2)
    one = x1 / x1.norm(2, dim, keepdim=True).clamp_min(eps)
    two = x2 / x2.norm(2, dim, keepdim=True).clamp_min(eps)
    return (one * two).sum(dim)


def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """p-norm of x1 − x2 + eps along the last dimension. Shape: (*, D), (*, D) -> (*)."""
    return (x1 - x2 + eps).norm(p, -1, keepdim=keepdim)


def pdist(input, p=2):
    """Distances of all pairs of rows, each pair once.

    Shape: (N, D) -> (N · (N − 1) / 2,).

    Raises:
        RuntimeError: the input is not two-dimensional, or p is negative.
    """
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    n = input.shape[0]
    order = arange(n, device=input.device)
    first = order.repeat_interleave(n - 1 - order)
    second = arange(first.shape[0], device=input.device) - (
        first * (2 * n - first - 3) // 2) + 1
    # Rows without elements have the distance 0 in every norm; the largest of nothing would raise.
    return (input[first] - input[second]).norm(p if input.shape[1] else 2, -1)
