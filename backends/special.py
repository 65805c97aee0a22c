"""Special functions: our own where small models need them, SciPy's or CuPy's for the rest."""

import importlib
import math

# PyTorch's name: SciPy's.
NAMES = {
    "airy": "airy", "bessel_j0": "j0", "bessel_j1": "j1", "bessel_y0": "y0", "bessel_y1": "y1",
    "digamma": "digamma", "erfc": "erfc", "erfcx": "erfcx", "gammainc": "gammainc",
    "gammaincc": "gammaincc", "i0": "i0", "i0e": "i0e", "i1": "i1", "i1e": "i1e",
    "k0": "k0", "k0e": "k0e", "k1": "k1", "k1e": "k1e", "lgamma": "gammaln",
    "log_ndtr": "log_ndtr", "ndtr": "ndtr", "ndtri": "ndtri", "polygamma": "polygamma",
    "zeta": "zeta",
}

# erf is tanh(x · P(x²)), highest power first: our own minimax fit of atanh(erf(x)) / x.
_ATANH_ERF = (1.41849728e-07, -5.66842940e-06, 8.76370263e-05, -6.19783803e-04,
              -1.91831867e-04, 1.02769056e-01, 1.12837927)

# W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969):
# erf = x · A(x²) / B(x²) up to 0.46875, erfc = exp(−x²) · C(x) / D(x) up to 4 (and, with less
# relative but the same absolute accuracy, beyond).
_A = (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2,
      3.77485237685302021e2, 3.20937758913846947e3)
_B = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
      2.84423683343917062e3)
_C = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0,
      6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2,
      1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3)
_D = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
      1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3,
      3.43936767414372164e3, 1.23033935480374942e3)

# First guesses of erfinv, as in PyTorch: y · P(y²) / Q(y²) up to 0.7, P(z) / Q(z) of
# z = √(−ln((1 − |y|) / 2)) beyond.
_INNER_P = (-0.140543331, 0.914624893, -1.645349621, 0.886226899)
_INNER_Q = (0.012229801, -0.329097515, 1.442710462, -2.118377725, 1.0)
_OUTER_P = (1.641345311, 3.429567803, -1.62490649, -1.970840454)
_OUTER_Q = (1.637067800, 3.543889200, 1.0)


def _polynomial(x, coefficients):
    """Evaluate by Horner's rule in one fresh array."""
    value = x * coefficients[0]
    for c in coefficients[1:-1]:
        value += c
        value *= x
    value += coefficients[-1]
    return value


class Special:
    """The part of a backend that knows special functions."""

    special_module = "scipy.special"

    def special(self, name):
        """Return a function of SciPy by PyTorch's name.

        Raises:
            ImportError: when SciPy is not installed.
        """
        try:
            module = importlib.import_module(self.special_module)
        except ImportError as error:
            raise ImportError(f"{name} needs SciPy: pip install 'ember[scipy]'") from error
        return getattr(module, NAMES[name])

    def erf(self, x):
        """Error function: to 3e-7 in float32 and float16, to 2e-15 in float64."""
        if x.dtype.char == "d":
            return self._erf64(x)
        if x.dtype.char == "e":
            return self.erf(x.astype(self.float32)).astype(x.dtype)
        inner = _polynomial(x * x, _ATANH_ERF)
        inner *= x
        return self.tanh(inner)

    def _erf64(self, x):
        size = self.minimum(self.abs(x), 6)
        square = size * size
        inner = x * (_polynomial(square, _A) / _polynomial(square, _B))
        tail = self.exp(-square) * (_polynomial(size, _C) / _polynomial(size, _D))
        return self.where(size <= 0.46875, inner, self.copysign(1 - tail, x))

    def erfinv(self, y):
        """Inverse error function: a rational first guess and two steps of Newton's method."""
        if y.dtype.char != "d":
            return self.erfinv(y.astype(self.float64)).astype(y.dtype)
        size = self.abs(y)
        square = y * y
        inner = y * _polynomial(square, _INNER_P) / _polynomial(square, _INNER_Q)
        z = self.sqrt(-self.log((1 - size) / 2))
        outer = _polynomial(z, _OUTER_P) / _polynomial(z, _OUTER_Q)
        x = self.where(size <= 0.7, inner, self.copysign(outer, y))
        for _ in range(2):
            slope = 2 / math.sqrt(math.pi) * self.exp(-x * x)
            x = x - (self._erf64(x) - y) / slope
        return self.where(size < 1, x, self.where(size == 1, y * math.inf, math.nan))
