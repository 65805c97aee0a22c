"""Guards: everything that a function can read besides its arguments, and whether it is unchanged.

From the function on, the names in its code say which globals, closure cells and attributes it
can reach; those are followed through functions, modules, classes and containers. Each dict, list
or cell on the way is watched: replaying is allowed while all hold the very same objects (or
equal numbers and strings).
"""

import dis
import functools
import inspect
import operator
import sys
import types
from collections.abc import Iterator

import numpy as np

from ..autograd import Tensor
from ..autograd.graph import Hooks
from ..nn.modules.module import GLOBAL_HOOKS, Module
from .calls import is_library, is_ours, is_trusted
from .slots import PLAIN
from .source import Source

__all__ = ["Guards", "Unguarded", "facts"]

_LIMIT = 20_000  # values to follow
_ABSENT = object()
_DYNAMIC = frozenset(("getattr", "vars", "__dict__", "hasattr", "globals", "locals", "eval",
                      "exec"))
_UNWATCHED = frozenset(("_state_hooks", "_compiled", "__annotations__"))
_IDENTITIES = (type, types.BuiltinFunctionType, types.MethodDescriptorType,
               types.WrapperDescriptorType, types.GetSetDescriptorType,
               types.MemberDescriptorType, types.MethodWrapperType,
               np.ufunc, type(np.sum), np.dtype, frozenset)


class Unguarded(Exception):
    """Something that a function reads and no guard can watch."""


def same(now, then):
    """Return whether a value is what it was: the same object, or an equal plain one."""
    return now is then or (type(now) is type(then) and isinstance(now, (*PLAIN, tuple))
                           and repr(now) == repr(then))


class _Attributes:
    """Names in a dict (of a module, an object, a class or a namespace)."""

    __slots__ = ("where", "names", "whole", "expected")

    def __init__(self, where, names, whole):
        self.where, self.whole = where, whole
        self.names = list(where) if whole else names
        self.expected = [where.get(n, _ABSENT) for n in self.names]

    def hold(self):
        if self.whole and list(self.where) != self.names:
            return False
        now = [self.where.get(n, _ABSENT) for n in self.names]
        if not all(map(same, now, self.expected)):
            return False
        self.expected = now
        return True

    def tests(self, constant):
        where = constant(self.where)
        yield f"len({where}) == {len(self.where)}"  # no name was added
        for name, value in zip(self.names, self.expected):
            if value is not _ABSENT:
                yield f"{where}[{constant(name)}] is {constant(value)}"


class _Items:
    """The items of a list, in their order; of a set or the keys of a dict as well."""

    __slots__ = ("where", "expected")

    def __init__(self, where):
        self.where, self.expected = where, list(where)

    def hold(self):
        now = list(self.where)
        if len(now) != len(self.expected) or not all(map(same, now, self.expected)):
            return False
        self.expected = now
        return True

    def tests(self, constant):
        where = constant(self.where)
        if self.expected and not isinstance(self.where, (set, frozenset)):
            yield (f"{constant(list)}({where}) == {constant(self.expected)}" if all(
                type(v) is str for v in self.expected) else
                f"len({where}) == {len(self.expected)} and "
                f"{constant(all)}({constant(map)}({constant(operator.is_)}, {where}, "
                f"{constant(self.expected)}))")
        elif self.expected:
            yield f"{where} == {constant(set(self.expected))}"
        else:
            yield f"not {where}"


class _Cell:
    """The content of a closure's cell."""

    __slots__ = ("where", "expected")

    def __init__(self, where):
        self.where, self.expected = where, _content(where)

    def hold(self):
        return same(_content(self.where), self.expected)

    def tests(self, constant):
        if self.expected is not _ABSENT:
            yield f"{constant(self.where)}.cell_contents is {constant(self.expected)}"


def _content(cell):
    try:
        return cell.cell_contents
    except ValueError:
        return _ABSENT


class _Fixed:
    """An attribute that is read through its object: `__code__`, `__defaults__`, `__class__`."""

    __slots__ = ("where", "name", "expected")

    def __init__(self, where, name):
        self.where, self.name, self.expected = where, name, getattr(where, name)

    def hold(self):
        return getattr(self.where, self.name) is self.expected

    def tests(self, constant):
        yield f"{constant(self.where)}.{self.name} is {constant(self.expected)}"


def facts(tensor):
    """Return what a program takes for granted of a tensor that it finds somewhere."""
    array = tensor._array
    return (array.shape, array.dtype, array.strides, array.flags.writeable, tensor._xp,
            tensor._node is None, array.__class__)


class Guards:
    """What a function and its arguments reach.

    Attributes:
        entries: what is watched; tensors: those found, by id; codes: the code of functions met.
    """

    def __init__(self, *roots):
        self._names, names = frozenset(), None
        while names != self._names:  # code met on the way names more
            names = self._names
            self._start()
            self._watch(GLOBAL_HOOKS)
            for root in roots:
                self._todo.append(root)
            while self._todo:
                self._follow(self._todo.pop())
            found = set()
            for code in self.codes:
                found.update(code.co_names, code.co_freevars)
            self._names = frozenset(found)
        self._quick = None

    def _start(self):
        self.entries, self.tensors, self.codes = [], {}, set()
        self._todo, self._met = [], {}
        self._whole = not _DYNAMIC.isdisjoint(self._names)

    def hold(self):
        """Return whether nothing changed."""
        if self._quick is None:
            self._quick = self._written()
        try:
            if self._quick():
                return True
        except (KeyError, ValueError):  # a name or a cell's content is gone
            pass
        if not all(entry.hold() for entry in self.entries):
            return False
        self._quick = None  # equal values took the place of others
        return True

    def _written(self):
        """Return a generated function that looks for the very same objects everywhere."""
        source = Source()
        tests = [test for entry in self.entries for test in entry.tests(source.constant)]
        for start in range(0, len(tests), 50):
            source.line(f"if not ({' and '.join(tests[start:start + 50])}):")
            source.line("    return False")
        source.line("return True")
        return source.function([])

    # -- following ---------------------------------------------------------------------------

    def _follow(self, value):
        if isinstance(value, PLAIN) or id(value) in self._met:
            return
        self._met[id(value)] = value
        if len(self._met) > _LIMIT:
            raise Unguarded("it can read too much to watch")
        if isinstance(value, Tensor):
            self.tensors[id(value)] = value
        elif isinstance(value, types.FunctionType):
            self._function(value)
        elif isinstance(value, types.MethodType):
            self._todo += (value.__self__, value.__func__)
        elif isinstance(value, types.ModuleType):
            self._namespace(value)
        elif isinstance(value, type):
            self._class(value)
        elif isinstance(value, tuple):
            self._todo += value
        elif isinstance(value, list):
            self._watch(value)
            self._todo += value
        elif isinstance(value, (set, frozenset)):
            self._watch(value)
        elif isinstance(value, Hooks):
            self._hooks(value)
        elif isinstance(value, (dict, types.MappingProxyType)):
            self._attributes(value, (), True)
        elif isinstance(value, functools.partial):
            self._todo += (value.func, value.args, value.keywords)
        elif isinstance(value, (staticmethod, classmethod)):
            self._todo.append(value.__func__)
        elif isinstance(value, (property, functools.cached_property)):
            self._todo += [f for f in (getattr(value, n, None) for n in ("fget", "func")) if f]
        elif isinstance(value, (np.ndarray, np.generic, Iterator)):
            raise Unguarded(f"it can read a {type(value).__name__}")
        elif not isinstance(value, _IDENTITIES):
            self._object(value)

    def _watch(self, container):
        self.entries.append(_Items(container))

    def _hooks(self, hooks):
        if hooks:
            raise Unguarded("a module has hooks")
        self._watch(hooks)

    def _attributes(self, where, names, whole):
        entry = _Attributes(where, names, whole)
        if entry.names:
            self.entries.append(entry)
        self._todo += [v for v in entry.expected if v is not _ABSENT]

    def _function(self, function):
        code = function.__code__
        where = function.__globals__
        if is_ours(code, where) or is_library(where) or is_trusted(function.__module__):
            return
        self.entries.append(_Fixed(function, "__code__"))
        self.entries.append(_Fixed(function, "__defaults__"))
        self._todo += [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        if getattr(function, "__wrapped__", None) is not None:
            self._todo.append(function.__wrapped__)
        for cell in function.__closure__ or ():
            self.entries.append(_Cell(cell))
            self._todo.append(_content(cell))
        names = set()
        for inner in _with_inner(code):
            self.codes.add(inner)
            names.update(_globals_named(inner))
        self._attributes(where, list(names), False)
        self._todo += [module for inner in _with_inner(code) for module in _imported(inner)]

    def _namespace(self, module):
        """Watch the names that code may read of a module; follow those of the program's own."""
        where = vars(module)
        name = module.__name__.partition(".")[0]
        known = [n for n in self._names if n in where]
        if name == "ember" or name in sys.stdlib_module_names:
            if known:
                self.entries.append(_Attributes(where, known, False))
        else:
            self._attributes(where, known, False)

    def _class(self, cls):
        for c in cls.__mro__:
            name = (c.__module__ or "").partition(".")[0]
            if name in ("builtins", "ember") or name in sys.stdlib_module_names:
                continue
            if id(c) in self._met and c is not cls:
                continue
            self._met[id(c)] = c
            names = [n for n in {*self._names, "forward", "__call__"} if n in c.__dict__]
            self._attributes(c.__dict__, names, False)

    def _object(self, value):
        cls = type(value)
        if callable(value) and not isinstance(cls.__call__, types.FunctionType):
            raise Unguarded(f"it can call a {cls.__name__}, which does not show what it does")
        self._todo.append(cls)
        own = getattr(value, "__dict__", None)
        self._todo.append((own or {}).get("__wrapped__"))  # of a compiled function
        if isinstance(value, Module):
            self.entries.append(_Fixed(value, "__class__"))
            names = self._names | {"training", "_hooks", "forward"}
            if self._whole or cls.__module__.partition(".")[0] == "ember":
                names |= own.keys() - _UNWATCHED
            for members in ("_parameter_names", "_buffer_names", "_module_names"):
                self._met[id(own[members])] = own[members]  # of interest are only the names
                self._watch(own[members])
            self._attributes(own, list(names), False)
        elif own is not None:
            if callable(getattr(value, "__getattr__", None)) and not isinstance(value, type):
                raise Unguarded(f"it can read attributes of a {cls.__name__} that are computed")
            self._attributes(own, list(self._names), self._whole)
        elif not cls.__module__.startswith("ember."):
            raise Unguarded(f"it can read a {cls.__name__}")
        for slot in getattr(cls, "__slots__", ()) if own is None else ():
            self._todo.append(getattr(value, slot, None))

    def reach(self, value):
        """Return whether a value was met, so that what it was found by is watched."""
        return id(value) in self._met

    # -- after the run ------------------------------------------------------------------------

    def unknown_code(self, codes):
        """Return the name of a function that was run and not met, or None."""
        for code, module in codes.items():
            if code not in self.codes and not is_trusted(module):
                return code.co_qualname if hasattr(code, "co_qualname") else code.co_name
        return None


@functools.cache
def _globals_named(code):
    """Return the names that code reads or writes in its module."""
    return frozenset(i.argval for i in dis.get_instructions(code)
                     if i.opname.endswith(("_GLOBAL", "_NAME")))


@functools.cache
def _imported(code):
    """Return the modules that code imports.

    Raises:
        Unguarded: one is not imported yet, or named relatively.
    """
    names = [i.argval for i in dis.get_instructions(code) if i.opname == "IMPORT_NAME"]
    if not all(name in sys.modules for name in names):
        raise Unguarded("it imports modules")
    return [sys.modules[name] for name in names]


def _with_inner(code):
    """Yield a code object and those of the functions and comprehensions in it."""
    todo = [code]
    while todo:
        code = todo.pop()
        yield code
        todo += [c for c in code.co_consts if inspect.iscode(c)]
