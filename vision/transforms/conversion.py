"""Between Pillow images and Tensors, and to the numbers that networks want, trained ones too."""

from ...autograd import Tensor, dtypes
from ...nn import Module
from . import functional as F
from .functional.image import InterpolationMode


class ToTensor:
    """An image as a Tensor (C, H, W), bytes as floats from 0 to 1; see `functional.to_tensor`."""

    def __call__(self, pic):
        return F.to_tensor(pic)

    def __repr__(self):
        return f"{type(self).__name__}()"


class PILToTensor:
    """A Pillow image as a Tensor (C, H, W) with its values unchanged."""

    def __call__(self, pic):
        return F.pil_to_tensor(pic)

    def __repr__(self):
        return f"{type(self).__name__}()"


class ToPILImage:
    """A Tensor or an array as a Pillow image; see `functional.to_pil_image`."""

    def __init__(self, mode=None):
        self.mode = mode

    def __call__(self, pic):
        return F.to_pil_image(pic, self.mode)

    def __repr__(self):
        return f"{type(self).__name__}({'' if self.mode is None else f'mode={self.mode}'})"


class ConvertImageDtype(Module):
    """A Tensor image in another dtype, its values scaled to that dtype's range."""

    def __init__(self, dtype):
        super().__init__()
        self.dtype = dtype

    def forward(self, image):
        """Return the converted image."""
        return F.convert_image_dtype(image, self.dtype)


class Normalize(Module):
    """(image − mean) / std, channel by channel.

    Args:
        mean, std: one number per channel.
        inplace: whether to change the Tensor itself.

    >>> import ember
    >>> Normalize((0.5,), (0.5,))(ember.tensor([[[0.0, 1.0]]]))
    tensor([[[-1.,  1.]]])
    """

    def __init__(self, mean, std, inplace=False):
        super().__init__()
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, tensor):
        """Return the normalized Tensor."""
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def __repr__(self):
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"


class LinearTransformation(Module):
    """The flattened image minus a vector, times a matrix: whitening, for example.

    Args:
        transformation_matrix: shape (D, D) with D = C · H · W.
        mean_vector: shape (D,).
    Raises:
        ValueError: other shapes, or another dtype or device for one than for the other.
    """

    def __init__(self, transformation_matrix, mean_vector):
        super().__init__()
        matrix, mean = transformation_matrix, mean_vector
        if matrix.shape != (len(mean), len(mean)):
            raise ValueError("transformation_matrix should be square and as large as mean_vector, "
                             f"got {tuple(matrix.shape)} and {tuple(mean.shape)}")
        if (matrix.device, matrix.dtype) != (mean.device, mean.dtype):
            raise ValueError("transformation_matrix and mean_vector should have one device and "
                             f"dtype, got {matrix.device}, {matrix.dtype} and {mean.device}, "
                             f"{mean.dtype}")
        self.transformation_matrix = matrix
        self.mean_vector = mean

    def forward(self, tensor):
        """Return the transformed Tensor, in its own shape."""
        length = tensor.shape[-3:].numel()
        if length != len(self.mean_vector):
            raise ValueError("Input tensor and transformation matrix have incompatible shape: "
                             f"{tuple(tensor.shape[-3:])} makes {length} values, not "
                             f"{len(self.mean_vector)}")
        flat = tensor.view(-1, length) - self.mean_vector
        return flat.mm(self.transformation_matrix.to(flat.dtype)).view(tensor.shape)

    def __repr__(self):
        return (f"{type(self).__name__}(transformation_matrix="
                f"{self.transformation_matrix.tolist()}, mean_vector={self.mean_vector.tolist()})")


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
