"""Fusion: chains of operations on each element become one generated loop, forward and backward.

Neighbouring steps of one shape whose formulas are element by element form a group. Its forward is
one loop that writes only what others read. Its backward is another: the derivative formulas of
the members in reverse order, over the group's inputs, results and incoming gradients; what lies
between is computed again.
"""

import inspect

import numpy as np

from ..backends import cpu, kernels
from .slots import filled
from .steps import Operation, Step
from .symbols import Functions, NotElementwise, Symbol, Tape

__all__ = ["Fused", "fused_steps"]

_MOST = 24  # members of a group: more values than a processor has registers gain nothing


class Fused(Step):
    """A group of steps as one loop.

    Attributes:
        members: the steps, in order; notes: the notes of their graph nodes, by slot number.
    """

    def __init__(self, members, notes, loop):
        self.members, self.notes, self._loop = members, notes, loop
        self.made = {m.outs[0].number: m for m in members}
        self.shape, self.dtype = members[0].outs[0].array.shape, _dtype(members[0])
        self.layouts = {s.number: _layout(s.array, self.shape, self.dtype)
                        for m in members for s in m.reads() if s.number not in self.made}
        self._truths = {s.number for m in members for s in (*m.reads(), *m.outs)
                        if s.array.dtype.kind == "b"}
        self._slots = {s.number: s for m in members for s in (*m.reads(), *m.outs)}

    def settle(self, needed):
        """Fix what the loop writes: the results of members in `needed`, slot numbers."""
        self.outs = tuple(m.outs[0] for m in self.members if m.outs[0].number in needed)
        self._tape, self._reused = Tape(self.dtype), None
        env = {}
        self._results = [self._value(s.number, self._tape, env) for s in self.outs]

    def take_over(self, slot):
        """Let the first result be written over an input; return whether it fits there."""
        if self.layouts[slot.number] != "full" or slot.array.dtype is not self.dtype or (
                self._results[0].kind == "b"):
            return False
        self._reused = list(self._tape.loads).index(slot.number)
        return True

    def reads(self):
        return [self._slots[n] for n in self._tape.loads]

    def write(self, source):
        loop = self._loop([self.layouts[n] for n in self._tape.loads], self._tape.lines,
                          self._results, self.shape, self.dtype, self._reused)
        given = ", ".join(source.name(slot) for slot in self.reads())
        source.line(f"{source.tuple_of(self.outs)} = {source.constant(loop)}({given})")

    def run(self, tensors, drawn):
        for member in self.members:
            member.run(tensors, drawn)

    def _value(self, number, tape, env, stored=()):
        """Return the symbol of a slot, computed from the inputs and the stored results."""
        if number in env:
            return env[number]
        member = self.made.get(number)
        if member is None or number in stored:
            value = tape.load(number, "b" if number in self._truths else "f")
        else:
            value = _forward(member, tape, lambda s: self._value(s.number, tape, env, stored))
            if (value.kind == "b") is not (number in self._truths):
                raise NotElementwise
        env[number] = value
        return value

    def gradients(self, arriving, wanted):
        """Write the backward loop.

        Args:
            arriving: the numbers of the slots whose gradients come in.
            wanted: from a graph node outside to where its gradient goes, or None.

        Returns:
            The tape; what it loads is ("g", number) or a slot's number. And pairs of a target and
            the symbol of its gradient.
        """
        tape, env, stored = Tape(self.dtype), {}, {s.number for s in self.outs}
        grads = {n: tape.load(("g", n)) for n in arriving}
        inner = {note.node_id: n for n, note in self.notes.items()}
        outer = {}
        for member in reversed(self.members):
            number = member.outs[0].number
            note = self.notes.get(number)
            g = grads.pop(number, None)
            if g is None or note is None:
                continue
            given = filled(note.values, lambda s: self._value(s.number, tape, env, stored))
            for parent, (argument, formula) in zip(note.parents, member.record.vjps.items()):
                if parent is None:
                    continue
                needs = member.record.needs[argument]
                made = formula(*[g if n == "g" else Functions(tape) if n == "xp" else given[n]
                                 for n in needs])
                place, key = (grads, inner[parent]) if parent in inner else (outer, wanted(parent))
                place[key] = place[key] + made if key in place else made
        return tape, list(outer.items())

    def loop(self, tape, results):
        """Return the compiled loop of a tape that `gradients` wrote, for some of its symbols."""
        layouts = ["full" if isinstance(key, tuple) or key in self.made else self.layouts[key]
                   for key in tape.loads]
        return self._loop(layouts, tape.lines, results, self.shape, self.dtype)


def _forward(member, tape, of):
    """Return the symbol of a member's result."""
    formula = inspect.unwrap(member.record.forward)
    values = filled(member.values, of)
    keywords = member.record.signature.keyword_only
    made = formula(Functions(tape), *[v for n, v in values.items() if n not in keywords],
                   **{n: v for n, v in values.items() if n in keywords})
    if not isinstance(made, Symbol):
        raise NotElementwise
    return made


def fused_steps(steps, notes):
    """Return the steps with groups of them replaced by Fused ones.

    Args:
        notes: the NodeNotes of the recorded run.
    """
    if kernels.compiled_from() == float("inf"):
        return steps
    by_slot = {n.step.outs[0].number: n for n in notes.values()
               if isinstance(n.step, Operation) and not n.step.several}
    result, group, produced = [], [], set()

    def close():
        own = {n: by_slot[n] for n in produced if n in by_slot}
        loop = kernels.loops() if len(group) > 1 else None
        result.extend(group if loop is None else [Fused(list(group), own, loop)])
        group.clear()
        produced.clear()

    for step in steps:
        fits = _is_elementwise(step, by_slot)
        if group and (not _goes_with(step, group) if fits else step.lasting or any(
                s.number in produced for s in step.reads())):
            close()
        if fits:
            group.append(step)
            produced.add(step.outs[0].number)
        else:
            result.append(step)
    close()
    return result


def _is_elementwise(step, notes):
    """Return whether a step, and its derivative where one is needed, can be part of a loop."""
    if not isinstance(step, Operation) or step.several or step.record.view or step.xp is not cpu:
        return False
    (out,) = step.outs
    array, dtype = out.array, _dtype(step)
    if not isinstance(array, np.ndarray) or dtype is None or array.dtype.char not in "fd?" or (
            array.size < max(kernels.compiled_from(), 2) or not array.flags.c_contiguous):
        return False
    if any(_layout(s.array, array.shape, dtype) is None for s in step.reads()):
        return False
    single = {} if out.number not in notes else {out.number: notes[out.number]}
    try:
        alone = Fused([step], single, None)
        alone.settle({out.number})
        if single:
            alone.gradients([out.number], lambda parent: parent)
    except Exception:  # whatever the formula asked of a symbol, it is no formula of elements
        return False
    return True


def _goes_with(step, group):
    """Return whether a step can join a group: one shape, one dtype, rows of one length."""
    a, b = step.outs[0].array, group[0].outs[0].array
    dtype = _dtype(step)
    if len(group) >= _MOST or a.shape != b.shape or dtype is not _dtype(group[0]):
        return False
    widths = {s.array.size for m in (*group, step) for s in m.reads()
              if _layout(s.array, a.shape, dtype) == "row"}
    return len(widths) < 2


def _dtype(step):
    """Return the dtype that a step computes in: float32 or float64, or None."""
    return next((s.array.dtype for s in (*step.outs, *step.reads())
                 if s.array.dtype.char in "fd"), None)


def _layout(array, shape, dtype):
    """Return how an array meets the shape of a group: "full", "row", "one", or None."""
    if array.dtype is not dtype and (array.dtype.kind != "b" or array.shape != shape):
        return None
    if array.size == 1:
        return "one"
    if not (array.flags.c_contiguous and array.flags.writeable):
        return None
    if array.shape == shape:
        return "full"
    core = array.shape
    while core and core[0] == 1:
        core = core[1:]
    return "row" if core == shape[len(shape) - len(core):] else None
