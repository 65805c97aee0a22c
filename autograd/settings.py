"""Switches of the whole process: the precision of float32 products, determinism.

Source: https://docs.pytorch.org/docs/2.13/generated/torch.set_float32_matmul_precision.html
"""

import warnings

from ..backends import cuda

__all__ = ["are_deterministic_algorithms_enabled", "get_deterministic_debug_mode",
           "get_float32_matmul_precision", "is_deterministic_algorithms_warn_only_enabled",
           "set_deterministic_debug_mode", "set_float32_matmul_precision",
           "use_deterministic_algorithms"]

_PRECISIONS = ("highest", "high", "medium")
_DEBUG_MODES = ("default", "warn", "error")

_precision = "highest"
_debug_mode = 0


def get_float32_matmul_precision():
    """Return how precise float32 matrix products are: "highest", "high" or "medium"."""
    return _precision


def set_float32_matmul_precision(precision):
    """Say how precise float32 matrix products have to be.

    Args:
        precision: "highest" for all 24 bits; "high" and "medium" let the GPU use TF32 units. The
            CPU always computes with all.

    >>> import ember as torch
    >>> torch.set_float32_matmul_precision("highest")
    >>> torch.get_float32_matmul_precision()
    'highest'
    """
    global _precision
    if precision not in _PRECISIONS:
        warnings.warn(f"{precision} is not one of 'highest', 'high', or 'medium'; the current"
                      "setFloat32MatmulPrecision call has no effect.", stacklevel=2)
        return
    _precision = precision
    cuda.matmul.allow_tf32 = precision != "highest"


def use_deterministic_algorithms(mode, *, warn_only=False):
    """Ask for operations that give the same result every time.

    On the CPU all do. The GPU backend reads this where it has a choice.

    Args:
        mode: whether to ask.
        warn_only: warn instead of raising where there is no such operation.
    """
    set_deterministic_debug_mode((1 if warn_only else 2) if mode else 0)


def are_deterministic_algorithms_enabled():
    """Return whether `use_deterministic_algorithms` is on."""
    return _debug_mode > 0


def is_deterministic_algorithms_warn_only_enabled():
    """Return whether operations that are not deterministic only warn."""
    return _debug_mode == 1


def set_deterministic_debug_mode(debug_mode):
    """Set determinism by name or number: "default" (0), "warn" (1) or "error" (2).

    Raises:
        TypeError: it is neither a string nor an int.
        RuntimeError: it is not one of these.
    """
    global _debug_mode
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    known = _DEBUG_MODES if isinstance(debug_mode, str) else range(3)
    if debug_mode not in known:
        raise RuntimeError("invalid value of debug_mode, expected one of `default`, `warn`, "
                           f"`error` or 0, 1, 2; but got {debug_mode}")
    _debug_mode = known.index(debug_mode)


def get_deterministic_debug_mode():
    """Return 0, 1 or 2; see `set_deterministic_debug_mode`."""
    return _debug_mode
