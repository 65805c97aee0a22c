"""Levels: a transform's own copies of its inputs, and results without its part of the history.

`grad(f)(x)` differentiates f at a copy of x whose node belongs to the level. Gradients flow
through that node to x's own history, so transforms nest in any order; when nothing outside the
level can ask for gradients, results leave it without history.
"""

from . import modes
from .batching import BatchedTensor, arranged, lifted, like, strip
from .grad import grad
from .graph import AccumulateGrad, Rule, make_node
from .tensor import Tensor

__all__ = ["Level", "gradients", "probe", "release"]


class Level(Rule):
    """A run of a transformed function, and the rule of the nodes of its inputs: the identity.

    Entering switches recording on, whatever the caller has chosen, as in PyTorch's transforms;
    the caller's choice decides whether results keep a history.
    """

    name = label = "level"
    node_name = "LevelBackward0"

    def __init__(self):
        self.active = True
        self.recording = modes.is_grad_enabled()
        self._mode = modes.enable_grad()

    def __enter__(self):
        self._mode.__enter__()
        return self

    def __exit__(self, *exc_info):
        self._mode.__exit__(*exc_info)
        self.active = False

    def enter(self, tensor):
        """Return a tensor with the same memory, which this level can differentiate.

        Raises:
            RuntimeError: when it holds integers or truth values.
        """
        if not (tensor.is_floating_point() or tensor.is_complex()):
            raise RuntimeError(
                "only Tensors of floating point and complex dtype can require gradients; this "
                f"one is {tensor.dtype}. Convert it with .float() first")
        tensor = lifted(tensor)  # inside vmap, each example is differentiated for itself
        if isinstance(tensor, BatchedTensor):
            return like(tensor, self._enter(strip(tensor)))
        return self._enter(tensor)

    def _enter(self, tensor):
        parent = tensor._node if self.recording else None
        t = Tensor._wrap(tensor._array, tensor._xp)
        t._node = make_node(self, (parent,), (), t._array, t._xp)
        return t

    def backward(self, node, g):
        return (g,)

    graph_backward = backward


def probe(tensor):
    """Return a tensor that stays at the node where `tensor` is now, whatever is written to it."""
    if isinstance(tensor, BatchedTensor):
        return like(tensor, probe(strip(tensor)))
    t = Tensor._wrap(tensor._array, tensor._xp)
    t._node = tensor._node
    return t


def is_wanted(nodes, level=None):
    """Return whether gradients of nodes may be asked for from outside a level.

    That is so where they reach a leaf that still exists, or another level that is running.
    """
    seen = {node for node in nodes if node is not None}
    stack = list(seen)
    while stack:
        node = stack.pop()
        if type(node) is AccumulateGrad:
            if node.ref() is not None:
                return True
            continue
        if isinstance(node.op, Level) and node.op.active and node.op is not level:
            return True
        for parent in node.parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return False


def release(tensor, level):
    """Return a result of a level, without history unless somebody outside may want it."""
    if not isinstance(tensor, Tensor) or tensor._node is None or (
            level.recording and is_wanted((tensor._node,), level)):
        return tensor
    return tensor.detach()


def gradients(outputs, probes, cotangents, level, retain_graph=False, create_graph=None):
    """Return the gradients of outputs with respect to probes, zeros where there is no path.

    They are recorded when somebody outside the level may want to differentiate them.
    """
    pairs = [(strip(o), _cotangent(o, g)) for o, g in zip(outputs, cotangents)
             if o._node is not None]
    if not pairs:
        return [t.detach().new_zeros(t.shape) for t in probes]
    if create_graph is None:
        create_graph = level.recording and is_wanted(
            [o._node for o, _ in pairs] + [g._node for _, g in pairs if g is not None], level)
    found = grad([o for o, _ in pairs], [strip(t) for t in probes], [g for _, g in pairs],
                 create_graph=create_graph, retain_graph=retain_graph or create_graph,
                 allow_unused=True, materialize_grads=True)
    return [like(t, release(g, level)) for t, g in zip(probes, found)]


def _cotangent(output, g):
    if g is not None:
        return arranged(g, output)
    whole = strip(output)
    return None if whole is output else whole.detach().new_ones(whole.shape)
