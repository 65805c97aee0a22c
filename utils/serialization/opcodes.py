"""An interpreter of pickle's opcodes that builds inert values and nothing else.

Pickle is a little stack language. Here its words make numbers, texts and containers; a name is
looked up in a fixed table of builders, never imported, and only a builder is ever called. There is
no recursion, and memory grows at most in proportion to the length of the file.

Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py (the language)
"""

import struct
import types
from collections import Counter, OrderedDict

from .errors import LoadError

__all__ = ["Interpreter", "Name", "Part", "inert", "is_key", "key"]

_MISTAKES = (IndexError, KeyError, TypeError, ValueError, AttributeError, OverflowError,
             RecursionError, struct.error)

_SIZED = (str, bytes, list, tuple, dict)


class Part:
    """What is needed to build values and is none itself, such as a Name.

    Attributes:
        path: what it is called in errors.
    """

    __slots__ = ()
    path = "part of a value"


class Name(Part):
    """A name of the table while it lies on the stack.

    Attributes:
        build: called with the arguments that follow the name in the file; or None.
        blank: returns the empty object that the file then fills; or None.
        value: what it is in a container; or None.
    """

    __slots__ = ("path", "build", "blank", "value")

    def __init__(self, path, build=None, blank=None, value=None):
        self.path, self.build, self.blank, self.value = path, build, blank, value


class Interpreter:
    """Runs one program of opcodes.

    Args:
        code: the program.
        find: returns what a dotted name stands for: a Name, or an inert value.
        storage: returns the storage that a persistent identifier means.
        fill: `fill(object, state)` gives a built object its attributes.
    Attributes:
        made: the blank objects that the program made.
    """

    def __init__(self, code, find, storage, fill):
        self.code, self.find, self.storage, self.fill = code, find, storage, fill
        self.at = 0
        self.stack, self.outer, self.memo, self.made = [], [], {}, []
        self.credit = 4 * len(code) + 4096

    def run(self):
        """Return the object that the program builds.

        Raises:
            LoadError: for anything but a well-formed program over allowed names.
        """
        start = 0
        try:
            while True:
                start = self.at
                code = self.code[start]
                self.at = start + 1
                if code == _STOP:
                    break
                _ACTIONS[code](self)
            if len(self.stack) != 1 or self.outer:
                raise LoadError("the pickled data is damaged: it does not end with one object")
            return inert(self.stack[0])
        except LoadError:
            raise
        except _MISTAKES as error:
            raise LoadError(f"the pickled data is damaged at byte {start}: "
                            f"{type(error).__name__}: {error}") from error

    # -- reading the program ------------------------------------------------------------------

    def take(self, count):
        """Return the next bytes of the program."""
        end = self.at + count
        if end > len(self.code):
            raise ValueError(f"{count} bytes are announced, {len(self.code) - self.at} are left")
        data = self.code[self.at:end]
        self.at = end
        return data

    def number(self, form):
        """Return the next number, in a format of `struct`."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self):
        """Return the text up to the next end of line."""
        end = self.code.index(b"\n", self.at)
        return self.take(end + 1 - self.at)[:-1].decode("utf-8")

    def since_mark(self):
        """Take what was pushed since the last MARK off the stack."""
        items, self.stack = self.stack, self.outer.pop()
        return items

    def pay(self, values):
        """Count what calls copy: one long text, met again and again, could fill the memory."""
        lengths = [len(value) for value in values if isinstance(value, _SIZED)]
        self.credit -= sum(n for n in lengths if n > 16)
        if self.credit < 0:
            raise LoadError("the pickled data is forged: it copies long values again and again")

    # -- what opcodes do ----------------------------------------------------------------------

    def mark(self):
        self.outer.append(self.stack)
        self.stack = []

    def protocol(self):
        version = self.number("B")
        if not 2 <= version <= 5:
            raise LoadError(f"pickle protocol {version} is not known")

    def pack(self):
        items = tuple(self.since_mark())
        self.stack.append(items)

    def last(self, count):
        """Replace the last items of the stack by a tuple of them."""
        if len(self.stack) < count:
            raise IndexError("the stack is too short")
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def put(self, index):
        self.memo[index] = self.stack[-1]

    def append(self, items):
        target = self.stack[-1]
        if type(target) is not list:
            raise TypeError(f"{type(target).__name__} is no list")
        target.extend(map(inert, items))

    def add(self, items):
        target = self.stack[-1]
        if type(target) is not set:
            raise TypeError(f"{type(target).__name__} is no set")
        target.update(map(key, items))

    def set_items(self, items):
        target = self.stack[-1]
        if type(target) not in (dict, OrderedDict, Counter) or len(items) % 2:
            raise TypeError(f"{type(target).__name__} takes no such items")
        for k, value in zip(items[::2], items[1::2]):
            target[key(k)] = inert(value)

    def one_item(self):
        value, k = self.stack.pop(), self.stack.pop()
        self.set_items([k, value])

    def find_name(self, module, name):
        module = "builtins" if module == "__builtin__" else module
        self.stack.append(self.find(f"{module}.{name}"))

    def stack_name(self):
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is not str or type(module) is not str:
            raise TypeError("a name is no text")
        self.find_name(module, name)

    def call(self):
        arguments, name = self.stack.pop(), self.stack[-1]
        if type(name) is not Name or name.build is None or type(arguments) is not tuple:
            raise LoadError(f"the pickled data is forged: it calls {_shown(name)}")
        self.pay(arguments)
        self.stack[-1] = name.build(*arguments)

    def make_blank(self):
        arguments, name = self.stack.pop(), self.stack[-1]
        if type(name) is not Name or name.blank is None or arguments != ():
            raise LoadError(f"the pickled data is forged: it makes an object of {_shown(name)}")
        self.stack[-1] = name.blank()
        self.made.append(self.stack[-1])

    def fill_last(self):
        state, target = self.stack.pop(), self.stack[-1]
        self.pay(state if type(state) is tuple else (state,))
        if type(state) is dict:
            self.pay([value for value in state.values() if type(value) is dict])  # a module's
        self.fill(target, state)


def inert(value):
    """Return a value that goes into a container; a storage, say, is none."""
    if type(value) is Name and value.value is not None:
        return value.value
    for item in value if type(value) is tuple else (value,):
        if isinstance(item, Part):
            raise LoadError(f"the file holds {item.path} itself; only values are loaded")
    return value


def is_key(value):
    """Return whether a value may be a dict key or set element: it is quick and safe to hash."""
    flat = value if isinstance(value, tuple) else (value,)
    return not any(isinstance(item, _NO_KEYS) or _hashes_by_code(item) for item in flat)


def _hashes_by_code(value):
    """Return whether hashing a value runs a method of the program's own."""
    hashing = type(value).__hash__
    return isinstance(hashing, types.FunctionType) and not hashing.__module__.startswith("ember.")


_NO_KEYS = (list, dict, set, bytearray, tuple, Part)


def key(value):
    """Return a dict key or set element of a file."""
    if not is_key(value):
        raise LoadError(f"a key of type {type(value).__name__} is not loaded; "
                        "keys are texts, numbers, or tuples of them")
    return value


def _shown(value):
    return value.path if type(value) is Name else f"a {type(value).__name__}"


def _unicode(form):
    return lambda vm: vm.stack.append(str(vm.take(vm.number(form)), "utf-8", "surrogatepass"))


def _raw(form):
    return lambda vm: vm.stack.append(bytes(vm.take(vm.number(form))))


def _number(form):
    return lambda vm: vm.stack.append(vm.number(form))


def _fresh(make):
    return lambda vm: vm.stack.append(make())


def _integer(form):
    return lambda vm: vm.stack.append(int.from_bytes(vm.take(vm.number(form)), "little",
                                                     signed=True))


def _put(form):
    return lambda vm: vm.put(vm.number(form))


def _get(form):
    return lambda vm: vm.stack.append(vm.memo[vm.number(form)])


_STOP = ord(".")
_ACTIONS = {
    ord(code): action for code, action in {
        # constants and empty containers
        "N": _fresh(lambda: None), "\x88": _fresh(lambda: True), "\x89": _fresh(lambda: False),
        ")": _fresh(tuple), "]": _fresh(list), "}": _fresh(dict), "\x8f": _fresh(set),
        # numbers and texts
        "J": _number("<i"), "K": _number("B"), "M": _number("<H"), "G": _number(">d"),
        "\x8a": _integer("B"), "\x8b": _integer("<I"),
        "X": _unicode("<I"), "\x8c": _unicode("B"), "\x8d": _unicode("<Q"),
        "C": _raw("B"), "B": _raw("<I"), "\x8e": _raw("<Q"), "U": _raw("B"), "T": _raw("<I"),
        # tuples and filling containers
        "(": Interpreter.mark,
        "t": Interpreter.pack,
        "\x85": lambda vm: vm.last(1), "\x86": lambda vm: vm.last(2),
        "\x87": lambda vm: vm.last(3),
        "a": lambda vm: vm.append([vm.stack.pop()]), "e": lambda vm: vm.append(vm.since_mark()),
        "s": Interpreter.one_item, "u": lambda vm: vm.set_items(vm.since_mark()),
        "\x90": lambda vm: vm.add(vm.since_mark()),
        # objects met before
        "q": _put("B"), "r": _put("<I"), "\x94": lambda vm: vm.put(len(vm.memo)),
        "h": _get("B"), "j": _get("<I"),
        # names, and what is built from them
        "c": lambda vm: vm.find_name(vm.line(), vm.line()), "\x93": Interpreter.stack_name,
        "R": Interpreter.call, "\x81": Interpreter.make_blank, "b": Interpreter.fill_last,
        "Q": lambda vm: vm.stack.append(vm.storage(vm.stack.pop())),
        # the frame of the program
        "\x80": Interpreter.protocol, "\x95": lambda vm: vm.take(8),
    }.items()}
