"""Saying once per process that a name of PyTorch's does less here than its name promises."""

import warnings

__all__ = ["say_once"]

_said = set()


def say_once(text, stacklevel=3):
    """Warn of something the first time it happens.

    Args:
        text: the whole sentence.
        stacklevel: which frame it is about; 3 is the caller of the function that calls this.
    """
    if text not in _said:
        _said.add(text)
        warnings.warn(text, stacklevel=stacklevel)
