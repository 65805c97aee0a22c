"""Custom operations: a class with `forward` and `backward`."""

import functools
import warnings

from . import batching, modes, views, writes
from .graph import FREED, Rule, make_node
from .saved_tensors import pack_saved, unpack_saved
from .tensor import Tensor

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What `forward` hands on to `backward`.

    Attributes:
        needs_input_grad: per argument of forward, whether its gradient is wanted.
        saved_tensors: what `save_for_backward` kept.
    """

    needs_input_grad = ()
    materialize_grads = True

    def __init__(self):
        self._to_save = self._for_forward = ()
        self._dirty = ()
        self._non_differentiable = ()
        self._saved = None

    def save_for_backward(self, *tensors):
        """Keep tensors (or None) for backward."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise TypeError("save_for_backward can only save variables, but argument is of "
                                f"type {type(t).__name__}; keep others as attributes of ctx")
        self._to_save = tensors

    def save_for_forward(self, *tensors):
        """Keep tensors (or None) for `jvp`, which finds them in `saved_tensors`."""
        self._for_forward = tensors

    def mark_dirty(self, *tensors):
        """Say which inputs forward wrote in place."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors):
        """Say which outputs carry no gradient."""
        self._non_differentiable = tensors

    def set_materialize_grads(self, value):
        """Say whether unused outputs get zeros (True) or None as gradients."""
        self.materialize_grads = value

    @property
    def saved_tensors(self):
        """The tensors kept for backward."""
        if self._saved is FREED:
            raise RuntimeError("Trying to backward through the graph a second time (or directly "
                               "access saved tensors after they have already been freed).")
        if self._saved is None:
            return self._to_save
        node, saved = self._saved
        tensors = []
        for item, parent, seq in saved:
            if item is None:
                tensors.append(None)
                continue
            array, xp = unpack_saved(item[0]), item[1]
            if seq and writes.last > seq and writes.written_after(array, seq):
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by "
                    f"an inplace operation: a tensor saved by {node().name()} was written "
                    "afterwards")
            t = Tensor._wrap(array, xp)
            t._node = node() if parent is _SELF else parent
            tensors.append(t)
        return tuple(tensors)

    @property
    def saved_variables(self):
        """The name of `saved_tensors` before PyTorch 0.4."""
        warnings.warn("'saved_variables' is deprecated; use 'saved_tensors'", DeprecationWarning,
                      stacklevel=2)
        return self.saved_tensors


_SELF = object()


class _FunctionRecord(Rule):
    """The op of the nodes that a Function subclass makes."""

    def __init__(self, cls):
        self.name = self.label = cls.__name__
        self.node_name = cls.__name__ + "Backward"
        self.cls = cls
        if cls.jvp is not Function.jvp:
            self.push = self._push

    def _push(self, node, tangents):
        """Return the tangents of the outputs (pushing.py)."""
        ctx = node.saved[0]
        given = [None] * node.arity
        for place, shape, t in zip(node.places, node.input_shapes, tangents):
            if t is None and ctx.materialize_grads:
                t = Tensor._wrap(node.xp.zeros(*shape), node.xp)
            given[place] = t
        before, ctx._saved = ctx._saved, ctx._for_forward or ctx._saved
        try:
            result = self.cls.jvp(ctx, *given)
        finally:
            ctx._saved = before
        if node.shape is None:
            return list(result)
        return result[0] if isinstance(result, tuple) else result

    def backward(self, node, g):
        with modes.no_grad():
            return [None if r is None else r._array for r in self._call(node, g, raw=True)]

    def graph_backward(self, node, g):
        return self._call(node, g, raw=False)

    def _call(self, node, g, raw):
        ctx = node.saved[0]
        shapes = node.shapes
        grads = list(g) if isinstance(g, list) else [g]
        for i, gi in enumerate(grads):
            if gi is None and ctx.materialize_grads:
                shape, dtype = shapes[i]
                gi = node.xp.zeros(shape, dtype)
                grads[i] = gi if raw else Tensor._wrap(gi, node.xp)
        if raw:
            grads = [None if gi is None else Tensor._wrap(gi, node.xp) for gi in grads]
        formula = self.cls.vjp if self.cls.backward is Function.backward else self.cls.backward
        result = formula(ctx, *grads)
        result = result if isinstance(result, tuple) else (result,)
        wanted = node.places
        if len(result) < wanted[-1] + 1 or any(r is not None for r in result[node.arity:]):
            raise RuntimeError(
                f"function {self.node_name} returned an incorrect number of gradients (expected "
                f"{node.arity}, got {len(result)})")
        for place in wanted:
            if result[place] is not None and not isinstance(result[place], Tensor):
                raise TypeError(
                    f"{self.cls.__name__}.backward must return tensors or None, got "
                    f"{type(result[place]).__name__} for argument {place}")
        return [result[place] for place in wanted]


class Function:
    """Base of custom operations.

    Subclasses define static methods `forward(ctx, *args)` (or `forward(*args)` with
    `setup_context(ctx, inputs, output)`) and `backward(ctx, *grad_outputs)`; use them by
    `apply`. Backward works on tensors; with create_graph it is recorded, so that ember's
    operations in it can be differentiated again.
    Source: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.Function

    >>> import ember
    >>> class Double(ember.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x * 2
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         return g * 2
    >>> x = ember.tensor(1.0, requires_grad=True)
    >>> Double.apply(x).backward()
    >>> x.grad
    tensor(2.)
    """

    @staticmethod
    def forward(*args, **kwargs):
        """Compute the outputs; to be defined by the subclass."""
        raise NotImplementedError("You must implement the forward function for custom "
                                  "autograd.Function.")

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Fill ctx, when forward does not take it."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        """Return one gradient (or None) per argument of forward; defined by the subclass."""
        raise NotImplementedError("You must implement either the backward or vjp method for your "
                                  "custom autograd.Function to use it with backward mode AD.")

    vjp = backward  # PyTorch's other name: a subclass may define either

    generate_vmap_rule = False  # PyTorch's switch for what ember does anyway: map forward, backward

    @staticmethod
    def vmap(info, in_dims, *args):
        """Compute all examples of `vmap` at once; without it forward sees one example.

        Args:
            info: with attributes `batch_size` and `randomness`.
            in_dims: per argument, which of its dimensions counts the examples; None for none.
        Returns:
            The output, or several, and the dimension (None for none) of it, or of each.
        Source: https://docs.pytorch.org/docs/stable/notes/extending.func.html
        """
        raise NotImplementedError("To use autograd.Function with vmap, you must either override "
                                  "the vmap static method or set generate_vmap_rule=True.")

    @staticmethod
    def jvp(ctx, *grad_inputs):
        """Return one tangent per output; without it forward mode differentiates `backward`."""
        raise NotImplementedError("You must implement the jvp function for custom "
                                  "autograd.Function to use it with forward mode AD.")

    @classmethod
    def apply(cls, *args, **kwargs):
        """Run forward and record it as one node."""
        if cls.vmap is not Function.vmap and batching.levels_of_any(args):
            return batching.by_rule(cls.vmap, args)
        ctx = FunctionCtx()
        nodes = [a._node if isinstance(a, Tensor) else None for a in args]
        ctx.needs_input_grad = tuple(n is not None for n in nodes)
        recording = any(ctx.needs_input_grad) and modes.is_grad_enabled()
        with modes.no_grad():
            if cls.setup_context is not Function.setup_context:
                output = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args, **kwargs)
        if not recording:
            return output
        return _record(cls, ctx, args, nodes, output)


    def __call__(self, *args, **kwargs):
        """Refuse PyTorch's way to call functions before version 0.4."""
        raise RuntimeError("Legacy autograd function with non-static forward method is deprecated. "
                           "Please use new-style autograd function with static forward method: "
                           f"{type(self).__name__}.apply(...)")


def _record(cls, ctx, args, nodes, output):
    outputs = output if isinstance(output, tuple) else (output,)
    tensors = [o for o in outputs if isinstance(o, Tensor)]
    places = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
    node = make_node(_record_of(cls), tuple(nodes[i] for i in places), (ctx,),
                     tensors[0]._array if len(outputs) == 1 else None, tensors[0]._xp)
    node.places, node.arity = places, len(args)
    node.input_shapes = [(args[i]._array.shape, args[i]._array.dtype) for i in places]
    node.shapes = [(o._array.shape, o._array.dtype) for o in tensors]
    wrapped = _outputs(ctx, node, args, outputs)
    _keep(ctx, node, args, outputs)
    return wrapped if isinstance(output, tuple) else wrapped[0]


def _record_of(cls):
    record = cls.__dict__.get("_record")
    if record is None:
        record = cls._record = _FunctionRecord(cls)
    return record


def _outputs(ctx, node, args, outputs):
    """Return the outputs with their history."""
    from .engine import make_output
    from .inplace import rebind

    wrapped, number = [], 0
    for o in outputs:
        if not isinstance(o, Tensor):
            wrapped.append(o)
            continue
        carries = o._array.dtype.kind in "fcV" and not any(
            o is n for n in ctx._non_differentiable)
        made = node if len(outputs) == 1 else make_output(node, number, o._array)
        number += 1
        if any(o is d for d in ctx._dirty):
            writes.mark_written(o._buffer())
            rebind(o, views.of(o), made)
        else:
            if any(o is a for a in args) or o._node is not None:
                o = Tensor._wrap(o._array, o._xp)
            o._node = made if carries else None
        wrapped.append(o)
    return tuple(wrapped)


def _keep(ctx, node, args, outputs):
    """Replace the tensors to save by arrays and nodes, so that no cycle forms."""
    import weakref

    ref = weakref.ref(node)
    ctx._saved = (ref, _without_cycle(ctx._to_save, node, outputs))
    if ctx._for_forward:
        ctx._for_forward = (ref, _without_cycle(ctx._for_forward, node, outputs))
    ctx._to_save = ()


def _without_cycle(tensors, node, outputs):
    saved = []
    for t in tensors:
        if t is None:
            saved.append((None, None, 0))
        elif any(t is o for o in outputs):
            saved.append(((pack_saved(t._array, t._xp), t._xp), _SELF, node.seq))
        else:
            saved.append(((pack_saved(t._array, t._xp), t._xp), t._node, node.seq))
    return saved


def once_differentiable(backward):
    """Mark a backward as not differentiable again: with create_graph its result raises."""
    @functools.wraps(backward)
    def wrapped(ctx, *grads):
        with modes.no_grad():
            result = backward(ctx, *grads)
        if not modes.is_grad_enabled() or not any(
                isinstance(g, Tensor) and g.requires_grad for g in grads):
            return result
        items = result if isinstance(result, tuple) else (result,)
        return tuple(r if r is None else _Refuse.apply(r.detach().requires_grad_())
                     for r in items)

    return wrapped


class _Refuse(Function):
    """Identity whose backward raises."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        raise RuntimeError("trying to differentiate twice a function that was marked with "
                           "@once_differentiable")
