"""NAdam."""

import math

from .rule import (
    RuleOptimizer,
    add_to_counter,
    check_betas,
    check_lr,
    check_not_negative,
    effective_grad,
    moving_average,
    multiply_counter,
)


def nadam(
    xp, param, grad, exp_avg, exp_avg_sq, step, mu, mu_next, mu_product,
    *, lr, beta1, beta2, eps, weight_decay, decoupled_weight_decay, maximize,
):
    """One update of NAdam, in place; step is 1 at the first.

    mu and mu_next are the momenta μₜ and μₜ₊₁ (see `NAdam.advance`), mu_product is Π μᵢ up to t.
    Formula::

        θ ← θ·(1 − lr·λ) if decoupled, else g ← ±g + λ·θ
        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        θ ← θ − lr · ((1 − μₜ) / (1 − Π)·g + μₜ₊₁ / (1 − Π·μₜ₊₁)·m) / (√(v / (1 − β₂ᵗ)) + ε)
    """
    decoupled_lr = lr if decoupled_weight_decay else None
    grad = effective_grad(xp, param, grad, weight_decay, maximize, decoupled_lr)
    work, denom = xp.empty_like(param), xp.empty_like(param)
    moving_average(xp, exp_avg, grad, beta1, work)
    xp.multiply(grad, grad, out=work)
    moving_average(xp, exp_avg_sq, work, beta2, work)
    xp.sqrt(exp_avg_sq, out=denom)
    xp.multiply(denom, 1 / math.sqrt(1 - beta2**step), out=denom)
    xp.add(denom, eps, out=denom)
    for direction, weight in (
        (grad, (1 - mu) / (1 - mu_product)),
        (exp_avg, mu_next / (1 - mu_product * mu_next)),
    ):
        xp.divide(direction, denom, out=work)
        xp.multiply(work, lr * weight, out=work)
        xp.subtract(param, work, out=param)


class NAdam(RuleOptimizer):
    """Adam with Nesterov's momentum.

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: learning rate.
        betas: β₁ and β₂, how much of the averages of gradient and squared gradient is kept.
        eps: ε, added to the root of the second average.
        weight_decay: λ, an L2 penalty.
        momentum_decay: ψ, how fast the momentum approaches β₁.
        decoupled_weight_decay: shrink the parameters instead of adding to the gradient.
        maximize: climb instead of descending.
        foreach, capturable, differentiable: accepted; the numbers are the same.

    Raises:
        ValueError: one of the numbers is negative, or a beta outside [0, 1).

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.optim.NAdam.html
    Paper: Dozat, Incorporating Nesterov momentum into Adam, ICLR workshop 2016.

    >>> import ember
    >>> w = ember.tensor([1.0], requires_grad=True)
    >>> optimizer = ember.optim.NAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8944], requires_grad=True)
    """

    rule = staticmethod(nadam)
    arrays = ("exp_avg", "exp_avg_sq")
    counters = {"step": 0.0, "mu_product": 1.0}
    uses = ("lr", "eps", "weight_decay", "decoupled_weight_decay", "maximize")

    def __init__(
        self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0,
        momentum_decay=4e-3, decoupled_weight_decay=False,
        *, foreach=None, maximize=False, capturable=False, differentiable=False,
    ):
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("momentum_decay value", momentum_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def advance(self, state, fresh, group):
        step = add_to_counter(state["step"], 1)
        beta1, decay = group["betas"][0], group["momentum_decay"]
        mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (t * decay)) for t in (step, step + 1))
        return step, mu, mu_next, multiply_counter(state["mu_product"], mu)
