"""Random changes chosen from a list of many, each with a strength.

Papers: RandAugment, https://arxiv.org/abs/1909.13719; TrivialAugment,
https://arxiv.org/abs/2103.10158
"""

import math

from ...autograd import arange, linspace
from ...nn import Module
from . import functional as F
from .drawing import integer
from .functional.image import InterpolationMode


def _shear(img, magnitude, axis, **options):
    angles = [0.0, 0.0]
    angles[axis] = math.degrees(math.atan(magnitude))
    return F.affine(img, 0.0, [0, 0], 1.0, angles, center=[0, 0], **options)


def _translate(img, magnitude, axis, **options):
    moves = [0, 0]
    moves[axis] = int(magnitude)
    return F.affine(img, 0.0, moves, 1.0, [0.0, 0.0], **options)


# Each change as function(image, magnitude, interpolation=, fill=), in the order of the draws.
_CHANGES = {
    "Identity": lambda img, magnitude, **options: img,
    "ShearX": lambda img, magnitude, **options: _shear(img, magnitude, 0, **options),
    "ShearY": lambda img, magnitude, **options: _shear(img, magnitude, 1, **options),
    "TranslateX": lambda img, magnitude, **options: _translate(img, magnitude, 0, **options),
    "TranslateY": lambda img, magnitude, **options: _translate(img, magnitude, 1, **options),
    "Rotate": lambda img, magnitude, **options: F.rotate(img, magnitude, **options),
    "Brightness": lambda img, magnitude, **options: F.adjust_brightness(img, 1.0 + magnitude),
    "Color": lambda img, magnitude, **options: F.adjust_saturation(img, 1.0 + magnitude),
    "Contrast": lambda img, magnitude, **options: F.adjust_contrast(img, 1.0 + magnitude),
    "Sharpness": lambda img, magnitude, **options: F.adjust_sharpness(img, 1.0 + magnitude),
    "Posterize": lambda img, magnitude, **options: F.posterize(img, int(magnitude)),
    "Solarize": lambda img, magnitude, **options: F.solarize(img, magnitude),
    "AutoContrast": lambda img, magnitude, **options: F.autocontrast(img),
    "Equalize": lambda img, magnitude, **options: F.equalize(img),
}
_NAMES = list(_CHANGES)
_WITHOUT_STRENGTH = ("Identity", "AutoContrast", "Equalize")
_ONE_SIDED = ("Posterize", "Solarize")  # the strength has no sign


def _strengths(name, most, bins):
    """Return the list of strengths of a change, from weakest to strongest.

    Args:
        most: the strongest, by name; for "Posterize" how many bits are lost.
    """
    if name == "Solarize":
        return linspace(255.0, 0.0, bins).tolist()
    if name == "Posterize":
        return (8 - (arange(bins) / ((bins - 1) / most[name])).round()).tolist()
    return linspace(0.0, most[name], bins).tolist()


class _Augment(Module):
    def __init__(self, num_magnitude_bins, interpolation, fill):
        super().__init__()
        self.num_magnitude_bins = num_magnitude_bins
        self.interpolation = interpolation
        self.fill = fill

    def change(self, img, most, choose):
        """Return the image after one random change; `choose` picks one of its strengths."""
        name = _NAMES[integer(0, len(_NAMES))]
        magnitude = 0.0
        if name not in _WITHOUT_STRENGTH:
            magnitude = choose(_strengths(name, most, self.num_magnitude_bins))
            if name not in _ONE_SIDED and integer(0, 2):
                magnitude = -magnitude
        return _CHANGES[name](img, magnitude, interpolation=self.interpolation, fill=self.fill)


class RandAugment(_Augment):
    """Apply some random changes, all of one strength.

    Args:
        num_ops: how many.
        magnitude: which of the strengths, counted from 0.
        num_magnitude_bins: how many strengths there are.
        interpolation, fill: as in `functional.affine`.
    """

    def __init__(self, num_ops=2, magnitude=9, num_magnitude_bins=31,
                 interpolation=InterpolationMode.NEAREST, fill=None):
        super().__init__(num_magnitude_bins, interpolation, fill)
        self.num_ops = num_ops
        self.magnitude = magnitude

    def forward(self, img):
        """Return the changed image."""
        _, height, width = F.get_dimensions(img)
        most = {**dict.fromkeys(("ShearX", "ShearY"), 0.3), "Rotate": 30.0, "Posterize": 4,
                "TranslateX": 150.0 / 331.0 * width, "TranslateY": 150.0 / 331.0 * height,
                **dict.fromkeys(("Brightness", "Color", "Contrast", "Sharpness"), 0.9)}
        for _ in range(self.num_ops):
            img = self.change(img, most, lambda strengths: strengths[self.magnitude])
        return img

    def __repr__(self):
        return (f"{type(self).__name__}(num_ops={self.num_ops}, magnitude={self.magnitude}, "
                f"num_magnitude_bins={self.num_magnitude_bins}, interpolation="
                f"{self.interpolation}, fill={self.fill})")


class TrivialAugmentWide(_Augment):
    """Apply one random change of random strength.

    Args:
        num_magnitude_bins: how many strengths there are.
        interpolation, fill: as in `functional.affine`.
    """

    _MOST = {**dict.fromkeys(("ShearX", "ShearY", "Brightness", "Color", "Contrast",
                              "Sharpness"), 0.99),
             "TranslateX": 32.0, "TranslateY": 32.0, "Rotate": 135.0, "Posterize": 6}

    def __init__(self, num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST, fill=None):
        super().__init__(num_magnitude_bins, interpolation, fill)

    def forward(self, img):
        """Return the changed image."""
        return self.change(img, self._MOST,
                           lambda strengths: strengths[integer(0, len(strengths))])

    def __repr__(self):
        return (f"{type(self).__name__}(num_magnitude_bins={self.num_magnitude_bins}, "
                f"interpolation={self.interpolation}, fill={self.fill})")
