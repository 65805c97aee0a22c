"""A chain: programs, and between them the calls of the host that a replay makes as they stand.

A training step is more than operations on tensors: backward fills `.grad`, an optimizer keeps
state, a schedule changes it. Such calls are made again at each replay, with the very objects of
the recorded run, which guards watch, and with the tensors that the programs made. So learning
rates, accumulated gradients and state are what they are when the function itself runs.
"""

import inspect

from ..autograd import Tensor
from ..nn.modules.module import Module
from .backward import Unconnected, are_apart
from .calls import HOST
from .program import Program
from .results import rebuilt
from .slots import PLAIN, Slot, Unknown, slots_in
from .source import Source

__all__ = ["Chain", "HostCall"]


class _Parameters:
    """What `module.parameters()` yields, each time anew."""

    def __init__(self, module, recurse):
        self.module, self.recurse = module, recurse

    def __iter__(self):
        return self.module.parameters(self.recurse)


class HostCall:
    """A call of one of the functions in HOST.

    Args:
        frame: of the call, as it begins.
        origin: returns the slot of a tensor that this run was given or made, None for others.

    Attributes:
        out: the slot of the tensor that it returns, or None.
        objects: what the call needs besides numbers and such tensors.

    Raises:
        Unknown: for an argument that cannot be given again.
    """

    def __init__(self, frame, origin):
        code, given = frame.f_code, frame.f_locals
        self.function, self.out, self.objects, self._origin = HOST[code], None, [], origin
        args, kwargs = tuple([given[n] for n in code.co_varnames[:code.co_argcount]]), {}
        if code.co_flags & inspect.CO_VARARGS:  # an optimizer's step with the hooks around it
            args, kwargs = given["args"], given["kwargs"]
            self.function = type(args[0]).step
        self.args = self._template(args)
        self.kwargs = {name: self._template(value) for name, value in kwargs.items()}

    def _template(self, value):
        if isinstance(value, PLAIN):
            return value
        if type(value) in (tuple, list):
            return type(value)([self._template(item) for item in value])
        if inspect.isgenerator(value):
            if value.gi_code is not Module.parameters.__code__ or (
                    inspect.getgeneratorstate(value) != inspect.GEN_CREATED):
                raise Unknown("a generator")
            module, recurse = value.gi_frame.f_locals["self"], value.gi_frame.f_locals["recurse"]
            self.objects.append(module)
            return _Parameters(module, recurse)
        slot = self._origin(value) if isinstance(value, Tensor) else None
        if slot is None:
            self.objects.append(value)
        return slot or value

    def reads(self):
        """Return the slots that the call reads."""
        return list(slots_in([self.args, self.kwargs]))

    def write(self, source):
        """Add the line of the call to a source."""
        target = "" if self.out is None else f"{source.name(self.out)} = "
        source.line(f"{target}{source.constant(self.function)}(*{source.text(self.args)}, "
                    f"**{source.text(self.kwargs)})")


class Chain:
    """What replaces a function for one signature.

    Args:
        recorder: the finished recorder.
        result: the template of the function's result.

    Attributes:
        captured: the tensors that the segments found.
        repeatable: whether the function may run again after the chain failed.
        programs: the programs.
    """

    def __init__(self, recorder, result):
        parts = [part for part in recorder.parts if isinstance(part, HostCall) or part.steps]
        wanted, roots = {s.number for s in slots_in([result])}, set()
        for part in parts:
            wanted.update(s.number for s in _read(part))
            if isinstance(part, HostCall):
                roots.update(id(s.tensor._node) for s in part.reads())
        source, found, self.programs = Source(), {}, []
        for part in parts:
            if isinstance(part, HostCall):
                part.write(source)
                continue
            found.update((id(slot.tensor), slot.tensor) for slot in part.captured)
            made = [s for n, s in sorted((s.number, s) for s in set(part.made().values()))
                    if n in wanted]
            if len(parts) > 1:
                _look_for_separate_graphs(part, made, roots)
            self.programs.append(Program(part, made))
            source.line(f"{source.tuple_of(made)} = {source.constant(self.programs[-1])}("
                        f"[{', '.join(map(source.name, part.sources))}])")
        source.line(f"return {_returned(source, result)}")
        self.captured = list(found.values())
        self.repeatable = len(parts) == 1 and self.programs[0].repeatable
        self._function = source.function([source.name(slot) for slot in recorder.arguments])
        recorder.forget_values()

    def __call__(self, tensors):
        """Return the function's result for tensors of the recorded signature."""
        return self._function(*tensors)


def _read(part):
    return part.reads() if isinstance(part, HostCall) else part.sources


def _look_for_separate_graphs(segment, made, roots):
    nodes = [slot.tensor._node for slot in segment.inputs + segment.captured]
    leaves = [id(node) for node in nodes if node is not None]
    if are_apart(segment.nodes, [slot.tensor._node for slot in made], leaves, roots):
        raise Unconnected("it computes results that share no graph before it goes back")


def _returned(source, result):
    """Return an expression for a function's result."""
    if isinstance(result, Slot):
        return source.name(result)
    tensors = ", ".join(f"{slot.number}: {source.name(slot)}" for slot in slots_in(result))
    return f"{source.constant(rebuilt)}({source.constant(result)}, {{{tensors}}})"
