"""Data sets of images: what they read, and what they say when they cannot."""

import gzip
import hashlib
import io
import tarfile
import urllib.error
import zipfile
from pathlib import Path

import numpy as np
import pytest
from vision_files import IMAGES, LABELS, cifar, idx, python2_pickle, write_mnist

import ember as torch
from ember.utils.data import DataLoader
from ember.vision import datasets, transforms
from ember.vision.datasets.batches import read_batch
from ember.vision.datasets.mnist import read_idx

Image = pytest.importorskip("PIL.Image")

pytestmark = pytest.mark.host_only  # images are on the host

@pytest.fixture
def no_network(monkeypatch):
    """Every download fails; the addresses that were tried."""
    tried = []

    def fail(request):
        tried.append(request.full_url)
        raise urllib.error.URLError("no network here")

    monkeypatch.setattr("urllib.request.urlopen", fail)
    return tried


@pytest.fixture
def served(monkeypatch):
    """Files by their address, which downloads find."""
    files = {}
    monkeypatch.setattr("urllib.request.urlopen",
                        lambda request: io.BytesIO(files[request.full_url]))
    return files


@pytest.mark.parametrize("ending, pack", [("", bytes), (".gz", gzip.compress)])
def test_mnist(tmp_path, ending, pack):
    write_mnist(tmp_path, pack=pack, ending=ending)
    data = datasets.MNIST(str(tmp_path), transform=transforms.ToTensor(),
                          target_transform=lambda label: label + 10)
    assert len(data) == 4 and data.data.shape == (4, 6, 5) and data.data.dtype == torch.uint8
    assert data.targets.tolist() == [3, 1, 4, 1] and data.targets.dtype == torch.int64
    image, label = data[2]
    assert label == 14 and image.shape == (1, 6, 5)
    assert image[0, 1, 2].item() == pytest.approx(IMAGES[2, 1, 2] / 255)
    assert data.class_to_idx["7 - seven"] == 7
    batch, labels = next(iter(DataLoader(data, batch_size=4)))
    assert batch.shape == (4, 1, 6, 5) and labels.tolist() == [13, 11, 14, 11]


def test_older_names(tmp_path):
    write_mnist(tmp_path)
    data = datasets.MNIST(tmp_path)
    for old, new in (("train_data", data.data), ("test_labels", data.targets)):
        with pytest.warns(UserWarning, match=f"{old} has been renamed"):
            assert getattr(data, old) is new


def test_repr_of_a_data_set(tmp_path):
    write_mnist(tmp_path, "KMNIST", "t10k")
    data = datasets.KMNIST(tmp_path, train=False, transform=transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))]))
    assert repr(data) == f"""Dataset KMNIST
    Number of datapoints: 4
    Root location: {tmp_path}
    Split: Test
    StandardTransform
Transform: Compose(
               ToTensor()
               Normalize(mean=(0.5,), std=(0.5,))
           )"""


def test_missing_files_are_named(tmp_path):
    with pytest.raises(RuntimeError) as caught:
        datasets.FashionMNIST(tmp_path, train=False)
    message = str(caught.value)
    assert str(tmp_path / "FashionMNIST" / "raw") in message
    assert "t10k-images-idx3-ubyte" in message and "train-labels-idx1-ubyte.gz" in message
    assert "http://fashion-mnist" in message


def test_download_without_a_network_says_what_to_do(tmp_path, no_network):
    with pytest.raises(RuntimeError, match="Error downloading train-images-idx3") as caught:
        datasets.MNIST(tmp_path, download=True)
    assert len(no_network) == 2  # both addresses
    assert str(tmp_path / "MNIST" / "raw") in str(caught.value)
    assert list((tmp_path / "MNIST" / "raw").iterdir()) == []


def test_download_of_what_is_there_needs_no_network(tmp_path, no_network):
    write_mnist(tmp_path)
    write_mnist(tmp_path, prefix="t10k")
    assert len(datasets.MNIST(tmp_path, download=True)) == 4
    assert no_network == []


def test_download_checks_what_it_gets(tmp_path, served, monkeypatch):
    resources = []
    for kind, array in (("images-idx3", IMAGES), ("labels-idx1", LABELS)):
        packed = gzip.compress(idx(array))
        name = f"train-{kind}-ubyte.gz"
        served[f"https://example.org/{name}"] = packed
        resources.append((name, hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["https://example.org/"])
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    assert len(datasets.MNIST(tmp_path / "a", download=True)) == 4
    served["https://example.org/train-images-idx3-ubyte.gz"] = b"something else"
    with pytest.raises(RuntimeError, match="is not the file expected: its md5 is"):
        datasets.MNIST(tmp_path / "b", download=True)
    assert list((tmp_path / "b" / "MNIST" / "raw").iterdir()) == []


def test_a_download_that_breaks_off_leaves_nothing(tmp_path, monkeypatch):
    response = io.BytesIO(b"half of i")

    class Response:
        length = 7
        read = response.read

        def __enter__(self):
            return self

        def __exit__(self, *exc_info):
            response.close()

    monkeypatch.setattr("urllib.request.urlopen", lambda request: Response())
    with pytest.raises(RuntimeError, match="it broke off 7 bytes before its end"):
        datasets.utils.download_url("https://example.org/x.bin", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data, message", [
    (b"", "is no IDX file"),
    (b"\0\0\x08\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "its header promises"),
    (idx(IMAGES)[:-1], "its header promises"),
    (idx(IMAGES) + b"x", "its header promises"),
    (b"\0\0\x07\x01\0\0\0\0", "is no IDX file"),
])
def test_damaged_files_are_refused(tmp_path, data, message):
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(RuntimeError, match=message):
        read_idx(path)


def test_idx_numbers_of_all_types(tmp_path):
    for code, numbers in ((9, ">i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")):
        values = np.array([[1, -2], [3, 100]], numbers)
        (tmp_path / "file").write_bytes(
            bytes([0, 0, code, 2, 0, 0, 0, 2, 0, 0, 0, 2]) + values.tobytes())
        found = read_idx(tmp_path / "file")
        assert found.dtype == values.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found, values)


def test_images_without_their_labels_are_refused(tmp_path):
    write_mnist(tmp_path)
    labels = tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    labels.write_bytes(idx(LABELS[:2]))
    with pytest.raises(RuntimeError, match="has 4 images, but .* 2 labels"):
        datasets.MNIST(tmp_path)


def test_emnist(tmp_path):
    write_mnist(tmp_path, "EMNIST", "emnist-letters-test")
    data = datasets.EMNIST(tmp_path, "letters", train=False)
    assert len(data) == 4 and data.classes[:3] == ["N/A", "a", "b"]
    assert [len(names) for names in datasets.EMNIST.classes_split_dict.values()] == [
        62, 47, 47, 27, 10, 10]
    with pytest.raises(ValueError, match="Unknown value 'capitals' for argument split"):
        datasets.EMNIST(tmp_path, "capitals")


@pytest.mark.parametrize("base, files", [(datasets.CIFAR10, 5), (datasets.CIFAR100, 1)])
def test_cifar(tmp_path, base, files):
    small = cifar(tmp_path, base, 3)
    data = small(tmp_path, transform=transforms.PILToTensor(), target_transform=str)
    assert len(data) == 3 * files and data.data.shape == (3 * files, 32, 32, 3)
    assert data.data.dtype == np.uint8 and data.targets == [0, 1, 2] * files
    assert data.classes == ["plane", "car"] and data.class_to_idx == {"plane": 0, "car": 1}
    image, target = data[1]
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3072), np.uint8)
    assert target == "1" and image.numpy().tobytes() == pixels[1].tobytes()
    assert len(small(tmp_path, train=False)) == 3


def test_damaged_cifar_files_are_named(tmp_path, no_network):
    small = cifar(tmp_path, datasets.CIFAR10, 1)
    folder = tmp_path / "cifar-10-batches-py"
    (folder / "data_batch_3").write_bytes(b"something else")
    (folder / "test_batch").unlink()
    with pytest.raises(RuntimeError, match="data_batch_3, test_batch should be in .*-batches-py"):
        small(tmp_path)
    with pytest.raises(RuntimeError, match="put cifar-10-python.tar.gz from https://www.cs.toro"):
        small(tmp_path, download=True)


@pytest.mark.parametrize("data, message", [
    (b"\x80\x02cos\nsystem\n(T\x02\0\0\0lstR.", "the file names os.system"),
    (b"\x80\x02].", "the file holds a list, not a dict"),
    (b"\x80\x02}(T\xff\xff\0\0abu.", "damaged"),
    (b"", "damaged"),
    (python2_pickle({"data": IMAGES})[:-20], "damaged"),
])
def test_forged_batches_are_refused(data, message):
    with pytest.raises(RuntimeError, match=message):
        read_batch(data)


def test_image_folder(tmp_path):
    for name, color in (("dog", "red"), ("cat", "blue")):
        (tmp_path / name / "inner").mkdir(parents=True)
        for file in ("b.PNG", "a.png", "inner/c.jpg"):
            Image.new("RGB", (4, 3), color).save(tmp_path / name / file)
        (tmp_path / name / "notes.txt").write_text("no image")
    data = datasets.ImageFolder(tmp_path, transform=transforms.ToTensor())
    assert data.classes == ["cat", "dog"] and data.class_to_idx == {"cat": 0, "dog": 1}
    paths = [Path(path).relative_to(tmp_path).as_posix() for path, _ in data.samples[:3]]
    assert paths == ["cat/a.png", "cat/b.PNG", "cat/inner/c.jpg"]
    assert data.targets == [0, 0, 0, 1, 1, 1] and data.imgs is data.samples
    image, target = data[3]
    assert target == 1 and image[:, 0, 0].tolist() == [1.0, 0.0, 0.0]


def test_folders_that_hold_no_images(tmp_path):
    with pytest.raises(FileNotFoundError, match="Couldn't find any class folder"):
        datasets.ImageFolder(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no valid file for the classes empty"):
        datasets.ImageFolder(tmp_path)
    assert len(datasets.ImageFolder(tmp_path, allow_empty=True)) == 0


def test_dataset_folder_with_its_own_loader(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.txt").write_text("hello")
    (tmp_path / "a" / "y.bin").write_text("other")
    data = datasets.DatasetFolder(tmp_path, lambda path: Path(path).read_text(), (".txt",))
    assert data[0] == ("hello", 0) and len(data) == 1
    with pytest.raises(ValueError, match="Both extensions and is_valid_file"):
        datasets.DatasetFolder(tmp_path, open)


def test_fake_data_draws_from_streams_of_its_own():
    data = datasets.FakeData(5, (3, 8, 6), 10, random_offset=2)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    image, target = data[1]
    assert image.size == (6, 8) and 0 <= target < 10
    assert (torch.get_rng_state() == before).all()
    assert np.array_equal(np.array(data[1][0]), np.array(datasets.FakeData(9, (3, 8, 6))[3][0]))
    with pytest.raises(IndexError, match="FakeData index out of range"):
        data[5]


def test_transforms_of_both():
    def both(image, target):
        return target, image

    class One(datasets.VisionDataset):
        def __len__(self):
            return 1

    assert One("~/x", transforms=both).transforms is both
    assert One(transform=str, target_transform=float).transforms("7", "8") == ("7", 8.0)
    with pytest.raises(ValueError, match="Only transforms or transform/target_transform"):
        One(transforms=both, transform=str)


def test_archives_stay_in_their_folder(tmp_path):
    bad = tmp_path / "bad.tar"
    with tarfile.open(bad, "w") as archive:
        member = tarfile.TarInfo("../outside")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(RuntimeError, match="bad.tar is damaged"):
        datasets.utils.extract_archive(bad, tmp_path / "in")
    assert not (tmp_path / "outside").exists()
    with zipfile.ZipFile(tmp_path / "good.zip", "w") as archive:
        archive.writestr("a/b.txt", "text")
    datasets.utils.extract_archive(tmp_path / "good.zip", tmp_path / "in", remove_finished=True)
    assert (tmp_path / "in" / "a" / "b.txt").read_text() == "text"
    assert not (tmp_path / "good.zip").exists()
    with pytest.raises(RuntimeError, match="is no .tar, .zip or .gz file"):
        datasets.utils.extract_archive(tmp_path / "in" / "a" / "b.txt")


def test_only_network_addresses_are_fetched(tmp_path):
    (tmp_path / "secret").write_text("x")
    with pytest.raises(ValueError, match="not a network address"):
        datasets.utils.download_url(f"file://{tmp_path}/secret", tmp_path / "copy")
