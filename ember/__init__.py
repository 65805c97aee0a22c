"""ember: PyTorch's API in pure Python, computed by NumPy on the CPU and by CuPy on the GPU.

    import ember as torch

Nothing is defined here. The names come from the op records (`ember.autograd.ops`) and from the
`__all__` of the modules below.
"""

import importlib as _importlib
import math as _math

from . import autograd, backends
from .autograd.op import RECORDS as _RECORDS

__version__ = "0.1.0"

inf, nan, pi, e = _math.inf, _math.nan, _math.pi, _math.e
newaxis = None


def _export():
    """Fill the namespace: records first, then what the modules list as public."""
    names = globals()
    for record in _RECORDS.values():
        if "torch" in record.namespaces:
            names[record.name] = record.call
    modules = [_importlib.import_module("." + name, __name__) for name in (
        "autograd.dtypes", "autograd.devices", "autograd.creation", "autograd.modes",
        "autograd.tensor", "autograd.composite", "autograd.drawing")]
    modules += [getattr(autograd.ops, family) for family in autograd.ops.FAMILIES]
    for module in modules:
        for name in getattr(module, "__all__", ()):
            names[name] = getattr(module, name)


_export()
