"""Losses whose gradient is not that of their formula as written."""

from ..op import op


@op(namespaces=(), cast="promote", promoted=("input", "target"),
    derivative="∂input: g · (input − target) / max(input · (1 − input), 1e−12)")
def bernoulli_nll(xp, input, target):
    """Negative log-likelihood of targets under probabilities, with logarithms kept above −100.

    Args:
        input: probabilities.
        target: what happened, between 0 and 1.
    """
    happened = xp.maximum(xp.log(input), -100)
    missed = xp.maximum(xp.log1p(-input), -100)
    return (target - 1) * missed - target * happened


bernoulli_nll.vjp("input", lambda xp, g, input, target: (
    g * (input - target) / xp.maximum(input * (1 - input), 1e-12)))
bernoulli_nll.vjp("target", lambda xp, g, input: g * (
    xp.maximum(xp.log1p(-input), -100) - xp.maximum(xp.log(input), -100)))
