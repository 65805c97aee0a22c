"""The `*_copy` functions: what a view op shows, in memory of its own."""

from ..tensor import Tensor
from . import order, parts, shape, splitting
from .filling import into

__all__ = []


def _copying(function):
    name = function.__name__ + "_copy"

    def copy(*args, out=None, **kwargs):
        result = function(*args, **kwargs)
        if isinstance(result, Tensor):
            return into(out, result.clone())
        if out is None:
            return tuple([t.clone() for t in result])
        for target, t in zip(out, result):
            into(target, t)
        return None

    copy.__name__ = copy.__qualname__ = name
    copy.__doc__ = f"""Return what `{function.__name__}` returns, as a copy instead of a view.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.{name}.html
    """
    globals()[name] = copy
    __all__.append(name)


for _function in (splitting.split, splitting.split_with_sizes, splitting.unbind, order.permute,
                  order.t, order.transpose, parts.as_strided, parts.diagonal, parts.narrow,
                  parts.select, parts.unfold, shape.expand, shape.squeeze, shape.unsqueeze,
                  shape.view):
    _copying(_function)


Tensor.narrow_copy = globals()["narrow_copy"]


def alias_copy(input, *, out=None):
    """Return a copy."""
    return into(out, input.clone())


def detach_copy(input, *, out=None):
    """Return a copy without history."""
    return into(out, input.detach().clone())


__all__ += ["alias_copy", "detach_copy"]
