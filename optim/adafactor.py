"""Adafactor."""

import math

from ..autograd.tensor import Tensor
from .rule import RuleOptimizer, counter, moving_average, number, zeros_like


def adafactor(
    xp, param, grad, row_var, col_var, variance, step,
    *, lr, beta2_decay, eps1, eps2, d, weight_decay, maximize,
):
    """One update of Adafactor, in place; step is 1 at the first.

    The mean square V of a matrix is kept as its row means R and column means C only.
    Formula, with RMS(x) = √mean(x²)::

        β = 1 − tᵟ  (δ = beta2_decay),   α = max(ε₂, RMS(θ)) · min(lr, 1/√t)
        θ ← θ·(1 − lr·λ)
        R ← β·R + (1 − β)·mean_columns(g²),   C likewise over rows
        V = R·C / max(mean(R), ε₁)   (a vector keeps V itself)
        u = g / √max(V, ε₁²)
        θ ← θ − α · u / max(1, RMS(u) / d)
    """
    if maximize:
        grad = xp.negative(grad)
    if eps1 is None:
        eps1 = float(xp.finfo(param.dtype).eps)
    beta = 1 - step**beta2_decay
    alpha = max(eps2, _rms(xp, param)) * min(lr, 1 / math.sqrt(step))
    if weight_decay != 0:
        xp.multiply(param, 1 - lr * weight_decay, out=param)
    square = xp.multiply(grad, grad, out=xp.empty_like(param))
    if variance is None:
        for average, axis in ((row_var, -1), (col_var, -2)):
            mean = square.mean(axis=axis, keepdims=True)
            moving_average(xp, average, mean, beta, mean)
        xp.matmul(row_var, col_var, out=square)
        row_mean = row_var.mean(axis=-2, keepdims=True)
        update = xp.divide(square, xp.maximum(row_mean, eps1), out=square)
    else:
        moving_average(xp, variance, square, beta, square)
        update = square
        update[...] = variance
    xp.maximum(update, eps1 * eps1, out=update)
    xp.sqrt(update, out=update)
    xp.divide(grad, update, out=update)
    xp.multiply(update, alpha / max(1.0, _rms(xp, update) / d), out=update)
    xp.subtract(param, update, out=param)


def _rms(xp, x):
    return math.sqrt(float(xp.to_host(xp.square(x).sum())) / x.size) if x.size else math.nan


class Adafactor(RuleOptimizer):
    """An adaptive optimizer whose state for a matrix is one row and one column.

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: largest relative step.
        beta2_decay: δ ≤ 0, how fast the averages lengthen.
        eps: ε₁ (None: the dtype's machine epsilon) and ε₂, the smallest parameter scale.
        d: clipping threshold on the root mean square of the update.
        weight_decay: λ, decoupled from the gradient.
        maximize: climb instead of descending.
        foreach: accepted; the numbers are the same.

    Raises:
        ValueError: an option outside its range.
        RuntimeError: complex parameters.

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adafactor.html
    Paper: Shazeer, Stern, arXiv:1804.04235.

    >>> import ember
    >>> w = ember.tensor([1.0], requires_grad=True)
    >>> optimizer = ember.optim.Adafactor([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    rule = staticmethod(adafactor)
    arrays = ("row_var", "col_var", "variance")
    uses = ("lr", "beta2_decay", "d", "weight_decay", "maximize")
    elementwise = False

    def __init__(
        self, params, lr=1e-2, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0.0,
        *, foreach=None, maximize=False,
    ):
        if isinstance(lr, Tensor) and lr._array.size != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 <= number(lr):
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not 0.0 <= eps[0]:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not 0.0 <= eps[1]:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not 1.0 <= d:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {"lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d,
                    "weight_decay": weight_decay, "foreach": foreach, "maximize": maximize}
        super().__init__(params, defaults)

    def options(self, group):
        eps1, eps2 = group["eps"]
        return {**super().options(group), "eps1": eps1, "eps2": eps2}

    def new_state(self, param, group):
        if param._array.dtype.kind == "c":
            raise RuntimeError("Adafactor does not support complex parameters")
        state = {"step": counter(0.0)}
        if param.ndim <= 1:
            return {**state, "variance": zeros_like(param)}
        xp, shape, dtype = param._xp, tuple(param.shape), param._array.dtype
        return {
            **state,
            "row_var": Tensor._wrap(xp.zeros((*shape[:-1], 1), dtype), xp),
            "col_var": Tensor._wrap(xp.zeros((*shape[:-2], 1, shape[-1]), dtype), xp),
        }
