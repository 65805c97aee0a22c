"""Images in folders that are named after their classes."""

import os

from .. import pillow
from .vision import VisionDataset

__all__ = ["DatasetFolder", "IMG_EXTENSIONS", "ImageFolder", "default_loader", "find_classes",
           "has_file_allowed_extension", "is_image_file", "make_dataset", "pil_loader"]

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def has_file_allowed_extension(filename, extensions):
    """Return whether a file's name ends in one of the extensions, in small or capital letters."""
    allowed = extensions if isinstance(extensions, str) else tuple(extensions)
    return filename.lower().endswith(allowed)


def is_image_file(filename):
    """Return whether a file's name is that of an image.

    >>> is_image_file("cat.JPG"), is_image_file("cat.txt")
    (True, False)
    """
    return has_file_allowed_extension(filename, IMG_EXTENSIONS)


def find_classes(directory):
    """Return the names of the folders in a folder, sorted, and the number of each.

    Raises:
        FileNotFoundError: there are none.
    """
    with os.scandir(directory) as entries:
        classes = sorted(entry.name for entry in entries if entry.is_dir())
    if not classes:
        raise FileNotFoundError(f"Couldn't find any class folder in {directory}.")
    return classes, {name: index for index, name in enumerate(classes)}


def make_dataset(directory, class_to_idx=None, extensions=None, is_valid_file=None,
                 allow_empty=False):
    """Return the files below the folders of the classes, as [(path, number of the class)].

    Args:
        directory: the folder of the classes' folders.
        class_to_idx: the number of each class; by default `find_classes`.
        extensions: the endings of the files to take.
        is_valid_file: a function that says whether to take a path, instead of `extensions`.
        allow_empty: whether a class may have no file.
    Raises:
        ValueError: both or neither of `extensions` and `is_valid_file`, or no class.
        FileNotFoundError: a class without a file.
    """
    if class_to_idx is None:
        class_to_idx = find_classes(directory)[1]
    elif not class_to_idx:
        raise ValueError("'class_to_index' must have at least one entry to collect any samples.")
    if (extensions is None) == (is_valid_file is None):
        raise ValueError("Both extensions and is_valid_file cannot be None or not None at the same "
                         "time")
    samples, empty = [], []
    for name in sorted(class_to_idx):
        paths = [path for path in _files(os.path.join(os.path.expanduser(directory), name))
                 if (is_valid_file(path) if is_valid_file is not None
                     else has_file_allowed_extension(path, extensions))]
        samples += [(path, class_to_idx[name]) for path in paths]
        if not paths:
            empty.append(name)
    if empty and not allow_empty:
        listed = extensions if isinstance(extensions, str | None) else ", ".join(extensions)
        raise FileNotFoundError(f"Found no valid file for the classes {', '.join(empty)}. "
                                + (f"Supported extensions are: {listed}" if listed else ""))
    return samples


def _files(folder):
    """Return the paths of all files in and below a folder, in torchvision's order."""
    return [os.path.join(place, name)
            for place, _, names in sorted(os.walk(folder, followlinks=True))
            for name in sorted(names)]


def pil_loader(path):
    """Return the image in a file, with red, green and blue channels."""
    with open(path, "rb") as file:
        return pillow.Image.open(file).convert("RGB")


default_loader = pil_loader


class DatasetFolder(VisionDataset):
    """Files in folders that are named after their classes: root/class/name.ext.

    Args:
        root: the folder of the classes' folders.
        loader: a function that reads a file, of its path.
        extensions, is_valid_file, allow_empty: which files to take; see `make_dataset`.
        transform: a function of what the loader returns.
        target_transform: a function of the class's number.
    Raises:
        FileNotFoundError: no class, or a class without a file.

    `samples` has the (path, class number), `targets` the numbers, `classes` the names,
    `class_to_idx` the number of each name.
    """

    def __init__(self, root, loader, extensions=None, transform=None, target_transform=None,
                 is_valid_file=None, allow_empty=False):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.classes, self.class_to_idx = self.find_classes(self.root)
        self.samples = self.make_dataset(self.root, self.class_to_idx, extensions, is_valid_file,
                                         allow_empty)
        self.loader = loader
        self.extensions = extensions
        self.targets = [target for _, target in self.samples]

    # A subclass may look for its classes and files in another way.
    make_dataset = staticmethod(make_dataset)

    def find_classes(self, directory):
        """Return the names of the classes and the number of each."""
        return find_classes(directory)

    def __getitem__(self, index):
        path, target = self.samples[index]
        return self.transformed(self.loader(path), target)

    def __len__(self):
        return len(self.samples)


class ImageFolder(DatasetFolder):
    """Images in folders that are named after their classes; see `DatasetFolder`."""

    def __init__(self, root, transform=None, target_transform=None, loader=default_loader,
                 is_valid_file=None, allow_empty=False):
        extensions = IMG_EXTENSIONS if is_valid_file is None else None
        super().__init__(root, loader, extensions, transform, target_transform, is_valid_file,
                         allow_empty)
        self.imgs = self.samples
