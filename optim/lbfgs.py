"""Limited-memory BFGS, over all parameters as one vector, and its line search.

The search ends at a point that satisfies the strong Wolfe conditions.

Source: Nocedal, Wright, Numerical Optimization, algorithms 3.5 and 3.6, with the safeguards of
M. Schmidt's minFunc, whose numbers PyTorch follows.
"""

import numpy as np

from ..autograd.modes import enable_grad
from ..autograd.tensor import Tensor
from ..autograd.writes import mark_written
from .optimizer import Optimizer
from .rule import as_real, check_lr, number


def cubic_minimum(x1, f1, g1, x2, f2, g2, bounds=None):
    """Return where the cubic through two points with slopes is least, within bounds.

    Args:
        x1, f1, g1: position, value and slope at one point; x2, f2, g2: at the other.
        bounds: smallest and largest answer; the two positions if None.
    """
    low, high = bounds or ((x1, x2) if x1 <= x2 else (x2, x1))
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1**2 - g1 * g2
    if not square >= 0:
        return (low + high) / 2.0
    d2 = square**0.5
    if x1 <= x2:
        best = x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2))
    else:
        best = x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2 * d2))
    return min(max(best, low), high)


def strong_wolfe(
    probe, t, size, f, g, slope, c1=1e-4, c2=0.9, tolerance_change=1e-9, max_ls=25
):
    """Return loss, gradient, step length and number of probes of a step along d.

    Args:
        probe: function from step length to loss, gradient and slope along d there.
        t: first step length to try.
        size: largest element of d.
        f, g, slope: loss, gradient and slope at step length 0.
        c1, c2: how much the loss must fall, how much the slope must flatten.
        tolerance_change: smallest step worth refining.
        max_ls: most refinements.
    """
    start = (0, f, g, slope)
    bracket, done, probes = _bracket(probe, t, start, c1, c2, max_ls)
    # From here on one end of the bracket is its lower one; the minimum lies between.
    low, high = (0, 1) if bracket[0][1] <= bracket[-1][1] else (1, 0)
    stuck = False
    while not done and probes <= max_ls:
        (ta, fa, _, sa), (tb, fb, _, sb) = bracket
        if abs(tb - ta) * size < tolerance_change:
            break
        t, stuck = _keep_off_ends(cubic_minimum(ta, fa, sa, tb, fb, sb), ta, tb, stuck)
        point = (t, *probe(t))
        probes += 1
        _, f_new, _, slope_new = point
        if f_new > f + c1 * t * slope or f_new >= bracket[low][1]:
            bracket[high] = point
            low, high = (0, 1) if bracket[0][1] <= bracket[1][1] else (1, 0)
        else:
            done = abs(slope_new) <= -c2 * slope
            if not done and slope_new * (bracket[high][0] - bracket[low][0]) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = point
    t, f_new, g_new, _ = bracket[low]
    return f_new, g_new, t, probes


def _bracket(probe, t, start, c1, c2, max_ls):
    """Lengthen the step until a minimum lies between two points, or one satisfies both rules.

    Returns the points (one if it satisfies), whether it does, and the number of probes.
    """
    _, f, _, slope = start
    previous, point = start, (t, *probe(t))
    for tries in range(max_ls):
        t, f_new, _, slope_new = point
        if f_new > f + c1 * t * slope or (tries > 1 and f_new >= previous[1]):
            return [previous, point], False, tries + 1
        if abs(slope_new) <= -c2 * slope:
            return [point], True, tries + 1
        if slope_new >= 0:
            return [previous, point], False, tries + 1
        t_before, f_before, _, slope_before = previous
        bounds = (t + 0.01 * (t - t_before), t * 10)
        t_next = cubic_minimum(t_before, f_before, slope_before, t, f_new, slope_new, bounds)
        previous, point = point, (t_next, *probe(t_next))
    return [start, point], False, max(max_ls, 0) + 1


def _keep_off_ends(t, ta, tb, stuck):
    """A trial length at least a tenth of the bracket from its ends, every second time."""
    low, high = min(ta, tb), max(ta, tb)
    margin = 0.1 * (high - low)
    if min(high - t, t - low) >= margin:
        return t, False
    if stuck or t >= high or t <= low:
        return (high - margin if abs(t - high) < abs(t - low) else low + margin), False
    return t, True


def lbfgs_direction(grad, differences, steps, inverses, scale):
    """Return −H·grad for the inverse Hessian H that the history describes (two loops).

    Args:
        grad: the gradient, one vector.
        differences, steps: lists of y = g' − g and s = x' − x, oldest first.
        inverses: 1 / (y·s) for each.
        scale: H before any of them.
    """
    q = -grad
    weights = [None] * len(steps)
    for i in reversed(range(len(steps))):
        weights[i] = steps[i].dot(q) * inverses[i]
        q = q - weights[i] * differences[i]
    r = q * scale
    for i in range(len(steps)):
        r = r + (weights[i] - differences[i].dot(r) * inverses[i]) * steps[i]
    return r


class LBFGS(Optimizer):
    """Quasi-Newton descent; `step` needs a closure and calls it several times.

    Args:
        params: parameters or (name, parameter) pairs: one group, on one device.
        lr: length of a step, relative to the quasi-Newton step.
        max_iter: most iterations in one `step`.
        max_eval: most calls of the closure in one `step` (1.25 · max_iter).
        tolerance_grad: stop when no element of the gradient is larger.
        tolerance_change: stop when step or loss change less.
        history_size: how many updates the Hessian is made from.
        line_search_fn: None or ``"strong_wolfe"``.

    Raises:
        ValueError: negative lr, or several groups.

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.optim.LBFGS.html
    Source: Nocedal, Wright, Numerical Optimization, algorithms 7.4, 7.5, 3.5 and 3.6.

    >>> import ember
    >>> w = ember.tensor([1.0, 3.0], requires_grad=True)
    >>> optimizer = ember.optim.LBFGS([w])
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((w - 2) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure)
    tensor(2., grad_fn=<SumBackward0>)
    >>> w
    tensor([2., 2.], requires_grad=True)
    """

    def __init__(
        self, params, lr=1, max_iter=20, max_eval=None, tolerance_grad=1e-7,
        tolerance_change=1e-9, history_size=100, line_search_fn=None,
    ):
        check_lr(lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure):
        """Minimise the closure's loss until a tolerance or limit of the options is met.

        Args:
            closure: clears the gradients, computes the loss, calls backward, returns the loss.
        """
        group = self.param_groups[0]
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        # The state is global; the first parameter's entry holds it, as in PyTorch's checkpoints.
        saved = self.state[group["params"][0]]
        saved.setdefault("func_evals", 0)
        saved.setdefault("n_iter", 0)
        with enable_grad():
            first_loss = closure()
        saved["func_evals"] += 1
        grad = self._flat_grad()
        if self._largest(grad) <= group["tolerance_grad"]:
            return first_loss
        memory = {key: _raw(value) for key, value in saved.items()}
        with np.errstate(all="ignore"):
            self._minimise(closure, group, memory, float(first_loss), grad)
        saved.update((key, self._wrapped(value)) for key, value in memory.items())
        return first_loss

    def _minimise(self, closure, group, memory, loss, grad):
        lr, evaluations = number(group["lr"]), 1
        change = group["tolerance_change"]
        for iteration in range(1, group["max_iter"] + 1):
            memory["n_iter"] += 1
            t = self._choose_direction(group, memory, grad, lr)
            d, before = memory["d"], loss
            memory.update(t=t, prev_flat_grad=grad, prev_loss=loss)
            slope = self._dot(grad, d)
            if slope > -change:
                return
            calls = 0
            if group["line_search_fn"] is not None:
                limit = group["max_eval"] - evaluations
                probe, size = self._probe(closure, d), self._largest(d)
                loss, grad, t, calls = strong_wolfe(
                    probe, t, size, loss, grad, slope, max_ls=limit
                )
                memory["t"] = t
                self._move(d, t)
            else:
                self._move(d, t)
                # A stochastic loss need not be evaluated where nobody will look at it.
                if iteration != group["max_iter"]:
                    loss, grad, calls = self._evaluate(closure), self._flat_grad(), 1
            evaluations += calls
            memory["func_evals"] += calls
            if (
                evaluations >= group["max_eval"]
                or self._largest(grad) <= group["tolerance_grad"]
                or self._largest(d * t) <= change
                or abs(loss - before) < change
            ):
                return

    def _choose_direction(self, group, memory, grad, lr):
        """Put the next direction into memory["d"]; return the first step length to try."""
        if memory["n_iter"] == 1:
            memory.update(d=-grad, old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return min(1.0, 1.0 / self._host(abs(grad).sum())) * lr
        y = grad - memory["prev_flat_grad"]
        s = memory["d"] * memory["t"]
        curvature = self._dot(y, s)
        history = memory["old_dirs"], memory["old_stps"], memory["ro"]
        if curvature > 1e-10:
            if len(memory["ro"]) == group["history_size"]:
                for items in history:
                    items.pop(0)
            for items, item in zip(history, (y, s, 1.0 / curvature)):
                items.append(item)
            memory["H_diag"] = curvature / self._dot(y, y)
        memory["d"] = lbfgs_direction(grad, *history, memory["H_diag"])
        return lr

    def _evaluate(self, closure):
        with enable_grad():
            return float(closure())

    def _probe(self, closure, direction):
        """A function from step length to loss, gradient and slope there; parameters stay."""
        start = [p._buffer().copy() for p in self.param_groups[0]["params"]]

        def probe(t):
            self._move(direction, t)
            loss, grad = self._evaluate(closure), self._flat_grad()
            slope = self._dot(grad, direction)
            for param, values in zip(self.param_groups[0]["params"], start):
                param._buffer()[...] = values
                mark_written(param._buffer())
            return loss, grad, slope

        return probe

    def _flat_grad(self):
        """All gradients as one new vector; zeros where there is none."""
        xp, pieces = self._backend(), []
        for param in self.param_groups[0]["params"]:
            array = xp.zeros_like(param._buffer()) if param.grad is None else param.grad._buffer()
            pieces.append(as_real(array).reshape(-1))
        return xp.concatenate(pieces)

    def _move(self, direction, t):
        """Add t · direction to the parameters."""
        start = 0
        for param in self.param_groups[0]["params"]:
            array = param._buffer()
            real = as_real(array)
            step = direction[start : start + real.size].reshape(real.shape) * t
            self._backend().add(real, step, out=real)
            mark_written(array)
            start += real.size

    def _backend(self):
        return self.param_groups[0]["params"][0]._xp

    def _host(self, value):
        """A 0-d array as a number of its own precision, to decide by."""
        return self._backend().to_host(value)[()]

    def _dot(self, a, b):
        return self._host(a.dot(b))

    def _largest(self, vector):
        return self._host(abs(vector).max())

    def _wrapped(self, value):
        """A raw value as the state dict holds it: arrays become tensors."""
        if isinstance(value, list):
            return [self._wrapped(item) for item in value]
        if isinstance(value, np.generic):
            return Tensor._wrap(value)  # decided by on the host
        return Tensor._wrap(value, self._backend()) if hasattr(value, "dtype") else value


def _raw(value):
    if isinstance(value, list):
        return [_raw(item) for item in value]
    return value._array if isinstance(value, Tensor) else value
