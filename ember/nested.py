"""PyTorch's torch.nested: batches of tensors of different lengths.

PyTorch page: https://docs.pytorch.org/docs/stable/nested.html
"""

from .autograd.nested import as_nested_tensor, nested_tensor, to_padded_tensor

__all__ = ["as_nested_tensor", "nested_tensor", "to_padded_tensor"]
