"""How tensors travel between processes: as descriptors of the files in memory that hold them."""

from multiprocessing.reduction import DupFd, ForkingPickler

import numpy as np

from ... import backends
from ...autograd.tensor import Tensor
from ...backends import memory_files
from ...nn.parameter import Parameter

__all__ = ["get_all_sharing_strategies", "get_sharing_strategy", "set_sharing_strategy"]

_STRATEGIES = ("file_descriptor", "file_system")
_strategy = "file_descriptor"


def get_all_sharing_strategies():
    """Return the names that `set_sharing_strategy` takes."""
    return set(_STRATEGIES)


def get_sharing_strategy():
    """Return the name of the strategy in force."""
    return _strategy


def set_sharing_strategy(new_strategy):
    """Choose what happens to a tensor on the CPU that is sent to another process.

    Args:
        new_strategy: "file_descriptor" moves it to memory that both processes then share, as
            long as each keeps a file open; "file_system" sends its values unless
            `share_memory_()` was called, which needs no open file. Where the operating system
            has no anonymous files, values are sent in any case.
    Raises:
        AssertionError: for another name.
    """
    global _strategy
    if new_strategy not in _STRATEGIES:
        raise AssertionError(
            f"sharing strategy {new_strategy!r} is unknown; there are {', '.join(_STRATEGIES)}")
    _strategy = new_strategy


def _reduce(tensor):
    """Describe a tensor to the process that it is sent to."""
    if not tensor.is_leaf:
        raise RuntimeError(
            "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd "
            "does not support crossing process boundaries. If you just want to transfer the "
            "data, call detach() on the tensor before serializing (e.g., putting it on the "
            "queue).")
    if not _goes_by_file(tensor):
        return tensor.__reduce_ex__(2)
    array = tensor.share_memory_()._array
    owner = backends.cpu.owner(array)
    offset = backends.cpu.pointer(array) - backends.cpu.pointer(owner)
    layout = array.dtype, array.shape, array.strides, offset
    fd = DupFd(memory_files.descriptor(owner))
    return _rebuild, (type(tensor), fd, layout, tensor.requires_grad, tensor.__dict__)


def _goes_by_file(tensor):
    if tensor._xp is not backends.cpu or not memory_files.available():
        return False
    return tensor.is_shared() or _strategy == "file_descriptor"


def _rebuild(cls, fd, layout, requires_grad, attributes):
    try:
        owner = memory_files.map_shared(fd.detach())
    except (FileNotFoundError, ConnectionError) as error:
        raise RuntimeError(
            "the process that sent this tensor has ended; it has to live until the tensor is "
            "received") from error
    dtype, shape, strides, offset = layout
    tensor = Tensor.__new__(cls)
    tensor._array = np.ndarray(shape, dtype, owner, offset, strides)
    tensor._xp, tensor._node = backends.cpu, None
    tensor.__dict__.update(attributes)
    if requires_grad:
        tensor.requires_grad = True
    return tensor


for _kind in (Tensor, Parameter):
    ForkingPickler.register(_kind, _reduce)
