"""`Variable`, the name that tensors with gradients had before PyTorch 0.4."""

from .tensor import Tensor

__all__ = ["Variable"]


class _IsTensor(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, Tensor)


class Variable(metaclass=_IsTensor):
    """`Variable(data, requires_grad=True)` is `data` as a tensor that may require gradients.

    Source: https://docs.pytorch.org/docs/stable/autograd.html#variable-deprecated

    >>> import ember
    >>> ember.autograd.Variable(ember.tensor([1.0]), requires_grad=True)
    tensor([1.], requires_grad=True)
    """

    def __new__(cls, data, requires_grad=False, volatile=False):
        t = data.detach()
        t.requires_grad = requires_grad
        return t
