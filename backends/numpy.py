"""The CPU backend: NumPy, and the reference for every other backend."""

import itertools
import math
from typing import Any

import numpy as np

from . import kernels
from .base import Backend

float_errors: Any
SILENT: Any

try:  # the context variable behind np.errstate: ten times cheaper to set than np.errstate
    from numpy._core.umath import _extobj_contextvar

    float_errors = _extobj_contextvar
    with np.errstate(all="ignore"):
        SILENT = float_errors.get()
except ImportError:  # a NumPy that has moved it

    class _SetErr:
        def set(self, state):
            return np.seterr(**state)

        def reset(self, state):
            np.seterr(**state)

    float_errors = _SetErr()
    SILENT = dict.fromkeys(("divide", "over", "under", "invalid"), "ignore")


_PIECE = 1 << 15  # elements
_SAME_SIZE = {"f": np.int32, "i": np.int32, "d": np.int64, "l": np.int64}


class _Quiet:
    """np.errstate(all="ignore") at a third of its price."""

    __slots__ = ("_token",)

    def __enter__(self):
        self._token = float_errors.set(SILENT)

    def __exit__(self, *exc_info):
        float_errors.reset(self._token)


class NumpyBackend(Backend):
    """NumPy on the host."""

    matmul: Any
    where: Any
    device_type = "cpu"
    module = np
    array_types: tuple[type, ...] = (np.ndarray, np.generic)

    def from_host(self, array):
        """Return a host array as an array of this device, sharing memory."""
        return array

    def to_host(self, array):
        """Return an array of this device as a NumPy array or scalar."""
        return array

    def quiet(self):
        """Return a context manager that silences floating point warnings, as PyTorch does."""
        return _Quiet()

    def synchronize(self):
        """Wait for the device: nothing to do on the host."""

    def buffer(self, value):
        """Return a writable array for a value that may be a NumPy scalar."""
        return value if isinstance(value, np.ndarray) else np.array(value)

    def pointer(self, array):
        """Return the address of the first element."""
        return array.__array_interface__["data"][0]

    def view(self, array, shape, strides, offset=0):
        """Return a writable strided view; strides and offset count elements.

        Raises:
            RuntimeError: when the view would reach outside the array's own memory.
        """
        size = array.itemsize
        owner = self.owner(array)
        if not owner.flags.c_contiguous:
            owner = owner.transpose(sorted(range(owner.ndim), key=lambda d: -owner.strides[d]))
        start = self.pointer(array) - self.pointer(owner) + offset * size
        reach = sum((n - 1) * s for n, s in zip(shape, strides)) if 0 not in shape else -1
        if start < 0 or start + (reach + 1) * size > owner.nbytes:
            raise RuntimeError(
                f"setStorage: sizes {list(shape)}, strides {list(strides)}, storage offset "
                f"{offset} require memory outside the storage of {owner.nbytes} bytes")
        return np.ndarray(shape, array.dtype, owner, start, [s * size for s in strides])

    def broadcast_to(self, array, shape):
        """Return a view of the array with repeated axes (stride 0)."""
        array = np.asarray(array)
        lead = len(shape) - array.ndim
        if lead < 0:
            raise ValueError(f"cannot broadcast shape {array.shape} to {tuple(shape)}")
        strides = [0] * lead + [
            0 if n != want else s
            for n, want, s in zip(array.shape, shape[lead:], array.strides)]
        for n, want in zip(array.shape, shape[lead:]):
            if n != want and n != 1:
                raise ValueError(f"cannot broadcast shape {array.shape} to {tuple(shape)}")
        if array.flags.c_contiguous:
            return np.ndarray(shape, array.dtype, array, 0, strides)
        return self.view(array, shape, [s // array.itemsize for s in strides])

    def joined(self, arrays, axis):
        """Return arrays joined along an axis: where they are the parts of one, that one."""
        base = getattr(arrays[0], "base", None)
        if type(base) is np.ndarray and base.flags.c_contiguous:
            shape = list(arrays[0].shape)
            shape[axis] = sum([array.shape[axis] for array in arrays])
            if base.size == math.prod(shape):
                whole = base.reshape(shape)
                bounds = itertools.accumulate([array.shape[axis] for array in arrays[:-1]])
                parts = np.split(whole, list(bounds), axis)
                if all(_is_same(array, part) for array, part in zip(arrays, parts)):
                    return whole
        return self.concatenate(arrays, axis)

    def running(self, combine, array, axis):
        """Return the elements up to each one combined by a ufunc."""
        return combine.accumulate(array, axis=axis)

    def erf(self, x):
        """Error function, in pieces that stay in the cache from step to step."""
        if x.size <= _PIECE:
            return super().erf(x)
        out = np.empty(x.shape, x.dtype)
        source, target = x.reshape(-1), out.reshape(-1)
        for start in range(0, x.size, _PIECE):
            target[start:start + _PIECE] = super().erf(source[start:start + _PIECE])
        return out

    def scatter_add(self, array, index, values):
        """Add values into `array[index]` in place; repeated indices accumulate."""
        index = index if type(index) is tuple else (index,)
        places = _flat_places(array.shape, index) if array.flags.c_contiguous else None
        if places is None:
            np.add.at(array, index, values)
        else:  # one-dimensional np.add.at is ten times faster
            values = np.broadcast_to(np.asarray(values, array.dtype), places.shape)
            np.add.at(array.reshape(-1), places.reshape(-1), values.reshape(-1))
        return array


def _is_same(a, b):
    """Return whether two arrays are the same part of the same memory."""
    return a.__array_interface__ == b.__array_interface__


def _flat_places(shape, index):
    """Return the flat positions that a key names, or None for keys that need NumPy's own care."""
    given = [n for n, item in enumerate(index) if type(item) is not slice]
    if given != list(range(given[0], given[-1] + 1)) or any(
            item != slice(None) for item in index if type(item) is slice):
        return None
    steps = [math.prod(shape[n + 1:]) for n in range(len(shape))]
    places = 0
    for n in given:
        item = np.asarray(index[n])
        if item.dtype.kind != "i" or item.size and not (
                -shape[n] <= item.min() and item.max() < shape[n]):
            return None
        places = places + np.where(item < 0, item + shape[n], item) * steps[n]
    before, after = math.prod(shape[:given[0]]), shape[given[-1] + 1:]
    places = places.reshape(places.shape + (1,) * len(after)) + np.arange(
        math.prod(after)).reshape(after)
    if given[0] == 0:
        return places
    first = np.arange(before) * math.prod(shape[given[0]:])
    return first.reshape(shape[:given[0]] + (1,) * places.ndim) + places


def _matmul(a, b, out=None):
    """np.matmul, with a compiled kernel where the matrices are large."""
    kernel = kernels.compiled("matmul", a.size + b.size)
    if kernel is not None:
        result = kernel.forward(cpu, False, a, b, out)
        if result is not NotImplemented:
            return result
    if out is None and a.ndim == 2 == b.ndim:
        return a.dot(b)  # the same product; the call costs half
    return np.matmul(a, b, out=out)


def _where(condition, *choices):
    """np.where, for large arrays by arithmetic on bits: branches on data are mispredicted."""
    if choices and condition.size >= _PIECE and condition.dtype.char == "?":
        dtype = np.result_type(*choices)
        whole = _SAME_SIZE.get(dtype.char)
        if whole is not None:
            x, y = [np.asarray(choice, dtype).view(whole) for choice in choices]
            bits = (x ^ y) & np.negative(condition, dtype=whole, casting="unsafe")
            bits ^= y
            return bits.view(dtype)
    return np.where(condition, *choices)


cpu = NumpyBackend()
cpu.matmul = _matmul
cpu.where = _where


def make(index):
    """Return the backend of CPU number `index`; there is one."""
    if index not in (None, 0):
        raise RuntimeError(f"there is one CPU device; cpu:{index} does not exist")
    return cpu


def device_count():
    """Return how many CPU devices there are: one."""
    return 1
