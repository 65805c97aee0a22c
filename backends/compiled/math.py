"""exp, log, tanh and their like of one scalar, for the loops of kernels.

In float32 they are polynomials after range reduction, free of branches and calls, so that LLVM
turns a loop around them into vector instructions: tanh and sigmoid are right to 3 units in the
last place, the others to 2. In float64 they are the C library's, one call an element. The
coefficients are our own minimax fits.
"""

import functools
import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from . import jit

__all__ = ["erf", "exp", "expm1", "log", "log1p", "maximum", "sigmoid", "tanh"]

# Range reduction relies on the rounding of sums: here none are reordered, whatever the kernel
# around allows.
_OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}, "forceinline": True}
_exact = functools.partial(jit.inline, **_OPTIONS)


def _singles(*numbers):
    return tuple([np.float32(number) for number in numbers])


# Highest power first.
_EXPM1 = _singles(0.00138823959, 0.00836718095, 0.0416672213, 0.166665387, 0.49999998)
_LOG1P = _singles(-0.0763450072, 0.127615822, -0.131601833, 0.142017574, -0.166233572,
                  0.200012269, -0.25000821, 0.333333317)
_ERF = _singles(-0.000599942419, 0.00499483467, -0.0267677237, 0.112818461, -0.376124965,
                0.12837915)
_LOG_ERFC = _singles(0.000194945848, -0.00303368411, 0.022189746, -0.103856315, -0.637265815,
                     -1.12762737, -0.000207016368)

_0, _HALF, _1, _2 = _singles(0, 0.5, 1, 2)
_LOG2_E = np.float32(1 / math.log(2))
_LN_2, _LN_2_REST = _singles(0.693359375, math.log(2) - 0.693359375)  # few bits, and the rest
_ROUND = np.float32(3 << 22)  # added to a number, it leaves the nearest integer in the low bits
_LARGEST, _SMALLEST = _singles(89, -104)  # arguments beyond which exp is infinite or 0
_SMALLEST_NORMAL = np.finfo(np.float32).smallest_normal
_MINUS_20 = np.float32(-20)  # exp of less does not change 1
_LIFT, _LIFTED = _singles(1 << 23, 23)
_INFINITY, _NAN = _singles(math.inf, math.nan)

_ROUND_BITS, _1_BITS, _ROOT_HALF_BITS = [
    int(number.view(np.int32)) for number in (_ROUND, _1, np.float32(math.sqrt(0.5)))]


@intrinsic
def _bits(context, x):
    """Read the bits of a float32 as an int32."""
    def code(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), code


@intrinsic
def _from_bits(context, bits):
    """Read the bits of an int32 as a float32."""
    def code(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), code


@_exact
def _polynomial(x, coefficients):
    value = coefficients[0]
    for i in range(1, len(coefficients)):
        value = value * x + coefficients[i]
    return value


@_exact
def _reduced(x):
    """Return exp(r) − 1 and t, where x = n ln 2 + r, |r| <= ln 2 / 2 and t = n + _ROUND."""
    t = x * _LOG2_E + _ROUND
    n = t - _ROUND
    r = (x - n * _LN_2) - n * _LN_2_REST
    return r + r * r * _polynomial(r, _EXPM1), t


@_exact
def _power_of_2(n):
    return _from_bits(np.int32((np.int32(n) << 23) + _1_BITS))


def _or_double(double):
    """Decorate a function of a float32; what kernels get for a float64 is `double`."""
    def make(single):
        compiled = _exact(single)

        @overload(single, jit_options=_OPTIONS)
        def by_type(x):
            chosen = compiled if x == types.float32 else double
            return lambda x: chosen(x)

        return single

    return make


@_or_double(math.exp)
def exp(x):
    """e to the power of x."""
    x = _SMALLEST if x < _SMALLEST else x
    x = _LARGEST if x > _LARGEST else x
    less_1, t = _reduced(x)
    n = np.int32(_bits(t) - _ROUND_BITS)
    half = np.int32(n >> 1)  # two factors: 2ⁿ may be subnormal or infinite
    return (_1 + less_1) * _power_of_2(half) * _power_of_2(np.int32(n - half))


@_or_double(math.expm1)
def expm1(x):
    """exp(x) − 1, exact near zero."""
    x = _MINUS_20 if x < _MINUS_20 else x
    x = _LARGEST if x > _LARGEST else x
    less_1, t = _reduced(x)
    n = np.int32(_bits(t) - _ROUND_BITS)
    half = _power_of_2(np.int32(n - 1))  # of 2ⁿ, which may be infinite
    return less_1 if n == 0 else (half * less_1 + (half - _HALF)) * _2


@_or_double(math.log)
def log(x):
    """The natural logarithm of x: −infinity of 0, NaN of negative numbers."""
    subnormal = x < _SMALLEST_NORMAL
    bits = _bits(x * _LIFT if subnormal else x)
    n = np.int32(np.int32(bits - _ROOT_HALF_BITS) >> 23)
    f = _from_bits(np.int32(bits - (n << 23))) - _1
    n = np.float32(n) - (_LIFTED if subnormal else _0)
    square = f * f
    rest = f * square * _polynomial(f, _LOG1P) + n * _LN_2_REST
    value = (f + (rest - _HALF * square)) + n * _LN_2
    value = x if x == _INFINITY else value
    value = -_INFINITY if x == _0 else value
    return value if x >= _0 else _NAN


@_or_double(math.log1p)
def log1p(x):
    """log(1 + x), exact near zero: what rounding takes from 1 + x is added again."""
    u = _1 + x
    value = log(u)
    return value + (x - (u - _1)) / u if _0 < u < _INFINITY else value


@_or_double(math.tanh)
def tanh(x):
    """The hyperbolic tangent of x."""
    below = expm1(-_2 * abs(x))
    return math.copysign(below / (below + _2), x)


@_or_double(math.erf)
def erf(x):
    """The error function of x: x + x P(x²) near zero, 1 − exp(Q(|x|)) beyond."""
    size = abs(x)
    near = x + x * _polynomial(x * x, _ERF)
    far = np.float32(4) if size > np.float32(4) else size
    less_1, t = _reduced(_polynomial(far, _LOG_ERFC))
    erfc = _from_bits(np.int32(_bits(_1 + less_1) + (_bits(t) << 23)))
    return near if size < np.float32(0.92) else math.copysign(_1 - erfc, x)


@_exact
def sigmoid(x):
    """1 / (1 + exp(−x))."""
    return _1 / (_1 + exp(-x))


@intrinsic
def maximum(context, x, y):
    """The larger of two floats of one type, NaN if either is: unlike a comparison, it vectorises
    in reductions too."""
    def code(context, builder, signature, arguments):
        kind = arguments[0].type
        larger = builder.module.declare_intrinsic(
            "llvm.maximum", [kind], ir.FunctionType(kind, [kind, kind]))
        return builder.call(larger, arguments)

    return x(x, x), code
