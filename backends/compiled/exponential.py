"""Roots, exponentials and logarithms with their gradients."""

import math

import numpy as np

from .elementwise import elementwise
from .jit import formula
from .math import exp, expm1, log, log1p

_1, _2 = np.float32(1), np.float32(2)


@formula
def _sqrt(x):
    return math.sqrt(x)


@formula
def _sqrt_slope(g, out):
    return g / (_2 * out)


@formula
def _exp_slope(g, out):
    return g * out


@formula
def _expm1_slope(g, out):
    return g * (out + _1)


@formula
def _log_slope(g, x):
    return g / x


@formula
def _log1p_slope(g, x):
    return g / (x + _1)


elementwise("sqrt", _sqrt, _sqrt_slope)
elementwise("exp", exp, _exp_slope)
elementwise("expm1", expm1, _expm1_slope)
elementwise("log", log, _log_slope)
elementwise("log1p", log1p, _log1p_slope)
