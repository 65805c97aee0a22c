"""The Tensor: a raw array, the node that made it, and the backend it lives on.

Methods and operators come from the op records (`autograd/ops`) and from `@tensor_method`.
"""

import numpy as np

from .. import backends
from . import devices, dtypes
from .graph import AccumulateGrad

__all__ = ["Size", "Tensor", "tensor_method"]

# called with tensor, what was done, and the result if it is a tensor, where values leave the graph
# by other ways than operations, while `explain` is on
watcher = None


class Size(tuple):
    """The shape of a tensor: a tuple with `numel()`.

    >>> import ember
    >>> ember.zeros(2, 3).shape
    torch.Size([2, 3])
    """

    __slots__ = ()

    def numel(self):
        """Return the number of elements."""
        count = 1
        for n in self:
            count *= n
        return count

    def __repr__(self):
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __getitem__(self, index):
        item = tuple.__getitem__(self, index)
        return Size(item) if isinstance(index, slice) else item

    def __add__(self, other):
        return Size(tuple.__add__(self, tuple(other)))

    def __reduce__(self):
        return Size, (tuple(self),)


class Tensor:
    """A multi-dimensional array with a place in the graph.

    `Tensor(2, 3)` makes an uninitialised float32 tensor, `Tensor([1, 2])` copies data; use
    `ember.tensor` to choose the dtype.
    Source: https://docs.pytorch.org/docs/stable/tensors.html

    >>> import ember
    >>> ember.Tensor([1, 2])
    tensor([1., 2.])
    """

    # _array: array of the backend. A 0-d CPU result may be a NumPy scalar: immutable, hence
    #     without aliases; `_buffer()` turns it into an array before memory is shared.
    # _history: the graph node whose output this is; None when no gradient flows here; unset in
    #     a view whose base was written. Only the templates of ops read it, others read `_node`.
    # _xp: the backend.  _grad, _view, _views: unset until needed (the latter two: views.py).
    __slots__ = ("_array", "_history", "_xp", "_grad", "_view", "_views", "__dict__",
                 "__weakref__")

    __array_priority__ = 1000

    def __new__(cls, *args, device=None, **kwargs):
        if cls is not Tensor and not args:
            return super().__new__(cls)
        self = super().__new__(cls)
        self._history = None
        self._xp = devices.backend_for(device)
        dtype = dtypes.get_default_dtype().numpy
        if len(args) == 1 and not isinstance(args[0], (int, np.integer)):
            data = args[0]
            if isinstance(data, Tensor):
                self._array, self._xp = data._buffer(), data._xp
                return self
            if isinstance(data, Size):
                array = np.empty(data, dtype)
            else:
                array = np.array(host_data(data), dtype)
        elif all(isinstance(n, (int, np.integer)) for n in args):
            array = np.empty(args or (0,), dtype)
        else:
            raise TypeError(
                "new(): invalid arguments; expected sizes (ints) or one sequence of data. "
                "Use torch.tensor(data) to choose the dtype")
        self._array = self._xp.from_host(array)
        return self

    @staticmethod
    def _wrap(array, xp=backends.cpu):
        """Return a tensor around a raw array of the backend."""
        t = new(Tensor)
        t._array = array
        t._history = None
        t._xp = xp
        return t

    def _buffer(self):
        """Return the tensor's memory as a real array, which aliases may share."""
        array = self._array
        if isinstance(array, np.generic):
            array = self._array = np.array(array)
        return array

    @property
    def _node(self):
        """The graph node whose output this is; None when no gradient flows here."""
        try:
            return self._history
        except AttributeError:
            return self._renewed()

    @_node.setter
    def _node(self, node):
        self._history = node

    # -- what it is ---------------------------------------------------------------------------

    @property
    def shape(self):
        """The size of each dimension."""
        return Size(self._array.shape)

    @property
    def ndim(self):
        """The number of dimensions."""
        return self._array.ndim

    @property
    def dtype(self):
        """The type of the elements."""
        return dtypes.of(self._array)

    @property
    def device(self):
        """Where the elements live."""
        xp = self._xp
        return devices.CPU if xp is backends.cpu else devices.device(xp.device_type, xp.index)

    @property
    def requires_grad(self):
        """Whether gradients flow to this tensor. Settable on leaves."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value):
        if not self.is_leaf:
            if not value:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to "
                    "use a computed variable in a subgraph that doesn't require differentiation "
                    "use var_no_grad = var.detach().")
            return
        if not value:
            self._node = None
        elif self._node is None:
            if self._array.dtype.kind not in "fcV":
                raise RuntimeError(
                    "only Tensors of floating point and complex dtype can require gradients; "
                    f"this one is {self.dtype}. Convert it with .float() first")
            self._node = AccumulateGrad(self)

    @property
    def is_leaf(self):
        """Whether no recorded operation made this tensor."""
        return self._node is None or type(self._node) is AccumulateGrad

    @property
    def grad_fn(self):
        """The graph node that made this tensor; None for leaves."""
        node = self._node
        if node is None or type(node) is AccumulateGrad:
            return None
        return node

    @property
    def grad(self):
        """The gradient that backward has accumulated; None before."""
        try:
            return self._grad
        except AttributeError:
            return None

    @grad.setter
    def grad(self, value):
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"assigned grad expected to be a Tensor or None but got {type(value).__name__}")
            if value._array.shape != self._array.shape:
                raise RuntimeError(
                    f"assigned grad has data of a different size: the tensor has "
                    f"{list(self._array.shape)}, the gradient {list(value._array.shape)}")
            if value._array.dtype != self._array.dtype:
                raise RuntimeError(
                    f"assigned grad has data of a different type: the tensor has {self.dtype}, "
                    f"the gradient {value.dtype}")
        self._grad = value

    @grad.deleter
    def grad(self):
        self._grad = None

    @property
    def data(self):
        """The same memory without history. Assigning replaces the memory."""
        t = Tensor._wrap(self._buffer(), self._xp)
        if watcher is not None:
            watcher(self, ".data", t)
        return t

    @data.setter
    def data(self, value):
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        self._take_memory(value._buffer(), value._xp)

    def _take_memory(self, array, xp):
        """Become a tensor around another raw array, with the history that there was."""
        if xp is not self._xp or xp.owner(array) is not xp.owner(self._array):
            self._leave_memory()
        self._array, self._xp = array, xp
        if type(self._node) is AccumulateGrad:
            self._node.describe(self._array, self._xp)

    def __len__(self):
        if not self._array.shape:
            raise TypeError("len() of a 0-d tensor")
        return self._array.shape[0]

    __hash__ = object.__hash__

    def __bool__(self):
        if self._array.size != 1:
            kind = "no values" if self._array.size == 0 else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {kind} is ambiguous")
        return bool(self.item())

    def __float__(self):
        return float(self._number())

    def __int__(self):
        return int(self._number())

    def __complex__(self):
        return complex(self._number())

    def _number(self):
        if self._array.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars, and "
                             f"this one has shape {list(self._array.shape)}")
        return self.item()

    def __index__(self):
        if self._array.size != 1 or self._array.dtype.kind not in "iub":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __format__(self, spec):
        if self._array.ndim == 0 and type(self) is Tensor:
            return format(self.item(), spec)
        return object.__format__(self, spec)

    def __contains__(self, element):
        return bool((self == element).any().item())

    def __dir__(self):
        return sorted(set(object.__dir__(self)) - {"_array", "_history", "_xp", "_grad"})

    # -- to Python and NumPy --------------------------------------------------------------------

    def item(self):
        """Return the value of a one-element tensor as a Python number.

        Raises:
            RuntimeError: when the tensor has not exactly one element.
        """
        array = self._array
        if array.size != 1:
            raise RuntimeError(
                f"a Tensor with {array.size} elements cannot be converted to Scalar; "
                "reduce it first (.sum(), .mean()) or use .tolist()")
        if watcher is not None:
            watcher(self, ".item()")
        return self._xp.to_host(array).item()

    def tolist(self):
        """Return the elements as nested Python lists (a number for a 0-d tensor)."""
        if watcher is not None:
            watcher(self, ".tolist()")
        return self._xp.to_host(self._array).tolist()

    def numpy(self, *, force=False):
        """Return the tensor's memory as a NumPy array.

        Raises:
            RuntimeError: when the tensor requires gradients; use `.detach().numpy()`.
            TypeError: when it is not on the CPU; use `.cpu()` first.
        """
        if force:
            return np.asarray(self._xp.to_host(self._buffer()))
        if self._node is not None:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. "
                               "Use tensor.detach().numpy() instead.")
        if self._xp is not backends.cpu:
            raise TypeError(f"can't convert {self.device} device type tensor to numpy. Use "
                            "Tensor.cpu() to copy the tensor to host memory first.")
        return self._buffer()

    def __array__(self, dtype=None, copy=None):
        return np.array(self.numpy(), dtype, copy=copy)


new = object.__new__


def tensor_method(function):
    """Attach a function to Tensor as the method of its name; return it unchanged."""
    setattr(Tensor, function.__name__, function)
    return function


def host_data(data):
    """Return data (numbers, nested sequences, arrays, tensors among them) for `np.array`."""
    if isinstance(data, Tensor):
        if watcher is not None:
            watcher(data, "making a new tensor of it")
        return data.detach()._xp.to_host(data._array)
    if isinstance(data, (list, tuple)) and any(
            isinstance(item, (Tensor, list, tuple)) for item in data):
        return [host_data(item) for item in data]
    return data
