"""NumPy's .npz files for dicts of tensors; objects are never loaded.

NumPy's page: https://numpy.org/doc/stable/reference/generated/numpy.savez.html
"""

import math
import os
import zipfile
import zlib

import numpy as np

from ..autograd import Tensor, dtypes
from .serialization.atomic import replacing
from .serialization.errors import LoadError

__all__ = ["load", "savez", "savez_compressed"]

_DAMAGE = (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, EOFError, NotImplementedError,
           OverflowError, TypeError, SyntaxError, RecursionError, zlib.error)
_MOST = 1032  # deflate makes data at most this much smaller


def savez(file, *args, **kwds):
    """Save tensors or arrays as an .npz file, which is replaced as a whole.

    Args:
        file: a path, or a binary file. As with NumPy, ".npz" is added to a path without it.
        args: tensors that get the names "arr_0", "arr_1", ...
        kwds: tensors by name.
    Raises:
        TypeError: for values that are no tensors or arrays of numbers, and for bfloat16.
        ValueError: when a name is used twice.
        OSError: when writing failed; an old file is unchanged.

    >>> import ember, io
    >>> from ember.utils import npz
    >>> file = io.BytesIO()
    >>> npz.savez(file, weight=ember.ones(2))
    >>> npz.load(file)
    {'weight': tensor([1., 1.])}
    """
    _save(file, args, kwds, zipfile.ZIP_STORED)


def savez_compressed(file, *args, **kwds):
    """Save as `savez`, compressed."""
    _save(file, args, kwds, zipfile.ZIP_DEFLATED)


def _save(file, args, kwds, compression):
    arrays = {name: _array(name, value) for name, value in kwds.items()}
    for i, value in enumerate(args):
        if f"arr_{i}" in arrays:
            raise ValueError(f"arr_{i} is the name of two tensors")
        arrays[f"arr_{i}"] = _array(f"arr_{i}", value)
    if not isinstance(file, (str, os.PathLike)):
        _write(file, arrays, compression)
        return
    path = os.fspath(file)
    with replacing(path if path.endswith(".npz") else path + ".npz") as stream:
        _write(stream, arrays, compression)


def _array(name, value):
    if isinstance(value, Tensor):
        if value.dtype is dtypes.bfloat16:
            raise TypeError(f"{name} is bfloat16, which .npz files lack; save .float() of it")
        value = value.detach()._xp.to_host(value._buffer())
    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{name} is no tensor or array of numbers, but a {type(value).__name__}")
    return array


def _write(stream, arrays, compression):
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, array in arrays.items():
            with archive.open(name + ".npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def load(file):
    """Return the tensors of an .npz file as a dict from name to tensor, on the CPU.

    Args:
        file: a path, or a binary file that can seek.
    Raises:
        LoadError: when the file is damaged, no .npz file, or holds something else than numbers.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if len({info.filename for info in members}) != len(members):
                raise LoadError("the file is damaged or forged: it holds a name twice")
            return {info.filename.removesuffix(".npy"): _read(archive, info) for info in members}
    except _DAMAGE as error:
        raise LoadError(f"the file is damaged or no .npz file: {error}") from None


def _read(archive, info):
    if info.flag_bits & 1:
        raise LoadError(f"{info.filename!r} is encrypted")
    if info.file_size > info.compress_size * _MOST + _MOST:
        raise LoadError(f"the file is forged: {info.filename!r} cannot be that large")
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0,
                       (2, 0): np.lib.format.read_array_header_2_0}.get(version)
        if read_header is None:
            raise LoadError(f"{info.filename!r} is of the unknown version {version}")
        shape, fortran, dtype = read_header(member)
        if dtype.kind not in "biufc" or min(shape, default=0) < 0:
            raise LoadError(f"{info.filename!r} holds something else than numbers: {dtype}")
        if member.tell() + math.prod(shape) * dtype.itemsize != info.file_size:
            raise LoadError(f"the file is damaged: {info.filename!r} is of another size")
        array = np.empty(shape, dtype, "F" if fortran else "C")
        flat = array.T if fortran else array
        data = memoryview(flat.reshape(-1)).cast("B")
        if member.readinto(data) != len(data) or member.read(1):
            raise LoadError(f"the file is truncated within {info.filename!r}")
    native = dtype.newbyteorder("=")
    dtypes.from_numpy_dtype(native)
    return Tensor._wrap(array.astype(native, copy=False))
