"""What NumPy's functions mean on tensors, by function: names, axes and defaults translated."""

import numpy as np

from .from_data import as_tensor
from .op import RECORDS

__all__ = ["FUNCTIONS", "reduced"]

FUNCTIONS = {}
_UNSET = np._NoValue


def _operation(name):
    """Return the operation of a name: a record's function, or one of the torch namespace."""
    from . import TORCH_NAMES

    return RECORDS[name].call if name in RECORDS else TORCH_NAMES[name]


def _given(options):
    """Return the keyword arguments that were given, under PyTorch's names."""
    names = {"axis": "dim", "keepdims": "keepdim"}
    return {names.get(k, k): v for k, v in options.items() if v is not _UNSET and v is not None}


def reduced(operation, a, axis=None, dtype=None, out=None, keepdims=False, **rest):
    """Reduce a tensor over some or, with None, all dimensions, as NumPy's functions do.

    Raises:
        TypeError: for options that only arrays have (`where`, `initial`).
    """
    if _given(rest):
        raise TypeError(f"{operation.__name__}() of a tensor takes no {', '.join(_given(rest))}; "
                        "use .detach().numpy() for it")
    a = _tensors(a) if dtype is None else _tensors(a).to(_dtype(dtype))
    keep = keepdims is not _UNSET and bool(keepdims)
    if axis is None:
        a, shape = a.reshape(-1), (1,) * a.ndim
        result = operation(a, 0)
        result = result.reshape(shape) if keep else result
    else:
        result = operation(a, axis, keepdim=keep)
    return result if out is None else out.copy_(result)


def _dtype(dtype):
    return dtype if hasattr(dtype, "category") else as_tensor(np.empty(0, dtype)).dtype


def _reduction(theirs, ours):
    def reduction(a, axis=None, *args, **options):
        return reduced(_operation(ours), a, axis, *args, **options)

    FUNCTIONS[theirs] = reduction


def _spread(theirs, ours):
    """Standard deviation and variance; NumPy's `ddof` is 0 where PyTorch's correction is 1."""
    def spread(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **rest):
        ddof = rest.pop("correction", ddof)
        return reduced(lambda t, *dim, **keep: _operation(ours)(
            t, *dim, correction=0 if ddof is _UNSET else ddof, **keep),
            a, axis, dtype, out, keepdims, **rest)

    FUNCTIONS[theirs] = spread


def _same(theirs, ours):
    """A function that differs in names only; the first argument may be a list of tensors."""
    def same(a, *args, **options):
        return _operation(ours)(_tensors(a), *[_tensors(v) for v in args],
                                **{k: _tensors(v) for k, v in _given(options).items()})

    FUNCTIONS[theirs] = same


def _tensors(value):
    if isinstance(value, np.ndarray):
        return as_tensor(value)
    if type(value) in (list, tuple):
        return type(value)([_tensors(v) for v in value])
    return value


def _translated(theirs):
    def register(function):
        FUNCTIONS[theirs] = function
        return function

    return register


for _theirs, _ours in {
        np.sum: "sum", np.mean: "mean", np.prod: "prod", np.max: "amax", np.min: "amin",
        np.any: "any", np.all: "all", np.argmax: "argmax", np.argmin: "argmin",
        np.nansum: "nansum", np.nanmean: "nanmean"}.items():
    _reduction(_theirs, _ours)
_spread(np.std, "std")
_spread(np.var, "var")
for _theirs, _ours in {
        np.concatenate: "cat", np.stack: "stack", np.vstack: "vstack", np.hstack: "hstack",
        np.dstack: "dstack", np.column_stack: "column_stack", np.reshape: "reshape",
        np.expand_dims: "unsqueeze", np.swapaxes: "swapaxes", np.moveaxis: "moveaxis",
        np.ravel: "ravel", np.squeeze: "squeeze", np.dot: "matmul", np.outer: "outer",
        np.inner: "inner", np.kron: "kron", np.tril: "tril", np.triu: "triu", np.diag: "diag",
        np.trace: "trace", np.fliplr: "fliplr", np.flipud: "flipud",
        np.roll: "roll", np.tile: "tile", np.repeat: "repeat_interleave",
        np.broadcast_to: "broadcast_to", np.where: "where", np.isclose: "isclose",
        np.allclose: "allclose", np.zeros_like: "zeros_like", np.ones_like: "ones_like",
        np.empty_like: "empty_like", np.full_like: "full_like", np.copy: "clone",
        np.real: "real", np.imag: "imag", np.angle: "angle", np.nan_to_num: "nan_to_num"}.items():
    _same(_theirs, _ours)


def _running(theirs, ours):
    def running(a, axis=None, dtype=None, out=None):
        a = a if dtype is None else a.to(_dtype(dtype))
        result = _operation(ours)(a.reshape(-1) if axis is None else a, axis or 0)
        return result if out is None else out.copy_(result)

    FUNCTIONS[theirs] = running


_running(np.cumsum, "cumsum")
_running(np.cumprod, "cumprod")


@_translated(np.flip)
def _flip(m, axis=None):
    axes = range(m.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return m.flip(tuple(axes))


@_translated(np.transpose)
def _transpose(a, axes=None):
    return a.permute(*(axes if axes is not None else range(a.ndim - 1, -1, -1)))


@_translated(np.clip)
def _clip(a, a_min=None, a_max=None, out=None, **options):
    low, high = options.get("min", a_min), options.get("max", a_max)
    result = a.clamp(None if low is _UNSET else low, None if high is _UNSET else high)
    return result if out is None else out.copy_(result)


@_translated(np.round)
def _round(a, decimals=0, out=None):
    result = a.round(decimals=decimals)
    return result if out is None else out.copy_(result)


@_translated(np.einsum)
def _einsum(subscripts, *operands, **options):
    return _operation("einsum")(subscripts, *map(_tensors, operands))


@_translated(np.tensordot)
def _tensordot(a, b, axes=2):
    return _operation("tensordot")(_tensors(a), _tensors(b), axes)


@_translated(np.sort)
def _sort(a, axis=-1, **options):
    return (a.reshape(-1) if axis is None else a).sort(-1 if axis is None else axis).values


@_translated(np.argsort)
def _argsort(a, axis=-1, **options):
    return (a.reshape(-1) if axis is None else a).argsort(-1 if axis is None else axis)


@_translated(np.nonzero)
def _nonzero(a):
    return a.nonzero(as_tuple=True)


@_translated(np.array_equal)
def _array_equal(a1, a2, equal_nan=False):
    a1, a2 = as_tensor(a1), as_tensor(a2)
    return a1.shape == a2.shape and bool(((a1 == a2) | (equal_nan & (a1 != a1) & (a2 != a2))).all())


@_translated(np.shape)
def _shape(a):
    return tuple(a.shape)


@_translated(np.ndim)
def _ndim(a):
    return a.ndim


@_translated(np.size)
def _size(a, axis=None):
    return a.numel() if axis is None else a.shape[axis]
