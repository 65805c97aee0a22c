"""Ops whose large arrays on the CPU go to a compiled kernel.

The kernel has the op's name. Its forward gets the op's arguments; its backward gets as `saved`
what the record saves (a tuple for ops of one or two tensors, else a dict), so that either may
decline with NotImplemented and the record's formula takes over.
"""

import functools

from numpy import float32

from ..backends import cpu, kernels

__all__ = ["backward", "forward"]


def forward(name, formula):
    """Return a forward that asks the compiled kernel first."""
    @functools.wraps(formula)
    def call(xp, input, *args, **options):
        if xp is cpu:
            kernel = kernels.compiled(name, input.size)
            if kernel is not None:
                result = kernel.forward(xp, True, input, *args, **options)
                if result is not NotImplemented:
                    return result[0]
        return formula(xp, input, *args, **options)

    return call


def backward(name, formulas):
    """Return a backward that asks the compiled kernel first."""
    def call(node, g):
        if g.__class__ is not float32 and g.size >= kernels.compiled_from() and node.xp is cpu:
            kernel = kernels.compiled(name, g.size)
            if kernel is not None and kernel.backward is not None:
                wanted = [p is not None for p in node.parents]
                result = kernel.backward(cpu, g, node.saved, wanted)
                if result is not NotImplemented:
                    return result
        return formulas(node, g)

    return call
