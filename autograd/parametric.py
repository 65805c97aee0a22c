"""The template of ops on one tensor with parameters: reductions, softmax, sorting and the like.

It does what `templates.general` does, without looking for tensors among the parameters.
"""

from .. import backends
from ..backends.kernels import compiled_from
from . import detours, dtypes, modes, overrides
from .graph import Parameters, make_node
from .templates import multiple, wrap_result, write_out
from .tensor import Tensor, new

__all__ = ["parametric"]

_SILENT = backends.numpy.SILENT
_silence = backends.numpy.float_errors.set
_restore = backends.numpy.float_errors.reset
_switched = modes.current.get


def parametric(record):
    """Return the public function for a forward whose first argument is the only tensor."""
    formula, signature, vjps = record.formula, record.signature, record.vjps
    compiled = record.forward if record.compiled else None
    bind, names = signature.bind, signature.names
    to_float = record.cast == "float"
    by_keyword = len(names) - len(signature.keyword_only)  # where keyword-only parameters start
    keywords = signature.keyword_only
    optional = all(name in signature.defaults for name in names[1:])
    defaults = [signature.defaults.get(name) for name in names]
    keeps_arrays = False
    wanted = []  # pairs of name and place among the values, of what the formula asks for

    def call(*args, **kwargs):
        if detours.installed:
            taken = detours.taken(record, call, args, kwargs)
            if taken is not NotImplemented:
                return taken
        out = kwargs.pop("out", None) if kwargs else None
        if optional and not kwargs and len(args) == 1:
            values = defaults.copy()
            values[0] = args[0]
        else:
            values = bind(args, kwargs)
        try:
            x, parent, xp = values[0]._array, values[0]._history, values[0]._xp
        except AttributeError:
            try:
                x, parent, xp = record.unwrapped(values[0])
            except TypeError:
                return overrides.asked(record, args, kwargs)
        if to_float and x.dtype.kind not in "fc":
            x = x.astype(dtypes.get_default_dtype().numpy)
        values[0] = x
        forward = compiled if compiled and x.size >= compiled_from() else formula
        token = _silence(_SILENT)
        try:
            if keywords:
                r = forward(xp, *values[:by_keyword], **dict(zip(keywords, values[by_keyword:])))
            else:
                r = forward(xp, *values)
        finally:
            _restore(token)
        if (parent is None or not vjps
                or _switched() is not None and not modes.is_grad_enabled()):
            result = wrap_result(r, xp)
        else:
            saved = {name: x.shape if place is None else r if place < 0 else values[place]
                     for name, place in wanted}
            if not keeps_arrays:
                saved = Parameters(saved)
            result = _recorded(record, parent, saved, r, xp)
        return result if out is None else write_out(out, result)

    def plan():
        nonlocal keeps_arrays
        keeps_arrays = not {"input", "out"}.isdisjoint(record.needs["input"])
        wanted[:] = [(n, None if n == "input_shape" else -1 if n == "out" else names.index(n))
                     for n in record.needs["input"] if n not in ("g", "xp")]
        formula, needs = vjps["input"], record.needs["input"]

        def backward(node, g):
            if isinstance(g, list):
                return record._backward(node, g)
            saved = node.saved
            return (formula(*[g if n == "g" else node.xp if n == "xp" else saved[n]
                              for n in needs]),)

        record.backward = backward

    record.plan = plan
    return call


def _recorded(record, parent, saved, r, xp):
    if isinstance(r, tuple):
        return multiple(make_node(record, (parent,), saved, None, xp), r, xp)
    t = new(Tensor)
    t._array, t._xp = r, xp
    t._history = make_node(record, (parent,), saved, r, xp) if r.dtype.kind in "fcV" else None
    return t
