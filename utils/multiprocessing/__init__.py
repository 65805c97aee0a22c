"""Python's multiprocessing, whose processes also send each other tensors through shared memory.

PyTorch page: https://docs.pytorch.org/docs/2.13/multiprocessing.html
"""

import multiprocessing as _multiprocessing
from multiprocessing import *  # noqa: F403

from .sharing import (
    get_all_sharing_strategies,
    get_sharing_strategy,
    set_sharing_strategy,
)
from .spawning import (
    ProcessContext,
    ProcessExitedException,
    ProcessRaisedException,
    spawn,
    start_processes,
)

__all__ = [*_multiprocessing.__all__,
           "ProcessContext", "ProcessExitedException", "ProcessRaisedException",
           "get_all_sharing_strategies", "get_sharing_strategy", "set_sharing_strategy", "spawn",
           "start_processes"]
