"""The part of torchvision that scripts use: datasets, transforms, models and image files.

Names, arguments, random numbers and results are those of torchvision 0.28. Images are Pillow's
(`pip install ember[vision]`), imported when the first image is touched.
Page: https://docs.pytorch.org/vision/0.28/
"""

from . import datasets, io, models, ops, transforms, utils
from .version import __version__

__all__ = ["datasets", "get_image_backend", "io", "models", "ops", "set_image_backend",
           "transforms", "utils"]


def get_image_backend():
    """Return the name of the library that loads images: always "PIL"."""
    return "PIL"


def set_image_backend(backend):
    """Accept "PIL", the only library that loads images here.

    Raises:
        ValueError: any other name.
    """
    if backend != "PIL":
        raise ValueError(f"images are loaded by 'PIL' here, so the backend cannot be {backend!r}")
