"""The steps of a program: each knows how to write itself as a line of Python over raw arrays, and
how to run on Tensors, which double backward needs.
"""

import inspect

from ..autograd import Tensor, writes
from ..autograd.composite import expand
from ..autograd.generator import stream_of
from ..backends import kernels
from . import declined
from .slots import Holder, Slot, filled, slots_in

__all__ = ["Alias", "Call", "Constant", "Draw", "Kernel", "Operation", "Write"]


class Step:
    """One step. Attributes: `outs`, the slots it fills; `node`, what backward knows of it."""

    node = None
    outs: tuple = ()
    lasting = False  # whether it must run even when nobody reads what it makes

    def reads(self):
        """Return the slots that the step's line reads."""
        return []

    def write(self, source):
        """Add the step's lines to a source (`sources.Source`)."""
        raise NotImplementedError

    def run(self, tensors, drawn):
        """Do the same on Tensors by slot number, with random numbers as they were `drawn`."""
        raise NotImplementedError


class Operation(Step):
    """A call of an operation's forward on raw arrays; on Tensors, of its public function."""

    def __init__(self, record, call, values, public, outs, several, xp):
        self.record, self.call, self.values, self.public = record, call, values, public
        self.outs, self.several, self.xp = outs, several, xp
        self.is_large = record.compiled and max(
            [s.array.size for s in (*outs, *self.reads())]) >= kernels.compiled_from()

    def reads(self):
        return list(slots_in(self.values))

    def write(self, source):
        forward = self.record.forward  # of a small array, without the look for a kernel
        forward = source.constant(forward if self.is_large else inspect.unwrap(forward))
        keywords = by_name(self.record)
        given = [f"{name}={source.text(value)}" if name in keywords else source.text(value)
                 for name, value in self.values.items()]
        call = f"{forward}({', '.join([source.constant(self.xp), *given])})"
        targets = ", ".join(source.name(slot) for slot in self.outs)
        source.line(f"{targets}{',' if self.several else ''} = {call}")

    def run(self, tensors, drawn):
        values = filled(self.public, lambda slot: tensors[slot.number])
        result = called(self.record, self.call, values)
        for slot, tensor in zip(self.outs, result if self.several else (result,)):
            tensors[slot.number] = tensor


def called(record, call, values):
    """Call a function with the arguments of a record's forward, by name."""
    keywords = record.signature.keyword_only
    return call(*[v for n, v in values.items() if n not in keywords],
                **{n: v for n, v in values.items() if n in keywords})


def by_name(record):
    """Return which arguments a record's forward gets by name, as its template gives them."""
    names, signature = record.signature.names, record.signature
    general = not (record.alone or names == ("input",) or names == ("input", "other")) or (
        record.view or record.lists or record.several)
    return names[1:] if general else signature.keyword_only


class Kernel(Step):
    """A composite's kernel; what it saves goes to backward as it is.

    A kernel with several results gives them as a tuple.

    Attributes:
        found: pairs of attribute and slot, of the arrays that the kernel leaves in a holder.
    """

    found: list = []

    def __init__(self, record, kernel, args, outs, recording, xp):
        self.record, self.args, self.outs = record, args, outs
        self.recording, self.xp = recording, xp
        self.forward = declined.forward(record.composition, kernel.forward)
        self.backward = declined.backward(kernel.backward)

    def reads(self):
        return list(slots_in(self.args))

    def write(self, source):
        given = ", ".join(map(source.text, self.args))
        for arg in self.args:
            if isinstance(arg, Holder):
                source.line(f"holder = {source.constant(arg.cls)}()")
        saved = self.saved_name() if self.recording else "_"
        made = source.name(self.outs[0]) if len(self.outs) == 1 else source.tuple_of(self.outs)
        source.line(f"{made}, {saved} = "
                    f"{source.constant(self.forward)}({source.constant(self.xp)}, "
                    f"{self.recording}, {given})")
        for name, slot in self.found:
            source.line(f"{source.name(slot)} = holder.{name}")

    def saved_name(self):
        """Return the name of what the kernel saves."""
        return f"saved{self.outs[0].number}"

    def run(self, tensors, drawn):
        args = filled(self.args, lambda slot: tensors[slot.number])
        with expand():
            made = self.record.composition(*args)
        for slot, tensor in zip(self.outs, (made,) if len(self.outs) == 1 else made):
            tensors[slot.number] = tensor


class Alias(Step):
    """The same array, cut off from its history."""

    def __init__(self, source, out):
        self.source, self.outs = source, (out,)

    def reads(self):
        return [self.source]

    def write(self, source):
        source.line(f"{source.name(self.outs[0])} = {source.name(self.source)}")

    def run(self, tensors, drawn):
        tensors[self.outs[0].number] = tensors[self.source.number].detach()


class Constant(Step):
    """A tensor that a constructor (`zeros`, `arange`) made from plain arguments."""

    def __init__(self, array, out, xp):
        self.array, self.outs, self.xp = array, (out,), xp

    def write(self, source):
        source.line(f"{source.name(self.outs[0])} = {source.constant(self.array)}")

    def run(self, tensors, drawn):
        tensors[self.outs[0].number] = Tensor._wrap(self.array, self.xp)


class Random(Step):
    """A step whose result is drawn anew each time."""

    lasting = True

    def run(self, tensors, drawn):
        (slot,) = self.outs
        tensors[slot.number] = drawn[slot.number]


class Draw(Random):
    """What an in-place random fill writes: `draw(stream, count, contiguous)`."""

    def __init__(self, draw, generator, out, xp):
        self.draw, self.generator, self.outs, self.xp = draw, generator, (out,), xp
        self.shape, self.size = out.array.shape, out.array.size

    def write(self, source):
        source.line(f"{source.name(self.outs[0])} = {source.constant(self._drawn)}()")

    def _drawn(self):
        values = self.draw(stream_of(self.generator, self.xp), self.size, True)
        return self.xp.from_host(values.reshape(self.shape))


class Call(Random):
    """A call of one of the functions that make random tensors."""

    def __init__(self, function, arguments, out, xp):
        self.function, self.arguments, self.outs, self.xp = function, arguments, (out,), xp

    def reads(self):
        return list(slots_in(self.arguments))

    def write(self, source):
        source.line(f"{source.name(self.outs[0])} = {source.constant(self.function)}("
                    f"{_given_as_tensors(source, self.arguments, self.xp)})._array")


class Check(Step):
    """A call of a function that raises for certain values and does nothing else."""

    lasting = True

    def __init__(self, function, arguments, xp):
        self.function, self.arguments, self.xp = function, arguments, xp

    def reads(self):
        return list(slots_in(self.arguments))

    def write(self, source):
        source.line(f"{source.constant(self.function)}("
                    f"{_given_as_tensors(source, self.arguments, self.xp)})")

    def run(self, tensors, drawn):
        """Do nothing: the values were good when the program ran."""


def _given_as_tensors(source, arguments, xp):
    """Return the text of keyword arguments in which slots become tensors."""
    wrap, xp = source.constant(Tensor._wrap), source.constant(xp)
    return ", ".join(
        f"{name}={wrap}({source.name(value)}, {xp})" if isinstance(value, Slot)
        else f"{name}={source.text(value)}" for name, value in arguments.items())


class Write(Step):
    """The only effect: an in-place write of a tensor without history that outlives the call."""

    lasting = True

    def __init__(self, target, value):
        self.target, self.value = target, value

    def reads(self):
        return [self.target, self.value]

    def write(self, source):
        source.line(f"{source.name(self.target)}[...] = {source.name(self.value)}")
        source.line(f"{source.constant(writes.mark_written)}({source.name(self.target)})")

    def run(self, tensors, drawn):
        """Leave the memory alone: it was written when the program ran."""
