"""Writing objects as pickle, protocol 2, in the words that PyTorch's safe reader understands.

Everything is written into memory first. What cannot be saved is found before a file is touched,
and the error says where in the object it is.
"""

import struct
from typing import Any, NamedTuple

from .forms import Global, StorageId, Storages, form_of
from .opcodes import is_key

__all__ = ["pickled"]


def pickled(value):
    """Return an object as pickled bytes, and the raw arrays of the storages in it.

    Raises:
        TypeError: for something that cannot be saved; the message says where it is.
        ValueError: for a tuple that contains itself, or an integer of more than 255 bytes.
    """
    writer = _Writer()
    return writer.write(value), writer.storages.arrays


class _Frame(NamedTuple):
    """An object whose contents are being written, and where it is in the one around it."""

    place: str
    contents: Any


class _Writer:
    """Writes one object. Containers are generators on a stack, so depth costs no recursion."""

    def __init__(self):
        self.storages = Storages()
        self._out = bytearray(b"\x80\x02")
        self._memo = {}  # text, Global or id of an object -> its number in the program
        self._kept = []  # keeps what was met alive, so that no id means two objects
        self._unfinished = set()  # ids of what gets its number only when its contents are written
        self._frames = []

    def write(self, value):
        self._enter("", value)
        while self._frames:
            step = next(self._frames[-1].contents, None)
            if step is None:
                self._frames.pop()
            else:
                self._enter(*step)
        return bytes(self._out + b".")

    def _enter(self, place, value):
        """Write a simple value; for a container, begin."""
        kind = type(value)
        constant = _CONSTANTS.get(kind)
        if constant is not None:
            self._out += constant(value)
            return
        key = value if kind in (str, Global) else id(value)
        if key in self._memo:
            self._out += _indexed(b"hj", self._memo[key])
        elif kind is str:
            data = value.encode("utf-8", "surrogatepass")
            self._out += b"X" + struct.pack("<I", len(data)) + data
            self._remember(key)
        elif kind is Global:
            module, _, name = value.path.rpartition(".")
            self._out += f"c{module}\n{name}\n".encode()
            self._remember(key)
        else:
            if key in self._unfinished:
                raise ValueError(f"cannot save {self._where(place)}: it contains itself")
            self._kept.append(value)
            contents = _CONTAINERS.get(kind, _Writer._other)
            self._frames.append(_Frame(place, contents(self, value, key)))

    def _remember(self, key):
        self._out += _indexed(b"qr", len(self._memo))
        self._memo[key] = len(self._memo)

    def _where(self, place=""):
        """Return the place of the object at hand, as a program would write it."""
        places = [frame.place for frame in self._frames] + [place]
        path = "".join(place for place in places if place not in _MEMBERS)
        return path.removeprefix(".") or "the object"

    # -- containers: generators of (place, value) ----------------------------------------------

    def _list(self, value, key):
        self._out += b"]"
        self._remember(key)
        self._out += b"("
        for i, item in enumerate(value):
            yield f"[{i}]", item
        self._out += b"e"

    def _dict(self, value, key):
        self._out += b"}"
        self._remember(key)
        yield from self._items(value)

    def _items(self, value):
        self._out += b"("
        for k, item in value.items():
            if not is_key(k):
                raise TypeError(f"cannot save {self._where(f'[{k!r:.80}]')}: a key of type "
                                f"{type(k).__name__}; keys are texts, numbers or tuples of them")
            place = f".{k}" if isinstance(k, str) and k.isidentifier() else f"[{k!r:.80}]"
            yield place, k
            yield place, item
        self._out += b"u"

    def _tuple(self, value, key):
        if not value:
            self._out += b")"
            return
        self._unfinished.add(key)
        self._out += b"("
        for i, item in enumerate(value):
            yield f"[{i}]", item
        self._out += b"t"
        self._unfinished.discard(key)
        self._remember(key)

    def _storage(self, value, key):
        yield "", tuple(value)
        self._out += b"Q"

    def _other(self, value, key):
        """Write what is made by a call: a name, the arguments, items, attributes."""
        form = form_of(value, self.storages, self._where)
        if type(form) is Global:
            yield "", form
            return
        self._unfinished.add(key)
        yield "", Global(form.path)
        self._out += b"("
        for argument in form.arguments:
            yield "", argument
        self._out += b"t" + form.opcode
        self._unfinished.discard(key)
        self._remember(key)
        if form.items:
            yield from self._items(form.items)
        if form.state:
            yield "", form.state
            self._out += b"b"


_MEMBERS = ("._parameters", "._buffers", "._modules")  # a module's: no program writes them


def _indexed(codes, index):
    """Return an opcode with a small or a large index."""
    if index < 256:
        return codes[:1] + struct.pack("B", index)
    return codes[1:] + struct.pack("<I", index)


def _integer(value):
    if 0 <= value < 1 << 8:
        return b"K" + struct.pack("B", value)
    if 0 <= value < 1 << 16:
        return b"M" + struct.pack("<H", value)
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    size = value.bit_length() // 8 + 1
    if size > 255:
        raise ValueError("an integer of more than 255 bytes cannot be saved")
    return b"\x8a" + struct.pack("B", size) + value.to_bytes(size, "little", signed=True)


_CONSTANTS = {
    type(None): lambda value: b"N",
    bool: lambda value: b"\x88" if value else b"\x89",
    int: _integer,
    float: lambda value: b"G" + struct.pack(">d", value),
}
_CONTAINERS = {list: _Writer._list, dict: _Writer._dict, tuple: _Writer._tuple,
               StorageId: _Writer._storage}
