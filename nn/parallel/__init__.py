"""PyTorch's `torch.nn.parallel` for one process with one device.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.DataParallel.html
"""

from .data_parallel import DataParallel, data_parallel, gather, scatter
from .distributed import DistributedDataParallel

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel", "gather", "scatter"]
