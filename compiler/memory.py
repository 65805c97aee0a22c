"""Memory: which loops may write their result over an input that nobody reads afterwards."""

import numpy as np

from .fusion import Fused
from .steps import Kernel, Operation

__all__ = ["arrays_in", "reuse"]


def reuse(steps, kept, notes):
    """Tell fused steps whose memory they may take.

    An array may be written over when a step of this program made it, no other slot shows its
    memory, no kernel saved it, and the loop is the last to read it.

    Args:
        kept: the numbers of the slots that are read after the steps.
        notes: the NodeNotes of the recorded run.
    """
    makers, last, shown = {}, {}, {}
    for i, step in enumerate(steps):
        for slot in (*step.reads(), *step.outs):
            last[slot.number] = i
            shown.setdefault(_owner(slot.array), set()).add(slot.number)
        makers.update((slot.number, step) for slot in step.outs)
    saved = {key for note in notes.values() for key in note.kept}
    for i, step in enumerate(steps):
        if not isinstance(step, Fused):
            continue
        for slot in step.reads():
            if (last[slot.number] == i and slot.number not in kept
                    and isinstance(makers.get(slot.number), (Fused, Kernel, Operation))
                    and isinstance(slot.array, np.ndarray) and slot.array.base is None
                    and id(slot.array) not in saved and len(shown[id(slot.array)]) == 1
                    and step.take_over(slot)):
                break


def _owner(array):
    while getattr(array, "base", None) is not None:
        array = array.base
    return id(array)


def arrays_in(value):
    """Yield the arrays in nested tuples, lists and dicts."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from arrays_in(item)
    elif isinstance(value, dict):
        yield from arrays_in(list(value.values()))
