"""Where the time goes: how often each operation was called, forward and backward, and how long.

While a profile is open every operation passes through a detour and every node's rule is wrapped;
without one nothing is measured and nothing costs anything.
Source: https://docs.pytorch.org/docs/stable/profiler.html
"""

import contextlib
import contextvars
import json
import time

from . import detours, watching

__all__ = ["FunctionEventAvg", "profile", "record_function"]

_open = []  # profiles, the innermost last
_inside = contextvars.ContextVar("ember_profiler_inside", default=False)
SORT_KEYS = {"cpu_time_total": "cpu_time_total", "self_cpu_time_total": "self_cpu_time_total",
             "cpu_time": "cpu_time", "count": "count"}


class FunctionEventAvg:
    """What one name took: `count`, and microseconds with and without what it called.

    Attributes: key, count, cpu_time_total, self_cpu_time_total, cpu_time (average).
    """

    def __init__(self, key):
        self.key = self.name = key
        self.count, self.cpu_time_total, self.self_cpu_time_total = 0, 0.0, 0.0

    @property
    def cpu_time(self):
        """The mean time of a call, in microseconds."""
        return self.cpu_time_total / self.count if self.count else 0.0


class EventList(list):
    """Events, or averages of them, that print as a table."""

    def table(self, sort_by=None, row_limit=100, **options):
        """Return the table as text.

        Args:
            sort_by: "cpu_time_total", "self_cpu_time_total", "cpu_time" or "count".
            row_limit: rows to show; −1 for all.
        Raises:
            ValueError: for another sort key.
        """
        rows = list(self)
        if sort_by is not None:
            if sort_by not in SORT_KEYS:
                raise ValueError(f"table() cannot sort by {sort_by!r}; it knows "
                                 f"{', '.join(SORT_KEYS)}")
            rows.sort(key=lambda row: getattr(row, SORT_KEYS[sort_by]), reverse=True)
        whole = sum(row.self_cpu_time_total for row in rows)
        rows = rows if row_limit < 0 else rows[:row_limit]
        wide = max([len(row.key) for row in rows] + [4])
        heads = ("Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg", "# of Calls")
        line = "  ".join(["-" * wide, *("-" * 12 for _ in heads)])
        text = [line, "  ".join(["Name".rjust(wide), *(head.rjust(12) for head in heads)]), line]
        for row in rows:
            cells = (_share(row.self_cpu_time_total, whole), _readable(row.self_cpu_time_total),
                     _share(row.cpu_time_total, whole), _readable(row.cpu_time_total),
                     _readable(row.cpu_time), str(row.count))
            text.append("  ".join([row.key.rjust(wide), *(cell.rjust(12) for cell in cells)]))
        return "\n".join([*text, line, f"Self CPU time total: {_readable(whole)}", ""])

    __str__ = table


def _share(part, whole):
    return f"{100 * part / whole if whole else 0:.2f}%"


def _readable(microseconds):
    for size, unit in ((1e6, "s"), (1e3, "ms")):
        if microseconds >= size:
            return f"{microseconds / size:.3f}{unit}"
    return f"{microseconds:.3f}us"


class profile:
    """A context in which the time of every operation is taken.

    Operations that only make views and in-place forms appear where they call others. Times are
    those of the caller's thread: on a GPU they are the times to launch.
    Args:
        All of PyTorch's are accepted; `on_trace_ready(profile)` is called at the end.
    Source: https://docs.pytorch.org/docs/stable/profiler.html#torch.profiler.profile

    >>> import ember
    >>> x = ember.ones(3, requires_grad=True)
    >>> with ember.profiler.profile() as p:
    ...     (x * 2).sum().backward()
    >>> sorted(row.key for row in p.key_averages())
    ['MulBackward0', 'SumBackward0', 'mul', 'sum']
    """

    def __init__(self, enabled=True, *, activities=None, schedule=None, on_trace_ready=None,
                 record_shapes=False, profile_memory=False, with_stack=False, with_flops=False,
                 with_modules=False, **options):
        self.enabled, self.on_trace_ready = enabled, on_trace_ready
        self._events, self._running, self._steps = [], [], 0

    def __enter__(self):
        if self.enabled:
            self.start()
        return self

    def __exit__(self, *exc_info):
        if self.enabled:
            self.stop()

    def start(self):
        """Begin to measure."""
        if not _open:
            detours.install(_measured, rank=-3)
            watching.watch_nodes(_wrap_rule)
        _open.append(self)

    def stop(self):
        """Stop measuring, and hand the profile to `on_trace_ready`."""
        _open.remove(self)
        if not _open:
            detours.remove(_measured)
            watching.unwatch_nodes(_wrap_rule)
        if self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def step(self):
        """Say that a step of the program has ended."""
        self._steps += 1

    def events(self):
        """Return every call as (name, start and duration in microseconds, duration of its own)."""
        return list(self._events)

    def key_averages(self, group_by_input_shape=False, group_by_stack_n=0):
        """Return one `FunctionEventAvg` for each name, in the order in which they ended first."""
        rows = {}
        for name, _, took, own in self._events:
            row = rows.setdefault(name, FunctionEventAvg(name))
            row.count += 1
            row.cpu_time_total += took
            row.self_cpu_time_total += own
        return EventList(rows.values())

    def table(self, sort_by=None, row_limit=100, **options):
        """Return the averages as a table."""
        return self.key_averages().table(sort_by, row_limit)

    def export_chrome_trace(self, path):
        """Write the calls as a trace that chrome://tracing and Perfetto show."""
        trace = [{"name": name, "ph": "X", "ts": start, "dur": took, "pid": 0, "tid": 0}
                 for name, start, took, _ in self._events]
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"traceEvents": trace}, file)

    def _begin(self, name):
        self._running.append([name, time.perf_counter_ns(), 0])

    def _end(self):
        name, start, inner = self._running.pop()
        took = time.perf_counter_ns() - start
        if self._running:
            self._running[-1][2] += took
        self._events.append((name, start / 1e3, took / 1e3, (took - inner) / 1e3))


@contextlib.contextmanager
def record_function(name, args=None):
    """Give a part of the program a name of its own in profiles.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.autograd.profiler.record_function.html
    """
    profiles = list(_open)
    for p in profiles:
        p._begin(name)
    try:
        yield
    finally:
        for p in profiles:
            p._end()


def _measured(record, call, args, kwargs):
    """Detour: take the time of an operation."""
    if _inside.get():
        _inside.set(False)  # this is the call made below, on its way in
        return NotImplemented
    _inside.set(True)
    try:
        with record_function(record.name):
            return call(*args, **kwargs)
    finally:
        _inside.set(False)


class _Measured(watching.Wrapped):
    """A node's rule whose backward is timed."""

    def backward(self, node, g):
        with record_function(node.name()):
            return self.inner.backward(node, g)

    def graph_backward(self, node, g):
        with record_function(node.name()):
            return self.inner.graph_backward(node, g)


def _wrap_rule(node):
    node.op = _Measured(node.op)
