"""`torch.cuda`: the NVIDIA GPUs, as far as programs ask about them.

What PyTorch answers without a GPU is answered the same way here; what needs one raises a sentence
that says whether CuPy, the driver or the GPU is missing.
Source: https://docs.pytorch.org/docs/stable/cuda.html
"""

from .. import backends as _backends
from ..autograd import devices as _devices
from ..autograd import dtypes as _dtypes
from ..autograd import generator as _generator
from ..autograd.typed import typed as _typed

__all__ = [
    "OutOfMemoryError", "current_device", "device", "device_count", "empty_cache",
    "get_device_capability", "get_device_name", "get_device_properties", "init", "initial_seed",
    "is_available", "is_bf16_supported", "is_initialized", "manual_seed", "manual_seed_all",
    "max_memory_allocated", "max_memory_reserved", "mem_get_info", "memory_allocated",
    "memory_reserved", "reset_peak_memory_stats", "set_device", "synchronize",
]

OutOfMemoryError = MemoryError


def _gpu():
    """Return the module that talks to the driver; loaded on use, as everything about GPUs is."""
    from ..backends import gpu

    return gpu


def _index(device):
    """Return the number that a device argument means; None for the current GPU."""
    if device is None or isinstance(device, int):
        return None if device is None or device < 0 else device
    device = _devices.device(device)
    if device.type != "cuda":
        raise ValueError(f"Expected a cuda device, but got: {device}")
    return device.index


def is_available():
    """Return whether tensors can be put on a GPU.

    >>> import ember
    >>> device = "cuda" if ember.cuda.is_available() else "cpu"
    """
    return _backends.is_available("cuda")


def device_count():
    """Return the number of usable GPUs."""
    from ..backends import cupy

    return cupy.device_count()


def is_initialized():
    """Return whether a GPU can be used: CuPy needs no start of its own."""
    return is_available()


def init():
    """Do nothing where a GPU is usable; raise RuntimeError where none is."""
    _gpu().current()


def current_device():
    """Return the number of the current GPU."""
    return _gpu().current()


def set_device(device):
    """Make a GPU the current one; a negative number changes nothing."""
    index = _index(device)
    if index is not None:
        _gpu().use(index)


class device:
    """Make a GPU the current one inside a `with` block.

    Args:
        device: a number, a name such as "cuda:1" or an `ember.device`.
    """

    def __init__(self, device):
        self.idx = _index(device)

    def __enter__(self):
        if self.idx is not None:
            self._before = current_device()
            set_device(self.idx)

    def __exit__(self, *exc_info):
        if self.idx is not None:
            set_device(self._before)


def get_device_properties(device=None):
    """Return an object with name, major, minor, total_memory and multi_processor_count."""
    return _gpu().properties(_index(device))


def get_device_name(device=None):
    """Return the name of a GPU."""
    return get_device_properties(device).name


def get_device_capability(device=None):
    """Return the compute capability of a GPU as (major, minor)."""
    found = get_device_properties(device)
    return found.major, found.minor


def is_bf16_supported(including_emulation=True):
    """Return whether tensors of bfloat16 can be made on the GPU."""
    return is_available() and hasattr(_dtypes, "bfloat16")


def synchronize(device=None):
    """Wait until a GPU has done what was asked of it."""
    _gpu().synchronize(_index(device))


# -- random numbers -----------------------------------------------------------------------------


def manual_seed(seed):
    """Seed the random numbers of the GPUs; nothing happens where there is none.

    ember's devices draw from one stream, so with a GPU this seeds the CPU's numbers too.
    """
    if is_available():
        _generator.manual_seed(seed)


def manual_seed_all(seed):
    """Seed the random numbers of all GPUs; the same as `manual_seed`."""
    manual_seed(seed)


def initial_seed():
    """Return the seed that the stream of random numbers was started from."""
    return _generator.initial_seed()


# -- memory -------------------------------------------------------------------------------------


def _memory(device):
    """Return (used, held, free, total) bytes; nothing is used where there is no GPU."""
    return _gpu().memory(_index(device)) if is_available() else (0, 0, 0, 0)


def memory_allocated(device=None):
    """Return the bytes of GPU memory that arrays use."""
    return _memory(device)[0]


def memory_reserved(device=None):
    """Return the bytes of GPU memory that the process holds, used or not."""
    return _memory(device)[1]


def max_memory_allocated(device=None):
    """Return a bound on the bytes that arrays used at once since `reset_peak_memory_stats`.

    CuPy's pool keeps no peak; what it holds is what was needed at once, up to its rounding.
    """
    return _memory(device)[1]


def max_memory_reserved(device=None):
    """Return the bytes that the process held at most since `reset_peak_memory_stats`."""
    return _memory(device)[1]


def reset_peak_memory_stats(device=None):
    """Start the measurement of `max_memory_allocated` anew: unused memory goes back."""
    empty_cache()


def empty_cache():
    """Give GPU memory that no array uses back to the driver."""
    if is_available():
        _gpu().release_memory()


def mem_get_info(device=None):
    """Return (free, total) bytes of a GPU, as the driver sees them."""
    return _gpu().memory(_index(device))[2:]


# -- what is made on use ------------------------------------------------------------------------


def _toolkit_version():
    """Return `torch.version.cuda`: None without a usable GPU."""
    return _gpu().toolkit() if is_available() else None


def __getattr__(name):
    if name == "amp":
        import importlib

        return importlib.import_module(".amp", __name__)
    if name == "Event":
        return _gpu().Event
    if name.endswith("Tensor"):
        try:
            return _typed(name.removesuffix("Tensor"), is_cuda=True)
        except ValueError:  # there is no such type
            pass
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
