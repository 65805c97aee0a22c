"""What else the tensors of a sample can be: laid out otherwise, without elements, without dims."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch


def _changed(change: Callable[[torch.Tensor], torch.Tensor], sample: Any) -> Any:
    """Return the sample with every tensor changed; leaves stay leaves."""

    def one(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        return change(value.detach()).requires_grad_(value.requires_grad)

    return sample.transform(one)


def _broadcast(x: torch.Tensor) -> torch.Tensor:
    """Repeat the first slice; not of square matrices (singular then), nor of indices."""
    square = x.ndim == 2 and x.shape[0] == x.shape[1]
    repeated = x.ndim and not square and (x.is_floating_point() or x.is_complex())
    return x[:1].expand(x.shape) if repeated else x


def _without(x: torch.Tensor, dim: int) -> torch.Tensor:
    return x.narrow(dim, 0, 0) if x.ndim else x


def _scalar(x: torch.Tensor) -> torch.Tensor:
    return x.reshape(-1)[0] if x.numel() else x


# PyTorch itself dies of a signal on these made empty.
FATAL = {"nn.functional.pdist", "native_batch_norm"}

LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "gaps": lambda sample: sample.noncontiguous(),
    "broadcast": functools.partial(_changed, _broadcast),
    "empty": functools.partial(_changed, functools.partial(_without, dim=0)),
    "empty_last": functools.partial(_changed, functools.partial(_without, dim=-1)),
    "scalar": functools.partial(_changed, _scalar),
}
