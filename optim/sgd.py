"""Stochastic gradient descent, with momentum or averaged, and by the gradient's sign alone."""

from ..autograd.tensor import Tensor
from .rule import (
    RuleOptimizer,
    add_to_counter,
    check_lr,
    check_not_negative,
    effective_grad,
    number,
    set_counter,
)


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
        defaults = {"lr": lr, "momentum": momentum, "dampening": dampening,
                    "weight_decay": weight_decay, "nesterov": nesterov, "maximize": maximize,
                    "foreach": foreach, "differentiable": differentiable, "fused": fused}
        super().__init__(params, defaults)

    def advance(self, state, fresh, group):
        return (fresh,)


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
        defaults = {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0,
                    "weight_decay": weight_decay, "foreach": foreach, "maximize": maximize,
                    "differentiable": differentiable, "capturable": capturable}
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


def rprop(
    xp, param, grad, prev, step_size, step, *, eta_minus, eta_plus, smallest, largest, maximize
):
    """One update of Rprop, in place.

    Formula, element by element::

        s ← clip(s·η⁺ if g·g' > 0, s·η⁻ if g·g' < 0, else s)
        g ← 0 if g·g' < 0 else g
        θ ← θ − sign(g)·s,   g' ← g
    """
    if maximize:
        grad = xp.negative(grad)
    agreement = xp.multiply(grad, prev, out=xp.empty_like(param))
    turned = agreement < 0
    factor = xp.ones_like(param)
    factor[agreement > 0] = eta_plus
    factor[turned] = eta_minus
    xp.multiply(step_size, factor, out=step_size)
    xp.clip(step_size, smallest, largest, out=step_size)
    prev[...] = grad
    prev[turned] = 0
    work = xp.sign(prev, out=factor)
    xp.multiply(work, step_size, out=work)
    xp.subtract(param, work, out=param)


class Rprop(RuleOptimizer):
    """Steps by the gradient's sign; each element's step grows while the sign stays.

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: the first step of each element.
        etas: η⁻ and η⁺, factors on a step when the sign turns or stays.
        step_sizes: smallest and largest step.
        maximize: climb instead of descending.
        capturable, foreach, differentiable: accepted; the numbers are the same.

    Raises:
        ValueError: lr negative, or not 0 < η⁻ < 1 < η⁺.

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.optim.Rprop.html
    Paper: Riedmiller, Braun, A direct adaptive method for faster backpropagation, ICNN 1993.

    >>> import ember
    >>> w = ember.tensor([1.0], requires_grad=True)
    >>> optimizer = ember.optim.Rprop([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    rule = staticmethod(rprop)
    arrays = ("prev", "step_size")

    def __init__(
        self, params, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50),
        *, capturable=False, foreach=None, maximize=False, differentiable=False,
    ):
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {"lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach,
                    "maximize": maximize, "differentiable": differentiable,
                    "capturable": capturable}
        super().__init__(params, defaults)

    def options(self, group):
        eta_minus, eta_plus = group["etas"]
        smallest, largest = group["step_sizes"]
        return {
            "eta_minus": eta_minus,
            "eta_plus": eta_plus,
            "smallest": smallest,
            "largest": largest,
            "maximize": group["maximize"],
        }

    def new_state(self, param, group):
        xp, array, lr = param._xp, param._buffer(), number(group["lr"])
        first = complex(lr, lr) if array.dtype.kind == "c" else lr
        return {**super().new_state(param, group),
                "step_size": Tensor._wrap(xp.full_like(array, first), xp)}
