"""Changing the values of pixels, each by itself.

A Pillow image is changed by Pillow's own formulas, a Tensor by torchvision's; they differ in
rounding.
"""

import numpy as np

from ....autograd import (
    Tensor,
    bincount,
    clamp,
    cumsum,
    dtypes,
    stack,
    where,
    zeros_like,
)
from ....nn import functional as F
from ... import pillow
from .conversion import convert_image_dtype
from .image import (
    float_dtype,
    get_dimensions,
    max_value,
    require_bytes,
    require_channels,
    require_gray_or_color,
)


def _require_factor(name, factor):
    if factor < 0:
        raise ValueError(f"{name} ({factor}) is not non-negative.")


def blend(img, other, ratio):
    """Return ratio · img + (1 − ratio) · other, within the range of the dtype of `img`."""
    ratio = float(ratio)
    mixed = ratio * img + (1.0 - ratio) * other
    return mixed.clamp(0, max_value(img.dtype)).to(img.dtype)


def adjust_brightness(img, brightness_factor):
    """Multiply an image by a factor: 0 gives black, 1 the image itself.

    Raises:
        ValueError: a negative factor.
    """
    _require_factor("brightness_factor", brightness_factor)
    if not isinstance(img, Tensor):
        return pillow.ImageEnhance.Brightness(pillow.require_image(img)).enhance(brightness_factor)
    require_gray_or_color(img)
    return blend(img, zeros_like(img), brightness_factor)


def adjust_contrast(img, contrast_factor):
    """Stretch an image around its mean gray: 0 gives that gray, 1 the image itself.

    Raises:
        ValueError: a negative factor.
    """
    _require_factor("contrast_factor", contrast_factor)
    if not isinstance(img, Tensor):
        return pillow.ImageEnhance.Contrast(pillow.require_image(img)).enhance(contrast_factor)
    require_gray_or_color(img)
    gray = rgb_to_grayscale(img) if get_dimensions(img)[0] == 3 else img
    mean = gray.to(float_dtype(img)).mean(dim=(-3, -2, -1), keepdim=True)
    return blend(img, mean, contrast_factor)


def adjust_saturation(img, saturation_factor):
    """Stretch an image around its own gray: 0 gives a gray image, 1 the image itself.

    Raises:
        ValueError: a negative factor.
    """
    _require_factor("saturation_factor", saturation_factor)
    if not isinstance(img, Tensor):
        return pillow.ImageEnhance.Color(pillow.require_image(img)).enhance(saturation_factor)
    require_gray_or_color(img)
    if get_dimensions(img)[0] == 1:
        return img
    return blend(img, rgb_to_grayscale(img), saturation_factor)


def adjust_hue(img, hue_factor):
    """Turn the circle of hues.

    Args:
        img: a Pillow image or a Tensor (..., C, H, W); a gray one is returned as it is.
        hue_factor: from −0.5 to 0.5, in turns of the circle.
    Raises:
        ValueError: a factor outside of that range.
    """
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    if not isinstance(img, Tensor):
        return _adjust_hue_of_image(pillow.require_image(img), hue_factor)
    require_gray_or_color(img)
    if get_dimensions(img)[0] == 1:
        return img
    hue, saturation, value = _to_hsv(convert_image_dtype(img, dtypes.float32))
    return convert_image_dtype(_from_hsv((hue + hue_factor) % 1.0, saturation, value), img.dtype)


def _adjust_hue_of_image(img, hue_factor):
    if img.mode in ("L", "1", "I", "F"):
        return img
    hue, saturation, value = img.convert("HSV").split()
    turned = np.array(hue) + np.int32(hue_factor * 255).astype(np.uint8)  # wraps around
    turned = pillow.from_array(turned, "L")
    return pillow.Image.merge("HSV", (turned, saturation, value)).convert(img.mode)


def _to_hsv(img):
    """Return hue, saturation and value, each from 0 to 1, of floats (..., 3, H, W)."""
    r, g, b = img.unbind(-3)
    high, low = img.amax(-3), img.amin(-3)
    gray = high == low
    chroma = high - low
    safe = where(gray, 1.0, chroma)
    from_r, from_g, from_b = ((high - channel) / safe for channel in (r, g, b))
    sixths = where(high == r, from_b - from_g,
                   where(high == g, 2.0 + from_r - from_b, 4.0 + from_g - from_r))
    return (sixths / 6.0 + 1.0).fmod(1.0), chroma / where(gray, 1.0, high), high


def _from_hsv(hue, saturation, value):
    """Undo `_to_hsv`."""
    sixths = hue * 6.0
    sector = sixths.floor()
    f = sixths - sector
    low, falling, rising = ((value * (1.0 - part)).clamp(0.0, 1.0)
                            for part in (saturation, saturation * f, saturation * (1.0 - f)))
    sector = (sector.to(dtypes.int64) % 6).unsqueeze(-3)
    in_each_sector = ((value, falling, low, low, rising, value),
                      (rising, value, value, falling, low, low),
                      (low, low, rising, value, value, falling))
    channels = [stack(values, -3).gather(-3, sector).squeeze(-3) for values in in_each_sector]
    return stack(channels, -3)


def adjust_gamma(img, gamma, gain=1):
    """Return gain · img ^ gamma, with the image from 0 to 1.

    Raises:
        ValueError: a negative gamma.
    """
    if gamma < 0:
        raise ValueError("Gamma should be a non-negative real number")
    if not isinstance(img, Tensor):
        table = [int((255 + 1 - 1e-3) * gain * (level / 255.0) ** gamma) for level in range(256)]
        return pillow.require_image(img).convert("RGB").point(table * 3).convert(img.mode)
    require_gray_or_color(img)
    result = convert_image_dtype(img, float_dtype(img))
    return convert_image_dtype((gain * result.pow(gamma)).clamp(0, 1), img.dtype)


def rgb_to_grayscale(img, num_output_channels=1):
    """Return a gray image: 0.2989 R + 0.587 G + 0.114 B.

    Args:
        img: a Pillow image or a Tensor (..., 1 or 3, H, W).
        num_output_channels: 1, or 3 for the same gray in each.
    Raises:
        ValueError: another number of channels to return.
    """
    if num_output_channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")
    if not isinstance(img, Tensor):
        gray = pillow.require_image(img).convert("L")
        return gray if num_output_channels == 1 else pillow.Image.merge("RGB", (gray,) * 3)
    require_channels(img)
    if img.shape[-3] == 3:
        r, g, b = img.unbind(-3)
        gray = (0.2989 * r + 0.587 * g + 0.114 * b).to(img.dtype).unsqueeze(-3)
    else:
        gray = img.clone()
    return gray.expand(*img.shape[:-3], num_output_channels, *img.shape[-2:])


def to_grayscale(img, num_output_channels=1):
    """Return a gray Pillow image; see `rgb_to_grayscale`.

    Raises:
        TypeError: `img` is no Pillow image.
    """
    if not pillow.is_image(img):
        raise TypeError("Input should be PIL Image")
    return rgb_to_grayscale(img, num_output_channels)


def invert(img):
    """Exchange black and white."""
    if not isinstance(img, Tensor):
        return pillow.ImageOps.invert(pillow.require_image(img))
    require_channels(img)
    return max_value(img.dtype) - img


def posterize(img, bits):
    """Keep only the highest bits of each byte.

    Raises:
        ValueError: `bits` is not from 0 to 8.
        TypeError: a Tensor that is not uint8.
    """
    if not 0 <= bits <= 8:
        raise ValueError(f"The number if bits should be between 0 and 8. Got {bits}")
    if not isinstance(img, Tensor):
        return pillow.ImageOps.posterize(pillow.require_image(img), bits)
    require_channels(img)
    require_bytes(img)
    return img & (256 - 2 ** (8 - bits))


def solarize(img, threshold):
    """Invert the pixels that are at least as bright as a threshold.

    Raises:
        TypeError: a threshold above white.
    """
    if not isinstance(img, Tensor):
        return pillow.ImageOps.solarize(pillow.require_image(img), threshold)
    if threshold > max_value(img.dtype):
        raise TypeError("Threshold should be less than bound of img.")
    return where(img >= threshold, invert(img), img)


def autocontrast(img):
    """Stretch each channel so that its darkest pixel is black and its brightest white."""
    if not isinstance(img, Tensor):
        return pillow.ImageOps.autocontrast(pillow.require_image(img))
    require_channels(img)
    white, dtype = max_value(img.dtype), float_dtype(img)
    low = img.amin((-2, -1), keepdim=True).to(dtype)
    high = img.amax((-2, -1), keepdim=True).to(dtype)
    flat = high == low
    scale = where(flat, 1.0, white / where(flat, 1.0, high - low))
    return ((img - where(flat, 0.0, low)) * scale).clamp(0, white).to(img.dtype)


def equalize(img):
    """Spread the levels of each channel so that all are about equally frequent.

    Raises:
        TypeError: a Tensor that is not uint8.
    """
    if not isinstance(img, Tensor):
        return pillow.ImageOps.equalize(pillow.require_image(img))
    require_channels(img)
    require_bytes(img)
    channels = [_equalize_channel(channel) for channel in img.reshape(-1, *img.shape[-2:])]
    return stack(channels).view(img.shape)


def _equalize_channel(channel):
    counts = bincount(channel.reshape(-1), minlength=256)
    present = counts[counts != 0]
    step = int(present[:-1].sum()) // 255
    if step == 0:
        return channel
    levels = (cumsum(counts, 0) + step // 2).div(step, rounding_mode="floor")
    levels = clamp(F.pad(levels, [1, 0])[:-1], 0, 255)
    return levels[channel.to(dtypes.int64)].to(dtypes.uint8)
