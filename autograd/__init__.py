"""Tensors, operations and the engine that differentiates them."""

from . import dtypes, operators, ops, text
from .composite import composite, expand
from .function import Function
from .grad import backward, grad
from .gradcheck import GradcheckError, gradcheck, gradgradcheck
from .modes import (enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled,
                    no_grad, set_grad_enabled)
from .tensor import Size, Tensor
from .variable import Variable
from .writes import mark_written

__all__ = [
    "Function", "GradcheckError", "Size", "Tensor", "Variable", "backward", "composite", "dtypes",
    "enable_grad", "expand", "grad", "gradcheck", "gradgradcheck", "inference_mode",
    "is_grad_enabled", "is_inference_mode_enabled", "mark_written", "no_grad", "operators", "ops",
    "set_grad_enabled", "text",
]
