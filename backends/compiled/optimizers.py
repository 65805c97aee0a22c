"""Update rules of optimizers in one pass over parameter, gradient and state.

Each rule below has the name, the arguments and the formula of the one in `optim` that it stands
for, and may decline with NotImplemented.
"""

import math

import numpy as np
from numba import prange

from ..kernels import routine
from . import jit


def _vectors(param, grad, *state):
    """Return (param, grad, *state) as vectors, with None where state is None; None if loops
    cannot serve them."""
    if not grad.flags.c_contiguous and grad.dtype is param.dtype:
        grad = np.ascontiguousarray(grad)
    given = [a for a in (param, grad, *state) if a is not None]
    if not jit.takes(*given) or any(a.size != param.size for a in given):
        return None
    return [None if a is None else a.reshape(-1) for a in (param, grad, *state)]


def _numbers(param, *values):
    """Return the numbers in the parameter's precision."""
    return tuple(np.array(values, param.dtype))


def _sign(maximize):
    return -1 if maximize else 1


@jit.inline
def _effective(grad, param, sign, decay):
    """±g + λ·θ; nothing of θ, were it NaN, when λ is 0."""
    return sign * grad + decay * param if decay != 0 else sign * grad


@jit.parallel
def _sgd(param, grad, buffer, first, nesterov, numbers, parts):
    lr, momentum, kept, decay, sign = numbers
    for part in prange(parts):
        start, stop = part * param.size // parts, (part + 1) * param.size // parts
        p, g = param[start:stop], grad[start:stop]
        if buffer is None:
            for i in range(p.size):
                p[i] -= lr * _effective(g[i], p[i], sign, decay)
        else:
            b = buffer[start:stop]
            for i in range(p.size):
                step = _effective(g[i], p[i], sign, decay)
                b[i] = step if first else momentum * b[i] + kept * step
                p[i] -= lr * (step + momentum * b[i] if nesterov else b[i])


@routine
def sgd(xp, param, grad, momentum_buffer, first,
        *, lr, momentum, dampening, weight_decay, nesterov, maximize):
    arrays = _vectors(param, grad, momentum_buffer if momentum != 0 else None)
    if arrays is None:
        return NotImplemented
    numbers = _numbers(param, lr, momentum, 1 - dampening, weight_decay, _sign(maximize))
    _sgd(*arrays, first, nesterov, numbers, jit.parts(param.size))


@jit.parallel
def _adam(param, grad, mean, square, largest, numbers, parts):
    size, beta1, fresh1, beta2, fresh2, eps, shrink, decay, sign = numbers
    for part in prange(parts):
        start, stop = part * param.size // parts, (part + 1) * param.size // parts
        p, g, m, v = param[start:stop], grad[start:stop], mean[start:stop], square[start:stop]
        w = v if largest is None else largest[start:stop]
        for i in range(p.size):
            step = _effective(g[i], p[i], sign, decay)
            m[i] = beta1 * m[i] + fresh1 * step
            v[i] = beta2 * v[i] + fresh2 * (step * step)
            if largest is not None and not w[i] >= v[i] and w[i] == w[i]:  # NaN stays
                w[i] = v[i]
            p[i] = shrink * p[i] - size * (m[i] / (math.sqrt(w[i]) + eps))


@routine
def adam(xp, param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq, step,
         *, lr, beta1, beta2, eps, weight_decay, amsgrad, decoupled_weight_decay, maximize):
    arrays = _vectors(param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq if amsgrad else None)
    if arrays is None:
        return NotImplemented
    correction = math.sqrt(1 - beta2**step)
    size = lr * correction / (1 - beta1**step)
    shrink, decay = (1 - lr * weight_decay, 0) if decoupled_weight_decay else (1, weight_decay)
    numbers = _numbers(param, size, beta1, 1 - beta1, beta2, 1 - beta2, eps * correction,
                       shrink, decay, _sign(maximize))
    _adam(*arrays, numbers, jit.parts(param.size))


@jit.parallel
def _adadelta(param, grad, square, moved, numbers, parts):
    lr, rho, fresh, eps, decay, sign = numbers
    for part in prange(parts):
        start, stop = part * param.size // parts, (part + 1) * param.size // parts
        p, g, v, u = param[start:stop], grad[start:stop], square[start:stop], moved[start:stop]
        for i in range(p.size):
            step = _effective(g[i], p[i], sign, decay)
            v[i] = rho * v[i] + fresh * (step * step)
            delta = math.sqrt(u[i] + eps) / math.sqrt(v[i] + eps) * step
            u[i] = rho * u[i] + fresh * (delta * delta)
            p[i] -= lr * delta


@routine
def adadelta(xp, param, grad, square_avg, acc_delta, step, *, lr, rho, eps, weight_decay, maximize):
    arrays = _vectors(param, grad, square_avg, acc_delta)
    if arrays is None:
        return NotImplemented
    numbers = _numbers(param, lr, rho, 1 - rho, eps, weight_decay, _sign(maximize))
    _adadelta(*arrays, numbers, jit.parts(param.size))


@jit.parallel
def _rmsprop(param, grad, square, buffer, mean, numbers, parts):
    lr, alpha, fresh, eps, momentum, decay, sign = numbers
    for part in prange(parts):
        start, stop = part * param.size // parts, (part + 1) * param.size // parts
        p, g, v = param[start:stop], grad[start:stop], square[start:stop]
        b = g if buffer is None else buffer[start:stop]
        a = g if mean is None else mean[start:stop]
        for i in range(p.size):
            step = _effective(g[i], p[i], sign, decay)
            v[i] = alpha * v[i] + fresh * (step * step)
            spread = v[i]
            if mean is not None:
                a[i] = alpha * a[i] + fresh * step
                spread -= a[i] * a[i]
            delta = step / (math.sqrt(spread) + eps)
            if buffer is not None:
                delta += momentum * b[i]
                b[i] = delta
            p[i] -= lr * delta


@routine
def rmsprop(xp, param, grad, square_avg, momentum_buffer, grad_avg, step,
            *, lr, alpha, eps, weight_decay, momentum, centered, maximize):
    arrays = _vectors(param, grad, square_avg, momentum_buffer if momentum > 0 else None,
                      grad_avg if centered else None)
    if arrays is None:
        return NotImplemented
    numbers = _numbers(param, lr, alpha, 1 - alpha, eps, momentum, weight_decay, _sign(maximize))
    _rmsprop(*arrays, numbers, jit.parts(param.size))


@jit.parallel
def _adagrad(param, grad, total, numbers, parts):
    size, eps, decay, sign = numbers
    for part in prange(parts):
        start, stop = part * param.size // parts, (part + 1) * param.size // parts
        p, g, s = param[start:stop], grad[start:stop], total[start:stop]
        for i in range(p.size):
            step = _effective(g[i], p[i], sign, decay)
            s[i] += step * step
            p[i] -= size * (step / (math.sqrt(s[i]) + eps))


@routine
def adagrad(xp, param, grad, sum_sq, step, *, lr, lr_decay, weight_decay, eps, maximize):
    arrays = _vectors(param, grad, sum_sq)
    if arrays is None:
        return NotImplemented
    numbers = _numbers(param, lr / (1 + (step - 1) * lr_decay), eps, weight_decay, _sign(maximize))
    _adagrad(*arrays, numbers, jit.parts(param.size))
