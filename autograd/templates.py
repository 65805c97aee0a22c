"""The public functions of ops: run the forward, record a node when a gradient is wanted.

Three templates: `unary` and `binary` are the hot path of scalar programs and small networks,
hence spelled out; `general` serves every other signature.
"""

from numpy import float32

from .. import backends
from ..backends.kernels import compiled_from
from . import arguments, detours, dtypes, modes, overrides, views, writes
from .graph import Node, Parameters, clock, make_node
from .tensor import Tensor, new

__all__ = ["binary", "general", "unary"]

_SILENT = backends.numpy.SILENT
_silence = backends.numpy.float_errors.set
_restore = backends.numpy.float_errors.reset
_switched = modes.current.get
FLOAT32 = dtypes.float32.numpy


def unary(record):
    """Return the public function for a forward of one tensor."""
    formula = record.formula
    compiled = record.forward if record.compiled else None
    to_float = record.cast == "float"

    def call(input, *, out=None):
        if detours.installed:
            taken = detours.taken(record, call, (input,), {} if out is None else {"out": out})
            if taken is not NotImplemented:
                return taken
        try:
            x, parent, xp = input._array, input._history, input._xp
        except AttributeError:
            try:
                x, parent, xp = record.unwrapped(input)
            except TypeError:
                return overrides.asked(record, (input,), {} if out is None else {"out": out})
        forward = formula
        if x.__class__ is not float32:  # of scalar programs
            if to_float and x.dtype.kind not in "fc":
                x = x.astype(dtypes.get_default_dtype().numpy)
            if compiled and x.size >= compiled_from():
                forward = compiled
        token = _silence(_SILENT)
        try:
            r = forward(xp, x)
        finally:
            _restore(token)
        t = new(Tensor)
        t._array = r
        t._xp = xp
        if parent is None or not vjps or _switched() is not None and not modes.is_grad_enabled():
            t._history = None
        else:
            node = t._history = Node()
            node.seq = next(clock)
            node.op = record
            node.parents = (parent,)
            node.saved = ((x, r) if record.wants_input and record.wants_out
                          else (x,) if record.wants_input
                          else (r,) if record.wants_out else ())
            if r.__class__ is float32:  # scalar programs
                node.shape, node.dtype, node.value = (), FLOAT32, r
            else:
                node.shape = shape = r.shape
                node.dtype = r.dtype
                node.value = None if shape else r
            node.xp = xp
            node.hooks = None
        if out is not None:
            return write_out(out, t)
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


def binary(record):
    """Return the public function for a forward of two operands, tensors or numbers."""
    forward = record.forward
    cast = record.cast
    vjps = record.vjps

    def call(input, other, *, out=None):
        if detours.installed:
            taken = detours.taken(record, call, (input, other),
                                  {} if out is None else {"out": out})
            if taken is not NotImplemented:
                return taken
        try:
            x, xnode, xp = input._array, input._history, input._xp
            if other.__class__ is number and (x.__class__ is float32 or x.dtype.kind == "f"):
                y, ynode = other, None
            else:
                y, ynode = other._array, other._history
                if x.__class__ is not y.__class__ or x.__class__ is not float32 and (
                        x.dtype is not y.dtype or other._xp is not xp
                        or to_float and x.dtype.kind not in "fc"):
                    x, y, xp = arguments.binary_operands(record, input, other)
        except AttributeError:
            try:
                x, y, xp = arguments.binary_operands(record, input, other)
            except TypeError:
                return overrides.asked(record, (input, other),
                                       {} if out is None else {"out": out})
            xnode, ynode = getattr(input, "_node", None), getattr(other, "_node", None)
        token = _silence(_SILENT)
        try:
            r = forward(xp, x, y)
        except ValueError:
            raise arguments.shape_error(record, x, y) from None
        except RuntimeError as error:
            arguments.noted(error, record, x, y)
            raise
        finally:
            _restore(token)
        t = new(Tensor)
        t._array = r
        t._xp = xp
        if (xnode is None and ynode is None or not vjps
                or _switched() is not None and not modes.is_grad_enabled()):
            t._history = None
        else:
            node = t._history = Node()
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
            if r.__class__ is float32:  # scalar programs
                node.shape, node.dtype, node.value = (), FLOAT32, r
            else:
                node.shape = shape = r.shape
                node.dtype = r.dtype
                node.value = None if shape else r
            node.xp = xp
            node.hooks = None
            if ynode is None and not isinstance(other, Tensor):
                node.constant = other
            elif xnode is None and not isinstance(input, Tensor):
                node.constant = input
        if out is not None:
            return write_out(out, t)
        return t

    to_float = cast == "float"
    number = float if 2 in record.numbers else None  # a class that no operand has
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
            record.backward = _binary_backward(vjps["input"], vjps["other"], xneeds, yneeds)

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


def _binary_backward(for_input, for_other, xneeds, yneeds):
    """Return the backward of a binary op, spelled out for the commonest kinds of formula."""
    if for_input is for_other and xneeds == ("g",):
        def backward(node, g):
            part = for_input(g)
            return part, part
    elif xneeds == yneeds == ("g",):
        def backward(node, g):
            xnode, ynode = node.parents
            return (None if xnode is None else for_input(g),
                    None if ynode is None else for_other(g))
    elif xneeds == ("g", "other") and yneeds == ("g", "input"):
        def backward(node, g):
            xnode, ynode = node.parents
            x, y, _ = node.saved
            return (None if xnode is None else for_input(g, y),
                    None if ynode is None else for_other(g, x))
    else:
        take_input, take_other = _taker(xneeds), _taker(yneeds)

        def backward(node, g):
            xnode, ynode = node.parents
            return (None if xnode is None else for_input(*take_input(g, node)),
                    None if ynode is None else for_other(*take_other(g, node)))
    return backward


def _taker(names):
    """Return a function that gathers a formula's arguments from gradient and binary node."""
    place = {"input": 0, "other": 1, "out": 2}
    shape = {"input_shape": 0, "other_shape": 1}
    return lambda g, node: [
        g if n == "g" else node.xp if n == "xp" else node.saved[place[n]] if n in place
        else node.parents[shape[n]].shape for n in names]


def general(record):
    """Return the public function for a forward of any signature."""
    forward, bind = record.forward, record.signature.bind
    names, lists, vjps, needs = (record.signature.names, record.lists, record.vjps,
                                 record.needs)

    def call(*args, **kwargs):
        if detours.installed:
            taken = detours.taken(record, call, args, kwargs)
            if taken is not NotImplemented:
                return taken
        out = kwargs.pop("out", None) if kwargs else None
        values = bind(args, kwargs)
        source = values[0]
        try:
            bound, xp = arguments.unwrap(record, names, values)
        except TypeError:
            return overrides.asked(record, args, kwargs)
        if record.view and xp is backends.cpu:
            bound[names[0]] = source._buffer()
        token = _silence(_SILENT)
        try:
            r = forward(xp, **bound)
        except (RuntimeError, IndexError, ValueError) as error:
            arguments.noted(error, record, *arguments.flat(bound.values()))
            raise
        finally:
            _restore(token)
        parents = None
        if vjps and (_switched() is None or modes.is_grad_enabled()):
            parents = _parents(values)
        if parents is None:
            result = wrap_result(r, xp)
        else:
            result = _record(r, xp, parents, bound)
        if record.view:
            views.note(record, source, bound, result)
        if out is not None:
            return write_out(out, result)
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
        saved = _saved(parents, bound, r)
        if isinstance(r, tuple):
            return multiple(make_node(record, parents, saved, None, xp), r, xp)
        t = Tensor._wrap(r, xp)
        if r.dtype.kind in "fcV":
            t._history = make_node(record, parents, saved, r, xp)
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
        return saved if _holds_arrays(saved) else Parameters(saved)

    places = {name: i for i, name in enumerate(names)}
    return call


def _holds_arrays(saved):
    return any(hasattr(v, "dtype") or type(v) is list and v and hasattr(v[0], "dtype")
               or type(v) is tuple and v and hasattr(v[0], "dtype") for v in saved.values())


def _shape_of(value):
    if isinstance(value, (list, tuple)):
        return [tuple(v.shape) for v in value]
    return None if value is None else tuple(value.shape)


def wrap_result(r, xp):
    if isinstance(r, tuple):
        return type(r)(*[wrap_result(item, xp) for item in r]) if hasattr(
            r, "_fields") else tuple([wrap_result(item, xp) for item in r])
    return Tensor._wrap(r, xp)


def multiple(node, r, xp):
    """Wrap the outputs of an operation with several; floating point ones carry gradients."""
    from .engine import make_output

    node.shapes = [(item.shape, item.dtype) for item in r]
    tensors = []
    for i, item in enumerate(r):
        t = Tensor._wrap(item, xp)
        if item.dtype.kind in "fcV":
            t._history = make_output(node, i, item)
        tensors.append(t)
    return type(r)(*tensors) if hasattr(r, "_fields") else tuple(tensors)


def write_out(out, result):
    """Write a result into the `out=` argument and return that."""
    if isinstance(out, (tuple, list)):
        for target, value in zip(out, result):
            write_out(target, value)
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


