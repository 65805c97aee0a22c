"""Arrays and kernels: what ember computes with. Knows no Tensor.

A backend is an array module plus a short table of what array modules disagree about.
Its attributes are the array module's own functions (`xp.tanh`) and the table's.
"""

import importlib

from . import numpy as numpy
from .base import Backend
from .numpy import cpu

__all__ = ["Backend", "DEVICE_TYPES", "cpu", "get", "is_available"]

# Device type -> the module that makes its backends.
_MODULES = {"cpu": ".numpy", "cuda": ".cupy", "standin": ".standin"}
DEVICE_TYPES = tuple(_MODULES)

_made = {("cpu", None): cpu, ("cpu", 0): cpu}


def get(device_type, index=None):
    """Return the backend of a device, made on first use.

    Raises:
        RuntimeError: when the device cannot be used here; the message says what is missing.
    """
    try:
        return _made[device_type, index]
    except KeyError:
        module = importlib.import_module(_MODULES[device_type], __name__)
        made = module.make(index)
        return _made.setdefault((device_type, made.index), made)


def is_available(device_type):
    """Return whether a device of this type can be used here."""
    return importlib.import_module(_MODULES[device_type], __name__).device_count() > 0
