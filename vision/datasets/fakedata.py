"""Random images, to try a program without data."""

from ...autograd import dtypes, randint, randn
from ...autograd.generator import Generator
from ..transforms.functional import to_pil_image
from .vision import VisionDataset

__all__ = ["FakeData"]


class FakeData(VisionDataset):
    """Random images with random classes; the same index gives the same ones.

    Args:
        size: how many.
        image_size: (channels, height, width).
        num_classes: how many classes.
        transform: a function of the Pillow image.
        target_transform: a function of the target.
        random_offset: added to the index before it becomes the seed.

    >>> image, target = FakeData(10, (3, 8, 8))[0]
    >>> image.size, target
    ((8, 8), 6)
    """

    def __init__(self, size=1000, image_size=(3, 224, 224), num_classes=10, transform=None,
                 target_transform=None, random_offset=0):
        super().__init__(transform=transform, target_transform=target_transform)
        self.size = size
        self.image_size = image_size
        self.num_classes = num_classes
        self.random_offset = random_offset

    def __getitem__(self, index):
        if index >= len(self):
            raise IndexError(f"{type(self).__name__} index out of range")
        stream = Generator().manual_seed(index + self.random_offset)
        image = randn(*self.image_size, generator=stream, device="cpu")
        target = randint(0, self.num_classes, (1,), generator=stream, dtype=dtypes.int64,
                         device="cpu")[0]
        image, target = self.transformed(to_pil_image(image), target)
        return image, int(target)

    def __len__(self):
        return self.size
