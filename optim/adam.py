"""Adam and its variants: AdamW, Adamax, NAdam and RAdam."""

import math

from ..autograd.tensor import Tensor
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


def adam(
    xp, param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq, step,
    *, lr, beta1, beta2, eps, weight_decay, amsgrad, decoupled_weight_decay, maximize,
):
    """One update of Adam, in place; step is 1 at the first.

    Formula::

        θ ← θ·(1 − lr·λ) if decoupled, else g ← ±g + λ·θ
        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        w ← max(w, v) if amsgrad, else v
        θ ← θ − lr / (1 − β₁ᵗ) · m / (√(w / (1 − β₂ᵗ)) + ε)
    """
    decoupled_lr = lr if decoupled_weight_decay else None
    grad = effective_grad(xp, param, grad, weight_decay, maximize, decoupled_lr)
    work = xp.empty_like(param)
    moving_average(xp, exp_avg, grad, beta1, work)
    xp.multiply(grad, grad, out=work)
    moving_average(xp, exp_avg_sq, work, beta2, work)
    if amsgrad:
        xp.maximum(max_exp_avg_sq, exp_avg_sq, out=max_exp_avg_sq)
        exp_avg_sq = max_exp_avg_sq
    # Numerator and denominator times √(1 − β₂ᵗ): one pass over the memory less.
    correction = math.sqrt(1 - beta2**step)
    xp.sqrt(exp_avg_sq, out=work)
    xp.add(work, eps * correction, out=work)
    xp.divide(exp_avg, work, out=work)
    xp.multiply(work, lr * correction / (1 - beta1**step), out=work)
    xp.subtract(param, work, out=param)


class Adam(RuleOptimizer):
    """Adaptive moment estimation.

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: learning rate.
        betas: β₁ and β₂, how much of the averages of gradient and squared gradient is kept.
        eps: ε, added to the root of the second average.
        weight_decay: λ, an L2 penalty.
        amsgrad: divide by the largest second average so far.
        maximize: climb instead of descending.
        decoupled_weight_decay: shrink the parameters instead of adding to the gradient.
        foreach, capturable, differentiable, fused: accepted; the numbers are the same.

    Raises:
        ValueError: lr, eps or weight_decay negative, or a beta outside [0, 1).

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adam.html
    Papers: Kingma, Ba, arXiv:1412.6980; Reddi et al., arXiv:1904.09237 (amsgrad).

    >>> import ember
    >>> w = ember.tensor([1.0], requires_grad=True)
    >>> optimizer = ember.optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    rule = staticmethod(adam)
    arrays = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    needs = {"max_exp_avg_sq": "amsgrad"}
    uses = ("lr", "eps", "weight_decay", "amsgrad", "decoupled_weight_decay", "maximize")

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False,
        *, foreach=None, maximize=False, capturable=False, differentiable=False, fused=None,
        decoupled_weight_decay=False,
    ):
        if foreach and not capturable and isinstance(lr, Tensor):
            raise ValueError(
                "lr as a Tensor is not supported for capturable=False and foreach=True"
            )
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        _check_tensor_betas(betas, foreach and not capturable)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)
        defaults = {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay,
                    "amsgrad": amsgrad, "maximize": maximize, "foreach": foreach,
                    "capturable": capturable, "differentiable": differentiable, "fused": fused,
                    "decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, defaults)


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters and leaves the averages alone.

    Args and errors as for `Adam`; weight_decay is 0.01 unless given.

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.optim.AdamW.html
    Paper: Loshchilov, Hutter, arXiv:1711.05101.

    >>> import ember
    >>> w = ember.tensor([1.0], requires_grad=True)
    >>> optimizer = ember.optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8500], requires_grad=True)
    """

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False,
        *, maximize=False, foreach=None, capturable=False, differentiable=False, fused=None,
    ):
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
            capturable=capturable, differentiable=differentiable, fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True


def _check_tensor_betas(betas, refused):
    tensors = [isinstance(beta, Tensor) for beta in betas]
    if any(tensors) and not all(tensors):
        raise ValueError("betas must be either both floats or both Tensors")
    for index, beta in enumerate(betas):
        if not tensors[index]:
            continue
        if refused:
            raise ValueError(
                f"betas[{index}] as a Tensor is not supported for capturable=False and "
                "foreach=True"
            )
        if beta._array.size != 1:
            raise ValueError(f"Tensor betas[{index}] must be 1-element")


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
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                    "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
                    "capturable": capturable}
        super().__init__(params, defaults)


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
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                    "momentum_decay": momentum_decay,
                    "decoupled_weight_decay": decoupled_weight_decay,
                    "maximize": maximize, "foreach": foreach, "capturable": capturable,
                    "differentiable": differentiable}
        super().__init__(params, defaults)

    def advance(self, state, fresh, group):
        step = add_to_counter(state["step"], 1)
        beta1, decay = group["betas"][0], group["momentum_decay"]
        mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (t * decay)) for t in (step, step + 1))
        return step, mu, mu_next, multiply_counter(state["mu_product"], mu)


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
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                    "maximize": maximize, "foreach": foreach, "capturable": capturable,
                    "decoupled_weight_decay": decoupled_weight_decay,
                    "differentiable": differentiable}
        super().__init__(params, defaults)
