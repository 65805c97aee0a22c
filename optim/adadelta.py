"""Adadelta."""

from .rule import RuleOptimizer, check_lr, check_not_negative, effective_grad, moving_average


def adadelta(
    xp, param, grad, square_avg, acc_delta, step, *, lr, rho, eps, weight_decay, maximize
):
    """One update of Adadelta, in place.

    Formula::

        g ← ±g + λ·θ
        v ← ρ·v + (1 − ρ)·g²
        d ← √(u + ε) / √(v + ε) · g
        u ← ρ·u + (1 − ρ)·d²
        θ ← θ − lr·d
    """
    grad = effective_grad(xp, param, grad, weight_decay, maximize)
    delta, work = xp.empty_like(param), xp.empty_like(param)
    xp.multiply(grad, grad, out=work)
    moving_average(xp, square_avg, work, rho, work)
    xp.add(square_avg, eps, out=work)
    xp.sqrt(work, out=work)
    xp.add(acc_delta, eps, out=delta)
    xp.sqrt(delta, out=delta)
    xp.divide(delta, work, out=delta)
    xp.multiply(delta, grad, out=delta)
    xp.multiply(delta, delta, out=work)
    moving_average(xp, acc_delta, work, rho, work)
    xp.multiply(delta, lr, out=delta)
    xp.subtract(param, delta, out=param)


class Adadelta(RuleOptimizer):
    """Gradient descent with a rate per element, set by the recent steps and gradients.

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: factor on the step.
        rho: ρ, how much of the running means is kept.
        eps: ε, added under both roots.
        weight_decay: λ, an L2 penalty.
        maximize: climb instead of descending.
        foreach, capturable, differentiable: accepted; the numbers are the same.

    Raises:
        ValueError: lr, eps or weight_decay negative, or rho outside [0, 1].

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adadelta.html
    Paper: Zeiler, arXiv:1212.5701.

    >>> import ember
    >>> w = ember.tensor([1.0], requires_grad=True)
    >>> optimizer = ember.optim.Adadelta([w])
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9968], requires_grad=True)
    """

    rule = staticmethod(adadelta)
    arrays = ("square_avg", "acc_delta")
    uses = ("lr", "rho", "eps", "weight_decay", "maximize")

    def __init__(
        self, params, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, foreach=None,
        *, capturable=False, maximize=False, differentiable=False,
    ):
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_not_negative("epsilon value", eps)
        check_not_negative("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)
