"""The base class of all layers and models.

A module keeps its parameters, buffers and children in its `__dict__` like any other attribute,
so that reading `self.weight` costs a plain attribute lookup; beside them it only keeps their
names. `_parameters`, `_buffers` and `_modules` are live views over both.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.Module.html
"""

import textwrap

from ...autograd import Tensor
from ...autograd.graph import Hooks, clock, note_call
from ..parameter import Buffer, Parameter
from ._conversion import Conversion
from ._hooks import (
    GLOBAL_HOOKS,
    REGISTRATION_HOOKS,
    HookRegistration,
    call_with_hooks,
    register_module_backward_hook,
    register_module_buffer_registration_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
    registered,
)
from ._members import MembersView, calls_getattr, check_name, get_member, missing_init
from ._places import add_place
from ._state import StateDict
from ._traversal import Traversal

__all__ = ["Module", "register_module_backward_hook",
           "register_module_buffer_registration_hook", "register_module_forward_hook",
           "register_module_forward_pre_hook", "register_module_full_backward_hook",
           "register_module_full_backward_pre_hook", "register_module_module_registration_hook",
           "register_module_parameter_registration_hook"]


class Module(Traversal, StateDict, Conversion, HookRegistration):
    """Base class of all layers and models.

    Assigning a Parameter, Buffer or Module to an attribute registers it. Subclasses call
    `super().__init__()` first and define `forward`.

    >>> import ember as torch
    >>> class Scale(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = torch.nn.Parameter(torch.tensor(2.0))
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> Scale()(torch.ones(2)).tolist()
    [2.0, 2.0]
    """

    training: bool
    _version = 1
    call_super_init = False
    _also_saved = ()  # what PyTorch keeps as attributes and a class here computes

    def __init__(self, *args, **kwargs):
        if not self.call_super_init and (args or kwargs):
            given = next(iter(kwargs), None)
            what = (f"got an unexpected keyword argument '{given}'" if given else
                    f"takes 1 positional argument but {len(args) + 1} were given")
            raise TypeError(f"{type(self).__name__}.__init__() {what}")
        own = self.__dict__
        own["training"] = True
        own["_parameter_names"] = {}
        own["_buffer_names"] = {}  # name -> persistent
        own["_module_names"] = {}
        own["_hooks"] = Hooks()
        own["_state_hooks"] = Hooks()
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        # Any attribute of a class with `__getattr__` takes four times as long to read.
        if "__getattr__" not in vars(cls) and calls_getattr(cls):
            cls.__getattr__ = get_member

    # -- calling ----------------------------------------------------------------------------

    def __call__(self, *args, **kwargs):
        """Run `forward`, and the hooks if there are any."""
        start = next(clock)
        try:
            if self._hooks or GLOBAL_HOOKS:
                out = call_with_hooks(self, args, kwargs)
            else:
                out = self.forward(*args, **kwargs)
        except Exception as error:
            add_place(error, self)
            raise
        note_call(self, start, out)
        return out

    def forward(self, *args):
        """Compute the output; every subclass defines it.

        Raises:
            NotImplementedError: the subclass does not define it.
        """
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function')

    # -- members ----------------------------------------------------------------------------

    @property
    def _parameters(self):
        return MembersView(self, "_parameter_names")

    @property
    def _buffers(self):
        return MembersView(self, "_buffer_names")

    @property
    def _modules(self):
        return MembersView(self, "_module_names")

    def register_parameter(self, name, param):
        """Add a parameter (or None, to reserve the name).

        Raises:
            KeyError: the name is taken, empty or holds a dot.
            TypeError: `param` is not a Parameter.
            ValueError: `param` is a computed tensor.
        """
        if "_parameter_names" not in self.__dict__:
            raise missing_init("parameter")
        check_name("parameter", name)
        if hasattr(self, name) and name not in self._parameter_names:
            raise KeyError(f"attribute '{name}' already exists")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"cannot assign '{_typename(param)}' object to parameter '{name}' "
                            "(torch.nn.Parameter or None required)")
        if param is not None and not param.is_leaf:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be "
                f"created explicitly. To express '{name}' as a function of another Tensor, "
                "compute the value in the forward() method.")
        self._store("_parameter_names", name, param, None)

    def register_buffer(self, name, tensor, persistent=True):
        """Add a buffer: state that is saved and moved, but not trained.

        Args:
            name: the attribute's name.
            tensor: the buffer, or None to reserve the name.
            persistent: whether it is part of `state_dict`.

        Raises:
            KeyError: the name is taken, empty or holds a dot.
            TypeError: `tensor` is not a tensor.
        """
        if "_buffer_names" not in self.__dict__:
            raise missing_init("buffer")
        check_name("buffer", name)
        if hasattr(self, name) and name not in self._buffer_names:
            raise KeyError(f"attribute '{name}' already exists")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{_typename(tensor)}' object to buffer '{name}' "
                            "(torch Tensor or None required)")
        self._store("_buffer_names", name, tensor, bool(persistent))

    def register_module(self, name, module):
        """Add a child module (or None, to reserve the name).

        Raises:
            KeyError: the name is taken, empty or holds a dot.
            TypeError: `module` is not a Module.
        """
        if "_module_names" not in self.__dict__:
            raise missing_init("module")
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{_typename(module)} is not a Module subclass")
        check_name("module", name)
        if hasattr(self, name) and name not in self._module_names:
            raise KeyError(f"attribute '{name}' already exists")
        self._store("_module_names", name, module, None)

    add_module = register_module

    def _store(self, kind, name, value, note):
        """Keep a member under its name and take the name from the other kinds."""
        if REGISTRATION_HOOKS and not (value is None and kind == "_parameter_names"):
            value = registered(kind, self, name, value)
        own = self.__dict__
        for other in ("_parameter_names", "_buffer_names", "_module_names"):
            if other != kind:
                own[other].pop(name, None)
        own[kind][name] = note
        own[name] = value

    def __setattr__(self, name, value):
        own = self.__dict__
        if isinstance(value, Parameter):
            if "_parameter_names" not in own:
                raise missing_init("parameters")
            if name not in own["_parameter_names"]:
                own.pop(name, None)
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            if "_module_names" not in own:
                raise missing_init("module")
            check_name("module", name)
            self._store("_module_names", name, value, None)
        elif name in own.get("_parameter_names", ()):
            if value is not None:
                raise _wrong_kind(value, "parameter", name, "torch.nn.Parameter or None")
            own[name] = None
        elif name in own.get("_module_names", ()):
            if value is not None:
                raise _wrong_kind(value, "child module", name, "torch.nn.Module or None")
            own[name] = None
        elif isinstance(value, Buffer) or name in own.get("_buffer_names", ()):
            self._set_buffer(name, value)
        else:
            object.__setattr__(self, name, value)

    def _set_buffer(self, name, value):
        if value is not None and not isinstance(value, Tensor):
            raise _wrong_kind(value, "buffer", name, "torch.nn.Buffer, torch.Tensor or None")
        names = self.__dict__.get("_buffer_names", {})
        if isinstance(value, Buffer):
            if name not in names:
                self.__dict__.pop(name, None)
            self.register_buffer(name, value, value.persistent)
        else:
            self._store("_buffer_names", name, value, names[name])

    def __setstate__(self, state):
        self.__dict__.update(state)

    def __delattr__(self, name):
        for kind in ("_parameter_names", "_buffer_names", "_module_names"):
            if name in self.__dict__.get(kind, ()):
                del self.__dict__[kind][name]
                del self.__dict__[name]
                return
        object.__delattr__(self, name)

    # -- modes ------------------------------------------------------------------------------

    def train(self, mode=True):
        """Put this module and all below it into training mode; return self.

        Raises:
            ValueError: `mode` is not a bool.
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self):
        """Put this module and all below it into evaluation mode; return self."""
        return self.train(False)

    def requires_grad_(self, requires_grad=True):
        """Switch gradients of all parameters on or off; return self."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none=True):
        """Forget the gradients of all parameters (or fill them with zeros)."""
        for parameter in self.parameters():
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                parameter.grad = parameter.grad.detach()
                parameter.grad.zero_()

    def apply(self, fn):
        """Call `fn(module)` on every module below this one, then on this one; return self.

        >>> import ember as torch
        >>> net = torch.nn.Sequential(torch.nn.Linear(2, 2))
        >>> _ = net.apply(lambda m: print(type(m).__name__))
        Linear
        Sequential
        """
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def compile(self, *args, **kwargs):
        """Compile `forward` in place. The arguments are those of `torch.compile`."""
        from ...compiler import compile

        self.__dict__["forward"] = compile(type(self).forward.__get__(self), *args, **kwargs)

    # -- text -------------------------------------------------------------------------------

    def _get_name(self):
        return type(self).__name__

    def extra_repr(self):
        """Return what stands in the parentheses of the module's repr."""
        return ""

    def __repr__(self):
        extra = self.extra_repr()
        extra_lines = extra.split("\n") if extra else []
        child_lines = [f"({name}): " + _indent_below_first(repr(child))
                       for name, child in self._modules.items()]
        if not child_lines and len(extra_lines) <= 1:
            return f"{self._get_name()}({extra})"
        body = "\n  ".join(extra_lines + child_lines)
        return f"{self._get_name()}(\n  {body}\n)"

    def __dir__(self):
        return sorted(name for name in object.__dir__(self) if name.isidentifier())


def _indent_below_first(text):
    first, _, rest = text.partition("\n")
    return f"{first}\n{textwrap.indent(rest, '  ')}" if rest else first


def _typename(value):
    if isinstance(value, Tensor):
        return value.type()
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _wrong_kind(value, what, name, expected):
    return TypeError(f"cannot assign '{_typename(value)}' as {what} '{name}' ({expected} expected)")
