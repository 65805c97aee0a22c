"""Turning, shearing and bending by random amounts."""

from collections.abc import Sequence
from numbers import Number

from ...autograd import Tensor, cat, rand
from ...nn import Module
from . import functional as F
from .drawing import Sometimes, integer, uniform
from .functional.image import InterpolationMode, interpolation_mode


def _require_length(name, values, lengths):
    wanted = " or ".join(map(str, lengths))
    if not isinstance(values, Sequence):
        raise TypeError(f"{name} should be a sequence of length {wanted}.")
    if len(values) not in lengths:
        raise ValueError(f"{name} should be a sequence of length {wanted}.")


def _angles(name, value, lengths=(2,)):
    """Return the range of an angle; one number means from −value to value."""
    if isinstance(value, Number):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be positive.")
        value = [-value, value]
    _require_length(name, value, lengths)
    return [float(angle) for angle in value]


def _fill(fill):
    if not isinstance(fill, Sequence | Number | None):
        raise TypeError("Fill should be either a sequence or a number.")
    return 0 if fill is None else fill


def _fill_of(img, fill):
    """Return the fill for an image: for a Tensor one float per channel."""
    if not isinstance(img, Tensor):
        return fill
    channels = F.get_dimensions(img)[0]
    return [float(v) for v in ([fill] * channels if isinstance(fill, Number) else fill)]


class RandomRotation(Module):
    """Turn an image by a random angle; see `functional.rotate`.

    Args:
        degrees: (least, most), or one number for −number to number.
        interpolation, expand, center, fill: as in `functional.rotate`.
    """

    def __init__(self, degrees, interpolation=InterpolationMode.NEAREST, expand=False,
                 center=None, fill=0):
        super().__init__()
        self.interpolation = interpolation_mode(interpolation)
        self.degrees = _angles("degrees", degrees)
        if center is not None:
            _require_length("center", center, (2,))
        self.center = center
        self.expand = expand
        self.fill = _fill(fill)

    @staticmethod
    def get_params(degrees):
        """Return a random angle."""
        return uniform(float(degrees[0]), float(degrees[1]))

    def forward(self, img):
        """Return the turned image."""
        angle = self.get_params(self.degrees)
        return F.rotate(img, angle, self.interpolation, self.expand, self.center,
                        _fill_of(img, self.fill))

    def __repr__(self):
        center = "" if self.center is None else f", center={self.center}"
        return (f"{type(self).__name__}(degrees={self.degrees}, interpolation="
                f"{self.interpolation.value}, expand={self.expand}{center}, fill={self.fill})")


class RandomAffine(Module):
    """Turn, move, scale and shear an image by random amounts; see `functional.affine`.

    Args:
        degrees: (least, most) angle, or one number for −number to number.
        translate: the most that it moves, (share of the width, share of the height).
        scale: (least, most) factor.
        shear: (least, most) along x, then optionally along y; or one number.
        interpolation, fill, center: as in `functional.affine`.
    """

    def __init__(self, degrees, translate=None, scale=None, shear=None,
                 interpolation=InterpolationMode.NEAREST, fill=0, center=None):
        super().__init__()
        self.interpolation = interpolation_mode(interpolation)
        self.degrees = _angles("degrees", degrees)
        for name, values in (("translate", translate), ("scale", scale), ("center", center)):
            if values is not None:
                _require_length(name, values, (2,))
        if translate is not None and not all(0.0 <= t <= 1.0 for t in translate):
            raise ValueError("translation values should be between 0 and 1")
        if scale is not None and min(scale) <= 0:
            raise ValueError("scale values should be positive")
        self.translate = translate
        self.scale = scale
        self.shear = None if shear is None else _angles("shear", shear, (2, 4))
        self.fill = _fill(fill)
        self.center = center

    @staticmethod
    def get_params(degrees, translate, scale_ranges, shears, img_size):
        """Return a random angle, (right, down) in pixels, factor and (shear x, shear y).

        Args:
            degrees, translate, scale_ranges, shears: as the class has them.
            img_size: (width, height).
        """
        angle = uniform(float(degrees[0]), float(degrees[1]))
        moves = (0, 0)
        if translate is not None:
            most = [share * length for share, length in zip(translate, img_size)]
            moves = tuple(round(uniform(-pixels, pixels)) for pixels in most)
        scale = 1.0 if scale_ranges is None else uniform(*scale_ranges)
        shear = [0.0, 0.0]
        for axis in range(0 if shears is None else len(shears) // 2):
            shear[axis] = uniform(*shears[2 * axis:2 * axis + 2])
        return angle, moves, scale, tuple(shear)

    def forward(self, img):
        """Return the changed image."""
        _, height, width = F.get_dimensions(img)
        amounts = self.get_params(self.degrees, self.translate, self.scale, self.shear,
                                  [width, height])
        return F.affine(img, *amounts, interpolation=self.interpolation,
                        fill=_fill_of(img, self.fill), center=self.center)

    def __repr__(self):
        optional = {"translate": (self.translate, None), "scale": (self.scale, None),
                    "shear": (self.shear, None), "interpolation": (self.interpolation.value,
                                                                   "nearest"),
                    "fill": (self.fill, 0), "center": (self.center, None)}
        given = "".join(f", {name}={value}" for name, (value, default) in optional.items()
                        if value != default)
        return f"{type(self).__name__}(degrees={self.degrees}{given})"


class RandomPerspective(Sometimes):
    """Look at an image from a random side, with probability `p`; see `functional.perspective`.

    Args:
        distortion_scale: from 0 (none) to 1 (the corners move up to the middle).
        p: the probability.
        interpolation, fill: as in `functional.perspective`.
    """

    def __init__(self, distortion_scale=0.5, p=0.5, interpolation=InterpolationMode.BILINEAR,
                 fill=0):
        super().__init__(p)
        self.interpolation = interpolation_mode(interpolation)
        self.distortion_scale = distortion_scale
        self.fill = _fill(fill)

    @staticmethod
    def get_params(width, height, distortion_scale):
        """Return the corners and where they go, each as four [x, y]."""
        inward_x, inward_y = (int(distortion_scale * (n // 2)) for n in (width, height))
        near = {"left": (0, inward_x + 1), "right": (width - inward_x - 1, width),
                "top": (0, inward_y + 1), "bottom": (height - inward_y - 1, height)}
        corners = (("left", "top"), ("right", "top"), ("right", "bottom"), ("left", "bottom"))
        endpoints = [[integer(*near[x]), integer(*near[y])] for x, y in corners]
        right, bottom = width - 1, height - 1
        return [[0, 0], [right, 0], [right, bottom], [0, bottom]], endpoints

    def change(self, img):
        """Return the image from a random side."""
        _, height, width = F.get_dimensions(img)
        startpoints, endpoints = self.get_params(width, height, self.distortion_scale)
        return F.perspective(img, startpoints, endpoints, self.interpolation,
                             _fill_of(img, self.fill))


class ElasticTransform(Module):
    """Move each pixel by a smooth random amount; see `functional.elastic_transform`.

    Args:
        alpha: how far, one number or (along x, along y).
        sigma: how smooth, one number or (along x, along y).
        interpolation, fill: as in `functional.elastic_transform`.
    """

    def __init__(self, alpha=50.0, sigma=5.0, interpolation=InterpolationMode.BILINEAR, fill=0):
        super().__init__()
        self.alpha = _two_floats("alpha", alpha)
        self.sigma = _two_floats("sigma", sigma)
        self.interpolation = interpolation_mode(interpolation)
        self.fill = [float(v) for v in ([fill] if isinstance(fill, Number) else fill)]

    @staticmethod
    def get_params(alpha, sigma, size):
        """Return a random displacement, shape (1, height, width, 2)."""
        moves = []
        for strength, smoothness, length in zip(alpha, sigma, reversed(size)):
            move = rand(1, 1, *size) * 2 - 1
            if smoothness > 0.0:
                kernel = int(8 * smoothness + 1) | 1  # odd
                move = F.gaussian_blur(move, [kernel, kernel], list(sigma))
            moves.append(move * strength / length)
        return cat(moves, 1).permute(0, 2, 3, 1)

    def forward(self, tensor):
        """Return the bent image."""
        _, height, width = F.get_dimensions(tensor)
        displacement = self.get_params(self.alpha, self.sigma, [height, width])
        return F.elastic_transform(tensor, displacement, self.interpolation, self.fill)

    def __repr__(self):
        return (f"{type(self).__name__}(alpha={self.alpha}, sigma={self.sigma}, "
                f"interpolation={self.interpolation}, fill={self.fill})")


def _two_floats(name, value):
    values = [value, value] if isinstance(value, float) else value
    if not isinstance(values, Sequence) or not all(isinstance(v, float) for v in values):
        raise TypeError(f"{name} should be a float or a sequence of floats. Got {value!r}")
    if len(values) != 2:
        raise ValueError(f"If {name} is a sequence its length should be 2. Got {len(values)}")
    return values
