"""Classes and functions that the program allows in files (`add_safe_globals`).

An object of such a class is made without calling anything of it: a blank object that gets the
attributes from the file. A function is a value that nothing in the file can call. Classes with a
way of their own to be pickled are refused, and so is what is written in C, such as `getattr`.
"""

import contextlib
import types

from ...nn import Module
from .paths import paths_of

__all__ = ["add_safe_globals", "clear_safe_globals", "covers", "find", "get_safe_globals",
           "is_plain", "name_of", "safe_globals"]

_vouched = {}  # full name -> class or function


def add_safe_globals(safe_globals):
    """Allow classes and functions in files: modules, and objects that are nothing but attributes.

    Args:
        safe_globals: a list of classes and functions, or of pairs (one of them, the full name it
            has in files). What is loaded in any case (`set`, NumPy's numbers and arrays, say) may
            be listed, too.
    Raises:
        TypeError: for a built-in function, or a class whose objects are more than attributes:
            loading those would call code with what a file says.
    Source: https://docs.pytorch.org/docs/stable/notes/serialization.html#torch.serialization.add_safe_globals

    >>> import ember as torch
    >>> class Config:
    ...     pass
    >>> with torch.serialization.safe_globals([Config]):
    ...     torch.serialization.get_safe_globals() == [Config]
    True
    """
    _vouched.update(_checked(safe_globals))


def get_safe_globals():
    """Return the list of classes and functions allowed by `add_safe_globals`."""
    return list(dict.fromkeys(_vouched.values()))


def clear_safe_globals():
    """Forget all classes and functions allowed by `add_safe_globals`."""
    _vouched.clear()


@contextlib.contextmanager
def safe_globals(safe_globals):
    """A context in which classes and functions are allowed as by `add_safe_globals`."""
    before = dict(_vouched)
    add_safe_globals(safe_globals)
    try:
        yield
    finally:
        _vouched.clear()
        _vouched.update(before)


def find(path):
    """Return the allowed class or function of a full name, or None."""
    return _vouched.get(path)


def covers(cls):
    """Return whether a class is allowed."""
    return cls in _vouched.values()


def name_of(cls):
    """Return the full name that an allowed class has in files."""
    return next(path for path, known in _vouched.items() if known is cls)


def _checked(given):
    from .names import known  # which asks this module for what is not in its own table

    found = {}
    for item in given:
        value, path = item if isinstance(item, tuple) else (item, None)
        own = f"{value.__module__}.{value.__qualname__}"
        paths = [path] if path else paths_of(value) or [own]
        if own.startswith("numpy.dtypes.") or paths[0] not in _vouched and known(paths[0]):
            continue  # loaded in any case
        if isinstance(value, types.FunctionType) and (path or paths_of(value)) or is_plain(value):
            found.update(dict.fromkeys(paths, value))
        else:
            raise TypeError(
                f"{paths[0]} cannot be allowed in files: only modules, classes whose objects are "
                "plain attributes, and functions written in Python can; ember calls no code with "
                "what a file says. Save vars(object), a dict or a tuple instead")
    return found


def is_plain(cls):
    """Return whether objects of a class are nothing but a `__dict__`, as modules are."""
    return (isinstance(cls, type) and cls.__new__ is object.__new__
            and cls.__reduce__ is object.__reduce__ and cls.__reduce_ex__ is object.__reduce_ex__
            and getattr(cls, "__setstate__", None) in (None, Module.__setstate__)
            and cls.__getstate__ is object.__getstate__ and not hasattr(cls, "__getnewargs__")
            and cls.__dictoffset__ != 0 and "__del__" not in dir(cls)
            and not any(vars(base).get("__slots__") for base in cls.__mro__[:-1]))
