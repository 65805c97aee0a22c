"""Averaged stochastic gradient descent."""

from .rule import (
    RuleOptimizer,
    add_to_counter,
    check_lr,
    check_not_negative,
    effective_grad,
    number,
    set_counter,
)


def asgd(xp, param, grad, ax, eta, mu, *, lambd, weight_decay, maximize):
    """One update of ASGD, in place; eta and mu are this update's rates.

    Formula::

        g ← ±g + λ·θ
        θ ← θ·(1 − lambd·η) − η·g
        a ← a + μ·(θ − a)
    """
    grad = effective_grad(xp, param, grad, weight_decay, maximize)
    work = xp.empty_like(param)
    xp.multiply(grad, eta, out=work)
    xp.multiply(param, 1 - lambd * eta, out=param)
    xp.subtract(param, work, out=param)
    if mu == 1:
        ax[...] = param
    else:
        xp.subtract(param, ax, out=work)
        xp.multiply(work, mu, out=work)
        xp.add(ax, work, out=ax)


class ASGD(RuleOptimizer):
    """Stochastic gradient descent with a falling rate that also averages the parameters.

    The average is in ``optimizer.state[param]["ax"]``.

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: learning rate.
        lambd: decay of the parameters; it also sets how fast the rate falls.
        alpha: power with which the rate falls.
        t0: the update after which averaging starts.
        weight_decay: λ, an L2 penalty.
        maximize: climb instead of descending.
        foreach, differentiable, capturable: accepted; the numbers are the same.

    Raises:
        ValueError: lr or weight_decay negative.

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.optim.ASGD.html
    Paper: Polyak, Juditsky, Acceleration of stochastic approximation by averaging, 1992.

    >>> import ember
    >>> w = ember.tensor([1.0], requires_grad=True)
    >>> optimizer = ember.optim.ASGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)
    """

    rule = staticmethod(asgd)
    arrays = ("ax",)
    counters = {"step": 0.0, "eta": 0.0, "mu": 1.0}
    uses = ("lambd", "weight_decay", "maximize")

    def __init__(
        self, params, lr=1e-2, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0, foreach=None,
        maximize=False, differentiable=False, capturable=False,
    ):
        check_lr(lr)
        check_not_negative("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def new_state(self, param, group):
        state = super().new_state(param, group)
        set_counter(state["eta"], number(group["lr"]))
        return state

    def advance(self, state, fresh, group):
        """Count the update; return its η and μ, and store those of the next."""
        rates = float(state["eta"]._array), float(state["mu"]._array)
        step = add_to_counter(state["step"], 1)
        lr = number(group["lr"])
        set_counter(state["eta"], lr / (1 + group["lambd"] * lr * step) ** group["alpha"])
        set_counter(state["mu"], 1 / max(1, step - group["t0"]))
        return rates
