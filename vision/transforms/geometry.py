"""Cropping, padding, mirroring, resizing."""

import warnings
from collections.abc import Sequence
from numbers import Number

from ...nn import Module
from . import functional as F
from .drawing import Sometimes, integer, rectangles
from .functional.geometry import PADDING_MODES, pair
from .functional.image import InterpolationMode, interpolation_mode


class Resize(Module):
    """An image of another size; see `functional.resize`.

    Args:
        size: (height, width), or one number for the shorter side.
        interpolation: an `InterpolationMode`.
        max_size: the most that the longer side may have, when `size` is one number.
        antialias: whether a Tensor is smoothed before it is made smaller.
    """

    def __init__(self, size, interpolation=InterpolationMode.BILINEAR, max_size=None,
                 antialias=True):
        super().__init__()
        if not isinstance(size, int | Sequence):
            raise TypeError(f"Size should be int or sequence. Got {type(size)}")
        if isinstance(size, Sequence) and len(size) not in (1, 2):
            raise ValueError("If size is a sequence, it should have 1 or 2 values")
        self.size = size
        self.max_size = max_size
        self.interpolation = interpolation_mode(interpolation)
        self.antialias = antialias

    def forward(self, img):
        """Return the resized image."""
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    def __repr__(self):
        return (f"{type(self).__name__}(size={self.size}, interpolation="
                f"{self.interpolation.value}, max_size={self.max_size}, "
                f"antialias={self.antialias})")


class CenterCrop(Module):
    """The middle of an image, surrounded by 0 where the image is too small."""

    def __init__(self, size):
        super().__init__()
        self.size = pair(size)

    def forward(self, img):
        """Return the middle."""
        return F.center_crop(img, self.size)

    def __repr__(self):
        return f"{type(self).__name__}(size={self.size})"


class Pad(Module):
    """An image with more pixels around it; see `functional.pad`."""

    def __init__(self, padding, fill=0, padding_mode="constant"):
        super().__init__()
        if not isinstance(padding, Number | tuple | list):
            raise TypeError("Got inappropriate padding arg")
        if not isinstance(fill, Number | tuple | list):
            raise TypeError("Got inappropriate fill arg")
        if padding_mode not in PADDING_MODES:
            raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
        if isinstance(padding, Sequence) and len(padding) not in (1, 2, 4):
            raise ValueError("Padding must be an int or a 1, 2, or 4 element tuple, not a "
                             f"{len(padding)} element tuple")
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def forward(self, img):
        """Return the padded image."""
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def __repr__(self):
        return (f"{type(self).__name__}(padding={self.padding}, fill={self.fill}, "
                f"padding_mode={self.padding_mode})")


class RandomCrop(Module):
    """A random part of an image.

    Args:
        size: (height, width), or one number for both.
        padding, fill, padding_mode: what to surround the image with first; see `functional.pad`.
        pad_if_needed: whether to pad an image that is too small.
    Raises:
        ValueError: when called with an image that is smaller than `size`.
    """

    def __init__(self, size, padding=None, pad_if_needed=False, fill=0, padding_mode="constant"):
        super().__init__()
        self.size = tuple(pair(size))
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    @staticmethod
    def get_params(img, output_size):
        """Return the top, left, height and width of a random part of this (height, width)."""
        _, h, w = F.get_dimensions(img)
        height, width = output_size
        if h < height or w < width:
            raise ValueError(f"Required crop size {(height, width)} is larger than input image "
                             f"size {(h, w)}")
        if (h, w) == (height, width):
            return 0, 0, h, w
        return integer(0, h - height + 1), integer(0, w - width + 1), height, width

    def forward(self, img):
        """Return a random part."""
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        if self.pad_if_needed:
            _, h, w = F.get_dimensions(img)
            for missing in ([self.size[1] - w, 0], [0, self.size[0] - h]):
                if max(missing) > 0:
                    img = F.pad(img, missing, self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))

    def __repr__(self):
        return f"{type(self).__name__}(size={self.size}, padding={self.padding})"


class RandomHorizontalFlip(Sometimes):
    """Mirror an image left to right with probability `p`."""

    def change(self, img):
        """Return the mirror image."""
        return F.hflip(img)


class RandomVerticalFlip(Sometimes):
    """Mirror an image top to bottom with probability `p`."""

    def change(self, img):
        """Return the mirror image."""
        return F.vflip(img)


class RandomResizedCrop(Module):
    """A random part of random size and proportions, resized.

    Args:
        size: (height, width) of the result, or one number for both.
        scale: the least and the most share of the image's area.
        ratio: the least and the most width / height.
        interpolation, antialias: as in `Resize`.
    """

    def __init__(self, size, scale=(0.08, 1.0), ratio=(3.0 / 4.0, 4.0 / 3.0),
                 interpolation=InterpolationMode.BILINEAR, antialias=True):
        super().__init__()
        self.size = pair(size)
        require_ranges(scale, ratio)
        self.interpolation = interpolation_mode(interpolation)
        self.antialias = antialias
        self.scale = scale
        self.ratio = ratio

    @staticmethod
    def get_params(img, scale, ratio):
        """Return the top, left, height and width of a random part."""
        _, height, width = F.get_dimensions(img)
        for w, h in rectangles(height * width, scale, ratio):
            if 0 < w <= width and 0 < h <= height:
                return integer(0, height - h + 1), integer(0, width - w + 1), h, w
        # None fits: the middle, as much as the proportions allow.
        w, h = width, height
        if width / height < min(ratio):
            h = round(width / min(ratio))
        elif width / height > max(ratio):
            w = round(height * max(ratio))
        return (height - h) // 2, (width - w) // 2, h, w

    def forward(self, img):
        """Return a random part, resized."""
        top, left, height, width = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, top, left, height, width, self.size, self.interpolation,
                              antialias=self.antialias)

    def __repr__(self):
        scale, ratio = (tuple(round(v, 4) for v in values) for values in (self.scale, self.ratio))
        return (f"{type(self).__name__}(size={self.size}, scale={scale}, ratio={ratio}, "
                f"interpolation={self.interpolation.value}, antialias={self.antialias})")


def require_ranges(scale, ratio):
    """Raise TypeError, or warn, unless both are sequences (min, max)."""
    if not isinstance(scale, Sequence):
        raise TypeError("Scale should be a sequence")
    if not isinstance(ratio, Sequence):
        raise TypeError("Ratio should be a sequence")
    if scale[0] > scale[1] or ratio[0] > ratio[1]:
        warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=3)


class FiveCrop(Module):
    """The four corners and the middle, as a tuple; see `functional.five_crop`."""

    def __init__(self, size):
        super().__init__()
        self.size = pair(size)

    def forward(self, img):
        """Return the five parts."""
        return F.five_crop(img, self.size)

    def __repr__(self):
        return f"{type(self).__name__}(size={self.size})"


class TenCrop(Module):
    """The corners and middles of an image and of its mirror image, as a tuple."""

    def __init__(self, size, vertical_flip=False):
        super().__init__()
        self.size = pair(size)
        self.vertical_flip = vertical_flip

    def forward(self, img):
        """Return the ten parts."""
        return F.ten_crop(img, self.size, self.vertical_flip)

    def __repr__(self):
        return f"{type(self).__name__}(size={self.size}, vertical_flip={self.vertical_flip})"
