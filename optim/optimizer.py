"""The base of all optimizers: parameter groups, state, checkpoints and hooks.

PyTorch page: https://docs.pytorch.org/docs/2.13/optim.html
"""

import functools
import warnings
from collections import defaultdict
from copy import deepcopy
from itertools import chain

from ..autograd.graph import Hooks, RemovableHandle
from ..autograd.tensor import Tensor
from ..autograd.writes import mark_written


class _Required:
    """Marks an option that every parameter group must give itself."""

    def __repr__(self):
        return "<required parameter>"


required = _Required()

# State that is one number on the host, whatever the parameter's dtype and device.
COUNTERS = ("step", "mu_product", "eta", "mu")

_every_step_pre_hooks = Hooks()
_every_step_post_hooks = Hooks()
_HOOK_KINDS = (
    "step_pre", "step_post",
    "state_dict_pre", "state_dict_post",
    "load_state_dict_pre", "load_state_dict_post",
)


def register_optimizer_step_pre_hook(hook):
    """Call ``hook(optimizer, args, kwargs)`` before every step of every optimizer.

    The hook may return new ``(args, kwargs)``. Returns a handle with ``remove()``.
    """
    return RemovableHandle(_every_step_pre_hooks, hook)


def register_optimizer_step_post_hook(hook):
    """Call ``hook(optimizer, args, kwargs)`` after every step of every optimizer.

    Returns a handle with ``remove()``.
    """
    return RemovableHandle(_every_step_post_hooks, hook)


class Optimizer:
    """Base class of optimizers; a subclass defines ``step``.

    Step hooks are called with the optimizer among the positional arguments, as in PyTorch.

    Args:
        params: tensors, ``(name, tensor)`` pairs, or dicts with ``"params"`` and options of
            that group.
        defaults: the options of groups that do not give their own.

    Raises:
        TypeError: params is one tensor, or holds something that is no tensor.
        ValueError: no parameters, a non-leaf tensor, or one parameter in two groups.

    PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.optim.Optimizer.html
    """

    def __init__(self, params, defaults):
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or "
                f"dicts, but got {type(params).__name__}; put it in a list"
            )
        self.defaults = defaults
        self._make_hooks()
        self.state = defaultdict(dict)
        self.param_groups = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.step)

    def _make_hooks(self):
        for kind in _HOOK_KINDS:
            self.__dict__.setdefault(f"_optimizer_{kind}_hooks", Hooks())

    def __getstate__(self):
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._make_hooks()
        self.defaults.setdefault("differentiable", False)

    def __repr__(self):
        lines = [type(self).__name__ + " ("]
        for number, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {number}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join(lines) + "\n)"

    def step(self, closure=None):
        """Update the parameters once.

        Args:
            closure: clears the gradients, computes the loss, calls backward, returns the loss.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define step()")

    def zero_grad(self, set_to_none=True):
        """Forget the gradients of all parameters, or fill them with zeros."""
        for group in self.param_groups:
            for param in group["params"]:
                if set_to_none:
                    param.grad = None
                elif param.grad is not None:
                    # A gradient with a history of its own belongs to that graph's owner.
                    if param.grad.requires_grad:
                        param.grad = param.grad.detach()
                    array = param.grad._buffer()
                    array.fill(0)
                    mark_written(array)

    # -- parameter groups --------------------------------------------------------------------

    def add_param_group(self, param_group):
        """Add a group of parameters, a dict with ``"params"`` and options of its own.

        Raises:
            TypeError: the group is no dict, or its parameters are no tensors.
            ValueError: a non-leaf tensor, or a parameter that another group has.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        _list_params(param_group)
        self._check_params(param_group["params"])
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization "
                    f"parameter {name}"
                )
            param_group.setdefault(name, default)
        params = set(param_group["params"])
        if len(params) != len(param_group["params"]):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; "
                "each would be updated once per mention",
                stacklevel=3,
            )
        named = "param_names" in param_group
        for group in self.param_groups:
            if named != ("param_names" in group):
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param "
                    f"group {'with' if named else 'without'} names to the optimizer"
                )
            if not params.isdisjoint(group["params"]):
                raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    def _check_params(self, params):
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is "
                    + type(param).__name__
                )
            leaf = param.is_leaf or getattr(param, "retains_grad", False)
            if not leaf and not self.defaults.get("differentiable"):
                raise ValueError(
                    f"can't optimize a non-leaf Tensor (it was computed by "
                    f"{param.grad_fn.name()}); pass the tensors it was computed from, or "
                    ".detach().requires_grad_() it first"
                )

    # -- checkpoints -------------------------------------------------------------------------

    def state_dict(self):
        """Return the state by parameter number, and the groups with numbers for parameters.

        The dict shares its tensors with the optimizer.
        """
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        number, start, groups = {}, 0, []
        for group in self.param_groups:
            for i, param in enumerate(group["params"], start):
                number.setdefault(id(param), i)
            start += len(group["params"])
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [number[id(param)] for param in group["params"]]
            groups.append(packed)
        state = {
            number[id(key)] if isinstance(key, Tensor) else key: value
            for key, value in self.state.items()
        }
        return _run_hooks(
            self._optimizer_state_dict_post_hooks, self,
            {"state": state, "param_groups": groups},
        )

    def load_state_dict(self, state_dict):
        """Take over copies of the state and options in a dict that `state_dict` returned.

        Floating point state is converted to the dtype and device of its parameter. After an
        error, also one from a hook, the optimizer is what it was.

        Raises:
            ValueError: the numbers of groups or of parameters differ.
        """
        state_dict = _run_hooks(
            self._optimizer_load_state_dict_pre_hooks, self, state_dict.copy()
        )
        groups = deepcopy(state_dict["param_groups"])
        _check_same_layout(self.param_groups, groups)
        saved = chain.from_iterable(group["params"] for group in groups)
        owner = dict(zip(saved, chain.from_iterable(g["params"] for g in self.param_groups)))
        state = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in owner:
                state[owner[key]] = _copy_state(owner[key], value)
            else:
                state[key] = value
        for old, new in zip(self.param_groups, groups):
            new["params"] = old["params"]
            if "param_names" in old:
                new.setdefault("param_names", old["param_names"])
        before = dict(self.__dict__)
        try:
            self.__setstate__({"state": state, "param_groups": groups})
            for hook in self._optimizer_load_state_dict_post_hooks.values():
                hook(self)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    # -- hooks -------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook):
        """Call ``hook(optimizer, args, kwargs)`` before each step; it may return new ones."""
        return RemovableHandle(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook):
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return RemovableHandle(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook, prepend=False):
        """Call ``hook(optimizer)`` before `state_dict`."""
        return _register(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook, prepend=False):
        """Call ``hook(optimizer, state_dict)`` after `state_dict`; it may return another."""
        return _register(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook, prepend=False):
        """Call ``hook(optimizer, state_dict)`` before loading; it may return another."""
        return _register(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook, prepend=False):
        """Call ``hook(optimizer)`` after loading."""
        return _register(self._optimizer_load_state_dict_post_hooks, hook, prepend)


def _with_hooks(step):
    """The step of a class, with the registered hooks around it."""

    @functools.wraps(step)
    def hooked(*args, **kwargs):
        self = args[0]  # PyTorch's hooks see it among the arguments
        pre, post = self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks
        if pre or _every_step_pre_hooks:
            for hook in [*_every_step_pre_hooks.values(), *pre.values()]:
                result = hook(self, args, kwargs)
                if result is not None:
                    if not (isinstance(result, tuple) and len(result) == 2):
                        raise RuntimeError(
                            f"{hook} must return None or a tuple of (new_args, new_kwargs), "
                            f"but got {result}."
                        )
                    args, kwargs = result
        self._opt_called = True
        loss = step(*args, **kwargs)
        if post or _every_step_post_hooks:
            for hook in [*post.values(), *_every_step_post_hooks.values()]:
                hook(self, args, kwargs)
        return loss

    # Schedules ask whether the step in force is one that notes its calls.
    hooked._wrapped_by_lr_sched = True
    return hooked


def _register(hooks, hook, prepend):
    handle = RemovableHandle(hooks, hook)
    if prepend:
        others = [(key, value) for key, value in hooks.items() if key != handle.id]
        for key, value in others:
            del hooks[key]
            hooks[key] = value
    return handle


def _run_hooks(hooks, optimizer, state_dict):
    """The state dict after hooks that may each replace it."""
    for hook in hooks.values():
        result = hook(optimizer, state_dict)
        if result is not None:
            state_dict = result
    return state_dict


def _list_params(group):
    """Make a group's parameters a list of tensors, their names a list beside it."""
    params = group["params"]
    if isinstance(params, Tensor):
        params = [params]
    elif isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering "
            "of tensors in sets will change between runs. Please use a list instead."
        )
    params = list(params)
    names = [param[0] for param in params if isinstance(param, tuple)]
    if names and len(names) != len(params):
        raise ValueError(
            "all optimizer params should be with/without names. Some param names are missing"
        )
    if names:
        group["param_names"] = names
    group["params"] = [param[1] if isinstance(param, tuple) else param for param in params]


def _check_same_layout(groups, saved):
    if len(groups) != len(saved):
        raise ValueError(
            "loaded state dict has a different number of parameter groups: "
            f"{len(saved)}, the optimizer has {len(groups)}"
        )
    for number, (group, other) in enumerate(zip(groups, saved)):
        if len(group["params"]) != len(other["params"]):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                f"optimizer's group: group {number} has {len(other['params'])} parameters, the "
                f"optimizer's has {len(group['params'])}"
            )


def _copy_state(param, value, key=None):
    """A copy of saved state in the parameter's dtype and device."""
    if isinstance(value, Tensor):
        if key in COUNTERS and value.ndim == 0:
            return value.clone()  # keeps its own precision, on the host
        dtype = param.dtype if param.is_floating_point() else None
        return value.detach().to(device=param.device, dtype=dtype, copy=True)
    if isinstance(value, dict):
        return {k: _copy_state(param, v, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_copy_state(param, v) for v in value)
    return value
