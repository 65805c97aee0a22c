"""PyTorch's container: a zip file whose members are stored as they are, aligned and checked.

`name/data.pkl` holds the objects, `name/data/0`, `name/data/1`, ... the storages' bytes.
"""

import mmap
import struct
import sys
import zipfile
import zlib

import numpy as np

from .errors import LoadError

__all__ = ["Archive", "write_archive"]

ALIGNMENT = 64
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_ZIP = b"PK\x03\x04"
_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_DAMAGE = (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, OverflowError,
           EOFError, IndexError)


# -- writing --------------------------------------------------------------------------------------


def write_archive(stream, name, pickled, storages):
    """Write an archive into a binary stream, from where it stands.

    Args:
        stream: anything with `write`.
        name: the folder that all members lie in.
        pickled: the bytes of `data.pkl`.
        storages: an iterable of buffers, in the order of their numbers.
    """
    with zipfile.ZipFile(_Sink(stream), "w") as file:
        _add(file, f"{name}/data.pkl", pickled)
        _add(file, f"{name}/.format_version", b"1")
        _add(file, f"{name}/.storage_alignment", b"%d" % ALIGNMENT)
        _add(file, f"{name}/byteorder", sys.byteorder.encode())
        for number, storage in enumerate(storages):
            _add(file, f"{name}/data/{number}", storage)
        _add(file, f"{name}/version", b"3\n")


class _Sink:
    """A stream that zipfile can only append to, so that it needs no position and no seeking."""

    def __init__(self, stream):
        self._stream = stream
        self.flush = getattr(stream, "flush", lambda: None)

    def write(self, data):
        """Write all of the data, also into a stream that takes it piece by piece."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        while rest:
            written = self._stream.write(rest)
            rest = rest[len(rest) if written is None else written:]
        return size


def _add(file, name, data):
    """Add a member whose data begins at a multiple of ALIGNMENT."""
    data = memoryview(data)
    info = zipfile.ZipInfo(name)
    info.file_size = data.nbytes
    large = data.nbytes >= 0x7FFF0000
    header = 30 + len(name.encode()) + 4 + (20 if large else 0)
    padding = -(file.fp.tell() + header) % ALIGNMENT
    info.extra = struct.pack("<2sH", b"FB", padding) + bytes(padding)
    with file.open(info, "w", force_zip64=large) as member:
        if data.nbytes:
            member.write(data)


# -- reading --------------------------------------------------------------------------------------


class Archive:
    """An archive to read members from. No member is unpacked, executed or put on the disk.

    Args:
        stream: a seekable binary file.
        mapped: whether storages are mapped into memory instead of being read; they are not
            checked for damage then. Writing to them does not change the file.
    Raises:
        LoadError: for anything that `torch.save` does not write.
    """

    def __init__(self, stream, mapped=False):
        self._stream = stream
        self._check_kind()
        self.size = stream.seek(0, 2)
        try:
            with zipfile.ZipFile(stream) as file:
                members = file.infolist()
        except _DAMAGE as error:
            raise LoadError(f"the file is truncated or damaged: {error}") from None
        self._members = self._checked(members)
        self._folder = self._find_folder()
        self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY) if mapped else None

    def _check_kind(self):
        head = self._stream.read(len(_LEGACY))
        if head == _LEGACY:
            raise LoadError(
                "the file is in the format that PyTorch wrote before version 1.6, which cannot be "
                "read without executing pickle. Load it in PyTorch and torch.save it again")
        if not head.startswith(_ZIP):
            what = (f"begins with {bytes(head[:4])!r}, not with {_ZIP!r}" if head
                    else "is empty, or at its end: seek(0)")
            raise LoadError(f"this is no file that torch.save wrote: it {what}")

    def _checked(self, members):
        found = {}
        for info in members:
            name = info.filename
            if name in found:
                raise LoadError(f"the file is damaged or forged: it holds {name!r} twice")
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
                raise LoadError(f"{name!r} is compressed or encrypted, which torch.save never "
                                "does; such members are not unpacked")
            if info.compress_size != info.file_size:
                raise LoadError(f"the file is damaged: {name!r} has two sizes")
            found[name] = info
        if sum(info.file_size for info in members) > self.size:
            raise LoadError("the file is damaged or forged: it promises more bytes than it has")
        return found

    def _find_folder(self):
        folders = [name[:-len("data.pkl")] for name in self._members
                   if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(folders) != 1:
            raise LoadError("this zip file was not written by torch.save: it has no data.pkl")
        if folders[0] + "constants.pkl" in self._members:
            raise LoadError("this is a TorchScript program (torch.jit.save), which holds code; "
                            "save the model's state_dict() instead")
        return folders[0]

    def __contains__(self, name):
        return self._folder + name in self._members

    def bytes_of(self, name):
        """Return a small member's bytes, checked."""
        return self._read(self._info(name)).tobytes()

    def storage(self, name):
        """Return a member as a writable array of bytes."""
        info = self._info(name)
        if self._map is None or not info.file_size:
            return self._read(info)
        start = self._start(info)
        array = np.frombuffer(self._map, np.uint8, info.file_size, start)
        return array if start % 16 == 0 else array.copy()

    def _info(self, name):
        try:
            return self._members[self._folder + name]
        except KeyError:
            raise LoadError(f"the file is damaged: it lacks {name!r}") from None

    def _start(self, info):
        """Return where a member's data begins."""
        inside = 0 <= info.header_offset < self.size
        self._stream.seek(info.header_offset if inside else self.size)
        header = self._stream.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or not header.startswith(_ZIP):
            raise LoadError(f"the file is damaged: {info.filename!r} is not where it should be")
        _, name, extra = _LOCAL_HEADER.unpack(header)
        start = info.header_offset + _LOCAL_HEADER.size + name + extra
        if start + info.file_size > self.size:
            raise LoadError(f"the file is truncated: {info.filename!r} goes beyond its end")
        return start

    def _read(self, info):
        self._stream.seek(self._start(info))
        array = np.empty(info.file_size, np.uint8)
        rest = memoryview(array)
        while rest:
            count = self._stream.readinto(rest)
            if not count:
                raise LoadError(f"the file is truncated within {info.filename!r}")
            rest = rest[count:]
        if zlib.crc32(array) != info.CRC:
            raise LoadError(f"the file is damaged: the checksum of {info.filename!r} is wrong. "
                            "(torch.load(..., mmap=True) reads storages without this check)")
        return array
