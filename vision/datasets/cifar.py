"""CIFAR-10 and CIFAR-100: small color images.

Source: https://www.cs.toronto.edu/~kriz/cifar.html
"""

from pathlib import Path

import numpy as np

from .. import pillow
from .batches import read_batch
from .utils import check_integrity, download_and_extract_archive
from .vision import VisionDataset

__all__ = ["CIFAR10", "CIFAR100"]


class CIFAR10(VisionDataset):
    """Color images of 32 x 32 pixels in ten classes: 50,000 to train and 10,000 to test.

    Args:
        root: the folder that holds `cifar-10-batches-py/data_batch_1` and the other files of the
            "Python version".
        train: whether to take the training images.
        transform: a function of the Pillow image.
        target_transform: a function of the target.
        download: whether to download the files that are missing.
    Raises:
        RuntimeError: files are missing or damaged.

    `data` is a NumPy array (N, 32, 32, 3) of uint8, `targets` a list of class numbers.
    """

    base_folder = "cifar-10-batches-py"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    filename = "cifar-10-python.tar.gz"
    tgz_md5 = "c58f30108f718f92721af3b95e74349a"
    train_list = [["data_batch_1", "c99cafc152244af753f735de768cd75f"],
                  ["data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"],
                  ["data_batch_3", "54ebc095f3ab1f0389bbae665268c751"],
                  ["data_batch_4", "634d18415352ddfa80567beed471001a"],
                  ["data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"]]
    test_list = [["test_batch", "40351d587109b95175f43aff81a1287e"]]
    meta = {"filename": "batches.meta", "key": "label_names",
            "md5": "5ff9c542aee3614f3951f8cda6e48888"}

    def __init__(self, root, train=True, transform=None, target_transform=None, download=False):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        if download:
            self.download()
        wrong = self._missing_or_damaged()
        if wrong:
            raise RuntimeError(
                f"Dataset not found or corrupted: {', '.join(wrong)} should be in {self._folder}. "
                "You can use download=True to download it, or get and unpack there yourself "
                f"{self.filename} from {self.url}")
        batches = [self._read(name) for name, _ in (self.train_list if train else self.test_list)]
        pixels = np.concatenate([batch["data"] for batch in batches])
        self.data = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        self.targets = [label for batch in batches
                        for label in batch["labels" if "labels" in batch else "fine_labels"]]
        self.classes = self._read(self.meta["filename"])[self.meta["key"]]
        self.class_to_idx = {name: index for index, name in enumerate(self.classes)}

    @property
    def _folder(self):
        return Path(self.root, self.base_folder)

    def _read(self, name):
        return read_batch((self._folder / name).read_bytes())

    def _missing_or_damaged(self):
        """Return the names of the files that are not there or have another content."""
        files = [*self.train_list, *self.test_list, [self.meta["filename"], self.meta["md5"]]]
        return [name for name, md5 in files if not check_integrity(self._folder / name, md5)]

    def download(self):
        """Download and unpack the files, unless they are there.

        Raises:
            RuntimeError: the archive cannot be had; says where to put it.
        """
        if self._missing_or_damaged():
            download_and_extract_archive(self.url, self.root, filename=self.filename,
                                         md5=self.tgz_md5)

    def __getitem__(self, index):
        return self.transformed(pillow.Image.fromarray(self.data[index]), self.targets[index])

    def __len__(self):
        return len(self.data)

    def extra_repr(self):
        """Return which split this is."""
        return f"Split: {'Train' if self.train else 'Test'}"


class CIFAR100(CIFAR10):
    """Color images of 32 x 32 pixels in a hundred classes; see `CIFAR10`."""

    base_folder = "cifar-100-python"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list = [["train", "16019d7e3df5f24257cddd939b257f8d"]]
    test_list = [["test", "f0ef6b0ae62326f3e7ffdfab6717acfc"]]
    meta = {"filename": "meta", "key": "fine_label_names",
            "md5": "7973b15100ade9c7d40fb424638fde48"}
