"""Subclasses of Tensor: `__torch_function__`, and results that keep the class.

A subclass that users define sees every operation on its tensors first; that costs nothing as long
as there is none (`detours`). Classes of ember's own, such as Parameter, take no part.
Source: https://docs.pytorch.org/docs/stable/notes/extending.html#extending-torch-python-api
"""

import contextlib
import contextvars

from . import detours
from .tensor import Tensor, tensor_method

__all__ = ["handle_torch_function", "has_torch_function", "is_tensor_like"]

_disabled = contextvars.ContextVar("ember_torch_function_disabled", default=False)


@contextlib.contextmanager
def DisableTorchFunctionSubclass():
    """Run operations without asking any `__torch_function__`."""
    token = _disabled.set(True)
    try:
        yield
    finally:
        _disabled.reset(token)


def _torch_function(cls, func, types, args=(), kwargs=None):
    """Run an operation and give its results the class.

    Overridden by subclasses that want to see operations; they call `super()` to run them.
    Source: https://docs.pytorch.org/docs/stable/notes/extending.html

    >>> import ember
    >>> class Loud(ember.Tensor):
    ...     @classmethod
    ...     def __torch_function__(cls, func, types, args=(), kwargs=None):
    ...         print(func.__name__)
    ...         return super().__torch_function__(func, types, args, kwargs)
    >>> type(Loud([1.0, 2.0]) + 1).__name__
    add
    'Loud'
    """
    if not all(issubclass(cls, t) for t in types):
        return NotImplemented
    with DisableTorchFunctionSubclass():
        result = func(*args, **(kwargs or {}))
    return _of_class(result, cls, args)


def _no_torch_function(func, types, args=(), kwargs=None):
    """What stands for `__torch_function__` in classes that take no part."""
    return NotImplemented


def _of_class(result, cls, args):
    """Turn the tensors that an operation has just made into tensors of a class."""
    if isinstance(result, Tensor):
        if not isinstance(result, cls) and not any(result is a for a in args):
            result.__class__ = cls
    elif isinstance(result, (tuple, list)):
        for item in result:
            _of_class(item, cls, args)
    return result


def _init_subclass(cls, **options):
    super(Tensor, cls).__init_subclass__(**options)
    if "__torch_function__" not in cls.__dict__ and cls.__module__.partition(".")[0] == "ember":
        cls.__torch_function__ = staticmethod(_no_torch_function)
    if not _takes_no_part(cls):
        detours.install(_ask_subclasses, rank=-2)


Tensor.__torch_function__ = classmethod(_torch_function)
Tensor.__init_subclass__ = classmethod(_init_subclass)


def _takes_no_part(cls):
    return getattr(cls, "__torch_function__", None) in (_no_torch_function, None)


def _ask_subclasses(record, call, args, kwargs):
    """Detour: let `__torch_function__` of the arguments' classes run an operation."""
    if _disabled.get():
        return NotImplemented
    overriding = _overriding((*args, *kwargs.values()))
    if not overriding:
        return NotImplemented
    return _ask(call if getattr(call, "is_raw", False) else record.call, overriding, args, kwargs)


def asked(record, args, kwargs):
    """Run an operation by `__torch_function__` of arguments that are no tensors.

    Raises:
        TypeError: the one now handled, when no argument has it.
    """
    overriding = () if _disabled.get() else _overriding((*args, *kwargs.values()))
    if not overriding:
        raise
    return _ask(record.call, overriding, args, kwargs)


def _overriding(values):
    """Return the first value of each class that overrides operations, subclasses first."""
    found = {}
    for value in values:
        if type(value) in (list, tuple):
            for t in _overriding(value):
                found.setdefault(type(t), t)
        elif type(value) is not Tensor and not _takes_no_part(type(value)):
            found.setdefault(type(value), value)
    return sorted(found.values(), key=lambda t: -len(type(t).__mro__))


def _ask(func, overriding, args, kwargs):
    types = tuple([type(t) for t in overriding])
    for t in overriding:
        result = type(t).__torch_function__(func, types, args, kwargs)
        if result is not NotImplemented:
            return result
    names = [t.__name__ for t in types]
    raise TypeError(f"no implementation found for 'torch.{func.__name__}' on types that implement "
                    f"__torch_function__: {names}")


# -- torch.overrides ----------------------------------------------------------------------------


def has_torch_function(relevant_args):
    """Return whether any of the arguments has a class that overrides operations.

    Source: https://docs.pytorch.org/docs/stable/torch.overrides.html
    """
    return not _disabled.get() and any(
        type(a) is not Tensor and not _takes_no_part(type(a)) for a in relevant_args)


def handle_torch_function(public_api, relevant_args, *args, **kwargs):
    """Run a function through the `__torch_function__` of its arguments.

    Raises:
        TypeError: when every one of them returns NotImplemented.
    """
    overriding = list({type(a): a for a in relevant_args if has_torch_function((a,))}.values())
    return _ask(public_api, overriding, args, kwargs)


def is_tensor_like(inp):
    """Return whether an object is a tensor or has `__torch_function__`."""
    return isinstance(inp, Tensor) or hasattr(inp, "__torch_function__")


# -- to another class ---------------------------------------------------------------------------


@tensor_method
def as_subclass(self, cls):
    """Return a tensor of a class that shares this one's memory and history.

    Raises:
        TypeError: when the class is no subclass of Tensor.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.as_subclass.html
    """
    _check_class(cls, "as_subclass")
    with DisableTorchFunctionSubclass():
        t = self.view_as(self)
    t.__class__ = cls
    return t


def _make_subclass(cls, data, require_grad=False, **options):
    """Return a leaf of a class that shares a tensor's memory; for `__new__` of subclasses."""
    _check_class(cls, "_make_subclass")
    with DisableTorchFunctionSubclass():
        t = data.detach()
    t.__class__ = cls
    return t.requires_grad_() if require_grad else t


def _check_class(cls, name):
    if not (isinstance(cls, type) and issubclass(cls, Tensor)):
        raise TypeError(f"{name}: cls must be a subclass of Tensor, not {cls!r}")


Tensor._make_subclass = staticmethod(_make_subclass)
