"""ember: PyTorch's API in pure Python, computed by NumPy on the CPU and by CuPy on the GPU.

    import ember as torch

Nothing is defined here. The names come from the op records (`ember.autograd.ops`) and from the
`__all__` of the modules below; `nn`, `optim` and the other packages are imported on first use.
"""

import importlib as _importlib
import math as _math

from . import autograd, backends
from .alias import install
from .autograd.op import RECORDS as _RECORDS
from .autograd.printing import set_printoptions
from .names import guard as _guard
from .version import __version__

inf, nan, pi, e = _math.inf, _math.nan, _math.pi, _math.e
newaxis = None

_PACKAGES = frozenset((
    "accelerator", "amp", "cuda", "distributed", "distributions", "fft", "func", "linalg", "nn",
    "optim", "special", "torchviz", "utils", "version", "vision"))
_TYPED = ("Bool", "Byte", "Char", "Double", "Float", "Half", "Int", "Long", "Short")


def _export():
    """Fill the namespace: records first, then what the modules list as public."""
    names = globals()
    for record in _RECORDS.values():
        if "torch" in record.namespaces:
            names[record.name] = record.call
    modules = [_importlib.import_module("." + name, __name__) for name in (
        "autograd.composite", "autograd.creation", "autograd.devices", "autograd.drawing",
        "autograd.dtypes", "autograd.layouts", "autograd.modes", "autograd.random",
        "autograd.tensor")]
    modules += [getattr(autograd.ops, family) for family in autograd.ops.FAMILIES]
    for module in modules:
        for name in getattr(module, "__all__", ()):
            names[name] = getattr(module, name)
    for title in _TYPED:
        names[title + "Tensor"] = autograd.creation.typed_constructor(title)


def __getattr__(name):
    if name in _PACKAGES:
        return _importlib.import_module("." + name, __name__)
    raise AttributeError(f"module 'ember' has no attribute '{name}'")


_export()
_guard()
