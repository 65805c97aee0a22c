"""One op, one record: everything about an operation is declared once and derived from here.

    @op(label="tanh", derivative="g · (1 − out²)")
    def tanh(xp, input):
        "Hyperbolic tangent of each element. Shape: any -> same."
        return xp.tanh(input)

    tanh.vjp("input", lambda g, out: g * (1 - out * out))

The forward is pure text over `xp`, the array module of the tensors' backend. A vjp formula
gets `g`, the gradient of the output, and whatever else its argument names ask for: `xp`, `out`,
an input or parameter of the forward by its name, `<input>_shape`. These names decide what is
saved. With create_graph the same text runs on Tensors, with `xp` = `autograd.namespace.xp`.

Three templates make the public functions: `_unary` and `_binary` are the hot path of scalar
programs and small networks, `_general` serves every other signature.
"""

from .. import backends
from . import arguments, dtypes, modes, views, writes
from .graph import Node, clock
from .tensor import Tensor, new

__all__ = ["Op", "op", "RECORDS"]

RECORDS = {}  # every record by name: the one list of ops

_SILENT = backends.numpy.SILENT
_silence = backends.numpy.float_errors.set
_restore = backends.numpy.float_errors.reset
_switched = modes.current.get


class Op:
    """The record of one operation.

    Attributes:
        name: PyTorch's name; label: how drawn graphs show it; derivative: formula as text.
        forward: `forward(xp, *arguments)` on raw arrays.
        vjps: formula per differentiable argument, in the order of the node's parents.
        cast: how tensor arguments are brought to one dtype: None (left alone), "promote",
            "float" (promote, integers become the default float type), "compare" (promote; the
            gradient does not pass).
        view: whether the result may share memory with the first argument.
    """

    def __init__(self, forward, *, label=None, derivative="", cast=None, view=False,
                 varargs=None, lists=(), promoted=None, namespaces=("torch", "Tensor"),
                 inplace=False, name=None):
        self.name = name or forward.__name__.rstrip("_")
        self.label = label or self.name
        self.derivative = derivative
        self.forward = forward
        self.cast = cast
        self.view = view
        self.namespaces = namespaces
        self.has_inplace = inplace
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
        from .namespace import xp

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
        simple = not record.signature.keyword_only and not record.view and not record.lists
        if simple and names == ("input",):
            call = _unary(record)
        elif simple and names == ("input", "other") and not record.signature.defaults:
            call = _binary(record)
        else:
            call = _general(record)
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


# -- template 1: one tensor ---------------------------------------------------------------------


def _unary(record):
    """Return the public function for a forward of one tensor."""
    forward = record.forward
    to_float = record.cast == "float"

    def call(input, *, out=None):
        try:
            x, parent, xp = input._array, input._node, input._xp
        except AttributeError:
            raise record.not_a_tensor(input) from None
        if to_float and x.dtype.kind not in "fc":
            x = x.astype(dtypes.get_default_dtype().numpy)
        token = _silence(_SILENT)
        try:
            r = forward(xp, x)
        finally:
            _restore(token)
        t = new(Tensor)
        t._array = r
        t._xp = xp
        if parent is None or not vjps or _switched() is not None and not modes.is_grad_enabled():
            t._node = None
        else:
            node = t._node = new(Node)
            node.seq = next(clock)
            node.op = record
            node.parents = (parent,)
            node.saved = ((x, r) if record.wants_input and record.wants_out
                          else (x,) if record.wants_input
                          else (r,) if record.wants_out else ())
            node.shape = shape = r.shape
            node.dtype = r.dtype
            node.xp = xp
            node.hooks = None
            node.value = None if shape else r
        if out is not None:
            return _write_out(out, t)
        return t

    def plan():
        needs = [n for n in record.needs["input"] if n not in ("g", "xp", "input_shape")]
        record.wants_input = "input" in needs
        record.wants_out = "out" in needs
        record.backward = backward(record.vjps["input"], record.needs["input"])

    def backward(formula, names):
        if names == ("g",):
            return lambda node, g: (formula(g),)
        if names in (("g", "out"), ("g", "input")):
            return lambda node, g: (formula(g, node.saved[0]),)
        return record._backward

    def named(node):
        saved = {"input_shape": node.parents[0].shape}
        if record.wants_input:
            saved["input"] = node.saved[0]
        if record.wants_out:
            saved["out"] = node.saved[-1]
        return saved

    def general_backward(node, g):
        saved = named(node)
        return (record.vjps["input"](*[g if n == "g" else node.xp if n == "xp" else saved[n]
                                       for n in record.needs["input"]]),)

    vjps = record.vjps
    record.named = named
    record._backward = general_backward
    record.plan = plan
    return call


# -- template 2: two operands -------------------------------------------------------------------


def _binary(record):
    """Return the public function for a forward of two operands, tensors or numbers."""
    forward = record.forward
    cast = record.cast
    vjps = record.vjps

    def call(input, other, *, out=None):
        try:
            x, xnode, xp = input._array, input._node, input._xp
            if type(other) is float and x.dtype.kind == "f":
                y, ynode = other, None
            else:
                y, ynode = other._array, other._node
                if x.dtype is not y.dtype or other._xp is not xp or (
                        to_float and x.dtype.kind not in "fc"):
                    x, y, xp = arguments.binary_operands(record, input, other)
        except AttributeError:
            x, y, xp = arguments.binary_operands(record, input, other)
            xnode, ynode = getattr(input, "_node", None), getattr(other, "_node", None)
        token = _silence(_SILENT)
        try:
            r = forward(xp, x, y)
        except ValueError:
            raise arguments.shape_error(record, x, y) from None
        finally:
            _restore(token)
        t = new(Tensor)
        t._array = r
        t._xp = xp
        if (xnode is None and ynode is None or not vjps
                or _switched() is not None and not modes.is_grad_enabled()):
            t._node = None
        else:
            node = t._node = new(Node)
            node.seq = next(clock)
            node.op = record
            node.parents = (xnode, ynode)
            if not keeps_any:
                node.saved = ()
            elif xnode is None:
                node.saved = (x if ykeeps_x else None, y if ykeeps_y else None,
                              r if ykeeps_r else None)
            elif ynode is None:
                node.saved = (x if xkeeps_x else None, y if xkeeps_y else None,
                              r if xkeeps_r else None)
            else:
                node.saved = (x if keeps_x else None, y if keeps_y else None,
                              r if keeps_r else None)
            node.shape = shape = r.shape
            node.dtype = r.dtype
            node.xp = xp
            node.hooks = None
            node.value = None if shape else r
            if ynode is None and not isinstance(other, Tensor):
                node.constant = other
            elif xnode is None and not isinstance(input, Tensor):
                node.constant = input
        if out is not None:
            return _write_out(out, t)
        return t

    to_float = cast == "float"
    xkeeps_x = xkeeps_y = xkeeps_r = ykeeps_x = ykeeps_y = ykeeps_r = False
    keeps_x = keeps_y = keeps_r = keeps_any = False

    def plan():
        nonlocal xkeeps_x, xkeeps_y, xkeeps_r, ykeeps_x, ykeeps_y, ykeeps_r
        nonlocal keeps_x, keeps_y, keeps_r, keeps_any
        xneeds, yneeds = record.needs.get("input", ()), record.needs.get("other", ())
        xkeeps_x, xkeeps_y, xkeeps_r = (n in xneeds for n in ("input", "other", "out"))
        ykeeps_x, ykeeps_y, ykeeps_r = (n in yneeds for n in ("input", "other", "out"))
        keeps_x, keeps_y, keeps_r = (xkeeps_x or ykeeps_x, xkeeps_y or ykeeps_y,
                                     xkeeps_r or ykeeps_r)
        keeps_any = keeps_x or keeps_y or keeps_r
        if "input" in vjps and "other" in vjps:
            for_input = _of_three(vjps["input"], xneeds)
            for_other = _of_three(vjps["other"], yneeds)

            def backward(node, g):
                xnode, ynode = node.parents
                if ynode is None:
                    return (for_input(g, node),)
                return (None if xnode is None else for_input(g, node), for_other(g, node))

            record.backward = backward

    def named(node):
        values = dict(zip(("input", "other", "out"), node.saved))
        for name, parent in zip(("input_shape", "other_shape"), node.parents):
            values[name] = None if parent is None else parent.shape
        return values

    def general_backward(node, g):
        saved = named(node)
        return [None if parent is None or name not in vjps else vjps[name](
            *[g if n == "g" else node.xp if n == "xp" else saved[n]
              for n in record.needs[name]])
            for name, parent in zip(("input", "other"), node.parents)]

    record.named = named
    record.backward = record._backward = general_backward
    record.plan = plan
    return call


def _of_three(formula, names):
    """Return a vjp formula as a function of the gradient and a binary node."""
    if names == ("g",):
        return lambda g, node: formula(g)
    place = {"input": 0, "other": 1, "out": 2}
    shape = {"input_shape": 0, "other_shape": 1}
    if len(names) == 2 and names[0] == "g" and names[1] in place:
        i = place[names[1]]
        return lambda g, node: formula(g, node.saved[i])
    return lambda g, node: formula(*[
        g if n == "g" else node.xp if n == "xp" else node.saved[place[n]] if n in place
        else node.parents[shape[n]].shape for n in names])


# -- template 3: any signature ------------------------------------------------------------------


def _general(record):
    """Return the public function for a forward of any signature."""
    forward, bind = record.forward, record.signature.bind
    names, lists, vjps, needs = (record.signature.names, record.lists, record.vjps,
                                 record.needs)

    def call(*args, **kwargs):
        out = kwargs.pop("out", None) if kwargs else None
        values = bind(args, kwargs)
        source = values[0]
        bound, xp = arguments.unwrap(record, names, values)
        if record.view and xp is backends.cpu:
            bound[names[0]] = source._buffer()
        token = _silence(_SILENT)
        try:
            r = forward(xp, **bound)
        finally:
            _restore(token)
        parents = None
        if vjps and (_switched() is None or modes.is_grad_enabled()):
            parents = _parents(values)
        if parents is None:
            result = _wrap_result(r, xp)
        else:
            result = _record(r, xp, parents, bound)
        if record.view:
            views.note(record, source, bound, result)
        if out is not None:
            return _write_out(out, result)
        return result

    def _parents(values):
        parents, found = [], False
        for name in vjps:
            value = values[places[name]]
            for v in value if name in lists else (value,):
                node = v._node if isinstance(v, Tensor) else None
                parents.append(node)
                found = found or node is not None
        return tuple(parents) if found else None

    def _record(r, xp, parents, bound):
        node = new(Node)
        node.seq = next(clock)
        node.op = record
        node.parents = parents
        node.saved = _saved(parents, bound, r)
        node.xp = xp
        node.hooks = None
        if isinstance(r, tuple):
            return multiple(node, r, xp)
        node.shape, node.dtype = r.shape, r.dtype
        node.value = None if r.shape else r
        t = Tensor._wrap(r, xp)
        if node.dtype.kind in "fc":
            t._node = node
        return t

    def _saved(parents, bound, r):
        saved, start = {}, 0
        for argument in vjps:
            value = bound[argument]
            count = len(value) if argument in lists else 1
            if argument in lists:
                saved[argument + "#"] = count
            if any(p is not None for p in parents[start:start + count]):
                for n in needs[argument]:
                    if n in bound:
                        saved[n] = bound[n]
                    elif n == "out":
                        saved[n] = r
                    elif n.endswith("_shape"):
                        saved[n] = _shape_of(bound[n[:-6]])
            start += count
        return saved

    places = {name: i for i, name in enumerate(names)}
    return call


def _shape_of(value):
    if isinstance(value, (list, tuple)):
        return [tuple(v.shape) for v in value]
    return None if value is None else tuple(value.shape)


def _wrap_result(r, xp):
    if isinstance(r, tuple):
        return type(r)(*[_wrap_result(item, xp) for item in r]) if hasattr(
            r, "_fields") else tuple([_wrap_result(item, xp) for item in r])
    return Tensor._wrap(r, xp)


def multiple(node, r, xp):
    """Wrap the outputs of an operation with several; floating point ones carry gradients."""
    from .engine import make_output

    node.shape = node.dtype = None
    node.shapes = [(item.shape, item.dtype) for item in r]
    tensors = []
    for i, item in enumerate(r):
        t = Tensor._wrap(item, xp)
        if item.dtype.kind in "fc":
            t._node = make_output(node, i, item)
        tensors.append(t)
    return type(r)(*tensors) if hasattr(r, "_fields") else tuple(tensors)


def _write_out(out, result):
    """Write a result into the `out=` argument and return that."""
    if isinstance(out, (tuple, list)):
        for target, value in zip(out, result):
            _write_out(target, value)
        return type(out)(out) if isinstance(out, list) else type(result)(*out) if hasattr(
            result, "_fields") else tuple(out)
    if not isinstance(out, Tensor):
        raise TypeError(f"argument 'out' must be Tensor, not {type(out).__name__}")
    if (out._node is not None or result._node is not None) and modes.is_grad_enabled():
        raise RuntimeError("functions with out=... arguments don't support automatic "
                           "differentiation, but one of the arguments requires grad.")
    if not dtypes.can_cast(result.dtype, out.dtype):
        raise RuntimeError(f"result type {result.dtype.title} can't be cast to the desired "
                           f"output type {out.dtype.title}")
    if out.shape == result.shape:
        buffer = out._buffer()
        buffer[...] = result._array
        writes.mark_written(buffer)
    else:
        out._array = out._xp.buffer(result._array.astype(out._array.dtype))
    return out


