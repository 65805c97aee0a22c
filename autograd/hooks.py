"""Hooks on nodes and on several gradients at once, and edges of the graph.

PyTorch page: https://docs.pytorch.org/docs/stable/autograd.html#autograd-graph
"""

import typing
import weakref

from . import engine, watching
from .graph import Hooks, RemovableHandle, add_hook
from .tensor import Tensor

__all__ = ["GradientEdge", "get_gradient_edge", "hook_node", "register_multi_grad_hook"]


class GradientEdge(typing.NamedTuple):
    """A place in the graph that `autograd.grad` accepts instead of a tensor.

    It keeps the graph but not the tensor, whose memory may go.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.graph.GradientEdge.html
    """

    node: typing.Any
    output_nr: int
    ownership_token: typing.Any = None

    @property
    def _node(self):
        return self.node


def get_gradient_edge(tensor):
    """Return the edge at which the gradient of a tensor is computed.

    Raises:
        RuntimeError: for a tensor that does not require gradients.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.graph.get_gradient_edge.html

    >>> import ember
    >>> x = ember.tensor(2.0, requires_grad=True)
    >>> y = x * x
    >>> edge = ember.autograd.graph.get_gradient_edge(y)
    >>> ember.autograd.grad(y.exp(), edge)
    (tensor(54.5981),)
    """
    node = tensor._node
    if node is None:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require "
            "gradients")
    return GradientEdge(node, _number(node), None)


def _number(node):
    return node.saved[0] if node.op is engine.OUTPUT else 0


# -- hooks on a node ------------------------------------------------------------------------------


def hook_node(node, hook, before):
    """Call a hook at every backward through a node.

    Args:
        hook: with `before`, a function of the gradients of the outputs, which it may replace;
            else of the gradients of the inputs, which it may replace, and of the outputs.
    """
    if type(node.op) is not _Hooked:
        node.op = _Hooked(node.op)
    return RemovableHandle(node.op.before if before else node.op.after, hook)


class _Hooked(watching.Wrapped):
    """The rule of a node with hooks. Hooks get and give tuples of tensors."""

    def __init__(self, inner):
        super().__init__(inner)
        self.before, self.after = Hooks(), Hooks()

    def backward(self, node, g):
        several = isinstance(g, list)
        outputs = _tensors(g if several else [g], node.xp)
        for hook in list(self.before.values()):
            outputs = _replaced(hook(outputs), outputs)
        raw = [None if t is None else t._array for t in outputs]
        outgoing = self.inner.backward(node, engine.Outputs(raw) if several else raw[0])
        inputs = _tensors([_fitted(item, parent, engine.fit)
                           for item, parent in zip(outgoing, node.parents)], node.xp)
        for hook in list(self.after.values()):
            inputs = _replaced(hook(inputs, outputs), inputs)
        return [t._array if isinstance(t, Tensor) else t for t in inputs]

    def graph_backward(self, node, g):
        several = isinstance(g, list)
        outputs = tuple(g) if several else (g,)
        for hook in list(self.before.values()):
            outputs = _replaced(hook(outputs), outputs)
        outgoing = self.inner.graph_backward(
            node, engine.Outputs(outputs) if several else outputs[0])
        inputs = tuple([_fitted(item, parent, engine.fit_tensor)
                        for item, parent in zip(outgoing, node.parents)])
        for hook in list(self.after.values()):
            inputs = _replaced(hook(inputs, outputs), inputs)
        return inputs


def _tensors(arrays, xp):
    return tuple([a if a is None or isinstance(a, list) else Tensor._wrap(a, xp) for a in arrays])


def _fitted(item, parent, fit):
    return item if item is None or parent is None or isinstance(item, list) else fit(item, parent)


def _replaced(given, before):
    """Return what a hook wants instead of some gradients."""
    if given is None:
        return before
    given = given if isinstance(given, tuple) else (given,)
    if len(given) != len(before):
        raise RuntimeError(f"a node's hook returned {len(given)} gradients instead of "
                           f"{len(before)}")
    return given


# -- hooks on several tensors ---------------------------------------------------------------------


def register_multi_grad_hook(tensors, fn, *, mode="all"):
    """Call a function when the gradients of several tensors are known, once per backward pass.

    Args:
        tensors: tensors that require gradients.
        fn: in mode "all" called with the sequence of gradients, None for tensors that the pass
            does not reach; in mode "any" with the first gradient.
    Returns:
        A handle whose `remove()` takes the hook out again.
    Raises:
        ValueError: for another mode.
    Source: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.register_multi_grad_hook

    >>> import ember
    >>> a, b = ember.ones(2, requires_grad=True), ember.ones(2, requires_grad=True)
    >>> c, d = a * b, a * b
    >>> _ = ember.autograd.graph.register_multi_grad_hook(
    ...     (a, b, c, d), lambda grads: print([g is not None for g in grads]))
    >>> c.sum().backward()
    [True, True, True, False]
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    return _MultiHandle(tensors, fn, mode)


class _MultiHandle:
    """A hook on several gradients: a hook on each, and a wrapper that sees passes begin and end."""

    def __init__(self, tensors, fn, mode):
        for t in tensors:
            if t._node is None:
                raise RuntimeError(
                    "cannot register a hook on a tensor that doesn't require gradient")
        self._fn, self._mode = fn, mode
        self._nodes = [weakref.ref(t._node) for t in tensors]
        self._passes = []  # per pass now running: [how many gradients are missing, gradients]
        self._handles = [add_hook(t._node, self._hook(i)) for i, t in enumerate(tensors)]
        watching.around.append(self._run)

    def remove(self):
        """Take the hook out; a second call does nothing."""
        for handle in self._handles:
            handle.remove()
        if self._run in watching.around:
            watching.around.remove(self._run)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.remove()

    def _run(self, run, roots, **options):
        reached = set(engine.collect([node for node, _ in roots]))
        targets = options.get("targets")
        if targets is not None:
            reached = engine.collect_towards({n for n, _ in roots}, targets)[1] | (
                reached & set(targets))
        expected = sum(ref() in reached for ref in self._nodes)
        self._passes.append([1 if self._mode == "any" else expected, [None] * len(self._nodes)])
        try:
            return run(roots, **options)
        finally:
            self._passes.pop()

    def _hook(self, place):
        def arrived(g):
            current = self._passes[-1]
            current[0] -= 1
            current[1][place] = g
            if current[0] == 0:
                self._fn(g if self._mode == "any" else current[1])

        return arrived
