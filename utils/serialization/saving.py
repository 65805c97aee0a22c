"""`torch.save`."""

import os
from pathlib import PurePath

from .archive import write_archive
from .atomic import replacing
from .pickling import pickled
from .storages import host_bytes

__all__ = ["save"]


def save(obj, f, pickle_module=None, pickle_protocol=2, _use_new_zipfile_serialization=True):
    """Save tensors, state_dicts and plain values in PyTorch's file format.

    PyTorch reads the file with its default `weights_only=True`. Tensors that share memory share it
    again when they are loaded. A file is replaced as a whole: after a failure or a crash, the
    old one is still there.

    Args:
        obj: tensors, parameters, numbers, texts, None, bytes, dicts, lists, tuples, sets, dtypes,
            devices, NumPy's numbers and arrays; nested as deep as wanted. Whole modules, too,
            with functions and classes by their names; to load those, the program must vouch for
            them by `torch.serialization.add_safe_globals`, so that a state_dict is better.
        f: a path, or a binary file that is open for writing.
        pickle_module, pickle_protocol: accepted for PyTorch's sake; ember always writes
            protocol 2 by itself.
    Raises:
        TypeError: for what cannot be saved, such as a lambda; the message names the place in `obj`
            and the remedy. Nothing was written then.
        ValueError: for PyTorch's old format, which ember does not write.
        RuntimeError: when the folder does not exist.
        OSError: when writing failed.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.save.html

    >>> import ember as torch, io
    >>> file = io.BytesIO()
    >>> torch.save({"weight": torch.ones(2), "epoch": 3}, file)
    >>> _ = file.seek(0)
    >>> torch.load(file)
    {'weight': tensor([1., 1.]), 'epoch': 3}
    """
    if not _use_new_zipfile_serialization:
        raise ValueError("ember writes PyTorch's zip format only, which PyTorch reads since 1.6")
    data, arrays = pickled(obj)
    storages = (host_bytes(xp, array) for xp, array in arrays)
    if isinstance(f, (str, os.PathLike)):
        folder = os.path.dirname(f) or "."
        if not os.path.isdir(folder):
            raise RuntimeError(f"Parent directory {folder} does not exist.")
        with replacing(f) as file:
            write_archive(file, PurePath(f).stem or "archive", data, storages)
    elif hasattr(f, "write") and not hasattr(f, "encoding"):
        write_archive(f, "archive", data, storages)
    else:
        raise TypeError("expected a path, or a file open in binary mode ('wb'), "
                        f"but got {type(f).__name__}")
