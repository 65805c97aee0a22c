"""Whole modules in files: between PyTorch's attributes of a module and ember's."""

from collections import Counter, OrderedDict

from ...autograd import Tensor
from ...nn import Module, Parameter
from .errors import require

__all__ = ["check", "fill", "state_of"]

_HOOKS = ("_backward_pre_hooks", "_backward_hooks", "_forward_hooks", "_forward_hooks_with_kwargs",
          "_forward_hooks_always_called", "_forward_pre_hooks", "_forward_pre_hooks_with_kwargs",
          "_state_dict_hooks", "_state_dict_pre_hooks", "_load_state_dict_pre_hooks",
          "_load_state_dict_post_hooks")
# PyTorch's attribute -> ember's, and what its members are.
_MEMBERS = {"_parameters": ("_parameter_names", Parameter), "_buffers": ("_buffer_names", Tensor),
            "_modules": ("_module_names", Module)}


def state_of(module):
    """Return the attributes that PyTorch would keep for a module.

    Raises:
        TypeError: for a module with hooks, which are code, or without `Module.__init__()`.
    """
    own = vars(module)
    if "_module_names" not in own:
        raise TypeError("a module whose class did not call super().__init__()")
    if own["_hooks"] or own["_state_hooks"]:
        raise TypeError("a module with hooks, which are code. Remove them first "
                        "(handle.remove(); a lazy layer's go when it is first called)")
    members = {kind: {name: own[name] for name in own[names]}
               for kind, (names, _) in _MEMBERS.items()}
    ours = set(vars(Module())).union(*members.values(), ["_is_full_backward_hook"])
    return {
        "training": own["training"],
        "_parameters": members["_parameters"],
        "_buffers": members["_buffers"],
        "_non_persistent_buffers_set": {n for n, keep in own["_buffer_names"].items() if not keep},
        "_is_full_backward_hook": module._is_full_backward_hook,
        **{name: OrderedDict() for name in _HOOKS},
        "_modules": members["_modules"],
        **{name: value for name, value in own.items() if name not in ours},
        **{name: getattr(module, name) for name in module._also_saved},
    }


def fill(module, state):
    """Give a blank module what a file holds for it; no method of its class is called."""
    require(not vars(module), "a module that is filled twice")
    state = {name: value for name, value in state.items() if name not in module._also_saved}
    own = vars(Module())
    for name in _HOOKS:
        require(not state.pop(name, None), "a module with hooks, which are code")
    state.pop("_is_full_backward_hook", None)
    own["training"] = state.pop("training", True)
    require(type(own["training"]) is bool, "a module whose training is no truth value")
    unsaved = state.pop("_non_persistent_buffers_set", set())
    require(type(unsaved) is set, "a module whose buffers to be left out are no set")
    for kind, (names, wanted) in _MEMBERS.items():
        members = _members(kind, state.pop(kind, None), wanted)
        require(own.keys().isdisjoint(members), f"a module with one name twice in {kind}")
        own[names] = {name: name not in unsaved for name in members} if kind == "_buffers" \
            else dict.fromkeys(members)
        own.update(members)
    require(own.keys().isdisjoint(state), "a module with an attribute twice")
    own.update(state)
    vars(module).update(own)


def _members(kind, members, wanted):
    require(isinstance(members, dict), f"a module whose {kind} is no dict")
    require(all(type(name) is str and name and "." not in name for name in members),
            f"a module with a wrong name in {kind}")
    require(all(value is None or isinstance(value, wanted) for value in members.values()),
            f"a module with something else than {wanted.__name__} in {kind}")
    return members


def check(made):
    """Refuse a module that has been left blank, or that contains itself.

    Args:
        made: all objects that the file made.
    """
    modules = [value for value in made if isinstance(value, Module)]
    require(all(vars(module) for module in modules), "a module without attributes")
    parents = Counter(id(child) for module in modules for child in _children(module))
    ready = [module for module in modules if not parents[id(module)]]
    done = 0
    while ready:
        done += 1
        for child in _children(ready.pop()):
            parents[id(child)] -= 1
            if not parents[id(child)]:
                ready.append(child)
    require(done == len(modules), "a module that contains itself")


def _children(module):
    own = vars(module)
    return [own[name] for name in own["_module_names"] if own[name] is not None]
