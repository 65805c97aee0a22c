"""Anonymous files in memory, through which processes share the bytes of arrays.

They have no name, so nothing is ever left behind: the kernel frees one when the last process that
has it open or mapped is gone, however that process ended.
Source: https://man7.org/linux/man-pages/man2/memfd_create.2.html
"""

import mmap
import os
import weakref

import numpy as np

__all__ = ["available", "descriptor", "map_parts", "map_shared", "share", "write_parts"]

_ALIGNMENT = 64  # bytes: a cache line, and what vector instructions like best

# Each mapping keeps a descriptor of its own open, and a process may have only about a thousand.
_MOST_MAPPED = 256
_mapped = weakref.WeakSet()

_descriptors = {}  # id of a shared array -> the descriptor of its file


def available():
    """Return whether the operating system has such files (Linux does)."""
    return hasattr(os, "memfd_create")


def write_parts(parts):
    """Return the descriptor of a new file that holds buffers one after another.

    Raises:
        OSError: when there is no memory or no descriptor left.
    """
    fd = os.memfd_create("ember")
    try:
        with open(fd, "wb", closefd=False) as file:
            for part in parts:
                file.write(part)
                file.write(bytes(-part.nbytes % _ALIGNMENT))
    except OSError:
        os.close(fd)
        raise
    return fd


def map_parts(fd, sizes):
    """Return the writable buffers that `write_parts` put into a file; closes the descriptor.

    They are the file's own memory; a copy where so many files are in use that the process could
    run out of descriptors.
    """
    try:
        memory = mmap.mmap(fd, 0)
    finally:
        os.close(fd)
    if len(_mapped) < _MOST_MAPPED:
        _mapped.add(memory)
    else:
        memory = bytearray(memory)
    start, parts = 0, []
    for size in sizes:
        parts.append(memoryview(memory)[start : start + size])
        start += size + -size % _ALIGNMENT
    return parts


def share(array):
    """Return an array of the same contents whose memory other processes can map.

    Args:
        array: of NumPy, which need not be contiguous.
    Raises:
        OSError: when there is no memory or no descriptor left.
    """
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    fd = write_parts([data if data.size else np.zeros(1, np.uint8)])  # no empty file can be mapped
    return np.ndarray(array.shape, array.dtype, buffer=map_shared(fd))


def map_shared(fd):
    """Return the bytes of a file that `share` made, as an array that owns the descriptor."""
    owner = np.frombuffer(mmap.mmap(fd, 0), np.uint8)
    _descriptors[id(owner)] = fd
    weakref.finalize(owner, _forget, id(owner), fd).atexit = False
    return owner


def _forget(key, fd):
    _descriptors.pop(key, None)
    os.close(fd)


def descriptor(owner):
    """Return the descriptor of the file that is an array's memory, or None.

    Args:
        owner: the array that owns the memory.
    """
    return _descriptors.get(id(owner))
