"""Views: tensors that share another's memory, and how they learn of writes to it.

A view knows its base (the tensor that owns the history of the memory) and the steps that lead
from there to the view. When base or view is written in place, the base gets a new history and the
views forget theirs (`inplace.py`); a view that is used again derives it from the base, by
replaying its steps. So a write costs nothing for the views that nobody asks again.
"""

import weakref

from . import modes
from .graph import AccumulateGrad
from .tensor import Tensor

__all__ = ["View", "forget", "informed", "join", "leave", "living", "note", "of",
           "register", "renew", "replay"]

_ref, new = weakref.ref, object.__new__


class Viewers:
    """Who looks at the memory of a base.

    Attributes:
        all: weak references to its views.
        informed: those of them whose history is that of the base now.
    """

    __slots__ = ("all", "informed")

    def __init__(self):
        self.all, self.informed = [], []

    def drop_dead(self):
        """Drop the references to views that are gone."""
        self.all = [r for r in self.all if r() is not None]
        self.informed = [r for r in self.informed if r() is not None]


class View:
    """What a view tensor knows about its origin.

    Attributes:
        base: the tensor whose memory this is, itself not a view.
        origin: the View from which this one was made; None for the base.
        step: op record, arguments (without the input) and, of several results, the number.
        several: whether an op that returns several views is among the steps.
        recorded: whether it was made while operations were recorded.
    """

    __slots__ = ("base", "origin", "step", "several", "recorded")

    @property
    def chain(self):
        """The steps from base to view."""
        steps, view = [], self
        while view is not None:
            steps.append(view.step)
            view = view.origin
        return tuple(reversed(steps))


def of(tensor):
    """Return what a tensor knows about its origin, or None for one that is not a view."""
    return getattr(tensor, "_view", None)


def living(base):
    """Return the views of a base."""
    return _existing(base._views.all) if hasattr(base, "_views") else []


def informed(base):
    """Return the views of a base whose history is that of the base now."""
    return _existing(base._views.informed) if hasattr(base, "_views") else []


def _existing(refs):
    return [view for view in [ref() for ref in refs] if view is not None]


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
    """Note that a tensor is a view of another, made by one step.

    A leaf that requires gradients is a base of its own, even where it shows another's memory.
    """
    view = tensor._view = new(View)
    view.step = step
    origin = getattr(source, "_view", None)
    if origin is None or type(source._node) is AccumulateGrad:
        base = view.base = source
        view.origin = None
        view.several = several
        view.recorded = recorded
    else:
        base = view.base = origin.base
        view.origin = origin
        view.several = several or origin.several
        view.recorded = recorded and origin.recorded
    try:
        known = base._views
    except AttributeError:
        known = base._views = Viewers()
    ref = _ref(tensor)
    known.informed.append(ref)
    known.all.append(ref)
    count = len(known.all)
    if count >= 32 and not count & (count - 1):  # each time that their number has doubled
        known.drop_dead()


def _replace(tensor):
    """Make another tensor with the same memory and history the base in place of this one."""
    base = _twin(tensor)
    base._views = tensor._views
    del tensor._views
    for view in living(base):
        view._view.base = base
    return base


def join(tensor, view):
    """Make a base one of its own views, from now on; an unseen tensor takes its place."""
    view.base = base = _replace(tensor)
    view.recorded = True  # it was a tensor of its own before
    tensor._view = view
    base._views.all.append(_ref(tensor))
    base._views.informed.append(_ref(tensor))


def leave(tensor):
    """Part a tensor, which is about to get other memory, from those that share its memory."""
    view = of(tensor)
    if view is not None:
        node, tensor._view = tensor._node, None  # the history stays, whatever happens to the base
        tensor._history = node
        known = view.base._views
        known.all = [r for r in known.all if r() is not tensor]
        known.informed = [r for r in known.informed if r() is not tensor]
    if living(tensor):
        _replace(tensor)


def forget(base):
    """Take the history away from all views of a base, which got a new one."""
    for view in informed(base):
        del view._history
    if hasattr(base, "_views"):
        base._views.informed.clear()


def renew(tensor):
    """Give a view that forgot its history that of its base, seen through its steps; return it."""
    view = tensor._view
    with modes.enable_grad():
        tensor._history = replay(_twin(view.base), view.chain)._node
    view.base._views.informed.append(_ref(tensor))
    return tensor._history


def _twin(tensor):
    """Return another tensor with the memory and the history of a tensor."""
    twin = new(Tensor)
    twin._array, twin._xp, twin._history = tensor._array, tensor._xp, tensor._node
    return twin


Tensor._renewed, Tensor._leave_memory = renew, leave
Tensor._base = property(lambda self: None if of(self) is None else self._view.base)
Tensor._is_view = lambda self: of(self) is not None


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
