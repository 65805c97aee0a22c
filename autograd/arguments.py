"""From what the user passed to what a forward function takes: binding, unwrapping, promotion."""

import numpy as np

from .. import backends
from . import devices, dtypes
from .tensor import Tensor

__all__ = ["Signature", "binary_operands", "need_tensors", "noted", "shape_error",
           "unwrap"]

_MISSING = object()
# NumPy's spellings, which PyTorch accepts as well.
_ALIASES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "x1": "input", "x2": "other",
            "self": "input"}


class Signature:
    """The parameters of a forward function after `xp`, and how calls bind to them.

    Args:
        varargs: the parameter that may be spread over several positional integers, as in
            `x.view(2, 3)`.
    """

    def __init__(self, name, forward, varargs=None):
        code = forward.__code__
        self.function = name
        positional = code.co_varnames[1:code.co_argcount]
        self.keyword_only = code.co_varnames[
            code.co_argcount:code.co_argcount + code.co_kwonlyargcount]
        self.names = positional + self.keyword_only
        defaults = forward.__defaults__ or ()
        self.defaults = dict(zip(positional[len(positional) - len(defaults):], defaults))
        self.defaults.update(forward.__kwdefaults__ or {})
        self._positional = len(positional)
        self._required = len(positional) - len(defaults)
        self._template = [self.defaults.get(n, _MISSING) for n in self.names]
        self._places = {n: i for i, n in enumerate(self.names)}
        self.varargs = self._places[varargs] if varargs else None

    def bind(self, args, kwargs):
        """Return the values of all parameters in order.

        Raises:
            TypeError: for missing, unknown or repeated arguments.
        """
        values = self._template.copy()
        spread = self.varargs
        if spread is not None and len(args) > spread and isinstance(
                args[spread], (int, np.integer)):
            args = args[:spread] + (args[spread:],)
        elif spread is not None and len(args) > spread and isinstance(args[spread], Tensor) and (
                args[spread].dtype.category == 1 and args[spread].ndim == 0):
            args = args[:spread] + (tuple(int(a) for a in args[spread:]),)
        if len(args) > self._positional:
            raise TypeError(f"{self.function}() takes {self._positional} positional arguments "
                            f"but {len(args)} were given")
        values[:len(args)] = args
        for name, value in kwargs.items():
            place = self._places.get(name)
            if place is None:
                place = self._places.get(_ALIASES.get(name))
                if place is None:
                    raise TypeError(f"{self.function}() got an unexpected keyword argument "
                                    f"'{name}'; it takes {', '.join(self.names)}")
            if place < len(args):
                raise TypeError(
                    f"{self.function}() got multiple values for argument '{name}'")
            values[place] = value
        if len(args) < self._required:  # `in` would compare with tensors, elementwise
            for name, value in zip(self.names, values):
                if value is _MISSING:
                    raise TypeError(f"{self.function}() missing required argument '{name}'")
        return values


def unwrap(record, names, values):
    """Return the arguments by name with tensors as raw arrays, and their backend."""
    xp, bound = None, {}
    if not record.numbers:
        need_tensors(record.name, **dict(zip(names[:2], values)))
    for name, value in zip(names, values):
        if isinstance(value, Tensor):
            if xp is None:
                xp = value._xp
            elif value._xp is not xp:
                xp = _common_backend(record, xp, value)
            value = value._array
        elif type(value) in (list, tuple) and (name in record.lists or _has_tensor(value)):
            items = []
            for item in value:
                if isinstance(item, Tensor):
                    if xp is None:
                        xp = item._xp
                    elif item._xp is not xp:
                        xp = _common_backend(record, xp, item)
                    items.append(item._array)
                elif name in record.lists and record.promoted is None:
                    raise TypeError(
                        f"{record.name}(): argument '{name}' must be tuple of Tensors, but found "
                        f"element of type {type(item).__name__}")
                else:
                    items.append(item)
            value = items if name in record.lists else type(value)(items)
        bound[name] = value
    if xp is None:
        if record.lists and not values[0]:
            raise RuntimeError(f"{record.name}(): expected a non-empty list of Tensors")
        raise record.not_a_tensor(values[0])
    if record.cast is not None:
        _promote(record, bound, xp)
    return bound, xp


def _has_tensor(value):
    return any(isinstance(item, Tensor) for item in value)


def _common_backend(record, xp, tensor):
    """Return the backend two tensors share; a 0-d CPU tensor may join any."""
    if tensor._array.ndim == 0 and tensor._xp is backends.cpu:
        return xp
    if xp is backends.cpu:
        return tensor._xp
    raise device_error(record, xp, tensor._xp)


def device_error(record, *found):
    """Return the error for operands on several devices."""
    names = " and ".join(
        str(devices.device(xp.device_type, xp.index)) for xp in found)
    return RuntimeError(
        f"Expected all tensors to be on the same device, but {record.name}() found at least two "
        f"devices, {names}! Move them with .to(device)")


def _promote(record, bound, xp):
    """Bring the promoted arguments to one dtype, in place in `bound`."""
    names = record.promoted or tuple(record.vjps) or ("input",)
    dimensioned, zero_dim, scalars = [], [], []
    for name in names:
        value = bound.get(name)
        for v in value if isinstance(value, list) else (value,):
            if v is None:
                continue
            if hasattr(v, "dtype"):
                (dimensioned if v.ndim else zero_dim).append(dtypes.of(v))
            elif isinstance(v, (bool, int, float, complex)):
                scalars.append(dtypes.of_number(v))
    common = dtypes.result_dtype(dimensioned, zero_dim, scalars)
    if common is None:
        return
    if record.cast == "float" and common.category < 2:
        common = dtypes.get_default_dtype()
    target = common.numpy
    for name in names:
        value = bound.get(name)
        if isinstance(value, list):
            bound[name] = [_as(v, target, xp) for v in value]
        elif value is not None:
            bound[name] = _as(value, target, xp)


def _as(value, target, xp):
    if hasattr(value, "dtype"):
        if not isinstance(value, xp.array_types):
            value = xp.from_host(np.asarray(value))
        return value if value.dtype == target else value.astype(target)
    return number(value, target)


def number(value, target):
    """Return a Python number as a NumPy scalar of a dtype, wrapping integers as PyTorch does."""
    if target.kind in "iu" and isinstance(value, int):
        bits = 8 * target.itemsize
        value &= (1 << bits) - 1
        if target.kind == "i" and value >> (bits - 1):
            value -= 1 << bits
    return target.type(value)


def binary_operands(record, input, other):
    """Return the two operands of a binary op in one dtype, and their backend.

    Raises:
        TypeError: when neither is a tensor or one is not a number.
        RuntimeError: when they are on different devices.
    """
    x, xrank, xp_x = _operand(record, input, 1)
    y, yrank, xp_y = _operand(record, other, 2)
    xp = xp_x or xp_y or (backends.cpu if record.only_numbers else None)
    if xp is None:
        raise record.not_a_tensor(input)
    if xp_x is not xp_y and xp_x is not None and xp_y is not None:
        if y.ndim == 0 and xp_y is backends.cpu:
            y = xp.from_host(np.asarray(y))
        elif x.ndim == 0 and xp_x is backends.cpu:
            xp = xp_y
            x = xp.from_host(np.asarray(x))
        else:
            raise noted(device_error(record, xp_x, xp_y), record, x, y)
    if record.cast is None:
        return x, y, xp
    if record.check is not None:
        record.check(xrank[1], yrank[1])
    ranks = ([], [], [])
    ranks[xrank[0]].append(xrank[1])
    ranks[yrank[0]].append(yrank[1])
    common = dtypes.result_dtype(*ranks)
    if record.cast == "float" and common.category < 2:
        common = dtypes.get_default_dtype()
    target = common.numpy
    return _cast(x, target), _cast(y, target), xp


def _cast(value, target):
    if hasattr(value, "dtype"):
        return value if value.dtype is target else value.astype(target)
    return number(value, target)


def _operand(record, value, position):
    """Return (raw value, (rank, dtype), backend or None) of an operand."""
    if isinstance(value, Tensor):
        array = value._array
        return array, (0 if array.ndim else 1, dtypes.of(array)), value._xp
    if isinstance(value, (np.ndarray, np.generic)) and value.ndim:
        return value, (0, dtypes.of(value)), backends.cpu
    if isinstance(value, (np.ndarray, np.generic)):  # from NumPy's functions, which allow them
        value = value.item()
        return value, (2, dtypes.of_number(value)), None
    if isinstance(value, (bool, int, float, complex)) and position in record.numbers:
        return value, (2, dtypes.of_number(value)), None
    name = "input" if position == 1 else "other"
    if position not in record.numbers:
        raise _no_tensor(record.name, name, position, value)
    raise TypeError(f"{record.name}(): argument '{name}' (position {position}) must be Tensor "
                    f"or Number, not {type(value).__name__}")


def _no_tensor(function, name, position, value):
    return TypeError(f"{function}(): argument '{name}' (position {position}) must be Tensor, not "
                     f"{type(value).__name__}. Make one with torch.tensor(...)")


def need_tensors(function, **values):
    """Refuse first arguments, given by name in their order, that are not Tensors.

    Raises:
        TypeError: naming function, argument and position.
    """
    for position, (name, value) in enumerate(values.items(), 1):
        if not isinstance(value, Tensor):
            raise _no_tensor(function, name, position, value)


def flat(values):
    """Return values with those inside lists beside the others."""
    return [v for value in values for v in (value if isinstance(value, list) else (value,))]


def noted(error, record, *values):
    """Add to an error which expression of the program failed, and its operands' shapes."""
    from . import sources

    if not getattr(error, "__notes__", None):
        note = sources.failed(record.name, [v for v in values if hasattr(v, "shape")])
        if note is not None:
            error.add_note(note)
    return error


def shape_error(record, x, y):
    """Return the error for operands whose shapes do not broadcast."""
    return noted(_shape_error(record, np.shape(x), np.shape(y)), record, x, y)


def _shape_error(record, a, b):
    for back in range(1, min(len(a), len(b)) + 1):
        if a[-back] != b[-back] and 1 not in (a[-back], b[-back]):
            dim = max(len(a), len(b)) - back
            return RuntimeError(
                f"The size of tensor a ({a[-back]}) must match the size of tensor b "
                f"({b[-back]}) at non-singleton dimension {dim}: {record.name}() got shapes "
                f"{list(a)} and {list(b)}")
    return RuntimeError(f"{record.name}() cannot combine shapes {list(a)} and {list(b)}")
