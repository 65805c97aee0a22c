"""PyTorch's place for DLPack.

PyTorch page: https://docs.pytorch.org/docs/2.13/dlpack.html
"""

from ..autograd.dlpack import from_dlpack, to_dlpack

__all__ = ["from_dlpack", "to_dlpack"]
