"""Which formula is the divergence of which pair."""

import functools
import warnings

from ..distribution import Distribution

__all__ = ["kl_divergence", "register_kl"]

_formulas = {}


def register_kl(type_p, type_q):
    """Return a decorator that makes a function the divergence of two classes of distributions.

    Args:
        type_p, type_q: subclasses of `Distribution`; subclasses of theirs may use it too.
    Raises:
        TypeError: when they are no such classes.
    """
    for name, kind in (("type_p", type_p), ("type_q", type_q)):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {kind}")

    def decorator(function):
        _formulas[type_p, type_q] = function
        _formula_for.cache_clear()
        return function

    return decorator


def kl_divergence(p, q):
    """Return the Kullback-Leibler divergence KL(p ‖ q) = E ln p(x) − E ln q(x), x from p, in nats.

    Args:
        p, q: distributions with batch shapes that broadcast.
    Returns:
        a tensor of the batch shape.
    Raises:
        NotImplementedError: when no formula is known.

    >>> import ember
    >>> from ember.distributions import Normal, kl_divergence
    >>> kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
    tensor(0.5000)
    """
    formula = _formula_for(type(p), type(q))
    if formula is None:
        raise NotImplementedError("No KL(p || q) is implemented for p type "
                                  f"{type(p).__name__} and q type {type(q).__name__}")
    return formula(p, q)


@functools.cache
def _formula_for(type_p, type_q):
    """The formula of the nearest classes: of p first, which should agree with q first."""
    fitting = [(p, q) for p, q in _formulas if issubclass(type_p, p) and issubclass(type_q, q)]
    if not fitting:
        return None

    def distance(pair):
        return type_p.__mro__.index(pair[0]), type_q.__mro__.index(pair[1])

    by_p = min(fitting, key=distance)
    by_q = min(fitting, key=lambda pair: distance(pair)[::-1])
    if _formulas[by_p] is not _formulas[by_q]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). Please "
            f"register_kl({by_p[0].__name__}, {by_q[1].__name__})", RuntimeWarning, stacklevel=3)
    return _formulas[by_p]
