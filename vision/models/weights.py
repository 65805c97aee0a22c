"""Pretrained weights: which there are, and how to get them.

Page: https://docs.pytorch.org/vision/0.28/models.html#initializing-pre-trained-models
"""

import enum
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ...utils.serialization import load
from ..download import fetch
from ..transforms.conversion import ImageClassification

__all__ = ["Weights", "WeightsEnum", "imagenet"]


class _Meta(dict):
    def __missing__(self, key):
        raise KeyError(f"{key!r}: of the weights' description ember keeps only "
                       f"{', '.join(self)}; torchvision's page of models has the rest")


@dataclass(frozen=True)
class Weights:
    """One file of weights: its address, the transforms its images need, what it is for."""

    url: str
    transforms: Callable
    meta: dict = field(compare=False)


def imagenet(filename, **options):
    """Return the weights for ImageNet's 1000 classes that torchvision publishes in a file.

    Args:
        filename: the file's name.
        options: of the transforms that its images need (`ImageClassification`).
    """
    return Weights(f"https://download.pytorch.org/models/{filename}",
                   partial(ImageClassification, **{"crop_size": 224, **options}),
                   _Meta(num_classes=1000))


class WeightsEnum(enum.Enum):
    """The weights of one model; `DEFAULT` is the best.

    >>> from ember.vision.models import ResNet18_Weights
    >>> ResNet18_Weights.verify("DEFAULT")
    ResNet18_Weights.IMAGENET1K_V1
    """

    @classmethod
    def verify(cls, obj):
        """Return the weights that a member or its name means; None for None.

        Raises:
            TypeError: weights of another model.
            KeyError: no such name.
        """
        if isinstance(obj, str):
            return cls[obj.removeprefix(cls.__name__ + ".")]
        if obj is not None and not isinstance(obj, cls):
            raise TypeError(f"Invalid Weight class provided; expected {cls.__name__} but received "
                            f"{type(obj).__name__}.")
        return obj

    def get_state_dict(self, progress=True, check_hash=False):
        """Return the weights, from the folder of downloaded files or the network.

        Args:
            progress: accepted; no progress is shown.
            check_hash: accepted; a download is always checked.
        Raises:
            RuntimeError: the file is not there and cannot be downloaded, or `torch.load` refuses
                it (files that PyTorch wrote before version 1.6).
        """
        return load(_downloaded(self.url), map_location="cpu", weights_only=True)

    def __repr__(self):
        return f"{type(self).__name__}.{self.name}"

    @property
    def url(self):
        """The address of the file."""
        return self.value.url

    @property
    def transforms(self):
        """What makes the transforms that the images need: `weights.transforms()(image)`."""
        return self.value.transforms

    @property
    def meta(self):
        """What is known about the weights: `num_classes`."""
        return self.value.meta


def _downloaded(url):
    """Return the path of a file of weights, downloaded if it is not there yet."""
    name = url.rsplit("/", 1)[1]
    path = _checkpoints() / name
    if not path.is_file():
        digest = name.removesuffix(".pth").rsplit("-", 1)[1]  # the name ends with its beginning
        try:
            fetch(url, path, digest, "sha256")
        except RuntimeError as error:
            raise RuntimeError(f"the pretrained weights {name} are not in {path.parent}, and "
                               f"{error}. To go on without the network, put {url} there, or load "
                               "weights of your own with load_state_dict") from error
    return path


def _checkpoints():
    """Return the folder where PyTorch's hub keeps weights."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
    return Path(home).expanduser() / "hub" / "checkpoints"
