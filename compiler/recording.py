"""Recording: run a function eagerly and note what it did, as the steps of a program.

A detour sees every operation, a profile function every call of Python and C functions. What the
recorder does not understand for certain makes it give up and say why (`reason`); the run itself
goes on, and its result is the eager one in any case.
"""

import functools
import gc
import sys
import threading

import numpy as np

from .. import autograd
from ..autograd import (
    Tensor,
    creation,
    detours,
    fills,
    from_data,
    inplace,
    random,
    views,
    writes,
)
from ..autograd import tensor as tensor_module
from ..autograd.checks import CHECKS
from ..autograd.composite import Composite
from ..autograd.engine import OUTPUT
from ..autograd.op import Op
from ..autograd.ops import scalars
from ..backends import kernels
from ..nn.parameter import Buffer, Parameter
from . import steps
from .binding import bound, same_array, saved_by
from .calls import FORBIDDEN, is_library, is_ours, is_trusted, pure, works_for_ember
from .slots import Literal, Slot, Unknown, filled, is_holder, is_plain, template

__all__ = ["NodeNote", "Recorder", "active"]

# Operations whose result has a shape that depends on values.
_SHAPED_BY_VALUES = frozenset(("bincount", "histogramdd"))
_CONSTRUCTORS = {f.__code__: f for f in (
    creation._filled, creation._like, creation.full, creation.full_like, creation.arange,
    creation.linspace, creation.logspace, creation.eye, from_data.tensor)}
_RANDOM = {f.__code__: f for f in (random._new, random._new_like)}
_FILL, _OVERWRITE = fills.fill.__code__, inplace.overwrite.__code__
_SPECIAL = frozenset((*_CONSTRUCTORS, *_RANDOM, _FILL, _OVERWRITE))
_NUMBER = scalars.checked.__code__
_MARK = writes.mark_written.__code__

_current = None  # the recorder at work; one at a time
_lock = threading.Lock()


def active():
    """Return the recorder at work in this thread, or None."""
    if _current is None or _current.thread != threading.get_ident():
        return None
    return _current


class NodeNote:
    """What backward needs of a graph node of the recorded run.

    Attributes:
        step: the step that made it; index: of an output of several, else None.
        node: the node itself, while the program is built.
        values: templates of the values that its formulas name; saved: of `node.saved`.
    """

    def __init__(self, step, node, index=None, values=None, saved=None):
        self.step, self.node, self.index = step, node, index
        self.node_id, self.parents = id(node), [None if p is None else id(p) for p in node.parents]
        self.values, self.saved = values, saved


class Recorder:
    """Notes the steps of one run.

    Attributes:
        steps: the steps so far.
        inputs: the slots of the given tensors; captured: of tensors that were found.
        nodes: a NodeNote for each graph node made, by its id.
        codes: the code objects run that are not ember's.
        reason: why the run cannot be replayed, or None.
        is_refused: whether something else watches the program, so that nothing was recorded.
    """

    def __init__(self, inputs):
        self.steps, self.captured, self.nodes, self.codes = [], [], {}, {}
        self.reason, self.is_refused = None, False
        self.thread = threading.get_ident()
        self._slots, self._arrays, self._literals, self._count = {}, {}, {}, 0
        self._muted, self._pending, self._all, self._keep = 0, [], [], []
        self._skip, self._checking, self._below = None, 0, None
        self._seen = set()
        self.inputs = [self._slot(t) for t in inputs]
        self.outer = {s.number for s in self.inputs}
        self.xp = inputs[0]._xp if inputs else None

    # -- slots ------------------------------------------------------------------------------

    def _slot(self, tensor):
        dtype = tensor._array.dtype
        if type(tensor) not in (Tensor, Parameter, Buffer) or dtype.kind == "V" or (
                dtype.char == "e"):
            self.fail(f"it uses a {type(tensor).__name__} of {tensor.dtype}")
        slot = Slot(self._count, tensor, tensor._array)
        self._count += 1
        self._slots[id(tensor)] = slot
        if not isinstance(tensor._array, np.bool_):  # there are but two, shared by all tensors
            self._arrays[id(tensor._array)] = slot
        self._all.append(slot)
        return slot

    def _array_slot(self, array):
        """Return a slot for a raw array that a kernel left in a holder."""
        slot = Slot(self._count, Tensor._wrap(array, self.xp), array)
        self._count += 1
        self._arrays[id(array)] = slot
        self._all.append(slot)
        return slot

    def slot_of(self, value):
        """Return the slot of a tensor or raw array; None for an array that is not known."""
        if not isinstance(value, Tensor):
            return self._arrays.get(id(value)) or self._literals.get(id(value))
        slot = self._slots.get(id(value))
        if slot is None and value._node is None:
            slot = self._arrays.get(id(value._array))  # a kernel's, wrapped since
        if slot is None:
            slot = self._slot(value)
            self.captured.append(slot)
            self.outer.add(slot.number)
            self.xp = self.xp or value._xp
        return slot

    def known(self, tensor):
        """Return the slot of a tensor that has one, else None."""
        return self._slots.get(id(tensor))

    def constants(self):
        """Return the slots of the tensors that constructors made."""
        return [s.outs[0] for s in self.steps if isinstance(s, steps.Constant)]

    def forget_values(self):
        """Let go of the tensors and graph nodes of the run, when the program is written."""
        for slot in self._all:
            slot.tensor = slot.array = None
        for note in self.nodes.values():
            note.node = None

    def fail(self, reason):
        """Give up; the first reason counts."""
        if self.reason is None:
            self.reason = reason

    # -- the run ----------------------------------------------------------------------------

    def run(self, function, args, kwargs):
        """Call a function, note what it does and return its result."""
        global _current
        watcher = tensor_module.watcher
        with _lock:
            busy = _current is not None or sys.getprofile() is not None or watcher is not None
            if not busy:
                _current = self
        if busy:
            self.is_refused = True
            return function(*args, **kwargs)
        collects = gc.isenabled()  # what callbacks and finalizers do is no part of the program
        gc.disable()
        detours.install(_detour, rank=-10)
        tensor_module.watcher = self._left
        sys.setprofile(self._event)
        try:
            return function(*args, **kwargs)
        finally:
            sys.setprofile(None)
            tensor_module.watcher = None
            detours.remove(_detour)
            _current = None
            if collects:
                gc.enable()

    def _left(self, tensor, what, result=None):
        if active() is self and not self._checking:
            self.fail(f"reads the values of a tensor by {what}")

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
        self._muted += 1
        try:
            result = run()
        finally:
            self._muted -= 1
        several = isinstance(result, tuple)
        tensors = result if several else (result,)
        if not all(isinstance(t, Tensor) for t in tensors):
            self.fail(f"{record.name} gave something that is no tensor")
            return result
        outs = tuple(self._slot(t) for t in tensors)
        step = steps.Operation(
            record, call, raw_template, public, outs, several, tensors[0]._xp)
        self._muted += 1
        self._check(step, tensors)
        self._muted -= 1
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
        step = steps.Kernel(record, kernel, known, (self._slot(result),), node is not None, xp)
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
        self._muted += 1
        try:
            result = call(*args)
        finally:
            self._muted -= 1
        self.steps.append(steps.Alias(source, self._slot(result)))
        return result

    # -- other calls --------------------------------------------------------------------------

    def _event(self, frame, event, arg):
        code = frame.f_code
        if self._below is not None:  # a library at work for ember
            if event == "return" and frame is self._below:
                self._below = None
        elif event == "call":
            if works_for_ember(frame):
                self._below = frame
            else:
                self._called(frame, code)
        elif event == "return":
            if code is _NUMBER and not isinstance(arg, np.bool_) and is_plain(
                    frame.f_locals["value"]):
                self._literals[id(arg)] = Literal(arg)
            if self._pending and self._pending[-1][0] is frame:
                self._returned(frame, code, arg)
            elif is_ours(code, frame.f_globals) and self._is_program(frame.f_back):
                self._handed(frame, arg)
        elif event == "c_call" and not self._muted and self._is_program(frame):
            if not pure(arg):
                self.fail(f"calls {getattr(arg, '__qualname__', arg)}, whose result may depend on "
                          "more than its arguments")

    @staticmethod
    def _is_program(frame):
        """Return whether a frame runs the program's own code."""
        if frame is None or is_ours(frame.f_code, frame.f_globals):
            return False
        return not is_library(frame.f_globals) and not is_trusted(
            frame.f_globals["__name__"])

    def _called(self, frame, code):
        if code in FORBIDDEN and not self._checking:
            self.fail(f"calls {FORBIDDEN[code]}")
        elif code is _MARK:
            if not any(entry[1] in (_OVERWRITE, _FILL) for entry in self._pending):
                self.fail("writes to a tensor in place, otherwise than by a method")
        elif code in _SPECIAL or code in CHECKS:
            if not self._muted:
                self._pending.append((frame, code, dict(frame.f_locals)))
                self._muted += code is not _OVERWRITE
                self._checking += code in CHECKS
        elif code not in self._seen:
            self._seen.add(code)
            if self._is_program(frame):
                self.codes[code] = frame.f_globals.get("__name__", "")
        if is_library(frame.f_globals) and self._is_program(frame.f_back):
            self.fail(f"calls {frame.f_globals['__name__']}.{code.co_name}")

    def _returned(self, frame, code, result):
        _, _, given = self._pending.pop()
        self._muted -= code is not _OVERWRITE
        if code in CHECKS:
            self._checking -= 1
            return self._checked(CHECKS[code], given)
        if self.reason is not None or not isinstance(result, Tensor):
            return
        if code is _OVERWRITE:
            self._overwritten(frame.f_locals["target"], frame.f_locals["result"])
        elif code is _FILL:
            self._filled(given)
        else:
            self._made(code, given, result)

    def _checked(self, function, given):
        try:
            self.steps.append(steps.Check(function, template(given, self.slot_of), self.xp))
        except Unknown as error:
            self.fail(f"{function.__name__} got {error}")

    def _made(self, code, given, result):
        if result._node is not None or given.get("out") is not None:
            return self.fail("makes a tensor with requires_grad or out=")
        if code in _CONSTRUCTORS:
            plain = [v for v in given.values()
                     if not (isinstance(v, Tensor) or callable(v))]
            if not is_plain(plain):
                return self.fail("makes a tensor from data other than numbers")
            self.steps.append(steps.Constant(result._array.copy(), self._slot(result), result._xp))
            return None
        try:
            known = {n: v if callable(v) or isinstance(v, autograd.Generator)
                     else template(v, self.slot_of) for n, v in given.items()}
        except Unknown as error:
            return self.fail(f"draws random numbers with {error}")
        if not _is_closed(given["draw_for"]):
            return self.fail("draws random numbers that depend on a tensor")
        self.steps.append(steps.Call(_RANDOM[code], known, self._slot(result), result._xp))
        return None

    def _filled(self, given):
        tensor = given["tensor"]
        if not _is_closed(given["draw"]):
            return self.fail("draws random numbers that depend on a tensor")
        slot = self.slot_of(tensor)
        if slot.number in self.outer or tensor._node is not None:
            return self.fail("fills a tensor that outlives the call with random numbers")
        if _is_shared(tensor):
            return self.fail("writes to a view in place")
        new = self._slot(tensor)
        if not new.array.flags.c_contiguous:
            return self.fail("fills a strided tensor with random numbers")
        self.steps.append(steps.Draw(given["draw"], given["generator"], new, tensor._xp))
        return None

    def _overwritten(self, target, result):
        """Note an in-place write: a new value under the same tensor, or an effect."""
        slot, value = self.slot_of(target), self.known(result)
        if value is None:
            return self.fail("writes a value of unknown origin in place")
        if slot.number in self.outer:
            if target._node is not None or result._node is not None:
                return self.fail("writes in place to a tensor that outlives the call")
            self.steps.append(steps.Write(slot, value))
            return None
        if _is_shared(target):
            return self.fail("writes to a view in place, or to a tensor that has views")
        self._keep.append(target)
        self._slots[id(target)] = value
        self._arrays[id(target._array)] = value
        return None

    def _handed(self, frame, result):
        """Look at what a function of ember's gives to the program."""
        if isinstance(result, (bool, int, float, complex, np.generic, np.ndarray)):
            name = frame.f_code.co_name
            if name not in _TELLS and not frame.f_globals["__name__"].startswith("ember.nn."):
                self.fail(f"reads a value by {name}()")


# What may tell the program something: facts that the signature of a call implies.
_TELLS = frozenset("""
    size dim numel nelement ndim ndimension stride is_contiguous element_size itemsize nbytes
    storage_offset is_floating_point is_complex is_signed is_tensor is_cuda is_cpu is_mps is_meta
    is_sparse is_quantized requires_grad get_device is_same_size __len__ __eq__ __ne__ __hash__
    __bool__ is_grad_enabled is_inference_mode_enabled is_compiling is_available category
    __index__ __enter__ __exit__ is_autocast_enabled isinstance __contains__ is_storage
    is_conj is_neg is_inference device_count eps max min tiny bits resolution smallest_normal
    to_complex __instancecheck__ training __getitem__ __add__ __radd__ __mul__ count index
""".split())


def _detour(record, call, args, kwargs):
    recorder = active()
    if recorder is None or recorder._muted or recorder.reason is not None:
        return NotImplemented
    return recorder.operation(record, call, args, kwargs)


def _accepts(kernel, xp, raw):
    with xp.quiet():
        return kernel.forward(xp, False, *raw) is not NotImplemented


def _is_closed(function):
    """Return whether a function's closure holds plain values and such functions only."""
    cells = [c.cell_contents for c in function.__closure__ or ()]
    return all(is_plain(v) or isinstance(v, type) or (callable(v) and _is_closed(v))
               for v in cells if not isinstance(v, np.dtype))


def _is_shared(tensor):
    return views.of(tensor) is not None or bool(views.living(tensor))

