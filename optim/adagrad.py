"""Adagrad."""

from ..autograd.tensor import Tensor
from .rule import RuleOptimizer, check_lr, check_not_negative, counter, effective_grad


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
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param] = self.new_state(param, group)

    def new_state(self, param, group):
        xp, array = param._xp, param._buffer()
        start = group["initial_accumulator_value"]
        value = complex(start, start) if array.dtype.kind == "c" else start
        return {"step": counter(0.0), "sum": Tensor._wrap(xp.full_like(array, value), xp)}
