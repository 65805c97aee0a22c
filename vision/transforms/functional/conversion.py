"""Between Pillow images, NumPy arrays and Tensors, and between dtypes."""

import numpy as np

from ....autograd import Tensor, as_tensor, dtypes, from_numpy, get_default_dtype
from ... import pillow
from .image import max_value

# Pillow's modes with more than a byte per channel, and their numbers; every other mode has bytes.
_WIDE_MODES = {"I": np.int32, "I;16": np.int16, "I;16B": np.int16, "F": np.float32}
# The modes for one channel, by the type of number; and for more, the usual one first.
_GRAY_MODES = {np.uint8: "L", np.int16: "I;16", np.int32: "I", np.float32: "F"}
_COLOR_MODES = {2: ("LA",), 3: ("RGB", "YCbCr", "HSV"), 4: ("RGBA", "CMYK", "RGBX")}


def to_tensor(pic):
    """Return an image as a Tensor (C, H, W); bytes become floats from 0 to 1.

    Args:
        pic: a Pillow image, or a NumPy array of shape (H, W) or (H, W, C).
    Raises:
        TypeError: for anything else.
        ValueError: for an array of another number of dimensions.

    >>> to_tensor(np.array([[0, 51, 255]], np.uint8))
    tensor([[[0.0000, 0.2000, 1.0000]]])
    """
    if isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        pixels = pic if pic.ndim == 3 else pic[:, :, None]
    elif pillow.is_image(pic):
        pixels = _pixels(pic, _WIDE_MODES.get(pic.mode, np.uint8))
        pixels = pixels * np.uint8(255) if pic.mode == "1" else pixels
    else:
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    image = from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
    return image.to(get_default_dtype()).div(255) if image.dtype == dtypes.uint8 else image


def pil_to_tensor(pic):
    """Return a Pillow image as a Tensor (C, H, W) with its values unchanged.

    Raises:
        TypeError: `pic` is no Pillow image.
    """
    if not pillow.is_image(pic):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    return from_numpy(_pixels(pic).transpose(2, 0, 1))


def _pixels(image, dtype=None):
    """Return an image's values as a new array (H, W, C)."""
    pixels = np.array(image, dtype)
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def to_pil_image(pic, mode=None):
    """Return a Tensor or an array as a Pillow image; floats are taken as 0 to 1.

    Args:
        pic: a Tensor of shape (C, H, W) or (H, W), or an array of shape (H, W, C) or (H, W).
        mode: the mode of the image; by default the one that fits the channels and the dtype.
    Raises:
        TypeError: for anything else, or a dtype that no mode has.
        ValueError: a shape or a mode that does not fit.
    """
    if isinstance(pic, Tensor):
        pic = (pic.permute(1, 2, 0) if pic.ndim == 3 else pic).numpy(force=True)
    elif not isinstance(pic, np.ndarray):
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    if pic.ndim not in (2, 3):
        raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
    pixels = pic if pic.ndim == 3 else pic[:, :, None]
    channels = pixels.shape[2]
    if channels > 4:
        raise ValueError(f"pic should not have > 4 channels. Got {channels} channels.")
    if np.issubdtype(pixels.dtype, np.floating) and mode != "F":
        pixels = (pixels * 255).astype(np.uint8)
    if channels == 1:
        return pillow.from_array(pixels[:, :, 0], _gray_mode(pixels.dtype, mode))
    return pillow.from_array(pixels, _color_mode(channels, pixels.dtype, mode))


def _gray_mode(dtype, mode):
    fitting = _GRAY_MODES.get(dtype.type)
    if fitting is None:
        raise TypeError(f"Input type {dtype} is not supported")
    if mode not in (None, fitting):
        raise ValueError(f"Incorrect mode ({mode}) supplied for input type {dtype}. "
                         f"Should be {fitting}")
    return fitting


def _color_mode(channels, dtype, mode):
    permitted = _COLOR_MODES[channels]
    if mode is None and dtype != np.uint8:
        raise TypeError(f"Input type {dtype} is not supported")
    if mode is not None and mode not in permitted:
        raise ValueError(f"Only modes {list(permitted)} are supported for {channels} channels, "
                         f"got {mode}")
    return mode or permitted[0]


def convert_image_dtype(image, dtype=dtypes.float32):
    """Return a Tensor image in another dtype, its values scaled to that dtype's range.

    Raises:
        TypeError: `image` is no Tensor.
        RuntimeError: an integer type that floats of this precision cannot fill.

    >>> import ember
    >>> convert_image_dtype(ember.tensor([0.0, 0.5, 1.0]), ember.uint8)
    tensor([  0, 127, 255], dtype=torch.uint8)
    """
    if not isinstance(image, Tensor):
        raise TypeError("Input img should be Tensor Image")
    if image.dtype == dtype:
        return image
    if image.is_floating_point():
        return image.to(dtype) if dtype.is_floating_point else _float_to_integer(image, dtype)
    if dtype.is_floating_point:
        return image.to(dtype) / max_value(image.dtype)
    narrower = (max_value(image.dtype) + 1) // (max_value(dtype) + 1)
    if narrower >= 1:
        return image.div(narrower, rounding_mode="floor").to(dtype)
    return image.to(dtype) * ((max_value(dtype) + 1) // (max_value(image.dtype) + 1))


def _float_to_integer(image, dtype):
    precise = {dtypes.int32: (dtypes.float64,), dtypes.int64: ()}.get(dtype, (image.dtype,))
    if image.dtype not in precise:
        raise RuntimeError(f"The cast from {image.dtype} to {dtype} cannot be performed safely.")
    # Each integer gets an interval of the same width; the last one holds 1.0 itself.
    return image.mul(max_value(dtype) + 1 - 1e-3).to(dtype)


def normalize(tensor, mean, std, inplace=False):
    """Return (tensor − mean) / std, channel by channel.

    Args:
        tensor: floats, shape (..., C, H, W).
        mean, std: one number per channel.
        inplace: whether to change `tensor` itself.
    Raises:
        TypeError: `tensor` is no Tensor of floats.
        ValueError: no dimension of channels, or a `std` of 0.

    >>> import ember
    >>> normalize(ember.ones(1, 1, 2), (0.5,), (0.25,))
    tensor([[[2., 2.]]])
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor)}")
    if not tensor.is_floating_point():
        raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
    if tensor.ndim < 3:
        raise ValueError("Expected tensor to be a tensor image of size (..., C, H, W). "
                         f"Got tensor.size() = {tensor.size()}")
    mean, std = (as_tensor(v, dtype=tensor.dtype, device=tensor.device) for v in (mean, std))
    if (std == 0).any():
        raise ValueError(f"std evaluated to zero after conversion to {tensor.dtype}, leading to "
                         "division by zero.")
    mean, std = (v.view(-1, 1, 1) if v.ndim == 1 else v for v in (mean, std))
    return (tensor.sub_(mean) if inplace else tensor - mean).div_(std)
