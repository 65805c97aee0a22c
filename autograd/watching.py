"""Slow paths that exist only while somebody needs them.

Saved-tensor hooks, anomaly mode and multi-gradient hooks have to see every node or every backward
pass. Nobody else shall pay for that, so there is no test for them in the hot path: while a
watcher is installed, a property takes the place of a slot of Node.
"""

import functools

from .graph import Node, Rule

__all__ = ["Wrapped", "around", "is_watching", "unwatch_nodes", "watch_nodes", "wrapped"]

# Makers of nodes set `hooks` to None once, when `op`, `parents`, `saved` and `xp` are there.
_slot = Node.hooks
_watchers = []
# Python stops caching a class that was changed too often; from then on the property stays.
_CHANGES = 100
_changes = 0

around = []  # wrappers of each backward pass: functions of (run, roots, **options)


def _set(node, value):
    _slot.__set__(node, value)
    if value is None:
        for watcher in _watchers:
            watcher(node)


def watch_nodes(watcher):
    """Have `watcher(node)` called for every node made from now on."""
    global _changes
    _watchers.append(watcher)
    if Node.hooks is _slot:
        _changes += 1
        Node.hooks = property(_slot.__get__, _set)


def unwatch_nodes(watcher):
    """Take a watcher out again."""
    _watchers.remove(watcher)
    if not _watchers and _changes < _CHANGES:
        Node.hooks = _slot


def is_watching():
    """Return whether somebody sees every node or every backward pass."""
    return bool(_watchers or around)


def wrapped(run):
    """Return the engine's run inside the wrappers installed now."""
    for wrapper in around:
        run = functools.partial(wrapper, run)
    return run


class Wrapped(Rule):
    """A rule around another rule, to which it passes on what it does not do itself."""

    def __init__(self, inner):
        self.inner = inner
        self.name, self.label, self.node_name = inner.name, inner.label, inner.node_name
        self.adjoint = inner.adjoint

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def named(self, node):
        return self.inner.named(node)

    def backward(self, node, g):
        return self.inner.backward(node, g)

    def graph_backward(self, node, g):
        return self.inner.graph_backward(node, g)
