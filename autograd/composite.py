"""Composites: operations defined by a readable composition, sped up by deletable kernels.

    @composite
    def softmax(input, dim):
        e = (input - input.amax(dim, keepdim=True)).exp()
        return e / e.sum(dim, keepdim=True)

The composition is the definition: higher orders differentiate it, tests compare kernels with
it, and `with expand():` runs it. A kernel (`backends/kernels`) of the same name only adds
speed: a forward on raw arrays that returns (out, saved) and a backward from saved values.
"""

import contextlib
import contextvars
import functools
import inspect

from .. import backends
from ..backends import kernels
from . import detours, modes
from .graph import make_node
from .templates import multiple, wrap_result
from .tensor import Tensor, new

__all__ = ["composite", "expand", "COMPOSITES"]

COMPOSITES = {}

_expanded = contextvars.ContextVar("ember_expanded", default=False)
_is_expanded = _expanded.get
_switched = modes.current.get
_SILENT = backends.numpy.SILENT
_silence = backends.numpy.float_errors.set
_restore = backends.numpy.float_errors.reset


@contextlib.contextmanager
def expand():
    """Run composites as compositions of primitive operations instead of kernels.

    >>> import ember
    >>> with ember.expand():
    ...     y = ember.nn.functional.linear(ember.ones(1, 2), ember.ones(3, 2))
    """
    token = _expanded.set(True)
    try:
        yield
    finally:
        _expanded.reset(token)


class Composite:
    """The record of a composite.

    Attributes:
        composition: the definition, on Tensors.
        tensors: the positions of the arguments that may be tensors with gradients.
    """

    def __init__(self, composition, label):
        self.name = composition.__name__
        self.label = label or self.name
        self.node_name = "".join(p.capitalize() for p in self.name.split("_")) + "Backward0"
        self.composition = composition
        parameters = inspect.signature(composition).parameters
        self.names = tuple(parameters)
        self.defaults = {n: p.default for n, p in parameters.items()
                         if p.default is not p.empty}
        COMPOSITES[self.name] = self

    def named(self, node):
        _, saved, args, _ = node.saved
        names = {id(value): name for name, value in zip(self.names, args)}
        return {names.get(id(v), str(i)): v for i, v in enumerate(saved)}

    adjoint = True  # the composition's operations conjugate themselves; see Op

    def backward(self, node, g):
        kernel, saved, _, _ = node.saved
        wanted = [p is not None for p in node.parents]
        if node.dtype is None or node.dtype.kind != "c":
            return kernel.backward(node.xp, g, saved, wanted)
        grads = kernel.backward(node.xp, g.conj(), saved, wanted)
        return [None if gp is None else gp.conj() for gp in grads]

    def graph_backward(self, node, g):
        """Differentiate the composition, recomputed from the arguments."""
        from .grad import grad

        _, _, args, places = node.saved
        args = list(args)
        for place, parent in zip(places, node.parents):
            args[place] = Tensor._wrap(args[place], node.xp)
            args[place]._node = parent
        wanted = [args[place] for place, p in zip(places, node.parents) if p is not None]
        with modes.enable_grad(), expand():
            # identities, so that each argument is told apart even when two share a parent
            inputs = [t.view_as(t) for t in wanted]
            for place, t in zip([q for q, p in zip(places, node.parents) if p is not None], inputs):
                args[place] = t
            args = [Tensor._wrap(a, node.xp) if isinstance(a, node.xp.array_types) else a
                    for a in args]
            outs, gs = self.composition(*args), g
            if isinstance(outs, tuple):  # None where no gradient arrived
                pairs = [(out, gi) for out, gi in zip(outs, g) if gi is not None]
                outs, gs = zip(*pairs)
            grads = iter(grad(outs, inputs, gs, create_graph=True, allow_unused=True))
        return [None if p is None else next(grads) for p in node.parents]

    def bind(self, args, kwargs):
        """Return all arguments in order."""
        values = dict(zip(self.names, args))
        if len(args) > len(self.names):
            raise TypeError(f"{self.name}() takes {len(self.names)} positional arguments but "
                            f"{len(args)} were given")
        for name, value in kwargs.items():
            if name not in self.names or name in values:
                problem = "unexpected" if name not in self.names else "repeated"
                raise TypeError(f"{self.name}() got an {problem} keyword argument '{name}'")
            values[name] = value
        for name in self.names:
            if name not in values:
                if name not in self.defaults:
                    raise TypeError(f"{self.name}() missing required argument '{name}'")
                values[name] = self.defaults[name]
        return [values[name] for name in self.names]


def composite(composition=None, *, label=None):
    """Make a composite from its composition; return the public function.

    A registered kernel may decline a call by returning NotImplemented; the composition runs
    then. It gives one output or a tuple of several, as the composition does; the backward of
    several gets a list of gradients, None where none arrived. Arguments that are tensors may
    require gradients.
    """
    if composition is None:
        return lambda function: composite(function, label=label)
    record = Composite(composition, label)
    name, arity = record.name, len(record.names)

    @functools.wraps(composition)
    def call(*args, **kwargs):
        if detours.installed:
            taken = detours.taken(record, call, args, kwargs)
            if taken is not NotImplemented:
                return taken
        if kwargs or len(args) != arity:
            args = record.bind(args, kwargs)
        xp, raw, places, parents, found, size = None, list(args), [], [], False, 0
        for place, arg in enumerate(args):
            if not isinstance(arg, Tensor):
                continue
            if xp is None:
                xp = arg._xp
            elif arg._xp is not xp:
                return composition(*args)
            try:
                node = arg._history
            except AttributeError:
                node = arg._node
            array = arg._array
            size += array.size
            raw[place] = array
            places.append(place)
            parents.append(node)
            found = found or node is not None
        if xp is None or _is_expanded():
            return composition(*args)
        recording = found and (_switched() is None or modes.is_grad_enabled())
        result = NotImplemented
        token = _silence(_SILENT)
        try:
            for kernel in kernels.find(name, xp, size):
                result = kernel.forward(xp, recording, *raw)
                if result is not NotImplemented:
                    break
        finally:
            _restore(token)
        if result is NotImplemented:
            return composition(*args)
        made, saved = result
        several = made.__class__ is tuple
        node = make_node(record, tuple(parents), (kernel, saved, raw, places),
                         None if several else made, xp) if recording else None
        if several:
            return multiple(node, made, xp) if recording else wrap_result(made, xp)
        t = new(Tensor)
        t._array, t._xp, t._history = made, xp, node
        return t

    call.op = record
    return call
