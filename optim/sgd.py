"""Stochastic gradient descent, with momentum and Nesterov's variant."""

from .rule import RuleOptimizer, check_lr, check_not_negative, effective_grad


def sgd(
    xp, param, grad, momentum_buffer, first,
    *, lr, momentum, dampening, weight_decay, nesterov, maximize,
):
    """One update of SGD, in place.

    Formula::

        g ← ±g + λ·θ
        b ← g at the first update, μ·b + (1 − τ)·g afterwards
        θ ← θ − lr · (g + μ·b  if nesterov,  b  if μ ≠ 0,  else g)
    """
    grad = effective_grad(xp, param, grad, weight_decay, maximize)
    work = xp.empty_like(param)
    if momentum != 0:
        buf = momentum_buffer
        if first:
            buf[...] = grad
        else:
            xp.multiply(buf, momentum, out=buf)
            fresh = grad if dampening == 0 else xp.multiply(grad, 1 - dampening, out=work)
            xp.add(buf, fresh, out=buf)
        if nesterov:
            xp.multiply(buf, momentum, out=work)
            grad = xp.add(grad, work, out=work)
        else:
            grad = buf
    xp.multiply(grad, lr, out=work)
    xp.subtract(param, work, out=param)


class SGD(RuleOptimizer):
    """Stochastic gradient descent.

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: learning rate.
        momentum: μ, how much of the last direction is kept.
        dampening: τ, how much of the gradient is left out of the direction.
        weight_decay: λ, an L2 penalty.
        nesterov: look ahead along the momentum.
        maximize: climb instead of descending.
        foreach, fused, differentiable: accepted; the numbers are the same.

    Raises:
        ValueError: a negative lr, momentum or weight_decay; nesterov without momentum or with
            dampening.

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.optim.SGD.html
    Paper: Sutskever et al., On the importance of initialization and momentum, ICML 2013.

    >>> import ember
    >>> w = ember.tensor([1.0], requires_grad=True)
    >>> optimizer = ember.optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    rule = staticmethod(sgd)
    arrays = ("momentum_buffer",)
    needs = {"momentum_buffer": "momentum"}
    counters = {}
    uses = ("lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize")

    def __init__(
        self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False,
        *, maximize=False, foreach=None, differentiable=False, fused=None,
    ):
        check_lr(lr)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def advance(self, state, fresh, group):
        return (fresh,)
