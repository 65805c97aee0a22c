"""From the call of an operation to what its forward gets, and what its graph node saves."""

import numpy as np

from ..autograd import Tensor, arguments, dtypes
from .slots import Literal, is_plain

__all__ = ["bound", "saved_by", "same_array"]


def bound(record, args, kwargs):
    """Return the arguments by name, in one dtype where the operation asks for one; and the
    same as the forward gets them, but with tensors for raw arrays."""
    names = record.signature.names
    values = dict(zip(names, record.signature.bind(args, kwargs)))
    if names == ("input", "other") and not record.signature.defaults and not (
            record.signature.keyword_only or record.view or record.lists or record.several):
        raw = dict(zip(names, _operands(record, *values.values())))
    elif names == ("input",) or record.alone:
        raw = dict(values)
        kind = values["input"]._array.dtype.kind if isinstance(
            values["input"], Tensor) else "?"
        if record.cast == "float" and kind not in "fc":
            raw["input"] = np.empty(0, dtypes.get_default_dtype().numpy)
    else:
        raw, _ = arguments.unwrap(record, names, list(values.values()))
    for name, value in values.items():
        values[name], raw[name] = _in_dtype_of(value, raw[name])
        if isinstance(raw[name], np.generic) and is_plain(value):
            raw[name] = Literal(raw[name])
    return values, raw


def _operands(record, input, other):
    """Return the operands as the binary template's forward gets them."""
    if (other.__class__ is float and 2 in record.numbers and isinstance(input, Tensor)
            and input._array.dtype.kind == "f"):
        return input._array, other
    return arguments.binary_operands(record, input, other)[:2]


def _in_dtype_of(value, raw):
    """Return a tensor, or a list with tensors, cast to the dtypes of the raw one; and the raw one
    with tensors for arrays."""
    if isinstance(value, Tensor):
        if raw is not value and value._array.dtype != raw.dtype:
            value = value.to(dtypes.from_numpy_dtype(raw.dtype))
        return value, value
    if type(value) in (list, tuple) and any(isinstance(v, Tensor) for v in value):
        pairs = [_in_dtype_of(v, r) for v, r in zip(value, raw)]
        return [p[0] for p in pairs], [p[1] for p in pairs]
    return value, raw


def saved_by(step, node, known):
    """Return what a node saved, by name and as it is, with literals for the numbers among the
    operation's arguments.

    Args:
        known: the ids of all raw arrays that are tensors'.
    """
    values = dict(step.record.named(node))
    saved = dict(node.saved) if isinstance(node.saved, dict) else tuple(node.saved)
    if any(isinstance(v, Literal) for v in step.values.values()):
        return _with_literals(values, known), _with_literals(saved, known)
    return values, saved


def _with_literals(saved, known):
    """Return saved values with literals for NumPy scalars that are no tensor's."""
    def literal(value):
        is_number = isinstance(value, np.generic) and not isinstance(value, np.bool_)
        return Literal(value) if is_number and id(value) not in known else value

    if isinstance(saved, dict):
        return {name: literal(value) for name, value in saved.items()}
    return tuple([literal(value) for value in saved])


def same_array(a, b):
    """Return whether two raw results are of one kind, dtype and shape, and equal."""
    return (a.shape == b.shape and a.dtype is b.dtype and np.array_equal(
        a, b, equal_nan=a.dtype.kind in "fc") and isinstance(a, np.generic) == isinstance(
            b, np.generic))
