"""Storages: the memory of one or several tensors, as files know it."""

import math
import sys

import numpy as np

from ... import backends
from ...autograd import Tensor, dtypes
from .errors import LoadError
from .opcodes import Part

__all__ = ["Storage", "flat_memory", "host_bytes", "in_this_order", "storage_name",
           "stored_dtype"]


# -- loading --------------------------------------------------------------------------------------


class Storage(Part):
    """Memory that was loaded, for tensors to view.

    Attributes:
        dtype: of its elements; None for bytes whose tensors say what they are.
        xp: the backend the memory is on.
        memory: a one-dimensional array of bytes.
    """

    __slots__ = ("dtype", "xp", "memory", "_credit")
    path = "a storage"

    def __init__(self, dtype, memory, xp=backends.cpu):
        self.dtype, self.memory, self.xp = dtype, memory, xp
        self._credit = 2 * memory.nbytes

    def pay(self, nbytes):
        """Count what is copied out of this memory: a tensor of stride 0 can claim any size.

        Raises:
            LoadError: when it is more than a real file has copied.
        """
        self._credit -= nbytes
        if self._credit < 0:
            raise LoadError("the file is forged: it copies one storage again and again")

    def view(self, dtype, offset, size, stride):
        """Return a raw array over the memory; all counts are of elements and not negative.

        Raises:
            LoadError: when the array would reach outside.
        """
        itemsize = dtype.itemsize
        length = self.memory.size // itemsize
        empty = 0 in size
        last = offset + sum((n - 1) * s for n, s in zip(size, stride)) + 1
        inside = offset <= length if empty else last <= length
        if not inside or len(size) > 64 or max((*size, *stride, 0)) * itemsize >= 1 << 63 \
                or math.prod(size) * itemsize >= 1 << 63:
            raise LoadError(
                f"the file is damaged or forged: a tensor of sizes {list(size)!s:.100}, strides "
                f"{list(stride)!s:.100} and offset {offset!s:.100} does not fit its storage of "
                f"{length} elements")
        typed = self.memory[:length * itemsize].view(dtype.numpy)
        if empty:
            return self.xp.empty(size, dtype.numpy)
        return self.xp.view(typed, size, stride, offset)


def stored_dtype(name):
    """Return the dtype of a storage class's name, such as "FloatStorage"; None for bytes."""
    if name == "UntypedStorage":
        return None
    try:
        return dtypes.titled(name.removesuffix("Storage"))
    except ValueError:
        raise LoadError(f"the file holds a torch.{name}, and ember has no such dtype") from None


def in_this_order(memory, dtype, byteorder):
    """Return memory whose bytes may be of the other order in this machine's."""
    if byteorder == sys.byteorder:
        return memory
    if dtype is None:
        raise LoadError(f"the file's bytes are in {byteorder}-endian order, and some have no dtype")
    part = dtype.to_real().itemsize  # a complex number is two
    return memory.reshape(-1, part)[:, ::-1].reshape(-1)


# -- saving ---------------------------------------------------------------------------------------


def storage_name(dtype):
    """Return the name of PyTorch's storage class for a dtype; None when it has none."""
    wide = (dtypes.uint16, dtypes.uint32, dtypes.uint64)
    return None if dtype in wide else dtype.title + "Storage"


def flat_memory(tensor):
    """Return the memory a tensor lies in.

    A tensor that is no regular view of its storage gets a storage of its own: a copy.

    Returns:
        An object that is the same for all tensors in this memory; the memory as a one-dimensional
        raw array; the tensor's offset there and its strides, in elements.
    """
    xp, array = tensor._xp, tensor._buffer()
    memory = xp.storage(array)
    order = sorted(range(memory.ndim), key=lambda d: -memory.strides[d])
    flat = memory.transpose(order)
    start = xp.pointer(array) - xp.pointer(memory)
    regular = (array.size and flat.flags.c_contiguous and min(array.strides, default=0) >= 0
               and not any(n % array.itemsize for n in (start, memory.nbytes, *array.strides)))
    if regular:
        return xp.owner(array), flat.reshape(-1), start // array.itemsize, tensor.stride()
    copy = np.array(xp.to_host(array), order="C")
    return copy, copy.reshape(-1), 0, Tensor._wrap(copy).stride()


def host_bytes(xp, memory):
    """Return a one-dimensional raw array as bytes on the host."""
    host = memory if isinstance(memory, np.ndarray) else xp.to_host(memory)
    return host.view(np.uint8)
