"""Hooks around a module's call: before and after forward and backward.

A module without hooks never comes here (`Module.__call__`).
"""

import warnings
from collections.abc import MutableMapping
from typing import Any, NamedTuple

from ...autograd import Tensor
from ...autograd.function import Function
from ...autograd.graph import Hooks, RemovableHandle

GLOBAL_HOOKS = Hooks()
REGISTRATION_HOOKS = Hooks()


class Hook(NamedTuple):
    """One registered hook: when it runs, the function, and how it is called."""

    kind: str
    function: Any
    with_kwargs: bool = False
    always_call: bool = False


def add_hook(hooks, hook, prepend=False):
    """Register a hook, last or first; return its handle."""
    handle = RemovableHandle(hooks, hook)
    if prepend:
        others = {key: hooks.pop(key) for key in tuple(hooks) if key != handle.id}
        hooks.update(others)
    return handle


class HooksView(MutableMapping):
    """The hooks of one kind as a live mapping from their number to their function."""

    __slots__ = ("_hooks", "_kind")

    def __init__(self, hooks, kind):
        self._hooks, self._kind = hooks, kind

    def __getitem__(self, key):
        hook = self._hooks[key]
        if hook.kind != self._kind:
            raise KeyError(key)
        return hook.function

    def __setitem__(self, key, function):
        self._hooks[key] = Hook(self._kind, function)

    def __delitem__(self, key):
        self[key]
        del self._hooks[key]

    def __iter__(self):
        return iter([key for key, hook in self._hooks.items() if hook.kind == self._kind])

    def __len__(self):
        return sum(hook.kind == self._kind for hook in self._hooks.values())


class HookRegistration:
    """The part of Module that registers call hooks."""

    _forward_pre_hooks = property(lambda self: HooksView(self._hooks, "forward_pre"))
    _forward_hooks = property(lambda self: HooksView(self._hooks, "forward"))
    _backward_pre_hooks = property(lambda self: HooksView(self._hooks, "backward_pre"))
    _backward_hooks = property(lambda self: HooksView(self._hooks, "backward"))
    _state_dict_hooks = property(lambda self: HooksView(self._state_hooks, "save_post"))
    _state_dict_pre_hooks = property(lambda self: HooksView(self._state_hooks, "save_pre"))
    _load_state_dict_pre_hooks = property(lambda self: HooksView(self._state_hooks, "load_pre"))
    _load_state_dict_post_hooks = property(lambda self: HooksView(self._state_hooks, "load_post"))

    def register_forward_pre_hook(self, hook, *, prepend=False, with_kwargs=False):
        """Have `hook(module, args)` called before `forward`; it may return new arguments.

        Args:
            hook: the function; with `with_kwargs`, `hook(module, args, kwargs)`, which returns
                None or a pair (args, kwargs).
            prepend: whether it runs before the hooks already there.
        """
        return add_hook(self._hooks, Hook("forward_pre", hook, with_kwargs), prepend)

    def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False,
                              always_call=False):
        """Have `hook(module, args, output)` called after `forward`; it may return a new output.

        Args:
            hook: the function; with `with_kwargs`, `hook(module, args, kwargs, output)`.
            prepend: whether it runs before the hooks already there.
            always_call: whether it runs when `forward` raised, too.

        >>> import ember as torch
        >>> layer = torch.nn.Identity()
        >>> with layer.register_forward_hook(lambda module, args, output: output + 1):
        ...     layer(torch.zeros(2)).tolist()
        [1.0, 1.0]
        """
        return add_hook(self._hooks, Hook("forward", hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook, prepend=False):
        """Have `hook(module, grad_output)` called before gradients pass the module."""
        return add_hook(self._hooks, Hook("backward_pre", hook), prepend)

    def register_full_backward_hook(self, hook, prepend=False):
        """Have `hook(module, grad_input, grad_output)` called once the gradients with respect
        to the inputs are known; it may return new ones."""
        self._use_backward_hooks(full=True)
        return add_hook(self._hooks, Hook("backward", hook), prepend)

    def register_backward_hook(self, hook):
        """Old name of `register_full_backward_hook`.

        PyTorch calls such hooks with the gradients of the module's last operation only, which
        it deprecates; here they are called as full ones.

        Raises:
            RuntimeError: the module has hooks of the other kind.
        """
        self._use_backward_hooks(full=False)
        return add_hook(self._hooks, Hook("backward", hook))

    _is_full_backward_hook = None

    def _use_backward_hooks(self, full):
        if self._is_full_backward_hook is (not full):
            raise RuntimeError("Cannot use both regular backward hooks and full backward hooks "
                               "on a single Module. Please use only one of them.")
        self._is_full_backward_hook = full


def register_module_forward_pre_hook(hook):
    """Have `hook(module, args)` called before every module's `forward`."""
    return add_hook(GLOBAL_HOOKS, Hook("forward_pre", hook))


def register_module_forward_hook(hook, *, with_kwargs=False, always_call=False):
    """Have `hook(module, args, output)` called after every module's `forward`."""
    return add_hook(GLOBAL_HOOKS, Hook("forward", hook, with_kwargs, always_call))


def register_module_full_backward_pre_hook(hook):
    """Have `hook(module, grad_output)` called before gradients pass any module."""
    return add_hook(GLOBAL_HOOKS, Hook("backward_pre", hook))


def register_module_full_backward_hook(hook):
    """Have `hook(module, grad_input, grad_output)` called after gradients passed any module."""
    return add_hook(GLOBAL_HOOKS, Hook("backward", hook))


def register_module_backward_hook(hook):
    """Old name of `register_module_full_backward_hook`; called as a full hook."""
    return register_module_full_backward_hook(hook)


def register_module_parameter_registration_hook(hook):
    """Have `hook(module, name, parameter)` called at every registration; it may return another
    parameter."""
    return add_hook(REGISTRATION_HOOKS, Hook("_parameter_names", hook))


def register_module_buffer_registration_hook(hook):
    """Have `hook(module, name, buffer)` called at every registration; it may return another
    buffer."""
    return add_hook(REGISTRATION_HOOKS, Hook("_buffer_names", hook))


def register_module_module_registration_hook(hook):
    """Have `hook(module, name, child)` called at every registration; it may return another
    child."""
    return add_hook(REGISTRATION_HOOKS, Hook("_module_names", hook))


def registered(kind, module, name, value):
    """Return what the registration hooks make of a value."""
    for hook in tuple(REGISTRATION_HOOKS.values()):
        if hook.kind == kind:
            result = hook.function(module, name, value)
            value = value if result is None else result
    return value


def call_with_hooks(module, args, kwargs):
    """Run a module's forward between its hooks and the global ones."""
    hooks = [*GLOBAL_HOOKS.values(), *module._hooks.values()]
    called = set()
    try:
        args, kwargs = _before(module, hooks, args, kwargs)
        boundary = _boundary(module, hooks)
        if boundary is not None:
            args = boundary.enter(args)
        out = module.forward(*args, **kwargs)
        for hook in hooks:
            if hook.kind == "forward":
                called.add(hook)
                out = _after(hook, module, args, kwargs, out)
        return out if boundary is None else boundary.leave(out)
    except Exception:
        _after_failure(module, hooks, called, args, kwargs)
        raise


def _before(module, hooks, args, kwargs):
    for hook in hooks:
        if hook.kind != "forward_pre":
            continue
        if not hook.with_kwargs:
            result = hook.function(module, args)
            if result is not None:
                args = result if isinstance(result, tuple) else (result,)
            continue
        result = hook.function(module, args, kwargs)
        if result is None:
            continue
        if not isinstance(result, tuple) or len(result) != 2:
            raise RuntimeError("forward pre-hook must return None or a tuple of "
                               f"(new_args, new_kwargs), but got {result}.")
        args, kwargs = result
    return args, kwargs


def _after(hook, module, args, kwargs, out):
    given = (args, kwargs) if hook.with_kwargs else (args,)
    result = hook.function(module, *given, out)
    return out if result is None else result


def _after_failure(module, hooks, called, args, kwargs):
    """Run the hooks that asked to be called always; the first error stays the one raised."""
    for hook in hooks:
        if hook.kind == "forward" and hook.always_call and hook not in called:
            try:
                _after(hook, module, args, kwargs, None)
            except Exception as error:
                warnings.warn("module forward hook with ``always_call=True`` raised an exception "
                              f"that was silenced as another error was raised in forward: "
                              f"{error}", stacklevel=4)


def _boundary(module, hooks):
    before = [hook.function for hook in hooks if hook.kind == "backward_pre"]
    after = [hook.function for hook in hooks if hook.kind == "backward"]
    return _Boundary(module, before, after) if before or after else None


class _Boundary:
    """Watches the gradients that enter a module at its outputs and leave at its inputs."""

    def __init__(self, module, before, after):
        self.module, self.before, self.after = module, before, after
        self.grad_outputs = None
        self.watches_inputs = False

    def enter(self, args):
        """Return the arguments with every tensor among them watched."""
        if not self.after:
            return args
        args, self.watches_inputs = _watch(args, self.inputs_done)
        return args

    def leave(self, out):
        """Return the output (a tensor, or a tuple or list of values) watched."""
        items = out if isinstance(out, (tuple, list)) else (out,)
        items, _ = _watch(items, self.outputs_done)
        if not isinstance(out, (tuple, list)):
            return items[0]
        return type(out)(*items) if hasattr(out, "_fields") else type(out)(items)

    def outputs_done(self, grads):
        """Run the pre-hooks on the gradients of the outputs."""
        for function in self.before:
            grads = _replaced(function(self.module, grads), grads)
        self.grad_outputs = grads
        if self.after and not self.watches_inputs:
            for function in self.after:
                function(self.module, (), grads)
        return grads

    def inputs_done(self, grads):
        """Run the hooks on the gradients of the inputs."""
        for function in self.after:
            grads = _replaced(function(self.module, grads, self.grad_outputs), grads)
        return grads


def _replaced(result, grads):
    if result is None:
        return grads
    result = result if isinstance(result, tuple) else (result,)
    if len(result) != len(grads):
        raise RuntimeError("Backward hook returned an invalid number of grad_input, "
                           f"got {len(result)}, but expected {len(grads)}")
    return result


class _Watch(Function):
    """The identity, whose backward shows all gradients to a function at once."""

    @staticmethod
    def forward(ctx, see, *tensors):
        ctx.see = see
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx, *grads):
        return (None, *ctx.see(grads))


def _watch(values, see):
    """Return the values with their tensors watched, and whether there were any with
    gradients."""
    where = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
    if not any(values[i].requires_grad for i in where):
        return values, False
    watched = _Watch.apply(see, *(values[i] for i in where))
    watched = watched if isinstance(watched, tuple) else (watched,)
    values = list(values)
    for i, tensor in zip(where, watched):
        values[i] = tensor
    return tuple(values), True
