"""Copies, casts and moves between devices."""

import numpy as np

from ... import backends
from .. import creation, devices, dtypes, inplace, modes
from ..graph import Kept, Rule, make_node
from ..layouts import contiguous_format
from ..op import op
from ..tensor import Tensor, tensor_method

__all__ = ["get_device", "is_complex", "is_floating_point", "is_signed"]


@op(derivative="g")
def clone(xp, input, *, memory_format=None):
    """Return a copy with its own memory, strides in the same order. Shape: any -> same.

    Args:
        memory_format: `contiguous_format` lays the elements in memory in their order.
    """
    ordered = memory_format is contiguous_format or 0 in input.strides
    return input.copy("C" if ordered else "K")


clone.vjp("input", lambda g: g)


@op(namespaces=(), derivative="g")
def cast(xp, input, numpy_dtype):
    """Return the elements in another NumPy dtype."""
    return input.astype(numpy_dtype)


cast.vjp("input", lambda g: g)


@op(namespaces=(), derivative="∂input: 0; ∂other: g")
def overwritten(xp, input, other):
    """Return other in the shape and dtype of input: what `copy_` writes."""
    return xp.broadcast_to(other, input.shape).astype(input.dtype)


overwritten.vjp("input", lambda g: g * 0)
overwritten.vjp("other", lambda g: g)


class _Move(Rule):
    """History of a tensor that came from another device: the gradient goes back there."""

    name = label = "to"
    node_name = "ToCopyBackward0"

    def backward(self, node, g):
        source, target = node.saved
        return (_transfer(g, target, source),)

    def graph_backward(self, node, g):
        return (_to_backend(g, node.saved[0]),)


MOVE = _Move()


def _transfer(array, source, target):
    return target.from_host(np.asarray(source.to_host(array)))


def _to_backend(input, target):
    """Return a tensor with the elements of another on the device of a backend."""
    moved = Tensor._wrap(_transfer(input._array, input._xp, target), target)
    if input._node is not None and modes.is_grad_enabled():
        kept = Kept((input._xp, target))
        moved._node = make_node(MOVE, (input._node,), kept, moved._array, target)
    return moved


@tensor_method
def copy_(self, src, non_blocking=False):
    """Overwrite this tensor with the elements of another, broadcast, cast and moved."""
    inplace.check_writable(self, "copy_")
    if not isinstance(src, Tensor):
        src = creation.tensor(src, device=self.device)
    if src._xp is self._xp:
        inplace.check_sources(self, src, "copy_")
    else:
        src = _to_backend(src, self._xp)
    try:
        value = overwritten(self, src)
    except (ValueError, RuntimeError):
        raise RuntimeError(
            f"copy_: the source of shape {list(src.shape)} cannot be broadcast to the "
            f"destination of shape {list(self.shape)}") from None
    return inplace.overwrite(self, value, "copy_")


@tensor_method
def to(self, *args, **kwargs):
    """Return the tensor with another dtype and/or on another device; itself if nothing changes.

    Args (positional in any order that PyTorch takes): dtype, device, another tensor to be
    like; and non_blocking, copy, memory_format.
    Raises:
        RuntimeError: when the device cannot be used here.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.to.html

    >>> import ember
    >>> ember.tensor([1, 2]).to(ember.float32)
    tensor([1., 2.])
    """
    dtype, device, copy = _destination(args, kwargs)
    result = self
    if dtype is not None and dtype.numpy != self._array.dtype:
        result = cast(result, dtype.numpy)
    if device is not None:
        target = devices.backend_for(device)
        if target is not result._xp:
            result = _to_backend(result, target)
    return clone(self) if copy and result is self else result


def _destination(args, kwargs):
    """Return (dtype or None, device or None, copy) from the arguments of `to`."""
    options = dict(kwargs)
    dtype, device = options.pop("dtype", None), options.pop("device", None)
    copy = options.pop("copy", False)
    for name in ("non_blocking", "memory_format"):
        options.pop(name, None)
    flags = []
    for arg in args:
        if isinstance(arg, dtypes.dtype):
            dtype = arg
        elif isinstance(arg, bool):
            flags.append(arg)
        elif isinstance(arg, (str, int, devices.device)):
            device = arg
        elif isinstance(arg, Tensor):
            dtype, device = arg.dtype, arg.device
        elif arg is not None:
            raise TypeError(f"to() received an invalid argument {arg!r}; expected a dtype, a "
                            "device or a tensor")
    if "other" in options:
        other = options.pop("other")
        dtype, device = other.dtype, other.device
    if options:
        raise TypeError(f"to() got an unexpected keyword argument '{next(iter(options))}'")
    if len(flags) > 1:
        copy = flags[1]
    return dtype, device, copy


def _cast_method(name, dtype):
    def method(self, memory_format=None):
        return self.to(dtype)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"Return the tensor as {dtype.name}; itself if it is already."
    return tensor_method(method)


for _name, _dtype in {
        "float": dtypes.float32, "double": dtypes.float64, "half": dtypes.float16,
        "bfloat16": dtypes.bfloat16, "long": dtypes.int64, "int": dtypes.int32,
        "short": dtypes.int16, "char": dtypes.int8, "byte": dtypes.uint8, "bool": dtypes.bool,
        "cfloat": dtypes.complex64, "cdouble": dtypes.complex128}.items():
    _cast_method(_name, _dtype)


@tensor_method
def cpu(self, memory_format=None):
    """Return the tensor on the CPU; itself if it is there."""
    return self.to("cpu")


@tensor_method
def cuda(self, device=None, non_blocking=False, memory_format=None):
    """Return the tensor on a CUDA device.

    Raises:
        RuntimeError: when there is none; the message says what is missing. When `device` is
            another kind of device.
    """
    chosen = devices.device("cuda" if device is None else device)
    if chosen.type != "cuda":
        raise RuntimeError("Invalid device, must be cuda device")
    return self.to(chosen)


@tensor_method
def type(self, dtype=None, non_blocking=False):
    """Return the tensor as another type, or the name of its type when none is given.

    >>> import ember
    >>> ember.tensor([1.0]).type()
    'torch.FloatTensor'
    """
    if dtype is None:
        prefix = "torch." if self._xp.device_type == "cpu" else f"torch.{self._xp.device_type}."
        return f"{prefix}{self.dtype.title}Tensor"
    if isinstance(dtype, str):
        prefix, _, title = dtype.rpartition(".")
        result = self.to(dtypes.titled(title.removesuffix("Tensor")))
        return result.cuda() if prefix == "torch.cuda" else result
    return self.to(getattr(dtype, "dtype", dtype))


@tensor_method
def type_as(self, other):
    """Return the tensor with the dtype (and on the device) of another."""
    return self.to(other)


@tensor_method
def is_floating_point(self):
    """Return whether the dtype is a floating point one."""
    return self.dtype.is_floating_point


@tensor_method
def is_complex(self):
    """Return whether the dtype is complex."""
    return self._array.dtype.kind == "c"


@tensor_method
def chalf(self):
    """Refuse, where PyTorch converts to complex32.

    Raises:
        NotImplementedError: always: array modules have no such dtype.
    """
    raise NotImplementedError("chalf(): ember has no complex32, as NumPy and CuPy have none. Use "
                              ".cfloat() for complex64")


@tensor_method
def is_signed(self):
    """Return whether the dtype can hold negative numbers."""
    return self.dtype.is_signed


@tensor_method
def get_device(self):
    """Return the number of the CUDA device, −1 on the CPU."""
    return -1 if self._xp.device_type == "cpu" else (self._xp.index or 0)


@tensor_method
def pin_memory(self, device=None):
    """Return the tensor in page-locked memory, from which a GPU can copy while the program runs.

    The tensor itself where it lies there already, or where there is no GPU.

    Args:
        device: accepted; pinned memory serves every GPU.
    Raises:
        RuntimeError: for a tensor that is not on the CPU.
    """
    if self._xp is not backends.cpu:
        raise RuntimeError(f"cannot pin a tensor on {self.device}: only dense CPU tensors can be "
                           "pinned")
    if not backends.is_available("cuda") or self.is_pinned():
        return self
    return Tensor._wrap(backends.get("cuda").pinned(self._buffer()))


@tensor_method
def is_pinned(self, device=None):
    """Return whether the elements are in page-locked host memory."""
    on_host = self._xp is backends.cpu and backends.is_available("cuda")
    return on_host and backends.get("cuda").is_pinned(self._buffer())


Tensor.is_cuda = property(lambda self: self._xp.device_type == "cuda")
