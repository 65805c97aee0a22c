"""Backward: collect the reachable nodes, order them by creation, one loop."""

import sys
from operator import attrgetter

from numpy import float32

from . import writes
from .graph import FREED, HOW_TO_EXPLAIN, AccumulateGrad, Kept, OutputNode, Rule, make_node
from .tensor import Tensor

__all__ = ["collect", "collect_towards", "conjugated", "fit", "fit_tensor", "run",
           "used_again"]

_by_creation = attrgetter("seq")
# References to an array that only the gradient table holds: table, local name, argument.
_OWNED = 3


class Outputs(list):
    """The gradients of an operation's several outputs; None where none arrived."""

    __slots__ = ()
    shape = dtype = None


def run(roots, *, retain_graph=False, create_graph=False, targets=None):
    """Send gradients from roots to leaves.

    Args:
        roots: pairs of node and gradient (raw array; Tensor when create_graph).
        retain_graph: keep saved values, so that the graph can be used again.
        create_graph: compute with Tensors, so that the gradients have a graph of their own.
        targets: nodes to stop at; None means all leaves.
    Returns:
        A dict from leaf or target node to its gradient (raw array or Tensor).
    Raises:
        RuntimeError: when saved values were freed or overwritten.
    """
    grads = {}
    for node, g in roots:
        _add(grads, node, g, create_graph)
    if targets is None:
        order, wanted = collect(grads), None
    else:
        order, wanted = collect_towards(grads, targets)
    result = {}
    last_write = writes.last
    for node in order:
        g = grads.pop(node, None)
        if g is None:
            continue
        if node.hooks and (targets is None or node in wanted or node in targets):
            g = _run_hooks(node, g, create_graph)
        if targets is None:
            if type(node) is AccumulateGrad:
                result[node] = g
                continue
        else:
            if node in targets:
                result[node] = g
            if node not in wanted:
                continue
        if node.saved is FREED:
            raise used_again(node)
        if last_write > node.seq:
            writes.check(node)
        if (g.__class__ is not float32 and node.dtype is not None and node.dtype.kind == "c"
                and not node.op.adjoint):
            outgoing = conjugated(node, g, create_graph)
        elif create_graph:
            outgoing = node.op.graph_backward(node, g)
        else:
            if node.value is not None:
                node.gradient = g
            backward = node.op.backward
            outgoing = backward(node, g)
        g = None
        parents, place = node.parents, 0
        for gp in outgoing:
            parent = parents[place]
            place += 1
            if parent is None or gp is None:
                continue
            if gp.__class__ is float32 is parent.value.__class__:  # scalar programs
                grads[parent] = grads[parent] + gp if parent in grads else gp
                continue
            if gp.shape != parent.shape or gp.dtype is not parent.dtype:
                gp = fit_tensor(gp, parent) if create_graph else fit(gp, parent)
            if parent in grads:
                _add(grads, parent, gp, create_graph)
            else:
                grads[parent] = gp
        outgoing = gp = None
        if not retain_graph and node.saved:
            node.saved = FREED
    return result


_SECOND_BACKWARD = (
    "Trying to backward through the graph a second time (or directly access saved tensors after "
    "they have already been freed). Saved intermediate values of the graph are freed when you "
    "call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward "
    "through the graph a second time or if you need to access saved tensors after calling "
    "backward. (The freed values belong to {}.)")


def used_again(node):
    """Return the error for a node whose saved values are asked for after they were freed."""
    error = RuntimeError(_SECOND_BACKWARD.format(node.name()) + HOW_TO_EXPLAIN)
    error.node = node  # for `explain`
    return error


def conjugated(node, g, create_graph):
    """Evaluate plain derivatives as PyTorch's gradients of a complex output; see `Op.adjoint`."""
    backward = node.op.graph_backward if create_graph else node.op.backward
    return [None if gp is None else gp.conj() for gp in backward(node, g.conj())]


def collect(roots):
    """Return all nodes reachable from the roots, newest first."""
    order = list(roots)
    seen = {None, *order}
    for node in order:  # which grows meanwhile
        for parent in node.parents:
            if parent not in seen:
                seen.add(parent)
                order.append(parent)
    order.sort(key=_by_creation, reverse=True)
    return order


def collect_towards(roots, targets):
    """Return the reachable nodes, newest first, and those from which a target is reachable.

    Parents are older than their children, so nodes older than every target are left out.
    """
    oldest = min(node.seq for node in targets)
    seen = set(roots)
    stack = list(seen)
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent not in seen and parent.seq >= oldest:
                seen.add(parent)
                stack.append(parent)
    order = sorted(seen, key=_by_creation, reverse=True)
    wanted = set()
    for node in reversed(order):
        if any(p in targets or p in wanted for p in node.parents if p is not None):
            wanted.add(node)
    return order, wanted


def _add(grads, node, g, create_graph):
    """Add a gradient to the table, in place where the table owns the sum so far."""
    have = grads.get(node)
    if have is None:
        grads[node] = g
    elif type(have) is Outputs:
        for i, item in enumerate(g):
            if item is not None:
                have[i] = item if have[i] is None else have[i] + item
    elif not create_graph and is_owned(have) and have.dtype == g.dtype:
        have += g
    else:
        grads[node] = have + g


def is_owned(array):
    """Return whether nobody but the gradient table (and the caller) refers to an array."""
    return (sys.getrefcount(array) <= _OWNED + 1 and getattr(array, "base", None) is None
            and array.ndim > 0 and array.flags.c_contiguous)


def fit(g, parent):
    """Sum or expand a raw gradient to its source's shape and cast it to its dtype."""
    if parent.shape is None:
        return g
    if g.shape != parent.shape:
        g = sum_to(parent.xp, g, parent.shape)
    if g.dtype != parent.dtype:
        g = (g.real if g.dtype.kind == "c" and parent.dtype.kind != "c" else g).astype(parent.dtype)
    return g


def sum_to(xp, g, shape):
    """Undo broadcasting: sum a gradient over the axes along which its source was repeated."""
    lead = g.ndim - len(shape)
    if lead < 0:
        return xp.broadcast_to(g, shape)
    axes = tuple(range(lead)) + tuple(
        i + lead for i, n in enumerate(shape) if n == 1 and g.shape[i + lead] != 1)
    if axes and g.dtype.itemsize == 2:  # NumPy would add up halves in halves
        g = g.astype(xp.float32).sum(axis=axes, keepdims=True).astype(g.dtype)
    elif axes:
        g = g.sum(axis=axes, keepdims=True)
    if lead:
        g = g.reshape(g.shape[lead:])
    return g if g.shape == shape else xp.broadcast_to(g, shape)


def fit_tensor(g, parent):
    """The same with a Tensor whose graph is recorded."""
    if parent.shape is None:
        return g
    if g.shape != parent.shape:
        lead = g.ndim - len(parent.shape)
        axes = tuple(range(max(lead, 0))) + tuple(
            i + lead for i, n in enumerate(parent.shape)
            if i + lead >= 0 and n == 1 and g.shape[i + lead] != 1)
        if axes:
            g = g.sum(axes, keepdim=True)
        if lead > 0:
            g = g.reshape(g.shape[lead:])
        if g.shape != parent.shape:
            g = g.expand(parent.shape)
    if g._array.dtype != parent.dtype:
        from . import dtypes

        if g._array.dtype.kind == "c" and parent.dtype.kind != "c":
            g = g.real
        g = g.to(dtypes.from_numpy_dtype(parent.dtype))
    return g


def _run_hooks(node, g, create_graph):
    """Call a node's hooks; each may replace the gradient."""
    if type(g) is Outputs:
        return g
    for hook in list(node.hooks.values()):
        g_tensor = g if create_graph else Tensor._wrap(g, node.xp)
        replaced = hook(g_tensor)
        if replaced is not None:
            if not isinstance(replaced, Tensor):
                raise TypeError(
                    f"a gradient hook must return a Tensor or None, not {type(replaced).__name__}")
            g = replaced if create_graph else replaced._array
    return g


def output_backward(node, g):
    """Put the gradient of one output among those of its operation."""
    slots = Outputs([None] * len(node.parents[0].shapes))
    slots[node.saved[0]] = g
    return (slots,)


class _Output(Rule):
    """The rule of OutputNode."""

    node_name = name = label = "output"
    backward = staticmethod(output_backward)
    graph_backward = staticmethod(output_backward)


OUTPUT = _Output()


def make_output(node, index, array):
    """Return the node for one output of an operation with several."""
    return make_node(OUTPUT, (node,), Kept((index,)), array, node.xp, OutputNode)
