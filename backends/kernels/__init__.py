"""Kernels: faster ways to compute composites. Deleting any of them changes no result.

    @kernel("linear")
    class Linear:
        def forward(xp, recording, input, weight, bias):
            return input @ weight.T + bias, (input, weight)

        def backward(xp, g, saved, wanted):
            input, weight = saved
            ...  # one gradient (or None) per tensor argument, in their order

`recording` tells whether saved values will be needed. A forward may return NotImplemented for
a case it does not serve; the next kernel is asked then. Files of this package are written over
`xp` and serve every device; those of `backends/compiled` serve large arrays on the CPU when Numba
is installed and are asked first. EMBER_COMPILED_FROM sets from how many elements on: a number, or
"never".
"""

import functools
import importlib
import importlib.util
import os

__all__ = ["Kernel", "compiled", "compiled_from", "find", "kernel", "loops", "routine"]

_NEEDED = ("numba", "scipy", "threadpoolctl")
_portable, _compiled = {}, {}


class Kernel:
    """A forward and a backward on raw arrays."""

    __slots__ = ("name", "forward", "backward")

    def __init__(self, name, forward, backward):
        self.name = name
        self.forward = forward
        self.backward = backward


def kernel(name, compiled=False):
    """Register a class with `forward` and `backward` as a kernel of a composite."""
    def register(cls):
        methods = cls.__dict__
        made = Kernel(name, methods["forward"], methods.get("backward"))
        (_compiled if compiled else _portable)[name] = (made,)
        return cls

    return register


def routine(function):
    """Register a compiled function of raw arrays by its name: an optimizer's update rule, say."""
    _compiled[function.__name__] = (function,)
    return function


def find(name, xp, size):
    """Return the kernels to ask, in order, for arguments of `size` elements in all."""
    portable = _portable.get(name, ())
    if size >= _from and xp.device_type == "cpu" and _load():
        return _compiled.get(name, ()) + portable
    return portable


def compiled(name, size):
    """Return the compiled kernel or routine for `size` elements on the CPU, or None."""
    if size >= _from and _load():
        return _compiled.get(name, (None,))[0]
    return None


def loops():
    """Return the module of generated loops (`backends/compiled/generated.py`), or None."""
    if not _load():
        return None
    from ..compiled import generated

    return generated


def compiled_from():
    """Return from how many elements on compiled kernels are used; infinity means never.

    Calling NumPy costs less than calling a compiled kernel, so small arrays stay with NumPy.
    """
    return _from


@functools.cache
def _load():
    """Import the compiled kernels, once; return whether there are any."""
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        return False
    importlib.import_module("..compiled", __name__)
    return True


def _asked():
    """Read EMBER_COMPILED_FROM."""
    asked = os.environ.get("EMBER_COMPILED_FROM", "8192")
    if asked == "never":
        return float("inf")
    if not asked.isdecimal():
        raise ValueError(f"EMBER_COMPILED_FROM is a number of elements or 'never', not {asked!r}")
    return int(asked)


_from = _asked()

from . import (  # noqa: E402 - kernels register themselves when imported
    activation,
    attention,
    convolution,
    dropout,
    linear,
    lookup,
    losses,
    normalization,
    pooling,
    recurrent,
)

