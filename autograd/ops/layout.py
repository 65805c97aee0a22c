"""How a tensor lies in memory: sizes, strides, contiguity, and the in-place changes of shape."""

from .. import inplace, modes, views
from ..graph import AccumulateGrad
from ..layouts import channels_last, channels_last_3d, contiguous_format
from ..tensor import Size, Tensor, tensor_method
from .conversion import clone
from .dims import axis
from .order import permute, t, transpose
from .parts import as_strided
from .shape import squeeze, unsqueeze

__all__ = ["as_strided_", "is_nonzero", "is_same_size", "numel"]


@tensor_method
def size(self, dim=None):
    """Return the shape, or the size of one dimension.

    >>> import ember
    >>> ember.zeros(2, 3).size(-1)
    3
    """
    shape = self._array.shape
    if dim is None:
        return Size(shape)
    if not shape:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return shape[axis(dim, len(shape))]


def _ndim(self):
    """Return the number of dimensions."""
    return self._array.ndim


Tensor.dim = Tensor.ndimension = _ndim


@tensor_method
def numel(input):
    """Return the number of elements.

    >>> import ember
    >>> ember.numel(ember.zeros(2, 3))
    6
    """
    return int(input._array.size)


Tensor.nelement = numel


@tensor_method
def element_size(self):
    """Return the number of bytes of an element."""
    return self._array.dtype.itemsize


@tensor_method
def stride(self, dim=None):
    """Return how many elements lie between neighbours along each (or one) dimension.

    >>> import ember
    >>> ember.zeros(2, 3).t().stride()
    (1, 3)
    """
    array = self._array
    steps = [s // array.dtype.itemsize for s in array.strides]
    for i in reversed(range(len(steps))):  # NumPy leaves 0 for new dimensions of size 1
        if steps[i] == 0 and array.shape[i] == 1:
            steps[i] = array.shape[i + 1] * steps[i + 1] if i + 1 < len(steps) else 1
    return tuple(steps) if dim is None else steps[axis(dim, len(steps))]


@tensor_method
def storage_offset(self):
    """Return how many elements lie between the start of the storage and the first element."""
    array, xp = self._buffer(), self._xp
    return (xp.pointer(array) - xp.pointer(xp.storage(array))) // array.dtype.itemsize


@tensor_method
def data_ptr(self):
    """Return the address of the first element."""
    return self._xp.pointer(self._buffer()) if self._array.size else 0


Tensor.itemsize = property(element_size, doc="The number of bytes of an element.")
Tensor.nbytes = property(lambda self: int(self._array.nbytes), doc="The bytes of all elements.")


def _channels_last(memory_format):
    return memory_format in (channels_last, channels_last_3d)


def _to_channels_last(ndim):
    return (0, *range(2, ndim), 1)


@tensor_method
def is_contiguous(self, memory_format=None):
    """Return whether the elements lie in memory in their order, without gaps."""
    array = self._array
    if _channels_last(memory_format):
        array = array.transpose(_to_channels_last(array.ndim))
    return bool(array.flags.c_contiguous)


@tensor_method
def contiguous(self, memory_format=None):
    """Return the tensor itself if its elements lie in order without gaps, else a copy that does.

    >>> import ember
    >>> ember.zeros(2, 3).t().contiguous().stride()
    (2, 1)
    """
    if is_contiguous(self, memory_format):
        return self
    if _channels_last(memory_format):
        order = _to_channels_last(self._array.ndim)
        back = tuple(sorted(range(len(order)), key=order.__getitem__))
        return permute(clone(permute(self, order), memory_format=contiguous_format), back)
    return clone(self, memory_format=contiguous_format)


@tensor_method
def is_same_size(input, other):
    """Return whether two tensors have the same shape."""
    return input._array.shape == other._array.shape


@tensor_method
def is_nonzero(input):
    """Return whether the only element is not zero.

    Raises:
        RuntimeError: when there is not exactly one element.
    """
    return bool(input)


# -- in place -------------------------------------------------------------------------------------


def _reshaped_in_place(self, result, name):
    """Let a tensor become a view of its own memory that was made by an out-of-place twin.

    Where other views of the tensor exist, a new base takes its place in their histories.
    """
    inplace.check_history(self, name)
    if views.of(self) is not None and modes.is_grad_enabled():
        inplace.check_view(self, views.of(self), self._node)
    old, view = views.of(self), views.of(result)
    if view is not None and old is not None:
        view.base, view.origin = old.base, old
        self._view = view
    elif view is not None and len(views.living(self)) > 1:
        views.join(self, view)
    self._array = result._array
    if type(self._node) is AccumulateGrad:
        end, self._node = self._node, AccumulateGrad(self)
        self._node.hooks, self._node.after = end.hooks, end.after
        end.ref = _reshaped
    else:
        self._node = result._node
    return self


def _reshaped():
    """What a leaf's old place in the graph refers to once its shape has changed."""
    raise RuntimeError(
        "a leaf Variable that requires grad was used and then changed its shape in place, so its "
        "gradient would not fit. Use the out-of-place twin of the function that changed it.")


def _in_place(out_of_place):
    name = out_of_place.__name__ + "_"

    def twin(self, *args, **kwargs):
        with modes.set_grad_enabled(modes.is_grad_enabled() or not self.is_leaf):
            result = out_of_place(self, *args, **kwargs)
        return _reshaped_in_place(self, result, name)

    twin.__name__ = twin.__qualname__ = name
    twin.__doc__ = f"In-place version of `{out_of_place.__name__}`: changes the shape only."
    return tensor_method(twin)


for _twin in (squeeze, unsqueeze, t, transpose, as_strided):
    _in_place(_twin)
Tensor.swapaxes_ = Tensor.swapdims_ = Tensor.transpose_
as_strided_ = Tensor.as_strided_
