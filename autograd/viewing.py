"""The template of view ops: results that share their input's memory, made in about a microsecond.

A view op has a record like any other (`op(view=True)`); its forward replays the view when a
base was written in place. The public function computes the raw view itself and calls `made`.
"""

from . import detours, modes
from .graph import Parameters, make_node
from .tensor import Tensor, new
from .views import register

__all__ = ["Parameters", "copied", "fast_backward", "made", "made_several", "memory", "shares"]

_switched = modes.current.get


def memory(tensor):
    """Return the raw array that views of a tensor share, never a NumPy scalar.

    Raises:
        TypeError: for anything but a tensor.
    """
    try:
        array = tensor._array
    except AttributeError:
        raise TypeError("argument 'input' (position 1) must be Tensor, not "
                        f"{type(tensor).__name__}. Make one with torch.tensor(...)") from None
    return array if array.ndim else tensor._buffer()


def made(record, source, array, arguments):
    """Return the tensor around a raw view of a tensor's memory, with its history.

    Args:
        record: the record of the view op.
        source: the tensor that was viewed.
        array: the raw result, sharing memory with `source`.
        arguments: keyword arguments with which `record` makes this view again.
    """
    if detours.installed:
        taken = _take_detour(made, record, source, array, arguments)
        if taken is not NotImplemented:
            return taken
    t = new(Tensor)
    t._array = array
    xp = t._xp = source._xp
    recording = _switched() is None or modes.is_grad_enabled()
    try:
        parent = source._history
    except AttributeError:
        parent = source._node
    if parent is None or not recording:
        t._history = None
    else:
        t._history = make_node(record, (parent,), Parameters(arguments), array, xp)
    register(t, source, (record, arguments, None), False, recording)
    return t


def copied(record, source, array, arguments):
    """The same for a raw result that is a copy: it has a history but is no view.

    `arguments` are saved as they are: `Parameters` stay after backward, a dict does not.
    """
    if detours.installed:
        taken = _take_detour(copied, record, source, array, arguments)
        if taken is not NotImplemented:
            return taken
    t = new(Tensor)
    t._array = array
    t._xp = source._xp
    if source._node is None or not (_switched() is None or modes.is_grad_enabled()):
        t._history = None
    else:
        t._history = make_node(record, (source._node,), arguments, array, source._xp)
    return t


def made_several(record, source, arrays, arguments, tracked=True):
    """Return the tuple of tensors around several raw views of one tensor.

    Views that are not tracked may be written in place, but autograd does not learn of it.
    """
    from .templates import multiple

    if detours.installed:
        taken = _take_detour(made_several, record, source, arrays, arguments, tracked)
        if taken is not NotImplemented:
            return taken
    xp, parent = source._xp, source._node
    recording = _switched() is None or modes.is_grad_enabled()
    if parent is None or not recording:
        tensors = tuple([Tensor._wrap(array, xp) for array in arrays])
    else:
        node = make_node(record, (parent,), Parameters(arguments), None, xp)
        tensors = multiple(node, tuple(arrays), xp)
    for index, t in enumerate(tensors if tracked else ()):
        register(t, source, (record, arguments, index), True, recording)
    return tensors


class _Again:
    """What a detour calls to go on where the raw result is there already."""

    is_raw = True  # its first argument has no say in the result any more

    def __init__(self, maker, record, *rest):
        self._maker, self._record, self._rest = maker, record, rest
        self.__name__ = record.name

    def __call__(self, source, **arguments):
        raw, *rest = self._rest
        return self._maker(self._record, source, raw, arguments, *rest)


def _take_detour(maker, record, source, raw, arguments, *rest):
    return detours.taken(record, _Again(maker, record, raw, *rest), (source,), arguments)


def shares(view, array):
    """Return whether a raw result of reshaping or indexing is a view of the raw array."""
    base = view.base
    return base is not None and (base is array or base is array.base)


def fast_backward(function):
    """Give a record with one differentiable input a backward without argument matching.

    The formula may ask for `g`, `xp`, `input_shape` and parameters.
    """
    record = function.op
    formula, names = record.vjps["input"], record.needs["input"]

    def backward(node, g):
        saved = node.saved
        if isinstance(g, list):
            g = [node.xp.zeros(shape, dtype) if gi is None else gi
                 for gi, (shape, dtype) in zip(g, node.shapes)]
        return (formula(*[
            g if n == "g" else node.xp if n == "xp"
            else node.parents[0].shape if n == "input_shape" else saved[n] for n in names]),)

    def named(node):
        return {"input_shape": node.parents[0].shape, **node.saved}

    if names == ("g",):
        record.backward = lambda node, g: (formula(g),)
    elif names == ("g", "input_shape"):
        record.backward = lambda node, g: (formula(g, node.parents[0].shape),)
    else:
        record.backward = backward
    record.named = named
    return function
