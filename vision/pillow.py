"""Pillow, the library of images: the one place that imports it.

`pillow.Image`, `pillow.ImageOps` and so on are Pillow's modules, imported on first use.
"""

import functools
import importlib

import numpy as np


@functools.cache
def _module(name):
    try:
        importlib.import_module("PIL")
    except ImportError:
        raise ImportError("images are handled by Pillow, which is not installed: "
                          "pip install ember[vision]") from None
    return importlib.import_module(f"PIL.{name}")


def __getattr__(name):
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _module(name)


def is_image(value):
    """Return whether this is a Pillow image."""
    return isinstance(value, _module("Image").Image)


def require_image(value):
    """Return a Pillow image as it is.

    Raises:
        TypeError: for anything else.
    """
    if not is_image(value):
        raise TypeError(f"img should be a PIL Image or a Tensor, got {type(value)}")
    return value


def from_array(array, mode):
    """Return the image of this mode ("L", "RGB", ...) whose pixels an array holds.

    Args:
        array: shape (H, W) or (H, W, C), of the mode's own type of numbers.

    >>> from_array(np.zeros((2, 3), np.uint8), "L").size
    (3, 2)
    """
    height, width = array.shape[:2]
    pixels = np.ascontiguousarray(array).tobytes()
    layout = "1;8" if mode == "1" else mode  # a byte per pixel, also where Pillow keeps bits
    return _module("Image").frombytes(mode, (width, height), pixels, "raw", layout)
