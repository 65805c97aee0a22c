"""Orthogonal polynomials of `ember.special`, each from its three-term recurrence.

Source: https://docs.pytorch.org/docs/stable/special.html
"""

from itertools import count

from ..op import op
from ..tensor import Tensor


def _family(name, doc, first, step, argument=None):
    """Make the record of a family of polynomials p_n(x).

    Args:
        first: p_1 as a function of x (p_0 is 1).
        step: p_(k+1) as a function of (k, x, p_k, p_(k−1)).
        argument: what x is made to first.
    """
    @op(name=name, namespaces=(), cast="float", dtypes="real -> float")
    def polynomial(xp, input, n):
        x = input if argument is None else argument(input)
        degree = xp.where(xp.abs(n) < 2.0 ** 63, xp.trunc(n), -1.0)  # PyTorch counts in int64
        before, current = xp.ones(input.shape, input.dtype), first(x)
        value = xp.where(degree == 0, 1.0, xp.where(degree > 0, current, 0.0))
        for k in count(1):
            rising = (degree > k) & (value == value)
            if not xp.to_host(rising.any()):
                break
            before, current = current, step(k, x, current, before)
            value = xp.where(rising, current, value)
        return xp.where((x == x) | (degree < 0), value, x).astype(input.dtype, copy=False)

    polynomial.op.forward.__doc__ = doc

    def call(input, n, *, out=None):
        like = input if isinstance(input, Tensor) else n
        if not isinstance(like, Tensor):
            raise TypeError(f"{name}(): at least one of x and n must be Tensor, but they are "
                            f"{type(input).__name__} and {type(n).__name__}")
        pair = [t if isinstance(t, Tensor) else like.new_tensor(t) for t in (input, n)]
        return polynomial(*pair, out=out)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    polynomial.op.namespaces = ("special",)
    return polynomial.op.public(call)


def _chebyshev(k, x, current, before):
    return 2 * x * current - before


def _shifted(x):
    return 2 * x - 1


for _letter, _first in {"t": lambda x: x, "u": lambda x: 2 * x, "v": lambda x: 2 * x - 1,
                        "w": lambda x: 2 * x + 1}.items():
    _family("chebyshev_polynomial_" + _letter,
            f"Chebyshev polynomial {_letter.upper()}ₙ(input).", _first, _chebyshev)
    _family("shifted_chebyshev_polynomial_" + _letter,
            f"Chebyshev polynomial {_letter.upper()}ₙ(2 · input − 1).", _first, _chebyshev,
            _shifted)
_family("hermite_polynomial_h", "Physicist's Hermite polynomial Hₙ(input).",
        lambda x: 2 * x, lambda k, x, current, before: 2 * x * current - 2 * k * before)
_family("hermite_polynomial_he", "Probabilist's Hermite polynomial Heₙ(input).",
        lambda x: x, lambda k, x, current, before: x * current - k * before)
_family("laguerre_polynomial_l", "Laguerre polynomial Lₙ(input).", lambda x: 1 - x,
        lambda k, x, current, before: ((2 * k + 1 - x) * current - k * before) / (k + 1))
_family("legendre_polynomial_p", "Legendre polynomial Pₙ(input).", lambda x: x,
        lambda k, x, current, before: ((2 * k + 1) * x * current - k * before) / (k + 1))
