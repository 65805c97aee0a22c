"""Modules and parameters in sequences and dictionaries.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html#containers
"""

import operator
from collections import OrderedDict
from collections.abc import Iterable

from ._parameter_containers import Dictionary, ParameterDict, ParameterList
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


class ModuleDict(Dictionary):
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
