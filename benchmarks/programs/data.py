"""The files that programs expect to find, made from what is at hand, since nothing is downloaded.

Images are the 1,797 UCI digits of `examples/data`, enlarged to 28x28 and written in MNIST's file
format; the text is the tiny Shakespeare that lies in one of the repositories. Each maker gets the
folder in which the program runs and the folder of all clones.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
from pathlib import Path

import numpy as np

__all__ = ["MAKERS"]

DIGITS = Path(__file__).parents[2] / "examples" / "data" / "digits.csv.gz"
TRAINING = 1437  # four of five


def write_idx(path, array):
    """Write a uint8 array in the IDX format of the MNIST files."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    path.write_bytes(header + array.tobytes())


def write_mnist(raw):
    """Write the digits as the four files of MNIST into the folder `raw`."""
    with gzip.open(DIGITS, "rt") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    images = (table[:, :64].reshape(-1, 8, 8).astype(np.uint16) * 255 // 16).astype(np.uint8)
    images = np.pad(images.repeat(3, 1).repeat(3, 2), [(0, 0), (2, 2), (2, 2)])
    raw.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", slice(TRAINING)), ("t10k", slice(TRAINING, None))):
        write_idx(raw / f"{name}-images-idx3-ubyte", images[part])
        write_idx(raw / f"{name}-labels-idx1-ubyte", table[part, 64])


def mnist(folder, clones):
    """For pytorch/examples: some programs look beside themselves, some in the folder above."""
    for data in (folder / "data", folder.parent / "data"):
        write_mnist(data / "MNIST" / "raw")


def gan_mnist(folder, clones):
    """For PyTorch-GAN, whose programs look two folders above themselves."""
    write_mnist(folder.parent.parent / "data" / "mnist" / "MNIST" / "raw")


def d2l(folder, clones):
    """For d2l: its FashionMNIST and its Time Machine, and a program that uses the library."""
    write_mnist(folder.parent / "data" / "FashionMNIST" / "raw")
    text = (clones / "ng-video-lecture" / "input.txt").read_text("utf-8")
    (folder.parent / "data" / "timemachine.txt").write_text(text[:60000], "utf-8")
    shutil.copy(Path(__file__).with_name("use_d2l.py"), folder)


def shakespeare(folder, clones):
    """For nanoGPT: the text that its prepare.py would download."""
    text = clones / "ng-video-lecture" / "input.txt"
    shutil.copy(text, folder / "data" / "shakespeare_char" / "input.txt")


def text(folder, clones):
    """For word_language_model: three parts of a text, as many words as a dry run needs."""
    words = (clones / "ng-video-lecture" / "input.txt").read_text("utf-8").splitlines()
    target = folder / "text"
    target.mkdir()
    parts = {"train": words[:1500], "valid": words[1500:1700], "test": words[1700:1900]}
    for name, lines in parts.items():
        (target / f"{name}.txt").write_text("\n".join(lines) + "\n", "utf-8")


def tutorial_mnist(folder, clones):
    """For yunjey's tutorials, which look two folders above themselves."""
    write_mnist(folder.parent.parent / "data" / "MNIST" / "raw")


def lesson_mnist(folder, clones):
    """For MorvanZhou's lessons, which look beside themselves."""
    write_mnist(folder / "mnist" / "MNIST" / "raw")


def pixels(folder, clones):
    """For the temporal convolutions over MNIST's pixels."""
    write_mnist(folder / "data" / "mnist" / "MNIST" / "raw")


def penn(folder, clones):
    """For the tutorial's language model: a text in the place of the Penn Treebank."""
    text = (clones / "ng-video-lecture" / "input.txt").read_text("utf-8")
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "train.txt").write_text(text[:20000], "utf-8")


def cora(folder, clones):
    """For the graph networks: 300 papers of 7 classes in Cora's format, packed as it is."""
    random = np.random.default_rng(0)
    classes = np.arange(300) % 7
    words = random.random((300, 60)) < 0.05 + 0.5 * (np.arange(60) % 7 == classes[:, None])
    words[:, 0] = True  # no paper without a word
    papers = [f"{i} {' '.join(map(str, row))} class{label}"
              for i, (row, label) in enumerate(zip(words.astype(int), classes))]
    cited = {tuple(pair) for pair in random.integers(0, 300, (3000, 2)).tolist()}
    links = [f"{a} {b}" for a, b in sorted(cited) if a != b and (a - b) % 7 in (0, 1)]
    (folder / "cora").mkdir()
    (folder / "cora" / "cora.content").write_text("\n".join(papers) + "\n", "ascii")
    (folder / "cora" / "cora.cites").write_text("\n".join(links) + "\n", "ascii")
    with tarfile.open(folder / "cora.tgz", "w:gz") as archive:
        archive.add(folder / "cora", "cora")


def networks(folder, clones):
    """For pytorch-cifar: a program that uses its networks."""
    shutil.copy(Path(__file__).with_name("use_cifar_networks.py"), folder)


def names(folder, clones):
    """For the makemore lectures, which read names.txt from where they run."""
    shutil.copy(clones / "makemore" / "names.txt", folder)


MAKERS = {maker.__name__: maker for maker in (
    mnist, gan_mnist, tutorial_mnist, lesson_mnist, pixels, d2l, shakespeare, text, penn, cora,
    networks, names)}
