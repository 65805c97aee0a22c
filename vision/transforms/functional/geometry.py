"""Moving pixels without changing them, and resizing."""

import warnings
from numbers import Number

import numpy as np

from ....autograd import Tensor, as_tensor
from ....nn import functional as F
from ... import pillow
from .image import (
    InterpolationMode,
    as_batch,
    float_dtype,
    from_batch,
    get_dimensions,
    in_pillow,
    interpolation_mode,
)

PADDING_MODES = ("constant", "edge", "reflect", "symmetric")


def pair(size, message="Please provide only two dimensions (h, w) for size."):
    """Return (height, width) of a number, or of a sequence of one or two.

    Raises:
        ValueError: any other length, with this message.
    """
    if isinstance(size, Number):
        return (int(size), int(size))
    if len(size) not in (1, 2):
        raise ValueError(message)
    return (size[0], size[0]) if len(size) == 1 else size


def hflip(img):
    """Mirror an image left to right."""
    if isinstance(img, Tensor):
        return img.flip(-1)
    return pillow.require_image(img).transpose(pillow.Image.Transpose.FLIP_LEFT_RIGHT)


def vflip(img):
    """Mirror an image top to bottom."""
    if isinstance(img, Tensor):
        return img.flip(-2)
    return pillow.require_image(img).transpose(pillow.Image.Transpose.FLIP_TOP_BOTTOM)


def crop(img, top, left, height, width):
    """Cut out a rectangle; what lies outside of the image is 0.

    >>> import ember
    >>> crop(ember.arange(6).view(1, 2, 3), 1, 1, 2, 2)
    tensor([[[4, 5],
             [0, 0]]])
    """
    if not isinstance(img, Tensor):
        return pillow.require_image(img).crop((left, top, left + width, top + height))
    _, h, w = get_dimensions(img)
    inside = img[..., max(top, 0):max(top + height, 0), max(left, 0):max(left + width, 0)]
    if left >= 0 and top >= 0 and left + width <= w and top + height <= h:
        return inside
    missing_left, missing_top = min(max(-left, 0), width), min(max(-top, 0), height)
    return pad(inside, [missing_left, missing_top, width - inside.shape[-1] - missing_left,
                        height - inside.shape[-2] - missing_top])


def center_crop(img, output_size):
    """Cut out the middle of an image, surrounded by 0 where the image is too small.

    Args:
        img: a Pillow image or a Tensor (..., H, W).
        output_size: (height, width), or one number for both.
    """
    height, width = pair(output_size)
    _, h, w = get_dimensions(img)
    if width > w or height > h:
        more_w, more_h = max(width - w, 0), max(height - h, 0)
        img = pad(img, [more_w // 2, more_h // 2, (more_w + 1) // 2, (more_h + 1) // 2])
        h, w = h + more_h, w + more_w
    return crop(img, round((h - height) / 2), round((w - width) / 2), height, width)


def five_crop(img, size):
    """Cut out the four corners and the middle.

    Returns:
        (top left, top right, bottom left, bottom right, middle).
    Raises:
        ValueError: the image is smaller than `size`.
    """
    height, width = pair(size)
    _, h, w = get_dimensions(img)
    if width > w or height > h:
        raise ValueError(f"Requested crop size {(height, width)} is bigger than input size "
                         f"{(h, w)}")
    corners = [crop(img, top, left, height, width)
               for top in (0, h - height) for left in (0, w - width)]
    return (*corners, center_crop(img, [height, width]))


def ten_crop(img, size, vertical_flip=False):
    """Return `five_crop` of an image and of its mirror image."""
    return five_crop(img, size) + five_crop(vflip(img) if vertical_flip else hflip(img), size)


def resize(img, size, interpolation=InterpolationMode.BILINEAR, max_size=None, antialias=True):
    """Change the size of an image.

    Args:
        img: a Pillow image or a Tensor (..., H, W).
        size: (height, width), or one number for the shorter side, which keeps the proportions.
        interpolation: an `InterpolationMode`; a Tensor knows nearest, nearest-exact, bilinear
            and bicubic.
        max_size: the most that the longer side may have, when `size` is one number.
        antialias: whether a Tensor is smoothed before it is made smaller, as Pillow does.
    Raises:
        TypeError: `interpolation` is no mode.
        ValueError: a `size` of more than two numbers, or one that contradicts `max_size`.

    >>> import ember
    >>> resize(ember.zeros(3, 20, 30), 10).shape
    torch.Size([3, 10, 15])
    """
    mode = interpolation_mode(interpolation)
    _, height, width = get_dimensions(img)
    output = _resized(height, width, [size] if isinstance(size, int) else size, max_size)
    if output == (height, width):
        return img
    if not isinstance(img, Tensor):
        if antialias is False:
            warnings.warn("Anti-alias option is always applied for PIL Image input. Argument "
                          "antialias is ignored.", stacklevel=2)
        return img.resize(output[::-1], in_pillow(mode))
    smooth = mode in (InterpolationMode.BILINEAR, InterpolationMode.BICUBIC)
    out = F.interpolate(as_batch(img, float_dtype(img)), output, mode=mode.value,
                        align_corners=False if smooth else None,
                        antialias=bool(antialias) and smooth)
    if mode is InterpolationMode.BICUBIC and not img.is_floating_point():
        out = out.clamp(0, 255)
    return from_batch(out, img)


def _resized(height, width, size, max_size):
    """Return the height and width of the resized image."""
    if len(size) not in (1, 2):
        raise ValueError("Size must be an int or a 1 or 2 element tuple/list, not a "
                         f"{len(size)} element tuple/list")
    if len(size) == 2:
        if max_size is not None:
            raise ValueError("max_size should only be passed if size specifies the length of the "
                             "smaller edge")
        return tuple(size)
    short, long = sorted((height, width))
    new_short, new_long = size[0], int(size[0] * long / short)
    if max_size is not None:
        if max_size <= new_short:
            raise ValueError(f"max_size = {max_size} must be strictly greater than the requested "
                             f"size for the smaller edge size = {new_short}")
        if new_long > max_size:
            new_short, new_long = int(max_size * new_short / new_long), max_size
    return (new_long, new_short) if width <= height else (new_short, new_long)


def resized_crop(img, top, left, height, width, size,
                 interpolation=InterpolationMode.BILINEAR, antialias=True):
    """Cut out a rectangle and resize it; see `crop` and `resize`."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def pad(img, padding, fill=0, padding_mode="constant"):
    """Surround an image with more pixels.

    Args:
        img: a Pillow image or a Tensor (..., H, W).
        padding: (left, top, right, bottom), (left and right, top and bottom) or one number.
        fill: the value of the new pixels; for a Pillow image also one per channel.
        padding_mode: "constant" (`fill`), "edge" (repeat the border), "reflect" (mirror at the
            border) or "symmetric" (mirror, the border twice).
    Raises:
        TypeError: `fill` is no number for a Tensor.
        ValueError: another `padding_mode` or number of paddings.

    >>> import ember
    >>> pad(ember.tensor([[1, 2, 3]]), (2, 0), padding_mode="reflect")
    tensor([[3, 2, 1, 2, 3, 2, 1]])
    """
    sides = _sides(padding)
    if padding_mode not in PADDING_MODES:
        raise ValueError(f"Padding mode should be one of {PADDING_MODES}, got {padding_mode!r}")
    if not isinstance(img, Tensor):
        return _pad_image(pillow.require_image(img), sides, fill, padding_mode)
    if not isinstance(fill, Number | None):
        raise TypeError(f"fill should be a number for a Tensor, got {fill!r}")
    left, top, right, bottom = sides
    if padding_mode == "constant":
        return F.pad(img, [left, right, top, bottom], value=float(fill or 0))
    img, (left, top, right, bottom) = _crop_negative(img, sides)
    _, height, width = get_dimensions(img)
    rows = np.pad(np.arange(height), (top, bottom), padding_mode)
    columns = np.pad(np.arange(width), (left, right), padding_mode)
    return img[..., as_tensor(rows[:, None], device=img.device),
               as_tensor(columns, device=img.device)]


def _sides(padding):
    """Return (left, top, right, bottom)."""
    if not isinstance(padding, Number | tuple | list):
        raise TypeError(f"padding should be a number or a sequence, got {type(padding)}")
    sides = [padding] if isinstance(padding, Number) else list(padding)
    if len(sides) not in (1, 2, 4):
        raise ValueError("Padding must be an int or a 1, 2, or 4 element tuple, not a "
                         f"{len(sides)} element tuple")
    return tuple(sides * (4 // len(sides)))


def _crop_negative(img, sides):
    """Return the image without what negative paddings take away, and the other paddings."""
    left, top, right, bottom = (max(-side, 0) for side in sides)
    if any((left, top, right, bottom)):
        _, height, width = get_dimensions(img)
        img = crop(img, top, left, height - top - bottom, width - left - right)
    return img, tuple(max(side, 0) for side in sides)


def _pad_image(img, sides, fill, padding_mode):
    if padding_mode == "constant":
        color = pillow_fill(img, fill)
        out = pillow.ImageOps.expand(img, border=sides, fill=color)
    else:
        img, (left, top, right, bottom) = _crop_negative(img, sides)
        pixels = np.asarray(img)
        widths = ((top, bottom), (left, right), (0, 0))[:pixels.ndim]
        out = pillow.from_array(np.pad(pixels, widths, padding_mode), img.mode)
    if img.mode == "P":
        out.putpalette(img.getpalette())
    return out


def pillow_fill(img, fill):
    """Return the color that fills new pixels of a Pillow image, as Pillow wants it.

    Raises:
        ValueError: a sequence whose length is not the number of channels.
    """
    channels = get_dimensions(img)[0]
    values = [fill or 0] if isinstance(fill, Number | None) else list(fill)
    if len(values) == 1:
        values = values * channels
    if len(values) != channels:
        raise ValueError("The number of elements in 'fill' does not match the number of channels "
                         f"of the image ({len(values)} != {channels})")
    if img.mode != "F":
        values = [int(value) for value in values]
    return values[0] if channels == 1 else tuple(values)
