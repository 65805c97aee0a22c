"""RMSprop."""

from .rule import RuleOptimizer, check_lr, check_not_negative, effective_grad, moving_average


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
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)
