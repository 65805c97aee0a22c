"""The nodes of the dynamic graph.

Nodes hold their parents and saved raw arrays, never tensors, so that reference counting frees
a graph the moment its last tensor goes. The creation number orders them: reverse creation
order is a topological order.
"""

import itertools
import weakref

clock = itertools.count(1)  # numbers node creations and in-place writes on one time line


# The end of errors that `explain` can replace by the lines of the program.
HOW_TO_EXPLAIN = (" Set EMBER_EXPLAIN=1, or call torch.autograd.set_explain(True) before the "
                  "forward computation, to be told the lines.")


class _Freed:
    """What a node's saved values are replaced with once backward has used them."""

    def __repr__(self):
        return "<freed>"


FREED = _Freed()


class Parameters(dict):
    """Saved values without arrays: they cost no memory, so backward may use them repeatedly."""

    __slots__ = ()

    def __bool__(self):
        return False


class Kept(tuple):
    """The same as a tuple."""

    __slots__ = ()

    def __bool__(self):
        return False


class Rule:
    """What the engine asks of a node's `op` when it is no op record.

    Subclasses define `name`, `label`, `node_name`, and `backward(node, g)` and
    `graph_backward(node, g)`, which return one gradient per parent.
    """

    node_name = name = label = ""
    adjoint = True  # see Op

    def named(self, node):
        """Return the saved arrays whose overwriting must be noticed, by name."""
        return {}


class Node:
    """One recorded operation.

    Attributes:
        seq: creation number.
        op: the op record (`autograd.op.Op`), which knows the name, label and derivatives.
        parents: one node, or None where no gradient is wanted, per differentiable input.
        saved: the raw values that the derivative formulas name.
        shape, dtype: of the output; the engine brings each gradient to them.
        xp: the backend.
        hooks: functions called with the gradient, or None.
        value, gradient: of a 0-d output, kept for drawing (`value` None for arrays; `gradient`
            unset before backward).
        constant: the Python number among the operands, where there is one (else unset).
        modules: the module calls whose output this is: pairs of module and the creation
            number at which the call began (else unset).
    """

    __slots__ = ("seq", "op", "parents", "saved", "shape", "dtype", "xp", "hooks", "value",
                 "gradient", "constant", "modules", "__weakref__", "__dict__")

    @property
    def next_functions(self):
        """The parents as PyTorch shows them: pairs of node and output number."""
        return tuple((p.parents[0], p.saved[0]) if type(p) is OutputNode else (p, 0)
                     for p in self.parents)

    def name(self):
        """Return PyTorch's name for this node, such as "MulBackward0"."""
        return self.op.node_name

    def __repr__(self):
        return f"<{self.name()}>"

    @property
    def metadata(self):
        """A dict in which anybody may note something about this node."""
        return self.__dict__.setdefault("notes", {})

    def register_hook(self, fn):
        """Call `fn(grad_inputs, grad_outputs)` after each backward through this node.

        It may return other gradients for the inputs.
        """
        from .hooks import hook_node

        return hook_node(self, fn, before=False)

    def register_prehook(self, fn):
        """Call `fn(grad_outputs)` before each backward through this node.

        It may return other gradients for the outputs.
        """
        from .hooks import hook_node

        return hook_node(self, fn, before=True)


def make_node(op, parents, saved, out, xp, cls=Node):
    """Return a new node whose output is the raw array `out` (None: several outputs)."""
    node = cls()
    node.seq = next(clock)
    node.op, node.parents, node.saved = op, parents, saved
    node.xp, node.hooks, node.value = xp, None, None
    if out is None:
        node.shape = node.dtype = None
    else:
        node.shape, node.dtype = out.shape, out.dtype
        if not out.shape:
            node.value = out
    return node


def note_call(module, start, out):
    """Note on the node of a result which module's call made it, for drawings to fold."""
    try:
        node = out._node
    except AttributeError:
        node = getattr(out[0], "_node", None) if out.__class__ is tuple and out else None
    if node.__class__ is Node or node.__class__ is OutputNode:
        node.modules = (*getattr(node, "modules", ()), (module, start))


class OutputNode(Node):
    """Output number `saved[0]` of an operation with several outputs (`parents[0]`)."""

    __slots__ = ()

    def name(self):
        """Return the name of the operation itself."""
        return self.parents[0].name()


class AccumulateGrad:
    """The end of the graph at a leaf: gradients that arrive here become its `.grad`.

    It refers to its tensor weakly: nobody can read the gradient of a tensor that is gone.
    `after` holds the hooks to call once `.grad` is updated.
    """

    __slots__ = ("ref", "shape", "dtype", "xp", "hooks", "after", "value", "__weakref__")

    seq = 0  # before every operation, hence last in reverse order
    op = None
    parents = ()
    saved = ()

    def __init__(self, tensor):
        self.ref = weakref.ref(tensor)
        self.hooks = self.after = None
        self.describe(tensor._array, tensor._xp)

    def describe(self, array, xp):
        """Note the shape, dtype and backend that gradients must have."""
        self.shape = array.shape
        self.dtype = array.dtype
        self.xp = xp
        self.value = None if array.shape else array.dtype.type(0)  # tells the class of scalars

    @property
    def variable(self):
        """The leaf tensor."""
        return self.ref()

    @property
    def next_functions(self):
        """A leaf has no parents."""
        return ()

    def name(self):
        """Return PyTorch's name for the end of a path."""
        return "torch::autograd::AccumulateGrad"

    def __repr__(self):
        return "<AccumulateGrad>"


class RemovableHandle:
    """Removes a hook again.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.utils.hooks.RemovableHandle.html
    """

    _ids = itertools.count()

    def __init__(self, hooks, hook):
        self.id = next(self._ids)
        self._hooks = weakref.ref(hooks)
        hooks[self.id] = hook

    def remove(self):
        """Take the hook out; a second call does nothing."""
        hooks = self._hooks()
        if hooks is not None:
            hooks.pop(self.id, None)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.remove()


class Hooks(dict):
    """Functions by number; a dict that can be referred to weakly."""

    __slots__ = ("__weakref__",)


def add_hook(node, hook):
    """Have `hook(gradient)` called when the gradient of a node's output is complete."""
    if node.hooks is None:
        node.hooks = Hooks()
    return RemovableHandle(node.hooks, hook)


def __getattr__(name):
    """Return what PyTorch shows as torch.autograd.graph beside nodes; it is loaded on use."""
    if not name.startswith("_"):
        from . import hooks, saved_tensors

        for module in (hooks, saved_tensors):
            if name in module.__all__:
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
