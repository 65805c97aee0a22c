"""Where float32 results differ: whether the peer is as near to float64's answer as PyTorch is.

Two correct single precision computations differ by what cancellation leaves, which no tolerance on
their difference bounds. Both are therefore held to PyTorch's float64 result for the same numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .compare import dtype_name, tensors_in, to_numpy

AS_NEAR = 4.0
ROUNDING = 1e-5


def widened(sample: Any) -> Any:
    """Return the sample with its float32 tensors, at the same values, in float64."""

    def wide(value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or value.dtype is not torch.float32:
            return value
        return value.detach().double().requires_grad_(value.requires_grad)

    return sample.transform(wide)


def as_near(ours: list[Any], theirs: list[Any], exact: list[Any]) -> bool:
    """Tell whether each of our tensors is about as near to the exact one as PyTorch's is.

    Distances are the largest of a tensor's elements; non-finite elements have to be equal.
    """
    return len(ours) == len(theirs) == len(exact) and all(
        _near(*three) for three in zip(ours, theirs, exact, strict=True)
    )


def _near(mine: Any, other: Any, exact: Any) -> bool:
    if other is None or exact is None or mine is None:
        return mine is None or not bool((mine != 0).any())
    if dtype_name(mine) != dtype_name(other) or tuple(mine.shape) != tuple(other.shape):
        return False
    mine, other, exact = to_numpy(mine), to_numpy(other), to_numpy(exact)
    finite = np.isfinite(other) & np.isfinite(exact)
    if not np.array_equal(mine[~finite], other[~finite], equal_nan=True):
        return False
    if not finite.any():
        return True
    mine, other, exact = mine[finite], other[finite], exact[finite]
    allowed = AS_NEAR * np.abs(other - exact).max() + ROUNDING * np.abs(exact).max()
    return bool(np.abs(mine - exact).max() <= allowed)


def results(call: Any, differentiate: Any) -> list[Any]:
    """Return the tensors that a call made, and their gradients."""
    made = tensors_in(call.result)
    live = [t for t in made if t.requires_grad]
    grads = list(differentiate(live, call.built.leaves)) if live and call.built.leaves else []
    return [*made, *grads]
