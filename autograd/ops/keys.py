"""How the key of `x[key]` is read: a basic part, which makes a view, and an advanced part.

PyTorch applies integers, slices, None and Ellipsis first and the index tensors to what they
leave. NumPy counts integers among the index arrays, hence the two steps.
"""

import numpy as np

from ..tensor import Tensor

__all__ = []  # nothing here is PyTorch's

FULL = slice(None)
BOUNDS = (int, type(None))  # what the ends of a plain slice are


def at(dim, item):
    """Return the key of an item along a dimension."""
    return (FULL,) * dim + (item,)


def read(key, array, xp):
    """Split a key into (basic key, advanced key), each a tuple or None where nothing is to do.

    Args:
        key: what the brackets contained.
        array: the raw array that is indexed; xp: its backend.
    Raises:
        IndexError, TypeError, ValueError: as PyTorch, for keys that mean nothing.
    """
    if type(key) is tuple and _is_plain(key):
        return (*key, ...) if Ellipsis not in key else key, None
    items = key if type(key) is tuple else tuple(key) if _is_several(key) else (key,)
    items = [_item(i, xp) for i in items]
    if all(i is None or i is Ellipsis or type(i) in (int, slice) for i in items):
        return (*items, ...) if Ellipsis not in items else _one_ellipsis(items), None
    items = _filled(items, array)
    basic, advanced = [], []
    for item in items:
        if item is None or type(item) in (int, slice):
            basic.append(item)
            if type(item) is not int:
                advanced.append(FULL)
            continue
        if type(item) is bool or item.ndim == 0:  # a 0-d mask: a new dimension, kept or not
            basic.append(None)
            advanced.append(xp.asarray([bool(item if type(item) is bool else xp.to_host(item))]))
        else:
            basic.extend([FULL] * _width(item))
            advanced.append(item)
    _check_masks(items, array)
    nothing = all(type(i) is slice and i == FULL for i in basic)
    while advanced and type(advanced[-1]) is slice:
        advanced.pop()
    return None if nothing else (*basic, ...), tuple(advanced)


def _is_plain(key):
    """Whether a tuple is a basic key as it stands: the common case, told quickly."""
    ellipses = 0
    for item in key:
        kind = type(item)
        if kind is int or item is None:
            continue
        if item is Ellipsis and not ellipses:
            ellipses = 1
        elif kind is not slice or item.step is not None or (
                type(item.start) not in BOUNDS or type(item.stop) not in BOUNDS):
            return False
    return True


def _is_several(key):
    """Whether a list stands for a tuple: PyTorch's rule for old NumPy code."""
    if type(key) is not list or len(key) >= 32:
        return False
    return any(i is None or i is Ellipsis or isinstance(i, (list, tuple, Tensor, slice))
               for i in key)


def _item(item, xp):
    """Return an int, bool, slice, None, Ellipsis or raw array for one item of a key."""
    kind = type(item)
    if item is None or item is Ellipsis or kind is int or kind is bool:
        return item
    if kind is slice:
        return _plain_slice(item)
    if isinstance(item, Tensor):
        item = item._array
    elif isinstance(item, np.bool_):
        return bool(item)
    elif isinstance(item, (list, tuple, range)):
        item = _from_sequence(item, xp)
    elif isinstance(item, str):
        raise TypeError("new(): invalid data type 'str'")
    elif not hasattr(item, "dtype"):
        if hasattr(item, "__index__"):
            return item.__index__()
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are "
            f"valid indices (got {kind.__name__})")
    return _index_array(item, xp)


def _index_array(item, xp):
    code = item.dtype.char
    if item.ndim == 0 and item.dtype.kind in "iu" and code != "B":
        return int(xp.to_host(item) if isinstance(item, xp.array_types) else item)
    if code == "B":
        item = item.astype(bool)
    elif item.dtype.kind != "b" and (item.dtype.kind != "i" or item.dtype.itemsize < 4):
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    return item if isinstance(item, xp.array_types) else xp.from_host(np.asarray(item))


def _from_sequence(item, xp):
    plain = [i._xp.to_host(i._array) if isinstance(i, Tensor) else i for i in item]
    array = np.array(plain)
    if array.dtype.kind == "f":
        array = array.astype(np.int64)
    return xp.from_host(array)


def _plain_slice(item):
    if item.step is not None:
        step = item.step.__index__()
        if step < 0:
            raise ValueError("step must be greater than zero; .flip(dim) reverses a dimension")
        if step == 0:
            raise ValueError("slice step cannot be zero")
    if type(item.start) in BOUNDS and type(item.stop) in BOUNDS:
        return item
    try:
        return slice(*[None if b is None else b.__index__()
                       for b in (item.start, item.stop, item.step)])
    except AttributeError:
        raise TypeError(
            "slice indices must be integers or None or have an __index__ method") from None


def _width(item):
    """Return how many dimensions of the array an item uses up."""
    if item is None or type(item) is bool:
        return 0
    if type(item) in (int, slice) or item.dtype.kind != "b":
        return 1
    return item.ndim


def _one_ellipsis(items):
    """Return a basic key; of several Ellipses, the later ones stand for nothing."""
    first = items.index(Ellipsis)
    return tuple([i for n, i in enumerate(items) if i is not Ellipsis or n == first])


def _filled(items, array):
    """Replace Ellipsis by as many full slices as dimensions are left."""
    used = sum(_width(i) for i in items if i is not Ellipsis)
    if used > array.ndim:
        raise IndexError(f"too many indices for tensor of dimension {array.ndim}")
    if not any(i is Ellipsis for i in items):
        return items
    items = list(items)
    place = next(n for n, i in enumerate(items) if i is Ellipsis)
    rest = [i for i in items[place + 1:] if i is not Ellipsis]
    return items[:place] + [FULL] * (array.ndim - used) + rest


def _check_masks(items, array):
    """Raise for a mask that does not have the shape of the dimensions that it selects from."""
    dim = 0
    for item in items:
        width = _width(item)
        if hasattr(item, "ndim") and item.dtype.kind == "b" and item.ndim:
            if item.shape != array.shape[dim:dim + width]:
                raise IndexError(
                    f"The shape of the mask {list(item.shape)} at index {dim} does not match the "
                    f"shape of the indexed tensor {list(array.shape)} at index {dim}")
        dim += width


def explain(error, array, key, xp=None):
    """Return PyTorch's error for a key that NumPy refused; xp: of the index arrays in it."""
    items = key if type(key) is tuple else (key,)
    used = sum(_width(i) for i in items if i is not Ellipsis)
    if not array.ndim and used == 1 and len(items) <= 2:
        if any(type(i) is slice for i in items):
            return IndexError("slice() cannot be applied to a 0-dim tensor.")
        if any(type(i) is int for i in items):
            return IndexError("invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                              "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number")
    if used > array.ndim:
        return IndexError(f"too many indices for tensor of dimension {array.ndim}")
    shapes = [i.shape for i in items if hasattr(i, "shape") and i.dtype.kind != "b"]
    if not _fit(shapes):
        return IndexError("shape mismatch: indexing tensors could not be broadcast together with "
                          f"shapes {', '.join(str(list(s)) for s in shapes)}")
    dim = 0
    for item in items:
        if item is Ellipsis:
            dim += array.ndim - used
            continue
        bad = _out_of_bounds(item, array.shape[dim] if dim < array.ndim else 0, xp)
        if bad is not None:
            return IndexError(f"index {bad} is out of bounds for dimension {dim} with size "
                              f"{array.shape[dim]}")
        dim += _width(item)
    shapes = [list(i.shape) for i in items if hasattr(i, "shape")]
    if len(shapes) > 1:
        return IndexError("shape mismatch: indexing tensors could not be broadcast together: "
                          f"got shapes {', '.join(map(str, shapes))}")
    return IndexError(str(error))


def _fit(shapes):
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


def _out_of_bounds(item, size, xp):
    if type(item) is int:
        return None if -size <= item < size else item
    if hasattr(item, "dtype") and item.dtype.kind in "iu":
        bad = item[(item < -size) | (item >= size)]
        return int(xp.to_host(bad)[0]) if bad.size else None
    return None
