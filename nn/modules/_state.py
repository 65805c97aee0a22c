"""Saving and loading a module's state: `state_dict` and a `load_state_dict` that changes
either everything or nothing."""

from collections import OrderedDict, namedtuple
from typing import Any, NamedTuple

from ...autograd import Tensor, no_grad
from ..parameter import Parameter, is_lazy
from ._hooks import Hook, add_hook

_EXTRA = "_extra_state"


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict` found to differ."""

    __slots__ = ()

    def __repr__(self):
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


class _Assignment(NamedTuple):
    """One tensor to be loaded: where it goes and what is written there."""

    module: Any
    name: str
    target: Any
    source: Any


class StateDict:
    """The part of Module that saves and loads."""

    # -- saving -----------------------------------------------------------------------------

    def state_dict(self, *args, destination=None, prefix="", keep_vars=False):
        """Return parameters and persistent buffers by dotted name; memory is shared.

        Args:
            destination: the dict to fill; None for a new one.
            prefix: put before every name.
            keep_vars: whether the Parameters themselves are returned, not detached tensors.

        >>> import ember as torch
        >>> list(torch.nn.Linear(2, 3).state_dict())
        ['weight', 'bias']
        """
        if args:
            given = [destination, prefix, keep_vars]
            given[:len(args)] = args
            destination, prefix, keep_vars = given
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in self._state_hooks_of("save_pre"):
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.",
                                  keep_vars=keep_vars)
        return self._after_saving(destination, prefix, metadata)

    def _after_saving(self, destination, prefix, metadata):
        """Run the hooks on the collected state; the old kind may return another one."""
        for hook in tuple(self._state_hooks.values()):
            if hook.kind == "save_post":
                if hook.function(self, destination, prefix, metadata) is not None:
                    raise RuntimeError("state_dict post-hook must return None")
            elif hook.kind == "save_replace":
                result = hook.function(self, destination, prefix, metadata)
                destination = destination if result is None else result
        return destination

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        for name, tensor in self._own_state().items():
            destination[prefix + name] = tensor if keep_vars or is_lazy(tensor) else tensor.detach()
        if _has_extra_state(self):
            destination[prefix + _EXTRA] = self.get_extra_state()

    def _own_state(self):
        """Return this module's own parameters and persistent buffers by name."""
        members = {**self._parameters}
        buffers = self._buffers
        members.update({name: buffers[name] for name, keep in self._buffer_names.items() if keep})
        return {name: tensor for name, tensor in members.items() if tensor is not None}

    def get_extra_state(self):
        """Return further state to be saved; subclasses may define it."""
        raise RuntimeError("Reached a code path in Module.get_extra_state() that should never "
                           "be called.")

    def set_extra_state(self, state):
        """Take back what `get_extra_state` returned; subclasses define both."""
        raise RuntimeError("Reached a code path in Module.set_extra_state() that should never "
                           "be called.")

    # -- loading ----------------------------------------------------------------------------

    def load_state_dict(self, state_dict, strict=True, assign=False):
        """Copy saved tensors into this module and all below it.

        Everything is compared first; when anything is wrong, nothing is changed.

        Args:
            state_dict: tensors by dotted name.
            strict: whether missing and unexpected names are errors.
            assign: whether the given tensors take the place of the old ones instead of being
                copied into them.

        Returns:
            A pair (missing_keys, unexpected_keys).

        Raises:
            TypeError: `state_dict` is not a mapping.
            RuntimeError: names or shapes do not fit; the message lists every one.

        >>> import ember as torch
        >>> layer = torch.nn.Linear(2, 3)
        >>> layer.load_state_dict(torch.nn.Linear(2, 3).state_dict())
        <All keys matched successfully>
        """
        if not hasattr(state_dict, "items"):
            raise TypeError(
                f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None) or {}
        missing, unexpected, errors, plan = [], [], [], []
        state = OrderedDict(state_dict)
        state._metadata = metadata
        self._plan_load(state, "", metadata, assign, strict, missing, unexpected, errors, plan)
        incompatible = _IncompatibleKeys(missing, unexpected)
        order = []
        self.apply(order.append)  # children first
        hooks = [(hook, module) for module in order
                 for hook in module._state_hooks_of("load_post")]
        if errors or not hooks:
            self._raise_load_errors(incompatible, errors, strict)
            _commit(plan, assign)
            return incompatible
        undo = _Undo(plan)
        try:
            _commit(plan, assign)
            for hook, module in hooks:
                if hook(module, incompatible) is not None:
                    raise AssertionError(
                        "Hooks registered with ``register_load_state_dict_post_hook`` are not "
                        "expected to return new values, if incompatible_keys need to be "
                        "modified, it should be done inplace.")
            self._raise_load_errors(incompatible, errors, strict)
        except BaseException:
            undo()
            raise
        return incompatible

    def _raise_load_errors(self, keys, errors, strict):
        if strict:
            errors = _key_errors(keys.missing_keys, keys.unexpected_keys) + errors
        if errors:
            raise RuntimeError("Error(s) in loading state_dict for {}:\n\t{}".format(
                type(self).__name__, "\n\t".join(errors)))

    def _plan_load(self, state, prefix, metadata, assign, strict, missing, unexpected, errors,
                   plan):
        local = dict(metadata.get(prefix[:-1], {}), assign_to_params_buffers=assign, plan=plan)
        self._load_from_state_dict(state, prefix, local, True, missing, unexpected, errors)
        for name, child in self._modules.items():
            if child is not None:
                path = f"{prefix}{name}."
                part = {key: value for key, value in state.items() if key.startswith(path)}
                child._plan_load(part, path, metadata, assign, strict, missing, unexpected,
                                 errors, plan)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys,
                              unexpected_keys, error_msgs):
        """Compare this module's own part; note what is to be written in
        `local_metadata["plan"]`."""
        for hook in self._state_hooks_of("load_pre"):
            hook(self, state_dict, prefix, local_metadata, strict, missing_keys,
                 unexpected_keys, error_msgs)
        plan = local_metadata["plan"]
        for name, target in self._own_state().items():
            key = prefix + name
            if key not in state_dict:
                if strict:
                    missing_keys.append(key)
                continue
            problem = _mismatch(key, target, state_dict[key],
                                local_metadata["assign_to_params_buffers"])
            if problem:
                error_msgs.append(problem)
            else:
                plan.append(_Assignment(self, name, target, state_dict[key]))
        self._load_extra_state(state_dict, prefix + _EXTRA, plan, missing_keys, unexpected_keys)
        if strict:
            unexpected_keys.extend(key for key in state_dict if key.startswith(prefix)
                                   and not self._knows(key[len(prefix):]))

    def _load_extra_state(self, state_dict, key, plan, missing_keys, unexpected_keys):
        if type(self).set_extra_state is not StateDict.set_extra_state:
            if key in state_dict:
                plan.append(_Assignment(self, _EXTRA, None, state_dict[key]))
            else:
                missing_keys.append(key)
        elif key in state_dict:
            unexpected_keys.append(key)

    def _knows(self, name):
        """Return whether a saved name belongs to this module or to one of its children."""
        head, dot, _ = name.partition(".")
        if dot:
            return head in self._module_names
        return name == _EXTRA or name in self._own_state()

    # -- hooks ------------------------------------------------------------------------------

    def _state_hooks_of(self, kind):
        return [hook.function for hook in self._state_hooks.values() if hook.kind == kind]

    def register_state_dict_pre_hook(self, hook):
        """Have `hook(module, prefix, keep_vars)` called before `state_dict` collects."""
        return add_hook(self._state_hooks, Hook("save_pre", hook))

    def register_state_dict_post_hook(self, hook):
        """Have `hook(module, state_dict, prefix, local_metadata)` called on the collected
        state, which it may change in place; it has to return None."""
        return add_hook(self._state_hooks, Hook("save_post", hook))

    def _register_state_dict_hook(self, hook):
        """Like `register_state_dict_post_hook`; the hook may return another state."""
        return add_hook(self._state_hooks, Hook("save_replace", hook))

    def register_load_state_dict_pre_hook(self, hook):
        """Have `hook(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs)` called before loading."""
        return add_hook(self._state_hooks, Hook("load_pre", hook))

    def _register_load_state_dict_pre_hook(self, hook, with_module=False):
        function = hook if with_module else lambda module, *args: hook(*args)
        return add_hook(self._state_hooks, Hook("load_pre", function))

    def register_load_state_dict_post_hook(self, hook):
        """Have `hook(module, incompatible_keys)` called once names and shapes were compared;
        it may take keys out of the lists."""
        return add_hook(self._state_hooks, Hook("load_post", hook))


def _has_extra_state(module):
    return type(module).get_extra_state is not StateDict.get_extra_state


def _key_errors(missing, unexpected):
    return [f"{what} key(s) in state_dict: " + ", ".join(f'"{key}"' for key in keys) + ". "
            for what, keys in (("Missing", missing), ("Unexpected", unexpected)) if keys]


def _mismatch(key, target, source, assign):
    """Return why a saved value cannot be loaded into a tensor, or None."""
    if not isinstance(source, Tensor):
        return (f'While copying the parameter named "{key}", expected torch.Tensor or '
                f"Tensor-like object from checkpoint but received {type(source)}")
    if is_lazy(source):
        return None if is_lazy(target) else (
            f'While copying the parameter named "{key}", the value in the checkpoint is '
            "uninitialized; run the saved model once before saving it")
    if is_lazy(target):
        return None
    one_element = tuple(target.shape) == () and tuple(source.shape) == (1,)
    if source.shape != target.shape and not one_element:
        return (f"size mismatch for {key}: copying a param with shape {source.shape} from "
                f"checkpoint, the shape in current model is {target.shape}.")
    if assign and target.requires_grad and not (source.is_floating_point() or source.is_complex()):
        reason = "Only Tensors of floating point and complex dtype can require gradients"
    elif not assign and not getattr(target._buffer().flags, "writeable", True):
        reason = "its memory is read-only"
    else:
        return None
    return (f'While copying the parameter named "{key}", whose dimensions in the model are '
            f"{target.shape} and whose dimensions in the checkpoint are {source.shape}, an "
            f"exception occurred : ({reason!r},).")


def _commit(plan, assign):
    """Write everything that was planned. Whatever can fail comes first."""
    tensors = [step for step in plan if step.name != _EXTRA and not is_lazy(step.source)]
    if not assign:
        sources = [step.source.detach().to(device=step.target.device, dtype=step.target.dtype)
                   for step in tensors]
    _set_extra_states([step for step in plan if step.name == _EXTRA])
    if assign:
        _assign_all(tensors)
        return
    with no_grad():
        for (_, _, target, _), source in zip(tensors, sources):
            if is_lazy(target):
                target.materialize(source.shape)
            target.copy_(source.reshape(target.shape))


class _Undo:
    """Remembers what loading is about to overwrite, because a hook may still refuse it."""

    def __init__(self, plan):
        self.tensors = [(step.module, step.name, step.target, step.target.detach().clone())
                        for step in plan if step.name != _EXTRA and not is_lazy(step.target)]

    def __call__(self):
        with no_grad():
            for module, name, target, old in self.tensors:
                target.copy_(old)
                setattr(module, name, target)


def _assign_all(steps):
    """Put the given tensors in place of the module's; after a failure put the old ones back."""
    done = []
    try:
        for step in steps:
            _assign(*step)
            done.append(step)
    except BaseException:
        for module, name, target, _ in done:
            setattr(module, name, target)
        raise


def _assign(module, name, target, source):
    if isinstance(target, Parameter) and not isinstance(source, Parameter):
        source = Parameter(source.detach(), requires_grad=target.requires_grad)
    setattr(module, name, source)


def _set_extra_states(steps):
    """Call `set_extra_state`; after a failure give the earlier modules their old state back."""
    done = []
    try:
        for module, _, _, state in steps:
            old = module.get_extra_state() if _has_extra_state(module) else None
            module.set_extra_state(state)
            done.append((module, old))
    except BaseException:
        for module, old in done:
            module.set_extra_state(old)
        raise
