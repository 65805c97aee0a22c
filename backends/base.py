"""The interface of a backend."""

from typing import Any

from .along import Along
from .fourier import Fourier
from .indexing import Indexing
from .linear import Linear
from .special import NAMES, Special


def owner(array):
    """Return the array that owns the memory of this one: the identity of a storage.

    Memory that no array owns (bytes, a file) counts as owned by the first array over it.
    """
    base = array.base
    while base is not None:
        if hasattr(base, "dtype"):
            array = base
        base = getattr(base, "base", None)  # NumPy puts a holder between strided views
    return array


def storage(array):
    """Return the array at whose first element the storage of this one begins.

    That is the owner, except for foreign memory: there it is what ember was given.
    """
    while hasattr(array.base, "dtype"):
        array = array.base
    return array


class Backend(Along, Fourier, Indexing, Linear, Special):
    """An array module and the table of what array modules disagree about.

    Attribute access falls through to the array module and is cached, so that formulas write
    `xp.tanh(x)` whatever the device is.

    Attributes:
        device_type: "cpu", "cuda" or "standin".
        index: the number of the device, None where there is one only.
        module: the array module (NumPy's API).
        float_errors: a context variable (`set`, `reset`) that silences floating point
            warnings, and `silent`, the value to set it to.
    """

    device_type = "?"
    index: int | None = None
    module: Any = None

    def __reduce__(self):  # copies and pickles of tensors come back to the one backend there is
        from . import get

        return get, (self.device_type, self.index)

    def __getattr__(self, name):
        value = self.special(name) if name in NAMES else getattr(self.module, name)
        setattr(self, name, value)
        return value

    def __repr__(self):
        suffix = "" if self.index is None else f":{self.index}"
        return f"<backend {self.device_type}{suffix}>"

    owner = staticmethod(owner)
    storage = staticmethod(storage)
