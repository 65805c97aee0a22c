"""How each kind of object is spelled in a PyTorch file: the calls that make it again."""

import types
from collections import Counter, OrderedDict
from typing import Any, NamedTuple

import numpy as np

from ...autograd import Generator, Size, Tensor, device, dtypes, layout
from ...autograd.sparse import SparseTensor
from ...nn import Buffer, Module, Parameter
from ...nn.parameter import is_lazy
from . import modules, numpy_values, vouched
from .paths import path_of
from .storages import flat_memory, storage_name

__all__ = ["Call", "Global", "StorageId", "Storages", "form_of"]


class Global(NamedTuple):
    """A dotted name, written as such."""

    path: str


class Call(NamedTuple):
    """A name to be called, its arguments, then the items and attributes of what it returned."""

    path: str
    arguments: tuple = ()
    items: Any = None
    state: Any = None
    opcode: bytes = b"R"


class StorageId(NamedTuple):
    """PyTorch's identifier of a storage."""

    word: str
    kind: Global
    number: str
    location: str
    length: int


class Storages:
    """The storages that the tensors of one object lie in, each once.

    Attributes:
        arrays: per storage the backend and the one-dimensional raw array.
    """

    def __init__(self):
        self.arrays = []
        self._known = {}  # place of the memory -> number, dtype, owner (kept alive)

    def place(self, tensor):
        """Return a tensor's StorageId, and its offset and strides there."""
        owner, flat, offset, strides = flat_memory(tensor)
        key = id(owner), tensor._xp.pointer(flat), flat.nbytes
        if key not in self._known:
            self._known[key] = len(self.arrays), tensor.dtype, owner
            self.arrays.append((tensor._xp, flat))
        number, dtype, _ = self._known[key]
        name = storage_name(tensor.dtype) if tensor.dtype is dtype else None
        if name is None:
            kind, length = "torch.storage.UntypedStorage", flat.nbytes
        else:
            kind, length = f"torch.{name}", flat.nbytes // dtype.itemsize
        return StorageId("storage", Global(kind), str(number), str(tensor.device), length), \
            offset, strides


# -- tensors --------------------------------------------------------------------------------------


def _plain_tensor(tensor, requires_grad, storages):
    identifier, offset, strides = storages.place(tensor)
    arguments = (identifier, offset, tuple(tensor.shape), strides, requires_grad, OrderedDict())
    if identifier.kind.path.endswith("UntypedStorage"):
        return Call("torch._utils._rebuild_tensor_v3", (*arguments, tensor.dtype))
    return Call("torch._utils._rebuild_tensor_v2", arguments)


def _tensor(tensor, storages):
    call = _plain_tensor(tensor, tensor.requires_grad, storages)
    return _with_attributes(call, _attributes(tensor))


def _with_attributes(call, attributes):
    if not attributes:
        return call
    return Call("torch._tensor._rebuild_from_type_v2",
                (Global(call.path), Global("torch.Tensor"), call.arguments, attributes))


def _buffer(tensor, storages):
    call = _plain_tensor(tensor, tensor.requires_grad, storages)
    return _with_attributes(call, {**_attributes(tensor), "_is_buffer": True})


def _parameter(tensor, storages):
    arguments = (tensor.detach(), tensor.requires_grad, OrderedDict())
    attributes = _attributes(tensor)
    if attributes:
        return Call("torch._utils._rebuild_parameter_with_state", (*arguments, attributes))
    return Call("torch._utils._rebuild_parameter", arguments)


def _sparse(tensor, storages):
    parts = (tensor._indices(), tensor._values().detach(), tensor.shape, tensor.is_coalesced())
    return Call("torch._utils._rebuild_sparse_tensor", (tensor.layout, parts))


def _attributes(tensor):
    return {name: value for name, value in vars(tensor).items() if name != "_retains_grad"}


_TENSORS = {Tensor: _tensor, Buffer: _buffer, Parameter: _parameter, SparseTensor: _sparse}


# -- plain values ---------------------------------------------------------------------------------


def _bytes(value):
    return Call("_codecs.encode", (value.decode("latin1"), "latin1"))


def _device(value):
    return Call("torch.device", (value.type,) if value.index is None else (value.type, value.index))


_PLAIN = {
    bytes: _bytes,
    bytearray: lambda value: Call("__builtin__.bytearray", (bytes(value),)),
    complex: lambda value: Call("__builtin__.complex", (value.real, value.imag)),
    set: lambda value: Call("__builtin__.set", (list(value),)),
    Size: lambda value: Call("torch.Size", (tuple(value),)),
    Counter: lambda value: Call("collections.Counter", (dict(value),)),
    OrderedDict: lambda value: Call("collections.OrderedDict", items=value, state=vars(value)),
    device: _device,
    layout: lambda value: Call("torch.serialization._get_layout", (repr(value),)),
}


def form_of(value, storages, where):
    """Return the Call or Global that an object is written as.

    Args:
        storages: the Storages to put a tensor into.
        where: returns the place of the object, for the error.
    Raises:
        TypeError: for an object that cannot be saved.
    """
    kind = type(value)
    if kind in _PLAIN:
        return _PLAIN[kind](value)
    if kind in _TENSORS:
        return _TENSORS[kind](value, storages)
    if isinstance(value, dtypes.dtype):
        return Global(f"torch.{value.name}")
    if value is np.ndarray:
        return Global("numpy.ndarray")
    if isinstance(value, Module):
        return _module(value, where)
    if isinstance(value, types.FunctionType) or _is_module_class(value):
        if path_of(value):
            return Global(path_of(value))
    elif vouched.covers(kind):
        return Call(vouched.name_of(kind), state=vars(value), opcode=b"\x81")
    if isinstance(value, (np.dtype, np.generic)) or kind is np.ndarray:
        try:
            path, arguments, state = numpy_values.parts(value)
            return Call(path, arguments, state=state)
        except TypeError as error:
            raise TypeError(f"cannot save {where()}: {error}; only numbers are saved") from None
    raise TypeError(f"cannot save {where()}: {_why_not(value)}")


def _module(module, where):
    kind = type(module)
    path = vouched.name_of(kind) if vouched.covers(kind) else path_of(kind)
    what = f"a module whose class, {kind.__module__}.{kind.__qualname__},"
    try:
        if path is None:
            raise TypeError(f"{what} cannot be found by that name")
        if not vouched.is_plain(kind):
            raise TypeError(f"{what} has a way of its own to be made (__new__, __setstate__, ...), "
                            "which would be code that a file calls")
        return Call(path, state=modules.state_of(module), opcode=b"\x81")
    except TypeError as error:
        raise TypeError(f"cannot save {where()}: it is {error}. Or save its state_dict()") from None


def _is_module_class(value):
    return isinstance(value, type) and issubclass(value, Module)


def _why_not(value):
    """Return why an object cannot be saved, and what to do."""
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType, types.MethodType)):
        return f"{value!r} is code, not data. Save its name and look it up after loading"
    if isinstance(value, Generator):
        return "it is a Generator. Save its get_state()"
    if isinstance(value, Tensor):
        if is_lazy(value):
            return "it is an uninitialized parameter. Run the model once before saving it"
        return f"it is a tensor of the class {name}. Save .as_subclass(torch.Tensor) of it"
    if hasattr(value, "state_dict"):
        return f"it is a whole {name}. Save its state_dict()"
    for base in (dict, list, tuple, str, int, float):
        if isinstance(value, base):
            return f"{name} is a class of its own. Save {base.__name__}(...) of it"
    if isinstance(value, frozenset):
        return "PyTorch does not load a frozenset. Save a set"
    return (f"a {name} is no tensor, number, text or container of them. Save what it holds, such "
            "as vars(object); a class whose objects are plain attributes can be allowed by "
            f"torch.serialization.add_safe_globals([{kind.__qualname__}])")
