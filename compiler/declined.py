"""Kernels that decline certain values: a program that met none falls back to the composition."""

from ..autograd import Tensor, modes
from ..autograd.grad import grad
from .slots import is_holder

__all__ = ["backward", "forward"]


class _Graph:
    """What a composition saves in place of a kernel: its result, and its arguments in order."""

    __slots__ = ("result", "tensors")

    def __init__(self, result, tensors):
        self.result, self.tensors = result, tensors


def forward(composition, kernel):
    """Return a kernel's forward that asks the composition where the kernel declines."""
    def call(xp, recording, *args):
        made = kernel(xp, recording, *args)
        if made is not NotImplemented or any(map(is_holder, args)):
            return made
        args = [Tensor._wrap(a, xp) if isinstance(a, xp.array_types) else a for a in args]
        tensors = [a for a in args if isinstance(a, Tensor)]
        with modes.set_grad_enabled(recording):
            for t in tensors:
                t.requires_grad = recording and t.is_floating_point()
            result = composition(*args)
        return result._array, _Graph(result, tensors)

    return call


def backward(kernel):
    """Return the backward that belongs to such a forward."""
    def call(xp, g, saved, wanted):
        if not isinstance(saved, _Graph):
            return kernel(xp, g, saved, wanted)
        sources = [t for t, is_wanted in zip(saved.tensors, wanted) if is_wanted]
        grads = iter(grad(saved.result, sources, Tensor._wrap(g, xp), retain_graph=True,
                          materialize_grads=True))
        return [next(grads)._array if is_wanted else None for is_wanted in wanted]

    return call
