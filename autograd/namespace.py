"""`xp` for vjp formulas that run on Tensors: NumPy's names, computed by ember's ops.

Formulas are written once, in NumPy's spelling. On raw arrays `xp` is the backend; with
create_graph it is this namespace, which finds each name among the op records and adds the few
spellings that PyTorch lacks.
"""

from .op import RECORDS

__all__ = ["xp"]


class _Namespace:
    def __getattr__(self, name):
        try:
            value = _SPELLINGS[name]
        except KeyError:
            try:
                value = RECORDS[name].call
            except KeyError:
                raise AttributeError(
                    f"the formula uses xp.{name}, which no op record provides") from None
        setattr(self, name, value)
        return value


def _expand_dims(x, axis):
    for a in sorted(axis) if isinstance(axis, (tuple, list)) else (axis,):
        x = x.unsqueeze(a)
    return x


def _axis(name):
    def with_axis(x, axis=None, keepdims=False, **rest):
        return RECORDS[name].call(x, axis, keepdims, **rest)

    return with_axis


def _arange(n):
    from . import creation

    return creation.arange(n)


def _zeros(shape, dtype):
    from . import creation, dtypes

    return creation.zeros(shape, dtype=dtypes.from_numpy_dtype(dtype))


_SPELLINGS = {
    "expand_dims": _expand_dims,
    "arange": _arange,
    "asarray": lambda array: array,
    "zeros": _zeros,
    "ones_like": lambda x: x.detach() * 0 + 1,
    "zeros_like": lambda x: x.detach() * 0,
    "sum": _axis("sum"),
    "prod": _axis("prod"),
    "swapaxes": lambda x, a, b: x.transpose(a, b),
    "broadcast_to": lambda x, shape: x.expand(shape),
    "concatenate": lambda xs, axis=0: RECORDS["cat"].call(xs, axis),
    "put_along": lambda x, index, shape, axis: x.new_zeros(shape).scatter(axis, index, x),
    "add_along": lambda x, index, shape, axis: x.new_zeros(shape).scatter_add(axis, index, x),
    "take_along_axis": lambda x, index, axis: x.gather(axis, index),
    "transpose": lambda x, axes: x.permute(axes),
    "moveaxis": lambda x, a, b: x.movedim(a, b),
    "conj": lambda x: x,
    "cumsum": lambda x, axis: x.cumsum(axis),
    "flip": lambda x, axis: x.flip(axis),
    "roll": lambda x, shift, axis: x.roll(shift, axis),
    "to_host": lambda x: x,
    "copy": lambda x: x.clone(),
}

xp = _Namespace()
