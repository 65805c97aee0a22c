"""`xp` for vjp formulas that run on Tensors: NumPy's names, computed by ember's ops.

Formulas are written once, in NumPy's spelling. On raw arrays `xp` is the backend; with
create_graph it is the namespace `on(backend)`, which finds each name among the op records, adds
the few spellings that PyTorch lacks, and makes new arrays on the backend's device.
"""

import functools

import numpy as np

from .op import RECORDS
from .tensor import Tensor

__all__ = ["on"]


class _Namespace:
    def __init__(self, backend):
        self._backend = backend

    def from_host(self, array):
        return Tensor._wrap(self._backend.from_host(array), self._backend)

    def arange(self, n):
        return Tensor._wrap(self._backend.arange(n), self._backend)

    def zeros(self, shape, dtype):
        return Tensor._wrap(self._backend.zeros(shape, dtype), self._backend)

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
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    ndim = x.ndim + len(axes)  # NumPy counts the axes of the result
    for a in sorted([a % ndim for a in axes]):
        x = x.unsqueeze(a)
    return x


def _axis(name):
    def with_axis(x, axis=None, keepdims=False, **rest):
        return RECORDS[name].call(x, axis, keepdims, **rest)

    return with_axis


def _with_numbers(name):
    """Return an op that PyTorch restricts to tensors as NumPy's, which takes numbers as well."""
    def call(*operands):
        return RECORDS[name].call(*[
            x if isinstance(x, Tensor) else np.asarray(x)[()] for x in operands])

    return call


_SPELLINGS = {
    "maximum": _with_numbers("maximum"),
    "minimum": _with_numbers("minimum"),
    "expand_dims": _expand_dims,
    "asarray": lambda array: array,
    "ones_like": lambda x: x.new_ones(x.shape),
    "zeros_like": lambda x: x.new_zeros(x.shape),
    "sum": _axis("sum"),
    "prod": _axis("prod"),
    "sign": lambda x: RECORDS["sgn"].call(x),
    "swapaxes": lambda x, a, b: x.transpose(a, b),
    "broadcast_to": lambda x, shape: x.expand(shape),
    "concatenate": lambda xs, axis=0: RECORDS["cat"].call(xs, axis),
    "joined": lambda xs, axis: RECORDS["cat"].call(xs, axis),
    "put_along": lambda x, index, shape, axis: x.new_zeros(shape).scatter(axis, index, x),
    "add_along": lambda x, index, shape, axis: x.new_zeros(shape).scatter_add(axis, index, x),
    "take_along_axis": lambda x, index, axis: x.gather(axis, index),
    "transpose": lambda x, axes: x.permute(axes),
    "moveaxis": lambda x, a, b: x.movedim(a, b),
    "conj": lambda x: x.conj(),
    "cumsum": lambda x, axis: x.cumsum(axis),
    "flip": lambda x, axis: x.flip(axis),
    "roll": lambda x, shift, axis: x.roll(shift, axis),
    "to_host": lambda x: x,
    "copy": lambda x: x.clone(),
}

on = functools.cache(_Namespace)
