"""Errors that name the line: what cut a gradient's path, used up a graph, overwrote a value.

Switched off, which is the default, nothing is recorded and nothing costs time. Switched on, every
operation notes the line of the program that called it.

>>> import ember
>>> w = ember.ones(2, requires_grad=True)
>>> with ember.autograd.set_explain(True):
...     pred = (w * 3).detach()
...     (pred - 1).sum().backward()
Traceback (most recent call last):
    ...
RuntimeError: element 0 of tensors does not require grad ... made by .detach() at ...
"""

import contextvars
import weakref

from . import arguments, detours, engine, modes, sources, tensor, watching, writes
from .anomaly import user_line
from .graph import FREED, HOW_TO_EXPLAIN, clock
from .tensor import Tensor

__all__ = ["is_explain_enabled", "set_explain"]

_MOST_CAUSES = 3  # that a tensor without a path remembers
_MOST_WRITES = 10_000  # that are remembered before those of freed memory are dropped

_enabled = False
_causes: dict = {}  # id of a tensor -> (weak reference, what cut its path to any leaf)
_written_at: dict = {}  # id of a memory's owner -> place of the last write
_left: tuple = ()  # how and where values last left the graph for Python
_inside = contextvars.ContextVar("ember_explain_inside", default=False)


def is_explain_enabled():
    """Return whether operations note the lines of the program that call them."""
    return _enabled


class set_explain:
    """Switch explanations on or off, at once; as a context manager, until its end.

    With them, errors of backward name the lines of the program that are to blame: where a path
    of gradients was cut, where a graph was used before, what saved a value and what overwrote it.
    The environment variable EMBER_EXPLAIN=1 switches them on from the start.

    >>> import ember
    >>> with ember.autograd.set_explain(True):
    ...     ember.autograd.is_explain_enabled()
    True
    """

    def __init__(self, mode=True):
        self._before = _enabled
        _switch(bool(mode))

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        _switch(self._before)


def _switch(mode):
    global _enabled, _left
    if mode and not _enabled:
        watching.watch_nodes(_note_line)
        watching.around.append(_explained_run)
        detours.install(_note_causes, rank=-1.5)
        writes.watcher = _note_write
        tensor.watcher = _note_leaving
    elif _enabled and not mode:
        watching.unwatch_nodes(_note_line)
        watching.around.remove(_explained_run)
        detours.remove(_note_causes)
        writes.watcher = tensor.watcher = None
        _left = ()
        _causes.clear()
        _written_at.clear()
    _enabled = mode


# -- what is noted ------------------------------------------------------------------------------


def _note_line(node):
    node.made_at = user_line()


def _note_write(key):
    if len(_written_at) >= _MOST_WRITES:
        for stale in [k for k in _written_at if not writes.is_known(k)]:
            del _written_at[stale]
    _written_at[key] = user_line()


def _note_leaving(source, how, result=None):
    """Note that values of a tensor left the graph, into a result without history or to Python."""
    global _left
    if source._node is None:
        return
    if result is not None:
        _remember(result, ((f"made by {how}", "", user_line()),))
    else:
        _left = how, user_line()


def _note_causes(record, call, args, kwargs):
    """Detour: note of results without history what cut the path to them, and of errors where."""
    if _inside.get():
        _inside.set(False)  # this is the call made below, on its way in
        return NotImplemented
    _inside.set(True)
    try:
        result = call(*args, **kwargs)
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        inputs = _tensors((*args, *kwargs.values()))
        arguments.noted(error, record, *[t._array for t in inputs])
        raise
    finally:
        _inside.set(False)
    inputs = list(_tensors((*args, *kwargs.values())))
    for t in _tensors((result,)):
        if t._node is None and not any(t is i for i in inputs):
            causes = _causes_of(record, t, inputs)
            if causes:
                _remember(t, causes)
    return result


def _tensors(values):
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)


def _causes_of(record, t, inputs):
    if any(i._node is not None for i in inputs):
        return ((*_reason(record, t), user_line()),)
    causes: dict = {}
    for i in inputs:
        causes.update(dict.fromkeys(_causes.get(id(i), (None, ()))[1]))
    return tuple(causes)[:_MOST_CAUSES]


def _reason(record, t):
    """Return what happened, and why that cuts the path."""
    if record.name == "detach":
        return "made by .detach()", ""
    if not modes.is_grad_enabled():
        return f"computed by {record.name}", ", while torch.no_grad() was in force"
    if t._array.dtype.kind not in "fcV":
        return (f"computed by {record.name}", f", as {t.dtype.name}: only real and complex numbers "
                "have gradients")
    return f"computed by {record.name}", ", which has no derivative"


def _remember(t, causes):
    key = id(t)
    _causes[key] = (weakref.ref(t, lambda _: _causes.pop(key, None)), causes)


# -- what is said -------------------------------------------------------------------------------


def no_path(tensor):
    """Say why a tensor has no path to any leaf that requires gradients."""
    if not _enabled:
        return (" no tensor it was computed from has requires_grad=True, or the path was cut by "
                ".detach(), .data, .item(), torch.no_grad() or an integer operation."
                + HOW_TO_EXPLAIN)
    causes = _causes.get(id(tensor), (None, ()))[1]
    if not causes:
        said = (" no tensor it was computed from has requires_grad=True, or the path was cut where "
                "values left the graph for Python or NumPy")
        return said + (f"; they last did{_at(_left[1])}, by {_left[0]}" if _left else "")
    said = []
    for happened, why, place in causes:
        name = None if place is None else sources.assigned(place)
        said.append(f"{_named(name)} was {happened}{_at(place)}{why}")
    return " the path to what requires gradients is cut: " + "; ".join(said)


def _named(name):
    return "a value" if name is None else f"`{name}`"


def _at(place):
    return "" if place is None else f" at {sources.shown(place)}"


def _explained_run(run, roots, **options):
    """Run a backward pass; note where it freed the graph, and explain why it fails."""
    nodes = [n for n in engine.collect([n for n, _ in roots]) if n.saved and n.saved is not FREED]
    place = user_line()
    try:
        result = run(roots, **options)
    except RuntimeError as error:
        node = getattr(error, "node", None)
        if node is not None:
            said = _overwritten(error) if hasattr(error, "array") else _used_again(node, roots)
            error.args = (error.args[0].removesuffix(HOW_TO_EXPLAIN) + said,)
        raise
    finally:
        now = next(clock)
        for node in nodes:
            if node.saved is FREED:
                node.freed_at = now, place
    return result


def _overwritten(error):
    """Say which line saved a value and which one overwrote it."""
    place = getattr(error.node, "made_at", None)
    written = _written_at.get(id(error.node.xp.owner(error.array)))
    said = f" {error.node.name()} saved it"
    said += _at(place) if place is not None else " before explanations were switched on"
    return said + (f"; it was overwritten{_at(written)}." if written is not None else ".")


def _used_again(node, roots):
    """Say which backward pass used a graph before, and which tensor leads back into it."""
    time, place = getattr(node, "freed_at", (None, None))
    if time is None:
        return " That happened before explanations were switched on."
    said = f" The graph was used by the backward pass at {sources.shown(place)}."
    for younger in reversed(engine.collect([n for n, _ in roots])):
        if younger.seq <= time:
            continue
        for parent in younger.parents:
            made_at = getattr(parent, "made_at", None)
            if made_at is not None and 0 < parent.seq < time:
                name = _named(sources.assigned(made_at))
                return said + (f" What is new since then leads back into it through {name}, made "
                               f"at {sources.shown(made_at)}: probably it should be detached, "
                               "as in `hidden = hidden.detach()`, between the passes.")
    return said + " Nothing was computed in between: the first pass needs retain_graph=True."
