"""The public face of the engine: backward, grad, hooks, detach, requires_grad_."""

import math
import warnings

import numpy as np

from . import detours, dtypes, engine, modes, watching, writes
from .graph import AccumulateGrad, add_hook
from .hooks import GradientEdge
from .tensor import Size, Tensor, new, tensor_method

__all__ = ["backward", "grad"]


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False,
         only_inputs=True, allow_unused=None, is_grads_batched=False, materialize_grads=False):
    """Return the gradients of outputs with respect to inputs, without touching `.grad`.

    Args:
        outputs: tensor or sequence of tensors to differentiate.
        inputs: tensor or sequence of tensors to differentiate with respect to.
        grad_outputs: gradient per output, of its shape; None means 1 for scalar outputs.
        is_grads_batched: the gradients in grad_outputs have a first dimension more, and so have
            the results: one pass for each of its places.
        retain_graph: keep the graph for another pass; defaults to create_graph.
        create_graph: record the computation of the gradients, for higher orders.
        allow_unused: give None instead of raising where an input does not reach the outputs.
        materialize_grads: give zeros there.
    Returns:
        A tuple with one gradient per input.
    Raises:
        RuntimeError: for outputs that need no gradient, or unused inputs.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad.html

    >>> import ember
    >>> x = ember.tensor(3.0, requires_grad=True)
    >>> ember.autograd.grad(x * x, x)
    (tensor(6.),)
    """
    outputs, inputs = _sequence(outputs), _sequence(inputs)
    if not only_inputs:
        warnings.warn("only_inputs is ignored, as in PyTorch; to fill the .grad of leaves, use "
                      "torch.autograd.backward", FutureWarning, stacklevel=2)
    if not inputs:
        raise ValueError("grad requires non-empty inputs.")
    if allow_unused is False and materialize_grads:
        raise ValueError("Expected allow_unused to be True or not passed when "
                         "materialize_grads=True, but got: allow_unused=False.")
    for t in inputs:
        if not isinstance(t, (Tensor, GradientEdge)):
            raise TypeError(f"grad: inputs must be tensors, not {type(t).__name__}")
        if t._node is None:
            raise RuntimeError("One of the differentiated Tensors does not require grad; call "
                               ".requires_grad_() on it before the forward computation")
    retain = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        return _batched(outputs, inputs, grad_outputs, retain, create_graph=create_graph,
                        allow_unused=allow_unused, materialize_grads=materialize_grads)
    roots = _roots(outputs, grad_outputs, create_graph)
    targets = {t._node for t in inputs}
    found = _run(roots, retain, create_graph, targets)
    results = []
    for index, t in enumerate(inputs):
        g = found.get(t._node)
        if g is None and materialize_grads:
            end = t._node
            results.append(Tensor._wrap(end.xp.zeros(end.shape, end.dtype), end.xp))
        elif g is None and not allow_unused:
            raise RuntimeError(f"The differentiated Tensor at index {index} appears to not have "
                               "been used in the graph. Set allow_unused=True if this is the "
                               "desired behavior.")
        else:
            results.append(g if g is None or create_graph else _wrap_owned(g, t._node.xp))
    return tuple(results)


def _batched(outputs, inputs, grad_outputs, retain, **options):
    """Return the gradients for each place along the first dimension of the given ones."""
    from .ops.joining import stack

    given = (None,) * len(outputs) if grad_outputs is None else _sequence(grad_outputs)
    sizes = {g.shape[0] if g.ndim else -1 for g in given if g is not None}
    if len(sizes) != 1 or sizes & {-1, 0}:
        raise RuntimeError("is_grads_batched=True needs grad_outputs whose first dimensions, over "
                           "which to compute one after the other, agree and are not 0")
    size = sizes.pop()
    parts = [grad(outputs, inputs, [None if g is None else g[place] for g in given],
                  retain or place < size - 1, **options) for place in range(size)]
    return tuple([None if same[0] is None else stack(same) for same in zip(*parts)])


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False,
             grad_variables=None, inputs=None):
    """Accumulate the gradients of tensors into the `.grad` of the leaves.

    Args:
        tensors: tensor or sequence of tensors to differentiate.
        grad_tensors: gradient per tensor, of its shape; None means 1 for scalars.
        retain_graph, create_graph: as in `grad`.
        grad_variables: the old name of grad_tensors.
        inputs: the tensors whose `.grad` to fill; all leaves when None.
    Raises:
        RuntimeError: when there is nothing to differentiate. Every `.grad` is then, and after
            any exception in a formula or hook, what it was before.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.backward.html

    >>> import ember
    >>> x = ember.tensor(3.0, requires_grad=True)
    >>> ember.autograd.backward(x * x)
    >>> x.grad
    tensor(6.)
    """
    if grad_variables is not None:
        if grad_tensors is not None:
            raise RuntimeError("`grad_tensors` and `grad_variables` (deprecated) arguments both "
                               "passed to `backward()`. Please only use `grad_tensors`.")
        grad_tensors = grad_variables
    if inputs is not None:
        inputs = _sequence(inputs.values() if isinstance(inputs, dict) else inputs)
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    roots = _roots(_sequence(tensors), grad_tensors, create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    targets = None if inputs is None else {t._node for t in inputs}
    found = _run(roots, retain, create_graph, targets)
    if inputs is None:
        for node in list(found):
            t = node.ref()
            # one that was detached in the meantime, and perhaps written, is no leaf to fill
            if t is not None and type(t._node) is AccumulateGrad:
                _accumulate(t, node, found.pop(node), create_graph)
    else:
        for t in inputs:
            if t._node in found:
                _accumulate(t, t._node, found.pop(t._node), create_graph)


def _run(roots, retain, create_graph, targets):
    run = watching.wrapped(engine.run) if watching.around else engine.run
    if create_graph:
        with modes.enable_grad():
            return run(roots, retain_graph=retain, create_graph=True, targets=targets)
    with roots[0][0].xp.quiet():
        return run(roots, retain_graph=retain, targets=targets)


def _accumulate(t, node, g, create_graph):
    """Add a gradient to a tensor's `.grad`, an array that nobody else refers to."""
    have = t.grad
    if have is None:
        t._grad = g if create_graph else _wrap_owned(g, node.xp)
    elif have._array.shape != g.shape:
        raise RuntimeError(
            f"the gradient of shape {list(g.shape)} cannot be added to .grad of shape "
            f"{list(have._array.shape)}: the leaf's shape was changed in place after the forward "
            "computation. Set its .grad to None first")
    elif create_graph:
        t._grad = have + g
    elif have._node is None and have._array.ndim:
        have._array += g
        writes.mark_written(have._array)
    else:
        t._grad = Tensor._wrap(have._array + g, node.xp)
    if type(node) is AccumulateGrad and node.after:
        for hook in list(node.after.values()):
            if hook(t) is not None:
                raise RuntimeError("Tensor post accumulate grad hooks should return None.")


def _wrap_owned(g, xp):
    """Return a tensor around a gradient, copied unless nobody else holds the array."""
    if g.__class__ is not np.float32 and g.ndim and not engine.is_owned(g):
        g = g.copy()
    t = new(Tensor)
    t._array, t._history, t._xp = g, None, xp
    return t


def _sequence(tensors):
    return (tensors,) if isinstance(tensors, (Tensor, GradientEdge)) else tuple(tensors)


def _roots(outputs, gradients, create_graph):
    """Return pairs of node and gradient to start from."""
    gradients = (None,) * len(outputs) if gradients is None else _sequence(gradients)
    if len(gradients) != len(outputs):
        raise RuntimeError(
            f"got {len(outputs)} tensors and {len(gradients)} gradients")
    roots = []
    for t, g in zip(outputs, gradients):
        node = t._node
        if node is None:
            from . import explain

            raise RuntimeError("element 0 of tensors does not require grad and does not have a "
                               "grad_fn:" + explain.no_path(t))
        roots.append((node, _seed(t, g, create_graph)))
    return roots


def _seed(t, g, create_graph):
    if isinstance(t, GradientEdge):
        shape, dtype, xp = t.node.shape, t.node.dtype, t.node.xp
    else:
        shape, dtype, xp = t._array.shape, t._array.dtype, t._xp
    if g is None:
        if math.prod(shape) != 1:
            raise RuntimeError(
                "grad can be implicitly created only for scalar outputs; this one has shape "
                f"{list(shape)}. Reduce it (.sum(), .mean()) or pass gradient=")
        raw = xp.ones(shape, dtype) if shape else dtype.type(1)
        raw = raw if isinstance(raw, xp.array_types) else xp.asarray(raw)
        return Tensor._wrap(raw, xp) if create_graph else raw
    if not isinstance(g, Tensor):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
    if g._array.shape != shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output has a shape of {g.shape} and output has a shape of "
            f"{Size(shape)}.")
    if g._array.dtype != dtype:
        g = g.to(dtypes.from_numpy_dtype(dtype))
    return g if create_graph else g._array


# -- methods ------------------------------------------------------------------------------------


def _backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
    """Accumulate the gradient of this tensor into the `.grad` of the leaves it came from.

    See `ember.autograd.backward`.
    """
    backward(self, gradient, retain_graph, create_graph, inputs=inputs)


Tensor.backward = _backward


@tensor_method
def detach(self):
    """Return a tensor that shares this one's memory and has no history."""
    if detours.installed:
        taken = detours.taken(_DETACH, detach, (self,), {})
        if taken is not NotImplemented:
            return taken
    return Tensor._wrap(self._buffer(), self._xp)


class _Detach:
    """As much of a record as detours ask for."""

    name, view, call = "detach", True, staticmethod(detach)


_DETACH = _Detach()


@tensor_method
def detach_(self):
    """Cut this tensor off from its history, in place."""
    if getattr(self, "_view", None) is not None:
        raise RuntimeError("Can't detach views in-place. Use detach() instead.")
    self._node = None
    return self


@tensor_method
def requires_grad_(self, requires_grad=True):
    """Set `requires_grad` in place; return the tensor."""
    self.requires_grad = requires_grad
    return self


@tensor_method
def retain_grad(self):
    """Keep the gradient of this non-leaf tensor in its `.grad` during backward."""
    node = self._node
    if node is None:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if type(node) is AccumulateGrad or self.__dict__.get("_retains_grad"):
        return
    import weakref

    ref = weakref.ref(self)

    def keep(g):
        t = ref()
        if t is not None:
            t._grad = g if t.grad is None else t.grad + g

    self._retains_grad = True
    add_hook(node, keep)


Tensor.retains_grad = property(lambda self: bool(self.__dict__.get("_retains_grad")))


@tensor_method
def register_hook(self, hook):
    """Call `hook(gradient)` when this tensor's gradient is complete; it may return another.

    Returns:
        A handle whose `remove()` takes the hook out again.
    """
    if self._node is None:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    return add_hook(self._node, hook)


@tensor_method
def register_post_accumulate_grad_hook(self, hook):
    """Call `hook(tensor)` after this leaf's `.grad` was updated by backward."""
    if type(self._node) is not AccumulateGrad:
        raise RuntimeError(
            "post accumulate grad hooks cannot be registered on non-leaf tensors")
    from .graph import Hooks, RemovableHandle

    if self._node.after is None:
        self._node.after = Hooks()
    return RemovableHandle(self._node.after, hook)


Tensor._version = property(lambda self: writes.version(self._array)
                           if not isinstance(self._array, np.generic) else 0)
