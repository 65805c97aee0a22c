"""Padding: a border of zeros, of another value, or continued from the inside.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.pad.html
"""

from ...autograd import dtypes
from ...autograd.from_data import tensor
from ...autograd.ops import padding as records
from ...autograd.ops.activation import bent

__all__ = ["pad"]


def pad(input, pad, mode="constant", value=None):
    """Put a border around the last dimensions; negative widths cut off.

    Args:
        input: any shape.
        pad: (before, after) of the last dimension, then of the one before it, and so on.
        mode: "constant", "reflect", "replicate" or "circular".
        value: of the border in mode "constant"; 0 by default.

    Raises:
        RuntimeError: odd length of `pad`, too many pairs, or a negative size.
        NotImplementedError: an unknown mode, or one that does not serve this shape.

    >>> import ember as torch
    >>> torch.nn.functional.pad(torch.ones(1), (1, 2))
    tensor([0., 1., 0., 0.])
    """
    pad = [int(p) for p in pad]
    if len(pad) % 2:
        raise RuntimeError(f"Padding length must be divisible by 2, but got {pad}")
    if len(pad) > 2 * input.ndim:
        raise RuntimeError(
            f"Padding length should be less than or equal to two times the input dimension but "
            f"got padding length {len(pad)} and input of dimension {input.ndim}")
    if mode == "constant":
        return input.clone() if not any(pad) else records.constant_pad_nd(
            input, pad, 0 if value is None else value)
    if value is not None and value != 0:
        raise ValueError(f"Padding mode '{mode}' doesn't take in value argument")
    if mode not in _SOURCES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}; use constant, reflect, "
                                  "replicate or circular")
    pairs = len(pad) // 2
    if pairs not in (1, 2, 3) or input.ndim not in (pairs + 1, pairs + 2):
        raise NotImplementedError(
            "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now: got "
            f"{pairs} pairs for an input of shape {list(input.shape)}")
    if mode != "circular":  # which is a concatenation in PyTorch
        input = bent(input)
    for i in range(pairs):
        input = _continue(input, input.ndim - 1 - i, pad[2 * i], pad[2 * i + 1], mode)
    return input


def _reflected(i, n):
    return n - 1 - abs(n - 1 - abs(i))


def _clamped(i, n):
    return min(max(i, 0), n - 1)


def _wrapped(i, n):
    return i % n


_SOURCES = {"reflect": _reflected, "replicate": _clamped, "circular": _wrapped}


def _continue(input, dim, before, after, mode):
    """Extend one dimension by elements of the input."""
    n = input.shape[dim]
    if mode == "reflect" and max(before, after) >= n:
        raise RuntimeError(
            "Argument #4: Padding size should be less than the corresponding input dimension, "
            f"but got: padding ({before}, {after}) at dimension {dim} of input "
            f"{list(input.shape)}")
    if mode == "circular" and max(before, after) > n:
        raise RuntimeError("Padding value causes wrapping around more than once: padding "
                           f"({before}, {after}) at dimension {dim} of input {list(input.shape)}")
    if n == 0 and max(before, after) > 0:
        raise RuntimeError(f"pad: cannot continue an empty dimension {dim} of input "
                           f"{list(input.shape)}")
    if before + after + n < 0:
        raise RuntimeError(f"pad: padding ({before}, {after}) of dimension {dim} gives a negative "
                           f"size for input {list(input.shape)}")
    first = 0
    if mode == "circular":  # what negative widths cut off does not come back
        first = max(-before, 0)
        n -= first + max(-after, 0)
        before, after = max(before, 0), max(after, 0)
    source = _SOURCES[mode]
    places = [first + source(i, n) for i in range(-before, n + after)]
    return input.index_select(dim, tensor(places, dtype=dtypes.int64, device=input.device))
