"""Fusion: chains of operations on each element become one generated loop, forward and backward.

Neighbouring steps of one shape whose formulas are element by element form a group. Its forward is
one loop that writes only what others read. Its backward is another: the derivative formulas of
the members in reverse order, over the group's inputs, results and incoming gradients; what lies
between is computed again.

A group may also sum up its rows (the last dimension), or everything, and go on with the sums: the
loop goes over each row several times then. A value of a row has the size 1 in the last dimension.
"""

import inspect
import math

from ..backends import cpu, kernels
from .slots import Slot, filled
from .steps import Operation, Step
from .symbols import Functions, NotElementwise, Symbol, Tape

__all__ = ["Fused", "fused_steps"]

_MOST = 24  # members of a group: more values than a processor has registers gain nothing
_NARROWEST = 16  # elements of a row that are worth a loop
_REDUCTIONS = {"sum": "add", "mean": "add", "amax": "maximum", "amin": "minimum"}


class Fused(Step):
    """A group of steps as one loop.

    Attributes:
        members: the steps, in order; notes: the notes of their graph nodes, by slot number.
        width: how many elements make a row, where the group has values of rows, else None.
        wide: for each slot that a member makes, whether it has a value for each element.
        counts: for each slot that a member makes, how many elements are reduced to one, or None.
    """

    def __init__(self, members, notes, loops):
        self.members, self.notes, self._loops = members, notes, loops
        self.made = {m.outs[0].number: m for m in members}
        self.shape, self.dtype = _shape(members[0]), _dtype(members[0])
        self.counts = {n: _width(m) for n, m in self.made.items()}
        self.wide = {n: self.counts[n] is None and m.outs[0].array.shape == self.shape
                     for n, m in self.made.items()}
        self.layouts = {s.number: _layout(s.array, self.shape, self.dtype)
                        for m in members for s in m.reads() if s.number not in self.made}
        self.width = next((w for w in self.counts.values() if w), None)
        if self.width is None and "column" in self.layouts.values():
            self.width = self.shape[-1]
        self._truths = {s.number for m in members for s in (*m.reads(), *m.outs)
                        if s.array.dtype.kind == "b"}
        self._slots = {s.number: s for m in members for s in (*m.reads(), *m.outs)}

    def settle(self, needed):
        """Fix what the loop writes: the results of members in `needed`, slot numbers, and the
        sums that backward may need. Where it looks for the largest elements it must see the same
        ones; computed again they might be rounded differently."""
        kept = set(needed)
        for number, count in self.counts.items() if self.notes else ():
            if count:
                member = self.made[number]
                is_sum = _REDUCTIONS[member.record.name] == "add"
                kept |= {number} if is_sum else {number, member.values["input"].number}
        self.outs = tuple(m.outs[0] for n, m in self.made.items() if n in kept)
        self._tape, self._reused = Tape(self.dtype), None
        env = {}
        self._results = [self._value(s.number, self._tape, env) for s in self.outs]

    def take_over(self, slot):
        """Let the first result be written over an input; return whether it fits there."""
        if self.layouts[slot.number] != "full" or slot.array.dtype is not self.dtype or (
                self._results[0].kind == "b" or self.width is not None):
            return False
        self._reused = list(self._tape.loads).index(slot.number)
        return True

    def reads(self):
        return [self._slots[n] for n in self._tape.loads]

    def write(self, source):
        shapes = [slot.array.shape for slot in self.outs]
        loop = self._compiled(self._tape, self._results, shapes, self._reused)
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
            value = _forward(member, self.counts[number], tape,
                             lambda s: self._value(s.number, tape, env, stored))
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
            The tape; what it loads is ("g", number) or a slot's number. And triples of a target,
            the symbol of its gradient and whether that has a value for each element.
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
            is_wide = self.wide[number] or self.counts[number] is not None
            for parent, made in _passed_on(
                    member, self.counts[number], note, g, tape,
                    lambda s: self._value(s.number, tape, env, stored)):
                if parent not in inner:
                    place, key = outer, (wanted(parent), is_wide)
                else:
                    place, key = grads, inner[parent]
                    if is_wide and not self.wide[key]:
                        made = tape.over_row("add", made)
                place[key] = place[key] + made if key in place else made
        return tape, [(target, made, is_wide) for (target, is_wide), made in outer.items()]

    def needs_loop(self, tape, symbol, is_wide):
        """Return whether a gradient is none of those that a tape loads."""
        loads = {f"x{i}": key for i, key in enumerate(tape.loads)}
        return symbol.name not in loads or (
            self._layout_of(loads[symbol.name]) != ("full" if is_wide else "column"))

    def loop(self, tape, results):
        """Return the compiled loop of a tape that `gradients` wrote.

        Args:
            results: pairs of a symbol and whether it has a value for each element.
        """
        narrow = () if self.width == math.prod(self.shape) else (*self.shape[:-1], 1)
        return self._compiled(tape, [symbol for symbol, _ in results],
                              [self.shape if is_wide else narrow for _, is_wide in results])

    def _layout_of(self, key):
        number = key[1] if isinstance(key, tuple) else key
        if number in self.made:
            return "full" if self.wide[number] else "column"
        return self.layouts[number]

    def _compiled(self, tape, results, shapes, reused=None):
        layouts = [self._layout_of(key) for key in tape.loads]
        given = layouts, tape.lines, results, self.shape, self.dtype
        if self.width is None:
            return self._loops.Loop(*given, reused)
        return self._loops.Sums(*given, shapes, self.width)


def _forward(member, count, tape, of):
    """Return the symbol of a member's result.

    Args:
        count: how many elements it reduces to one, or None; of: from a slot to its symbol.
    """
    if count:
        total = tape.over_row(_REDUCTIONS[member.record.name], of(member.values["input"]))
        return total / count if member.record.name == "mean" else total
    formula = inspect.unwrap(member.record.forward)
    values = filled(member.values, of)
    keywords = member.record.signature.keyword_only
    made = formula(Functions(tape), *[v for n, v in values.items() if n not in keywords],
                   **{n: v for n, v in values.items() if n in keywords})
    if not isinstance(made, Symbol):
        raise NotElementwise
    return made


def _passed_on(member, count, note, g, tape, of):
    """Yield a member's parents and the gradients that they get."""
    if count:
        yield note.parents[0], _spread(member, count, g, tape, of)
        return
    given = filled(note.values, of)
    for parent, (argument, formula) in zip(note.parents, member.record.vjps.items()):
        if parent is not None:
            needs = member.record.needs[argument]
            yield parent, formula(*[
                g if n == "g" else Functions(tape) if n == "xp" else given[n] for n in needs])


def _spread(member, count, g, tape, of):
    """Return what each of the elements that a member reduces gets of the gradient."""
    if member.record.name in ("sum", "mean"):
        return g / count if member.record.name == "mean" else g
    x, out, xp = of(member.values["input"]), of(member.outs[0]), Functions(tape)
    chosen = (x == out) | ((x != x) & (out != out))
    return xp.where(chosen, g / tape.over_row("add", xp.where(chosen, 1.0, 0.0)), 0.0)


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
        loops = kernels.loops() if len(group) > 1 else None
        result.extend(group if loops is None else [Fused(list(group), own, loops)])
        group.clear()
        produced.clear()

    for step in steps:
        joins = bool(group) and _may_join(step) and _agree([*group, step]) and (
            _has_formulas(step, by_slot))
        begins = not joins and _may_begin(step) and _has_formulas(step, by_slot)
        if group and not joins and (begins or step.lasting or any(
                s.number in produced for s in step.reads())):
            close()
        if joins or begins:
            group.append(step)
            produced.add(step.outs[0].number)
        else:
            result.append(step)
    close()
    return result


def _may_join(step):
    return isinstance(step, Operation) and not step.several and not step.record.view and (
        step.xp is cpu and _dtype(step) is not None and step.outs[0].array.dtype.char in "fd?")


def _may_begin(step):
    """Return whether a step is large enough to be the first of a group."""
    return _may_join(step) and math.prod(_shape(step)) >= max(kernels.compiled_from(), 2) and (
        _agree([step]))


def _has_formulas(step, notes):
    """Return whether a step, and its derivative where one is needed, can be part of a loop."""
    if _width(step):
        return True
    (out,) = step.outs
    single = {} if out.number not in notes else {out.number: notes[out.number]}
    try:
        alone = Fused([step], single, None)
        alone.settle({out.number})
        if single:
            alone.gradients([out.number], lambda parent: parent)
    except Exception:  # whatever the formula asked of a symbol, it is no formula of elements
        return False
    return True


def _agree(members):
    """Return whether steps fit one loop: one shape and dtype, and operands that meet it."""
    group = Fused(members, {}, None)
    size, narrow = math.prod(group.shape), (*group.shape[:-1], 1)
    rows = group.width is not None and group.width < size
    if len(members) > _MOST or group.width is not None and group.width < _NARROWEST:
        return False

    def is_narrow(array):
        return array.shape == narrow if rows else group.width is not None and array.size == 1

    def meets(slot, is_wide):
        if slot.number in group.made:
            return is_wide if group.wide[slot.number] else is_narrow(slot.array)
        layout = group.layouts[slot.number]
        return layout == "one" or (rows if layout == "column" else is_wide and layout is not None)

    for m in members:
        out = m.outs[0]
        is_wide = group.wide[out.number] or _width(m) is not None
        if _width(m):
            fits = _width(m) == group.width and _shape(m) == group.shape
        else:
            fits = out.array.flags.c_contiguous and (is_wide or is_narrow(out.array))
        if not (fits and _dtype(m) is group.dtype and all(meets(s, is_wide) for s in m.reads())):
            return False
    widths = {s.array.size for m in members for s in m.reads()
              if group.layouts.get(s.number) == "row"}
    return len(widths) < 2 and (group.width is None or widths <= {group.width})


def _shape(step):
    """Return the shape of a step's elements: of its result, or of what it reduces."""
    return (step.values["input"] if _width(step) else step.outs[0]).array.shape


def _width(step):
    """Return how many elements a reduction of rows, or of everything, makes one; None for other
    steps."""
    values = step.values
    if step.record.name not in _REDUCTIONS or values.get("dtype") is not None or (
            not isinstance(values["input"], Slot)):
        return None
    array, dim = values["input"].array, values.get("dim")
    dims = list(range(array.ndim)) if dim is None or dim == () else (
        [dim] if type(dim) is int else list(dim))
    dims = sorted({d % array.ndim for d in dims}) if array.ndim else []
    if array.dtype.char not in "fd" or not array.flags.c_contiguous or array.size < 2:
        return None
    if dims == list(range(array.ndim)):
        return array.size
    return array.shape[-1] if dims == [array.ndim - 1] and array.shape[-1] > 1 else None


def _dtype(step):
    """Return the dtype that a step computes in: float32 or float64, or None."""
    return next((s.array.dtype for s in (*step.outs, *step.reads())
                 if s.array.dtype.char in "fd"), None)


def _layout(array, shape, dtype):
    """Return how an array meets the shape of a group: "full", "row" (its last dimensions),
    "column" (all but the last), "one", or None."""
    if array.dtype is not dtype and (array.dtype.kind != "b" or array.shape != shape):
        return None
    if array.size == 1:
        return "one"
    if not (array.flags.c_contiguous and array.flags.writeable):
        return None
    if array.shape == shape:
        return "full"
    if array.shape == (*shape[:-1], 1):
        return "column"
    core = array.shape
    while core and core[0] == 1:
        core = core[1:]
    return "row" if core == shape[len(shape) - len(core):] else None
