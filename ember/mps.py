"""PyTorch's torch.mps: questions about Apple's GPUs, which ember does not use.

PyTorch page: https://docs.pytorch.org/docs/stable/mps.html
"""

__all__ = ["device_count", "empty_cache", "is_available", "synchronize"]


def is_available():
    """Return False."""
    return False


def device_count():
    """Return 0."""
    return 0


def synchronize():
    """Return at once: nothing runs there."""


def empty_cache():
    """Return at once: nothing is kept there."""
