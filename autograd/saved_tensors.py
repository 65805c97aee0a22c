"""What nodes save for backward, handed to the user: saved_tensors_hooks and what is built on it.

PyTorch page: https://docs.pytorch.org/docs/stable/autograd.html#saved-tensors-default-hooks
"""

import contextlib
import contextvars
import functools

from . import engine, watching, writes
from .graph import FREED, Node
from .tensor import Tensor

__all__ = ["allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks", "increment_version",
           "pack_saved", "save_on_cpu", "saved_tensors_hooks", "unpack_saved"]

_stack = contextvars.ContextVar("ember_saved_tensors_hooks", default=())
_refusal = contextvars.ContextVar("ember_saved_tensors_hooks_refusal", default=None)


class saved_tensors_hooks:
    """A context in which what operations save for backward goes through a pair of functions.

    `pack_hook(tensor)` is called when a tensor is saved and returns anything;
    `unpack_hook(that)` is called in backward and returns the tensor. Of nested contexts the
    innermost counts.
    Source: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.saved_tensors_hooks

    >>> import ember
    >>> x = ember.tensor(3.0, requires_grad=True)
    >>> with ember.autograd.graph.saved_tensors_hooks(lambda t: t.item(), ember.tensor):
    ...     y = x.exp()
    >>> y.backward()
    >>> x.grad
    tensor(20.0855)
    """

    def __init__(self, pack_hook, unpack_hook):
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook
        self._tokens = []

    def __enter__(self):
        if _refusal.get() is not None:
            raise RuntimeError(_refusal.get())
        self._tokens.append(_stack.set((*_stack.get(), self)))
        watching.watch_nodes(_pack_node)
        return self

    def __exit__(self, *exc_info):
        watching.unwatch_nodes(_pack_node)
        _stack.reset(self._tokens.pop())


class save_on_cpu(saved_tensors_hooks):
    """A context in which saved tensors wait in the CPU's memory for backward.

    Args:
        pin_memory, device_type: accepted as in PyTorch.
    Source: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.save_on_cpu

    >>> import ember
    >>> x = ember.tensor(3.0, requires_grad=True)
    >>> with ember.autograd.graph.save_on_cpu():
    ...     y = x * x
    >>> y.backward()
    >>> x.grad
    tensor(6.)
    """

    def __init__(self, pin_memory=False, device_type="cuda"):
        super().__init__(lambda t: (t.device, t.cpu()), lambda packed: packed[1].to(packed[0]))


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message):
    """A context in which installing saved-tensor hooks raises RuntimeError with this message.

    Source: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.disable_saved_tensors_hooks

    >>> import ember
    >>> with ember.autograd.graph.disable_saved_tensors_hooks("not here"):
    ...     with ember.autograd.graph.save_on_cpu():
    ...         pass
    Traceback (most recent call last):
        ...
    RuntimeError: not here
    """
    token = _refusal.set(error_message)
    try:
        yield
    finally:
        _refusal.reset(token)


@contextlib.contextmanager
def allow_mutation_on_saved_tensors():
    """A context in which tensors saved for backward may be written in place afterwards.

    Backward sees the values of the moment of saving: they are copied then.
    Source: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.allow_mutation_on_saved_tensors

    >>> import ember
    >>> x = ember.tensor([1.0, 2.0], requires_grad=True)
    >>> with ember.autograd.graph.allow_mutation_on_saved_tensors():
    ...     y = x.clone()
    ...     z = (y * y).sum()
    ...     _ = y.zero_()
    >>> z.backward()
    >>> x.grad
    tensor([2., 4.])
    """
    if any(isinstance(hooks, _Cloning) for hooks in _stack.get()):
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    with _Cloning(lambda t: t.clone(), lambda t: t) as context:
        yield context


class _Cloning(saved_tensors_hooks):
    pass


def increment_version(tensor):
    """Note that a tensor (or each of several) was written in place, past ember's knowledge.

    Source: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.increment_version
    """
    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        writes.mark_written(t._buffer())


# -- one node's values ----------------------------------------------------------------------------

# PyTorch's names of what nodes save, and ember's
_NAMES = {"self": "input", "other": "other", "exponent": "other", "result": "out"}


class SavedTensor:
    """One tensor that a node saved, as `node._raw_saved_self` gives it.

    Source: https://docs.pytorch.org/docs/stable/notes/autograd.html#hooks-for-saved-tensors
    """

    def __init__(self, node, array):
        self._node, self._array = node, array

    def register_hooks(self, pack_hook, unpack_hook):
        """Pack the tensor now, and unpack it in backward; see `saved_tensors_hooks`.

        Raises:
            RuntimeError: when backward has used and freed it.
        """
        node = self._node
        if node.saved is FREED:
            raise RuntimeError("Calling register_hooks on a saved tensor after it has been freed. "
                               "Register hooks before backward, or keep the graph.")
        hooks = saved_tensors_hooks(pack_hook, unpack_hook)
        node.saved = _mapped(node.saved, node.xp.array_types, lambda array: _Packed(
            hooks, array, node.xp) if array is self._array else array)
        if not isinstance(node.op, _Unpacking):
            node.op = _Unpacking(node.op)


def _value(node, name):
    """Return the saved value for which PyTorch has this name."""
    if node.saved is FREED:
        raise engine.used_again(node)
    rule = node.op.inner if isinstance(node.op, _Unpacking) else node.op
    values = rule.named(node)
    if values.get(_NAMES[name]) is None:
        raise AttributeError(f"{node.name()} saves no {name}; it saves {sorted(values)}")
    return values[_NAMES[name]]


def _saved(node, name):
    value = _value(node, name)
    if isinstance(value, node.xp.array_types) or type(value) is _Packed:
        t = Tensor._wrap(unpack_saved(value), node.xp)
        places = {"self": 0, "other": 1, "exponent": 1}
        t._node = node if name == "result" else node.parents[places[name]]
        return t
    return value


def _raw(node, name):
    return SavedTensor(node, _value(node, name))


for _name in _NAMES:
    setattr(Node, f"_saved_{_name}", property(functools.partial(_saved, name=_name)))
    setattr(Node, f"_raw_saved_{_name}", property(functools.partial(_raw, name=_name)))


# -- how ------------------------------------------------------------------------------------------


class _Packed:
    """What stands in a node's saved values for an array."""

    __slots__ = ("hooks", "value", "xp")

    def __init__(self, hooks, array, xp):
        token = _stack.set(())  # what the hook itself computes is not packed
        try:
            self.value = hooks.pack_hook(Tensor._wrap(array, xp))
        finally:
            _stack.reset(token)
        self.hooks, self.xp = hooks, xp

    def array(self):
        t = self.hooks.unpack_hook(self.value)
        if not isinstance(t, Tensor):
            raise TypeError("Output of saved tensor unpack_hook expected to be a Tensor but got "
                            f"result of type {type(t).__name__}")
        return t._array


class _Unpacking(watching.Wrapped):
    """The rule of a node whose saved values are packed: unpacks them, then does what it did."""

    def backward(self, node, g):
        with _unpacked(node):
            return self.inner.backward(node, g)

    def graph_backward(self, node, g):
        with _unpacked(node):
            return self.inner.graph_backward(node, g)

    def named(self, node):
        """Return the memory that the user's hooks kept, where that is known."""
        found = []
        _mapped(node.saved, _Packed, found.append)
        return {str(i): p.value._array for i, p in enumerate(found) if isinstance(p.value, Tensor)}


@contextlib.contextmanager
def _unpacked(node):
    packed = node.saved
    node.saved = _mapped(packed, _Packed, _Packed.array)
    try:
        yield
    finally:
        node.saved = packed


def _pack_node(node):
    stack = _stack.get()
    if not stack:
        return
    saved = _mapped(node.saved, node.xp.array_types,
                    lambda array: _Packed(stack[-1], array, node.xp))
    if saved is not node.saved:
        node.saved = saved
        node.op = _Unpacking(node.op)


def pack_saved(array, xp):
    """Return what to keep of an array that a custom Function saves."""
    stack = _stack.get()
    return _Packed(stack[-1], array, xp) if stack else array


def unpack_saved(kept):
    """Return the array again."""
    return kept.array() if type(kept) is _Packed else kept


def _mapped(value, kind, function):
    """Apply a function to the items of a kind in nested containers; unchanged ones stay."""
    if isinstance(value, kind):
        return function(value)
    if isinstance(value, dict):
        items = {k: _mapped(v, kind, function) for k, v in value.items()}
        return items if any(items[k] is not v for k, v in value.items()) else value
    if not isinstance(value, (list, tuple)):
        return value
    items = [_mapped(v, kind, function) for v in value]
    if all(new is old for new, old in zip(items, value)):
        return value
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
