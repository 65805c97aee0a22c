"""A strict fake device over NumPy: a test tool for machines without a GPU, never a GPU.

Its arrays refuse what a GPU array refuses: silent conversion to the host, `float()`, truth
values taken by accident, iteration, operands that live on the host. Fresh memory is poisoned.
What runs here without complaint touches no host memory behind the device's back.
"""

import operator

import numpy as np

from .along import Along
from .numpy import NumpyBackend, cpu

__all__ = ["StandinArray", "make"]

_ATTRIBUTES = frozenset({"shape", "dtype", "ndim", "size", "strides", "itemsize", "nbytes",
                         "flags"})
_METHODS = frozenset({
    "all", "any", "argmax", "argmin", "argsort", "astype", "clip", "conj", "copy", "cumprod",
    "cumsum", "diagonal", "dot", "fill", "flatten", "max", "mean", "min", "nonzero", "partition",
    "prod", "ravel", "repeat", "reshape", "round", "sort", "squeeze", "std", "sum", "swapaxes",
    "take", "trace", "transpose", "var", "view"})


class StandinArray:
    """An array of the stand-in device."""

    __slots__ = ("_host", "__weakref__")
    __array_ufunc__ = None  # NumPy's operators and ufuncs must not take it

    def __init__(self, host):
        self._host = host

    @property
    def base(self):
        """The owner of the memory, whose identity is the storage's."""
        host = self._host
        return host if host.base is None else host.base

    @property
    def T(self):
        """The transpose, a view."""
        return StandinArray(self._host.T)

    @property
    def real(self):
        """The real part, a view."""
        return StandinArray(self._host.real)

    @property
    def imag(self):
        """The imaginary part, a view."""
        return StandinArray(self._host.imag)

    def __getattr__(self, name):
        if name in _ATTRIBUTES:
            return getattr(self._host, name)
        if name in _METHODS:
            return _wrapping(getattr(self._host, name))
        raise AttributeError(f"stand-in arrays have no {name}")

    def __len__(self):
        return len(self._host)

    def __getitem__(self, index):
        return _wrap(self._host[_unwrap(index)])

    def __setitem__(self, index, value):
        self._host[_unwrap(index)] = _unwrap(value)

    def __repr__(self):
        return f"<stand-in array {self._host.dtype}{list(self._host.shape)}>"

    def _refuse(self, *args, **kwargs):
        raise TypeError("implicit conversion of a device array to the host: use xp.to_host")

    __array__ = __float__ = __int__ = __bool__ = __index__ = __complex__ = _refuse
    __iter__ = item = tolist = __contains__ = _refuse
    __hash__ = None  # type: ignore[assignment]


def _unwrap(value):
    """Return NumPy's view of an argument; refuse host arrays."""
    if isinstance(value, StandinArray):
        return value._host
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError("a host array among the operands of a device operation: use xp.from_host")
    if type(value) in (list, tuple):
        return type(value)(_unwrap(v) for v in value)
    if type(value) is slice:
        return slice(*(_unwrap(v) for v in (value.start, value.stop, value.step)))
    return value


def _wrap(value):
    """Return a result as an array of the device."""
    if isinstance(value, np.ndarray):
        return StandinArray(value)
    if isinstance(value, np.generic):
        return StandinArray(np.array(value))
    if isinstance(value, tuple):
        items = [_wrap(v) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, list):
        return [_wrap(v) for v in value]
    return value


class _wrapping:
    """A NumPy function that takes and gives device arrays; its attributes likewise (`add.at`)."""

    def __init__(self, function):
        self._function = function

    def __call__(self, *args, **kwargs):
        return _wrap(self._function(*[_unwrap(a) for a in args],
                                    **{k: _unwrap(v) for k, v in kwargs.items()}))

    def __getattr__(self, name):
        return _wrapping(getattr(self._function, name))


def _operator(function):
    def forward(self, other):
        if isinstance(other, np.ndarray) and other.ndim:
            _unwrap(other)
        return _wrap(function(self._host, getattr(other, "_host", other)))

    def reflected(self, other):
        return _wrap(function(_unwrap(other), self._host))

    def in_place(self, other):
        host = self._host
        function(host, _unwrap(other))  # raises before anything is written
        self._host[...] = function(host, _unwrap(other))
        return self

    return forward, reflected, in_place


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_",
              "xor", "lshift", "rshift", "eq", "ne", "lt", "le", "gt", "ge"):
    _plain = _name.rstrip("_")
    for _prefix, _made in zip(("", "r", "i"), _operator(getattr(operator, _name))):
        setattr(StandinArray, f"__{_prefix}{_plain}__", _made)
def _unary(function):
    return lambda self: _wrap(function(self._host))


for _name in ("neg", "pos", "abs", "invert"):
    setattr(StandinArray, f"__{_name}__", _unary(getattr(operator, _name)))


class StandinBackend(NumpyBackend):
    """NumPy behind strict arrays."""

    device_type = "standin"
    index = 0
    array_types = (StandinArray,)

    def __getattribute__(self, name):
        if name.startswith("_") or name in StandinBackend.__dict__ or name in (
                "device_type", "index", "quiet"):
            return object.__getattribute__(self, name)
        value = getattr(cpu, name)
        if isinstance(value, type) or not callable(value):
            return value
        return _wrapping(value)

    def from_host(self, array):
        """Return a copy of a host array on this device."""
        return StandinArray(np.array(array))

    def to_host(self, array):
        """Return a copy of a device array on the host."""
        return array._host.copy()

    def owner(self, array):
        """Return the identity of an array's storage."""
        return array.base

    def pointer(self, array):
        """Return the address of the first element of an array or of a storage."""
        return cpu.pointer(getattr(array, "_host", array))

    def buffer(self, value):
        """Return the array: there are no scalars on a device."""
        return value

    def empty(self, shape, dtype=np.float64):
        """Return fresh memory, poisoned."""
        return self._poisoned(np.empty(shape, dtype))

    def empty_like(self, array, dtype=None):
        """Return fresh memory like an array's, poisoned."""
        return self._poisoned(np.empty_like(array._host, dtype))

    running = Along.running  # the text that devices without ufunc.accumulate run

    def _poisoned(self, host):
        host[...] = np.nan if host.dtype.kind in "fcV" else host.dtype.type(
            True) if host.dtype.kind == "b" else np.iinfo(host.dtype).max
        return StandinArray(host)


standin = StandinBackend()


def make(index):
    """Return the stand-in; there is one."""
    if index not in (None, 0):
        raise RuntimeError(f"there is one stand-in device; standin:{index} does not exist")
    return standin


def device_count():
    """Return 1: it is always there."""
    return 1
