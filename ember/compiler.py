"""What programs ask of `torch.compiler`; nothing is compiled (see `ember.nn.compiled`).

Source: https://docs.pytorch.org/docs/2.13/torch.compiler_api.html
"""

from .nn.compiled import compile as compile


def is_compiling():
    """Return False: code runs eagerly."""
    return False


is_dynamo_compiling = is_exporting = is_compiling


def disable(fn=None, recursive=True, *, reason=None):
    """Return the function itself; also a decorator, with and without arguments."""
    return (lambda function: function) if fn is None else fn


def allow_in_graph(fn):
    """Return the function (or functions) unchanged."""
    return fn


def assume_constant_result(fn):
    """Return the function unchanged."""
    return fn


def cudagraph_mark_step_begin():
    """Do nothing: there are no captured graphs."""


def reset():
    """Do nothing: nothing was compiled."""


def list_backends(exclude_tags=("debug", "experimental")):
    """Return the names of the compilers: none."""
    return []


def set_stance(stance="default", *, skip_guard_eval_unsafe=False, force_backend=None):
    """Accept how to treat compilation; return a context manager that does nothing."""
    import contextlib

    return contextlib.nullcontext()
