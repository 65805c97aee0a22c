"""Rates from the sizes of the gradients so far: Adagrad, Adadelta and RMSprop."""

from ..autograd.tensor import Tensor
from .rule import (
    RuleOptimizer,
    check_lr,
    check_not_negative,
    counter,
    effective_grad,
    moving_average,
)


def adagrad(
    xp, param, grad, sum_sq, step, *, lr, lr_decay, weight_decay, eps, maximize
):
    """One update of Adagrad, in place; step is 1 at the first.

    Formula::

        g ← ±g + λ·θ
        s ← s + g²
        θ ← θ − lr / (1 + (t − 1)·η) · g / (√s + ε)
    """
    grad = effective_grad(xp, param, grad, weight_decay, maximize)
    work = xp.empty_like(param)
    xp.multiply(grad, grad, out=work)
    xp.add(sum_sq, work, out=sum_sq)
    xp.sqrt(sum_sq, out=work)
    xp.add(work, eps, out=work)
    xp.divide(grad, work, out=work)
    xp.multiply(work, lr / (1 + (step - 1) * lr_decay), out=work)
    xp.subtract(param, work, out=param)


class Adagrad(RuleOptimizer):
    """Gradient descent with a rate per element, falling with the sum of squared gradients.

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: learning rate.
        lr_decay: η, how fast the rate falls with the number of updates.
        weight_decay: λ, an L2 penalty.
        initial_accumulator_value: what the sum of squares starts from.
        eps: ε, added to the root of the sum.
        maximize: climb instead of descending.
        foreach, differentiable, fused: accepted; the numbers are the same.

    Raises:
        ValueError: one of the numbers is negative.

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adagrad.html
    Paper: Duchi, Hazan, Singer, Adaptive subgradient methods, JMLR 12, 2011.

    >>> import ember
    >>> w = ember.tensor([1.0], requires_grad=True)
    >>> optimizer = ember.optim.Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    rule = staticmethod(adagrad)
    arrays = ("sum",)
    uses = ("lr", "lr_decay", "weight_decay", "eps", "maximize")

    def __init__(
        self, params, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0,
        eps=1e-10, foreach=None, *, maximize=False, differentiable=False, fused=None,
    ):
        check_lr(lr)
        check_not_negative("lr_decay value", lr_decay)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("initial_accumulator_value value", initial_accumulator_value)
        check_not_negative("epsilon value", eps)
        defaults = {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
                    "initial_accumulator_value": initial_accumulator_value, "foreach": foreach,
                    "maximize": maximize, "differentiable": differentiable, "fused": fused}
        super().__init__(params, defaults)
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param] = self.new_state(param, group)

    def new_state(self, param, group):
        xp, array = param._xp, param._buffer()
        start = group["initial_accumulator_value"]
        value = complex(start, start) if array.dtype.kind == "c" else start
        return {"step": counter(0.0), "sum": Tensor._wrap(xp.full_like(array, value), xp)}


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
        defaults = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay,
                    "maximize": maximize, "capturable": capturable, "foreach": foreach,
                    "differentiable": differentiable}
        super().__init__(params, defaults)


def rmsprop(
    xp, param, grad, square_avg, momentum_buffer, grad_avg, step,
    *, lr, alpha, eps, weight_decay, momentum, centered, maximize,
):
    """One update of RMSprop, in place.

    Formula::

        g ← ±g + λ·θ
        v ← α·v + (1 − α)·g²
        u ← v;  if centered:  a ← α·a + (1 − α)·g,  u ← v − a²
        d ← g / (√u + ε);  if μ > 0:  b ← μ·b + d,  d ← b
        θ ← θ − lr·d
    """
    grad = effective_grad(xp, param, grad, weight_decay, maximize)
    work = xp.empty_like(param)
    xp.multiply(grad, grad, out=work)
    moving_average(xp, square_avg, work, alpha, work)
    if centered:
        moving_average(xp, grad_avg, grad, alpha, work)
        xp.multiply(grad_avg, grad_avg, out=work)
        square_avg = xp.subtract(square_avg, work, out=work)
    xp.sqrt(square_avg, out=work)
    xp.add(work, eps, out=work)
    xp.divide(grad, work, out=work)
    if momentum > 0:
        xp.multiply(momentum_buffer, momentum, out=momentum_buffer)
        xp.add(momentum_buffer, work, out=momentum_buffer)
        xp.multiply(momentum_buffer, lr, out=work)
    else:
        xp.multiply(work, lr, out=work)
    xp.subtract(param, work, out=param)


class RMSprop(RuleOptimizer):
    """Gradient descent divided by the root of a running mean of squared gradients.

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: learning rate.
        alpha: α, how much of the running means is kept.
        eps: ε, added to the root.
        weight_decay: λ, an L2 penalty.
        momentum: μ, how much of the last direction is kept.
        centered: divide by an estimate of the standard deviation instead.
        maximize: climb instead of descending.
        capturable, foreach, differentiable: accepted; the numbers are the same.

    Raises:
        ValueError: one of the numbers is negative.

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.optim.RMSprop.html
    Paper: Graves, arXiv:1308.0850 (centered).

    >>> import ember
    >>> w = ember.tensor([1.0], requires_grad=True)
    >>> optimizer = ember.optim.RMSprop([w], lr=0.01)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    rule = staticmethod(rmsprop)
    arrays = ("square_avg", "momentum_buffer", "grad_avg")
    needs = {"momentum_buffer": "momentum", "grad_avg": "centered"}
    uses = ("lr", "alpha", "eps", "weight_decay", "momentum", "centered", "maximize")

    def __init__(
        self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0,
        centered=False, capturable=False, foreach=None, maximize=False, differentiable=False,
    ):
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("alpha value", alpha)
        defaults = {"lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps,
                    "centered": centered, "weight_decay": weight_decay, "capturable": capturable,
                    "foreach": foreach, "maximize": maximize, "differentiable": differentiable}
        super().__init__(params, defaults)
