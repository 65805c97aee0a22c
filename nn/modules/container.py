"""Modules and parameters in sequences and dictionaries.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html#containers
"""

import operator
from collections import OrderedDict
from collections.abc import Iterable, Mapping, MutableMapping

from ...autograd import Tensor
from ..parameter import Parameter
from .module import Module, _indent_below_first

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]


class _ModuleSequence(Module):
    """What Sequential and ModuleList share: children in order, named "0", "1", ..."""

    def _key_at(self, index):
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range")
        return tuple(self._module_names)[index]

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self._from_items(tuple(self._modules.items())[index])
        return self._modules[self._key_at(index)]

    def __setitem__(self, index, module):
        setattr(self, self._key_at(index), module)

    def __delitem__(self, index):
        keys = tuple(self._module_names)
        gone = keys[index] if isinstance(index, slice) else (self._key_at(index),)
        self._renumber([module for key, module in self._modules.items() if key not in gone])

    def _renumber(self, modules):
        for key in tuple(self._module_names):
            delattr(self, key)
        for i, module in enumerate(modules):
            self.add_module(str(i), module)

    def __len__(self):
        return len(self._module_names)

    def __iter__(self):
        return iter(tuple(self._modules.values()))

    def append(self, module):
        """Add a module at the end; return self."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules):
        """Add several modules at the end; return self.

        Raises:
            TypeError: `modules` is not iterable.
        """
        if not isinstance(modules, Iterable):
            raise TypeError(f"{type(self).__name__}.extend should be called with an iterable, "
                            f"but got {type(modules).__name__}")
        for module in tuple(modules):
            self.append(module)
        return self

    def insert(self, index, module):
        """Put a module before the one at `index`."""
        modules = list(self)
        modules.insert(index, module)
        self._renumber(modules)

    def pop(self, key):
        """Take the module at an index out and return it."""
        module = self[key]
        del self[key]
        return module


class Sequential(_ModuleSequence):
    """Modules called one after the other.

    Args:
        *args: modules, or one OrderedDict of modules by name.

    >>> import ember as torch
    >>> torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
    )
    """

    def __init__(self, *args):
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            named = args[0].items()
        else:
            named = ((str(i), module) for i, module in enumerate(args))
        for name, module in named:
            self.add_module(name, module)

    def forward(self, input):
        own = self.__dict__
        for name in self._module_names:
            input = own[name](input)
        return input

    def _from_items(self, items):
        return type(self)(OrderedDict(items))

    def insert(self, index, module):
        """Put a module before the one at `index`; return self.

        Raises:
            AssertionError: `module` is not a Module.
            IndexError: the index is out of range.
        """
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type: {Module}")
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}")
        super().insert(index, module)
        return self

    def __add__(self, other):
        self._require_sequential(other)
        return Sequential(*self, *other)

    def __iadd__(self, other):
        self._require_sequential(other)
        return self.extend(other)

    def _require_sequential(self, other):
        if not isinstance(other, Sequential):
            raise ValueError("add operator supports only objects of Sequential class, "
                             f"but {type(other)} is given.")

    def __mul__(self, times):
        return Sequential(*self._repeated(times))

    __rmul__ = __mul__

    def __imul__(self, times):
        return self.extend(self._repeated(times)[len(self):])

    def _repeated(self, times):
        if not isinstance(times, int):
            raise TypeError(
                f"unsupported operand type(s) for *: {type(self)} and {type(times)}")
        if times <= 0:
            raise ValueError(f"Non-positive multiplication factor {times} for {type(self)}")
        return tuple(self) * times


class ModuleList(_ModuleSequence):
    """A list of modules that are registered.

    Args:
        modules: the modules to start with.

    >>> import ember as torch
    >>> layers = torch.nn.ModuleList(torch.nn.Linear(2, 2) for _ in range(3))
    >>> len(layers), len(list(layers.parameters()))
    (3, 6)
    """

    def __init__(self, modules=None):
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def _from_items(self, items):
        return type(self)(module for _, module in items)

    def __add__(self, other):
        return ModuleList([*self, *other])

    def __iadd__(self, modules):
        return self.extend(modules)

    def __repr__(self):
        """Show equal neighbours once, as "(0-2): 3 x Linear(...)"."""
        groups = []
        for i, text in enumerate(map(repr, self)):
            if groups and groups[-1][2] == text:
                groups[-1][1] = i
            else:
                groups.append([i, i, text])
        if not groups:
            return f"{self._get_name()}()"
        lines = [f"({first}): " + _indent_below_first(text) if first == last else
                 f"({first}-{last}): {last - first + 1} x " + _indent_below_first(text)
                 for first, last, text in groups]
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


class _Dictionary(Module, MutableMapping):
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


class ModuleDict(_Dictionary):
    """A dictionary of modules that are registered.

    Args:
        modules: a mapping or pairs to start with.

    >>> import ember as torch
    >>> heads = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 1)})
    >>> heads["a"](torch.ones(3, 2)).shape
    torch.Size([3, 1])
    """

    def __init__(self, modules=None):
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key):
        return self._modules[key]

    def __setitem__(self, key, module):
        self.add_module(key, module)

    def __delitem__(self, key):
        del self._modules[key]

    def __len__(self):
        return len(self._module_names)

    def __iter__(self):
        return iter(self._modules)

    def __contains__(self, key):
        return key in self._module_names


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


class ParameterDict(_Dictionary):
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
