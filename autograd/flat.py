"""Flat edges: where a gradient does not change with the input, its derivative is zero.

The gradient of relu is g or 0, whatever the size of the input. PyTorch counts it as a function
of the input all the same, one that is constant almost everywhere: differentiated again it gives
zeros instead of raising. A record declares that with `flat=True`; a composition begins with the
record `bent` (`ops/activation.py`). Only `create_graph` ever makes such an edge.
"""

from .graph import Kept, Rule, make_node
from .tensor import Tensor

__all__ = ["attached"]


class _Flat(Rule):
    """A gradient (the first parent) and the input on which it formally depends (the second)."""

    name = label = "flat"
    node_name = "FlatBackward0"

    def backward(self, node, g):
        return g, self._zeros(node)

    def graph_backward(self, node, g):
        zeros = self._zeros(node)
        return g, None if zeros is None else Tensor._wrap(zeros, node.xp)

    @staticmethod
    def _zeros(node):
        source = node.parents[1]
        return None if source.shape is None else node.xp.zeros(source.shape, source.dtype)


_FLAT = _Flat()


def attached(gradient, source):
    """Return a gradient with a flat edge to the node of the input it was taken at."""
    t = Tensor._wrap(gradient._array, gradient._xp)
    t._node = make_node(_FLAT, (gradient._node, source), Kept(), t._array, t._xp)
    return t
