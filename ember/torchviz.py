"""`torchviz`: PyTorch users' way to draw a graph, on top of `ember.graph`.

Source: https://github.com/szagoruyko/pytorchviz
"""

import os
import sys

from .autograd.drawing import graph

__all__ = ["Dot", "make_dot"]


def make_dot(var, params=None, show_attrs=False, show_saved=False, max_attr_chars=50):
    """Return a drawing of the graph that computed a tensor, with every operation in it.

    Args:
        var: the tensor.
        params: dict from name to tensor; by default the caller's variables give the names.
        show_attrs, show_saved, max_attr_chars: accepted as torchviz does; ember's drawing shows
            constants, shapes, values and gradients in any case.
    Raises:
        TypeError, ValueError: as `ember.graph`.

    >>> import ember
    >>> from ember.torchviz import make_dot
    >>> w = ember.ones(2, requires_grad=True)
    >>> dot = make_dot((w * w).sum(), params={"weight": w})
    >>> "weight" in dot.source
    True
    """
    if params is None:
        caller = sys._getframe(1)
        params = {**caller.f_globals, **caller.f_locals}
    return Dot(graph(var, depth=None, names=params))


class Dot:
    """The drawing, with the methods of `graphviz.Digraph` that programs call.

    Attributes:
        format: what `render` makes when not told otherwise: "pdf", "png" or "svg".
    """

    def __init__(self, drawing, format="pdf"):
        self._drawing = drawing
        self.format = format

    @property
    def source(self):
        """The graph in Graphviz's DOT language."""
        return self._drawing.dot

    def save(self, filename="Digraph.gv", directory=None):
        """Write the DOT source to a file and return its path."""
        path = os.path.join(directory or "", filename)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.source)
        return path

    def render(self, filename="Digraph.gv", directory=None, view=False, cleanup=False,
               format=None, **options):
        """Write the DOT source to a file, the picture beside it, and return the picture's path.

        Args:
            filename: of the source; the picture's has the format as one more suffix.
            directory: where both go.
            view: open the picture afterwards.
            cleanup: delete the source again.
            format: "pdf", "png" or "svg"; the drawing's own when not given.
        Raises:
            RuntimeError: when no Graphviz can be found; the message names the extra.
        """
        format = format or self.format
        picture = self.pipe(format)  # first: a failure shall leave no files
        source = self.save(filename, directory)
        path = f"{source}.{format}"
        with open(path, "wb") as file:
            file.write(picture)
        if cleanup:
            os.remove(source)
        if view:
            import webbrowser

            webbrowser.open("file://" + os.path.abspath(path))
        return path

    def view(self, filename="Digraph.gv", directory=None, cleanup=False, **options):
        """Render the picture and open it."""
        return self.render(filename, directory, view=True, cleanup=cleanup, **options)

    def pipe(self, format=None, **options):
        """Return the picture as bytes."""
        return self._drawing.render(format or self.format)

    def __str__(self):
        return self.source

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self._drawing._repr_mimebundle_(include, exclude)
