"""Detours: what may take over the call of an operation before it is computed.

A plain program has none and pays one look at an empty tuple per operation. They serve element
types that are computed in a wider one, subclasses with `__torch_function__`, and the recording
of source lines.
"""

__all__ = ["install", "remove", "taken"]

installed: tuple = ()
_ranked: dict = {}


def install(detour, rank=0):
    """Have `detour(record, call, args, kwargs)` asked before every operation.

    It returns the operation's result, or NotImplemented to leave the call to the next; `call`
    is the function that was called. Lower ranks are asked first.
    """
    global installed
    _ranked[detour] = rank
    installed = tuple(sorted(_ranked, key=_ranked.__getitem__))


def remove(detour):
    """Take a detour out again."""
    global installed
    _ranked.pop(detour, None)
    installed = tuple(sorted(_ranked, key=_ranked.__getitem__))


def taken(record, call, args, kwargs):
    """Return what the first detour that takes a call returns; NotImplemented when none does."""
    for detour in installed:
        result = detour(record, call, args, kwargs)
        if result is not NotImplemented:
            return result
    return NotImplemented
