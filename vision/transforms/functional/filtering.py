"""Changing pixels by what is around them."""

from numbers import Number

from ....autograd import Tensor, linspace, ones
from ....nn import functional as F
from ... import pillow
from .color import blend
from .conversion import pil_to_tensor, to_pil_image
from .geometry import pad
from .image import as_batch, float_dtype, from_batch, require_gray_or_color


def gaussian_blur(img, kernel_size, sigma=None):
    """Smooth an image with a Gaussian; its border is mirrored.

    Args:
        img: a Pillow image or a Tensor (..., C, H, W).
        kernel_size: odd, one number or (width, height).
        sigma: the standard deviation in pixels, one number or (of x, of y); by default
            0.15 · kernel_size + 0.35.
    Raises:
        ValueError: a kernel size that is not odd and positive, or a sigma that is not positive.
    """
    sizes = _pair("kernel_size", kernel_size)
    if any(size % 2 == 0 or size < 0 for size in sizes):
        raise ValueError(f"kernel_size should have odd and positive integers. Got {kernel_size}")
    sigmas = [0.15 * size + 0.35 for size in sizes] if sigma is None else _pair("sigma", sigma)
    if any(value <= 0 for value in sigmas):
        raise ValueError(f"sigma should have positive values. Got {sigma}")
    if not isinstance(img, Tensor):
        blurred = gaussian_blur(pil_to_tensor(img), sizes, sigmas)
        return to_pil_image(blurred, img.mode)
    dtype = float_dtype(img)
    across, down = (_gaussian(size, s, dtype, img.device) for size, s in zip(sizes, sigmas))
    batch = pad(as_batch(img, dtype), [sizes[0] // 2, sizes[1] // 2], padding_mode="reflect")
    return from_batch(_filter(batch, down[:, None] * across), img)


def _pair(name, value):
    values = [value] if isinstance(value, Number) else list(value)
    if len(values) not in (1, 2):
        raise ValueError(f"If {name} is a sequence its length should be 2. Got {len(values)}")
    return values * (2 // len(values))


def _gaussian(size, sigma, dtype, device):
    half = (size - 1) / 2
    x = linspace(-half, half, steps=size, dtype=dtype, device=device)
    density = (-0.5 * (x / sigma).pow(2)).exp()
    return density / density.sum()


def _filter(batch, kernel):
    """Convolve every channel of a batch with one kernel, without padding."""
    channels = batch.shape[-3]
    return F.conv2d(batch, kernel.expand(channels, 1, *kernel.shape), groups=channels)


def adjust_sharpness(img, sharpness_factor):
    """Move an image away from its smoothed self: 0 smooths, 1 changes nothing, 2 sharpens.

    Raises:
        ValueError: a negative factor.
    """
    if sharpness_factor < 0:
        raise ValueError(f"sharpness_factor ({sharpness_factor}) is not non-negative.")
    if not isinstance(img, Tensor):
        return pillow.ImageEnhance.Sharpness(pillow.require_image(img)).enhance(sharpness_factor)
    require_gray_or_color(img)
    if min(img.shape[-2:]) <= 2:
        return img
    dtype = float_dtype(img)
    kernel = ones(3, 3, dtype=dtype, device=img.device)
    kernel[1, 1] = 5.0
    smooth = img.clone()  # the outermost pixels stay
    smooth[..., 1:-1, 1:-1] = from_batch(_filter(as_batch(img, dtype), kernel / kernel.sum()), img)
    return blend(img, smooth, sharpness_factor)


def erase(img, i, j, h, w, v, inplace=False):
    """Write values over a rectangle.

    Args:
        img: a Tensor (..., C, H, W).
        i, j, h, w: top, left, height and width of the rectangle.
        v: the values, of a shape that fits it.
        inplace: whether to change `img` itself.
    Raises:
        TypeError: `img` is no Tensor.
    """
    if not isinstance(img, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(img)}")
    out = img if inplace else img.clone()
    out[..., i:i + h, j:j + w] = v
    return out
