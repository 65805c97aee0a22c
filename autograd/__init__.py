"""Tensors, operations and the engine that differentiates them."""

import os as _os
from importlib import import_module as _import_module

from . import copying, dtypes, interop, operators, ops, overrides, text
from .anomaly import detect_anomaly, set_detect_anomaly
from .composite import composite, expand
from .explain import is_explain_enabled, set_explain
from .function import Function
from .grad import backward, grad
from .gradcheck import GradcheckError, gradcheck, gradgradcheck
from .modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .op import RECORDS as _RECORDS
from .tensor import Size, Tensor
from .variable import Variable
from .writes import mark_written

__all__ = [
    "Function", "GradcheckError", "Size", "Tensor", "Variable", "backward", "composite",
    "detect_anomaly", "dtypes", "enable_grad", "expand", "grad", "gradcheck", "gradgradcheck",
    "inference_mode", "is_grad_enabled", "is_inference_mode_enabled", "mark_written", "no_grad",
    "is_explain_enabled", "operators", "ops", "set_detect_anomaly", "set_explain",
    "set_grad_enabled", "text",
]

# The modules whose `__all__` belongs to the namespace `torch`, beside the op records.
_PUBLIC = ("anomaly", "composite", "creation", "devices", "dlpack", "drawing", "dtypes",
           "from_data", "layouts", "modes", "random", "tensor", "typed", "vmap", "windows")


def _torch_names():
    """Return everything of this package that the namespace `torch` holds, by name."""
    names = {record.name: record.call for record in _RECORDS.values()
             if "torch" in record.namespaces}
    modules = [_import_module("." + name, __name__) for name in _PUBLIC]
    modules += [getattr(ops, family) for family in ops.FAMILIES]
    for module in modules:
        names.update((name, getattr(module, name)) for name in getattr(module, "__all__", ()))
    return names


TORCH_NAMES = _torch_names()
globals().update((name, value) for name, value in TORCH_NAMES.items() if name not in globals())

if _os.environ.get("EMBER_EXPLAIN", "0") not in ("", "0"):
    set_explain(True)
