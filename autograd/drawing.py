"""Draw the graph: in a notebook, as SVG, PNG or DOT, and as text for terminals."""

# What only a drawing needs (subprocess, html, ...) is imported on use: `import ember` stays quick.
import os
import sys

from .graph import AccumulateGrad, OutputNode, add_hook
from .picture import Picture, short
from .tensor import Tensor

__all__ = ["Graph", "graph"]

_WATCHED = 500  # nodes whose gradients a drawing waits for
_STYLE = {
    "op": {"fillcolor": "#ffffff", "shape": "box"},
    "leaf": {"fillcolor": "#dff0d8", "shape": "box"},
    "parameter": {"fillcolor": "#fff3cd", "shape": "box"},
    "module": {"fillcolor": "#dbe9f6", "shape": "box3d"},
    "fold": {"fillcolor": "#eeeeee", "shape": "box"},
}


def graph(tensor, *, depth=1, names=None):
    """Return a drawing of the graph that computed a tensor.

    It shows itself in a notebook, `.save("e.svg")` (or .png, .pdf, .dot) writes a file, `.text()`
    is for terminals. A drawing made before `backward()` shows the gradients afterwards.

    Args:
        tensor: the result whose history to draw.
        depth: how many levels of modules are opened; 0 draws a whole model as one box, None
            opens everything.
        names: dict from name to tensor; by default the caller's variables give the names.
    Raises:
        TypeError: for something that is no tensor.
        ValueError: for a tensor without history.

    >>> import ember
    >>> a = ember.tensor(2.0, requires_grad=True)
    >>> b = ember.tensor(1.0, requires_grad=True)
    >>> e = (a + b) * (b + 1)
    >>> e.backward()
    >>> print(ember.graph(e).text())
    a             value 2   grad 2
    b             value 1   grad 5
    v1 = a + b    value 3   grad 2
    v2 = b + 1    value 2   grad 3
    e = v1 × v2   value 6   grad 1
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"graph() draws the history of a tensor, not of {type(tensor).__name__}")
    if tensor._node is None:
        raise ValueError("graph(): this tensor has no history: no tensor it was computed from has "
                         "requires_grad=True, or it was cut off by .detach() or torch.no_grad()")
    if names is None:
        caller = sys._getframe(1)
        names = {**caller.f_globals, **caller.f_locals}
    return Graph(tensor, names, depth)


class Graph:
    """A drawing of a graph; see `graph`."""

    def __init__(self, tensor, variables, depth=1):
        self._root = tensor._node
        self._depth = depth
        self._tensors, self._names = _named_tensors(tensor, variables)
        self._values, self._gradients = {}, {}
        self._snapshot()

    def _snapshot(self):
        """Note values now (backward frees them) and wait for gradients."""
        stack, seen, watched = [self._root], {self._root}, 0
        while stack:
            node = stack.pop()
            self._note_values(node)
            if watched < _WATCHED and not isinstance(node, (AccumulateGrad, OutputNode)):
                if node.shape != () and node.shape is not None:
                    watched += 1
                    self._watch(node)
            for parent in node.parents:
                if parent is not None and parent not in seen:
                    seen.add(parent)
                    stack.append(parent)

    def _note_values(self, node):
        t = node.ref() if type(node) is AccumulateGrad else self._tensors.get(node)
        if t is not None:
            self._values[node] = short(t._xp.to_host(t._array))

    def _value(self, node):
        if node in self._values:
            return self._values[node]
        value = None if type(node) is AccumulateGrad else node.value
        return "" if value is None else short(node.xp.to_host(value))

    def _watch(self, node):
        gradients = self._gradients

        def note(g):
            gradients[node] = short(g._xp.to_host(g._array))

        add_hook(node, note)

    def _gradient(self, node):
        """Return the gradient of a node's output as short text; empty before backward."""
        t = node.ref() if type(node) is AccumulateGrad else self._tensors.get(node)
        if t is not None and t.grad is not None:
            return short(t._xp.to_host(t.grad._array))
        if node in self._gradients:
            return self._gradients[node]
        g = getattr(node, "gradient", None)
        return "" if g is None else short(node.xp.to_host(g))

    def boxes(self):
        """Return what is drawn, a list of `Box`, inputs first."""
        picture = Picture(self._root, self._names, self._depth, self._value, self._gradient)
        return picture.boxes

    # -- text ---------------------------------------------------------------------------------

    def text(self):
        """Return the graph as lines of text, inputs first: name, formula, value, gradient."""
        boxes = self.boxes()
        names, lines = {}, []
        for box in boxes:
            names[id(box)] = box.name or f"v{sum(1 for n in names.values() if n[:1] == 'v') + 1}"
            lines.append((_line(box, names), box.note,
                          f"value {box.value}" if box.value else "",
                          f"grad {box.gradient}" if box.gradient else ""))
        widths = [max((len(line[i]) for line in lines), default=0) for i in range(4)]
        return "\n".join("   ".join(cell.ljust(w) for cell, w in zip(line, widths) if w).rstrip()
                         for line in lines)

    __str__ = text

    def __repr__(self):
        return f"<graph of {self._root.name()}; .text(), .save('graph.svg')>"

    # -- Graphviz -----------------------------------------------------------------------------

    @property
    def dot(self):
        """The graph in Graphviz's DOT language."""
        return self.digraph().source

    def digraph(self):
        """Return the drawing as a `graphviz.Digraph`."""
        import graphviz

        boxes = self.boxes()
        drawing = graphviz.Digraph(
            graph_attr={"rankdir": "LR" if _fits_in_a_row(boxes) else "TB", "ranksep": "0.35",
                        "nodesep": "0.25"},
            node_attr={"style": "filled,rounded", "fontname": "Helvetica", "fontsize": "11",
                       "margin": "0.12,0.06"},
            edge_attr={"arrowsize": "0.7", "color": "#555555"})
        ids = {id(box): f"n{i}" for i, box in enumerate(boxes)}
        for box in boxes:
            style = dict(_STYLE[box.kind])
            if box.is_result:
                style["penwidth"] = "2"
            if box.kind in ("module", "fold"):
                style["style"] = "filled" + (",dashed" if box.kind == "fold" else "")
            drawing.node(ids[id(box)], _html_label(box), **style)
            for source in box.inputs:
                drawing.edge(ids[id(source)], ids[id(box)])
        return drawing

    def render(self, format="svg"):
        """Return the drawing in a format ("svg", "png", "pdf") as bytes.

        Raises:
            RuntimeError: when no Graphviz can be found; the message names the extra.
        """
        import subprocess

        command = [_dot_command(), f"-T{format}"]
        try:
            done = subprocess.run(command, input=self.dot.encode(), capture_output=True,
                                  timeout=120)
        except subprocess.TimeoutExpired:
            raise RuntimeError("Graphviz took more than two minutes; draw less with a smaller "
                               "depth, or use .text()") from None
        if done.returncode or not done.stdout:
            raise RuntimeError(f"Graphviz failed: {done.stderr.decode(errors='replace')[:500]}")
        return done.stdout

    def save(self, path):
        """Write the drawing to a file; its suffix decides the format. Return the path.

        Raises:
            ValueError: for a suffix that is none of .svg, .png, .pdf, .dot, .txt.
        """
        path = os.fspath(path)
        suffix = os.path.splitext(path)[1].lower()
        if suffix in (".dot", ".gv"):
            content = self.dot.encode()
        elif suffix == ".txt":
            content = self.text().encode()
        elif suffix in (".svg", ".png", ".pdf"):
            content = self.render(suffix[1:])
        else:
            raise ValueError(f"save(): cannot tell the format from {path!r}; end it in .svg, .png, "
                             ".pdf, .dot or .txt")
        with open(path, "wb") as file:
            file.write(content)
        return path

    def _repr_mimebundle_(self, include=None, exclude=None):
        import base64

        bundle = {"text/plain": self.text()}
        try:
            svg = base64.b64encode(self.render("svg")).decode()
        except RuntimeError as error:
            bundle["text/plain"] += f"\n({error})"
            return bundle
        # as an image: scripts do not run there, whatever a label holds
        bundle["text/html"] = f'<img src="data:image/svg+xml;base64,{svg}"/>'
        return bundle


def _line(box, names):
    """Return "name = formula" for a box."""
    name = names[id(box)]
    operands = [names[id(s)] for s in box.inputs]
    if box.constant is not None:
        operands.append(str(box.constant))
    label = f"{box.label} ×{box.count:,}" if box.count > 1 else box.label
    if box.kind in ("leaf", "parameter"):
        return name
    if len(operands) == 2 and not label[0].isalnum() and len(label) == 1:
        return f"{name} = {operands[0]} {label} {operands[1]}"
    return f"{name} = {label}({', '.join(operands)})"


def _html_label(box):
    """Return a Graphviz label: title, shape, green value, red gradient; all text escaped."""
    title = f"{box.name} = {box.label}" if box.name and box.label else box.name or box.label
    if box.kind in ("leaf", "parameter"):
        title = box.name or box.kind
    if box.constant is not None:
        title += f" {box.constant}"
    if box.count > 1:
        title += f"  ×{box.count:,}"
    lines = [f"<B>{_escape(title)}</B>"]
    if box.note:
        lines.append(f'<FONT POINT-SIZE="9" COLOR="#666666">{_escape(box.note)}</FONT>')
    if box.value:
        lines.append(f'<FONT COLOR="#1a7f37">{_escape(box.value)}</FONT>')
    if box.gradient:
        lines.append(f'<FONT COLOR="#cf222e">grad {_escape(box.gradient)}</FONT>')
    return "<" + "<BR/>".join(lines) + ">"


def _fits_in_a_row(boxes):
    """Whether a drawing from left to right stays about as wide as a page."""
    return sum(max(8, len(box.label) + len(box.name), len(box.note)) for box in boxes) < 130


def _escape(text):
    """Return text as it may stand in a Graphviz HTML label, where backslashes work too."""
    import html

    return html.escape(text).replace("\\", "\\\\")


def _named_tensors(result, variables):
    """Return the caller's tensors and their names by node; parameters get their path."""
    tensors, names = {}, {}
    for name, value in list(variables.items()):
        if isinstance(value, Tensor):
            if value._node is not None and not name.startswith("_"):
                tensors[value._node], names[value._node] = value, name
        elif hasattr(value, "named_parameters") and not isinstance(value, type):
            for path, parameter in value.named_parameters():
                names.setdefault(parameter._node, path)
    tensors.setdefault(result._node, result)
    return tensors, names


def _dot_command():
    """Return the path of a Graphviz `dot`: the system's, or the one the extra brings."""
    import shutil
    import sysconfig

    scripts = sysconfig.get_path("scripts")
    for name in ("dot", "graphviz-pure"):
        found = shutil.which(name) or shutil.which(name, path=scripts)
        if found:
            return found
    raise RuntimeError("drawing needs Graphviz, which was not found; the extra brings one: "
                       "pip install 'ember[viz]'. Without it .text() and .dot work")
