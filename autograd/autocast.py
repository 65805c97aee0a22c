"""Autocast: inside the block, products run in a short float type and losses in float32.

Which operations belong to which list is PyTorch's choice, with two differences: `mv` is a product
like any other here, and `addmm` and its kin add in float32. The casts are a detour (`detours.py`),
so that a program without autocast pays nothing. On the CPU bfloat16 gives PyTorch's numbers but
no speed: NumPy has no such arithmetic, so every product is computed in float32 and rounded.
PyTorch page: https://docs.pytorch.org/docs/2.13/amp.html
"""

import contextvars
import functools
import threading
import warnings
from typing import NamedTuple

from .. import backends
from . import detours, dtypes
from .tensor import Tensor

__all__ = ["autocast", "autocast_decrement_nesting", "autocast_increment_nesting",
           "clear_autocast_cache", "get_autocast_cpu_dtype", "get_autocast_dtype",
           "get_autocast_gpu_dtype", "is_autocast_cache_enabled", "is_autocast_cpu_enabled",
           "is_autocast_enabled", "set_autocast_cache_enabled", "set_autocast_cpu_dtype",
           "set_autocast_cpu_enabled", "set_autocast_dtype", "set_autocast_enabled",
           "set_autocast_gpu_dtype"]

# Operations in the short type, on every device.
SHORT = frozenset(("attention", "convolution", "convolution_transposed", "einsum", "linear",
                   "lstm_layer", "matmul"))
# Operations in float32, beside the losses (`in_float32`).
_ANYWHERE = frozenset((
    "cholesky", "eig", "eigh", "eigvals", "eigvalsh", "fft_c2c",
    "fft_c2r", "fft_r2c", "inv", "lu", "p_distance", "pinv", "prod", "qr", "solve", "svd",
    "svdvals"))
# Operations whose own operations are cast, one by one.
COMPOSED = frozenset(("gru_layer", "rnn_layer"))
FLOAT32 = {"cpu": _ANYWHERE, "cuda": _ANYWHERE | frozenset((
    "acos", "asin", "cosh", "cumprod", "cumsum", "erfinv", "exp", "expm1", "layer_norm_over",
    "log", "log10", "log1p", "log2", "log_softmax", "pow", "reciprocal", "rms_norm_over",
    "rsqrt", "sinh", "softmax", "softplus", "sum", "tan", "vector_norm"))}
DEVICES = tuple(FLOAT32)


class _State(NamedTuple):
    """What autocast does: the device types it is on for, the dtype of each, the cache's flag."""

    enabled: frozenset = frozenset()
    dtypes: tuple = ()  # (device type, dtype) where it was set
    cache: bool = True
    nesting: int = 0

    def dtype(self, device_type):
        default = dtypes.bfloat16 if device_type == "cpu" else dtypes.float16
        return dict(self.dtypes).get(device_type, default)


_state = contextvars.ContextVar("ember_autocast", default=_State())  # noqa: B039 - immutable
_active = 0  # states with something enabled, over all threads
_counting = threading.Lock()


def _switch(state):
    """Make a state the current one; the detour is there while any thread needs it."""
    global _active
    change = bool(state.enabled) - bool(_state.get().enabled)
    _state.set(state)
    if change:
        with _counting:
            _active += change
            if _active == 1 and change == 1:
                detours.install(_detour, rank=1)
            elif not _active:
                detours.remove(_detour)


def _detour(record, call, args, kwargs):
    """Run an operation of the lists on cast inputs."""
    state = _state.get()
    if not state.enabled or kwargs.get("out") is not None:
        return NotImplemented
    device_type = _device_type((*args, *kwargs.values()))
    if device_type not in state.enabled:
        return NotImplemented
    if record.name in COMPOSED:
        return record.composition(*args, **kwargs)
    if record.name in SHORT:
        target = state.dtype(device_type)
    elif record.name in FLOAT32[device_type]:
        target = dtypes.float32
    else:
        return NotImplemented
    return _run_in(target, call, args, kwargs)


def _run_in(target, call, args, kwargs):
    """Call a function on inputs cast to a dtype, without autocast inside."""
    token = _state.set(_state.get()._replace(enabled=frozenset()))
    try:
        return call(*_cast(args, target), **{k: _cast(v, target) for k, v in kwargs.items()})
    finally:
        _state.reset(token)


def _device_type(values):
    """Return the device type of the first tensor of a floating-point type, or None."""
    for value in values:
        if isinstance(value, Tensor):
            if value.dtype.is_floating_point:
                return value._xp.device_type
        elif type(value) in (list, tuple):
            found = _device_type(value)
            if found is not None:
                return found
    return None


def _cast(value, target):
    """Return a value with its tensors cast, float64 and integers excepted."""
    if isinstance(value, Tensor):
        kind = value.dtype
        return value.to(target) if kind.is_floating_point and kind is not dtypes.float64 else value
    if type(value) in (list, tuple):
        return type(value)([_cast(v, target) for v in value])
    return value


def in_float32(function):
    """Have a function of tensors (a loss) run in float32 under autocast."""
    @functools.wraps(function)
    def call(*args, **kwargs):
        if _active and _state.get().enabled:
            if _device_type((*args, *kwargs.values())) in _state.get().enabled:
                return _run_in(dtypes.float32, function, args, kwargs)
        return function(*args, **kwargs)

    return call


class autocast:
    """Run products and convolutions in a short float type, losses in float32.

    A context manager and a decorator; blocks nest. Parameters stay float32, and so do their
    gradients. Backward runs outside the block.

    Args:
        device_type: "cpu" or "cuda": the tensors that are meant.
        dtype: torch.bfloat16 (the CPU's default) or torch.float16 (the GPU's).
        enabled: False switches autocast off inside the block.
        cache_enabled: kept and reported; casts are not cached.

    Raises:
        ValueError: the device type is not a string.
        RuntimeError: the device type is not known.
    Source: https://docs.pytorch.org/docs/2.13/amp.html#torch.autocast

    >>> import ember as torch
    >>> layer, x = torch.nn.Linear(2, 3), torch.ones(1, 2)
    >>> with torch.autocast("cpu"):
    ...     print(layer(x).dtype)
    torch.bfloat16
    """

    def __init__(self, device_type, dtype=None, enabled=True, cache_enabled=None):
        check_device_type(device_type)
        self.device = device_type
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
        self._enabled = enabled and self._is_usable()
        self._cache_enabled = (is_autocast_cache_enabled() if cache_enabled is None
                               else cache_enabled)
        self._before = []

    def _is_usable(self):
        """Warn where PyTorch switches autocast off by itself."""
        if self.device == "cuda" and not backends.is_available("cuda"):
            warnings.warn("CUDA is not available. Disabling autocast.", stacklevel=4)
            return False
        if self.fast_dtype not in (dtypes.bfloat16, dtypes.float16):
            warnings.warn(
                f"In {self.device.upper()} autocast, but the target dtype is not supported. "
                f"Disabling autocast.\n{self.device.upper()} Autocast only supports dtype of "
                "torch.bfloat16, torch.float16 currently.", stacklevel=4)
            return False
        return True

    def __enter__(self):
        before = _state.get()
        self._before.append(before)
        others = before.enabled - {self.device}
        kinds = {**dict(before.dtypes), self.device: self.fast_dtype}
        _switch(_State(others | {self.device} if self._enabled else others,
                       tuple(kinds.items()), self._cache_enabled, before.nesting + 1))
        return self

    def __exit__(self, *exc_info):
        _switch(self._before.pop())

    def __call__(self, function):
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            with self:
                return function(*args, **kwargs)

        return wrapped


def check_device_type(device_type):
    """Refuse what is not a device type that autocast knows.

    Raises:
        ValueError: it is not a string.
        RuntimeError: it is not known.
    """
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if device_type not in DEVICES:
        raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'; "
                           f"ember has it for {', '.join(DEVICES)}")


# -- the state by functions -----------------------------------------------------------------------


def is_autocast_enabled(device_type="cuda"):
    """Return whether autocast is on for tensors of a device type."""
    check_device_type(device_type)
    return device_type in _state.get().enabled


def set_autocast_enabled(*device_type_and_enabled):
    """Switch autocast on or off: `set_autocast_enabled("cpu", True)`; without a device type, for
    "cuda"."""
    *device_type, enabled = device_type_and_enabled
    device_type = device_type[0] if device_type else "cuda"
    check_device_type(device_type)
    state = _state.get()
    others = state.enabled - {device_type}
    _switch(state._replace(enabled=others | {device_type} if enabled else others))


def get_autocast_dtype(device_type):
    """Return the dtype that autocast uses for a device type."""
    check_device_type(device_type)
    return _state.get().dtype(device_type)


def set_autocast_dtype(device_type, dtype):
    """Set the dtype that autocast uses for a device type."""
    check_device_type(device_type)
    state = _state.get()
    _state.set(state._replace(dtypes=tuple({**dict(state.dtypes), device_type: dtype}.items())))


def is_autocast_cache_enabled():
    """Return the flag of the cache of casts, which ember does not have."""
    return _state.get().cache


def set_autocast_cache_enabled(enabled):
    """Set the flag of the cache of casts, which ember does not have."""
    _state.set(_state.get()._replace(cache=bool(enabled)))


def clear_autocast_cache():
    """Do nothing: casts are not cached."""


def autocast_increment_nesting():
    """Count one autocast block more; return how many there are."""
    _state.set(_state.get()._replace(nesting=_state.get().nesting + 1))
    return _state.get().nesting


def autocast_decrement_nesting():
    """Count one autocast block less; return how many there are."""
    _state.set(_state.get()._replace(nesting=_state.get().nesting - 1))
    return _state.get().nesting


is_autocast_cpu_enabled = functools.partial(is_autocast_enabled, "cpu")
set_autocast_cpu_enabled = functools.partial(set_autocast_enabled, "cpu")
get_autocast_cpu_dtype = functools.partial(get_autocast_dtype, "cpu")
set_autocast_cpu_dtype = functools.partial(set_autocast_dtype, "cpu")
get_autocast_gpu_dtype = functools.partial(get_autocast_dtype, "cuda")
set_autocast_gpu_dtype = functools.partial(set_autocast_dtype, "cuda")


# -- custom functions -----------------------------------------------------------------------------


def custom_fwd(fwd=None, *, device_type, cast_inputs=None):
    """Decorate the `forward` of an autograd Function for autocast.

    Args:
        device_type: the tensors that are meant.
        cast_inputs: under autocast, cast floating-point inputs to this dtype and run without
            autocast; None runs under the autocast of the caller.
    Source: https://docs.pytorch.org/docs/2.13/amp.html#torch.amp.custom_fwd
    """
    check_device_type(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def decorated(*args, **kwargs):
        ctx, is_on = args[0], is_autocast_enabled(device_type)
        ctx._dtype = get_autocast_dtype(device_type)
        ctx._fwd_used_autocast = is_on and cast_inputs is None
        if not is_on or cast_inputs is None:
            return fwd(*args, **kwargs)
        return _run_in(cast_inputs, fwd, args, kwargs)

    return decorated


def custom_bwd(bwd=None, *, device_type):
    """Decorate the `backward` of an autograd Function: it runs under its forward's autocast.

    Source: https://docs.pytorch.org/docs/2.13/amp.html#torch.amp.custom_bwd
    """
    check_device_type(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def decorated(*args, **kwargs):
        with autocast(device_type, enabled=args[0]._fwd_used_autocast, dtype=args[0]._dtype):
            return bwd(*args, **kwargs)

    return decorated
