"""The element types, and how two of them combine (PyTorch's rules, not NumPy's)."""

import numpy as np

__all__ = [
    "bool", "complex128", "complex64", "double", "dtype", "finfo", "float", "float16",
    "float32", "float64", "get_default_dtype", "half", "iinfo", "int", "int16", "int32",
    "int64", "int8", "long", "set_default_dtype", "short", "uint8",
    "promote_types", "can_cast",
]

_CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
_by_numpy = {}


class dtype:
    """The type of a tensor's elements, such as `ember.float32`.

    >>> import ember
    >>> ember.float32.itemsize, ember.float32.is_floating_point
    (4, True)
    """

    __slots__ = ("name", "numpy", "itemsize", "is_floating_point", "is_complex", "is_signed",
                 "category", "title")

    def __init__(self, name, numpy, title):
        self.name = name
        self.title = title
        self.numpy = np.dtype(numpy)
        self.itemsize = self.numpy.itemsize
        self.category = _CATEGORY[self.numpy.kind]
        self.is_floating_point = self.category == 2
        self.is_complex = self.category == 3
        self.is_signed = self.numpy.kind in "ifc"
        _by_numpy[self.numpy] = self

    def __repr__(self):
        return "torch." + self.name

    def __reduce__(self):
        return self.name

    def to_real(self):
        """Return the real type of the same precision."""
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    def to_complex(self):
        """Return the complex type of the same precision."""
        return {"float64": complex128, "complex128": complex128}.get(self.name, complex64)


# The public names are PyTorch's; inside this module the built-ins are not needed again.
bool = dtype("bool", "bool", "Bool")
uint8 = dtype("uint8", "uint8", "Byte")
int8 = dtype("int8", "int8", "Char")
int16 = short = dtype("int16", "int16", "Short")
int32 = int = dtype("int32", "int32", "Int")
int64 = long = dtype("int64", "int64", "Long")
float16 = half = dtype("float16", "float16", "Half")
float32 = float = dtype("float32", "float32", "Float")
float64 = double = dtype("float64", "float64", "Double")
complex64 = dtype("complex64", "complex64", "ComplexFloat")
complex128 = dtype("complex128", "complex128", "ComplexDouble")

_default = float32


def of(array):
    """Return the dtype of a raw array, or raise TypeError for an element type ember lacks."""
    return from_numpy_dtype(array.dtype)


def from_numpy_dtype(numpy_dtype):
    """Return ember's dtype for a NumPy dtype."""
    try:
        return _by_numpy[numpy_dtype]
    except KeyError:
        names = ", ".join(d.name for d in _by_numpy.values())
        raise TypeError(
            f"can't convert np.ndarray of type {numpy_dtype}. "
            f"The only supported types are: {names}."
        ) from None


def get_default_dtype():
    """Return the dtype that Python floats become (float32 unless changed)."""
    return _default


def set_default_dtype(d):
    """Set the dtype that Python floats become; it must be a floating point type.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.set_default_dtype.html
    """
    global _default
    if not isinstance(d, dtype):
        raise TypeError(f"invalid dtype object: expected a torch.dtype, got {type(d).__name__}")
    if not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    _default = d


def promote_types(type1, type2):
    """Return the smallest dtype to which both can be converted.

    >>> import ember
    >>> ember.promote_types(ember.int64, ember.float16)
    torch.float16
    """
    if type1 is type2:
        return type1
    if type1.category == type2.category:
        return from_numpy_dtype(np.promote_types(type1.numpy, type2.numpy))
    low, high = sorted((type1, type2), key=lambda d: d.category)
    if high.is_complex and low is float64:
        return complex128
    return high


def can_cast(from_, to):
    """Return whether values of one dtype may be written into a tensor of another.

    >>> import ember
    >>> ember.can_cast(ember.float32, ember.int64)
    False
    """
    return from_.category <= to.category


def result_dtype(dimensioned, zero_dim, scalars):
    """Return the dtype of an operation on operands of three ranks.

    Tensors with dimensions outrank 0-d tensors, which outrank Python numbers: a lower rank
    changes the result only when it brings a higher category (bool < integer < float < complex).
    Source: https://docs.pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc
    """
    result = None
    for group in (dimensioned, zero_dim, scalars):
        best = None
        for d in group:
            best = d if best is None else promote_types(best, d)
        if best is None:
            continue
        if result is None:
            result = best
        elif best.category > result.category:
            result = promote_types(best, result) if best.is_complex else best
    return result


def of_number(value):
    """Return the dtype a Python number takes part with in promotion."""
    if isinstance(value, (np.bool_, True.__class__)):
        return bool
    if isinstance(value, (1).__class__):
        return int64
    if isinstance(value, (1.0).__class__):
        return _default
    return _default.to_complex()


class finfo:
    """Numerical limits of a floating point dtype, as `torch.finfo`.

    >>> import ember
    >>> ember.finfo(ember.float32).bits
    32
    """

    def __init__(self, type=None):
        self.dtype = (type or _default).name
        info = np.finfo((type or _default).to_real().numpy)
        self.bits = info.bits
        for name in ("eps", "max", "min", "tiny", "smallest_normal", "resolution"):
            setattr(self, name, getattr(info, name).item())

    def __repr__(self):
        return (f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
                f"eps={self.eps:g}, smallest_normal={self.smallest_normal:g}, "
                f"tiny={self.tiny:g}, dtype={self.dtype})")


class iinfo:
    """Numerical limits of an integer dtype, as `torch.iinfo`.

    >>> import ember
    >>> ember.iinfo(ember.int8).max
    127
    """

    def __init__(self, type):
        info = np.iinfo(type.numpy)
        self.dtype = type.name
        self.bits, self.min, self.max = info.bits, info.min, info.max

    def __repr__(self):
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
