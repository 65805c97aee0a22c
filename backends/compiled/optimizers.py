"""Update rules of optimizers in one pass over parameter, gradient and state.

Each rule below has the name, the arguments and the formula of the one in `optim` that it stands
for, and may decline with NotImplemented.

At the end stand the length of gradients and their scaling, over all of their memory at once.
"""

import math

import numpy as np
from numba import prange

from ..kernels import routine
from . import jit
from .reduction import sums_of_squares


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


def _decay(lr, weight_decay, decoupled):
    """Return the factor on the parameter, and how much of it is added to the gradient."""
    return (1 - lr * weight_decay, 0) if decoupled else (1, weight_decay)


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
    numbers = _numbers(param, size, beta1, 1 - beta1, beta2, 1 - beta2, eps * correction,
                       *_decay(lr, weight_decay, decoupled_weight_decay), _sign(maximize))
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


@jit.parallel
def _nadam(param, grad, mean, square, numbers, parts):
    ahead, size, beta1, fresh1, beta2, fresh2, eps, shrink, decay, sign = numbers
    for part in prange(parts):
        start, stop = part * param.size // parts, (part + 1) * param.size // parts
        p, g, m, v = param[start:stop], grad[start:stop], mean[start:stop], square[start:stop]
        for i in range(p.size):
            step = _effective(g[i], p[i], sign, decay)
            m[i] = beta1 * m[i] + fresh1 * step
            v[i] = beta2 * v[i] + fresh2 * (step * step)
            p[i] = shrink * p[i] - (ahead * step + size * m[i]) / (math.sqrt(v[i]) + eps)


@routine
def nadam(xp, param, grad, exp_avg, exp_avg_sq, step, mu, mu_next, mu_product,
          *, lr, beta1, beta2, eps, weight_decay, decoupled_weight_decay, maximize):
    arrays = _vectors(param, grad, exp_avg, exp_avg_sq)
    if arrays is None:
        return NotImplemented
    correction = math.sqrt(1 - beta2**step)
    ahead = lr * correction * (1 - mu) / (1 - mu_product)
    size = lr * correction * mu_next / (1 - mu_product * mu_next)
    numbers = _numbers(param, ahead, size, beta1, 1 - beta1, beta2, 1 - beta2, eps * correction,
                       *_decay(lr, weight_decay, decoupled_weight_decay), _sign(maximize))
    _nadam(*arrays, numbers, jit.parts(param.size))


@jit.parallel
def _radam(param, grad, mean, square, rectified, numbers, parts):
    size, beta1, fresh1, beta2, fresh2, eps, shrink, decay, sign = numbers
    for part in prange(parts):
        start, stop = part * param.size // parts, (part + 1) * param.size // parts
        p, g, m, v = param[start:stop], grad[start:stop], mean[start:stop], square[start:stop]
        for i in range(p.size):
            step = _effective(g[i], p[i], sign, decay)
            m[i] = beta1 * m[i] + fresh1 * step
            v[i] = beta2 * v[i] + fresh2 * (step * step)
            rate = size / (math.sqrt(v[i]) + eps) if rectified else size
            p[i] = shrink * p[i] - rate * m[i]


@routine
def radam(xp, param, grad, exp_avg, exp_avg_sq, step,
          *, lr, beta1, beta2, eps, weight_decay, decoupled_weight_decay, maximize):
    arrays = _vectors(param, grad, exp_avg, exp_avg_sq)
    if arrays is None:
        return NotImplemented
    correction = 1 - beta2**step
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * step * beta2**step / correction
    size = lr / (1 - beta1**step)
    if rho > 5:
        size *= math.sqrt(correction * (rho - 4) * (rho - 2) * rho_inf
                          / ((rho_inf - 4) * (rho_inf - 2) * rho))
    numbers = _numbers(param, size, beta1, 1 - beta1, beta2, 1 - beta2, eps,
                       *_decay(lr, weight_decay, decoupled_weight_decay), _sign(maximize))
    _radam(*arrays, rho > 5, numbers, jit.parts(param.size))


@jit.parallel
def _adamax(param, grad, mean, largest, numbers, parts):
    size, beta1, fresh1, beta2, eps, decay, sign = numbers
    for part in prange(parts):
        start, stop = part * param.size // parts, (part + 1) * param.size // parts
        p, g, m, u = param[start:stop], grad[start:stop], mean[start:stop], largest[start:stop]
        for i in range(p.size):
            step = _effective(g[i], p[i], sign, decay)
            m[i] = beta1 * m[i] + fresh1 * step
            u[i] *= beta2
            new = abs(step) + eps
            u[i] = new if new > u[i] or new != new else u[i]  # NaN stays
            p[i] -= size * (m[i] / u[i])


@routine
def adamax(xp, param, grad, exp_avg, exp_inf, step,
           *, lr, beta1, beta2, eps, weight_decay, maximize):
    arrays = _vectors(param, grad, exp_avg, exp_inf)
    if arrays is None:
        return NotImplemented
    numbers = _numbers(param, lr / (1 - beta1**step), beta1, 1 - beta1, beta2, eps, weight_decay,
                       _sign(maximize))
    _adamax(*arrays, numbers, jit.parts(param.size))


@jit.parallel
def _asgd(param, grad, average, numbers, parts):
    eta, mu, shrink, decay, sign = numbers
    for part in prange(parts):
        start, stop = part * param.size // parts, (part + 1) * param.size // parts
        p, g, a = param[start:stop], grad[start:stop], average[start:stop]
        for i in range(p.size):
            p[i] = shrink * p[i] - eta * _effective(g[i], p[i], sign, decay)
            a[i] = p[i] if mu == 1 else a[i] + mu * (p[i] - a[i])


@routine
def asgd(xp, param, grad, ax, eta, mu, *, lambd, weight_decay, maximize):
    arrays = _vectors(param, grad, ax)
    if arrays is None:
        return NotImplemented
    numbers = _numbers(param, eta, mu, 1 - lambd * eta, weight_decay, _sign(maximize))
    _asgd(*arrays, numbers, jit.parts(param.size))


@jit.parallel
def _rprop(param, grad, before, sizes, numbers, parts):
    eta_minus, eta_plus, smallest, largest, sign = numbers
    for part in prange(parts):
        start, stop = part * param.size // parts, (part + 1) * param.size // parts
        p, g, b, s = param[start:stop], grad[start:stop], before[start:stop], sizes[start:stop]
        for i in range(p.size):
            step = sign * g[i]
            agreement, size = step * b[i], s[i]
            size *= eta_plus if agreement > 0 else eta_minus if agreement < 0 else p.dtype.type(1)
            size = smallest if size < smallest else size
            size = largest if size > largest else size
            step = p.dtype.type(0) if agreement < 0 else step
            s[i], b[i] = size, step
            p[i] -= size if step > 0 else -size if step < 0 else step * size


@routine
def rprop(xp, param, grad, prev, step_size, step,
          *, eta_minus, eta_plus, smallest, largest, maximize):
    arrays = _vectors(param, grad, prev, step_size)
    if arrays is None:
        return NotImplemented
    numbers = _numbers(param, eta_minus, eta_plus, smallest, largest, _sign(maximize))
    _rprop(*arrays, numbers, jit.parts(param.size))


def _memory(array):
    """Return an array's elements as a vector in the order of memory, or None if it has gaps."""
    array = array if array.flags.c_contiguous else array.T
    return array.reshape(-1) if jit.takes(array) else None


@routine
def square_length(array):
    """Return the sum of squares of all elements, a number, or NotImplemented."""
    x = _memory(array)
    if x is None:
        return NotImplemented
    sums = np.empty(jit.parts(x.size))
    sums_of_squares(x, sums)
    return sums.sum()


@jit.parallel
def _scale(x, factor, parts):
    for part in prange(parts):
        a = x[part * x.size // parts:(part + 1) * x.size // parts]
        for i in range(a.size):
            a[i] *= factor


@routine
def scale(array, factor):
    """Multiply in place by a number of the array's type, or return NotImplemented."""
    x = _memory(array)
    if x is None:
        return NotImplemented
    _scale(x, factor, jit.parts(x.size))
