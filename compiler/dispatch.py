"""A compiled function: which program replays a call, when to record one, when to run eagerly."""

import copy
import functools
import warnings

from ..autograd import Tensor, detours, watching
from ..autograd.composite import _is_expanded
from ..autograd.lowprecision import _in_float32
from ..autograd.overrides import _ask_subclasses
from ..backends import cpu
from .backward import Unconnected
from .guards import Guards, Unguarded, facts
from .program import Program
from .recording import Recorder, active
from .signature import signature
from .slots import Slot, is_plain

__all__ = ["Compiled", "forget_programs"]

_MOST = 8  # programs of one function, as PyTorch's recompile_limit
_ATTEMPTS = 3  # recordings of a call that changes what it reads
# Detours that stay once a program used halves or subclasses, of which the recorder takes none.
_HARMLESS = frozenset((_in_float32, _ask_subclasses))
_generation = 0  # programs made before `reset` are not used


class _Entry:
    """A program and under which circumstances it may replay a call."""

    __slots__ = ("guards", "program", "captured", "arrays", "facts", "same", "generation")

    def __init__(self, guards, program, same):
        self.guards, self.program, self.same = guards, program, same
        self.captured = program.captured
        self.arrays = [t._array for t in self.captured]
        self.facts = [facts(t) for t in self.captured]
        self.generation = _generation

    def fits(self, tensors):
        """Return whether the program does what the function would do."""
        if not self.guards.hold():
            return False
        for i, t in enumerate(self.captured):
            if t._array is not self.arrays[i] or (t._node is None) is not self.facts[i][5]:
                if facts(t) != self.facts[i]:
                    return False
                self.arrays[i] = t._array
        return all(tensors[i] is t for i, t in self.same)


class Compiled:
    """A function that records itself and replays the recording.

    Args:
        function: a function or a module.
        fullgraph: raise where the function cannot be recorded.
        dynamic: accepted; each shape gets a program of its own.
        record: False runs the function as it is.
    """

    enabled = True  # see `torch.compiler.set_stance`

    def __init__(self, function, fullgraph=False, dynamic=None, record=True):
        self._function, self._options = function, (fullgraph, dynamic, record)
        self._fullgraph, self._recorded = fullgraph, record
        self._entries, self._eager, self._count = {}, {}, 0
        functools.update_wrapper(self, function, updated=())
        self._torchdynamo_orig_callable = function

    def __call__(self, *args, **kwargs):
        function = self._function
        if not (self._recorded and self.enabled and _is_plain_run()):
            return function(*args, **kwargs)
        tensors, others = [], []
        try:
            key = signature(args, kwargs, tensors, others)
            entries = self._entries.get(key, ())
        except TypeError:  # an argument that cannot be hashed
            return self._run_eagerly(args, kwargs, "an argument of an unusual type")
        for entry in entries:
            if entry.generation == _generation and entry.fits(tensors):
                return self._replay(entry.program, tensors, args, kwargs)
        if key in self._eager or self._count >= _MOST:
            return self._run_eagerly(args, kwargs, self._eager.get(
                key, f"it was compiled for {_MOST} different signatures or states already"))
        if any(t._xp is not cpu for t in tensors):  # programs are made of loops for the CPU
            return function(*args, **kwargs)
        return self._record(key, tensors, others, args, kwargs)

    def _replay(self, program, tensors, args, kwargs):
        try:
            return program(tensors)
        except Exception:
            if not program.repeatable:
                raise
        return self._function(*args, **kwargs)  # raises the error that names its cause

    def _record(self, key, tensors, others, args, kwargs):
        """Run the function once and keep what it did."""
        try:
            guards = Guards(self._function, *others)
        except Unguarded as error:
            self._eager[key] = str(error)
            return self._run_eagerly(args, kwargs, str(error))
        recorder = Recorder(tensors)
        notes = [len(vars(t)) for t in tensors]
        result = recorder.run(self._function, args, kwargs)
        if recorder.is_refused:
            return result
        if recorder.reason is None and (not guards.hold() or notes != [
                len(vars(t)) for t in tensors] or key != signature(args, kwargs, [], [])):
            return self._changed(key, result)
        try:
            program, reason = self._program(recorder, guards, result)
        except Unconnected:
            program, reason = None, "its graph has nodes that no operation made"
        if program is None:
            self._eager[key] = reason
            self._say(reason)
        else:
            self._count += 1
            same = [(i, t) for i, t in enumerate(tensors) if id(t) in guards.tensors]
            self._entries.setdefault(key, []).append(_Entry(guards, program, same))
        return result

    def _changed(self, key, result):
        """Note that the function changed what it reads; it may have been the first call only."""
        attempts = self._attempts = getattr(self, "_attempts", 0) + 1
        if attempts >= _ATTEMPTS:
            self._eager[key] = "each call changes something that it reads"
            self._say(self._eager[key])
        return result

    def _program(self, recorder, guards, result):
        """Return the program of a finished recording, or why there is none."""
        reason = recorder.reason
        unknown = guards.unknown_code(recorder.codes)
        if reason is None and unknown is not None:
            reason = f"it runs {unknown}, which it does not refer to by name"
        for slot in recorder.captured:
            if id(slot.tensor) not in guards.tensors:
                reason = reason or "it uses a tensor that no operation made"
        if reason is None and not recorder.steps:
            reason = "it calls no operation"
        if reason is None:
            escaping, template, reason = _escaping(recorder, result)
        if reason is not None:
            return None, reason
        return Program(recorder, template, escaping), None

    def _run_eagerly(self, args, kwargs, reason):
        self._say(reason)
        return self._function(*args, **kwargs)

    def _say(self, reason):
        """Raise under fullgraph; else say once why calls are run eagerly."""
        name = getattr(self._function, "__qualname__", type(self._function).__name__)
        if self._fullgraph:
            raise RuntimeError(f"torch.compile: {name} cannot be compiled whole: {reason}")
        if not getattr(self, "_said", False):
            self._said = True
            warnings.warn(f"torch.compile runs {name} eagerly: {reason}", stacklevel=4)

    def __get__(self, instance, owner=None):
        """Compile a method: each instance runs it on its own."""
        return self if instance is None else functools.partial(self, instance)

    def __deepcopy__(self, memo):
        return Compiled(copy.deepcopy(self._function, memo), *self._options)

    def __reduce__(self):
        return Compiled, (self._function, *self._options)


def _is_plain_run():
    """Return whether nothing watches operations: no profiler, no autocast, no recorder."""
    installed = detours.installed
    return (not installed or _HARMLESS.issuperset(installed)) and not watching.is_watching() and (
        not _is_expanded()) and active() is None


def _escaping(recorder, result):
    """Return the slots of the tensors in a result, its template, and what speaks against it."""
    inputs = {s.number for s in recorder.inputs + recorder.captured}
    slots, owners = {}, {}
    problem = []

    def visit(value):
        if isinstance(value, Tensor):
            slot = recorder.known(value)
            if slot is None or type(value) is not Tensor and slot.number not in inputs:
                problem.append("it returns a tensor that no operation made")
                return value
            if slot.number not in slots and slot.number not in inputs:
                owners.setdefault(id(value._xp.owner(value._array)), []).append(slot)
            slots[slot.number] = slot
            return slot
        if type(value) is tuple or hasattr(value, "_fields"):
            items = [visit(item) for item in value]
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        if type(value) is list:
            return [visit(item) for item in value]
        if type(value) is dict:
            return {k: visit(item) for k, item in value.items()}
        if not is_plain(value):
            problem.append(f"it returns a {type(value).__name__}")
        return value

    template = visit(result)
    kept = {id(s.tensor._xp.owner(s.array)) for s in recorder.inputs + recorder.captured}
    kept |= {id(s.tensor._xp.owner(s.array)) for s in recorder.constants()}
    if not kept.isdisjoint(owners):
        problem.append("it returns a view of a tensor that outlives it")
    if any(len(group) > 1 for group in owners.values()):
        problem.append("it returns tensors that share memory")
    if not any(isinstance(s, Slot) for s in slots.values()):
        problem.append("it returns no tensor")
    return list(slots.values()), template, problem[0] if problem else None


def forget_programs():
    """Have every compiled function record anew."""
    global _generation
    _generation += 1
