"""The names that a PyTorch file may mention, and what ember builds for each.

Builders check every argument: what a file says is never taken on trust.
"""

import codecs
import types
from collections import Counter, OrderedDict

from ...autograd import Size, Tensor, device, dtypes, equal, sparse_coo, strided
from ...autograd.sparse import sparse_coo_tensor
from ...nn import Buffer, Module, Parameter
from . import modules, numpy_values, vouched
from .errors import LoadError, UnknownName, require
from .opcodes import Name, inert, key
from .storages import Storage

__all__ = ["fill", "find", "known"]


# -- tensors --------------------------------------------------------------------------------------


def _tensor(storage, offset, size, stride, requires_grad=False, hooks=None, metadata=None):
    """`torch._utils._rebuild_tensor_v2`: a strided view of a storage."""
    require(type(storage) is Storage and storage.dtype is not None, "a tensor without storage")
    return _strided(storage, storage.dtype, offset, size, stride, requires_grad, metadata)


def _tensor_of_type(storage, offset, size, stride, requires_grad, hooks, dtype, metadata=None):
    """`torch._utils._rebuild_tensor_v3`: the same, with a dtype of its own."""
    require(type(storage) is Storage, "a tensor without storage")
    require(isinstance(dtype, dtypes.dtype), "a tensor of no dtype")
    return _strided(storage, dtype, offset, size, stride, requires_grad, metadata)


def _strided(storage, dtype, offset, size, stride, requires_grad, metadata):
    require(type(size) in (tuple, Size) and type(stride) is tuple and len(size) == len(stride),
            "a tensor's sizes and strides do not fit together")
    require(all(type(n) is int and n >= 0 for n in (offset, *size, *stride)),
            "sizes, strides and offsets are natural numbers")
    tensor = Tensor._wrap(storage.view(dtype, offset, size, stride), storage.xp)
    for method in ("conj", "neg"):
        if isinstance(metadata, dict) and metadata.get(method) is True:
            storage.pay(tensor.nbytes)
            tensor = getattr(tensor, method)()
    _check_gradients(tensor, requires_grad)
    return tensor.requires_grad_(requires_grad)


def _check_gradients(tensor, requires_grad):
    require(type(requires_grad) is bool, "requires_grad is no truth value")
    require(not requires_grad or tensor.is_floating_point() or tensor.is_complex(),
            f"a {tensor.dtype} tensor that requires gradients")


def _parameter(data, requires_grad=True, hooks=None, state=None):
    require(isinstance(data, Tensor), "a parameter of no tensor")
    _check_gradients(data, requires_grad)
    made = Parameter(data, requires_grad)
    return fill(made, state) if state else made


def _typed_tensor(build, kind, arguments, state):
    """`torch._tensor._rebuild_from_type_v2`: a tensor with attributes."""
    require(type(build) is Name and build.path.startswith("torch._utils._rebuild_"),
            "a tensor made by something else")
    require(type(kind) is Name and kind.path in _TENSOR_TYPES, "a tensor of an unknown class")
    require(type(arguments) is tuple and isinstance(state, dict), "a tensor without attributes")
    tensor = build.build(*arguments)
    attributes = {name: value for name, value in state.items() if name != "_is_buffer"}
    if "_is_buffer" in state:
        tensor = Buffer(tensor, persistent=bool(attributes.pop("persistent", True)))
    return fill(tensor, attributes) if attributes else tensor


def _sparse_tensor(kind, parts):
    """`torch._utils._rebuild_sparse_tensor`: indices, values, size, whether they are in order."""
    require(kind is sparse_coo and type(parts) is tuple and len(parts) in (3, 4),
            "a sparse tensor of an unknown layout")
    indices, values, size = parts[:3]
    require(isinstance(indices, Tensor) and isinstance(values, Tensor) and type(size) is Size
            and indices.dtype is dtypes.int64 and all(n >= 0 for n in size),
            "a sparse tensor without indices, values or size")
    require(all(t.nbytes <= t.untyped_storage().nbytes() for t in (indices, values)),
            "a sparse tensor of more values than the file holds")
    try:
        made = sparse_coo_tensor(indices, values, size)
        if parts[3:] == (True,) and equal(made.coalesce()._indices(), indices):
            return sparse_coo_tensor(indices, values, size, is_coalesced=True)
    except RuntimeError as error:
        raise LoadError(f"the file is damaged or forged: {error}") from None
    return made


_TENSOR_TYPES = ("torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer")


# -- plain values ---------------------------------------------------------------------------------


def _size(items):
    require(type(items) is tuple and all(type(n) is int for n in items), "a Size of no numbers")
    return Size(items)


def _device(kind, index=None):
    require(type(kind) is str and (index is None or type(index) is int), "a device of no name")
    try:
        return device(kind, index)
    except RuntimeError as error:
        raise LoadError(f"the file holds a device that ember does not know: {error}") from None


def _layout(name):
    for layout in (strided, sparse_coo):
        if name == repr(layout):
            return layout
    raise LoadError("the file holds a tensor layout that ember does not have")


def _encoded(text, encoding):
    """How protocol 2 spells bytes."""
    require(type(text) is str and encoding in ("latin1", "latin-1"), "bytes of another encoding")
    return codecs.latin_1_encode(text)[0]


def _bytes():
    return b""


def _bytearray(data=b"", encoding=None):
    data = data if encoding is None else _encoded(data, encoding)
    require(type(data) is bytes, "a bytearray of no bytes")  # a number would be a length
    return bytearray(data)


def _complex(real, imag):
    require(type(real) is float and type(imag) is float, "a complex number of no numbers")
    return complex(real, imag)


def _set(items):
    require(type(items) is list, "a set of no list")
    return set(map(key, items))


def _ordered(pairs=()):
    require(all(type(pair) in (list, tuple) and len(pair) == 2 for pair in pairs),
            "an OrderedDict of no pairs")
    return OrderedDict((key(k), inert(value)) for k, value in pairs)


def _counter(items=None):
    require(items is None or type(items) is dict, "a Counter of no dict")
    return Counter(items)


_METHODS = (types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType,
            types.WrapperDescriptorType, classmethod, staticmethod, property)

_BUILDERS = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_of_type,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._utils._rebuild_sparse_tensor": _sparse_tensor,
    "torch._tensor._rebuild_from_type_v2": _typed_tensor,
    "torch.Size": _size,
    "torch.device": _device,
    "torch.serialization._get_layout": _layout,
    "torch.Tensor": None,
    "torch.nn.parameter.Parameter": None,
    "torch.nn.parameter.Buffer": None,
    "torch.storage.UntypedStorage": None,
    "collections.OrderedDict": _ordered,
    "collections.Counter": _counter,
    "_codecs.encode": _encoded,
    "builtins.bytes": _bytes,
    "builtins.bytearray": _bytearray,
    "builtins.complex": _complex,
    "builtins.set": _set,
    **numpy_values.BUILDERS,
}


# -- looking up -----------------------------------------------------------------------------------


def find(path):
    """Return what a dotted name in a file stands for: a Name, or an inert value.

    Raises:
        UnknownName: when the name is neither in the table nor vouched for; it is not imported.
    """
    found = known(path)
    if found is None:
        raise UnknownName([path])
    return found


def known(path):
    """Return what a dotted name stands for, or None for one that is not loaded."""
    if path in _BUILDERS:
        return Name(path, _BUILDERS[path])
    module, _, name = path.rpartition(".")
    if module == "torch":
        value = getattr(dtypes, name, None)
        if isinstance(value, dtypes.dtype):
            return value
        if name.endswith("Storage") and name != "Storage":
            return Name(path)
    found = vouched.find(path)
    if isinstance(found, type):
        return Name(path, blank=lambda: object.__new__(found), value=found)
    return found  # a function: nothing in a file can call it


def fill(target, state):
    """Give an object that was built the attributes that a file holds for it; return it.

    Attributes that would hide a method are refused.
    """
    kind = type(target)
    if numpy_values.is_value(target):
        return numpy_values.fill(target, state)
    require(isinstance(target, (Tensor, OrderedDict)) or vouched.covers(kind),
            f"attributes for a {kind.__name__}")
    require(isinstance(state, dict) and all(type(name) is str for name in state),
            "attributes without names")
    if isinstance(target, Module):
        modules.fill(target, state)
    else:
        vars(target).update(state)
    names = vars(target) if vouched.covers(kind) else state
    hidden = [name for name in names if _hides_method(kind, name)]
    require(not hidden, f"attributes {hidden!s:.100} that hide methods")
    return target


def _hides_method(cls, name):
    if not vouched.covers(cls):
        return hasattr(cls, name)
    found = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    return name.startswith("__") and name.endswith("__") or isinstance(found, _METHODS)
