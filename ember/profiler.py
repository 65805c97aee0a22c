"""PyTorch's torch.profiler: where the time of a program goes.

PyTorch page: https://docs.pytorch.org/docs/stable/profiler.html
"""

import enum

from .autograd.profiler import profile, record_function

__all__ = ["ProfilerActivity", "profile", "record_function", "schedule"]


class ProfilerActivity(enum.Enum):
    """What to measure; accepted, ember measures the caller's thread."""

    CPU = "cpu"
    CUDA = "cuda"


def schedule(*, wait, warmup, active, repeat=0, skip_first=0, skip_first_wait=0):
    """Return a schedule of steps; accepted by `profile`, which measures every step."""
    return lambda step: active
