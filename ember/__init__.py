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
from .names import in_pytorch as _in_pytorch
from .version import __version__ as __version__

inf, nan, pi, e = _math.inf, _math.nan, _math.pi, _math.e
newaxis = None
OutOfMemoryError = MemoryError  # what NumPy raises, and CuPy a kind of it

_PACKAGES = frozenset("""
    accelerator
    amp
    compiler
    cuda
    distributed
    distributions
    fft
    func
    hub
    jit
    linalg
    masked
    mps
    multiprocessing
    nested
    nn
    onnx
    optim
    overrides
    profiler
    serialization
    signal
    sparse
    special
    testing
    torchinfo
    torchsummary
    torchviz
    types
    utils
    version
    vision
""".split())
# Names that PyTorch has under torch, by the module that has them here, imported on first use.
_LATER = {
    "autograd.autocast": """
        autocast autocast_decrement_nesting autocast_increment_nesting clear_autocast_cache
        get_autocast_cpu_dtype get_autocast_dtype get_autocast_gpu_dtype
        is_autocast_cache_enabled is_autocast_cpu_enabled is_autocast_enabled
        set_autocast_cache_enabled set_autocast_cpu_dtype set_autocast_cpu_enabled
        set_autocast_dtype set_autocast_enabled set_autocast_gpu_dtype""",
    "autograd.grad": "detach",
    "autograd.overrides": "DisableTorchFunctionSubclass",
    "autograd.settings": """
        are_deterministic_algorithms_enabled get_deterministic_debug_mode
        get_float32_matmul_precision is_deterministic_algorithms_warn_only_enabled
        set_deterministic_debug_mode set_float32_matmul_precision
        use_deterministic_algorithms""",
    "autograd.sparse": "sparse_coo_tensor spmm",
    "backends.threads": "get_num_threads set_num_threads",
    "nn.functional": """
        adaptive_avg_pool1d adaptive_max_pool1d alpha_dropout avg_pool1d bilinear celu celu_
        channel_shuffle conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d
        conv_transpose3d cosine_similarity dropout feature_alpha_dropout group_norm layer_norm
        max_pool1d max_pool1d_with_indices max_pool2d max_pool3d native_channel_shuffle
        pairwise_distance pdist pixel_shuffle pixel_unshuffle prelu relu_ rms_norm rrelu rrelu_
        selu selu_ threshold_""",
    "nn.functional.native": """
        grid_sampler grid_sampler_2d grid_sampler_3d native_batch_norm native_group_norm
        native_layer_norm""",
    "compiler": "compile",
    "optim.grad_scaler": "GradScaler",
    "serialization": "load save",
}
_HOME = {name: module for module, names in _LATER.items() for name in names.split()}


def __getattr__(name):
    if name in _PACKAGES:
        return _importlib.import_module("." + name, __name__)
    if name in _HOME:
        return getattr(_importlib.import_module("." + _HOME[name], __name__), name)
    if name.startswith("_foreach_"):
        foreach = _importlib.import_module(".autograd.foreach", __name__).foreach
        return foreach(name.removeprefix("_foreach_"))
    if name.endswith("_") and _in_pytorch("torch." + name):
        return getattr(autograd.Tensor, name)  # torch.sin_(x) is x.sin_()
    raise AttributeError(f"module 'ember' has no attribute '{name}'")


globals().update(autograd.TORCH_NAMES)
_guard()
