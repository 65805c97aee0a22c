"""The files that programs expect to find, made from what is at hand, since nothing is downloaded.

Images are the 1,797 UCI digits of `examples/data`, enlarged to 28x28 and written in MNIST's file
format; the text is the tiny Shakespeare that lies in one of the repositories. Each maker gets the
folder in which the program runs and the folder of all clones.
"""

from __future__ import annotations

import gzip
import shutil
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


def names(folder, clones):
    """For the makemore lectures, which read names.txt from where they run."""
    shutil.copy(clones / "makemore" / "names.txt", folder)


MAKERS = {maker.__name__: maker for maker in (mnist, gan_mnist, d2l, shakespeare, text, names)}
