"""Data sets, grids and image files beside torchvision's, over the same files."""

import numpy as np
import pytest
import torch
from PIL import Image
from vision_files import cifar, write_mnist

import ember
import ember.vision

from . import vision_adapter as adapter

THEIRS = adapter.torchvision()
OURS = ember.vision
RANDOM = np.random.default_rng(0)


def assert_same_items(ours, theirs):
    assert len(ours) == len(theirs) and repr(ours) == repr(theirs)
    for index in range(len(theirs)):
        (image, target), (wanted, wanted_target) = ours[index], theirs[index]
        assert target == wanted_target and type(target) is type(wanted_target)
        np.testing.assert_array_equal(adapter.array(image), adapter.array(wanted))


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "KMNIST"])
def test_mnist(name, tmp_path):
    for prefix in ("train", "t10k"):
        write_mnist(tmp_path, name, prefix)
    for train in (True, False):
        ours, theirs = (getattr(lib.datasets, name)(
            str(tmp_path), train, transform=lib.transforms.ToTensor()) for lib in (OURS, THEIRS))
        assert_same_items(ours, theirs)
        assert ours.classes == theirs.classes and ours.class_to_idx == theirs.class_to_idx
        assert ours.resources == theirs.resources and ours.mirrors == theirs.mirrors
        np.testing.assert_array_equal(ours.data.numpy(), theirs.data.numpy())


@pytest.mark.parametrize("split", OURS.datasets.EMNIST.splits)
def test_emnist(split, tmp_path):
    write_mnist(tmp_path, "EMNIST", f"emnist-{split}-train")
    ours, theirs = (lib.datasets.EMNIST(tmp_path, split=split) for lib in (OURS, THEIRS))
    assert_same_items(ours, theirs)
    assert ours.classes == theirs.classes
    assert (ours.url, ours.md5) == (theirs.url, theirs.md5)


@pytest.mark.parametrize("name", ["CIFAR10", "CIFAR100"])
def test_cifar(name, tmp_path):
    """torchvision reads the files that this suite writes with Python's pickle."""
    ours, theirs = (getattr(lib.datasets, name) for lib in (OURS, THEIRS))
    for known in ("base_folder", "url", "filename", "tgz_md5", "train_list", "test_list", "meta"):
        assert getattr(ours, known) == getattr(theirs, known)
    small = cifar(tmp_path, ours, 3)
    files = {part: getattr(small, part) for part in ("train_list", "test_list", "meta")}
    their_small = type(name, (theirs,), files)
    for train in (True, False):
        assert_same_items(small(tmp_path, train), their_small(tmp_path, train))
        assert small(tmp_path, train).class_to_idx == their_small(tmp_path, train).class_to_idx


def test_fake_data():
    arguments = {"size": 6, "image_size": (3, 9, 7), "num_classes": 5, "random_offset": 11}
    assert_same_items(OURS.datasets.FakeData(**arguments), THEIRS.datasets.FakeData(**arguments))


def test_image_folder(tmp_path):
    for name in ("b", "a", "C"):
        (tmp_path / name / "z").mkdir(parents=True)
        for file in ("2.png", "1.jpg", "z/3.bmp", "z.PNG", "note.txt"):
            pixels = RANDOM.integers(0, 256, (5, 6, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / file, format="PNG")
    for options in ({}, {"is_valid_file": lambda path: path.endswith("png")}):
        ours, theirs = (lib.datasets.ImageFolder(tmp_path, **options) for lib in (OURS, THEIRS))
        assert_same_items(ours, theirs)
        assert ours.samples == theirs.samples and ours.class_to_idx == theirs.class_to_idx


GRIDS = {
    "plain": ((7, 3, 4, 5), {"nrow": 3}),
    "gray": ((5, 1, 4, 5), {"padding": 0}),
    "normalized": ((5, 3, 4, 5), {"normalize": True}),
    "each": ((5, 3, 4, 5), {"normalize": True, "scale_each": True, "pad_value": 0.5}),
    "range": ((5, 3, 4, 5), {"normalize": True, "value_range": (-0.5, 0.5)}),
    "one": ((1, 3, 4, 5), {"normalize": True}),
    "single": ((3, 4, 5), {}),
    "single gray": ((1, 4, 5), {}),
    "flat": ((4, 5), {}),
    "two channels": ((5, 2, 4, 5), {"nrow": 2}),
}


@pytest.mark.parametrize("name", GRIDS)
def test_grids(name, tmp_path):
    shape, options = GRIDS[name]
    x = RANDOM.standard_normal(shape).astype(np.float32)
    found = OURS.utils.make_grid(ember.tensor(x), **options)
    wanted = THEIRS.utils.make_grid(torch.tensor(x), **options)
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-6)
    if shape[-3:][0] == 2:
        return  # no image has two channels
    for lib, tensor in ((OURS, ember.tensor(x)), (THEIRS, torch.tensor(x))):
        lib.utils.save_image(tensor, tmp_path / f"{lib.__name__}.png", **options)
    one, other = (np.array(Image.open(tmp_path / f"{lib.__name__}.png")) for lib in (OURS, THEIRS))
    np.testing.assert_array_equal(one, other)
