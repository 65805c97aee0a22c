"""A compiled function: which program replays a call, when to record one, when to run eagerly."""

import copy
import functools
import warnings

from ..autograd import detours, watching
from ..autograd.composite import _is_expanded
from ..autograd.lowprecision import _in_float32
from ..autograd.overrides import _ask_subclasses
from ..backends import cpu
from .backward import Unconnected
from .chain import Chain, HostCall
from .guards import Guards, Unguarded, facts
from .recording import Recorder, active
from .results import template_of
from .signature import signature

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
        except Unconnected as error:
            program, reason = None, str(error)
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
        found = {id(slot.tensor): slot.tensor for part in recorder.segments()
                 for slot in part.captured}
        calls = [part for part in recorder.parts if isinstance(part, HostCall)]
        if not found.keys() <= guards.tensors.keys():
            reason = reason or "it uses a tensor that no operation made"
        if not all(guards.reach(value) for call in calls for value in call.objects):
            reason = reason or "it goes back or updates by way of an object that it makes"
        if not any(part.steps for part in recorder.segments()):
            reason = reason or "it calls no operation"
        template, problem = template_of(result, recorder, found)
        if reason or problem:
            return None, reason or problem
        return Chain(recorder, template), None

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


def forget_programs():
    """Have every compiled function record anew."""
    global _generation
    _generation += 1
