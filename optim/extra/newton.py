"""Newton's method, with the whole Hessian of all parameters."""

from ...autograd.creation import eye, zeros_like
from ...autograd.grad import grad
from ...autograd.modes import enable_grad, no_grad
from ...autograd.op import RECORDS
from ...autograd.ops.solving import cholesky_ex, cholesky_solve
from ..optimizer import Optimizer
from ..rule import check_lr, check_not_negative, number

cat = RECORDS["cat"].call


class Newton(Optimizer):
    """Damped Newton's method: x ← x − t · (H + λ·I)⁻¹ · g, with the Hessian H of the loss.

    λ starts at `damping` and grows until H + λ·I is positive definite, so that every step goes
    downhill; t starts at `lr` and is halved until the loss falls by enough (Armijo's rule). For
    n parameter elements a step takes n backward passes and memory for n² numbers: up to about a
    thousand.

    Args:
        params: parameters or (name, parameter) pairs: one group, real, on one device.
        lr: the first step length t; 1 is Newton's own.
        damping: λ, the least that is added to the Hessian's diagonal.
        max_halvings: how often t may be halved in a step.

    Raises:
        ValueError: lr or damping negative, or several groups.

    Source: Nocedal, Wright, Numerical Optimization, algorithms 3.2 and 3.3.

    >>> import ember
    >>> w = ember.tensor([1.0, 3.0], requires_grad=True)
    >>> optimizer = ember.optim.extra.Newton([w])
    >>> def closure():
    ...     return (w[0] - 2) ** 2 + 5 * (w[1] + w[0]) ** 2
    >>> loss = optimizer.step(closure)
    >>> w  # one step solves a quadratic problem
    tensor([ 2.0000, -2.0000], requires_grad=True)
    """

    def __init__(self, params, lr=1.0, damping=0.0, max_halvings=20):
        check_lr(lr)
        check_not_negative("damping value", damping)
        defaults = {"lr": lr, "damping": damping, "max_halvings": max_halvings}
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("Newton doesn't support per-parameter options (parameter groups)")

    def step(self, closure):
        """Update the parameters once; return the loss from before.

        Args:
            closure: computes the loss and returns it; it need not call backward. It runs once,
                and once more for each step length that is tried.

        Raises:
            RuntimeError: the loss or its derivatives are not finite; nothing is changed then.
        """
        group = self.param_groups[0]
        params = group["params"]
        with enable_grad():
            loss = closure()
            slope, curvature = _derivatives(loss, params)
        with no_grad():
            direction = _downhill(slope, curvature, number(group["damping"]))
            self._search(closure, params, float(loss), direction, float(slope @ direction))
        return loss

    def _search(self, closure, params, loss, direction, slope):
        """Move along a direction, shorter and shorter until the loss falls."""
        group, start = self.param_groups[0], [p.clone() for p in params]
        t = float(number(group["lr"]))
        for _ in range(group["max_halvings"] + 1):
            _move(params, start, direction, t)
            with enable_grad():
                reached = float(closure())
            if reached <= loss + 1e-4 * t * slope:
                return
            t /= 2
        _move(params, start, direction, 0.0)  # nowhere better: rounding errors are all there is


def _derivatives(loss, params):
    """The gradient of a loss as one vector, and its Hessian."""
    slopes = grad(loss, params, create_graph=True, materialize_grads=True)
    slope = cat([s.reshape(-1) for s in slopes])
    rows = []
    for element in slope:
        if element.requires_grad:
            parts = grad(element, params, retain_graph=True, materialize_grads=True)
        else:  # the loss is linear in this one
            parts = [zeros_like(p) for p in params]
        rows.append(cat([p.reshape(-1) for p in parts]))
    slope, curvature = slope.detach(), cat(rows).reshape(len(rows), -1)
    if not (bool(slope.isfinite().all()) and bool(curvature.isfinite().all())):
        raise RuntimeError(
            "Newton: the gradient or the Hessian of the loss is not finite; the parameters are "
            "unchanged. Start elsewhere, or rescale the problem"
        )
    return slope, curvature


def _downhill(slope, curvature, damping):
    """−(H + λ·I)⁻¹·g, with λ as small as makes the matrix positive definite."""
    size = float(curvature.abs().max())
    unit = eye(len(slope), dtype=slope.dtype, device=slope.device)
    while True:
        factor, failed = cholesky_ex(curvature + damping * unit)
        if not int(failed):
            return -cholesky_solve(slope.unsqueeze(1), factor).squeeze(1)
        damping = max(10 * damping, 1e-3 * size, 1e-12)


def _move(params, start, direction, t):
    """Put the parameters at start + t · direction."""
    place = 0
    for param, origin in zip(params, start):
        step = direction[place : place + param.numel()].reshape(param.shape)
        param.copy_(origin + t * step)
        place += param.numel()
