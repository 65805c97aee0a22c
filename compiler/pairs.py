"""Pairs: two layers that one kernel computes together.

A linear layer whose result only the activation behind it reads becomes `linear_activation`; a sum
and the layer norm behind it become `add_layer_norm`.
"""

from collections import Counter

from ..autograd.engine import make_output
from ..autograd.graph import make_node
from ..backends import kernels
from ..nn.functional.linear import ACTIVATIONS, linear, linear_activation
from ..nn.functional.normalization import add_layer_norm, layer_norm_over
from .segment import NodeNote
from .slots import Slot, filled, slots_in
from .steps import Kernel, Operation, Write

__all__ = ["paired_steps"]


def paired_steps(steps, notes, escaping):
    """Return the steps with pairs of them replaced, and note the graph nodes of the new ones.

    Args:
        notes: the NodeNotes of the recorded run, by id of the node; those of pairs are replaced.
        escaping: the numbers of the slots that the program returns.
    """
    readers = Counter(slot.number for step in steps for slot in step.reads())
    readers.update(escaping)
    own = {id(n.step): (key, n) for key, n in notes.items() if n.index is None}
    result, places = [], {}  # where the step stands that makes a slot
    for step in steps:
        place = places.get(_read(step))
        parts = None if place is None else _parts(result[place], step, readers)
        pair = saved = None
        if parts is not None and _may_stand(place, parts, result, places):
            pair, saved = _pair(*parts, id(step) in own)
        if pair is None:
            places.update((slot.number, len(result)) for slot in step.outs)
            result.append(step)
            continue
        if pair.recording:
            _note(pair, saved, own.get(id(result[place])), own[id(step)], notes)
        places.update((slot.number, place) for slot in pair.outs)
        result[place] = pair
    return result


def _read(step):
    """Return the number of the slot that is a step's first argument, or None."""
    first = step.args[0] if isinstance(step, Kernel) else (
        step.values.get("input") if isinstance(step, Operation) else None)
    return first.number if isinstance(first, Slot) else None


def _may_stand(place, parts, steps, places):
    """Return whether a pair has what it reads where its first step stands."""
    _, args, _ = parts
    return all(places.get(slot.number, -1) < place for slot in slots_in(args)) and not any(
        isinstance(step, Write) for step in steps[place:])


def _parts(first, second, readers):
    """Return composite, arguments and outputs of what stands for two steps, or None."""
    read = first.outs[0]
    if isinstance(first, Kernel) and first.record is linear.op:
        if second.record.name in ACTIVATIONS and readers[read.number] == 1:
            return linear_activation.op, [*first.args, second.record.name], second.outs
    elif isinstance(first, Operation) and first.record.name == "add":
        terms = list(first.values.values())
        if second.record is layer_norm_over.op and all(
                isinstance(t, Slot) and t.array.shape == read.array.shape
                and t.array.dtype is read.array.dtype for t in terms):
            return add_layer_norm.op, [*terms, *second.args[1:]], (read, *second.outs)
    return None


def _pair(record, args, outs, recording):
    """Return the step of a pair, with the kernel that takes it, and the arrays that it may keep
    for backward; None and None where no kernel does."""
    arrays, xp = filled(args, lambda slot: slot.array), outs[0].tensor._xp
    results = [slot.array for slot in outs]
    size = sum(a.size for a in (*arrays, *results) if isinstance(a, xp.array_types))
    for kernel in kernels.find(record.name, xp, size):
        with xp.quiet():
            made = kernel.forward(xp, recording, *arrays)
        if made is not NotImplemented:
            return Kernel(record, kernel, args, outs, recording, xp), (arrays, results, made[1])
    return None, None


def _note(pair, saved, first, second, notes):
    """Put the node of a pair where its steps' nodes, given with their ids, stood."""
    key, last = second
    heads = (None, None) if first is None else first[1].node.parents  # of a sum of constants
    parents = (*heads, *last.node.parents[1:])
    if len(pair.outs) == 1:
        node = make_node(pair.record, parents, saved, pair.outs[0].array, pair.xp)
        node.seq = last.node.seq
        notes[key] = NodeNote(pair, node)
        return
    node = make_node(pair.record, parents, saved, None, pair.xp)
    node.seq = (first or second)[1].node.seq - 0.5  # after both in backward, before all others
    node.shapes = [(slot.array.shape, slot.array.dtype) for slot in pair.outs]
    notes[id(node)] = NodeNote(pair, node)
    for index, replaced in enumerate((first, second)):
        if replaced is not None:
            key, old = replaced
            output = make_output(node, index, pair.outs[index].array)
            output.seq = old.node.seq
            notes[key] = NodeNote(pair, output, index)
