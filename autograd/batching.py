"""Tensors with a hidden dimension: what vmap hands to functions.

A BatchedTensor shows the shape of one example and holds all of them in an ordinary tensor, whose
first dimension is the hidden one. Operations on it are ordinary operations on the whole
(`batching_rules.py`), so gradients need nothing of their own. What has no rule, or asks for memory
or values, raises NotBatched, and vmap computes example by example.
"""

import contextvars
import math
import types
import typing

from . import detours
from .tensor import Size, Tensor, new

__all__ = ["BatchedTensor", "NotBatched", "active", "is_example", "arranged", "levels_of", "lifted",
           "like", "strip", "whole", "wrap"]


class NotBatched(Exception):
    """Something cannot be computed for all examples at once."""


_running = contextvars.ContextVar("ember_vmap_levels", default=())


class Info(typing.NamedTuple):
    """What the rule of a custom function is told about the call of vmap."""

    batch_size: int
    randomness: str


_infos = contextvars.ContextVar("ember_vmap_infos", default=())  # of the levels, innermost last


class active:
    """A context in which a level of vmap runs. Its value is the number of the level."""

    def __init__(self, size, randomness="error"):
        self.size = size
        self.randomness = randomness

    def __enter__(self):
        levels = _running.get()
        level = len(levels) + 1
        self._token = _running.set(((level, self.size), *levels))
        _infos.set((*_infos.get(), Info(self.size, self.randomness)))
        detours.install(_detour, rank=-1)
        return level

    def __exit__(self, *exc_info):
        _running.reset(self._token)
        _infos.set(_infos.get()[:-1])
        if not _running.get():
            detours.remove(_detour)


class _Example:
    """The array of one example, as far as checks of arguments need it: it has no values."""

    __slots__ = ("shape", "ndim", "dtype", "size")
    __array_ufunc__ = None
    flags = types.SimpleNamespace(c_contiguous=True)  # of what is made like it

    def __init__(self, whole):
        self.shape = tuple(whole.shape[1:])
        self.ndim = len(self.shape)
        self.dtype = whole.dtype.numpy
        self.size = math.prod(self.shape)

    def __getattr__(self, name):
        raise NotBatched(f"its {name} is asked for")

    def _refuse(self, *args, **kwargs):
        raise NotBatched("its values are asked for")

    __array__ = __bool__ = __int__ = __float__ = __complex__ = __index__ = __len__ = _refuse
    __iter__ = __getitem__ = __setitem__ = __contains__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __hash__ = None


class BatchedTensor(Tensor):
    """One of many examples, all of which it holds in `full`."""

    __slots__ = ("full", "level")

    @property
    def _array(self):
        return _Example(self.full)

    @property
    def _xp(self):
        return strip(self)._xp

    @property
    def _history(self):
        return strip(self)._node

    @property
    def size_of_batch(self):
        """How many examples there are."""
        return self.full.shape[0]

    @property
    def shape(self):
        return Size(self.full.shape[1:])

    @property
    def ndim(self):
        return self.full.ndim - 1

    @property
    def dtype(self):
        return self.full.dtype

    @property
    def device(self):
        return self.full.device

    def size(self, dim=None):
        return self.shape if dim is None else self.shape[dim]

    def dim(self):
        return self.ndim

    def numel(self):
        return math.prod(self.shape)

    nelement = numel

    def is_floating_point(self):
        return self.dtype.is_floating_point

    def is_complex(self):
        return self.dtype.is_complex

    def __len__(self):
        if not self.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __iter__(self):
        return iter(self.unbind(0))

    def __repr__(self):
        return f"BatchedTensor(lvl={self.level}, bdim=0, value={self.full!r})"

    def detach(self):
        return wrap(self.full.detach(), self.level)

    data = property(detach)

    # -- views: the same of the whole, one dimension further ----------------------------------

    def _dim(self, dim, extra=0):
        """Return a dimension of an example as one of the whole."""
        rank = self.ndim + extra
        if not -rank <= dim < rank:
            raise NotBatched("a dimension out of range")
        return dim % rank + 1

    def reshape(self, *shape):
        return wrap(self.full.reshape(self.size_of_batch, *_spread(shape)), self.level)

    def view(self, *shape):
        if len(shape) == 1 and not isinstance(shape[0], (int, tuple, list)):
            raise NotBatched("view as another dtype")
        return wrap(self.full.view(self.size_of_batch, *_spread(shape)), self.level)

    def flatten(self, start_dim=0, end_dim=-1):
        if not self.ndim:
            return self.reshape(1)
        start, end = self._dim(start_dim) - 1, self._dim(end_dim)
        shape = self.shape
        return self.reshape(*shape[:start], math.prod(shape[start:end]), *shape[end:])

    def squeeze(self, dim=None):
        dims = range(self.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
        dims = {self._dim(d) - 1 for d in dims if self.ndim}
        return self.reshape(*[n for i, n in enumerate(self.shape) if i not in dims or n != 1])

    def unsqueeze(self, dim):
        return wrap(self.full.unsqueeze(self._dim(dim, 1)), self.level)

    def expand(self, *sizes):
        sizes = _spread(sizes)
        lead = [1] * (len(sizes) - self.ndim)
        full = self.full.reshape(self.size_of_batch, *lead, *self.shape)
        return wrap(full.expand(self.size_of_batch, *sizes), self.level)

    def expand_as(self, other):
        return self.expand(other.shape)

    def view_as(self, other):
        return self.view(other.shape)

    def reshape_as(self, other):
        return self.reshape(other.shape)

    def transpose(self, dim0, dim1):
        return wrap(self.full.transpose(self._dim(dim0), self._dim(dim1)), self.level)

    def permute(self, *dims):
        return wrap(self.full.permute(0, *[self._dim(d) for d in _spread(dims)]), self.level)

    def movedim(self, source, destination):
        if not isinstance(source, int):
            raise NotBatched("several dimensions to move")
        return wrap(self.full.movedim(self._dim(source), self._dim(destination)), self.level)

    def t(self):
        return self if self.ndim < 2 else self.transpose(0, 1)

    @property
    def T(self):
        return self.permute(*range(self.ndim)[::-1])

    @property
    def mT(self):
        return self.transpose(-2, -1)

    def select(self, dim, index):
        return wrap(self.full.select(self._dim(dim), index), self.level)

    def narrow(self, dim, start, length):
        return wrap(self.full.narrow(self._dim(dim), start, length), self.level)

    def diagonal(self, offset=0, dim1=0, dim2=1):
        return wrap(self.full.diagonal(offset, self._dim(dim1), self._dim(dim2)), self.level)

    def unbind(self, dim=0):
        return wrap(self.full.unbind(self._dim(dim)), self.level)

    def split(self, split_size, dim=0):
        return wrap(tuple(self.full.split(split_size, self._dim(dim))), self.level)

    def chunk(self, chunks, dim=0):
        return wrap(tuple(self.full.chunk(chunks, self._dim(dim))), self.level)

    def __getitem__(self, key):
        from .batching_rules import item

        return item(self, key)

    def gather(self, dim, index, *, sparse_grad=False):
        if not self.ndim:
            raise NotBatched("a 0-d example")
        index = whole(index, self.level, self.size_of_batch)
        return wrap(self.full.gather(self._dim(dim), index), self.level)


def _spread(numbers):
    """Return sizes or dimensions that were given as one sequence or one by one."""
    return numbers[0] if len(numbers) == 1 and not isinstance(numbers[0], int) else numbers


def _same_for_each(name):
    def method(self, *args, **kwargs):
        if any(isinstance(a, BatchedTensor) for a in args):
            raise NotBatched(name)
        return wrap(getattr(self.full, name)(*args, **kwargs), self.level)

    method.__name__ = name
    return method


for _name in ("to", "float", "double", "half", "long", "int", "bool", "type_as", "contiguous",
              "cpu", "conj"):
    setattr(BatchedTensor, _name, _same_for_each(_name))


def _made_like(name):
    def method(self, *args, **kwargs):
        return getattr(strip(self), name)(*args, **kwargs)

    method.__name__ = name
    return method


for _name in ("new_zeros", "new_ones", "new_full", "new_tensor"):
    setattr(BatchedTensor, _name, _made_like(_name))


def is_example(value):
    """Return whether a value is an ordinary tensor around an array without values."""
    return isinstance(value, Tensor) and not isinstance(value, BatchedTensor) and (
        type(value._array) is _Example)


# -- in and out -----------------------------------------------------------------------------------


def wrap(full, level):
    """Return the batched tensor around a whole; a tuple of them for a tuple."""
    if isinstance(full, tuple):
        items = [wrap(item, level) for item in full]
        return type(full)(*items) if hasattr(full, "_fields") else tuple(items)
    t = new(BatchedTensor)
    t.full, t.level = full, level
    return t


def whole(t, level, size):
    """Return all examples of a tensor at a level; one that is the same for all is repeated."""
    if isinstance(t, BatchedTensor) and t.level == level:
        return t.full
    return t.unsqueeze(0).expand(size, *t.shape)


def strip(t):
    """Return the ordinary tensor inside any number of levels."""
    while isinstance(t, BatchedTensor):
        t = t.full
    return t


def levels_of(t):
    """Return the levels of a tensor and their sizes, the innermost call of vmap first."""
    levels = []
    while isinstance(t, BatchedTensor):
        levels.append((t.level, t.size_of_batch))
        t = t.full
    return levels


def lifted(t, levels=None):
    """Return a tensor batched at all levels, by default all that run; values are repeated."""
    levels = _running.get() if levels is None else levels
    if not levels:
        return t
    (level, size), *others = levels
    return wrap(lifted(whole(t, level, size), others), level)


def like(t, plain):
    """Return an ordinary tensor batched as `t` is."""
    for level, _ in reversed(levels_of(t)):
        plain = wrap(plain, level)
    return plain


def arranged(t, other):
    """Return the ordinary tensor inside `t`, repeated along the hidden dimensions of another.

    Raises:
        NotBatched: when `t` has hidden dimensions that the other lacks.
    """
    levels = levels_of(other)
    if not set(levels_of(t)) <= set(levels):
        raise NotBatched("a value with more hidden dimensions than it belongs to")
    return strip(lifted(t, levels)) if levels else t


def levels_of_any(args):
    """Return the innermost level among arguments; 0 when there is none."""
    return max(map(_level, args), default=0)


def by_rule(rule, args):
    """Return what a custom function's own rule makes of arguments of which some are batched."""
    level = levels_of_any(args)
    inner = [isinstance(a, BatchedTensor) and a.level == level for a in args]
    output, dims = rule(_infos.get()[level - 1], tuple([0 if i else None for i in inner]),
                        *[a.full if i else a for i, a in zip(inner, args)])
    if isinstance(output, tuple):
        dims = dims if isinstance(dims, tuple) else (dims,) * len(output)
        return tuple([_hidden(o, dim, level) for o, dim in zip(output, dims)])
    return _hidden(output, dims, level)


def _hidden(output, dim, level):
    return output if dim is None else wrap(output.movedim(dim, 0), level)


# -- operations -----------------------------------------------------------------------------------


def _detour(record, call, args, kwargs):
    """Compute an operation on batched tensors by its rule (see `detours`)."""
    level = levels_of_any(args)
    if kwargs:
        level = max(level, *map(_level, kwargs.values()))
    if not level:
        return NotImplemented
    from .batching_rules import apply

    return apply(record, call, args, kwargs, level)


def _level(value):
    if isinstance(value, BatchedTensor):
        return value.level
    if type(value) in (list, tuple):
        return max(map(_level, value), default=0)
    return 0
