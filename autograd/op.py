"""One op, one record: everything about an operation is declared once and derived from here.

    @op(label="tanh", derivative="g · (1 − out²)")
    def tanh(xp, input):
        "Hyperbolic tangent of each element. Shape: any -> same."
        return xp.tanh(input)

    tanh.vjp("input", lambda g, out: g * (1 - out * out))

The forward is pure text over `xp`, the array module of the tensors' backend. A vjp formula
gets `g`, the gradient of the output, and whatever else its argument names ask for: `xp`, `out`,
an input or parameter of the forward by its name, `<input>_shape`. These names decide what is
saved. With create_graph the same text runs on Tensors, with
`xp` = `autograd.namespace.on(backend)`.

The public functions come from `templates.py`.
"""

import re

from . import arguments, large, parametric, templates
from .flat import attached
from .tensor import Tensor

__all__ = ["Op", "op", "RECORDS"]

# What dtypes an op takes and gives, by `cast`, unless its record says more.
_DTYPES = {None: "any -> same", "promote": "any -> promoted", "float": "any -> float"}

RECORDS = {}  # every record by name: the one list of ops


class Op:
    """The record of one operation.

    Attributes:
        name: PyTorch's name; label: how drawn graphs show it; derivative: formula as text.
        forward: `forward(xp, *arguments)` on raw arrays; formula: the same without kernels.
        vjps: formula per differentiable argument, in the order of the node's parents.
        cast: how tensor arguments are brought to one dtype: None (left alone), "promote",
            "float" (promote, integers become the default float type), "compare" (promote; the
            gradient does not pass).
        view: whether the result may share memory with the first argument.
        several: whether the forward returns a tuple (asked only where it takes one tensor or two).
        alone: whether the first argument, `input`, is the only tensor (a faster template).
        adjoint: whether the formulas are adjoints already. Others are plain derivatives, and
            where the output is complex the engine conjugates around them: PyTorch's gradient
            of f is g · conj(f'), which is conj(conj(g) · f').
        numbers: which positions of an op of two operands may be Python numbers;
            only_numbers: whether both may be at once.
        check: called with the two operands' dtypes before they are promoted; may raise.
        flat: whether the gradient is constant in `input` almost everywhere; see `flat.py`.
        compiled: whether a compiled kernel of this name serves large arrays; see `large.py`.
        dtypes: what dtypes it takes and gives, "real -> float"; docs/ops.md explains the words.
    """

    def __init__(self, forward, *, label=None, derivative="", cast=None, view=False,
                 varargs=None, lists=(), promoted=None, namespaces=("torch", "Tensor"),
                 inplace=False, name=None, several=False, alone=False, adjoint=False,
                 numbers=(1, 2), only_numbers=False, check=None, flat=False, dtypes=None,
                 compiled=False):
        self.name = name or forward.__name__.rstrip("_")
        self.label = label or self.name
        self.derivative = derivative
        self.formula = forward
        self.forward = large.forward(self.name, forward) if compiled else forward
        self.cast = cast
        self.view = view
        self.namespaces = namespaces
        self.has_inplace = inplace
        self.several = several
        self.alone = alone
        self.adjoint = adjoint
        self.numbers = numbers
        self.only_numbers = only_numbers
        self.check = check
        self.flat = flat
        self.compiled = compiled
        self.dtypes = dtypes or _DTYPES[cast]
        self.signature = arguments.Signature(self.name, forward, varargs)
        self.lists = frozenset(lists)
        self.promoted = promoted
        self.vjps = {}
        self.needs = {}
        self.wants_input = self.wants_out = False
        self.node_name = "".join(p.capitalize() for p in self.name.split("_")) + "Backward0"
        self.backward = self._backward
        self.call = None
        RECORDS[self.name] = self

    def vjp(self, argument, formula):
        """Declare the gradient with respect to one argument of the forward."""
        code = formula.__code__
        names = code.co_varnames[:code.co_argcount]
        self.vjps[argument] = formula
        self.needs[argument] = names
        self.plan()
        if self.compiled:
            self.backward = large.backward(self.name, self.backward)

    def plan(self):
        """Derive what depends on the formulas; the templates override `backward`."""

    # -- backward, whatever the template ------------------------------------------------------

    def named(self, node):
        """Return the values a node saved, by name."""
        return node.saved

    def _backward(self, node, g):
        saved, xp, start = node.saved, node.xp, 0
        grads = []
        if type(g) is list or isinstance(g, list):
            g = [xp.zeros(shape, dtype) if gi is None else gi
                 for gi, (shape, dtype) in zip(g, node.shapes)]
        for argument, formula in self.vjps.items():
            count = saved[argument + "#"] if argument in self.lists else 1
            parents = node.parents[start:start + count]
            start += count
            if all(p is None for p in parents):
                grads.extend(parents)
                continue
            result = formula(*[g if n == "g" else xp if n == "xp" else saved[n]
                               for n in self.needs[argument]])
            grads.extend(result) if argument in self.lists else grads.append(result)
        return grads

    def graph_backward(self, node, g):
        """Evaluate the vjp formulas on Tensors, so that the result can be differentiated."""
        from . import namespace

        xp = namespace.on(node.xp)
        values = self._as_tensors(node)
        if isinstance(g, list):
            g = [Tensor._wrap(node.xp.zeros(shape, dtype), node.xp) if gi is None else gi
                 for gi, (shape, dtype) in zip(g, node.shapes)]
        grads, start = [], 0
        for argument, formula in self.vjps.items():
            count = values[argument + "#"] if argument in self.lists else 1
            parents = node.parents[start:start + count]
            start += count
            if all(p is None for p in parents):
                grads.extend(parents)
                continue
            result = formula(*[g if n == "g" else xp if n == "xp" else values[n]
                               for n in self.needs[argument]])
            if self.flat:
                result = attached(result, parents[0])
            grads.extend(result) if argument in self.lists else grads.append(result)
        return grads

    def _as_tensors(self, node):
        """Return a node's saved values with arrays as Tensors that know where they come from."""
        values, start = {}, 0
        saved = self.named(node)
        parent_of = {}
        for argument in self.vjps:
            count = saved.get(argument + "#", 1)
            parent_of[argument] = node.parents[start:start + count]
            start += count
        for name, value in saved.items():
            if name == "out":
                values[name] = self._out_tensor(node, value)
            elif name in self.lists and name in parent_of:
                values[name] = [_tensor(v, node.xp, p) for v, p in zip(value, parent_of[name])]
            elif _is_array(value, node.xp):
                values[name] = _tensor(value, node.xp, parent_of.get(name, (None,))[0])
            else:
                values[name] = value
        return values

    def _out_tensor(self, node, value):
        if not isinstance(value, tuple):
            return _tensor(value, node.xp, node)
        from .engine import make_output

        return tuple(
            _tensor(v, node.xp, make_output(node, i, v) if v.dtype.kind in "fc" else None)
            for i, v in enumerate(value))

    def public(self, function):
        """Make a function with more parameters than the forward the public one; return it."""
        function.op = self
        function.vjp = self.vjp
        self.call = function
        if "Tensor" in self.namespaces:
            setattr(Tensor, self.name, function)
        return function

    def unwrapped(self, value):
        """Return array, node and backend of a tensor, of an outdated view too.

        Raises:
            TypeError: for anything but a tensor.
        """
        if not isinstance(value, Tensor):
            raise self.not_a_tensor(value) from None
        return value._array, value._node, value._xp

    @property
    def shapes(self):
        """What shapes it takes and gives: the docstring's "Shape: ...", or what is implied."""
        said = re.search(r"Shape: (.+?)\.(?:\s|$)", self.call.__doc__ or "", re.DOTALL)
        names = self.signature.names
        if said:
            return " ".join(said[1].split())
        if "keepdim" in names:
            return "(..., n, ...) -> (..., ...) or, with keepdim, (..., 1, ...)"
        if names == ("input",) or self.alone:
            return "any -> same"
        if len(names) == 2 and not self.lists:
            return "any, any -> broadcast"
        raise TypeError(f"{self.name}: the docstring must say the shapes: Shape: any -> same.")

    def not_a_tensor(self, value):
        """Return the error for an argument that had to be a tensor."""
        return TypeError(
            f"{self.name}(): argument 'input' (position 1) must be Tensor, not "
            f"{type(value).__name__}. Make one with torch.tensor(...)")

    def __repr__(self):
        return f"<op {self.name}>"


def _is_array(value, xp):
    return isinstance(value, xp.array_types) and getattr(value, "dtype", None) is not None


def _tensor(array, xp, node):
    t = Tensor._wrap(array, xp)
    t._node = node
    return t


def op(**options):
    """Make a record from a forward function; return the public function.

    Options are those of `Op`. The public function has the attributes `op` (the record) and
    `vjp` (declares a gradient). It becomes a method of Tensor when "Tensor" is among the
    namespaces, and gets an in-place twin `name_` when `inplace` is true.
    """
    def make(forward):
        record = Op(forward, **options)
        names = record.signature.names
        simple = not (record.signature.keyword_only or record.view or record.lists
                      or record.several)
        if simple and names == ("input",):
            call = templates.unary(record)
        elif simple and names == ("input", "other") and not record.signature.defaults:
            call = templates.binary(record)
        elif record.alone:
            call = parametric.parametric(record)
        else:
            call = templates.general(record)
        return publish(record, call, forward)

    return make


def publish(record, call, definition):
    """Name the public function of a record and attach its methods."""
    call.__name__ = call.__qualname__ = record.name
    call.__doc__ = definition.__doc__
    call.__module__ = definition.__module__
    call.op = record
    call.vjp = record.vjp
    record.call = call
    if "Tensor" in record.namespaces:
        setattr(Tensor, record.name, call)
    if record.has_inplace:
        from .inplace import make_inplace

        setattr(Tensor, record.name + "_", make_inplace(record))
    return call
