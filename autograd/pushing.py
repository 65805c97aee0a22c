"""Forward mode: push tangents through a recorded graph, from its inputs to its outputs.

There is no second list of derivatives. A vjp formula is linear in `g`; its own vjp with respect
to `g`, which exists because the formula also runs on Tensors, is the transpose of the transpose:
the jvp. A rule that knows its jvp (`push`) is asked first.
"""

from . import engine, modes, writes
from .grad import grad
from .graph import FREED, OutputNode, make_node
from .levels import Level
from .tensor import Tensor

__all__ = ["Pushforward"]

_INPUT = Level()
_INPUT.active = False


class Pushforward:
    """The linear map from tangents at some nodes of a graph to the tangents of its outputs.

    Args:
        outputs: tensors.
        sources: the nodes where tangents enter.
        keep: keep what the formulas compute, for another call.
    """

    def __init__(self, outputs, sources, keep=False):
        self._ends = [t._node for t in outputs]
        self._sources = frozenset(sources)
        self._maps = {} if keep else None
        self._order = self._between()

    def _between(self):
        """Return the nodes that depend on a source, oldest first."""
        roots = {node for node in self._ends if node is not None}
        if not roots:
            return []
        order, wanted = engine.collect_towards(roots, self._sources)
        return [n for n in reversed(order) if n in wanted or n in self._sources]

    def __call__(self, seeds):
        """Return the tangent of each output, or None where it does not depend on a source.

        Args:
            seeds: dict from source node to tangent.
        Raises:
            RuntimeError: when saved values were freed or overwritten.
        """
        tangents = dict(seeds)
        with modes.enable_grad():
            for node in self._order:
                if node not in tangents:
                    arriving = [tangents.get(p) for p in node.parents]
                    if any(t is not None for t in arriving):
                        tangents[node] = self._push(node, arriving)
                elif node not in seeds:
                    raise AssertionError("a node was reached twice")
        return [tangents.get(node) for node in self._ends]

    def _push(self, node, arriving):
        if type(node) is OutputNode:
            return arriving[0][node.saved[0]]
        if isinstance(node.op, Level):
            return arriving[0]
        if node.saved is FREED:
            raise RuntimeError(f"forward mode needs the values that {node.name()} saved, but "
                               "backward has freed them; call backward with retain_graph=True")
        if writes.last > node.seq:
            writes.check(node)
        push = getattr(node.op, "push", None)
        if push is not None:
            return push(node, arriving)
        inputs, parts = self._map(node)
        pairs = [(part, t) for part, t in zip(parts, arriving)
                 if t is not None and part is not None and part._node is not None]
        if not pairs:
            return [None] * len(inputs) if node.shape is None else None
        found = grad([part for part, _ in pairs], inputs, [t for _, t in pairs],
                     create_graph=True, allow_unused=True)
        return list(found) if node.shape is None else found[0]

    def _map(self, node):
        """Return stand-ins for the gradient of a node, and the gradients of its parents."""
        if self._maps is None:
            return _transposed(node)
        if node not in self._maps:
            self._maps[node] = _transposed(node)
        return self._maps[node]


def _transposed(node):
    if node.shape is None:
        g = engine.Outputs([_stand_in(node.xp, *s) if s[1].kind in "fc" else None
                            for s in node.shapes])
        inputs = [t for t in g if t is not None]
    else:
        g = _stand_in(node.xp, node.shape, node.dtype)
        inputs = [g]
    if node.dtype is not None and node.dtype.kind == "c" and not node.op.adjoint:
        parts = engine.conjugated(node, g, create_graph=True)
    else:
        parts = node.op.graph_backward(node, g)
    return inputs, [None if part is None or parent is None else engine.fit_tensor(part, parent)
                    for part, parent in zip(parts, node.parents)]


def _stand_in(xp, shape, dtype):
    # any value would do, but a formula may divide by g or take its logarithm
    array = xp.ones(shape, dtype)
    t = Tensor._wrap(array, xp)
    t._node = make_node(_INPUT, (None,), (), array, xp)
    return t
