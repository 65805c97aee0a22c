"""Views: tensors that share another's memory, and how they learn of writes to it.

A view knows its base (the tensor that owns the history of the memory) and the chain of view
ops that leads from base to view. When base or view is written in place, the base gets a new
history and every living view of it is rebuilt by replaying its chain (`inplace.py`).
"""

import weakref

from . import modes
from .graph import AccumulateGrad

__all__ = ["View", "living_views", "note", "register", "replay"]

_ref, new = weakref.ref, object.__new__


class View:
    """What a view tensor knows about its origin.

    Attributes:
        base: the tensor whose memory this is, itself not a view.
        chain: pairs of op record and arguments (without the input), from base to view.
        several: whether the op that made it returned several views.
        recorded: whether it was made while operations were recorded.
    """

    __slots__ = ("base", "chain", "several", "recorded")


def of(tensor):
    """Return what a tensor knows about its origin, or None for one that is not a view."""
    return getattr(tensor, "_view", None)


def note(record, source, bound, result):
    """Register the result(s) of a view op; results that are copies are left alone."""
    several = isinstance(result, tuple)
    arguments = dict(bound)
    del arguments[record.signature.names[0]]
    recorded = modes.is_grad_enabled()
    for index, tensor in enumerate(result if several else (result,)):
        if tensor._xp.owner(tensor._array) is source._xp.owner(source._array):
            step = (record, arguments, index if several else None)
            register(tensor, source, step, several, recorded)


def register(tensor, source, step, several, recorded):
    """Note that a tensor is a view of another, made by one step of a chain.

    A leaf that requires gradients is a base of its own, even where it shows another's memory.
    """
    view = tensor._view = new(View)
    origin = getattr(source, "_view", None)
    if origin is None or type(source._node) is AccumulateGrad:
        base = view.base = source
        view.chain = (step,)
        view.several = several
    else:
        base = view.base = origin.base
        view.chain = (*origin.chain, step)
        view.several = several or origin.several
    view.recorded = recorded and (origin is None or origin.recorded)
    try:
        known = base._views
    except AttributeError:
        known = base._views = []
    count = len(known)
    if count >= 32 and not count & (count - 1):
        known[:] = [r for r in known if r() is not None]
    known.append(_ref(tensor))


def living_views(base):
    """Return the views of a base that still exist."""
    try:
        return [v for v in (r() for r in base._views) if v is not None]
    except AttributeError:
        return []


def replay(tensor, chain):
    """Apply a chain of view ops to a tensor."""
    for record, arguments, index in chain:
        tensor = record.call(tensor, **arguments)
        if index is not None:
            tensor = tensor[index]
    return tensor


def replay_raw(xp, array, chain):
    """Apply a chain of view ops to a raw array."""
    for record, arguments, index in chain:
        array = record.forward(xp, array, **arguments)
        if index is not None:
            array = array[index]
    return array
