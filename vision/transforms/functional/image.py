"""What all transforms ask of an image: its size, its channels, its largest value."""

import enum

from ....autograd import Tensor, dtypes
from ... import pillow


class InterpolationMode(enum.Enum):
    """How a resized or warped image gets values between its pixels."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


# Pillow's numbers for them; a program may pass these instead.
_IN_PILLOW = {
    InterpolationMode.NEAREST: 0,
    InterpolationMode.LANCZOS: 1,
    InterpolationMode.BILINEAR: 2,
    InterpolationMode.BICUBIC: 3,
    InterpolationMode.BOX: 4,
    InterpolationMode.HAMMING: 5,
    InterpolationMode.NEAREST_EXACT: 0,
}


def interpolation_mode(value):
    """Return the mode that a mode or one of Pillow's numbers means.

    Raises:
        TypeError: for anything else.

    >>> interpolation_mode(2)
    <InterpolationMode.BILINEAR: 'bilinear'>
    """
    if isinstance(value, InterpolationMode):
        return value
    for mode, number in _IN_PILLOW.items():
        if value == number and isinstance(value, int):
            return mode
    raise TypeError("Argument interpolation should be a InterpolationMode or a corresponding "
                    f"Pillow integer constant, got {value!r}")


def in_pillow(mode):
    """Return Pillow's number for a mode."""
    return _IN_PILLOW[mode]


def get_dimensions(img):
    """Return [channels, height, width].

    >>> import ember
    >>> get_dimensions(ember.zeros(3, 20, 30))
    [3, 20, 30]
    """
    if isinstance(img, Tensor):
        if img.ndim < 2:
            raise TypeError(f"Tensor is not a torch image: it has {img.ndim} dimensions, not 2 "
                            "(height, width) or more")
        return [1 if img.ndim == 2 else img.shape[-3], *img.shape[-2:]]
    width, height = pillow.require_image(img).size
    return [len(img.getbands()), height, width]


def get_image_size(img):
    """Return [width, height]."""
    _, height, width = get_dimensions(img)
    return [width, height]


def get_image_num_channels(img):
    """Return how many channels an image has."""
    return get_dimensions(img)[0]


def require_gray_or_color(img):
    """Raise TypeError unless a Tensor has 1 or 3 channels."""
    channels = get_dimensions(img)[0]
    if channels not in (1, 3):
        raise TypeError(f"Input image tensor permitted channel values are [1, 3], found {channels}")


def require_channels(img):
    """Raise TypeError unless a Tensor has a dimension of 1 or 3 channels."""
    if img.ndim < 3:
        raise TypeError("Input image tensor should have at least 3 dimensions, but found "
                        f"{img.ndim}")
    require_gray_or_color(img)


def require_bytes(img):
    """Raise TypeError unless a Tensor is of uint8."""
    if img.dtype != dtypes.uint8:
        raise TypeError(f"Only torch.uint8 image tensors are supported, but found {img.dtype}")


def max_value(dtype):
    """Return the value of white in an image of this dtype: 1 for floats.

    >>> max_value(dtypes.uint8), max_value(dtypes.float32)
    (255, 1)
    """
    return 1 if dtype.is_floating_point else dtypes.iinfo(dtype).max


def float_dtype(img):
    """Return the dtype in which to compute with a Tensor image: its own if that is a float."""
    return img.dtype if img.is_floating_point() else dtypes.float32


def as_batch(img, dtype):
    """Return a Tensor image as a batch (N, C, H, W) of this dtype."""
    return (img if img.ndim >= 4 else img.unsqueeze(0)).to(dtype)


def from_batch(batch, like):
    """Undo `as_batch`: the number of dimensions and the dtype of `like`, integers rounded."""
    out = batch if like.ndim >= 4 else batch.squeeze(0)
    if out.dtype != like.dtype and not like.is_floating_point():
        out = out.round()
    return out.to(like.dtype)
