"""Small files in the formats of the data sets of images, for the tests that read them."""

import hashlib

import numpy as np

IMAGES = np.arange(4 * 6 * 5, dtype=np.uint8).reshape(4, 6, 5)
LABELS = np.array([3, 1, 4, 1], np.uint8)


def idx(array):
    """An array of bytes as an IDX file."""
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def write_mnist(root, name="MNIST", prefix="train", pack=lambda data: data, ending=""):
    folder = root / name / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    for kind, array in (("images-idx3", IMAGES), ("labels-idx1", LABELS)):
        (folder / f"{prefix}-{kind}-ubyte{ending}").write_bytes(pack(idx(array)))


def python2_pickle(values):
    """A dict as Python 2 pickled CIFAR's: protocol 2, texts as bytes, arrays of bytes."""
    def written(value):
        if isinstance(value, str | bytes):
            value = value.encode() if isinstance(value, str) else value
            return b"T" + len(value).to_bytes(4, "little") + value
        if isinstance(value, int):
            return b"J" + value.to_bytes(4, "little")
        if isinstance(value, tuple):
            return b"(" + b"".join(map(written, value)) + b"t"
        if isinstance(value, list):
            return b"](" + b"".join(map(written, value)) + b"e"
        dtype = (b"cnumpy\ndtype\n" + written(("u1", 0, 1)) + b"R(" + written(3) + written("|")
                 + b"NNN" + b"J\xff\xff\xff\xff" * 2 + written(0) + b"tb")
        return (b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + written((0,))
                + written("b") + b"tR(" + written(1) + written(value.shape) + dtype + b"\x89"
                + written(value.tobytes()) + b"tb")

    items = b"".join(written(key) + written(value) for key, value in values.items())
    return b"\x80\x02}(" + items + b"u."


def cifar(root, base, per_file):
    """A subclass of a CIFAR data set whose files are small, written and known by their digests."""
    folder = root / base.base_folder
    folder.mkdir(parents=True)

    def write(name, values):
        (folder / name).write_bytes(python2_pickle(values))
        return [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]

    made = {"train_list": [], "test_list": []}
    random = np.random.default_rng(0)
    labels = "labels" if base.__name__ == "CIFAR10" else "fine_labels"
    for part, listed in made.items():
        for name, _ in getattr(base, part):
            pixels = random.integers(0, 256, (per_file, 3072), np.uint8)
            listed.append(write(name, {"batch_label": name, labels: list(range(per_file)),
                                       "data": pixels, "filenames": ["a.png"] * per_file}))
    meta = write(base.meta["filename"], {base.meta["key"]: ["plane", "car"], "num_vis": 3072})
    return type(base.__name__, (base,), {**made, "meta": {**base.meta, "md5": meta[1]}})
