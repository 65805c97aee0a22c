"""Nested tensors: a batch of tensors of different lengths, kept without padding.

They can be made, padded and taken apart; every operation refuses and says to do one of these.
Source: https://docs.pytorch.org/docs/stable/nested.html
"""

from . import dtypes
from .from_data import tensor
from .layouts import jagged
from .ops.joining import cat, stack
from .tensor import Tensor

__all__ = ["NestedTensor", "as_nested_tensor", "nested_tensor", "to_padded_tensor"]


class NestedTensor(Tensor):
    """A batch of tensors that may differ in size; made by `nested_tensor`."""

    layout = jagged
    is_nested = True

    @classmethod
    def _of(cls, components):
        first = components[0]
        self = Tensor.__new__(cls)
        # The array only stands for the number of components, the dtype and the device.
        self._array = first._xp.broadcast_to(first.detach().new_zeros(())._buffer(),
                                             (len(components),))
        self._history, self._xp, self._components = None, first._xp, tuple(components)
        return self

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        raise NotImplementedError(f"{func.__name__} is not implemented for nested tensors; use "
                                  ".to_padded_tensor(value) or .unbind() first")

    requires_grad = property(lambda self: any(t.requires_grad for t in self._components))
    ndim = property(lambda self: self._components[0].ndim + 1)

    def dim(self):
        """Return the number of dimensions, the batch's included."""
        return self.ndim

    def size(self, dim):
        """Return the length of a dimension that all components share."""
        if dim == 0:
            return len(self._components)
        lengths = {t.shape[dim - 1 if dim > 0 else dim] for t in self._components}
        if len(lengths) > 1:
            raise RuntimeError(f"Given dimension {dim} is irregular and does not have a size.")
        return lengths.pop()

    def unbind(self, dim=0):
        """Return the components."""
        if dim != 0:
            raise RuntimeError("unbind of a nested tensor is along dimension 0 only")
        return self._components

    __iter__ = property(lambda self: self._components.__iter__)

    def to_padded_tensor(self, padding, output_size=None):
        """Return the components as one tensor, each filled up at its ends with `padding`."""
        ndim = self._components[0].ndim
        longest = [max(t.shape[d] for t in self._components) for d in range(ndim)]
        size = longest if output_size is None else list(output_size)[1:]
        if any(n < m for n, m in zip(size, longest)):
            raise RuntimeError(f"to_padded_tensor: the output size {size} is smaller than the "
                               f"components, which need {longest}")
        return stack([_padded(t, size, padding) for t in self._components])

    def values(self):
        """Return all elements of the components, one after the other along their first axis."""
        return cat(self._components)

    def offsets(self):
        """Return where each component begins in `values()`, and the end; int64."""
        ends = [0]
        for t in self._components:
            ends.append(ends[-1] + t.shape[0])
        return tensor(ends, dtype=dtypes.int64, device=self.device)

    def __repr__(self):
        parts = ",\n  ".join(map(repr, self._components))
        return f"nested_tensor([\n  {parts}\n])"


def _padded(component, size, padding):
    filled = component.new_full(tuple(size), padding)
    return filled.index_put(tuple(_places(component.shape, component)), component)


def _places(shape, component):
    """Return an index for each dimension that together address the first `shape` elements."""
    from .creation import arange

    for d, n in enumerate(shape):
        yield arange(n, device=component.device).reshape([-1] + [1] * (len(shape) - d - 1))


def as_nested_tensor(ts, dtype=None, device=None, layout=None):
    """Return a nested tensor of a list of tensors, through which gradients flow to them.

    Source: https://docs.pytorch.org/docs/stable/nested.html
    """
    components = [t if isinstance(t, Tensor) else tensor(t) for t in ts]
    if not components:
        raise RuntimeError("a nested tensor needs at least one component")
    if len({t.ndim for t in components}) > 1:
        raise RuntimeError("all components of a nested tensor must have the same number of "
                           f"dimensions, but they have {[t.ndim for t in components]}")
    return NestedTensor._of([t.to(dtype=dtype, device=device) for t in components])


def nested_tensor(tensor_list, *, dtype=None, layout=None, device=None, requires_grad=False,
                  pin_memory=False):
    """Return a nested tensor with copies of a list of tensors or sequences.

    Args:
        tensor_list: components of the same number of dimensions.
        layout: accepted; components are always kept apart.
    Raises:
        RuntimeError: for an empty list or components of different numbers of dimensions.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nested.nested_tensor.html

    >>> import ember
    >>> batch = ember.nested.nested_tensor([[1.0, 2.0], [3.0]])
    >>> batch.to_padded_tensor(0.0)
    tensor([[1., 2.],
            [3., 0.]])
    """
    copies = [t.detach().clone() if isinstance(t, Tensor) else tensor(t) for t in tensor_list]
    nested = as_nested_tensor(copies, dtype, device)
    for component in nested.unbind() if requires_grad else ():
        component.requires_grad_()
    return nested


def to_padded_tensor(input, padding, output_size=None):
    """Return a nested tensor's components as one padded tensor."""
    return input.to_padded_tensor(padding, output_size)
