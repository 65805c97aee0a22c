"""When memory was last written in place: the version counters of ember.

A node saves raw arrays and its creation number. Every in-place write notes the time (on the
same clock) under the identity of the memory's owner. A saved array is stale exactly when its
memory was written after the node was made, so nothing has to be counted in the forward pass.
"""

import weakref

from ..backends.base import owner as _owner
from .graph import HOW_TO_EXPLAIN, Node, clock

__all__ = ["mark_written", "check", "version"]

watcher = None  # called with the key of the memory after each write, while `explain` is on
last = 0  # time of the newest write to any tensor
_written = {}  # id of the memory's owner -> [time of last write, number of writes, weak ref]


def mark_written(array):
    """Note that the memory of a raw array was just written in place."""
    global last
    owner = _owner(array)
    last = next(clock)
    if watcher is not None:
        watcher(id(owner))
    entry = _written.get(id(owner))
    if entry is not None:
        entry[0] = last
        entry[1] += 1
        return
    key = id(owner)
    try:
        ref = weakref.ref(owner, lambda _, key=key: _written.pop(key, None))
    except TypeError:  # foreign memory that cannot be referred to weakly: keep it alive
        ref = owner
    _written[key] = [last, 1, ref]


def written_after(array, seq):
    """Return whether the memory of a raw array was written after a time."""
    entry = _written.get(id(_owner(array)))
    return entry is not None and entry[0] > seq


def is_known(key):
    """Return whether memory that was written in place, by its key, still exists."""
    return key in _written


def version(array):
    """Return how often the memory of a raw array was written in place."""
    entry = _written.get(id(_owner(array)))
    return 0 if entry is None else entry[1]


def check(node: Node):
    """Raise when a value that a node saved was overwritten since.

    Raises:
        RuntimeError: naming the operation that saved the value.
    """
    for name, value in node.op.named(node).items():
        for array in value if isinstance(value, (list, tuple)) else (value,):
            if hasattr(array, "flags") and hasattr(array, "base") and array.ndim + array.size > 0:
                if written_after(array, node.seq):
                    raise _overwritten(node, name, array)


def _overwritten(node, name, array):
    error = RuntimeError(_OVERWRITTEN.format(
        shape=list(array.shape), op=node.name(), name=name, version=version(array))
        + HOW_TO_EXPLAIN)
    error.node, error.array = node, array  # for `explain`
    return error


_OVERWRITTEN = (
    "one of the variables needed for gradient computation has been modified by an inplace "
    "operation: the tensor of shape {shape} that {op} saved as '{name}' was written afterwards "
    "(it is at version {version} now). Replace the in-place operation (x += y, x[i] = v, "
    "x.relu_(), ...) by one that makes a new tensor, or write to a .clone().")
