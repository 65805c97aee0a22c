"""Optimizers that take a matrix as a whole: Adafactor and Muon."""

import math

from ..autograd.tensor import Tensor
from .rule import RuleOptimizer, counter, moving_average, number, zeros_like


def adafactor(
    xp, param, grad, row_var, col_var, variance, step,
    *, lr, beta2_decay, eps1, eps2, d, weight_decay, maximize,
):
    """One update of Adafactor, in place; step is 1 at the first.

    The mean square V of a matrix is kept as its row means R and column means C only.
    Formula, with RMS(x) = √mean(x²)::

        β = 1 − tᵟ  (δ = beta2_decay),   α = max(ε₂, RMS(θ)) · min(lr, 1/√t)
        θ ← θ·(1 − lr·λ)
        R ← β·R + (1 − β)·mean_columns(g²),   C likewise over rows
        V = R·C / max(mean(R), ε₁)   (a vector keeps V itself)
        u = g / √max(V, ε₁²)
        θ ← θ − α · u / max(1, RMS(u) / d)
    """
    if maximize:
        grad = xp.negative(grad)
    if eps1 is None:
        eps1 = float(xp.finfo(param.dtype).eps)
    beta = 1 - step**beta2_decay
    alpha = max(eps2, _rms(xp, param)) * min(lr, 1 / math.sqrt(step))
    if weight_decay != 0:
        xp.multiply(param, 1 - lr * weight_decay, out=param)
    square = xp.multiply(grad, grad, out=xp.empty_like(param))
    if variance is None:
        for average, axis in ((row_var, -1), (col_var, -2)):
            mean = square.mean(axis=axis, keepdims=True)
            moving_average(xp, average, mean, beta, mean)
        xp.matmul(row_var, col_var, out=square)
        row_mean = row_var.mean(axis=-2, keepdims=True)
        update = xp.divide(square, xp.maximum(row_mean, eps1), out=square)
    else:
        moving_average(xp, variance, square, beta, square)
        update = square
        update[...] = variance
    xp.maximum(update, eps1 * eps1, out=update)
    xp.sqrt(update, out=update)
    xp.divide(grad, update, out=update)
    xp.multiply(update, alpha / max(1.0, _rms(xp, update) / d), out=update)
    xp.subtract(param, update, out=param)


def _rms(xp, x):
    return math.sqrt(float(xp.to_host(xp.square(x).sum())) / x.size) if x.size else math.nan


class Adafactor(RuleOptimizer):
    """An adaptive optimizer whose state for a matrix is one row and one column.

    Args:
        params: parameters, (name, parameter) pairs, or groups.
        lr: largest relative step.
        beta2_decay: δ ≤ 0, how fast the averages lengthen.
        eps: ε₁ (None: the dtype's machine epsilon) and ε₂, the smallest parameter scale.
        d: clipping threshold on the root mean square of the update.
        weight_decay: λ, decoupled from the gradient.
        maximize: climb instead of descending.
        foreach: accepted; the numbers are the same.

    Raises:
        ValueError: an option outside its range.
        RuntimeError: complex parameters.

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adafactor.html
    Paper: Shazeer, Stern, arXiv:1804.04235.

    >>> import ember
    >>> w = ember.tensor([1.0], requires_grad=True)
    >>> optimizer = ember.optim.Adafactor([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)
    """

    rule = staticmethod(adafactor)
    arrays = ("row_var", "col_var", "variance")
    uses = ("lr", "beta2_decay", "d", "weight_decay", "maximize")
    elementwise = False

    def __init__(
        self, params, lr=1e-2, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0.0,
        *, foreach=None, maximize=False,
    ):
        if isinstance(lr, Tensor) and lr._array.size != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 <= number(lr):
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not 0.0 <= eps[0]:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not 0.0 <= eps[1]:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not 1.0 <= d:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {"lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d,
                    "weight_decay": weight_decay, "foreach": foreach, "maximize": maximize}
        super().__init__(params, defaults)

    def options(self, group):
        eps1, eps2 = group["eps"]
        return {**super().options(group), "eps1": eps1, "eps2": eps2}

    def new_state(self, param, group):
        if param._array.dtype.kind == "c":
            raise RuntimeError("Adafactor does not support complex parameters")
        state = {"step": counter(0.0)}
        if param.ndim <= 1:
            return {**state, "variance": zeros_like(param)}
        xp, shape, dtype = param._xp, tuple(param.shape), param._array.dtype
        return {
            **state,
            "row_var": Tensor._wrap(xp.zeros((*shape[:-1], 1), dtype), xp),
            "col_var": Tensor._wrap(xp.zeros((*shape[:-2], 1, shape[-1]), dtype), xp),
        }


def muon(
    xp, param, grad, momentum_buffer,
    *, lr, weight_decay, momentum, nesterov, ns_coefficients, eps, ns_steps, adjust_lr_fn,
):
    """One update of Muon on a matrix, in place.

    Formula::

        b ← μ·b + (1 − μ)·g,   u = (1 − μ)·g + μ·b  if nesterov,  else b
        θ ← θ·(1 − lr·λ) − lr·scale(θ's shape)·orthogonal(u)
    """
    work = xp.empty_like(param)
    moving_average(xp, momentum_buffer, grad, momentum, work)
    update = momentum_buffer
    if nesterov:
        xp.multiply(grad, 1 - momentum, out=work)
        update = work + momentum * momentum_buffer
    work[...] = orthogonal(xp, update, ns_coefficients, ns_steps, eps)
    xp.multiply(work, lr * _lr_scale(adjust_lr_fn, param.shape), out=work)
    xp.multiply(param, 1 - lr * weight_decay, out=param)
    xp.subtract(param, work, out=param)


def orthogonal(xp, matrix, coefficients, steps, eps):
    """Return the matrix with singular values near 1, by Newton-Schulz iterations.

    X ← a·X + (b·A + c·A²)·X with A = X·Xᵀ. Every result is rounded to bfloat16, which PyTorch
    computes in: it is the algorithm as published, and the reason for its odd coefficients.
    """
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = bfloat16(xp, matrix.T if tall else matrix)
    norm = bfloat16(xp, xp.sqrt(xp.square(x).sum()))
    x = bfloat16(xp, x / xp.maximum(norm, bfloat16(xp, xp.asarray(eps))))
    for _ in range(steps):
        gram = bfloat16(xp, x @ x.T)
        polynomial = bfloat16(xp, b * gram + c * (gram @ gram))
        x = bfloat16(xp, a * x + polynomial @ x)
    return x.T if tall else x


def bfloat16(xp, array):
    """Return an array rounded to the nearest bfloat16 values, stored as float32."""
    array = xp.array(array, dtype=xp.float32, order="C", ndmin=1)
    bits = array.view(xp.uint32)
    # Half of the last kept bit, and one more if that bit is odd: round half to even.
    bits += ((bits >> 16) & 1) + 0x7FFF
    bits &= 0xFFFF0000
    return array


def _lr_scale(adjust_lr_fn, shape):
    rows, columns = shape
    if adjust_lr_fn == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))


class Muon(RuleOptimizer):
    """Momentum, orthogonalised by Newton-Schulz iterations; for matrices only.

    Args:
        params: matrices, (name, matrix) pairs, or groups.
        lr: learning rate.
        weight_decay: λ, decoupled from the gradient.
        momentum: μ, how much of the average direction is kept.
        nesterov: look ahead along the momentum.
        ns_coefficients: the three coefficients of an iteration.
        eps: smallest norm to divide by.
        ns_steps: number of iterations.
        adjust_lr_fn: ``"original"`` scales lr by √max(1, rows/columns), ``"match_rms_adamw"``
            by 0.2·√max(rows, columns).

    Raises:
        ValueError: a parameter that is no matrix, or an option outside its range.

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.optim.Muon.html
    Source: Jordan et al., https://kellerjordan.github.io/posts/muon/

    >>> import ember
    >>> w = ember.ones(2, 2, requires_grad=True)
    >>> optimizer = ember.optim.Muon([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    """

    rule = staticmethod(muon)
    arrays = ("momentum_buffer",)
    counters = {}
    uses = (
        "lr", "weight_decay", "momentum", "nesterov",
        "ns_coefficients", "eps", "ns_steps", "adjust_lr_fn",
    )
    elementwise = False

    def __init__(
        self, params, lr=1e-3, weight_decay=0.1, momentum=0.95, nesterov=True,
        ns_coefficients=(3.4445, -4.7750, 2.0315), eps=1e-7, ns_steps=5, adjust_lr_fn=None,
    ):
        if isinstance(lr, Tensor) and lr._array.size != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 <= number(lr):
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not 0.0 <= momentum:
            raise ValueError(f"momentum should be >= 0 but is: {momentum}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"weight decay should be >= 0 but is: {weight_decay}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(
                f"Adjust learning rate function {adjust_lr_fn} is not supported; choose "
                "'original' or 'match_rms_adamw'"
            )
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum,
                    "nesterov": nesterov, "ns_coefficients": ns_coefficients, "eps": eps,
                    "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn}
        super().__init__(params, defaults)
        for group in self.param_groups:
            for param in group["params"]:
                if param.ndim != 2:
                    raise ValueError(
                        "Muon only supports 2D parameters whereas we found a parameter with "
                        f"size: {param.shape}; give the others to another optimizer"
                    )

    def options(self, group):
        if group["ns_steps"] >= 100:
            raise ValueError(
                "Number of steps must be less than 100 for computational efficiency"
            )
        if len(group["ns_coefficients"]) != 3:
            raise ValueError("Coefficients must be a tuple of exactly 3 values")
        return super().options(group)

    def new_state(self, param, group):
        if param._array.dtype.kind == "c":
            raise RuntimeError("Muon does not support complex parameters")
        return super().new_state(param, group)

    def advance(self, state, fresh, group):
        return ()
