"""PyTorch's `_foreach_*` functions: one operation over a list of tensors, one by one here."""

from .tensor import Tensor

__all__ = ["foreach"]


def foreach(name):
    """Return the function over lists that stands for `torch._foreach_<name>`.

    Arguments that are lists are taken element by element, like the first; others are shared.
    Raises:
        AttributeError: when Tensor has no such method.

    >>> from ember.autograd.foreach import foreach
    >>> import ember
    >>> foreach("add")([ember.ones(1), ember.zeros(2)], 2)
    (tensor([3.]), tensor([2., 2.]))
    """
    method = getattr(Tensor, name)

    def over_list(tensors, *args, **kwargs):
        columns = [arg if isinstance(arg, (list, tuple)) else [arg] * len(tensors) for arg in args]
        for column in columns:
            if len(column) != len(tensors):
                raise RuntimeError(f"_foreach_{name}: the lists must have one length, but they "
                                   f"have {len(tensors)} and {len(column)} tensors")
        results = [method(t, *rest, **kwargs) for t, *rest in zip(tensors, *columns)]
        return None if name.endswith("_") else tuple(results)

    over_list.__name__ = over_list.__qualname__ = f"_foreach_{name}"
    return over_list
