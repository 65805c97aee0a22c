"""Reading and writing image files as Tensors (C, H, W) of uint8.

Page: https://docs.pytorch.org/vision/0.28/io.html
"""

import enum
import io
from pathlib import Path

import numpy as np

from ...autograd import Tensor, dtypes, from_numpy
from .. import pillow

__all__ = ["ImageReadMode", "decode_image", "decode_jpeg", "decode_png", "encode_jpeg",
           "encode_png", "read_file", "read_image", "write_file", "write_jpeg", "write_png"]


class ImageReadMode(enum.Enum):
    """Which channels an image is read with."""

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4
    RGBA = RGB_ALPHA


_PILLOW_MODES = {ImageReadMode.GRAY: "L", ImageReadMode.GRAY_ALPHA: "LA",
                 ImageReadMode.RGB: "RGB", ImageReadMode.RGB_ALPHA: "RGBA"}


def read_file(path):
    """Return a file's bytes as a Tensor of uint8."""
    return from_numpy(np.fromfile(path, np.uint8))


def write_file(filename, data):
    """Write a one-dimensional Tensor of uint8 as a file."""
    Path(filename).write_bytes(data.numpy().tobytes())


def decode_image(input, mode=ImageReadMode.UNCHANGED, apply_exif_orientation=False):
    """Return the image that a file holds, (C, H, W).

    Args:
        input: the file's bytes (`read_file`), or its path.
        mode: an `ImageReadMode` or its name.
        apply_exif_orientation: whether to turn it as the camera says.
    Raises:
        RuntimeError: no image that Pillow can read.
    """
    data = read_file(input) if not isinstance(input, Tensor) else input
    try:
        image = pillow.Image.open(io.BytesIO(data.numpy().tobytes()))
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise RuntimeError(f"this is no image that Pillow can read: {error}") from error
    if apply_exif_orientation:
        image = pillow.ImageOps.exif_transpose(image)
    mode = ImageReadMode[mode.upper()] if isinstance(mode, str) else mode
    if mode in _PILLOW_MODES:
        image = image.convert(_PILLOW_MODES[mode])
    elif image.mode in ("P", "1"):
        image = image.convert("RGB" if image.mode == "P" else "L")
    pixels = np.array(image)
    return from_numpy(pixels.transpose(2, 0, 1).copy() if pixels.ndim == 3 else pixels[None])


def decode_png(input, mode=ImageReadMode.UNCHANGED, apply_exif_orientation=False):
    """Return the image that a PNG file's bytes hold; see `decode_image`."""
    return decode_image(input, mode, apply_exif_orientation)


def decode_jpeg(input, mode=ImageReadMode.UNCHANGED, device="cpu", apply_exif_orientation=False):
    """Return the image or images that JPEG files' bytes hold, on a device; see `decode_image`."""
    if isinstance(input, list):
        return [decode_jpeg(data, mode, device, apply_exif_orientation) for data in input]
    return decode_image(input, mode, apply_exif_orientation).to(device)


def read_image(path, mode=ImageReadMode.UNCHANGED, apply_exif_orientation=False):
    """Return the image in a file, (C, H, W); see `decode_image`."""
    return decode_image(str(path), mode, apply_exif_orientation)


def _encode(input, **options):
    if input.dtype != dtypes.uint8:
        raise RuntimeError(f"Input tensor dtype should be uint8, got {input.dtype}")
    if input.ndim != 3 or input.shape[0] not in (1, 3):
        raise RuntimeError("Input data should be 3-dimensional with 1 or 3 channels, got shape "
                           f"{tuple(input.shape)}")
    pixels = input.permute(1, 2, 0).numpy()
    image = pillow.from_array(pixels, "L" if input.shape[0] == 1 else "RGB")
    file = io.BytesIO()
    image.save(file, **options)
    return from_numpy(np.frombuffer(file.getvalue(), np.uint8).copy())


def encode_png(input, compression_level=6):
    """Return the bytes of a PNG file with an image (1 or 3, H, W) of uint8."""
    return _encode(input, format="PNG", compress_level=compression_level)


def encode_jpeg(input, quality=75):
    """Return the bytes of a JPEG file with an image (1 or 3, H, W) of uint8.

    Raises:
        ValueError: `quality` is not from 1 to 100.
    """
    if not 1 <= quality <= 100:
        raise ValueError("Image quality should be a positive number between 1 and 100")
    return _encode(input, format="JPEG", quality=quality)


def write_png(input, filename, compression_level=6):
    """Write an image (1 or 3, H, W) of uint8 as a PNG file."""
    write_file(filename, encode_png(input, compression_level))


def write_jpeg(input, filename, quality=75):
    """Write an image (1 or 3, H, W) of uint8 as a JPEG file."""
    write_file(filename, encode_jpeg(input, quality))
