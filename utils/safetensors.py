"""The safetensors format: tensors by name and nothing else, under the library's own names.

A file is the length of a JSON header, the header (dtype, shape and place of each tensor), and the
tensors' bytes without gaps. Reading is stricter than the library: no tensor may be named twice.

Source: https://github.com/huggingface/safetensors#format
"""

import io
import json
import math
import os
import struct

import numpy as np

from .. import backends
from ..autograd import Tensor, devices, dtypes
from .serialization.atomic import replacing
from .serialization.errors import LoadError
from .serialization.storages import host_bytes, in_this_order

__all__ = ["load", "load_file", "safe_open", "save", "save_file"]

MAX_HEADER = 100_000_000
_LENGTH = struct.Struct("<Q")
# In the library's order, by which files are laid out: the largest elements come first.
_DTYPES = {
    "BOOL": dtypes.bool, "U8": dtypes.uint8, "I8": dtypes.int8, "I16": dtypes.int16,
    "U16": dtypes.uint16, "F16": dtypes.float16, "BF16": dtypes.bfloat16, "I32": dtypes.int32,
    "U32": dtypes.uint32, "F32": dtypes.float32, "C64": dtypes.complex64, "F64": dtypes.float64,
    "I64": dtypes.int64, "U64": dtypes.uint64}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_NAMES = list(_DTYPES)  # a list: what a file gives need not be hashable


# -- saving ---------------------------------------------------------------------------------------


def save_file(tensors, filename, metadata=None):
    """Save a dict of tensors as a safetensors file, which is replaced as a whole.

    Tensors are written contiguously whatever their strides are.

    Args:
        tensors: dict from name to tensor.
        filename: path.
        metadata: dict from text to text, or None.
    Raises:
        TypeError, ValueError: for names, values or dtypes that the format lacks.
        RuntimeError: when tensors share memory, as sharing would be lost.
        OSError: when writing failed; an old file is unchanged.

    >>> import ember
    >>> from ember.utils.safetensors import load_file, save_file
    >>> save_file({"weight": ember.ones(2)}, "model.safetensors")
    >>> load_file("model.safetensors")
    {'weight': tensor([1., 1.])}
    """
    parts = _laid_out(tensors, metadata)
    with replacing(filename) as file:
        for part in parts:
            file.write(part)


def save(tensors, metadata=None):
    """Return a dict of tensors as the bytes of a safetensors file. Raises as `save_file`."""
    return b"".join(bytes(part) for part in _laid_out(tensors, metadata))


def _laid_out(tensors, metadata):
    """Return an iterator of the file's pieces; everything is checked before it is returned."""
    if not isinstance(tensors, dict):
        raise TypeError(f"expected a dict of tensors, but got {type(tensors).__name__}")
    header = {} if metadata is None else {"__metadata__": _checked_metadata(metadata)}
    for name, tensor in tensors.items():
        _check(name, tensor)
    _check_apart(tensors)
    order = sorted(tensors, key=lambda name: (-_NAMES.index(_CODES[tensors[name].dtype]), name))
    end = 0
    for name in order:
        tensor = tensors[name]
        start, end = end, end + tensor.numel() * tensor.dtype.itemsize
        header[name] = {"dtype": _CODES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise ValueError(f"the header would have {len(text)} bytes, more than {MAX_HEADER}")
    return _pieces(text, [tensors[name] for name in order])


def _pieces(text, tensors):
    yield _LENGTH.pack(len(text)) + text
    for tensor in tensors:
        array = np.ascontiguousarray(tensor._xp.to_host(tensor._buffer()))
        yield in_this_order(host_bytes(backends.cpu, array.reshape(-1)), tensor.dtype, "little")


def _check(name, tensor):
    if type(name) is not str or name == "__metadata__":
        raise TypeError(f"tensors are named by texts other than '__metadata__', not by {name!r}")
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name!r} is a {type(tensor).__name__}, and safetensors files hold "
                        "tensors only; use torch.save, or put texts into metadata")
    if tensor.dtype not in _CODES:
        raise ValueError(f"{name!r} is {tensor.dtype}, which the safetensors format lacks")


def _checked_metadata(metadata):
    plain = isinstance(metadata, dict) and all(
        type(text) is str for item in metadata.items() for text in item)
    if not plain:
        raise TypeError("metadata must be a dict from text to text")
    return dict(metadata)


def _check_apart(tensors):
    """Raise for tensors that overlap in memory."""
    reach = {}
    for name, tensor in tensors.items():
        xp, array = tensor._xp, tensor._buffer()
        if array.size:
            start = xp.pointer(array)
            end = start + sum((n - 1) * s for n, s in zip(array.shape, array.strides))
            reach.setdefault(str(tensor.device), []).append((start, end + array.itemsize, name))
    for places in reach.values():
        places.sort()
        for (_, end, name), (start, _, other) in zip(places, places[1:]):
            if start < end:
                raise RuntimeError(
                    f"the tensors {name!r} and {other!r} share memory, which safetensors files "
                    "cannot express. Save one of them only, or a .clone(); torch.save keeps "
                    "sharing")


# -- loading --------------------------------------------------------------------------------------


def load_file(filename, device="cpu"):
    """Return the tensors of a safetensors file as a dict from name to tensor.

    Args:
        filename: path.
        device: where the tensors go.
    Raises:
        LoadError: when the file is damaged or no safetensors file.
    """
    with safe_open(filename, device=device) as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def load(data):
    """Return the tensors in the bytes of a safetensors file. Raises as `load_file`."""
    with safe_open(io.BytesIO(data)) as file:
        return {name: file.get_tensor(name) for name in file.keys()}


class safe_open:
    """A safetensors file to read single tensors from; use it with `with`.

    Args:
        filename: a path, or a binary file.
        framework: accepted for the library's sake; tensors are ember's.
        device: where the tensors go.
    Raises:
        LoadError: when the file is damaged or no safetensors file.
    """

    def __init__(self, filename, framework="pt", device="cpu"):
        self._xp = devices.backend_for(device)
        path = isinstance(filename, (str, os.PathLike))
        self._file = open(filename, "rb") if path else filename
        try:
            self._start, self._entries, self._metadata = _read_header(self._file)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._file.close()

    def keys(self):
        """Return the names of the tensors, in the order of the alphabet."""
        return sorted(self._entries)

    def metadata(self):
        """Return the texts that were saved beside the tensors; None when there are none."""
        return self._metadata

    def get_tensor(self, name):
        """Return one tensor.

        Raises:
            KeyError: when the file has none of this name.
        """
        dtype, shape, start, end = self._entries[name]
        memory = np.empty(end - start, np.uint8)
        self._file.seek(self._start + start)
        if self._file.readinto(memory) != memory.size:
            raise LoadError(f"the file ends within {name!r}")
        if dtype is dtypes.bool and memory.size and memory.max() > 1:
            raise LoadError(f"the file is damaged: {name!r} holds truth values that are none")
        array = in_this_order(memory, dtype, "little").view(dtype.numpy).reshape(shape)
        return Tensor._wrap(self._xp.from_host(array), self._xp)


def _read_header(file):
    """Return where the data starts, the entries (dtype, shape, start, end), the metadata."""
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(8)
    if len(head) < 8:
        raise LoadError("this is no safetensors file: it is too short")
    length, = _LENGTH.unpack(head)
    if length > min(MAX_HEADER, size - 8):
        raise LoadError(f"this is no safetensors file, or it is truncated: a header of {length} "
                        f"bytes in a file of {size}")
    header = _parse(file.read(length))
    metadata = header.pop("__metadata__", None)
    try:
        metadata = None if metadata is None else _checked_metadata(metadata)
    except TypeError as error:
        raise LoadError(f"the file is damaged: {error}") from None
    entries = {name: _entry(name, given) for name, given in header.items()}
    end = 0
    for name, (_, _, start, stop) in sorted(entries.items(), key=lambda item: item[1][2:]):
        if start != end:
            raise LoadError(f"the file is damaged: a gap or an overlap before {name!r}")
        end = stop
    if end != size - 8 - length:
        raise LoadError(f"the file is truncated or damaged: its tensors take {end} bytes, and it "
                        f"has {size - 8 - length} for them")
    return 8 + length, entries, metadata


def _parse(text):
    if not text.startswith(b"{"):
        raise LoadError("this is no safetensors file: its header is no JSON object")
    try:
        text = text.decode("utf-8")
        header = json.loads(text, object_pairs_hook=_unique, parse_int=_count,
                            parse_constant=_refuse)
        for name in header:
            name.encode("utf-8")  # half of a surrogate pair is no text
        return header
    except LoadError:
        raise
    except (ValueError, RecursionError) as error:
        raise LoadError(f"the file is damaged: its header is no JSON: {error}") from None


def _unique(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise LoadError("the file is damaged or forged: its header says something twice")
    return found


def _refuse(constant):
    raise LoadError(f"the file is damaged: its header holds {constant}")


def _count(digits):
    return _refuse(digits) if digits.startswith("-") else int(digits)


def _entry(name, given):
    """Return a header entry as (dtype, shape, start, end), checked."""
    fits = isinstance(given, dict) and set(given) == {"dtype", "shape", "data_offsets"}
    if not fits or given["dtype"] not in _NAMES:
        raise LoadError(f"the file holds {name!r} in a form or dtype that ember does not know")
    shape, offsets = given["shape"], given["data_offsets"]
    if not _counts(shape) or len(shape) > 64 or not _counts(offsets) or len(offsets) != 2:
        raise LoadError(f"the file is damaged: the shape or place of {name!r} is none")
    dtype = _DTYPES[given["dtype"]]
    start, end = offsets
    if math.prod(shape) * dtype.itemsize != end - start:
        raise LoadError(f"the file is damaged: {name!r} of shape {shape} has {end - start} bytes")
    return dtype, tuple(shape), start, end


def _counts(values):
    return isinstance(values, list) and all(type(n) is int and 0 <= n < 1 << 63 for n in values)
