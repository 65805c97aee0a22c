"""Transforms made of transforms."""

import random
from collections.abc import Sequence

from ...nn import Module
from .drawing import happens


def _listed(transforms):
    return "".join(f"\n    {transform}" for transform in transforms)


class Compose:
    """Transforms one after the other.

    >>> from ember.vision.transforms import Normalize, Pad
    >>> import ember
    >>> Compose([Pad(1), Normalize((0.0,), (1.0,))])(ember.zeros(1, 2, 2)).shape
    torch.Size([1, 4, 4])
    """

    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, img):
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self):
        return f"{type(self).__name__}({_listed(self.transforms)}\n)"


class Lambda:
    """Any function as a transform.

    Raises:
        TypeError: `lambd` cannot be called.
    """

    def __init__(self, lambd):
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img):
        return self.lambd(img)

    def __repr__(self):
        return f"{type(self).__name__}()"


class RandomApply(Module):
    """Apply all of some transforms with probability `p`, or none."""

    def __init__(self, transforms, p=0.5):
        super().__init__()
        self.transforms = transforms
        self.p = p

    def forward(self, img):
        """Return the transformed image, or `img` itself."""
        if happens(self.p):
            for transform in self.transforms:
                img = transform(img)
        return img

    def __repr__(self):
        return f"{type(self).__name__}(\n    p={self.p}{_listed(self.transforms)}\n)"


class _OneOfMany:
    def __init__(self, transforms):
        if not isinstance(transforms, Sequence):
            raise TypeError("Argument transforms should be a sequence")
        self.transforms = transforms

    def __repr__(self):
        return f"{type(self).__name__}({_listed(self.transforms)}\n)"


class RandomOrder(_OneOfMany):
    """Apply all transforms in a random order, drawn by Python's `random` as in torchvision."""

    def __call__(self, img):
        order = list(range(len(self.transforms)))
        random.shuffle(order)
        for index in order:
            img = self.transforms[index](img)
        return img


class RandomChoice(_OneOfMany):
    """Apply one of the transforms, drawn by Python's `random` as in torchvision.

    Args:
        transforms: a list of transforms.
        p: their weights; all the same by default.
    """

    def __init__(self, transforms, p=None):
        super().__init__(transforms)
        if p is not None and not isinstance(p, Sequence):
            raise TypeError("Argument p should be a sequence")
        self.p = p

    def __call__(self, *args):
        return random.choices(self.transforms, weights=self.p)[0](*args)

    def __repr__(self):
        return f"{super().__repr__()}(p={self.p})"
