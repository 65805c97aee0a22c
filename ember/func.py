"""PyTorch's torch.func: functions of functions (grad, vmap, Jacobians) over nested tensors.

PyTorch page: https://docs.pytorch.org/docs/2.13/func.html
"""

from .autograd.jacobians import hessian, jacfwd, jacrev
from .autograd.transforms import (
    functionalize,
    grad,
    grad_and_value,
    jvp,
    linearize,
    value_and_grad,
    vjp,
)
from .autograd.vmap import vmap
from .nn.utils.stateless import functional_call, stack_module_state

__all__ = ["functional_call", "functionalize", "grad", "grad_and_value", "hessian", "jacfwd",
           "jacrev", "jvp", "linearize", "stack_module_state", "value_and_grad", "vjp", "vmap"]
