"""Which names of a file the program has not vouched for, without building anything."""

from . import names
from .errors import LoadError
from .opcodes import Interpreter, Name

__all__ = ["unknown_names"]

_CONTAINERS = ("builtins.set", "collections.Counter", "collections.OrderedDict")


def unknown_names(code):
    """Return the names in a program of opcodes that `torch.load` would refuse, each once.

    Where the program is damaged, these are the names up to there.
    """
    unknown = {}

    def find(path):
        found = names.known(path)
        if found is None:
            unknown[path] = None
        if path in _CONTAINERS:
            return found
        return Name(path, build=_Something, blank=_Something, value=_Something())

    try:
        Interpreter(code, find, _Something, lambda target, state: None).run()
    except LoadError:
        pass
    return list(unknown)


class _Something:
    """Stands for whatever a name would build."""

    def __init__(self, *arguments):
        pass
