"""Indexing with brackets: views for integers and slices, copies for index tensors and masks."""

from .. import inplace, modes, views, writes
from ..op import op
from ..tensor import Tensor, tensor_method
from ..viewing import copied, fast_backward, made, memory
from . import keys
from .conversion import overwritten
from .scalars import checked
from .shape import expand

__all__ = ["index_put_"]

# -- basic keys: views ----------------------------------------------------------------------------


@op(namespaces=(), derivative="g[index]")
def zeros_with(xp, input, shape, index):
    """Return zeros of a shape with the input at a basic key."""
    return xp.zeros_with(input, shape, index)


zeros_with.vjp("input", lambda g, index: g[index])


def _basic(name, node_name):
    """Return a record of basic indexing; there are several only to name the graph's nodes."""
    @op(name=name, view=True, namespaces=(), derivative="zeros with g at the index")
    def at(xp, input, index):
        """Return the part of the input at a basic key."""
        return input[index]

    at.vjp("input", lambda xp, g, input_shape, index: xp.zeros_with(g, input_shape, index))
    fast_backward(at)
    record = at.op
    record.node_name = node_name

    @record.public
    def call(input, index):
        return made(record, input, memory(input)[index], {"index": index})

    return record


ALIAS = _basic("alias", "AliasBackward0")
SELECT = _basic("select_at", "SelectBackward0")
SLICE = _basic("slice_at", "SliceBackward0")
INSERT = _basic("insert_at", "UnsqueezeBackward0")
_RECORDS = {int: SELECT, slice: SLICE, type(None): INSERT}


def _record_of(key):
    """Return the record named after the last step that a basic key takes."""
    for item in reversed(key):
        if item is not Ellipsis and item != keys.FULL:
            return _RECORDS[type(item)]
    return SLICE if len(key) == 2 and keys.FULL in key else ALIAS


def getitem(self, key):
    """Return the part of the tensor at a key: `x[key]`.

    Integers, slices, None and Ellipsis make views; tensors and lists of integers or booleans
    copy the elements they name.
    Raises:
        IndexError: when the key names what the tensor lacks; ValueError: for negative steps.
    Source: https://docs.pytorch.org/docs/stable/tensor_view.html

    >>> import ember
    >>> x = ember.arange(6).reshape(2, 3)
    >>> x[:, 1], x[x > 3]
    (tensor([1, 4]), tensor([4, 5]))
    """
    array = memory(self)
    kind = type(key)
    if kind is int:
        record, basic = SELECT, (key, ...)
    elif kind is slice and key.step is None and type(key.start) in keys.BOUNDS and type(
            key.stop) in keys.BOUNDS:
        record, basic = SLICE, key
    else:
        basic, advanced = keys.read(key, array, self._xp)
        if advanced is not None:
            return _take(self, basic, advanced)
        record = _record_of(basic)
    try:
        r = array[basic]
    except IndexError as error:
        raise keys.explain(error, array, basic) from None
    return made(record, self, r, {"index": basic})


def _take(self, basic, advanced):
    if basic is not None:
        self = _view_at(self, basic)
    return index(self, advanced)


def _view_at(self, basic):
    array = memory(self)
    try:
        r = array[basic]
    except IndexError as error:
        raise keys.explain(error, array, basic) from None
    return made(_record_of(basic), self, r, {"index": basic})


# -- index tensors and masks: copies --------------------------------------------------------------


@op(namespaces=(), derivative="g[index]")
def zeros_plus(xp, input, shape, index):
    """Return zeros of a shape with the input added at a key with index arrays."""
    on_device = tuple([i if type(i) is slice else xp.asarray(i) for i in index])
    return xp.zeros_plus(input, shape, on_device)


zeros_plus.vjp("input", lambda g, index: g[index])


@op(name="index", namespaces=(), derivative="zeros with g added at the index")
def gathered(xp, input, index):
    """Return the elements at a key with index arrays."""
    return xp.pick(input, index)


gathered.vjp("input", lambda xp, g, input_shape, index: xp.zeros_plus(g, input_shape, index))
fast_backward(gathered)


@gathered.op.public
def index(input, index):
    """Return the elements at a key of raw index arrays, masks and full slices."""
    array = memory(input)
    try:
        r = input._xp.pick(array, index)
    except (IndexError, ValueError) as error:
        raise keys.explain(error, array, index, input._xp) from None
    return copied(gathered.op, input, r, {"index": index})


# -- writing --------------------------------------------------------------------------------------


def setitem(self, key, value):
    """Write a value to the part of the tensor at a key: `x[key] = value`, with gradients.

    Raises:
        IndexError: for keys the tensor lacks; RuntimeError: for values that do not fit, and
            where autograd forbids the write; TypeError: for values that are no tensors or
            numbers.
    """
    array = memory(self)
    if type(key) is int:
        basic, advanced = (key, ...), None
    else:
        basic, advanced = keys.read(key, array, self._xp)
    value = _value(self, value)
    if has_history(self, value):
        target = self if basic is None else _view_at(self, basic)
        inplace.check_writable(target, "setitem")
        if advanced is None:
            inplace.overwrite(target, _replaced(target, value), "setitem")
        else:
            inplace.overwrite(target, _with_values(target, advanced, value), "setitem")
        return
    part = array if basic is None else _part(array, basic)
    inplace.check_overlap(part, "setitem")
    if advanced is None:
        _copy_into(self, part, value)
    else:
        put_raw(self, part, advanced, value)
    writes.mark_written(array)


Tensor.__getitem__ = getitem
Tensor.__setitem__ = setitem


def has_history(self, *values):
    """Return whether autograd must learn of a write of values to this tensor."""
    if not modes.is_grad_enabled():
        return False
    if self._node is not None:
        return True
    for v in values:
        if isinstance(v, Tensor) and v._node is not None:
            return True
    view = views.of(self)
    return view is not None and view.base._node is not None


def _part(array, basic):
    try:
        return array[basic]
    except IndexError as error:
        raise keys.explain(error, array, basic) from None


def _value(self, value):
    """Return what is written as a Tensor on the same device or a NumPy scalar."""
    if isinstance(value, Tensor):
        return value if value._xp is self._xp else value.to(self.device)
    if isinstance(value, (bool, int, float, complex)):
        return checked(value, self._array.dtype)
    kind = type(value)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    raise TypeError(f"can't assign a {name} to a torch.{self.dtype.title}Tensor")


def _without_leading_ones(value, ndim):
    """Drop leading dimensions of size 1 that the target does not have."""
    while value.ndim > ndim and value.shape[0] == 1:
        value = value[0]
    return value


def _replaced(target, value):
    """Return the value in the shape and dtype of the target, differentiable in the value."""
    if not isinstance(value, Tensor):
        value = Tensor._wrap(value, target._xp)
    value = _without_leading_ones(value, target._array.ndim)
    return overwritten(target, expand(value, target._array.shape))


def _copy_into(self, part, value):
    """Write a value to a raw part of the tensor's memory."""
    if not isinstance(value, Tensor):
        part[...] = value
        return
    raw, xp = value._array, self._xp
    inplace.check_sources(Tensor._wrap(part, xp), value, "setitem")
    try:
        if raw.dtype is part.dtype:
            part[...] = raw
        else:
            with xp.quiet():
                part[...] = raw
    except ValueError:
        expand(_without_leading_ones(value.detach(), part.ndim), part.shape)
        raise


# -- index_put ------------------------------------------------------------------------------------


@op(namespaces=(), derivative="g with zeros at the index")
def cleared(xp, input, index):
    """Return the input with zeros at a key."""
    return xp.cleared(input, index)


cleared.vjp("input", lambda xp, g, index: xp.cleared(g, index))


@op(namespaces=(), derivative="g written at the index")
def read_written(xp, input, index):
    """Return the elements at a key, zero where a later value went to the same place."""
    return xp.read_written(input, index)


@op(namespaces=(), derivative="g read where it was written last")
def zeros_written(xp, input, shape, index):
    """Return zeros of a shape with the input written at a key."""
    return xp.zeros_written(input, shape, index)


read_written.vjp("input", lambda xp, g, input_shape, index: xp.zeros_written(
    g, input_shape, index))
zeros_written.vjp("input", lambda xp, g, index: xp.read_written(g, index))


@op(name="index_put", derivative="∂input: g, zero at the index; ∂values: g[index]")
def with_values(xp, input, index, values, accumulate):
    """Return the input with values written (or added) at a key."""
    return xp.write_at(input.copy(), index, values, accumulate)


with_values.vjp("input", lambda xp, g, index, accumulate: g if accumulate else xp.cleared(g, index))
with_values.vjp("values", lambda xp, g, index, accumulate: (
    g[index] if accumulate else xp.read_written(g, index)))


def _with_values(self, index, values, accumulate=False):
    if not isinstance(values, Tensor):
        values = Tensor._wrap(values, self._xp)
    _check_put(self, memory(self), index, values)
    return with_values(self, index, _without_leading_ones(values, _rank(self._array, index)),
                       accumulate)


def _rank(array, index):
    """Return how many dimensions `array[index]` has."""
    return array[index].ndim


def put_raw(self, part, index, values, accumulate=False):
    """Write values at an advanced key of raw memory of a tensor that has no history."""
    raw = values
    if isinstance(values, Tensor):
        _check_put(self, part, index, values)
        raw = values._array
    try:
        self._xp.write_at(part, index, raw, accumulate)
    except (IndexError, ValueError) as error:
        raise _put_error(error, part, index, raw, self._xp) from None


def _check_put(self, array, index, values):
    if values._array.dtype != self._array.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{self.dtype.title} for the destination and {values.dtype.title} for the source.")


def _put_error(error, array, index, values, xp):
    try:
        goal = array[index].shape
    except IndexError as key_error:
        return keys.explain(key_error, array, index, xp)
    return RuntimeError(
        f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast to "
        f"indexing result of shape {list(goal)}")


def _index_of(self, indices):
    """Return the advanced key for the tuple of tensors (or None) that PyTorch's ops take."""
    key = tuple([keys.FULL if i is None else i for i in indices])
    basic, advanced = keys.read(key, memory(self), self._xp)
    return advanced if basic is None else key


@with_values.op.public
def index_put(input, indices, values, accumulate=False):
    """Return a copy with values written at (or added to) the places that index tensors name.

    Args:
        indices: tuple of index tensors (None for a whole dimension); values: broadcast to the
            shape of `input[indices]`, of the same dtype; accumulate: add instead of replace.
    Shape: any -> same.
    Raises:
        RuntimeError, IndexError: when dtype, shape or indices do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.index_put_.html

    >>> import ember
    >>> ember.zeros(3).index_put((ember.tensor([0, 2]),), ember.tensor([1., 2.]))
    tensor([1., 0., 2.])
    """
    index = _index_of(input, indices)
    _check_put(input, input._array, index, values)
    return with_values(input, index, values, accumulate)


@tensor_method
def index_put_(self, indices, values, accumulate=False):
    """Write values at (or add them to) the places that index tensors name, in place."""
    index = _index_of(self, indices)
    inplace.check_writable(self, "index_put_")
    if has_history(self, values):
        return inplace.overwrite(self, _with_values(self, index, values, accumulate),
                                 "index_put_")
    array = memory(self)
    put_raw(self, array, index, values, accumulate)
    writes.mark_written(array)
    return self
