"""`torch.multiprocessing`: Python's multiprocessing, with tensors in shared memory.

PyTorch page: https://docs.pytorch.org/docs/2.13/multiprocessing.html
"""

from .utils.multiprocessing import *  # noqa: F403
