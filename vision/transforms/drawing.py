"""Random choices, from the stream that `torch.manual_seed` starts."""

import math

from ...autograd import empty, log, rand, randint
from ...autograd.from_data import tensor
from ...nn import Module


def uniform(low, high):
    """Return a random float from `low` to `high`."""
    return empty(1).uniform_(low, high).item()


def integer(low, high):
    """Return a random integer from `low` to `high` − 1."""
    return randint(low, high, (1,)).item()


def happens(p):
    """Return True with probability p."""
    return rand(1).item() < p


def rectangles(area, scale, ratio, tries=10):
    """Yield random (width, height) with a share of `area` in `scale` and width / height in `ratio`.

    The logarithm of the proportions is uniform.
    """
    low, high = log(tensor(ratio)).tolist()
    for _ in range(tries):
        part = area * uniform(scale[0], scale[1])
        proportion = empty(1).uniform_(low, high).exp().item()
        yield round(math.sqrt(part * proportion)), round(math.sqrt(part / proportion))


class Sometimes(Module):
    """A transform that is applied with probability `p`; a subclass defines `change(img)`."""

    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, img):
        """Return the changed image, or `img` itself."""
        return self.change(img) if happens(self.p) else img

    def __repr__(self):
        return f"{type(self).__name__}(p={self.p})"
