"""Smoothing and erasing by random amounts."""

from collections.abc import Sequence
from numbers import Number

from ...autograd import dtypes, empty
from ...autograd.from_data import tensor
from ...nn import Module
from . import functional as F
from .drawing import Sometimes, integer, rectangles, uniform
from .functional.geometry import pair
from .geometry import require_ranges


class GaussianBlur(Module):
    """Smooth an image with a Gaussian of random width; see `functional.gaussian_blur`.

    Args:
        kernel_size: odd, one number or (width, height).
        sigma: (least, most) standard deviation in pixels, or one number.
    """

    def __init__(self, kernel_size, sigma=(0.1, 2.0)):
        super().__init__()
        self.kernel_size = pair(kernel_size, "Kernel size should be a tuple/list of two integers")
        if any(size <= 0 or size % 2 == 0 for size in self.kernel_size):
            raise ValueError("Kernel size value should be an odd and positive number.")
        if isinstance(sigma, Number):
            sigma = (sigma, sigma)
        if not isinstance(sigma, Sequence) or len(sigma) != 2:
            raise ValueError("sigma should be a single number or a list/tuple with length 2.")
        if not 0.0 < sigma[0] <= sigma[1]:
            raise ValueError("sigma values should be positive and of the form (min, max).")
        self.sigma = sigma

    @staticmethod
    def get_params(sigma_min, sigma_max):
        """Return a random standard deviation."""
        return uniform(sigma_min, sigma_max)

    def forward(self, img):
        """Return the smoothed image."""
        sigma = self.get_params(*self.sigma)
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])

    def __repr__(self):
        return f"{type(self).__name__}(kernel_size={self.kernel_size}, sigma={self.sigma})"


class RandomErasing(Sometimes):
    """Write over a random rectangle of a Tensor, with probability `p`.

    Args:
        p: the probability.
        scale: (least, most) share of the image's area.
        ratio: (least, most) height / width.
        value: what to write: one number, one per channel, or "random" for normal numbers.
        inplace: whether to change the Tensor itself.
    """

    def __init__(self, p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False):
        super().__init__(p)
        if not isinstance(value, Number | str | tuple | list):
            raise TypeError("Argument value should be either a number or str or a sequence")
        if isinstance(value, str) and value != "random":
            raise ValueError("If value is str, it should be 'random'")
        require_ranges(scale, ratio)
        if scale[0] < 0 or scale[1] > 1:
            raise ValueError("Scale should be between 0 and 1")
        if not 0 <= p <= 1:
            raise ValueError("Random erasing probability should be between 0 and 1")
        self.scale = scale
        self.ratio = ratio
        self.value = value
        self.inplace = inplace

    @staticmethod
    def get_params(img, scale, ratio, value=None):
        """Return the top, left, height and width of a random rectangle, and what to write there.

        Args:
            img: shape (..., C, H, W).
            scale, ratio: as the class has them.
            value: a list of one number or one per channel; None for normal numbers.
        """
        channels, height, width = img.shape[-3:]
        for h, w in rectangles(height * width, scale, ratio):
            if h < height and w < width:
                if value is None:
                    values = empty(channels, h, w, dtype=dtypes.float32).normal_()
                else:
                    values = tensor(value)[:, None, None]
                return integer(0, height - h + 1), integer(0, width - w + 1), h, w, values
        return 0, 0, height, width, img  # none fits: the image stays

    def change(self, img):
        """Return the image with a rectangle written over."""
        value = None
        if self.value != "random":
            value = [float(v) for v in ([self.value] if isinstance(self.value, Number)
                                        else self.value)]
            if len(value) not in (1, img.shape[-3]):
                raise ValueError("If value is a sequence, it should have either a single value or "
                                 f"{img.shape[-3]} (number of input channels)")
        rectangle = self.get_params(img, self.scale, self.ratio, value)
        return F.erase(img, *rectangle, self.inplace)

    def __repr__(self):
        return (f"{type(self).__name__}(p={self.p}, scale={self.scale}, ratio={self.ratio}, "
                f"value={self.value}, inplace={self.inplace})")
