"""Sampling images and volumes at given places.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.grid_sample.html
"""

import math
import warnings
from itertools import product

from ...autograd import dtypes, linspace, ones, stack, where

__all__ = ["affine_grid", "grid_sample"]


def affine_grid(theta, size, align_corners=None):
    """Return the places that an affine map sends an output grid to, for `grid_sample`.

    Args:
        theta: the maps, shape (N, 2, 3) or (N, 3, 4).
        size: (N, C, H, W) or (N, C, D, H, W) of the output.
        align_corners: whether −1 and 1 mean the centres of the corner elements.

    Returns:
        Shape (N, H, W, 2) or (N, D, H, W, 3).

    Raises:
        ValueError: shape or dtype of theta do not fit.
    """
    align_corners = _aligned("affine_grid", align_corners)
    dims = len(size) - 2
    if not theta.dtype.is_floating_point:
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    if dims not in (2, 3):
        raise NotImplementedError("affine_grid only supports 4D and 5D sizes, for 2D and 3D affine "
                                  f"transforms, respectively. Got size {size}.")
    if theta.ndim != 3 or tuple(theta.shape[1:]) != (dims, dims + 1):
        raise ValueError(f"Expected a batch of {dims}D affine matrices of shape "
                         f"Nx{dims}x{dims + 1} for size {size}. Got {theta.shape}.")
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    axes = []
    for axis, n in enumerate(size[2:]):
        line = linspace(-1, 1, n, dtype=theta.dtype, device=theta.device) if n > 1 else (
            ones(1, dtype=theta.dtype, device=theta.device) * 0)
        line = line if align_corners else line * ((n - 1) / n)
        shape = [-1 if i == axis else 1 for i in range(dims)]
        axes.insert(0, line.reshape(shape).expand(*size[2:]))
    axes.append(ones(*size[2:], dtype=theta.dtype, device=theta.device))
    base = stack(axes, -1).reshape(1, -1, dims + 1)
    return base.matmul(theta.mT).reshape(size[0], *size[2:], dims)


def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    """Interpolate an input at given places.

    Args:
        input: shape (N, C, H, W) or (N, C, D, H, W).
        grid: places from −1 to 1, last axis first: (N, H', W', 2) or (N, D', H', W', 3).
        mode: "bilinear", "nearest", or "bicubic" (images only).
        padding_mode: what lies outside: "zeros", "border" or "reflection".
        align_corners: whether −1 and 1 mean the centres of the corner elements.

    Returns:
        Shape (N, C, H', W') or (N, C, D', H', W').

    Raises:
        ValueError: an unknown mode.
        RuntimeError: the shapes do not fit.
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError("nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' "
                         f"or 'bicubic', but got: '{mode}'")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError("nn.functional.grid_sample(): expected padding_mode to be 'zeros', "
                         f"'border', or 'reflection', but got: '{padding_mode}'")
    align_corners = _aligned("grid_sample", align_corners)
    dims = input.ndim - 2
    if dims not in (2, 3) or grid.ndim != input.ndim or grid.shape[-1] != dims or (
            grid.shape[0] != input.shape[0]):
        raise RuntimeError("grid_sampler(): expected input (N, C, H, W) and grid (N, H', W', 2), "
                           "or the same with three axes, of one batch size; but got "
                           f"{list(input.shape)} and {list(grid.shape)}")
    if mode == "bicubic" and dims == 3:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    points = []
    for axis, n in enumerate(input.shape[2:]):
        at = grid[..., dims - 1 - axis]
        at = (at + 1) / 2 * (n - 1) if align_corners else ((at + 1) * n - 1) / 2
        if mode != "bicubic":
            at = _inside(at, n, padding_mode, align_corners)
        points.append(at)
    taps = [_taps(at, mode) for at in points]
    total = 0
    for corner in product(*taps):
        places, weight = [], 1
        for (place, w), n in zip(corner, input.shape[2:]):
            if mode == "bicubic":
                place = _inside(place, n, padding_mode, align_corners)
            places.append(place)
            weight = w if type(weight) is int else weight * w
        total = total + _values(input, places) * weight.unsqueeze(1)
    return total


def _taps(at, mode):
    """Return pairs (place, weight) along one axis."""
    if mode == "nearest":
        return [(at.detach().round(), at * 0 + 1)]
    low = at.detach().floor()
    part = at - low
    if mode == "bilinear":
        return [(low, 1 - part), (low + 1, part)]
    return [(low + k, _cubic_weight(part - k)) for k in (-1, 0, 1, 2)]


def _cubic_weight(x):
    x = x.abs()
    near = ((-0.75 + 2) * x - (-0.75 + 3)) * x * x + 1
    return where(x <= 1, near, (((x - 5) * x + 8) * x - 4) * -0.75)


def _inside(at, n, padding_mode, align_corners):
    """Bring places outside to where the padding mode says they are."""
    if padding_mode == "zeros":
        return at
    if padding_mode == "reflection":
        low, span = (0.0, n - 1) if align_corners else (-0.5, n)
        if span == 0:
            return at * 0
        at = (at - low).abs()
        flips = (at / span).detach().floor()
        rest = at - flips * span
        at = where(flips % 2 == 0, rest, span - rest) + low
    return at.clamp(0, n - 1)


def _values(input, places):
    """Return the elements at integral places, 0 outside. Shape: (N, C, *places)."""
    index, valid = 0, None
    for place, n in zip(places, input.shape[2:]):
        ok = (place >= 0) & (place <= n - 1)
        valid = ok if valid is None else valid & ok
        index = index * n + place.detach().clamp(0, n - 1).to(dtypes.int64)
    batch, channels = input.shape[:2]
    count = math.prod(index.shape[1:])
    flat = index.reshape(batch, 1, count).expand(batch, channels, count)
    picked = input.flatten(2).gather(2, flat).reshape(batch, channels, *index.shape[1:])
    return picked * valid.unsqueeze(1)


def _aligned(name, align_corners):
    if align_corners is None:
        warnings.warn(f"Default grid_sample and affine_grid behavior has changed to "
                      f"align_corners=False since 1.3.0. Please specify align_corners=True if the "
                      f"old behavior is desired (called by {name}).", stacklevel=3)
    return bool(align_corners)
