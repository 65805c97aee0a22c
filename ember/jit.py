"""`torch.jit`: scripting and tracing are accepted, and give the function or module itself.

ember has no TorchScript: nothing is compiled, and `save` and `load` of scripts do not exist.
Source: https://docs.pytorch.org/docs/2.13/jit.html
"""

from typing import Final as Final

from .autograd.notices import say_once as _say_once
from .nn import Module as _Module

_NOTICE = "torch.jit.{} returns its argument: ember runs Python as it is, without TorchScript"


def script(obj, optimize=None, _frames_up=0, _rcb=None, example_inputs=None):
    """Return the function, class or module itself; a warning says so once.

    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     double = script(lambda x: 2 * x)
    >>> double(3)
    6
    """
    _say_once(_NOTICE.format("script"))
    return obj


def trace(func, example_inputs=None, **options):
    """Return the function or module itself, after one call with the example's inputs.

    A warning says once that nothing is recorded.

    Args:
        func: a Module or a function.
        example_inputs: a tensor or a tuple of arguments.
        **options: accepted.
    """
    _say_once(_NOTICE.format("trace"))
    if example_inputs is not None:
        given = example_inputs if isinstance(example_inputs, (tuple, list)) else (example_inputs,)
        func(*given)
    return func


class ScriptModule(_Module):
    """A module whose methods PyTorch compiles where `script_method` marks them; here a Module."""


def script_method(fn):
    """Return the method unchanged."""
    return fn


def script_if_tracing(fn):
    """Return the function unchanged."""
    return fn


def annotate(the_type, the_value):
    """Return the value; its type is a note for compilers."""
    return the_value


def is_scripting():
    """Return False: code runs as Python."""
    return False


is_tracing = is_scripting


def ignore(drop=False, **kwargs):
    """Return the function unchanged; also a decorator with arguments."""
    return drop if callable(drop) else lambda function: function


def unused(fn):
    """Return the function unchanged."""
    return fn


def export(fn):
    """Return the function unchanged."""
    return fn


def interface(obj):
    """Return the class unchanged."""
    return obj
