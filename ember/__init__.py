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
    "accelerator", "amp", "cuda", "distributed", "distributions", "fft", "func", "hub", "linalg",
    "nn", "optim", "overrides", "serialization", "signal", "special", "torchviz", "utils",
    "version", "vision"))
# Functions of nn.functional that PyTorch offers under torch as well, with the same parameters.
_FUNCTIONS = frozenset((
    "adaptive_avg_pool1d", "adaptive_max_pool1d", "alpha_dropout", "avg_pool1d", "bilinear",
    "celu", "celu_", "channel_shuffle", "conv1d", "conv2d", "conv3d", "conv_tbc",
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cosine_similarity", "dropout",
    "feature_alpha_dropout", "group_norm", "layer_norm", "max_pool1d", "max_pool1d_with_indices",
    "max_pool2d", "max_pool3d", "native_channel_shuffle", "pairwise_distance", "pdist",
    "pixel_shuffle", "pixel_unshuffle", "prelu", "relu_", "rms_norm", "rrelu", "rrelu_", "selu",
    "selu_", "threshold_"))
_NATIVE = frozenset((
    "grid_sampler", "grid_sampler_2d", "grid_sampler_3d", "native_batch_norm",
    "native_group_norm", "native_layer_norm"))
_FILES = frozenset(("load", "save"))


def __getattr__(name):
    if name in _PACKAGES:
        return _importlib.import_module("." + name, __name__)
    if name in _FUNCTIONS:
        return getattr(_importlib.import_module(".nn.functional", __name__), name)
    if name in _NATIVE:
        return getattr(_importlib.import_module(".nn.functional.native", __name__), name)
    if name in _FILES:
        return getattr(_importlib.import_module(".serialization", __name__), name)
    raise AttributeError(f"module 'ember' has no attribute '{name}'")


globals().update(autograd.TORCH_NAMES)
_guard()
