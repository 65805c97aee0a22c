"""RAdam."""

import math

from .rule import (
    RuleOptimizer,
    check_betas,
    check_lr,
    check_not_negative,
    effective_grad,
    moving_average,
)


def radam(
    xp, param, grad, exp_avg, exp_avg_sq, step,
    *, lr, beta1, beta2, eps, weight_decay, decoupled_weight_decay, maximize,
):
    """One update of RAdam, in place; step is 1 at the first.

    Formula::

        θ ← θ·(1 − lr·λ) if decoupled, else g ← ±g + λ·θ
        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        ρ∞ = 2 / (1 − β₂) − 1,   ρ = ρ∞ − 2·t·β₂ᵗ / (1 − β₂ᵗ)
        r = √((ρ − 4)(ρ − 2)·ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)·ρ))
        θ ← θ − lr · m / (1 − β₁ᵗ) · (r·√(1 − β₂ᵗ) / (√v + ε)  if ρ > 5,  else 1)
    """
    decoupled_lr = lr if decoupled_weight_decay else None
    grad = effective_grad(xp, param, grad, weight_decay, maximize, decoupled_lr)
    work = xp.empty_like(param)
    moving_average(xp, exp_avg, grad, beta1, work)
    xp.multiply(grad, grad, out=work)
    moving_average(xp, exp_avg_sq, work, beta2, work)

    correction = 1 - beta2**step
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * step * beta2**step / correction
    size = lr / (1 - beta1**step)
    if rho > 5:
        rectified = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
        xp.sqrt(exp_avg_sq, out=work)
        xp.add(work, eps, out=work)
        xp.divide(exp_avg, work, out=work)
        xp.multiply(work, size * math.sqrt(rectified * correction), out=work)
    else:
        xp.multiply(exp_avg, size, out=work)
    xp.subtract(param, work, out=param)


class RAdam(RuleOptimizer):
    """Adam whose adaptive rate is held back until its variance is known.

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: learning rate.
        betas: β₁ and β₂, how much of the averages of gradient and squared gradient is kept.
        eps: ε, added to the root of the second average.
        weight_decay: λ, an L2 penalty.
        decoupled_weight_decay: shrink the parameters instead of adding to the gradient.
        maximize: climb instead of descending.
        foreach, capturable, differentiable: accepted; the numbers are the same.

    Raises:
        ValueError: lr, eps or weight_decay negative, or a beta outside [0, 1).

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.optim.RAdam.html
    Paper: Liu et al., arXiv:1908.03265.

    >>> import ember
    >>> w = ember.tensor([1.0], requires_grad=True)
    >>> optimizer = ember.optim.RAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    rule = staticmethod(radam)
    arrays = ("exp_avg", "exp_avg_sq")
    uses = ("lr", "eps", "weight_decay", "decoupled_weight_decay", "maximize")

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0,
        decoupled_weight_decay=False,
        *, foreach=None, maximize=False, capturable=False, differentiable=False,
    ):
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)
