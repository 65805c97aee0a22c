"""Checks of tensors' values: functions that raise for bad ones and otherwise do nothing.

Reading values stops a compiled program from being replayed, unless it happens in such a function:
that one is called again each time.
"""

__all__ = ["CHECKS", "value_check"]

CHECKS = {}  # the functions by their code


def value_check(function):
    """Note that a function of tensors only raises, or returns None."""
    CHECKS[function.__code__] = function
    return function
