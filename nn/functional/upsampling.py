"""Changing the size of signals, images and volumes.

Resizing is linear and separable: along each axis the output is a matrix times the input.
PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.interpolate.html
"""

import math
import warnings

import numpy as np

from ...autograd import dtypes
from ...autograd.from_data import tensor
from ...autograd.lowprecision import rounded_once
from .adaptive_pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d

__all__ = ["channel_shuffle", "interpolate", "native_channel_shuffle", "pixel_shuffle",
           "pixel_unshuffle", "upsample", "upsample_bilinear", "upsample_nearest"]

_DIMS_OF_MODE = {"linear": (1,), "bilinear": (2,), "bicubic": (2,), "trilinear": (3,),
                 "lanczos": (2,), "nearest": (1, 2, 3), "nearest-exact": (1, 2, 3),
                 "area": (1, 2, 3)}
_CORNERLESS = ("nearest", "nearest-exact", "area")


@rounded_once
def interpolate(input, size=None, scale_factor=None, mode="nearest", align_corners=None,
                recompute_scale_factor=None, antialias=False):
    """Resize to a size or by a factor.

    Args:
        input: shape (N, C, L), (N, C, H, W) or (N, C, D, H, W).
        size: the new spatial size, a number or one per axis.
        scale_factor: factor of the size, instead of `size`.
        mode: "nearest", "nearest-exact", "area", and by number of axes "linear", "bilinear",
            "bicubic", "trilinear".
        align_corners: whether the corner elements' centres stay where they are.
        recompute_scale_factor: use the ratio of the sizes instead of `scale_factor`.
        antialias: average over all covered elements when shrinking (bilinear, bicubic).

    Raises:
        ValueError: options contradict each other.
        NotImplementedError: the mode does not serve this number of axes.

    >>> import ember as torch
    >>> torch.nn.functional.interpolate(torch.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    dims = input.ndim - 2
    if mode in _CORNERLESS and align_corners is not None:
        raise ValueError("align_corners option can only be set with the interpolating modes: "
                         "linear | bilinear | bicubic | trilinear")
    if mode not in _DIMS_OF_MODE or dims not in _DIMS_OF_MODE[mode]:
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported (got "
            f"{input.ndim}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | "
            f"area | nearest-exact (got {mode})")
    if antialias and mode not in ("bilinear", "bicubic", "lanczos"):
        raise ValueError("Anti-alias option is restricted to bilinear, bicubic, and lanczos modes "
                         "and requires a 4-D tensor as input")
    sizes, factors = _sizes(input.shape[2:], size, scale_factor, mode, recompute_scale_factor)
    if min(sizes) < 1 or min(input.shape[1:]) < 1:
        raise RuntimeError("Input and output sizes should be greater than 0, but got input "
                           f"{list(input.shape)} and output size {sizes}")
    if mode == "area":
        pool = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[dims - 1]
        return pool(input, sizes)
    for axis, (n, factor) in enumerate(zip(sizes, factors)):
        input = _resize(input, axis + 2, n, factor, mode, bool(align_corners), antialias)
    return input


def _sizes(shape, size, factor, mode, recompute):
    """Return the output size per axis, and the factor per axis that is to be used, or None."""
    dims = len(shape)
    if (size is None) == (factor is None):
        raise ValueError("only one of size or scale_factor should be defined" if size is not None
                         else "either size or scale_factor should be defined")
    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        sizes = list(size) if isinstance(size, (list, tuple)) else [size] * dims
        if len(sizes) != dims:
            raise ValueError(
                "Input and output must have the same number of spatial dimensions, but got input "
                f"with spatial dimensions of {list(shape)} and output size of {size}.")
        return [int(n) for n in sizes], [None] * dims
    factors = list(factor) if isinstance(factor, (list, tuple)) else [factor] * dims
    if len(factors) != dims:
        raise ValueError(
            "Input and scale_factor must have the same number of spatial dimensions, but got "
            f"input with spatial dimensions of {list(shape)} and scale_factor of shape {factor}.")
    sizes = [math.floor(n * f) for n, f in zip(shape, factors)]
    return sizes, [None] * dims if recompute else factors


def _resize(x, dim, count, factor, mode, align_corners, antialias):
    n = x.shape[dim]
    if align_corners:
        scale = (n - 1) / (count - 1) if count > 1 else 0.0
    else:
        scale = n / count if factor is None else 1 / factor
    if mode in ("nearest", "nearest-exact"):
        if n == count:
            return x if dim < x.ndim - 1 or x.ndim > 3 else x.clone()
        places = _nearest(n, count, scale, 0.5 if mode == "nearest-exact" else 0.0)
        return x.index_select(dim, tensor(places, dtype=dtypes.int64, device=x.device))
    rows = np.zeros((count, n))
    taps = _covered if antialias else _neighbours
    for i in range(count):
        for place, weight in taps(i, n, scale, mode, align_corners):
            rows[i, min(max(place, 0), n - 1)] += weight
    matrix = tensor(rows, dtype=x.dtype, device=x.device)
    return x.movedim(dim, -1).matmul(matrix.t()).movedim(-1, dim)


def _nearest(n, count, scale, shift):
    """Return the source of each output element, rounded as PyTorch does in single precision."""
    scale = np.float32(scale)
    return [min(int(np.floor(np.float32(i + shift) * scale)), n - 1) for i in range(count)]


def _neighbours(i, n, scale, mode, align_corners):
    """Yield (place, weight) of the two or four elements next to a point."""
    x = i * scale if align_corners else (i + 0.5) * scale - 0.5
    if mode != "bicubic":
        x = max(x, 0.0)
        low = min(int(x), n - 1)
        return ((low, 1 - (x - low)), (low + 1, x - low))
    low = math.floor(x)
    return [(low + k, _cubic(x - low - k, -0.75)) for k in (-1, 0, 1, 2)]


def _covered(i, n, scale, mode, align_corners):
    """Return (place, weight) of all elements under the filter, which is widened to shrink."""
    radius, kernel = {"bilinear": (1, _triangle), "lanczos": (3, _lanczos),
                      "bicubic": (2, lambda x: _cubic(x, -0.5))}[mode]
    wide = max(scale, 1.0)
    centre = scale * (i + 0.5)
    first = max(int(centre - radius * wide + 0.5), 0)
    last = min(int(centre + radius * wide + 0.5), n)
    weights = [kernel((j - centre + 0.5) / wide) for j in range(first, last)]
    total = sum(weights) or 1.0
    return [(first + k, weight / total) for k, weight in enumerate(weights)]


def _triangle(x):
    return max(0.0, 1 - abs(x))


def _lanczos(x):
    return 0.0 if abs(x) >= 3 else float(np.sinc(x) * np.sinc(x / 3))


def _cubic(x, a):
    """Keys' cubic convolution kernel."""
    x = abs(x)
    if x <= 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0


def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """Old name of `interpolate`."""
    warnings.warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` "
                  "instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input, size=None, scale_factor=None):
    """Old name of `interpolate` with mode "nearest"."""
    warnings.warn("`nn.functional.upsample_nearest` is deprecated. Use "
                  "`nn.functional.interpolate` instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input, size=None, scale_factor=None):
    """Old name of `interpolate` with mode "bilinear" and aligned corners."""
    warnings.warn("`nn.functional.upsample_bilinear` is deprecated. Use "
                  "`nn.functional.interpolate` instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


# -- shuffling ------------------------------------------------------------------------------------


def pixel_shuffle(input, upscale_factor):
    """Turn channels into pixels: (*, C · r², H, W) -> (*, C, H · r, W · r).

    Raises:
        RuntimeError: the channels are not a multiple of r².
    Source: Shi et al., "Real-Time Single Image and Video Super-Resolution", 2016.
    """
    r = upscale_factor
    if input.ndim < 3:
        raise RuntimeError("pixel_shuffle expects input to have at least 3 dimensions, but got "
                           f"input with {input.ndim} dimension(s)")
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    if c % (r * r):
        raise RuntimeError("pixel_shuffle expects its input's 'channel' dimension to be divisible "
                           f"by the square of upscale_factor, but input.size(-3)={c} is not "
                           f"divisible by {r * r}")
    n = len(lead)
    x = input.reshape(*lead, c // (r * r), r, r, h, w)
    x = x.permute(*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return x.reshape(*lead, c // (r * r), h * r, w * r)


def pixel_unshuffle(input, downscale_factor):
    """Turn pixels into channels: (*, C, H · r, W · r) -> (*, C · r², H, W).

    Raises:
        RuntimeError: height or width are not a multiple of r.
    """
    r = downscale_factor
    if input.ndim < 3:
        raise RuntimeError("pixel_unshuffle expects input to have at least 3 dimensions, but got "
                           f"input with {input.ndim} dimension(s)")
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    if h % r or w % r:
        raise RuntimeError("pixel_unshuffle expects height and width to be divisible by "
                           f"downscale_factor, but {h} x {w} is not divisible by {r}")
    n = len(lead)
    x = input.reshape(*lead, c, h // r, r, w // r, r)
    x = x.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return x.reshape(*lead, c * r * r, h // r, w // r)


def channel_shuffle(input, groups):
    """Interleave groups of channels. Shape: (N, C, *) -> same.

    Raises:
        RuntimeError: the channels are not a multiple of `groups`.
    """
    if input.ndim < 3:
        raise RuntimeError("channel_shuffle expects input with > 2 dims, but got input with sizes "
                           f"{list(input.shape)}")
    if groups <= 0:
        raise RuntimeError("Number of groups to divide channels in must be positive. Value of "
                           f"groups:{groups}")
    batch, channels, *size = input.shape
    if channels % groups:
        raise RuntimeError("Number of channels must be divisible by groups. Got "
                           f"{channels} channels and {groups} groups.")
    x = input.reshape(batch, groups, channels // groups, *size)
    return x.transpose(1, 2).reshape(input.shape)


native_channel_shuffle = channel_shuffle
