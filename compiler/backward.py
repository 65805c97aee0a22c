"""Backward of a program: the recorded graph, unrolled into one generated function.

The function is written while the gradients are computed for the first time: what each formula
returns then shows where sums over broadcast axes and casts are needed, so that no later run has
to look.
"""

import itertools
import sys

from ..autograd.engine import fit
from .fusion import Fused
from .slots import slots_in
from .source import Source
from .steps import Kernel

__all__ = ["Backward", "Unconnected", "are_apart"]


class Unconnected(Exception):
    """A graph that no program can have, in words that say why."""


class _Place:
    """Where a gradient goes: what `fit` asks of a node."""

    __slots__ = ("shape", "dtype", "xp")

    def __init__(self, node):
        self.shape, self.dtype, self.xp = node.shape, node.dtype, node.xp


class _Stub:
    """As much of a graph node as the backward of a record reads."""

    __slots__ = ("saved", "parents", "xp", "shapes", "dtype")

    def __init__(self, saved, parents, xp, dtype):
        self.saved, self.parents, self.xp, self.dtype = saved, parents, xp, dtype


class _Node:
    """One graph node of the recorded run, in terms of the program."""

    __slots__ = ("note", "parents", "places", "shapes", "dtype", "xp", "index")

    def __init__(self, note, targets):
        node = note.node
        self.note, self.index = note, note.index
        self.shapes = getattr(node, "shapes", None)
        self.dtype, self.xp = node.dtype, node.xp
        self.places = [None if p is None else _Place(p) for p in node.parents]
        self.parents = []
        for p in node.parents:
            if p is not None and id(p) not in targets:
                raise Unconnected("its graph has nodes that no operation made")
            self.parents.append(None if p is None else targets[id(p)])


class _Group:
    """The graph nodes of a fused step, as one.

    Attributes:
        step: the Fused step.
        places: what `fit` asks of each graph node outside; targets: their places in the program.
    """

    index = None

    def __init__(self, step, nodes, targets):
        self.step = step
        self.places = {id(p): _Place(p) for node in nodes for p in node.parents if p is not None}
        own = {id(node) for node in nodes}
        self.targets = {key: targets[key] for key in self.places if key not in own}
        self.parents = list(self.targets.values())

    def settle(self):
        """Return the numbers of the slots that the backward loop reads."""
        arriving = [s.number for s in self.step.outs if s.number in self.step.notes]
        tape, _ = self.step.gradients(arriving, lambda parent: parent)
        return [key for key in tape.loads if not isinstance(key, tuple)]


class Backward:
    """The gradients of a program.

    Args:
        steps: the program's steps.
        notes: the NodeNotes of the recorded run, by id of the node.
        outputs: the graph node of each output, None where it has none.
        leaves: the ids of the graph nodes of the program's inputs, in their order.

    Attributes:
        saved: the numbers of the slots that it reads.
        used: the numbers of the leaves that gradients reach.
    """

    def __init__(self, steps, notes, outputs, leaves):
        order = _reachable(notes, [o for o in outputs if o is not None], leaves)
        targets = {leaf: ("leaf", i) for i, leaf in enumerate(leaves)}
        groups = {id(member): step for step in steps if isinstance(step, Fused)
                  for member in step.members}
        members = {}
        for number, node in enumerate(order):
            step = notes[id(node)].step
            group = groups.get(id(step))
            if group is not None:
                members.setdefault(group, []).append(node)
                targets.setdefault(id(node), ("member", group, step.outs[0].number))
            targets.setdefault(id(node), ("node", number))
        self.nodes = []
        for node in order:
            group = groups.get(id(notes[id(node)].step))
            if group is None:
                self.nodes.append(_Node(notes[id(node)], targets))
            elif members[group][0] is node:  # the newest of a group stands for all
                self.nodes.append(_Group(group, members[group], targets))
            else:
                self.nodes.append(None)
        self.places = {node.step: i for i, node in enumerate(self.nodes)
                       if isinstance(node, _Group)}
        self.roots = [None if o is None else targets[id(o)] for o in outputs]
        self.used = sorted({p[1] for n in self.nodes if n for p in n.parents
                            if p and p[0] == "leaf"}
                           | {r[1] for r in self.roots if r and r[0] == "leaf"})
        self.saved, self.kernels = set(), []
        for node in self.nodes:
            if not isinstance(node, _Node) or node.index is not None:
                continue
            if isinstance(node.note.step, Kernel):
                self.kernels.append(node.note.step.saved_name())
            self.saved.update(s.number for s in slots_in([node.note.values, node.note.saved]))
        self._functions = {}

    def settle(self, group):
        """Return the slot numbers that a fused step's gradients read, now that it is settled."""
        if group not in self.places:
            return []
        needed = self.nodes[self.places[group]].settle()
        self.saved.update(needed)
        return needed

    @property
    def names(self):
        """The variables of the forward function that backward needs."""
        return [f"v{n}" for n in sorted(self.saved)] + self.kernels

    def __call__(self, saved, gradients):
        """Return the gradients of the used leaves, None where none arrived.

        Args:
            saved: the values of `names`; gradients: of the outputs, None where none arrived.
        """
        pattern = tuple([g is None for g in gradients])
        function = self._functions.get(pattern)
        if function is not None:
            return function(saved, gradients)
        writer = _Writer(self, dict(zip(self.names, saved)))
        result, self._functions[pattern] = writer.write(gradients)
        return result


def _reachable(notes, roots, leaves):
    """Return the graph nodes between roots and leaves, newest first."""
    leaves = set(leaves)
    seen, stack = {}, [r for r in roots if id(r) not in leaves]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        if id(node) not in notes:
            raise Unconnected("its graph has nodes that no operation made")
        seen[id(node)] = node
        parents = notes[id(node)].node.parents
        stack += [p for p in parents if p is not None and id(p) not in leaves]
    return sorted(seen.values(), key=lambda node: node.seq, reverse=True)


def are_apart(notes, outputs, leaves, roots):
    """Return whether two of the outputs share no graph node, nor lie on the way of a third one
    that backward begins at: going back from one of them then leaves the other's graph as it was,
    which one node for both does not.

    Args:
        notes, outputs, leaves: as for Backward.
        roots: the ids of the graph nodes that backward begins at.
    """
    graphs = {id(o): {id(node) for node in _reachable(notes, [o], leaves)} for o in outputs if o}
    wholes = [graph for key, graph in graphs.items() if key in roots]
    return any(a.isdisjoint(b) and not any(a | b <= whole for whole in wholes)
               for a, b in itertools.combinations(graphs.values(), 2))


class _Writer:
    """Computes gradients and writes the function that does it again."""

    def __init__(self, backward, values):
        self.backward, self.values, self.source = backward, values, Source()
        self.have, self.count = {}, 0  # target -> name of its gradient's variable

    def write(self, gradients):
        backward, source = self.backward, self.source
        if backward.names:
            source.line(f"({''.join(n + ', ' for n in backward.names)}) = saved")
        for index, (root, g) in enumerate(zip(backward.roots, gradients)):
            if g is not None and root is not None:
                name = self._named(g, f"gradients[{index}]")
                self._add(root, name)
        for number, node in enumerate(backward.nodes):
            name = self.have.pop(("node", number), None)
            if node is None or name is None:
                continue
            if node.index is not None:
                # one of several outputs: the operation itself is the parent
                self.have.setdefault(node.parents[0], {})[node.index] = name
            elif isinstance(node, _Group):
                self._through_group(node, name)
            else:
                name = self._several(node, name) if isinstance(name, dict) else name
                self._through(node, name)
                del self.values[name]
        names = [self.have.get(("leaf", i)) for i in backward.used]
        source.line(f"return [{', '.join(map(str, names))}]")
        function = source.function(["saved", "gradients"])
        return [None if n is None else self.values[n] for n in names], function

    def _named(self, value, text):
        name = f"g{self.count}"
        self.count += 1
        self.source.line(f"{name} = {text}")
        self.values[name] = value
        return name

    def _value(self, template):
        """Return the value of a template now."""
        from .slots import filled

        return filled(template, lambda slot: self.values[f"v{slot.number}"])

    def _through(self, node, name):
        """Send a gradient through a node to its parents."""
        step, source = node.note.step, self.source
        if isinstance(step, Kernel):
            wanted = [p is not None for p in node.parents]
            grads = step.backward(node.xp, self.values[name],
                                         self.values[step.saved_name()], wanted)
            text = (f"{source.constant(step.backward)}({source.constant(node.xp)}, {name}, "
                    f"{step.saved_name()}, {wanted})")
            self._unpack(node.parents, node.places, grads, text, name)
        elif step.is_large:
            stub = _Stub(self._value(node.note.saved), node.places, node.xp, node.dtype)
            text = (f"{source.constant(step.record.backward)}({source.constant(_Stub)}("
                    f"{source.text(node.note.saved)}, {source.constant(node.places)}, "
                    f"{source.constant(node.xp)}, {source.constant(node.dtype)}), {name})")
            grads = step.record.backward(stub, self.values[name])
            self._unpack(node.parents, node.places, grads, text, name)
        else:
            self._by_formulas(node, step.record, name)

    def _through_group(self, node, names):
        """Send the gradients of a fused step's results through its backward loop."""
        source, step = self.source, node.step
        tape, made = step.gradients(list(names), lambda parent: parent)
        loads = {f"x{i}": names[key[1]] if isinstance(key, tuple) else f"v{key}"
                 for i, key in enumerate(tape.loads)}
        computed = {(s.name, is_wide): (s, is_wide) for _, s, is_wide in made
                    if step.needs_loop(tape, s, is_wide)}
        variables = {}
        if computed:
            loop = step.loop(tape, list(computed.values()))
            given = ", ".join(loads.values())
            for name, value in zip(computed, loop(*[self.values[v] for v in loads.values()])):
                variables[name] = f"g{self.count}"
                self.values[f"g{self.count}"] = value
                self.count += 1
            source.line(f"{''.join(n + ', ' for n in variables.values())}= "
                        f"{source.constant(loop)}({given})")
        for parent, symbol, is_wide in made:  # each a variable of its own, even for one array
            value = variables.get((symbol.name, is_wide)) or loads[symbol.name]
            name = self._named(self.values[value], value)
            self._fit(name, node.places[parent])
            self._add(node.targets[parent], name)
        for name in (*variables.values(), *names.values()):
            source.free([name])
            del self.values[name]

    def _several(self, node, group):
        """Return the name of the list of an operation's several gradients."""
        source, parts, values = self.source, [], []
        for index, (shape, dtype) in enumerate(node.shapes):
            if index in group:
                parts.append(group[index])
                values.append(self.values[group[index]])
            elif isinstance(node.note.step, Kernel):
                parts.append("None")
                values.append(None)
            else:
                zeros = source.constant(node.xp.zeros)
                parts.append(f"{zeros}({source.constant(shape)}, {source.constant(dtype)})")
                values.append(node.xp.zeros(shape, dtype))
        name = self._named(values, f"[{', '.join(parts)}]")
        source.free([group[i] for i in group])
        return name

    def _by_formulas(self, node, record, name):
        source, note, start = self.source, node.note, 0
        special = {"g": (self.values[name], name),
                   "xp": (node.xp, source.constant(node.xp))}
        made = []
        for argument, formula in record.vjps.items():
            count = note.values[argument + "#"] if argument in record.lists else 1
            parents = node.parents[start:start + count]
            places = node.places[start:start + count]
            start += count
            if all(p is None for p in parents):
                continue
            given = [special[n] if n in special
                     else (self._value(note.values[n]), source.text(note.values[n]))
                     for n in record.needs[argument]]
            result = formula(*[value for value, _ in given])
            text = f"{source.constant(formula)}({', '.join(text for _, text in given)})"
            if argument in record.lists:
                made.append((parents, places, list(result), text))
            else:
                made.append((parents, places, [result], f"({text},)"))
        for i, (parents, places, grads, text) in enumerate(made):
            last = name if i == len(made) - 1 else None
            self._unpack(parents, places, grads, text, last)

    def _unpack(self, parents, places, grads, text, spent):
        """Name the gradients that `text` gives, free the one it took, and pass them on."""
        grads = list(grads)
        names = [f"g{self.count + i}" for i in range(len(grads))]
        self.count += len(grads)
        if len(grads) == 1 and text[0] == "(" and text[-2:] == ",)":
            self.source.line(f"{names[0]} = {text[1:-2]}")
        else:
            self.source.line(f"{''.join(n + ', ' for n in names)}= {text}")
        self.values.update(zip(names, grads))
        if spent is not None:
            self.source.free([spent])
        idle = [n for n, p, g in zip(names, parents, grads) if p is None or g is None]
        self.source.free(idle)
        for name, parent, place, g in zip(names, parents, places, grads):
            if parent is not None and g is not None:
                self._fit(name, place)
                self._add(parent, name)

    def _fit(self, name, place):
        g = self.values[name]
        if place.shape is not None and (g.shape != place.shape or g.dtype is not place.dtype):
            self.values[name] = fit(g, place)
            self.source.line(f"{name} = {self.source.constant(fit)}({name}, "
                             f"{self.source.constant(place)})")

    def _add(self, target, name):
        table = self.have
        if target[0] == "member":  # one of several results of a fused step
            _, group, target = target
            table = table.setdefault(("node", self.backward.places[group]), {})
        have = table.get(target)
        if have is None:
            table[target] = name
            return
        self.values[have] = self.values[have] + self.values[name]
        if self.values[have].ndim:
            self.source.line(f"{have} = {self.source.constant(_sum)}({have}, {name})")
        else:
            self.source.line(f"{have} = {have} + {name}")
        self.source.free([name])
        del self.values[name]


def _sum(have, g):
    """Return have + g, in place where only the calling function refers to `have`."""
    if (sys.getrefcount(have) == 3 and have.base is None and have.flags.c_contiguous
            and have.dtype is g.dtype and have.ndim):
        have += g
        return have
    return have + g
