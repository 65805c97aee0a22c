"""Samples to a batch.

PyTorch page: https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.default_collate
"""

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence

import numpy as np

from ...autograd import dtypes
from ...autograd.from_data import as_tensor, tensor
from ...autograd.ops.joining import stack
from ...autograd.tensor import Tensor


def default_collate(batch):
    """Return a list of samples as one batch.

    Tensors, arrays and numbers become a tensor with one more dimension in front; tuples,
    lists and dicts are collated part by part; strings stay a list. Other types can be added to
    `default_collate_fn_map`; see `collate`.

    Args:
        batch: samples of one structure.

    Raises:
        TypeError: samples of another type.
        RuntimeError: sequences of different lengths, or tensors of different shapes.

    >>> default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ('a', 'b')]
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch, *, collate_fn_map=None):
    """Return a list of samples as one batch, each kind of part made by its function.

    Args:
        batch: samples of one structure.
        collate_fn_map: dict from a type, or a tuple of types, to a function
            `f(parts, *, collate_fn_map)` that makes one part of the batch. A part's own type
            comes first, then the first entry that it is an instance of, then mappings and
            sequences, which are collated part by part.

    Raises:
        TypeError, RuntimeError: as `default_collate`.

    >>> def join(parts, *, collate_fn_map=None):
    ...     return "".join(parts)
    >>> collate([("a", "x"), ("b", "y")], collate_fn_map={str: join})
    ['ab', 'xy']
    """
    first = batch[0]
    known = collate_fn_map or {}
    function = known.get(type(first)) or next(
        (function for kind, function in known.items() if isinstance(first, kind)), None)
    if function is not None:
        return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        return _rebuild_mapping(first, {
            key: collate([sample[key] for sample in batch], collate_fn_map=collate_fn_map)
            for key in first})
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        return _rebuild_sequence(
            first, [collate(part, collate_fn_map=collate_fn_map) for part in zip(*batch)])
    raise TypeError(_UNKNOWN.format(type(first)))


_UNKNOWN = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
    "found {}. Give the DataLoader a collate_fn for other samples"
)


def collate_tensor_fn(batch, *, collate_fn_map=None):
    """Stack tensors."""
    return stack(list(batch))


def collate_numpy_array_fn(batch, *, collate_fn_map=None):
    """Stack NumPy's arrays of numbers to a tensor."""
    if batch[0].dtype.kind in "SUO":
        raise TypeError(_UNKNOWN.format(batch[0].dtype))
    return stack([as_tensor(array) for array in batch])


def collate_numpy_scalar_fn(batch, *, collate_fn_map=None):
    """Make a tensor of NumPy's scalars, of their dtype."""
    return as_tensor(np.array(batch))


def collate_float_fn(batch, *, collate_fn_map=None):
    """Make a float64 tensor of Python's floats."""
    return tensor(list(batch), dtype=dtypes.float64)


def collate_int_fn(batch, *, collate_fn_map=None):
    """Make a tensor of Python's integers or bools."""
    return tensor(list(batch))


def collate_str_fn(batch, *, collate_fn_map=None):
    """Leave texts as they are."""
    return batch


# What `default_collate` does with each type; a program may add its own.
default_collate_fn_map = {
    Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.number, np.bool_): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}


def default_convert(data):
    """Return a sample with its NumPy arrays and scalars as tensors, of any structure.

    >>> import numpy as np
    >>> default_convert({"x": np.arange(2), "name": "a"})
    {'x': tensor([0, 1]), 'name': 'a'}
    """
    return convert_parts(_convert_one, data)


def _convert_one(part):
    if isinstance(part, (np.ndarray, np.generic)) and part.dtype.kind not in "SUO":
        return as_tensor(part)
    return part


def convert_parts(function, data):
    """Return a structure with a function applied to what is no mapping and no sequence in it."""
    if isinstance(data, Mapping):
        return _rebuild_mapping(data, {k: convert_parts(function, data[k]) for k in data})
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _rebuild_sequence(data, [convert_parts(function, item) for item in data])
    return function(data)


def _rebuild_mapping(example, items):
    """A mapping of the example's type; a dict if that type cannot be built from one."""
    try:
        if isinstance(example, MutableMapping):
            # A copy keeps what else the example carries, such as a default factory.
            clone = copy.copy(example)
            clone.update(items)
            return clone
        return type(example)(items)
    except TypeError:
        return items


def _rebuild_sequence(example, items):
    """A sequence of the example's type; a list for plain tuples, as in PyTorch."""
    if isinstance(example, tuple):
        return type(example)(*items) if hasattr(example, "_fields") else items
    try:
        if isinstance(example, MutableSequence):
            clone = copy.copy(example)
            for i, item in enumerate(items):
                clone[i] = item
            return clone
        return type(example)(items)
    except TypeError:
        return items
