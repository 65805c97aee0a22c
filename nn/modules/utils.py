"""Options that are one number or one per axis."""

from collections.abc import Iterable

__all__ = ["ntuple", "reverse_repeat"]


def ntuple(value, n):
    """Return an option as a tuple: a sequence as it is, a number n times.

    >>> ntuple(3, 2), ntuple([1, 2], 2)
    ((3, 3), (1, 2))
    """
    return tuple(value) if isinstance(value, Iterable) else (value,) * n


def reverse_repeat(values, times):
    """Return the values last first, each repeated: (1, 2) -> [2, 2, 1, 1]."""
    return [value for value in reversed(values) for _ in range(times)]
