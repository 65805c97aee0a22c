"""Single and half precision, by the rule of PyTorch's own tests of a second implementation.

A tensor is right when it lies within `torch.testing`'s tolerance of PyTorch's, or the one which the
database sets for the operator, or else when it is at least as near to the result in double
precision, summed over its elements, as PyTorch's is (`_ref_test_helper` in PyTorch's test_ops.py).
"""

from __future__ import annotations

from typing import Any

import torch

from .compare import Mismatch, check_tensor, to_numpy

WIDER = {
    torch.float16: torch.float64,
    torch.bfloat16: torch.float64,
    torch.float32: torch.float64,
    torch.complex64: torch.complex128,
}


def widened(sample: Any, dtype: torch.dtype) -> Any:
    """Return the sample with all of `dtype` in it, at the same values, in double precision."""

    def wide(value: Any) -> Any:
        if value is dtype:
            return WIDER[dtype]
        if not isinstance(value, torch.Tensor) or value.dtype is not dtype:
            return value
        return value.detach().to(WIDER[dtype]).requires_grad_(value.requires_grad)

    return sample.transform(wide)


def right(mine: list[Any], other: list[Any], exact: list[Any], tolerance: Any) -> bool:
    """Tell whether each of our tensors is close to PyTorch's, or at least as near to the exact one.

    None stands for a gradient of zero.
    """
    return 0 < len(mine) == len(other) == len(exact) and all(
        _close(*pair, tolerance) or _as_near(*pair, precise)
        for *pair, precise in zip(mine, other, exact, strict=True)
    )


def _close(mine: Any, other: Any, tolerance: Any) -> bool:
    if mine is None or other is None:
        tensor = other if mine is None else mine
        return tensor is None or not bool((tensor != 0).any())
    try:
        check_tensor(mine, other, "", tolerance=tolerance)
    except Mismatch:
        return False
    return True


def _as_near(mine: Any, other: Any, exact: Any) -> bool:
    if mine is None or other is None or exact is None:
        return False
    check_tensor(mine, other, "", values=False)
    return _distance(mine, exact) <= _distance(other, exact)


def _distance(tensor: Any, exact: torch.Tensor) -> float:
    values, wanted = torch.from_numpy(to_numpy(tensor)).to(exact.dtype), exact.detach()
    same = (values == wanted) | (values.isnan() & wanted.isnan())
    return float(torch.where(same, 0, (values - wanted).abs()).sum())
