"""Deciding whether a peer's result equals PyTorch's: structure, dtype, shape, then values."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

# Relative and absolute, as in `torch.testing`, but that double precision is held closer at zero.
TOLERANCE = {
    "float64": (1e-7, 1e-9),
    "complex128": (1e-7, 1e-9),
    "float32": (1.3e-6, 1e-5),
    "complex64": (1.3e-6, 1e-5),
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
}


class Mismatch(Exception):
    """The peer's answer differs from PyTorch's; the message says where and how."""


def dtype_name(tensor: Any) -> str:
    """Return a tensor's dtype without the library's prefix, e.g. `float64`."""
    return str(tensor.dtype).rpartition(".")[2]


def to_numpy(tensor: Any) -> np.ndarray:
    """Return a tensor's values as an array on the host."""
    if isinstance(tensor, torch.Tensor):
        tensor = tensor.detach()
        if tensor.dtype is torch.bfloat16:
            tensor = tensor.float()
        elif tensor.dtype is torch.complex32:
            tensor = tensor.to(torch.complex64)
        return tensor.numpy(force=True)
    tensor = tensor.detach().cpu()
    if dtype_name(tensor) == "bfloat16":
        tensor = tensor.float()
    return tensor.numpy()


def is_tensor(value: Any) -> bool:
    """Tell whether a value is a tensor of either library."""
    return hasattr(value, "requires_grad") and hasattr(value, "detach")


def tensors_in(value: Any) -> list[Any]:
    """Return the tensors of a nested result, in order."""
    if is_tensor(value):
        return [value]
    if isinstance(value, (list, tuple)):
        return [tensor for item in value for tensor in tensors_in(item)]
    return []


def check_tensor(
    ours: Any,
    theirs: torch.Tensor,
    where: str,
    values: bool = True,
    tolerance: tuple[float, float] | None = None,
) -> None:
    """Raise Mismatch unless the tensors agree in dtype, shape and (optionally) values."""
    if not is_tensor(ours):
        raise Mismatch(f"{where}: returns {type(ours).__name__}, torch returns a Tensor")
    if dtype_name(ours) != dtype_name(theirs):
        raise Mismatch(f"{where}: dtype {dtype_name(ours)}, torch has {dtype_name(theirs)}")
    if tuple(ours.shape) != tuple(theirs.shape):
        raise Mismatch(f"{where}: shape {tuple(ours.shape)}, torch has {tuple(theirs.shape)}")
    if values:
        check_values(to_numpy(ours), to_numpy(theirs), dtype_name(theirs), where, tolerance)


def check_values(
    ours: np.ndarray,
    theirs: np.ndarray,
    dtype: str,
    where: str,
    tolerance: tuple[float, float] | None = None,
) -> None:
    """Raise Mismatch unless the arrays agree, in floating point within the dtype's tolerance.

    In double precision the absolute part grows with the largest finite value: what cancellation
    leaves near zero is rounding in both libraries.
    """
    if theirs.size == 0:
        return
    with np.errstate(all="ignore"):
        if dtype in TOLERANCE:
            rtol, atol = tolerance or TOLERANCE[dtype]
            finite = np.abs(theirs[np.isfinite(theirs)])
            if dtype in ("float64", "complex128") and finite.size:
                atol *= max(1.0, float(finite.max()))
            good = np.isclose(ours, theirs, rtol=rtol, atol=atol, equal_nan=True)
        else:
            good = ours == theirs
    if not np.all(good):
        bad = np.argwhere(~np.atleast_1d(good))
        place = tuple(int(i) for i in bad[0])
        mine, other = np.atleast_1d(ours)[place], np.atleast_1d(theirs)[place]
        raise Mismatch(
            f"{where}: value {mine!r} at {place}, torch has {other!r} "
            f"({len(bad)} of {np.size(good)} differ)"
        )


def check_result(ours: Any, theirs: Any, where: str, values: bool = True) -> None:
    """Raise Mismatch unless a whole (nested) result agrees with PyTorch's."""
    if isinstance(theirs, torch.Tensor):
        check_tensor(ours, theirs, where, values)
    elif isinstance(theirs, (list, tuple)):
        _check_sequence(ours, theirs, where, values)
    elif isinstance(theirs, (torch.dtype, torch.device)):
        if str(ours).rpartition(".")[2] != str(theirs).rpartition(".")[2]:
            raise Mismatch(f"{where}: {ours}, torch has {theirs}")
    elif isinstance(theirs, float):
        if not isinstance(ours, float):
            raise Mismatch(f"{where}: returns {type(ours).__name__}, torch returns float")
        check_values(np.float64(ours), np.float64(theirs), "float64", where)
    elif type(ours) is not type(theirs) or ours != theirs:
        raise Mismatch(f"{where}: {ours!r}, torch has {theirs!r}")


def _check_sequence(ours: Any, theirs: Any, where: str, values: bool) -> None:
    if not isinstance(ours, (list, tuple)):
        raise Mismatch(f"{where}: returns {type(ours).__name__}, torch {type(theirs).__name__}")
    if len(ours) != len(theirs):
        raise Mismatch(f"{where}: {len(ours)} results, torch has {len(theirs)}")
    if type(theirs).__module__ == "torch.return_types":
        for name in type(theirs).__match_args__:
            if not hasattr(ours, name):
                raise Mismatch(f"{where}: result has no field {name!r}")
    for index, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        check_result(mine, other, f"{where}[{index}]", values)
