"""Anomaly mode: which operation made a gradient NaN, and which line of the program made it.

PyTorch page: https://docs.pytorch.org/docs/stable/autograd.html#anomaly-detection
"""

import linecache
import sys
import warnings

from . import engine, watching
from .levels import Level

__all__ = ["is_anomaly_check_nan_enabled", "is_anomaly_enabled", "set_anomaly_enabled"]

_enabled = False
_check_nan = True
_PACKAGE = __name__.partition(".")[0]


def is_anomaly_enabled():
    """Return whether anomaly mode is on."""
    return _enabled


def is_anomaly_check_nan_enabled():
    """Return whether anomaly mode looks for NaN."""
    return _check_nan


def set_anomaly_enabled(mode, check_nan=True):
    """Switch anomaly mode on or off. Use `set_detect_anomaly`."""
    global _enabled, _check_nan
    mode = bool(mode)
    if mode and not _enabled:
        watching.watch_nodes(_note_line)
        watching.around.append(_checked_run)
    elif _enabled and not mode:
        watching.unwatch_nodes(_note_line)
        watching.around.remove(_checked_run)
    _enabled, _check_nan = mode, bool(check_nan)


class set_detect_anomaly:
    """Switch anomaly mode on or off, at once; as a context manager, until its end.

    In anomaly mode a backward pass that makes a NaN raises RuntimeError, and an error in backward
    tells which line of the program called the operation.

    Args:
        mode: whether to switch it on.
        check_nan: whether to look for NaN.
    Source: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.set_detect_anomaly

    >>> import ember
    >>> with ember.autograd.set_detect_anomaly(True):
    ...     x = ember.tensor(0.0, requires_grad=True)
    ...     (x.sqrt() * 0).backward()
    Traceback (most recent call last):
        ...
    RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output. ...
    """

    def __init__(self, mode, check_nan=True):
        self._before = _enabled, _check_nan
        set_anomaly_enabled(mode, check_nan)

    def __enter__(self):
        return None

    def __exit__(self, *exc_info):
        set_anomaly_enabled(*self._before)


class detect_anomaly:
    """A context in which anomaly mode is on; see `set_detect_anomaly`. Warns, being slow.

    Source: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.detect_anomaly
    """

    def __init__(self, check_nan=True):
        self._check_nan = check_nan
        warnings.warn("Anomaly Detection has been enabled. This mode will increase the runtime and "
                      "should only be enabled for debugging.", stacklevel=2)

    def __enter__(self):
        self._before = _enabled, _check_nan
        set_anomaly_enabled(True, self._check_nan)

    def __exit__(self, *exc_info):
        set_anomaly_enabled(*self._before)


def user_line():
    """Return (file, line number, function) of the innermost caller outside ember, or None."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] != _PACKAGE:
            return frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name
        frame = frame.f_back
    return None


def _note_line(node):
    node.made_at = user_line()


def _made_at(node):
    """Say where the operation of a node was called."""
    place = getattr(node, "made_at", None)
    if place is None:
        return (f"{node.name()} was recorded before anomaly mode was on; switch it on before the "
                "forward computation to learn where")
    file, line, function = place
    text = linecache.getline(file, line).strip()
    return f"{node.name()} was recorded at {file}:{line}, in {function}" + (
        f": {text}" if text else "")


def _checked_run(run, roots, **options):
    """Run a backward pass with every rule watched."""
    nodes = [node for node in engine.collect([node for node, _ in roots])
             if node.op is not None and not isinstance(node.op, Level)]
    for node in nodes:
        node.op = _Checked(node.op)
    try:
        return run(roots, **options)
    finally:
        for node in nodes:
            node.op = node.op.inner


class _Checked(watching.Wrapped):
    def backward(self, node, g):
        return self._checked(node, self.inner.backward, g)

    def graph_backward(self, node, g):
        return self._checked(node, self.inner.graph_backward, g)

    def _checked(self, node, formula, g):
        try:
            outgoing = formula(node, g)
        except Exception as error:
            error.add_note(_made_at(node))
            raise
        for number, item in enumerate(outgoing if _check_nan else ()):
            for array in item if isinstance(item, list) else (item,):
                if array is not None and _has_nan(node.xp, getattr(array, "_array", array)):
                    raise RuntimeError(f"Function '{node.name()}' returned nan values in its "
                                       f"{number}th output. {_made_at(node)}")
        return outgoing


def _has_nan(xp, array):
    return array.dtype.kind in "fc" and bool(xp.to_host(xp.isnan(array).any()))
