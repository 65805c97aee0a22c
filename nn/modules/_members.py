"""A module's registered names: the dict-like views and the rules for names."""

from collections.abc import MutableMapping
from types import CodeType, FunctionType


class MembersView(MutableMapping):
    """The members of one kind as a live mapping (`module._parameters` and the like).

    Reading and writing go to the module's `__dict__`, where the members are kept.
    """

    __slots__ = ("_own", "_names")

    def __init__(self, module, kind):
        self._own = module.__dict__
        self._names = self._own[kind]

    def __getitem__(self, name):
        if name not in self._names:
            raise KeyError(name)
        return self._own[name]

    def __setitem__(self, name, value):
        self._names.setdefault(name, True)
        self._own[name] = value

    def __delitem__(self, name):
        del self._names[name]
        self._own.pop(name, None)

    def __iter__(self):
        return iter(tuple(self._names))

    def __len__(self):
        return len(self._names)

    def __contains__(self, name):
        return name in self._names

    def __repr__(self):
        return repr(dict(self))


def check_name(kind, name):
    """Refuse names that could not appear in a dotted path.

    Raises:
        TypeError: the name is not a string.
        KeyError: it is empty or holds a dot.
    """
    if not isinstance(name, str):
        raise TypeError(f"{kind} name should be a string. Got {type(name).__name__}")
    if "." in name:
        got = f", got: {name}" if kind == "module" else ""
        raise KeyError(f'{kind} name can\'t contain "."{got}')
    if name == "":
        raise KeyError(f'{kind} name can\'t be empty string ""')


def missing_init(kind):
    """Return the error for a subclass that forgot `super().__init__()`."""
    return AttributeError(f"cannot assign {kind} before Module.__init__() call")


def get_member(self, name):
    """`module.__getattr__(name)`: Return what the module holds under a name."""
    try:
        return self.__dict__[name]
    except KeyError:
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'",
                             name=name, obj=self) from None


def calls_getattr(cls):
    """Return whether the methods of a class call some `__getattr__` by name."""
    codes = [member.__code__ for member in vars(cls).values() if isinstance(member, FunctionType)]
    for code in codes:
        if "__getattr__" in code.co_names:
            return True
        codes += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
    return False
