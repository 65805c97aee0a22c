"""What a drawn graph shows: boxes and edges, folded so that a person can read them.

Folding happens in steps: long chains of one operation lose their middle, nodes made inside a
module's call become that module's box (`depth` says how many levels are opened), equal modules
in a row become one box "×12", and of what is still too much to draw the oldest part becomes one
box. All of it is iterative and linear in the number of nodes.
"""

import numpy as np

from .graph import AccumulateGrad, OutputNode
from .tensor import Tensor

__all__ = ["Box", "Picture", "short"]

CHAIN = 6  # a run of one operation longer than this is folded
LIMIT = 400  # boxes drawn at most


class Box:
    """One box of the picture.

    Attributes:
        kind: "op", "leaf", "parameter", "module" or "fold".
        nodes: the graph nodes it stands for, newest first.
        label: operation or module; name: the caller's variable.
        inputs: boxes it gets data from, in order of the operands.
        count: how many equal ones it stands for.
        note: shape, dtype, number of parameters.
    """

    def __init__(self, kind, nodes, label, inputs=()):
        self.kind = kind
        self.nodes = nodes
        self.label = label
        self.inputs = list(inputs)
        self.name = self.note = self.value = self.gradient = ""
        self.constant = None
        self.count = 1
        self.is_result = False


class Picture:
    """The boxes of the graph that ends in a node, inputs first.

    Args:
        root: the last node.
        names: of the caller's tensors, by node.
        depth: how many levels of modules are opened; None opens all.
        values, gradients: functions from a node to a short text.
    """

    def __init__(self, root, names, depth, values, gradients):
        self.names, self.values, self.gradients = names, values, gradients
        nodes = _reachable(root)
        fold_of = {} if depth is None else _module_of_each(nodes, depth)
        self._chains = _long_chains(nodes, names, fold_of)
        if self._chains:
            nodes = self._without_middles(nodes)
        boxes = _fold_middle(_merge_rows(self._boxes(nodes, fold_of)))
        self.boxes = _in_order(boxes)
        self.boxes[-1].is_result = True

    def _inputs(self, node):
        """Return the nodes a node gets data from; for a folded chain, those of its oldest."""
        if node in self._chains:
            node = self._chains[node][1]
        return _parents(node)

    def _without_middles(self, nodes):
        """Leave out the nodes that folded chains stand for."""
        kept, stack = {nodes[0]}, [nodes[0]]
        while stack:
            for parent in self._inputs(stack.pop()):
                if parent not in kept:
                    kept.add(parent)
                    stack.append(parent)
        return [node for node in nodes if node in kept]

    def _boxes(self, nodes, fold_of):
        """Return boxes, inputs first; leaves used inside one module only are left out."""
        box_of, boxes, users = {}, [], {}
        for node in nodes:
            for parent in self._inputs(node):
                users.setdefault(parent, set()).add(fold_of.get(node, node))
        for node in reversed(nodes):
            if type(node) is AccumulateGrad:
                inside = users.get(node, set())
                if len(inside) == 1 and type(next(iter(inside))) is _Call:
                    next(iter(inside)).parameters.append(node)
                    continue
                box = self._leaf(node)
            elif node in fold_of:
                call = fold_of[node]
                if call.box is None:
                    call.box = Box("module", [], call.label())
                    boxes.append(call.box)
                box = call.box
                box.nodes.insert(0, node)
                box_of[node] = box
                continue
            else:
                box = self._operation(node)
            box_of[node] = box
            boxes.append(box)
        for node in reversed(nodes):
            box = box_of.get(node)
            if box is None:
                continue
            for parent in self._inputs(node):
                source = box_of.get(parent)
                if source is not None and source is not box:
                    box.inputs.append(source)
        for call in {id(c): c for c in fold_of.values()}.values():
            call.finish(self)
        return boxes

    def _leaf(self, node):
        t = node.ref()
        kind = "parameter" if t is not None and type(t) is not Tensor else "leaf"
        return self._describe(Box(kind, [node], ""), node)

    def _operation(self, node):
        if node in self._chains:
            box = Box("fold", [node], node.op.label)
            box.count = self._chains[node][0]
            return box
        box = self._describe(Box("op", [node], node.op.label), node)
        box.constant = getattr(node, "constant", None)
        return box

    def _describe(self, box, node):
        box.name = self.names.get(node, "")
        box.value = self.values(node)
        box.gradient = self.gradients(node)
        if node.shape is not None:
            box.note = describe(node)
        return box


class _Call:
    """One call of a module: the box that its nodes fold into."""

    def __init__(self, module, start, end, path):
        self.module, self.start, self.end, self.path = module, start, end, path
        self.box = None
        self.parameters = []

    def label(self):
        title = type(self.module).__name__
        extra = getattr(self.module, "extra_repr", str)()
        text = f"{title}({extra})" if extra and len(extra) < 60 else title
        return f"{self.path}: {text}" if self.path else text

    def finish(self, picture):
        """Describe the box once all its nodes are known."""
        box = self.box
        seen = []
        for source in box.inputs:
            if source not in seen:
                seen.append(source)
        box.inputs = seen
        newest = box.nodes[0]
        picture._describe(box, newest)
        count = sum(int(np.prod(p.shape)) for p in self.parameters)
        if count:
            box.note += f", {count:,} parameters"
        box.alike = (type(self.module), getattr(self.module, "extra_repr", str)(),
                     tuple(sorted(p.shape for p in self.parameters)))


def _parents(node):
    """Return the nodes a node gets data from, looking through numbered outputs."""
    found = []
    for parent in node.parents:
        if type(parent) is OutputNode:
            parent = parent.parents[0]
        if parent is not None:
            found.append(parent)
    return found


def _reachable(root):
    """Return the nodes the root depends on, newest first, without numbered outputs."""
    if type(root) is OutputNode:
        root = root.parents[0]
    seen, stack = {root}, [root]
    while stack:
        for parent in _parents(stack.pop()):
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=lambda n: n.seq, reverse=True)


def _module_of_each(nodes, depth):
    """Return, for nodes inside modules at the given depth, the call they belong to."""
    calls = []
    for node in nodes:
        for level, (module, start) in enumerate(reversed(getattr(node, "modules", ()))):
            calls.append((start, -node.seq, -level, node, module))
    calls.sort(key=lambda c: c[:3])
    paths, level_of, fold_of = {}, {}, {}
    for start, _, _, end, module in calls:
        level = level_of.get(end, 0)
        if level == 0 and hasattr(module, "named_modules"):
            paths.update((id(m), path) for path, m in module.named_modules() if path)
        call = _Call(module, start, end, paths.get(id(module), ""))
        stack, inside = [end], {end}
        while stack:
            for parent in _parents(stack.pop()):
                if parent.seq > start and parent not in inside:
                    inside.add(parent)
                    stack.append(parent)
        for node in inside:
            if type(node) is AccumulateGrad:
                continue
            if level_of.get(node, 0) == level:
                level_of[node] = level + 1
                if level == depth:
                    fold_of[node] = call
    return fold_of


def _in_order(boxes):
    """Sort boxes so that inputs come first: operations by creation, leaves before their use."""
    ordered, seen = [], set()
    for box in sorted(boxes, key=lambda b: b.nodes[0].seq):
        if box.kind not in ("leaf", "parameter"):
            for b in (*box.inputs, box):
                if id(b) not in seen and (b is box or b.kind in ("leaf", "parameter")):
                    seen.add(id(b))
                    ordered.append(b)
    return ordered or boxes


def _consumers(boxes):
    users = {}
    for box in boxes:
        for source in box.inputs:
            users.setdefault(id(source), []).append(box)
    return users


def _replace(boxes, replaced):
    """Redirect edges from folded boxes to those that stand for them."""
    for box in boxes:
        box.inputs = [replaced.get(id(source), source) for source in box.inputs]
        box.inputs = [source for source in box.inputs if source is not box]
    return boxes


def _merge_rows(boxes):
    """Merge equal modules that follow each other into one box with a count."""
    replaced, kept = {}, []
    users = _consumers(boxes)
    for box in boxes:
        before = replaced.get(id(box.inputs[0]), box.inputs[0]) if len(box.inputs) == 1 else None
        if (before is not None and box.kind == before.kind == "module" and box.alike == before.alike
                and len(users.get(id(box.inputs[0]), ())) == 1):
            before.count += 1
            before.nodes = box.nodes + before.nodes
            before.value, before.gradient = box.value, box.gradient
            before.label = before.label.split(": ", 1)[-1]
            if not before.note.endswith("each"):
                before.note += " each"
            replaced[id(box)] = before
        else:
            kept.append(box)
    return _replace(kept, replaced)


def _long_chains(nodes, names, fold_of):
    """Return the middles of long runs of one operation: newest node -> (count, oldest node).

    Works on nodes, before boxes are made, so that a chain of a million costs no million boxes.
    """
    users = dict.fromkeys(nodes, 0)
    for node in nodes:
        for parent in _parents(node):
            users[parent] += 1
    runs, run_of = [], {}
    for node in reversed(nodes):
        parents = node.parents
        if node.op is None or node in names or node in fold_of:
            continue
        flowing = [p for p in parents if p is not None]
        before = flowing[0] if len(flowing) == 1 else None
        run = run_of.pop(before, None) if before is not None else None
        if run is None or before.op is not node.op or users[before] != 1:
            run = []
            runs.append(run)
        run.append(node)
        run_of[node] = run
    return {run[-3]: (len(run) - 4, run[2]) for run in runs if len(run) > CHAIN}


def _fold_middle(boxes):
    """Fold the oldest operations of a graph that is too large to draw into one box."""
    if len(boxes) <= LIMIT:
        return boxes
    boxes = _in_order(boxes)
    hidden, shown = boxes[:-LIMIT], boxes[-LIMIT:]
    fold = Box("fold", hidden[-1].nodes, "… earlier operations")
    fold.count = len(hidden)
    replaced = {id(box): fold for box in hidden}
    _replace(shown, replaced)
    for box in shown:
        if box.inputs.count(fold) > 1:
            box.inputs = [s for i, s in enumerate(box.inputs)
                          if s is not fold or i == box.inputs.index(fold)]
    return [fold, *shown]


def describe(node):
    """Return shape and dtype of a node's output; nothing for a float32 scalar."""
    from . import dtypes

    name = dtypes.from_numpy_dtype(node.dtype).name
    if node.shape == () and name == "float32":
        return ""
    return f"{name}[{', '.join(map(str, node.shape))}]"


def short(array):
    """Return a few characters that tell an array's values."""
    array = np.asarray(array)
    if array.ndim == 0:
        return _number(array.item())
    if array.size == 0:
        return "empty"
    if array.size <= 4 and array.ndim == 1:
        return "[" + ", ".join(_number(v) for v in array.tolist()) + "]"
    if array.dtype.kind not in "fiu":
        return ""
    with np.errstate(all="ignore"):
        return f"μ {_number(float(array.mean()))}, σ {_number(float(array.std()))}"


def _number(value):
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", "−")
    return str(value).replace("-", "−")
