"""Classes of the program's own that it allows in files (`add_safe_globals`).

An object of such a class is made without calling anything of it: a blank object that gets the
attributes from the file. That is all; functions and classes with a way of their own to be pickled
are refused.
"""

import contextlib

__all__ = ["add_safe_globals", "clear_safe_globals", "covers", "find", "get_safe_globals",
           "safe_globals"]

_classes = {}  # full name -> class


def add_safe_globals(safe_globals):
    """Allow classes to be saved and loaded: objects that are nothing but attributes.

    Args:
        safe_globals: a list of classes, or of pairs (class, the full name it has in files).
            What is loaded in any case (NumPy's numbers and arrays, say) may be listed, too.
    Raises:
        TypeError: for a function, or a class whose objects are more than attributes: loading
            those would call code with what a file says.
    Source: https://docs.pytorch.org/docs/stable/notes/serialization.html#torch.serialization.add_safe_globals

    >>> import ember as torch
    >>> class Config:
    ...     pass
    >>> with torch.serialization.safe_globals([Config]):
    ...     torch.serialization.get_safe_globals() == [Config]
    True
    """
    _classes.update(_checked(safe_globals))


def get_safe_globals():
    """Return the list of classes allowed by `add_safe_globals`."""
    return list(_classes.values())


def clear_safe_globals():
    """Forget all classes allowed by `add_safe_globals`."""
    _classes.clear()


@contextlib.contextmanager
def safe_globals(safe_globals):
    """A context in which classes are allowed as by `add_safe_globals`."""
    before = dict(_classes)
    add_safe_globals(safe_globals)
    try:
        yield
    finally:
        _classes.clear()
        _classes.update(before)


def find(path):
    """Return the allowed class of a full name, or None."""
    return _classes.get(path)


def covers(cls):
    """Return whether a class is allowed."""
    return cls in _classes.values()


def name_of(cls):
    """Return the full name that an allowed class has in files."""
    return next(path for path, known in _classes.items() if known is cls)


def _checked(given):
    from .names import known  # which asks this module for what is not in its own table

    found = {}
    for item in given:
        cls, path = item if isinstance(item, tuple) else (item, None)
        path = path or f"{cls.__module__}.{cls.__qualname__}"
        if path.startswith("numpy.dtypes.") or path not in _classes and known(path):
            continue  # loaded in any case
        if not _is_plain(cls):
            raise TypeError(
                f"{path} cannot be allowed in files: only classes whose objects are plain "
                "attributes can; ember calls no code with what a file says. Save vars(object), a "
                "dict or a tuple instead")
        found[path] = cls
    return found


def _is_plain(cls):
    """Return whether objects of a class are nothing but a `__dict__`."""
    return (isinstance(cls, type) and cls.__new__ is object.__new__
            and cls.__reduce__ is object.__reduce__ and cls.__reduce_ex__ is object.__reduce_ex__
            and not hasattr(cls, "__setstate__") and not hasattr(cls, "__getnewargs__")
            and cls.__dictoffset__ != 0 and "__del__" not in dir(cls)
            and not any("__slots__" in vars(base) for base in cls.__mro__[:-1]))
