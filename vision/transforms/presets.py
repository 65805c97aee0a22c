"""What the pretrained models want their images to be like."""

from ...autograd import Tensor, dtypes
from ...nn import Module
from . import functional as F
from .functional.image import InterpolationMode


class ImageClassification(Module):
    """Resize, cut out the middle, and normalize to ImageNet's mean and standard deviation.

    Args:
        crop_size, resize_size: in pixels.
        mean, std: one number per channel.
        interpolation, antialias: as in `Resize`.
    """

    def __init__(self, *, crop_size, resize_size=256, mean=(0.485, 0.456, 0.406),
                 std=(0.229, 0.224, 0.225), interpolation=InterpolationMode.BILINEAR,
                 antialias=True):
        super().__init__()
        self.crop_size = [crop_size]
        self.resize_size = [resize_size]
        self.mean = list(mean)
        self.std = list(std)
        self.interpolation = interpolation
        self.antialias = antialias

    def forward(self, img):
        """Return floats (..., 3, crop_size, crop_size) of a Pillow image or a Tensor."""
        img = F.resize(img, self.resize_size, self.interpolation, antialias=self.antialias)
        img = F.center_crop(img, self.crop_size)
        if not isinstance(img, Tensor):
            img = F.pil_to_tensor(img)
        return F.normalize(F.convert_image_dtype(img, dtypes.float32), self.mean, self.std)

    def __repr__(self):
        names = ("crop_size", "resize_size", "mean", "std", "interpolation")
        lines = "".join(f"\n    {name}={getattr(self, name)}" for name in names)
        return f"{type(self).__name__}({lines}\n)"
