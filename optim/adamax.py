"""Adamax."""

from .rule import (
    RuleOptimizer,
    check_betas,
    check_lr,
    check_not_negative,
    effective_grad,
    moving_average,
)


def adamax(
    xp, param, grad, exp_avg, exp_inf, step, *, lr, beta1, beta2, eps, weight_decay, maximize
):
    """One update of Adamax, in place; step is 1 at the first.

    Formula::

        g ← ±g + λ·θ
        m ← β₁·m + (1 − β₁)·g
        u ← max(β₂·u, |g| + ε)
        θ ← θ − lr / (1 − β₁ᵗ) · m / u
    """
    grad = effective_grad(xp, param, grad, weight_decay, maximize)
    work = xp.empty_like(param)
    moving_average(xp, exp_avg, grad, beta1, work)
    xp.absolute(grad, out=work)
    xp.add(work, eps, out=work)
    xp.multiply(exp_inf, beta2, out=exp_inf)
    xp.maximum(exp_inf, work, out=exp_inf)
    xp.divide(exp_avg, exp_inf, out=work)
    xp.multiply(work, lr / (1 - beta1**step), out=work)
    xp.subtract(param, work, out=param)


class Adamax(RuleOptimizer):
    """Adam with the largest recent gradient in place of the root of the mean square.

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: learning rate.
        betas: β₁ and β₂, how much of the mean and of the largest gradient is kept.
        eps: ε, added to the gradient's size.
        weight_decay: λ, an L2 penalty.
        maximize: climb instead of descending.
        foreach, differentiable, capturable: accepted; the numbers are the same.

    Raises:
        ValueError: lr, eps or weight_decay negative, or a beta outside [0, 1).

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adamax.html
    Paper: Kingma, Ba, arXiv:1412.6980.

    >>> import ember
    >>> w = ember.tensor([1.0], requires_grad=True)
    >>> optimizer = ember.optim.Adamax([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    rule = staticmethod(adamax)
    arrays = ("exp_avg", "exp_inf")
    uses = ("lr", "eps", "weight_decay", "maximize")

    def __init__(
        self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, foreach=None,
        *, maximize=False, differentiable=False, capturable=False,
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
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)
