"""Changing the values of pixels, by random amounts or sometimes."""

from numbers import Number

from ...autograd import randperm
from ...nn import Module
from . import functional as F
from .drawing import Sometimes, uniform


class ColorJitter(Module):
    """Change brightness, contrast, saturation and hue by random factors, in a random order.

    Args:
        brightness, contrast, saturation: (least, most) factor, or one number x for
            max(0, 1 − x) to 1 + x.
        hue: (least, most) within −0.5 to 0.5, or one number x for −x to x.
    Raises:
        TypeError, ValueError: something else.
    """

    def __init__(self, brightness=0, contrast=0, saturation=0, hue=0):
        super().__init__()
        self.brightness = _factors("brightness", brightness)
        self.contrast = _factors("contrast", contrast)
        self.saturation = _factors("saturation", saturation)
        self.hue = _factors("hue", hue, center=0, bound=(-0.5, 0.5))

    @staticmethod
    def get_params(brightness, contrast, saturation, hue):
        """Return the order of the four changes and their random factors, None for none."""
        order = randperm(4)
        return order, *(factors and uniform(*factors)
                        for factors in (brightness, contrast, saturation, hue))

    def forward(self, img):
        """Return the changed image."""
        changes = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        for index in order.tolist():
            if factors[index] is not None:
                img = changes[index](img, factors[index])
        return img

    def __repr__(self):
        return (f"{type(self).__name__}(brightness={self.brightness}, contrast={self.contrast}, "
                f"saturation={self.saturation}, hue={self.hue})")


def _factors(name, value, center=1, bound=(0, float("inf"))):
    """Return (least, most), or None where neither changes anything."""
    if isinstance(value, Number):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be non negative.")
        low, high = center - float(value), center + float(value)
        low = max(low, 0.0) if center else low
    elif isinstance(value, tuple | list) and len(value) == 2:
        low, high = map(float, value)
    else:
        raise TypeError(f"{name} should be a single number or a list/tuple with length 2.")
    if not bound[0] <= low <= high <= bound[1]:
        raise ValueError(f"{name} values should be between {bound}, but got {[low, high]}.")
    return None if low == high == center else (low, high)


class Grayscale(Module):
    """A gray image, of 1 or 3 channels; see `functional.rgb_to_grayscale`."""

    def __init__(self, num_output_channels=1):
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, img):
        """Return the gray image."""
        return F.rgb_to_grayscale(img, self.num_output_channels)

    def __repr__(self):
        return f"{type(self).__name__}(num_output_channels={self.num_output_channels})"


class RandomGrayscale(Sometimes):
    """Make an image gray with probability `p`; it keeps its number of channels."""

    def __init__(self, p=0.1):
        super().__init__(p)

    def change(self, img):
        """Return the gray image."""
        return F.rgb_to_grayscale(img, F.get_image_num_channels(img))


class RandomInvert(Sometimes):
    """Exchange black and white with probability `p`."""

    def change(self, img):
        """Return the inverted image."""
        return F.invert(img)


class RandomPosterize(Sometimes):
    """Keep only the highest bits of each byte, with probability `p`."""

    def __init__(self, bits, p=0.5):
        super().__init__(p)
        self.bits = bits

    def change(self, img):
        """Return the image with fewer levels."""
        return F.posterize(img, self.bits)

    def __repr__(self):
        return f"{type(self).__name__}(bits={self.bits},p={self.p})"


class RandomSolarize(Sometimes):
    """Invert the pixels that are at least as bright as a threshold, with probability `p`."""

    def __init__(self, threshold, p=0.5):
        super().__init__(p)
        self.threshold = threshold

    def change(self, img):
        """Return the solarized image."""
        return F.solarize(img, self.threshold)

    def __repr__(self):
        return f"{type(self).__name__}(threshold={self.threshold},p={self.p})"


class RandomAdjustSharpness(Sometimes):
    """Sharpen or smooth with probability `p`; see `functional.adjust_sharpness`."""

    def __init__(self, sharpness_factor, p=0.5):
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def change(self, img):
        """Return the sharpened image."""
        return F.adjust_sharpness(img, self.sharpness_factor)

    def __repr__(self):
        return f"{type(self).__name__}(sharpness_factor={self.sharpness_factor},p={self.p})"


class RandomAutocontrast(Sometimes):
    """Stretch each channel from black to white, with probability `p`."""

    def change(self, img):
        """Return the stretched image."""
        return F.autocontrast(img)


class RandomEqualize(Sometimes):
    """Make all levels of each channel about equally frequent, with probability `p`."""

    def change(self, img):
        """Return the equalized image."""
        return F.equalize(img)
