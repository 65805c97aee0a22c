"""Batches in page-locked host memory, from which a GPU can copy while the program computes."""

import warnings

from ... import backends
from ...autograd.tensor import Tensor
from .collate import convert_parts

__all__ = ["pin", "pins"]


def pins(wanted):
    """Return whether batches are to be pinned; say so where that was asked for in vain."""
    if not wanted:
        return False
    if backends.is_available("cuda"):
        return True
    warnings.warn(
        "'pin_memory' argument is set as true but no accelerator is found, then device pinned "
        "memory won't be used.",
        stacklevel=4,
    )
    return False


def pin(batch):
    """Return a batch of any structure with its tensors in pinned memory.

    Parts of other types are pinned by their own method `pin_memory`, if they have one.
    """
    return convert_parts(_pin_one, batch)


def _pin_one(part):
    if isinstance(part, Tensor) or hasattr(part, "pin_memory"):
        return part.pin_memory()
    return part
