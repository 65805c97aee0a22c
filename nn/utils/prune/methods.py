"""The pruning methods: which entries or slices of a tensor go.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html#utilities
"""

import numbers

from ....autograd import kthvalue, rand, rand_like, topk, zeros_like
from .base import BasePruningMethod

__all__ = ["CustomFromMask", "Identity", "L1Unstructured", "LnStructured", "RandomStructured",
           "RandomUnstructured"]


class Identity(BasePruningMethod):
    """Prunes nothing; the mask is there and all ones."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t, default_mask):
        return default_mask

    @classmethod
    def apply(cls, module, name):
        return super().apply(module, name)


class _ByAmount(BasePruningMethod):
    """What the methods share that prune a given number or share of something."""

    def __init__(self, amount):
        _check_amount(amount)
        self.amount = amount


class RandomUnstructured(_ByAmount):
    """Prunes entries drawn at random.

    Args:
        amount: how many entries (int) or which share of them (float in [0, 1]).
    """

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t, default_mask):
        count = _count(self.amount, t.nelement())
        return _without(default_mask, rand_like(t), count)

    @classmethod
    def apply(cls, module, name, amount):
        return super().apply(module, name, amount=amount)


class L1Unstructured(_ByAmount):
    """Prunes the entries of least magnitude.

    Args:
        amount: how many entries (int) or which share of them (float in [0, 1]).
    """

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t, default_mask):
        return _without(default_mask, -t.abs(), _count(self.amount, t.nelement()))

    @classmethod
    def apply(cls, module, name, amount, importance_scores=None):
        return super().apply(module, name, amount=amount, importance_scores=importance_scores)


def _without(mask, order, count):
    """Return a mask with zeros at the `count` greatest entries of `order`, too."""
    mask = mask.clone().contiguous()
    if count:
        mask.view(-1)[topk(order.reshape(-1), k=count).indices] = 0
    return mask


class RandomStructured(_ByAmount):
    """Prunes slices along a dimension drawn at random.

    Args:
        amount: how many slices (int) or which share of them (float in [0, 1]).
        dim: the dimension of the slices.
    """

    PRUNING_TYPE = "structured"

    def __init__(self, amount, dim=-1):
        super().__init__(amount)
        self.dim = dim

    def compute_mask(self, t, default_mask):
        _check_dims(t)
        size = _size(t, self.dim)
        count = _count(self.amount, size)
        if not count:
            return default_mask
        chance = rand(size, device=t.device)
        return _keeping(default_mask, chance > kthvalue(chance, k=count).values, self.dim)

    @classmethod
    def apply(cls, module, name, amount, dim=-1):
        return super().apply(module, name, amount=amount, dim=dim)


class LnStructured(_ByAmount):
    """Prunes the slices along a dimension that have the least L_n norm.

    Args:
        amount: how many slices (int) or which share of them (float in [0, 1]).
        n: the norm: a number, infinity, or "fro".
        dim: the dimension of the slices.
    """

    PRUNING_TYPE = "structured"

    def __init__(self, amount, n, dim=-1):
        super().__init__(amount)
        self.n = n
        self.dim = dim

    def compute_mask(self, t, default_mask):
        _check_dims(t)
        size = _size(t, self.dim)
        count = _count(self.amount, size)
        if not count:
            return default_mask
        others = [d for d in range(t.ndim) if d != self.dim % t.ndim]
        norms = t.norm(self.n, others)
        keep = zeros_like(norms).bool()
        keep[topk(norms, k=size - count).indices] = True
        return _keeping(default_mask, keep, self.dim)

    @classmethod
    def apply(cls, module, name, amount, n, dim, importance_scores=None):
        return super().apply(module, name, amount=amount, n=n, dim=dim,
                             importance_scores=importance_scores)


def _keeping(mask, keep, dim):
    """Return a mask with zeros in the slices that are not kept, too."""
    shape = [1] * mask.ndim
    shape[dim] = -1
    return mask * keep.reshape(shape).to(dtype=mask.dtype)


class CustomFromMask(BasePruningMethod):
    """Prunes where a given mask is zero.

    Args:
        mask: zeros and ones, of the shape of the tensor.
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask):
        self.mask = mask

    def compute_mask(self, t, default_mask):
        return default_mask * self.mask.to(dtype=default_mask.dtype)

    @classmethod
    def apply(cls, module, name, mask):
        return super().apply(module, name, mask=mask)


# -- checks ---------------------------------------------------------------------------------------


def _check_amount(amount):
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    integral = isinstance(amount, numbers.Integral)
    if integral and amount < 0 or not integral and not 0.0 <= amount <= 1.0:
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative "
            "integer")


def _count(amount, size):
    """Return how many of `size` things an amount means."""
    if not isinstance(amount, numbers.Integral):
        return round(amount * size)
    if amount > size:
        raise ValueError(f"amount={amount} should be smaller than the number of parameters to "
                         f"prune={size}")
    return amount


def _size(t, dim):
    if dim >= t.ndim:
        raise IndexError(f"Invalid index {dim} for tensor of size {t.shape}")
    return t.shape[dim]


def _check_dims(t):
    if t.ndim <= 1:
        raise ValueError("Structured pruning can only be applied to multidimensional tensors. "
                         f"Found tensor of shape {t.shape} with {t.ndim} dims")
