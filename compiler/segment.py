"""A segment: the operations that run between two calls of the host, noted as steps of a program."""

import functools

import numpy as np

from ..autograd import Tensor
from ..autograd.composite import Composite
from ..autograd.engine import OUTPUT
from ..autograd.op import Op
from ..backends import kernels
from ..nn.parameter import Buffer, Parameter
from . import steps
from .binding import bound, same_array, saved_by
from .memory import arrays_in
from .slots import Slot, Unknown, filled, is_holder, template

__all__ = ["NodeNote", "Segment"]

# Operations whose result has a shape that depends on values.
_SHAPED_BY_VALUES = frozenset(("bincount", "histogramdd"))


class NodeNote:
    """What backward needs of a graph node of the recorded run.

    Attributes:
        step: the step that made it; index: of an output of several, else None.
        node: the node itself, while the program is built.
        values: templates of the values that its formulas name; saved: of `node.saved`.
        kept: the ids of the arrays that a kernel saved.
    """

    def __init__(self, step, node, index=None, values=None, saved=None):
        self.step, self.node, self.index = step, node, index
        self.node_id, self.parents = id(node), [None if p is None else id(p) for p in node.parents]
        self.values, self.saved = values, saved
        self.kept = {id(a) for a in arrays_in(node.saved)} if isinstance(
            step, steps.Kernel) else set()


class Segment:
    """Steps, and the slots of the tensors that they read and make.

    Args:
        recorder: the recorder, which knows where tensors from outside come from.

    Attributes:
        steps: the steps so far; nodes: a NodeNote for each graph node made, by its id.
        inputs: the slots of tensors that differ from call to call; sources: the slots of the
            arguments, or of earlier segments, that they are.
        captured: the slots of tensors that were found.
        outer: the numbers of both; literals: NumPy scalars that stand for numbers, by id.
    """

    def __init__(self, recorder):
        self.recorder, self.fail, self.xp = recorder, recorder.fail, None
        self.steps, self.nodes, self.literals = [], {}, {}
        self.inputs, self.sources, self.captured, self.outer = [], [], [], set()
        self._slots, self._arrays, self._held = {}, {}, {}
        self._all, self._skip = [], None

    # -- slots ------------------------------------------------------------------------------

    def add(self, tensor):
        """Return a new slot for a tensor."""
        dtype = tensor._array.dtype
        if type(tensor) not in (Tensor, Parameter, Buffer) or dtype.kind == "V" or (
                dtype.char == "e"):
            self.fail(f"it uses a {type(tensor).__name__} of {tensor.dtype}")
        slot = self._new(tensor, tensor._array)
        self.xp = self.xp or tensor._xp
        self._slots[id(tensor)] = slot
        if not isinstance(tensor._array, np.bool_):  # there are but two, shared by all tensors
            self._arrays[id(tensor._array)] = slot
        return slot

    def _new(self, tensor, array):
        slot = Slot(next(self.recorder.numbers), tensor, array)
        self._all.append(slot)
        return slot

    def _array_slot(self, array):
        """Return a slot for a raw array that a kernel left in a holder."""
        slot = self._new(Tensor._wrap(array, self.xp), array)
        self._arrays[id(array)] = self._held[id(array)] = slot
        return slot

    def slot_of(self, value):
        """Return the slot of a tensor or raw array; None for an array that is not known."""
        if not isinstance(value, Tensor):
            return self._arrays.get(id(value)) or self.literals.get(id(value))
        slot = self._slots.get(id(value))
        if slot is None and value._node is None:
            slot = self._arrays.get(id(value._array))  # a kernel's, wrapped since
        if slot is None:
            slot = self.add(value)
            self.outer.add(slot.number)
            source = self.recorder.origin(value)
            if source is None:
                self.captured.append(slot)
            else:
                self.inputs.append(slot)
                self.sources.append(source)
        return slot

    def known(self, tensor):
        """Return the slot of a tensor that has one, else None."""
        return self._slots.get(id(tensor))

    def rename(self, target, value):
        """Have a tensor, written in place, stand for the value in another slot from now on."""
        self._new(target, target._array)  # which keeps its id from being used again
        self._slots[id(target)] = value
        self._arrays[id(target._array)] = value

    def made(self):
        """Return the slots of what was made here, by the ids of tensors and kernels' arrays."""
        return self._held | {key: slot for key, slot in self._slots.items()
                             if slot.number not in self.outer}

    def constants(self):
        """Return the slots of the tensors that constructors made."""
        return [s.outs[0] for s in self.steps if isinstance(s, steps.Constant)]

    def forget_values(self):
        """Let go of the tensors and graph nodes of the run, when the program is written."""
        for slot in self._all:
            slot.tensor = slot.array = None
        for note in self.nodes.values():
            note.node = None

    # -- operations -------------------------------------------------------------------------

    def operation(self, record, call, args, kwargs):
        """Run an operation and note it."""
        if self._skip is call:  # the recorder's own call of a composite
            self._skip = None
            return NotImplemented
        if kwargs.get("out") is not None or record.name in _SHAPED_BY_VALUES:
            self.fail(f"{record.name} " + ("with out=" if "out" in kwargs else "of values"))
            return NotImplemented
        kwargs = {k: v for k, v in kwargs.items() if k != "out"}
        try:
            if isinstance(record, Composite):
                return self._composite(record, call, args, kwargs)
            if not isinstance(record, Op):
                return self._detach(call, args)
            if hasattr(call, "is_raw"):
                values = dict(zip(record.signature.names, args), **kwargs)
                return self._noted(record, record.call, values, values,
                                   lambda: call(*args, **kwargs))
            public, raw = bound(record, args, kwargs)
            return self._noted(record, call, public, raw,
                               lambda: steps.called(record, call, public))
        except Unknown as error:
            self.fail(f"{record.name} got {error}")
            return NotImplemented

    def _noted(self, record, call, public, raw, run):
        """Run an operation, make its step, check it and note the graph nodes."""
        raw_template = template(raw, self.slot_of)
        public = template(public, self.slot_of)
        self.recorder.muted += 1
        try:
            result = run()
        finally:
            self.recorder.muted -= 1
        several = isinstance(result, tuple)
        tensors = result if several else (result,)
        if not all(isinstance(t, Tensor) for t in tensors):
            self.fail(f"{record.name} gave something that is no tensor")
            return result
        outs = tuple(self.add(t) for t in tensors)
        step = steps.Operation(
            record, call, raw_template, public, outs, several, tensors[0]._xp)
        self.recorder.muted += 1
        self._check(step, tensors)
        self.recorder.muted -= 1
        self.steps.append(step)
        for index, t in enumerate(tensors):
            self._note_node(step, t, index if several else None)
        return result

    def _check(self, step, tensors):
        """Compare the forward on raw arrays with what the operation gave."""
        values = filled(step.values, lambda slot: slot.array)
        forward = functools.partial(step.record.forward, step.xp)
        with step.xp.quiet():
            names = steps.by_name(step.record)
            raw = forward(*[v for n, v in values.items() if n not in names],
                          **{n: v for n, v in values.items() if n in names})
        for have, t in zip(raw if step.several else (raw,), tensors):
            if not same_array(have, t._array):
                self.fail(f"{step.record.name} does more than its record says")

    def _note_node(self, step, tensor, index):
        node = tensor._node
        if node is None:
            return
        if index is not None and node.op is OUTPUT:
            self.nodes[id(node)] = NodeNote(step, node, index)
            node = node.parents[0]
        elif index is not None:
            self.fail(f"{step.record.name} has an unusual graph node")
            return
        if id(node) in self.nodes:
            return
        if node.dtype is not None and node.dtype.kind == "c":
            self.fail("it differentiates complex numbers")
            return
        if node.op is not step.record:
            self.fail(f"{step.record.name} has an unusual graph node")
            return
        try:
            values, saved = saved_by(step, node, self._arrays)
            self.nodes[id(node)] = NodeNote(step, node, None,
                                            template(values, self._saved_slot),
                                            template(saved, self._saved_slot))
        except Unknown as error:
            self.fail(f"{step.record.name} saves {error}")

    def _saved_slot(self, value):
        return self._arrays.get(id(value)) if not isinstance(value, Tensor) else None

    def _composite(self, record, call, args, kwargs):
        """Run a composite; note its kernel, or else the operations of its composition."""
        args = record.bind(args, kwargs)
        if not any(isinstance(a, Tensor) for a in args):
            return NotImplemented
        before, known = len(self.steps), template(args, self.slot_of)
        self._skip = call
        result = call(*args)
        self._skip = None
        if isinstance(result, tuple):
            self.fail(f"{record.name} gives several results")
            return result
        if len(self.steps) > before or self.known(result) is not None:
            return result
        xp, node = result._xp, result._node
        raw = [a._array if isinstance(a, Tensor) else a for a in args]
        if node is not None and node.op is record:
            kernel = node.saved[0]
        else:
            size = sum(a._array.size for a in args if isinstance(a, Tensor))
            kernel = next((k for k in kernels.find(record.name, xp, size)
                           if _accepts(k, xp, raw)), None)
        if kernel is None or node is not None and node.op is not record:
            self.fail(f"{record.name} was computed in an unknown way")
            return result
        step = steps.Kernel(record, kernel, known, (self.add(result),), node is not None, xp)
        for holder in args:
            if is_holder(holder):
                step.found = [(name, self._array_slot(getattr(holder, name)))
                              for name in holder.__slots__]
        self.steps.append(step)
        if node is not None:
            self.nodes[id(node)] = NodeNote(step, node)
        return result

    def _detach(self, call, args):
        source = self.slot_of(args[0])
        self.recorder.muted += 1
        try:
            result = call(*args)
        finally:
            self.recorder.muted -= 1
        self.steps.append(steps.Alias(source, self.add(result)))
        return result


def _accepts(kernel, xp, raw):
    with xp.quiet():
        return kernel.forward(xp, False, *raw) is not NotImplemented
