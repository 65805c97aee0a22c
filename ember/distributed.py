"""`torch.distributed` in a process of its own: the questions that programs ask before they start.

There is no communication yet, so `is_available()` is False, as in a PyTorch built without it.
Source: https://docs.pytorch.org/docs/2.13/distributed.html
"""

__all__ = ["destroy_process_group", "get_rank", "get_world_size", "init_process_group",
           "is_available", "is_initialized", "is_torchelastic_launched"]

_NOT_STARTED = ("Default process group has not been initialized, please make sure to call "
                "init_process_group.")


def is_available():
    """Return False: processes cannot communicate yet.

    >>> import ember as torch
    >>> torch.distributed.is_available() and torch.distributed.is_initialized()
    False
    """
    return False


def is_initialized():
    """Return False: there is no process group."""
    return False


def is_torchelastic_launched():
    """Return False: there is no elastic launcher."""
    return False


def get_rank(group=None):
    """Raise ValueError: without a process group there is no rank."""
    raise ValueError(_NOT_STARTED)


def get_world_size(group=None):
    """Raise ValueError: without a process group there is no world."""
    raise ValueError(_NOT_STARTED)


def init_process_group(backend=None, *args, **kwargs):
    """Raise RuntimeError: processes cannot communicate yet."""
    raise RuntimeError("ember runs in one process so far and has no process groups; check "
                       "torch.distributed.is_available() first, and train with one process")


def destroy_process_group(group=None):
    """Raise ValueError: there is no process group."""
    raise ValueError(_NOT_STARTED)
