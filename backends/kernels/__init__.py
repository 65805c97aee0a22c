"""Kernels: faster ways to compute composites. Deleting any of them changes no result.

    @kernel("linear")
    class Linear:
        def forward(xp, recording, input, weight, bias):
            return input @ weight.T + bias, (input, weight)

        def backward(xp, g, saved, wanted):
            input, weight = saved
            ...  # one gradient (or None) per tensor argument, in their order

`recording` tells whether saved values will be needed. A forward may return NotImplemented for
a case it does not serve. Files of this package are imported with it.
"""

__all__ = ["Kernel", "find", "kernel"]

_registered = {}


class Kernel:
    """A forward and a backward on raw arrays.

    Attributes:
        device_types: the devices it serves; None means all.
    """

    __slots__ = ("name", "forward", "backward", "device_types")

    def __init__(self, name, forward, backward, device_types):
        self.name = name
        self.forward = forward
        self.backward = backward
        self.device_types = device_types


def kernel(name, device_types=None):
    """Register a class with `forward` and `backward` as the kernel of a composite."""
    def register(cls):
        made = Kernel(name, cls.__dict__["forward"], cls.__dict__["backward"], device_types)
        _registered[name] = made
        return cls

    return register


def find(name, xp):
    """Return the kernel of a composite for a backend, or None."""
    found = _registered.get(name)
    if found is None or found.device_types and xp.device_type not in found.device_types:
        return None
    return found


from . import (  # noqa: E402 - kernels register themselves when imported
    activation,
    attention,
    convolution,
    linear,
    lookup,
    losses,
    normalization,
    pooling,
    recurrent,
)

