"""Parameters in lists and dictionaries, and what dictionaries of modules share with those.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html#containers
"""

import operator
from collections import OrderedDict
from collections.abc import Iterable, Mapping, MutableMapping

from ...autograd import Tensor
from ..parameter import Parameter
from .module import Module

__all__ = ["Dictionary", "ParameterDict", "ParameterList"]


class Dictionary(Module, MutableMapping):
    """What ModuleDict and ParameterDict share; the mapping's methods come from the base."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def update(self, other):
        """Take over the items of a mapping or of a sequence of pairs.

        Raises:
            TypeError: the argument, or one of its items, is not iterable.
            ValueError: an item is not a pair.
        """
        name = type(self).__name__
        if not isinstance(other, Iterable):
            raise TypeError(f"{name}.update should be called with an iterable of key/value "
                            f"pairs, but got {type(other).__name__}")
        for j, item in enumerate(other.items() if isinstance(other, Mapping) else other):
            if not isinstance(item, Iterable):
                raise TypeError(f"{name} update sequence element #{j} should be Iterable; "
                                f"is {type(item).__name__}")
            if len(item) != 2:
                raise ValueError(f"{name} update sequence element #{j} has length {len(item)}; "
                                 "2 is required")
            self[item[0]] = item[1]


class ParameterList(Module):
    """A list of parameters that are registered; tensors become Parameters.

    Args:
        values: the parameters (or other values) to start with.

    >>> import ember as torch
    >>> [p.shape for p in torch.nn.ParameterList([torch.ones(2), torch.ones(3)]).parameters()]
    [torch.Size([2]), torch.Size([3])]
    """

    def __init__(self, values=None):
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def _key_at(self, index):
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range")
        return str(index % len(self))

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return getattr(self, self._key_at(index))

    def __setitem__(self, index, value):
        setattr(self, self._key_at(index), _as_parameter(value))

    def __len__(self):
        return self._size

    def __iter__(self):
        return iter([getattr(self, str(i)) for i in range(self._size)])

    def append(self, value):
        """Add a value at the end; return self."""
        self._size += 1
        self[self._size - 1] = value
        return self

    def extend(self, values):
        """Add several values at the end; return self.

        Raises:
            TypeError: `values` is not iterable, or is a tensor.
        """
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise TypeError("ParameterList.extend should be called with an iterable, "
                            f"but got {type(values).__name__}")
        for value in values:
            self.append(value)
        return self

    __iadd__ = extend

    def extra_repr(self):
        return "\n".join(_describe(k, v, "dtype") for k, v in enumerate(self))

    def __call__(self, *args, **kwargs):
        raise RuntimeError("ParameterList should not be called.")


class ParameterDict(Dictionary):
    """A dictionary of parameters that are registered; tensors become Parameters.

    Args:
        parameters: a mapping or pairs to start with; a plain dict is sorted by key.

    >>> import ember as torch
    >>> list(torch.nn.ParameterDict({"w": torch.ones(2)}).state_dict())
    ['w']
    """

    def __init__(self, parameters=None):
        super().__init__()
        self._keys = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key):
        if key not in self._keys:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key, value):
        if not isinstance(key, str):
            raise TypeError("Index given to ParameterDict cannot be used as a key as it is not "
                            f"a string (type is '{type(key).__name__}').")
        setattr(self, key, _as_parameter(value))
        self._keys[key] = None

    def __delitem__(self, key):
        del self._keys[key]
        delattr(self, key)

    def __len__(self):
        return len(self._keys)

    def __iter__(self):
        return iter(tuple(self._keys))

    def __reversed__(self):
        return reversed(tuple(self._keys))

    def __contains__(self, key):
        return key in self._keys

    def update(self, other):
        """Take over the items of a mapping or of pairs; a plain dict is sorted by key."""
        if isinstance(other, Mapping) and not isinstance(other, (OrderedDict, ParameterDict)):
            other = sorted(other.items())
        super().update(other)

    def setdefault(self, key, default=None):
        """Return the value of a key; a key that is not there takes `default` first."""
        if key not in self:
            self[key] = default
        return self[key]

    def popitem(self):
        """Take the newest item out and return it.

        Raises:
            KeyError: there is none.
        """
        if not self._keys:
            raise KeyError("dictionary is empty")
        key = next(reversed(self))
        return key, self.pop(key)

    def copy(self):
        """Return a ParameterDict with the same parameters."""
        return ParameterDict(OrderedDict(self))

    def fromkeys(self, keys, default=None):
        """Return a ParameterDict with these keys, all with one value."""
        return ParameterDict((key, default) for key in keys)

    def __or__(self, other):
        return ParameterDict(OrderedDict([*self.items(), *other.items()]))

    def __ior__(self, other):
        self.update(other)
        return self

    def extra_repr(self):
        return "\n".join(_describe(k, v, "typename") for k, v in self.items())

    def __call__(self, *args, **kwargs):
        raise RuntimeError("ParameterDict should not be called.")


def _as_parameter(value):
    if isinstance(value, Tensor) and not isinstance(value, Parameter):
        return Parameter(value)
    return value


def _describe(key, value, what):
    """Return one line of the repr of a parameter container."""
    if not isinstance(value, Tensor):
        return f"  ({key}): Object of type: {type(value).__name__}"
    kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
    text = value.dtype if what == "dtype" else value.type()
    size = "x".join(map(str, value.shape))
    device = f" ({value.device})" if value.device.type == "cuda" else ""
    return f"  ({key}): {kind} containing: [{text} of size {size}{device}]"
