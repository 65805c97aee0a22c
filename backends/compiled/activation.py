"""Activations and their gradients in one pass."""

import math

import numpy as np
from numba import prange

from ..kernels import kernel
from . import jit
from .math import erf, exp, expm1, log1p, sigmoid, tanh

_ROOT_HALF = math.sqrt(0.5)
_DENSITY = 1 / math.sqrt(2 * math.pi)  # of the normal distribution at 0
_RATE, _CUBE = 2 * math.sqrt(2 / math.pi), 0.044715  # GELU by tanh is x σ(_RATE (x + _CUBE x³))


@jit.inline
def _part(array, part, parts):
    return array[part * array.size // parts:(part + 1) * array.size // parts]


def value(loop, input, *numbers):
    """Return what a loop makes of an array, and the array for the gradient; or NotImplemented."""
    if not jit.takes(input):
        return NotImplemented
    out = np.empty_like(input)
    loop(input.reshape(-1), out.reshape(-1), *map(float, numbers), jit.parts(out.size))
    return out, (input,)


def slope(loop, g, known, *numbers):
    """Return what a loop makes of a gradient and the array it depends on; or NotImplemented."""
    if not (g.flags.c_contiguous and g.flags.writeable):
        g = np.array(g, order="C")
    if not jit.takes(g, known):
        return NotImplemented
    out = np.empty_like(g)
    loop(g.reshape(-1), known.reshape(-1), out.reshape(-1), *map(float, numbers),
         jit.parts(out.size))
    return (out,)


# -- piecewise linear -----------------------------------------------------------------------------


@jit.parallel
def _relu(x, out, parts):
    zero = x.dtype.type(0)
    for part in prange(parts):
        a, b = _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            b[i] = zero if a[i] < zero else a[i]  # NaN stays


@jit.parallel
def _relu_gradient(g, y, out, parts):
    zero = g.dtype.type(0)
    for part in prange(parts):
        a, b, c = _part(g, part, parts), _part(y, part, parts), _part(out, part, parts)
        for i in range(a.size):
            c[i] = zero if b[i] == zero else a[i]


@kernel("relu", compiled=True)
class ReLU:
    """max(x, 0)."""

    def forward(xp, recording, input):
        return value(_relu, input)

    def backward(xp, g, saved, wanted):
        return slope(_relu_gradient, g, saved[0])


@jit.parallel
def _leaky_relu(x, out, below, parts):
    below, zero = x.dtype.type(below), x.dtype.type(0)
    for part in prange(parts):
        a, b = _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            b[i] = a[i] if a[i] > zero else a[i] * below


@jit.parallel
def _leaky_relu_gradient(g, x, out, below, parts):
    below, zero = g.dtype.type(below), g.dtype.type(0)
    for part in prange(parts):
        a, b, c = _part(g, part, parts), _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            c[i] = a[i] if b[i] > zero else a[i] * below


@kernel("leaky_relu", compiled=True)
class LeakyReLU:
    """x where positive, else negative_slope · x."""

    def forward(xp, recording, input, negative_slope):
        return value(_leaky_relu, input, negative_slope)

    def backward(xp, g, saved, wanted):
        return slope(_leaky_relu_gradient, g, saved["input"], saved["negative_slope"])


@jit.parallel
def _hardtanh(x, out, low, high, parts):
    low, high = x.dtype.type(low), x.dtype.type(high)
    for part in prange(parts):
        a, b = _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            clipped = low if a[i] < low else a[i]
            b[i] = high if clipped > high else clipped


@jit.parallel
def _hardtanh_gradient(g, x, out, low, high, parts):
    low, high, zero = g.dtype.type(low), g.dtype.type(high), g.dtype.type(0)
    for part in prange(parts):
        a, b, c = _part(g, part, parts), _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            c[i] = zero if (b[i] <= low) | (b[i] >= high) else a[i]


@kernel("hardtanh", compiled=True)
class Hardtanh:
    """x clipped to an interval."""

    def forward(xp, recording, input, min_val, max_val):
        return value(_hardtanh, input, min_val, max_val)

    def backward(xp, g, saved, wanted):
        return slope(_hardtanh_gradient, g, saved["input"], saved["min_val"], saved["max_val"])


# -- exponential ----------------------------------------------------------------------------------


@jit.parallel
def _sigmoid(x, out, parts):
    for part in prange(parts):
        a, b = _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            b[i] = sigmoid(a[i])


@jit.parallel
def _sigmoid_gradient(g, y, out, parts):
    one = g.dtype.type(1)
    for part in prange(parts):
        a, b, c = _part(g, part, parts), _part(y, part, parts), _part(out, part, parts)
        for i in range(a.size):
            c[i] = a[i] * (b[i] * (one - b[i]))


@kernel("sigmoid", compiled=True)
class Sigmoid:
    """1 / (1 + exp(−x))."""

    def forward(xp, recording, input):
        return value(_sigmoid, input)

    def backward(xp, g, saved, wanted):
        return slope(_sigmoid_gradient, g, saved[0])


@jit.parallel
def _tanh(x, out, parts):
    for part in prange(parts):
        a, b = _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            b[i] = tanh(a[i])


@jit.parallel
def _tanh_gradient(g, y, out, parts):
    one = g.dtype.type(1)
    for part in prange(parts):
        a, b, c = _part(g, part, parts), _part(y, part, parts), _part(out, part, parts)
        for i in range(a.size):
            c[i] = a[i] * (one - b[i] * b[i])


@kernel("tanh", compiled=True)
class Tanh:
    """The hyperbolic tangent."""

    def forward(xp, recording, input):
        return value(_tanh, input)

    def backward(xp, g, saved, wanted):
        return slope(_tanh_gradient, g, saved[0])


@jit.parallel
def _scaled_elu(x, out, alpha, scale, rate, parts):
    below, scale = x.dtype.type(alpha * scale), x.dtype.type(scale)
    rate, zero = x.dtype.type(rate), x.dtype.type(0)
    for part in prange(parts):
        a, b = _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            b[i] = below * expm1(a[i] * rate) if a[i] <= zero else a[i] * scale


@jit.parallel
def _scaled_elu_gradient(g, x, out, alpha, scale, rate, parts):
    below, scale = g.dtype.type(alpha * scale * rate), g.dtype.type(scale)
    rate, zero = g.dtype.type(rate), g.dtype.type(0)
    for part in prange(parts):
        a, b, c = _part(g, part, parts), _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            c[i] = a[i] * (below * exp(b[i] * rate) if b[i] <= zero else scale)


@kernel("scaled_elu", compiled=True)
class ScaledELU:
    """scale · (x where positive, else alpha · expm1(k · x))."""

    def forward(xp, recording, input, alpha, scale, k):
        return value(_scaled_elu, input, alpha, scale, k)

    def backward(xp, g, saved, wanted):
        return slope(_scaled_elu_gradient, g, saved["input"], saved["alpha"], saved["scale"],
                     saved["k"])


@jit.parallel
def _softplus(x, out, beta, threshold, parts):
    beta, threshold, zero = x.dtype.type(beta), x.dtype.type(threshold), x.dtype.type(0)
    for part in prange(parts):
        a, b = _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            scaled = a[i] * beta
            curved = zero if scaled > threshold else scaled
            b[i] = a[i] if scaled > threshold else log1p(exp(curved)) / beta


@jit.parallel
def _softplus_gradient(g, x, out, beta, threshold, parts):
    beta, threshold = g.dtype.type(beta), g.dtype.type(threshold)
    for part in prange(parts):
        a, b, c = _part(g, part, parts), _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            c[i] = a[i] if b[i] * beta > threshold else a[i] * sigmoid(b[i] * beta)


@kernel("softplus", compiled=True)
class Softplus:
    """log(1 + exp(beta · x)) / beta; x where beta · x > threshold."""

    def forward(xp, recording, input, beta, threshold):
        return value(_softplus, input, beta, threshold)

    def backward(xp, g, saved, wanted):
        return slope(_softplus_gradient, g, saved["input"], saved["beta"], saved["threshold"])


# -- x times a distribution function --------------------------------------------------------------


@jit.parallel
def _silu(x, out, parts):
    for part in prange(parts):
        a, b = _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            b[i] = a[i] * sigmoid(a[i])


@jit.parallel
def _silu_gradient(g, x, out, parts):
    one = g.dtype.type(1)
    for part in prange(parts):
        a, b, c = _part(g, part, parts), _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            s = sigmoid(b[i])
            c[i] = a[i] * (s * (one + b[i] * (one - s)))


@kernel("_silu", compiled=True)
class SiLU:
    """x · σ(x)."""

    def forward(xp, recording, input):
        return value(_silu, input)

    def backward(xp, g, saved, wanted):
        return slope(_silu_gradient, g, saved[0])


@jit.parallel
def _mish(x, out, parts):
    two, large = x.dtype.type(2), x.dtype.type(30)
    for part in prange(parts):
        a, b = _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            e = exp(large if a[i] > large else a[i])
            grown = e * (e + two)  # tanh(log(1 + e)) = grown / (grown + 2)
            b[i] = a[i] * (grown / (grown + two))


@jit.parallel
def _mish_gradient(g, x, out, parts):
    one, two, large = g.dtype.type(1), g.dtype.type(2), g.dtype.type(30)
    for part in prange(parts):
        a, b, c = _part(g, part, parts), _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            e = exp(large if b[i] > large else b[i])
            grown = e * (e + two)
            t = grown / (grown + two)
            c[i] = a[i] * (t + b[i] * ((one - t * t) * (e / (one + e))))


@kernel("_mish", compiled=True)
class Mish:
    """x · tanh(softplus(x))."""

    def forward(xp, recording, input):
        return value(_mish, input)

    def backward(xp, g, saved, wanted):
        return slope(_mish_gradient, g, saved[0])


@jit.parallel
def _gelu_tanh(x, out, parts):
    rate, cube = x.dtype.type(_RATE), x.dtype.type(_RATE * _CUBE)
    for part in prange(parts):
        a, b = _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            b[i] = a[i] * sigmoid(a[i] * (rate + cube * (a[i] * a[i])))


@jit.parallel
def _gelu_tanh_gradient(g, x, out, parts):
    rate, cube, one = g.dtype.type(_RATE), g.dtype.type(_RATE * _CUBE), g.dtype.type(1)
    three = g.dtype.type(3)
    for part in prange(parts):
        a, b, c = _part(g, part, parts), _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            cubic = cube * (b[i] * b[i])
            s = sigmoid(b[i] * (rate + cubic))
            c[i] = a[i] * (s + b[i] * (s * (one - s)) * (rate + three * cubic))


@kernel("_gelu_tanh", compiled=True)
class GELUTanh:
    """x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))."""

    def forward(xp, recording, input):
        return value(_gelu_tanh, input)

    def backward(xp, g, saved, wanted):
        return slope(_gelu_tanh_gradient, g, saved[0])


@jit.parallel
def _gelu(x, out, parts):
    root, half, one = x.dtype.type(_ROOT_HALF), x.dtype.type(0.5), x.dtype.type(1)
    for part in prange(parts):
        a, b = _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            b[i] = a[i] * (half * (one + erf(a[i] * root)))


@jit.parallel
def _gelu_gradient(g, x, out, parts):
    root, half, one = g.dtype.type(_ROOT_HALF), g.dtype.type(0.5), g.dtype.type(1)
    density = g.dtype.type(_DENSITY)
    for part in prange(parts):
        a, b, c = _part(g, part, parts), _part(x, part, parts), _part(out, part, parts)
        for i in range(a.size):
            below = half * (one + erf(b[i] * root))
            c[i] = a[i] * (below + b[i] * (density * exp(-half * (b[i] * b[i]))))


@kernel("_gelu", compiled=True)
class GELU:
    """x · Φ(x); the derivative is Φ(x) + x φ(x)."""

    def forward(xp, recording, input):
        return value(_gelu, input)

    def backward(xp, g, saved, wanted):
        return slope(_gelu_gradient, g, saved[0])
