"""Copies and pickles of tensors: arrays and plain values, no code and no graph."""

import numpy as np

from . import devices, dtypes
from .tensor import new, tensor_method

__all__ = []


def _twin(tensor, array, requires_grad):
    """Return a leaf of a tensor's class around another array."""
    twin = new(type(tensor))
    twin._array, twin._xp, twin._node = array, tensor._xp, None
    if requires_grad:
        twin.requires_grad = True
    return twin


@tensor_method
def __copy__(self):
    """Return a leaf that shares the memory, as `copy.copy` does in PyTorch."""
    twin = _twin(self, self._buffer(), self.requires_grad)
    twin.__dict__.update(self.__dict__)
    return twin


@tensor_method
def __deepcopy__(self, memo):
    """Return a copy of a leaf with memory, gradient and attributes of its own.

    Raises:
        RuntimeError: for a tensor that an operation made, as its graph is not copied.
    """
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment. Use .detach() or .clone() on this one.")
    if id(self) not in memo:
        from copy import deepcopy

        twin = memo[id(self)] = _twin(self, _copied(self, memo), self.requires_grad)
        twin.grad = deepcopy(self.grad, memo)
        twin.__dict__.update(deepcopy(self.__dict__, memo))
    return memo[id(self)]


def _copied(tensor, memo):
    """Return a copy of a tensor's array; those that share a storage have copies that share one."""
    array, xp = tensor._buffer(), tensor._xp
    storage = xp.storage(array)
    if storage.dtype != array.dtype or not (
            storage.flags.c_contiguous or storage.flags.f_contiguous):
        return array.copy("K")
    owner = xp.owner(array)
    if id(owner) not in memo:
        memo[id(owner)] = storage.copy("K")
        memo.setdefault(id(memo), []).append(owner)  # kept alive: its id must stay its own
    copy = memo[id(owner)]
    if array is storage:
        return copy
    start = (xp.pointer(array) - xp.pointer(storage)) // array.itemsize
    return xp.view(copy, array.shape, tensor.stride(), start)


@tensor_method
def __reduce_ex__(self, protocol):
    """Describe the tensor for `pickle`: a NumPy array, names and flags. The graph stays behind."""
    host = np.array(self._xp.to_host(self._array))
    if self.dtype is dtypes.bfloat16:
        host = host.view(np.uint16)
    return rebuild, (type(self), host, self.dtype, str(self.device), self.requires_grad,
                     self.__dict__)


def rebuild(cls, host, dtype, device, requires_grad, attributes):
    """Return the tensor that `__reduce_ex__` described; its device must be usable here."""
    xp = devices.backend_for(device)
    tensor = new(cls)
    tensor._array, tensor._xp, tensor._node = xp.from_host(host.view(dtype.numpy)), xp, None
    tensor.__dict__.update(attributes)
    if requires_grad:
        tensor.requires_grad = True
    return tensor
