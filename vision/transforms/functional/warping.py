"""Turning, shearing and bending: each pixel of the result is looked up somewhere in the image."""

import math
from numbers import Number

import numpy as np

from ....autograd import Tensor, arange, cat, linspace, meshgrid, ones_like, stack, where
from ....autograd.from_data import tensor
from ....nn import functional as F
from ... import pillow
from .conversion import pil_to_tensor, to_pil_image
from .geometry import pillow_fill
from .image import (
    InterpolationMode,
    as_batch,
    float_dtype,
    from_batch,
    get_dimensions,
    in_pillow,
    interpolation_mode,
)

_OF_TENSORS = (InterpolationMode.NEAREST, InterpolationMode.BILINEAR)


def rotate(img, angle, interpolation=InterpolationMode.NEAREST, expand=False, center=None,
           fill=None):
    """Turn an image counter-clockwise.

    Args:
        img: a Pillow image or a Tensor (..., C, H, W).
        angle: in degrees.
        interpolation: an `InterpolationMode`; a Tensor knows nearest and bilinear.
        expand: whether the result grows to hold the whole turned image.
        center: (x, y) of the fixed point in pixels; by default the middle.
        fill: the value outside of the image: a number, or one per channel.
    Raises:
        TypeError, ValueError: an argument of another kind.
    """
    mode = interpolation_mode(interpolation)
    if not isinstance(angle, int | float):
        raise TypeError("Argument angle should be int or float")
    _require_center(center)
    if not isinstance(img, Tensor):
        return pillow.require_image(img).rotate(
            angle, in_pillow(mode), expand, center, fillcolor=pillow_fill(img, fill))
    matrix = _inverse_affine(_from_middle(img, center), -angle, (0.0, 0.0), 1.0, (0.0, 0.0))
    _, height, width = get_dimensions(img)
    size = _expanded(matrix, height, width) if expand else (height, width)
    return _look_up(img, _affine_grid(img, matrix, size), mode, fill)


def affine(img, angle, translate, scale, shear, interpolation=InterpolationMode.NEAREST,
           fill=None, center=None):
    """Turn, shear, scale and move an image.

    Args:
        img: a Pillow image or a Tensor (..., C, H, W).
        angle: clockwise, in degrees.
        translate: (right, down) in pixels.
        scale: a positive factor.
        shear: (along x, along y) in degrees, or one number for x.
        interpolation, fill, center: as in `rotate`.
    Raises:
        TypeError, ValueError: an argument of another kind.
    """
    mode = interpolation_mode(interpolation)
    if not isinstance(angle, int | float):
        raise TypeError("Argument angle should be int or float")
    if not isinstance(translate, list | tuple):
        raise TypeError("Argument translate should be a sequence")
    if len(translate) != 2:
        raise ValueError("Argument translate should be a sequence of length 2")
    if scale <= 0.0:
        raise ValueError("Argument scale should be positive")
    shear = _shear(shear)
    _require_center(center)
    _, height, width = get_dimensions(img)
    if not isinstance(img, Tensor):
        fixed = center or (width * 0.5, height * 0.5)
        matrix = _inverse_affine(fixed, angle, translate, scale, shear)
        return img.transform(img.size, pillow.Image.Transform.AFFINE, matrix, in_pillow(mode),
                             fillcolor=pillow_fill(img, fill))
    matrix = _inverse_affine(_from_middle(img, center), angle, translate, scale, shear)
    return _look_up(img, _affine_grid(img, matrix, (height, width)), mode, fill)


def _require_center(center):
    if center is not None and not isinstance(center, list | tuple):
        raise TypeError("Argument center should be a sequence")


def _shear(shear):
    if isinstance(shear, Number):
        return (shear, 0.0)
    if not isinstance(shear, list | tuple):
        raise TypeError("Shear should be either a single value or a sequence of two values")
    if len(shear) not in (1, 2):
        raise ValueError(f"Shear should be a sequence containing two values. Got {shear}")
    return tuple(shear) * (2 // len(shear))


def _from_middle(img, center):
    """Return a point relative to the middle of the image, where the grids have their origin."""
    _, height, width = get_dimensions(img)
    return (0.0, 0.0) if center is None else (center[0] - width * 0.5, center[1] - height * 0.5)


def _inverse_affine(center, angle, translate, scale, shear):
    """Return the 2 x 3 matrix, row by row, that takes a place of the result to one of the image.

    The forward map is M = T · C · R(angle) · Shear · scale · C⁻¹, with C the move to `center`.
    """
    rotation, (shear_x, shear_y) = math.radians(angle), map(math.radians, shear)
    a = math.cos(rotation - shear_y) / math.cos(shear_y)
    b = -a * math.tan(shear_x) - math.sin(rotation)
    c = math.sin(rotation - shear_y) / math.cos(shear_y)
    d = -c * math.tan(shear_x) + math.cos(rotation)
    rows = []
    for (p, q), middle in zip(((d, -b), (-c, a)), center):  # the determinant of R · Shear is 1
        p, q = p / scale, q / scale
        moved = p * (-center[0] - translate[0]) + q * (-center[1] - translate[1])
        rows += [p, q, moved + middle]
    return rows


def _expanded(matrix, height, width):
    """Return the height and width that hold the whole turned image."""
    corners = np.array([[x * width, y * height, 1] for x in (-0.5, 0.5) for y in (-0.5, 0.5)],
                       np.float32)
    turned = corners @ np.array(matrix, np.float32).reshape(2, 3).T
    half = np.float32((0.5 * width, 0.5 * height))
    # Rounding errors of the matrix must not add a row of pixels.
    tolerance = np.float32(1e-4)
    low, high = (np.trunc((side + half) / tolerance) * tolerance
                 for side in (turned.min(0), turned.max(0)))
    columns, rows = (np.ceil(high) - np.floor(low)).astype(int).tolist()
    return rows, columns


def _places(img, size, low_x, low_y):
    """Return (x, y, 1) of each pixel of the result, counted from `low`, shape (1, H · W, 3)."""
    dtype, device = float_dtype(img), img.device
    height, width = size
    y = arange(height, dtype=dtype, device=device) + low_y
    x = arange(width, dtype=dtype, device=device) + low_x
    y, x = meshgrid(y, x, indexing="ij")
    return stack((x, y, ones_like(x)), -1).view(1, height * width, 3)


def _affine_grid(img, matrix, size):
    """Return where each pixel of the result lies in the image, from −1 to 1, (1, H, W, 2)."""
    _, height, width = get_dimensions(img)
    places = _places(img, size, (1 - size[1]) / 2, (1 - size[0]) / 2)
    columns = tensor(matrix, dtype=places.dtype, device=img.device).view(1, 2, 3).transpose(1, 2)
    half = tensor([0.5 * width, 0.5 * height], dtype=places.dtype, device=img.device)
    return places.bmm(columns / half).view(1, *size, 2)


def perspective(img, startpoints, endpoints, interpolation=InterpolationMode.BILINEAR, fill=None):
    """Look at an image from aside: take four of its points to four others.

    Args:
        img: a Pillow image or a Tensor (..., C, H, W).
        startpoints, endpoints: four (x, y) each: top left, top right, bottom right, bottom left.
        interpolation, fill: as in `rotate`.
    Raises:
        TypeError, ValueError: an argument of another kind.
    """
    mode = interpolation_mode(interpolation)
    coefficients = _perspective_coefficients(startpoints, endpoints)
    if not isinstance(img, Tensor):
        return pillow.require_image(img).transform(
            img.size, pillow.Image.Transform.PERSPECTIVE, coefficients, in_pillow(mode),
            fillcolor=pillow_fill(img, fill))
    a, b, c, d, e, f, g, h = coefficients
    _, height, width = get_dimensions(img)
    places = _places(img, (height, width), 0.5, 0.5)
    options = {"dtype": places.dtype, "device": img.device}
    numerators = tensor([[[a, b, c], [d, e, f]]], **options).transpose(1, 2)
    denominators = tensor([[[g, h, 1.0], [g, h, 1.0]]], **options).transpose(1, 2)
    half = tensor([0.5 * width, 0.5 * height], **options)
    grid = places.bmm(numerators / half) / places.bmm(denominators) - 1.0
    return _look_up(img, grid.view(1, height, width, 2), mode, fill)


def _perspective_coefficients(startpoints, endpoints):
    """Return a ... h of x' = (a x + b y + c) / (g x + h y + 1), y' = (d x + e y + f) / (same).

    It takes the end points to the start points, since the image is looked up.
    """
    if len(startpoints) != 4 or len(endpoints) != 4:
        raise ValueError(f"Please provide exactly four corners, got {len(startpoints)} startpoints "
                         f"and {len(endpoints)} endpoints.")
    equations = []
    for (x, y), (to_x, to_y) in zip(endpoints, startpoints):
        equations.append([x, y, 1, 0, 0, 0, -to_x * x, -to_x * y])
        equations.append([0, 0, 0, x, y, 1, -to_y * x, -to_y * y])
    wanted = np.array(startpoints, np.float64).reshape(8)
    solution = np.linalg.lstsq(np.array(equations, np.float64), wanted, rcond=None)[0]
    return solution.astype(np.float32).tolist()


def elastic_transform(img, displacement, interpolation=InterpolationMode.BILINEAR, fill=None):
    """Move each pixel by itself.

    Args:
        img: a Pillow image or a Tensor (..., C, H, W).
        displacement: how far, (x, y) with the image from −1 to 1, shape (1, H, W, 2).
        interpolation, fill: as in `rotate`.
    Raises:
        TypeError, ValueError: `displacement` is no Tensor of that shape.
    """
    mode = interpolation_mode(interpolation)
    if not isinstance(displacement, Tensor):
        raise TypeError("Argument displacement should be a Tensor")
    _, height, width = get_dimensions(img)
    if displacement.shape != (1, height, width, 2):
        raise ValueError(f"Argument displacement shape should be {(1, height, width, 2)}, but "
                         f"given {tuple(displacement.shape)}")
    if not isinstance(img, Tensor):
        moved = elastic_transform(pil_to_tensor(img), displacement, mode, fill)
        return to_pil_image(moved, img.mode)
    centers = [linspace((1 - n) / n, (n - 1) / n, n, device=img.device) for n in (height, width)]
    y, x = meshgrid(*centers, indexing="ij")
    grid = stack((x, y), -1).unsqueeze(0) + displacement.to(img.device)
    return _look_up(img, grid, mode, fill)


def _look_up(img, grid, mode, fill):
    """Return the image at the places of a grid (1, H, W, 2), and `fill` outside of it."""
    if mode not in _OF_TENSORS:
        raise ValueError(f"Interpolation mode '{mode.value}' is unsupported with Tensor input")
    batch = as_batch(img, grid.dtype)
    grid = grid.expand(batch.shape[0], -1, -1, -1)
    if fill is None:
        out = F.grid_sample(batch, grid, mode=mode.value, align_corners=False)
        return from_batch(out, img)
    values = [fill] if isinstance(fill, Number) else fill
    if len(values) not in (1, batch.shape[1]):
        raise ValueError("The number of elements in 'fill' cannot broadcast to match the number of "
                         f"channels of the image ({len(values)} != {batch.shape[1]})")
    color = tensor([float(v) for v in values], dtype=grid.dtype, device=img.device)
    batch = cat((batch, ones_like(batch[:, :1])), 1)  # one more channel says what lies inside
    out = F.grid_sample(batch, grid, mode=mode.value, align_corners=False)
    out, inside, color = out[:, :-1], out[:, -1:], color.view(1, -1, 1, 1)
    if mode is InterpolationMode.NEAREST:
        out = where(inside < 0.5, color, out)
    else:
        out = out * inside + (1.0 - inside) * color
    return from_batch(out, img)
