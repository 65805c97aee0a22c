"""Resilient backpropagation."""

from ..autograd.tensor import Tensor
from .rule import RuleOptimizer, check_lr, number


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
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
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
