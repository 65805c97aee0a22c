"""Templates: arguments of a recorded call, in which slots stand for tensors and raw arrays."""

import numpy as np

from ..autograd import Tensor, devices, dtypes

__all__ = ["Holder", "Literal", "PLAIN", "Slot", "Unknown", "filled", "is_holder", "is_plain",
           "slots_in", "template"]

# Values that no one can change and that a program may hold on to.
PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), range,
         dtypes.dtype, devices.device, np.dtype)


class Slot:
    """A place for one array of a program: an input, or the result of a step.

    Attributes:
        number: its place, unique in the program.
        tensor: the tensor that had this place while the program was recorded.
        array: its raw array.
    """

    __slots__ = ("number", "tensor", "array")

    def __init__(self, number, tensor, array):
        self.number, self.tensor, self.array = number, tensor, array


class Literal:
    """A NumPy scalar in a template that stands for a plain number of the program's."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


class Unknown(Exception):
    """A value of which the recorder does not know where it comes from."""


class Holder:
    """An object in a template that a kernel fills: a new one each time."""

    __slots__ = ("cls",)

    def __init__(self, cls):
        self.cls = cls


def is_holder(value):
    """Return whether a value is an object of ember's functions that kernels fill."""
    cls = type(value)
    return cls.__module__.startswith("ember.nn.functional") and not hasattr(value, "__dict__")


def is_plain(value):
    """Return whether a value is one of PLAIN, or a tuple, list, slice or dict of such."""
    if isinstance(value, (tuple, list)):
        return all(map(is_plain, value))
    if isinstance(value, slice):
        return is_plain((value.start, value.stop, value.step))
    if type(value) is dict:
        return all(is_plain(k) and is_plain(v) for k, v in value.items())
    if isinstance(value, (*PLAIN, type)):
        return True
    # an options object that ember made on the way, as pooling does
    return type(value).__module__.startswith("ember.nn.functional") and hasattr(
        value, "__dict__") and is_plain(vars(value))


def template(value, find):
    """Return a value with the slot `find(tensor or array)` in place of each tensor and array.

    Raises:
        Unknown: for what is neither plain nor found.
    """
    if isinstance(value, Literal):
        return value
    if isinstance(value, (Tensor, np.ndarray, np.generic)):
        slot = find(value)
        if slot is None:
            raise Unknown(f"a {type(value).__name__} that no operation made")
        return slot
    if type(value) in (tuple, list):
        return type(value)([template(item, find) for item in value])
    if type(value) is dict:
        return {k: template(v, find) for k, v in value.items()}
    if is_holder(value):
        return Holder(type(value))
    if not is_plain(value):
        raise Unknown(f"an argument of type {type(value).__name__}")
    return value


def slots_in(value):
    """Yield the slots of a template."""
    if isinstance(value, Slot):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from slots_in(item)
    elif type(value) is dict:
        for item in value.values():
            yield from slots_in(item)


def filled(value, of):
    """Return a template with `of(slot)` in place of each slot."""
    if isinstance(value, Slot):
        return of(value)
    if isinstance(value, Literal):
        return value.value
    if isinstance(value, Holder):
        return value.cls()
    if type(value) in (tuple, list):
        return type(value)([filled(item, of) for item in value])
    if type(value) is dict:
        return {k: filled(item, of) for k, item in value.items()}
    return value
