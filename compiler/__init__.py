"""`torch.compile` and what programs ask of `torch.compiler`.

A compiled function is recorded once for each signature of its arguments (`recording.py`). What it
does becomes a chain (`chain.py`) of programs and of calls such as `loss.backward()` between them.
A program (`program.py`) is one generated Python function over raw arrays (`source.py`), with one
function for its gradients (`backward.py`). The chain is replayed while its guards hold
(`guards.py`).
Source: https://docs.pytorch.org/docs/2.13/torch.compiler_api.html
"""

import contextlib
import functools

from . import dispatch as _dispatch
from . import recording as _recording
from .optimized import compile as compile

__all__ = ["allow_in_graph", "assume_constant_result", "compile", "cudagraph_mark_step_begin",
           "disable", "is_compiling", "is_dynamo_compiling", "is_exporting", "list_backends",
           "reset", "set_stance"]


def is_compiling():
    """Return whether the calling code is being recorded."""
    return _recording.active() is not None


is_dynamo_compiling = is_compiling


def is_exporting():
    """Return False: ember exports no programs."""
    return False


def disable(fn=None, recursive=True, *, reason=None):
    """Return the function such that whatever calls it runs eagerly; also a decorator.

    Args:
        fn: a function, or None for a decorator.
        recursive, reason: accepted.
    """
    if fn is None:
        return lambda function: disable(function, recursive, reason=reason)

    @functools.wraps(fn)
    def disabled(*args, **kwargs):
        recorder = _recording.active()
        if recorder is not None:
            recorder.fail(f"calls {getattr(fn, '__name__', 'a function')}, which is excluded by "
                          "torch.compiler.disable")
        return fn(*args, **kwargs)

    return disabled


def allow_in_graph(fn):
    """Return the function (or functions) unchanged."""
    return fn


def assume_constant_result(fn):
    """Return the function unchanged."""
    return fn


def cudagraph_mark_step_begin():
    """Do nothing: there are no captured graphs."""


def reset():
    """Forget all programs; compiled functions record anew."""
    _dispatch.forget_programs()


def list_backends(exclude_tags=("debug", "experimental")):
    """Return the names of the compilers.

    >>> import ember
    >>> ember.compiler.list_backends()
    ['inductor']
    """
    return ["inductor"]


def set_stance(stance="default", *, skip_guard_eval_unsafe=False, force_backend=None):
    """Say how to treat compiled functions; also a context manager.

    Args:
        stance: "default", or "force_eager" to run them as they are; others count as "default".
    """
    before = _dispatch.Compiled.enabled
    _dispatch.Compiled.enabled = stance != "force_eager"

    @contextlib.contextmanager
    def until_the_end():
        try:
            yield
        finally:
            _dispatch.Compiled.enabled = before

    return until_the_end()
