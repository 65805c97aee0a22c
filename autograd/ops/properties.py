"""Questions that programs ask of a tensor before they use it: its kind, its storage."""

from ... import backends
from ...backends import memory_files
from .. import inplace, layouts, writes
from ..graph import OutputNode
from ..tensor import Tensor, tensor_method
from .indexing import has_history
from .layout import data_ptr, stride

__all__ = ["UntypedStorage", "is_conj", "is_inference", "is_neg", "is_storage"]

Tensor.layout = layouts.strided
Tensor.is_cpu = property(lambda self: self._xp.device_type == "cpu",
                         doc="Whether the elements live in the memory of the CPU.")
# What ember's tensors never are; programs test for it.
for _kind in ("ipu", "maia", "meta", "mkldnn", "mps", "mtia", "nested", "quantized", "sparse",
              "sparse_csr", "vulkan", "xla", "xpu"):
    setattr(Tensor, "is_" + _kind, False)
Tensor.volatile = False
Tensor.output_nr = property(
    lambda self: self._node.saved[0] if isinstance(self._node, OutputNode) else 0,
    doc="Which of its operation's results this is.")


def _never(name, meaning):
    def answer(input):
        return False

    answer.__name__ = answer.__qualname__ = name
    answer.__doc__ = f"Return False: {meaning}."
    return tensor_method(answer)


is_conj = _never("is_conj", "conjugates are computed at once")
is_neg = _never("is_neg", "negatives are computed at once")
is_inference = _never("is_inference", "tensors of inference mode are ordinary ones here")
is_distributed = _never("is_distributed", "a tensor lives on one device")


@tensor_method
def is_shared(self):
    """Return whether other processes can map the memory: after `share_memory_`, or on a GPU."""
    if self._xp is not backends.cpu:
        return True
    return memory_files.descriptor(self._xp.owner(self._buffer())) is not None


@tensor_method
def share_memory_(self):
    """Move the elements to memory that processes share which are started after, or get it sent.

    Other tensors over the same memory stay where they are. On a GPU nothing changes.

    Raises:
        RuntimeError: the operating system has no anonymous files in memory (only Linux has).
    """
    if not self.is_shared():
        if not memory_files.available():
            raise RuntimeError(
                "share_memory_() needs anonymous files in memory, which only Linux has; send the "
                "tensor through a queue instead")
        self._take_memory(memory_files.share(self._buffer()), self._xp)
    return self


@tensor_method
def to_dense(self, dtype=None, *, masked_grad=True):
    """Return the tensor itself, or as another dtype: it is dense already."""
    return self if dtype is None else self.to(dtype)


@tensor_method
def to_sparse(self, sparse_dim=None):
    """Return the nonzero elements as a sparse tensor, in coordinate form.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.to_sparse.html

    >>> import ember
    >>> ember.eye(2).to_sparse().indices()
    tensor([[0, 1],
            [0, 1]])
    """
    from ..sparse import from_dense

    if sparse_dim not in (None, self.ndim):
        raise NotImplementedError("to_sparse: ember keeps no dense dimensions beside sparse ones")
    return from_dense(self)


Tensor.to_sparse_coo = to_sparse


@tensor_method
def is_set_to(self, tensor):
    """Return whether both tensors are the same view of the same memory."""
    return (data_ptr(self) == data_ptr(tensor) and self.shape == tensor.shape
            and stride(self) == stride(tensor))


@tensor_method
def apply_(self, callable):
    """Replace each element by what a Python function makes of it, on the CPU; slow.

    Raises:
        RuntimeError: for a tensor that requires a gradient.
    """
    if self.requires_grad:
        raise RuntimeError("Can't call apply_() on Variable that requires grad. Use "
                           "var.detach().apply_() instead.")
    flat = [callable(x) for x in self.reshape(-1).tolist()]
    return self.copy_(self.new_tensor(flat).reshape(self.shape))


@tensor_method
def map_(self, tensor, callable):
    """Replace each element by what a Python function makes of it and of another tensor's."""
    pairs = zip(self.reshape(-1).tolist(), tensor.expand_as(self).reshape(-1).tolist())
    flat = [callable(x, y) for x, y in pairs]
    return self.copy_(self.new_tensor(flat).reshape(self.shape))


@tensor_method
def new(self, *args, **kwargs):
    """Return a new tensor of the same dtype and device, from sizes or from data.

    >>> import ember
    >>> ember.zeros(2).new([1, 2]).dtype
    torch.float32
    """
    if args and not all(isinstance(n, int) for n in args):
        return self.new_tensor(args[0], **kwargs)
    return self.new_empty(args or (0,), **kwargs)


# -- storages -------------------------------------------------------------------------------------


class UntypedStorage:
    """The memory that a tensor and its views share, as bytes.

    Source: https://docs.pytorch.org/docs/stable/storage.html

    >>> import ember
    >>> x = ember.zeros(2, 3)
    >>> x[1].untyped_storage() == x.untyped_storage(), x.untyped_storage().nbytes()
    (True, 24)
    """

    def __init__(self, tensor):
        self._tensor = tensor
        self._memory = tensor._xp.storage(tensor._buffer())
        self.device = tensor.device

    def data_ptr(self):
        """Return the address of the first byte."""
        return self._tensor._xp.pointer(self._memory) if self._memory.size else 0

    def nbytes(self):
        """Return the number of bytes."""
        return int(self._memory.nbytes)

    __len__ = size = nbytes

    def __eq__(self, other):
        return isinstance(other, UntypedStorage) and self.data_ptr() == other.data_ptr()

    def __hash__(self):
        return hash(self.data_ptr())

    def __repr__(self):
        return f"<UntypedStorage of {self.nbytes()} bytes on {self.device}>"


def is_storage(obj):
    """Return whether an object is a storage."""
    return isinstance(obj, UntypedStorage)


@tensor_method
def untyped_storage(self):
    """Return the memory under the tensor, which its views share."""
    return UntypedStorage(self)


Tensor.storage = untyped_storage


@tensor_method
def set_(self, source=None, storage_offset=0, size=None, stride=None):
    """Let the tensor show another tensor's memory, in place.

    Args:
        source: the tensor whose memory to show; None empties the tensor.
        storage_offset, size, stride: which part, in elements; the source's own by default.
    Raises:
        RuntimeError: for another dtype, and where autograd would have to follow.
        TypeError: for a source that is no tensor.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.set_.html

    >>> import ember
    >>> x, y = ember.zeros(2), ember.ones(3)
    >>> x.set_(y), x.is_set_to(y)
    (tensor([1., 1., 1.]), True)
    """
    inplace.check_history(self, "set_")
    if source is None:
        source = self.new_empty((0,))
    if not isinstance(source, Tensor):
        raise TypeError("set_() takes a tensor as its source here, not a storage")
    if source.dtype != self.dtype:
        raise RuntimeError(f"Could not set tensor of type {source.dtype.title} to a tensor of "
                           f"type {self.dtype.title}")
    if has_history(self, source):
        raise RuntimeError("the derivative for 'set_' is not implemented. Put it under "
                           "torch.no_grad(), or use .detach()")
    source = source.detach()
    if size is not None:
        source = source.as_strided(size, stride or _dense(size), storage_offset)
    self.data = source
    writes.mark_written(self._array)
    return self


def _dense(size):
    steps, step = [], 1
    for n in reversed(size):
        steps.append(step)
        step *= max(n, 1)
    return steps[::-1]
