"""Activations and their gradients."""

import math

import numpy as np

from .elementwise import elementwise
from .jit import formula
from .math import erf, exp, expm1, log1p, sigmoid, tanh

# Numbers are float32, as x is: others would make the loops float64.
_0, _HALF, _1, _2, _3, _30 = [np.float32(number) for number in (0, 0.5, 1, 2, 3, 30)]
_SIXTH, _ROOT_HALF = np.float32(1 / 6), np.float32(math.sqrt(0.5))
_DENSITY = np.float32(1 / math.sqrt(2 * math.pi))  # of the normal distribution at 0
_RATE = np.float32(2 * math.sqrt(2 / math.pi))
_CUBIC = np.float32(2 * math.sqrt(2 / math.pi) * 0.044715)

# -- piecewise linear -----------------------------------------------------------------------------


@formula
def _relu(x):
    return _0 if x < _0 else x  # NaN stays


@formula
def _relu_slope(g, out):
    return _0 if out == _0 else g


@formula
def _leaky_relu(x, below):
    return x if x > _0 else x * below


@formula
def _leaky_relu_slope(g, x, below):
    return g if x > _0 else g * below


@formula
def _hardtanh(x, low, high):
    clipped = low if x < low else x
    return high if clipped > high else clipped


@formula
def _hardtanh_slope(g, x, low, high):
    return _0 if (x <= low) | (x >= high) else g


@formula
def _hardsigmoid(x):
    return _hardtanh(x * _SIXTH + _HALF, _0, _1)


@formula
def _hardsigmoid_slope(g, x):
    return g * _SIXTH if (x > -_3) & (x < _3) else g * _0


@formula
def _hardswish(x):
    return x * _hardsigmoid(x)


@formula
def _hardswish_slope(g, x):
    return g * (_hardsigmoid(x) + (x * _SIXTH if (x > -_3) & (x < _3) else _0))


elementwise("relu", _relu, _relu_slope)
elementwise("leaky_relu", _leaky_relu, _leaky_relu_slope, lambda negative_slope: (negative_slope,))
elementwise("hardtanh", _hardtanh, _hardtanh_slope, lambda min_val, max_val: (min_val, max_val))
elementwise("hardsigmoid", _hardsigmoid, _hardsigmoid_slope)
elementwise("_hardswish", _hardswish, _hardswish_slope)

# -- exponential ----------------------------------------------------------------------------------


@formula
def _sigmoid(x):
    return sigmoid(x)


@formula
def _sigmoid_slope(g, out):
    return g * (out * (_1 - out))


@formula
def _logsigmoid(x):
    return (x if x < _0 else _0) - log1p(exp(-abs(x)))


@formula
def _logsigmoid_slope(g, out):
    return -g * expm1(out)


@formula
def _tanh_slope(g, out):
    return g * (_1 - out * out)


@formula
def _scaled_elu(x, below, scale, rate):
    return below * expm1(x * rate) if x <= _0 else x * scale


@formula
def _scaled_elu_slope(g, x, below, scale, rate):
    return g * (below * rate * exp(x * rate) if x <= _0 else scale)


@formula
def _softplus(x, beta, threshold):
    scaled = x * beta
    curved = _0 if scaled > threshold else scaled
    return x if scaled > threshold else log1p(exp(curved)) / beta


@formula
def _softplus_slope(g, x, beta, threshold):
    return g if x * beta > threshold else g * sigmoid(x * beta)


elementwise("sigmoid", _sigmoid, _sigmoid_slope)
elementwise("logsigmoid", _logsigmoid, _logsigmoid_slope)
elementwise("tanh", tanh, _tanh_slope)
elementwise("scaled_elu", _scaled_elu, _scaled_elu_slope,
            lambda alpha, scale, k: (alpha * scale, scale, k))
elementwise("softplus", _softplus, _softplus_slope, lambda beta, threshold: (beta, threshold))

# -- x times a share of it ------------------------------------------------------------------------


@formula
def _silu(x):
    return x * sigmoid(x)


@formula
def _silu_slope(g, x):
    share = sigmoid(x)
    return g * (share * (_1 + x * (_1 - share)))


@formula
def _mish(x):
    e = exp(_30 if x > _30 else x)
    grown = e * (e + _2)  # tanh(log(1 + e)) = grown / (grown + 2)
    return x * (grown / (grown + _2))


@formula
def _mish_slope(g, x):
    e = exp(_30 if x > _30 else x)
    grown = e * (e + _2)
    share = grown / (grown + _2)
    return g * (share + x * ((_1 - share * share) * (e / (_1 + e))))


@formula
def _gelu_tanh(x):
    return x * sigmoid(x * (_RATE + _CUBIC * (x * x)))  # (1 + tanh(u)) / 2 = σ(2 u)


@formula
def _gelu_tanh_slope(g, x):
    bend = _CUBIC * (x * x)
    share = sigmoid(x * (_RATE + bend))
    return g * (share + x * (share * (_1 - share)) * (_RATE + _3 * bend))


@formula
def _gelu(x):
    return x * (_HALF * (_1 + erf(x * _ROOT_HALF)))


@formula
def _gelu_slope(g, x):
    below = _HALF * (_1 + erf(x * _ROOT_HALF))
    return g * (below + x * (_DENSITY * exp(-_HALF * (x * x))))


elementwise("_silu", _silu, _silu_slope)
elementwise("_mish", _mish, _mish_slope)
elementwise("_gelu_tanh", _gelu_tanh, _gelu_tanh_slope)
elementwise("_gelu", _gelu, _gelu_slope)
