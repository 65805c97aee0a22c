"""MNIST and the data sets in its file format.

Format: http://yann.lecun.com/exdb/mnist
"""

import gzip
import os
import string
import warnings
from pathlib import Path

import numpy as np

from ...autograd import dtypes, from_numpy
from .. import pillow
from .utils import download_and_extract_archive, extract_archive
from .vision import VisionDataset

__all__ = ["EMNIST", "FashionMNIST", "KMNIST", "MNIST"]

_NUMBERS = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_idx(path):
    """Return the array in an IDX file: two zero bytes, type, dimensions, sizes, numbers.

    Args:
        path: the file; a name that ends in .gz is unpacked.
    Raises:
        RuntimeError: the file is damaged.
    """
    try:
        with (gzip.open if str(path).endswith(".gz") else open)(path, "rb") as file:
            data = file.read()
    except (EOFError, gzip.BadGzipFile) as error:
        raise RuntimeError(f"{path} is damaged: {error}") from error
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _NUMBERS:
        raise RuntimeError(f"{path} is no IDX file: it begins with {data[:4]!r}")
    header = 4 + 4 * data[3]
    sizes = [int.from_bytes(data[at:at + 4], "big") for at in range(4, header, 4)]
    numbers = np.dtype(_NUMBERS[data[2]])
    wanted = header + int(np.prod(sizes, dtype=object)) * numbers.itemsize
    if len(data) != wanted:
        raise RuntimeError(f"{path} is damaged: its header promises {wanted} bytes, it has "
                           f"{len(data)}")
    values = np.frombuffer(data, numbers, offset=header).reshape(sizes)
    return values.astype(numbers.newbyteorder("="))


def _renamed(old, new):
    """Return a property that gives the attribute `new` under its older name."""
    def get(self):
        warnings.warn(f"{old} has been renamed {new}", stacklevel=2)
        return getattr(self, new)

    return property(get, doc=f"The older name of `{new}`.")


class MNIST(VisionDataset):
    """Handwritten digits: 60,000 to train and 10,000 to test, of 28 x 28 gray pixels.

    Args:
        root: the folder that holds `MNIST/raw/train-images-idx3-ubyte` and the three other files,
            packed (.gz) or not.
        train: whether to take the training images.
        transform: a function of the Pillow image.
        target_transform: a function of the target.
        download: whether to download the files that are missing.
    Raises:
        RuntimeError: files are missing or damaged.

    `data` has the images, (N, 28, 28) of uint8, and `targets` their classes, (N,) of int64.
    """

    mirrors = ["https://ossci-datasets.s3.amazonaws.com/mnist/",
               "http://yann.lecun.com/exdb/mnist/"]
    resources = [("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
                 ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
                 ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
                 ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c")]
    classes = ["0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six",
               "7 - seven", "8 - eight", "9 - nine"]
    train_data = _renamed("train_data", "data")
    test_data = _renamed("test_data", "data")
    train_labels = _renamed("train_labels", "targets")
    test_labels = _renamed("test_labels", "targets")

    def __init__(self, root, train=True, transform=None, target_transform=None, download=False):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        if download:
            self.download()
        images, labels = map(self._find, self._files())
        if images is None or labels is None:
            raise RuntimeError(self._not_found())
        self.data = from_numpy(self._read(images, 3))
        self.targets = from_numpy(self._read(labels, 1)).to(dtypes.int64)
        if len(self.data) != len(self.targets):
            raise RuntimeError(f"{images} has {len(self.data)} images, but {labels} "
                               f"{len(self.targets)} labels")

    @property
    def raw_folder(self):
        """The folder of the files."""
        return os.path.join(self.root, type(self).__name__, "raw")

    @property
    def class_to_idx(self):
        """The number of each class."""
        return {name: index for index, name in enumerate(self.classes)}

    def _files(self):
        """Return the names of the files with this split's images and labels."""
        split = "train" if self.train else "t10k"
        return f"{split}-images-idx3-ubyte", f"{split}-labels-idx1-ubyte"

    def _find(self, name):
        """Return the path of a file, packed or not, or None."""
        paths = [Path(self.raw_folder, name + ending) for ending in ("", ".gz")]
        return next((path for path in paths if path.is_file()), None)

    def _read(self, path, dimensions):
        values = read_idx(path)
        if values.dtype != np.uint8 or values.ndim != dimensions:
            raise RuntimeError(f"{path} holds {values.ndim} dimensions of {values.dtype}, not "
                               f"{dimensions} of uint8")
        return values

    def _sources(self):
        """Return the names and one address of the files, for people."""
        return [name for name, _ in self.resources], self.mirrors[0]

    def _not_found(self):
        names, address = self._sources()
        return (f"Dataset not found: {' and '.join(self._files())} should be in {self.raw_folder}. "
                "You can use download=True to download it, or put there yourself "
                f"{', '.join(names)} from {address}")

    def download(self):
        """Download and unpack the files that are missing.

        Raises:
            RuntimeError: a file cannot be had; says which and where to put it.
        """
        for name, md5 in self.resources:
            if self._find(name.removesuffix(".gz")) is None:
                self._download_from_mirrors(name, md5)

    def _download_from_mirrors(self, name, md5):
        errors = []
        for mirror in self.mirrors:
            try:
                return download_and_extract_archive(mirror + name, self.raw_folder, md5=md5)
            except RuntimeError as error:
                errors.append(str(error))
        raise RuntimeError(f"Error downloading {name}:\n" + "\n".join(errors))

    def __getitem__(self, index):
        image = pillow.from_array(self.data[index].numpy(), "L")
        return self.transformed(image, int(self.targets[index]))

    def __len__(self):
        return len(self.data)

    def extra_repr(self):
        """Return which split this is."""
        return f"Split: {'Train' if self.train else 'Test'}"


class FashionMNIST(MNIST):
    """Pieces of clothing in the format of MNIST; see `MNIST`.

    Source: https://github.com/zalandoresearch/fashion-mnist
    """

    mirrors = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"]
    resources = [("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
                 ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
                 ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
                 ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310")]
    classes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
               "Sneaker", "Bag", "Ankle boot"]


class KMNIST(MNIST):
    """Old Japanese letters in the format of MNIST; see `MNIST`.

    Source: http://codh.rois.ac.jp/kmnist
    """

    mirrors = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources = [("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
                 ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
                 ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
                 ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134")]
    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]


_MERGED = sorted(set(string.digits + string.ascii_letters) - set("cijklmopsuvwxyz"))


class EMNIST(MNIST):
    """Handwritten letters and digits in the format of MNIST, in six selections.

    Args:
        root: the folder that holds `EMNIST/raw/emnist-<split>-train-images-idx3-ubyte` and so on.
        split: "byclass", "bymerge", "balanced", "letters", "digits" or "mnist".
        kwargs: of `MNIST`.

    Source: https://www.nist.gov/itl/products-and-services/emnist-dataset
    """

    url = "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
    md5 = "58c8d27c78d21e728a6bc7b3cc06412e"
    classes_split_dict = {
        "byclass": sorted(string.digits + string.ascii_letters),
        "bymerge": _MERGED,
        "balanced": _MERGED,
        "letters": ["N/A", *string.ascii_lowercase],
        "digits": list(string.digits),
        "mnist": list(string.digits),
    }
    splits = tuple(classes_split_dict)

    def __init__(self, root, split, **kwargs):
        if split not in self.splits:
            raise ValueError(f"Unknown value {split!r} for argument split. Valid values are "
                             f"{set(self.splits)}.")
        self.split = split
        self.classes = self.classes_split_dict[split]
        super().__init__(root, **kwargs)

    def _files(self):
        prefix = f"emnist-{self.split}-{'train' if self.train else 'test'}"
        return f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"

    def _sources(self):
        return ["the files of gzip.zip"], self.url

    def download(self):
        """Download all six selections and unpack them, unless this one is there.

        Raises:
            RuntimeError: the archive cannot be had; says where to put it.
        """
        if all(map(self._find, self._files())):
            return
        download_and_extract_archive(self.url, self.raw_folder, md5=self.md5)
        for packed in sorted(Path(self.raw_folder, "gzip").glob("*.gz")):
            extract_archive(packed, self.raw_folder, remove_finished=True)
        Path(self.raw_folder, "gzip").rmdir()
