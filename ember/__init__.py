"""ember: PyTorch's API in pure Python, computed by NumPy on the CPU and by CuPy on the GPU.

    import ember as torch

Nothing is defined here. The names come from the op records and the modules of `ember.autograd`;
`nn`, `optim` and the other packages are imported on first use.
"""

import importlib as _importlib
import math as _math

from . import autograd as autograd
from . import backends as backends
from .alias import install as install
from .autograd.printing import set_printoptions as set_printoptions
from .names import guard as _guard
from .version import __version__ as __version__

inf, nan, pi, e = _math.inf, _math.nan, _math.pi, _math.e
newaxis = None

_PACKAGES = frozenset((
    "accelerator", "amp", "cuda", "distributed", "distributions", "fft", "func", "linalg", "nn",
    "optim", "special", "torchviz", "utils", "version", "vision"))
_TYPED = ("Bool", "Byte", "Char", "Double", "Float", "Half", "Int", "Long", "Short")


def __getattr__(name):
    if name in _PACKAGES:
        return _importlib.import_module("." + name, __name__)
    raise AttributeError(f"module 'ember' has no attribute '{name}'")


globals().update(autograd.TORCH_NAMES)
globals().update((title + "Tensor", autograd.creation.typed_constructor(title))
                 for title in _TYPED)
_guard()
