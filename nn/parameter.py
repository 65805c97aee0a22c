"""Parameters and buffers: tensors that a Module registers when they are assigned to it.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.parameter.Parameter.html
"""

from ..autograd import Tensor, empty

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter",
           "is_lazy"]


class Parameter(Tensor):
    """A tensor that becomes a parameter of the Module it is assigned to.

    Args:
        data: the tensor whose memory the parameter shares; None for an empty one.
        requires_grad: whether gradients are computed for it.

    >>> import ember as torch
    >>> torch.nn.Parameter(torch.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    def __new__(cls, data=None, requires_grad=True):
        return _share(cls, empty(0) if data is None else data, requires_grad)

    def __init__(self, data=None, requires_grad=True):
        """Everything is done by `__new__`."""

    def __repr__(self):
        return "Parameter containing:\n" + Tensor.__repr__(self)

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            copy = self.detach().clone()
            memo[id(self)] = type(self)(copy, requires_grad=self.requires_grad)
            memo[id(self)].__dict__.update(self.__dict__)
        return memo[id(self)]


class Buffer(Tensor):
    """A tensor that becomes a buffer of the Module it is assigned to.

    Args:
        data: the tensor whose memory the buffer shares; None for an empty one.
        persistent: whether the buffer is part of the module's `state_dict`.
    """

    def __new__(cls, data=None, *, persistent=True):
        data = empty(0) if data is None else data
        self = _share(cls, data, data.requires_grad)
        self.persistent = persistent
        return self

    def __init__(self, data=None, *, persistent=True):
        """Everything is done by `__new__`."""


class _Uninitialized:
    """What lazy tensors share: no shape until `materialize` is called."""

    @property
    def shape(self):
        """A lazy tensor has none yet.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes.")

    def numel(self):
        """A lazy tensor has no elements to count or list yet.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            f"this {type(self).__name__} is uninitialized: it takes its shape from the first "
            "input. Call the module once (a dry run) before counting or reading its elements.")

    nelement = __len__ = tolist = numel

    def __repr__(self):
        return f"<{type(self).__name__}>"

    def materialize(self, shape, device=None, dtype=None):
        """Give the tensor memory of a shape and turn it into an ordinary one."""
        self.data = empty(shape, device=device or self.device, dtype=dtype or self.dtype)
        self.__class__ = self.cls_to_become


class UninitializedParameter(_Uninitialized, Parameter):
    """A parameter whose shape is not known yet (lazy modules)."""

    cls_to_become = Parameter

    def __new__(cls, requires_grad=True, device=None, dtype=None):
        return _share(cls, empty(0, device=device, dtype=dtype), requires_grad)

    def __init__(self, requires_grad=True, device=None, dtype=None):
        """Everything is done by `__new__`."""

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)
        return memo[id(self)]


class UninitializedBuffer(_Uninitialized, Tensor):
    """A buffer whose shape is not known yet (lazy modules)."""

    cls_to_become = Tensor

    def __new__(cls, requires_grad=False, device=None, dtype=None, persistent=True):
        self = _share(cls, empty(0, device=device, dtype=dtype), requires_grad)
        self.persistent = persistent
        return self

    def __init__(self, requires_grad=False, device=None, dtype=None, persistent=True):
        """Everything is done by `__new__`."""


def is_lazy(param):
    """Return whether a tensor still waits for its shape."""
    return isinstance(param, _Uninitialized)


def _share(cls, data, requires_grad):
    """Return a leaf of a class around the memory of a tensor."""
    if not isinstance(data, Tensor):
        raise TypeError(f"{cls.__name__}(): data must be a Tensor, not {type(data).__name__}. "
                        "Make one with torch.tensor(...)")
    self = object.__new__(cls)
    self._array, self._xp, self._node = data._buffer(), data._xp, None
    self.requires_grad = requires_grad
    return self
