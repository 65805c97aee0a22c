"""PyTorch's place for questions about `__torch_function__`.

PyTorch page: https://docs.pytorch.org/docs/2.13/torch.overrides.html
"""

from .autograd.overrides import handle_torch_function, has_torch_function, is_tensor_like

__all__ = ["handle_torch_function", "has_torch_function", "is_tensor_like"]
