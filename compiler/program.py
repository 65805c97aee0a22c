"""A program: the steps of a recorded run as one generated function, and one graph node."""

from ..autograd import Tensor, modes
from ..autograd.engine import make_output
from ..autograd.graph import Rule, make_node
from .backward import Backward
from .fusion import Fused, fused_steps
from .memory import reuse
from .pairs import paired_steps
from .source import Source
from .steps import Random, Write

__all__ = ["Program"]


class Program(Rule):
    """What replaces a segment of operations.

    It is the rule of its own graph nodes, whose `saved` are what backward needs, the raw inputs
    and what was drawn at random.

    Args:
        segment: the recorded segment.
        outputs: the slots of the tensors to return.
    """

    name = label = "compiled"
    node_name = "CompiledFunctionBackward"

    def __init__(self, segment, outputs):
        self.inputs = segment.inputs + segment.captured
        self.captured = [slot.tensor for slot in segment.captured]
        self.own, self.xp = outputs, segment.xp
        nodes = [slot.tensor._node for slot in self.inputs]
        leaves = [id(n) for n in nodes if n is not None]
        places = [i for i, n in enumerate(nodes) if n is not None]
        outputs = [slot.tensor._node for slot in self.own]
        self.recording = any(o is not None for o in outputs)
        steps = paired_steps(segment.steps, segment.nodes, [s.number for s in self.own])
        steps = fused_steps(steps, segment.nodes)
        self.backward_of = Backward(steps, segment.nodes, outputs, leaves)
        self.sources = [places[i] for i in self.backward_of.used]
        self.differentiable = [o is not None for o in outputs]
        self.shapes = [(s.array.shape, s.array.dtype) for s in self.own]
        self.steps = _needed(steps, self.own, self.backward_of)
        self.pure = _read(self.steps, self.own)
        self.random = [s for s in self.steps if isinstance(s, Random)]
        self.repeatable = not self.random and not any(isinstance(s, Write) for s in self.steps)
        self.forward = self._written(segment.nodes)
        segment.forget_values()

    # -- forward ----------------------------------------------------------------------------

    def _written(self, notes):
        """Return the generated function: raw inputs -> outputs, saved, drawn."""
        source = Source()
        kept = {s.number for s in (*self.own, *self.inputs)} | self.backward_of.saved | {
            s.outs[0].number for s in self.random}
        reuse(self.steps, kept, notes)
        last = {}
        for i, step in enumerate(self.steps):
            for slot in (*step.reads(), *step.outs):
                last[slot.number] = i
        for i, step in enumerate(self.steps):
            step.write(source)
            spent = {s.number for s in (*step.reads(), *step.outs)
                     if last[s.number] == i and s.number not in kept}
            source.free([f"v{n}" for n in sorted(spent)])
        drawn = [s.outs[0] for s in self.random]
        source.line(f"return {source.tuple_of(self.own)}, "
                    f"({''.join(n + ', ' for n in self.backward_of.names)}), "
                    f"{source.tuple_of(drawn)}")
        return source.function([source.name(slot) for slot in self.inputs])

    def __call__(self, tensors):
        """Return the outputs for the tensors in the segment's inputs."""
        tensors = tensors + self.captured
        arrays = [t._array for t in tensors]
        with self.xp.quiet():
            made, saved, drawn = self.forward(*arrays)
        if self.recording:
            return self._connected(tensors, arrays, made, saved, drawn)
        return [Tensor._wrap(array, self.xp) for array in made]

    def _connected(self, tensors, arrays, made, saved, drawn):
        """Return the outputs as tensors with the one graph node."""
        parents = tuple([tensors[i]._node for i in self.sources])
        kept = (saved, arrays, drawn)
        if len(made) == 1:
            t = Tensor._wrap(made[0], self.xp)
            t._history = make_node(self, parents, kept, made[0], self.xp)
            return [t]
        node = make_node(self, parents, kept, None, self.xp)
        node.shapes = self.shapes
        outputs = [Tensor._wrap(array, self.xp) for array in made]
        for i, t in enumerate(outputs):
            if self.differentiable[i]:
                t._history = make_output(node, i, t._array)
        return outputs

    # -- the rule of its nodes --------------------------------------------------------------

    def named(self, node):
        return {str(i): value for i, value in enumerate(node.saved[0])}

    def backward(self, node, g):
        return self.backward_of(node.saved[0], g if isinstance(g, list) else (g,))

    def graph_backward(self, node, g):
        """Differentiate the steps, run again on Tensors."""
        from ..autograd.grad import grad

        _, arrays, drawn = node.saved
        tensors = {slot.number: Tensor._wrap(a, self.xp) for slot, a in zip(self.inputs, arrays)}
        random = {s.outs[0].number: Tensor._wrap(a, self.xp) for s, a in zip(self.random, drawn)}
        sources = []
        with modes.enable_grad():
            for place, parent in zip(self.sources, node.parents):
                number = self.inputs[place].number
                tensors[number]._node = parent
                tensors[number] = tensors[number].view_as(tensors[number])
                sources.append(tensors[number])
            for step in self.pure:
                step.run(tensors, random)
            pairs = [(tensors[slot.number], gi) for slot, gi in
                     zip(self.own, g if isinstance(g, list) else (g,)) if gi is not None]
            outputs = [t for t, _ in pairs if t._node is not None]
            return grad(outputs, sources, [gi for t, gi in pairs if t._node is not None],
                        create_graph=True, allow_unused=True)


def _needed(steps, outputs, backward):
    """Return the steps without those whose results nobody reads, unless they must run; tell the
    fused ones what is read of theirs."""
    wanted = {s.number for s in outputs} | backward.saved
    kept = []
    for step in reversed(steps):
        if isinstance(step, Fused):
            step.settle(wanted)
            wanted.update(backward.settle(step))
        if step.lasting or any(s.number in wanted for s in step.outs):
            wanted.update(s.number for s in step.reads())
            kept.append(step)
    return kept[::-1]


def _read(steps, outputs):
    """Return the steps that lead to the outputs."""
    wanted, kept = {s.number for s in outputs}, []
    for step in reversed(steps):
        if any(s.number in wanted for s in step.outs):
            wanted.update(s.number for s in step.reads())
            kept.append(step)
    return kept[::-1]
