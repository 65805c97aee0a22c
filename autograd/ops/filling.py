"""Filling with one value, changing the size in place, and new tensors like an old one."""

import math

from .. import creation, inplace, writes
from ..op import op
from ..tensor import Tensor, tensor_method
from ..viewing import memory
from .indexing import has_history
from .scalars import checked
from .shape import spread

__all__ = ["empty_permuted", "empty_strided", "fill_", "resize_as_", "zero_"]


@op(name="fill", derivative="∂value: g summed")
def filled(xp, input, value):
    """Return a tensor of the input's shape and dtype, filled with a value.

    Args:
        value: number or 0-d tensor.
    """
    return xp.full(input.shape, value, input.dtype)


filled.vjp("input", lambda g: g * 0)
filled.vjp("value", lambda g: g)


@filled.op.public
def fill(input, value):
    """Return a tensor like the input, filled with a value (a number or a 0-d tensor).

    Shape: any -> same.
    Raises:
        RuntimeError: for a value that has dimensions, or that the dtype cannot hold.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.fill.html
    """
    return filled(input, _filling(input, value))


def _filling(self, value):
    if isinstance(value, Tensor):
        if value._array.ndim:
            raise RuntimeError("fill_ only supports 0-dimension value tensor but got tensor with "
                               f"{value._array.ndim} dimensions.")
        return value if value._xp is self._xp else value.to(self.device)
    return checked(value, self._array.dtype)


@tensor_method
def fill_(self, value):
    """Fill with a value (a number or a 0-d tensor), in place.

    Raises:
        RuntimeError: for a value that has dimensions or that the dtype cannot hold, and where
            autograd forbids the write.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.fill_.html

    >>> import ember
    >>> ember.empty(2).fill_(3)
    tensor([3., 3.])
    """
    inplace.check_writable(self, "fill_")
    value = _filling(self, value)
    if has_history(self, value):
        return inplace.overwrite(self, filled(self, value), "fill_")
    array = memory(self)
    if isinstance(value, Tensor):
        with self._xp.quiet():
            array[...] = value._array
    else:
        array[...] = value
    writes.mark_written(array)
    return self


@tensor_method
def zero_(self):
    """Fill with zeros, in place."""
    return fill_(self, 0)


@tensor_method
def fill_diagonal_(self, fill_value, wrap=False):
    """Fill the main diagonal, in place; with wrap it starts again below a tall matrix's end.

    Raises:
        RuntimeError: for less than two dimensions, or more than two of different sizes.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.fill_diagonal_.html
    """
    shape = self._array.shape
    if len(shape) < 2:
        raise RuntimeError("dimensions must larger than 1")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    step, length = sum(self.stride()), min(shape)
    offset = self.storage_offset()
    self.as_strided((length,), (step,), offset).fill_(fill_value)
    if wrap and len(shape) == 2 and shape[0] > shape[1] + 1:
        rows, columns = shape
        rest = (rows * columns - columns * (columns + 1) + columns) // (columns + 1)
        start = (columns + 1) * columns
        positions = creation.arange(start, rows * columns, columns + 1)
        if rest > 0:
            self.index_put_((positions // columns, positions % columns),
                            self.detach().new_tensor(fill_value))
    return self


# -- new tensors ----------------------------------------------------------------------------------


def _like(self, dtype, device):
    return {"dtype": dtype or self.dtype, "device": device or self.device}


@tensor_method
def new_tensor(self, data, *, dtype=None, device=None, requires_grad=False, layout=None,
               pin_memory=False):
    """Return a new tensor with a copy of the data, by default of this one's dtype and device."""
    return creation.tensor(data, requires_grad=requires_grad, **_like(self, dtype, device))


def _new(name, constructor):
    def method(self, *size, dtype=None, device=None, requires_grad=False, layout=None,
               pin_memory=False, **named):
        return constructor(spread(name, size, named, "size"), requires_grad=requires_grad,
                           **_like(self, dtype, device))

    method.__name__ = method.__qualname__ = name
    method.__doc__ = (
        f"Like `{constructor.__name__}`, by default with this tensor's dtype and device.")
    return tensor_method(method)


_new("new_zeros", creation.zeros)
_new("new_ones", creation.ones)
_new("new_empty", creation.empty)


@tensor_method
def new_full(self, size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None,
             pin_memory=False):
    """Return a filled tensor, by default of this one's dtype and device."""
    return creation.full(size, fill_value, requires_grad=requires_grad,
                         **_like(self, dtype, device))


@tensor_method
def new_empty_strided(self, size, stride, *, dtype=None, device=None, requires_grad=False,
                      layout=None, pin_memory=False):
    """Return an unset tensor with the given strides, by default of this one's dtype and device."""
    needed = 1 + sum((n - 1) * s for n, s in zip(size, stride)) if 0 not in size else 0
    made = creation.empty((needed,), **_like(self, dtype, device)).as_strided(size, stride)
    made = Tensor._wrap(made._array, made._xp)
    return made.requires_grad_() if requires_grad else made


def empty_strided(size, stride, *, dtype=None, layout=None, device=None, requires_grad=False,
                  pin_memory=False):
    """Return an unset tensor of a size with the given strides.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.empty_strided.html
    """
    like = creation.empty((0,), dtype=dtype, device=device)
    return new_empty_strided(like, size, stride, requires_grad=requires_grad)


def empty_permuted(size, physical_layout, *, dtype=None, layout=None, device=None,
                   requires_grad=False, pin_memory=False):
    """Return an unset tensor whose dimensions lie in memory in the given order, outermost first.

    Raises:
        RuntimeError: when the order does not name each dimension once.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.empty_permuted.html

    >>> import ember
    >>> ember.empty_permuted((2, 3), (1, 0)).stride()
    (1, 2)
    """
    if len(size) != len(physical_layout):
        raise RuntimeError("Number of dimensions in size does not match the length of the "
                           f"physical_layout: {len(size)} and {len(physical_layout)}")
    strides, step = [None] * len(size), 1
    for d in reversed(physical_layout):
        if not 0 <= d < len(size):
            raise RuntimeError(f"Dimension out of range (expected to be between 0 and "
                               f"{len(size) - 1}, but got {d})")
        if strides[d] is not None:
            raise RuntimeError("Duplicate dim not allowed")
        strides[d] = step
        step *= max(size[d], 1)
    return empty_strided(size, strides, dtype=dtype, device=device, requires_grad=requires_grad)


# -- size in place --------------------------------------------------------------------------------


@tensor_method
def resize_(self, *sizes, memory_format=None, **named):
    """Change the size in place; new elements are not set, those left keep their order in memory.

    Raises:
        RuntimeError: when the tensor requires gradients.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.resize_.html
    """
    if self._node is not None:
        raise RuntimeError("cannot resize variables that require grad")
    sizes = tuple(map(int, spread("resize_", sizes, named, "size")))
    array, xp = memory(self), self._xp
    if sizes == array.shape:
        return self
    count = math.prod(sizes)
    steps = [math.prod(sizes[i + 1:]) for i in range(len(sizes))]
    try:
        self._array = xp.view(array, sizes, steps)
    except RuntimeError:
        longer = xp.zeros((count,), array.dtype)
        have = xp.owner(array)
        if isinstance(have, xp.array_types) and have.flags.c_contiguous and (
                have.dtype == array.dtype):
            longer[:have.size] = have.reshape(-1)
        else:
            longer[:array.size] = array.reshape(-1)
        self._array = longer.reshape(sizes)
    return self


@tensor_method
def resize_as_(self, other, memory_format=None):
    """Change the size in place to that of another tensor."""
    return resize_(self, tuple(other.shape))


def into(out, result, *inputs):
    """Return a result, written to the `out=` argument where there is one.

    Raises:
        RuntimeError: when `out` has another dtype, or shares memory with one of the inputs.
    """
    if out is None:
        return result
    if out._array.dtype != result._array.dtype:
        raise RuntimeError(f"Expected out tensor to have dtype {result.dtype}, but got "
                           f"{out.dtype} instead")
    apart(out, *inputs)
    return out.resize_(result.shape).copy_(result)


def apart(out, *inputs):
    """Raise RuntimeError when an output shares memory with an input or overlaps itself."""
    inplace.check_overlap(out._array, "out=")
    for t in inputs:
        if t._xp is out._xp and t._xp.may_share_memory(t._array, out._array):
            raise RuntimeError(
                "unsupported operation: some elements of the input tensor and the written-to "
                "tensor refer to a single memory location. Please clone() the tensor before "
                "performing the operation.")
