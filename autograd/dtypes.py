"""The element types, and how two of them combine (PyTorch's rules, not NumPy's)."""

import numpy as np

__all__ = [
    "bfloat16", "bool", "can_cast", "cdouble", "cfloat", "complex128", "complex64", "double",
    "dtype", "finfo", "float", "float16", "float32", "float64", "get_default_dtype", "half",
    "iinfo", "int", "int16", "int32", "int64", "int8", "long", "promote_types", "result_type",
    "set_default_dtype", "set_default_tensor_type", "short", "uint16", "uint32", "uint64",
    "uint8",
]

# ml_dtypes' types are of kind V, "void"; the only one that tensors hold is bfloat16.
_CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2, "V": 2, "c": 3}
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
        self.numpy = np.dtype(numpy)
        _by_numpy[self.numpy] = self
        self._describe(name, title, self.numpy.kind, self.numpy.itemsize)

    def _describe(self, name, title, kind, itemsize):
        self.name = name
        self.title = title
        self.itemsize = itemsize
        self.category = _CATEGORY[kind]
        self.is_floating_point = self.category == 2
        self.is_complex = self.category == 3
        self.is_signed = kind in "ifcV"

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


class _Half(dtype):
    """A type of two bytes: from its first use on, `lowprecision` computes with it in float32."""

    __slots__ = ("_find", "_found")

    def __init__(self, name, title, kind, find):
        self._describe(name, title, kind, 2)
        self._find = find
        self._found = None

    @property
    def numpy(self):
        """The NumPy dtype.

        Raises:
            ImportError: when it takes a package that is not installed.
        """
        if self._found is None:
            found = np.dtype(self._find())
            from . import lowprecision  # computes with it from here on

            self._found = found
            _by_numpy[found] = self
            lowprecision.begin()
        return self._found


def _find_bfloat16():
    """Return the type that NumPy lacks: ml_dtypes has it."""
    try:
        from ml_dtypes import bfloat16 as scalar
    except ImportError:
        raise ImportError(
            "torch.bfloat16 needs the package ml_dtypes, which is not installed: "
            "pip install 'ember[bf16]'. float16 and float32 work without it.") from None
    return scalar


# The public names are PyTorch's; inside this module the built-ins are not needed again.
bool = dtype("bool", "bool", "Bool")
uint8 = dtype("uint8", "uint8", "Byte")
uint16 = dtype("uint16", "uint16", "UInt16")
uint32 = dtype("uint32", "uint32", "UInt32")
uint64 = dtype("uint64", "uint64", "UInt64")
int8 = dtype("int8", "int8", "Char")
int16 = short = dtype("int16", "int16", "Short")
int32 = int = dtype("int32", "int32", "Int")
int64 = long = dtype("int64", "int64", "Long")
bfloat16 = _Half("bfloat16", "BFloat16", "V", _find_bfloat16)
float16 = half = _Half("float16", "Half", "f", lambda: np.float16)
float32 = float = dtype("float32", "float32", "Float")
float64 = double = dtype("float64", "float64", "Double")
complex64 = cfloat = dtype("complex64", "complex64", "ComplexFloat")
complex128 = cdouble = dtype("complex128", "complex128", "ComplexDouble")

_default = float32


def of(array):
    """Return the dtype of a raw array, or raise TypeError for an element type ember lacks."""
    return from_numpy_dtype(array.dtype)


def from_numpy_dtype(numpy_dtype):
    """Return ember's dtype for a NumPy dtype."""
    try:
        return _by_numpy[numpy_dtype]
    except KeyError:
        for d in (float16, bfloat16):
            if numpy_dtype.name == d.name and numpy_dtype == d.numpy:
                return d
        names = ", ".join(d.name for d in {*_by_numpy.values(), float16, bfloat16})
        raise TypeError(
            f"can't convert np.ndarray of type {numpy_dtype}. "
            f"The only supported types are: {names}."
        ) from None


def titled(title):
    """Return the dtype by PyTorch's old name for it, such as "Long"."""
    for d in globals().values():
        if isinstance(d, dtype) and d.title == title:
            return d
    raise ValueError(f"invalid type: 'torch.{title}Tensor'")


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


def set_default_tensor_type(t):
    """Set the default dtype by the old name of its type: a class or "torch.DoubleTensor".

    Raises:
        TypeError: for a type that is not a floating point one.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.set_default_tensor_type.html
    """
    if isinstance(t, str):
        title = t.rsplit(".", 1)[-1]
        d = titled(title.removesuffix("Tensor"))
    else:
        d = getattr(t, "dtype", None)
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    set_default_dtype(d)


_WIDE_UNSIGNED = (uint16, uint32, uint64)
_promoted = {}


def promote_types(type1, type2):
    """Return the smallest dtype to which both can be converted.

    Raises:
        RuntimeError: for uint16, uint32 or uint64 with another type that is not a float.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.promote_types.html

    >>> import ember
    >>> ember.promote_types(ember.int64, ember.float16)
    torch.float16
    """
    if type1 is type2:
        return type1
    try:
        return _promoted[type1, type2]
    except KeyError:
        result = _promoted[type1, type2] = _promote(type1, type2)
        return result


def _promote(type1, type2):
    low, high = sorted((type1, type2), key=lambda d: (d.category, d.itemsize))
    if type1 in _WIDE_UNSIGNED or type2 in _WIDE_UNSIGNED:
        if not high.is_floating_point:
            raise RuntimeError(
                "Promotion for uint16, uint32, uint64 types is not supported, attempted to "
                f"promote {type1.title} and {type2.title}. Convert one of them with .to(dtype)")
        return high
    if high.is_complex and low is float64:
        return complex128
    if low.category != high.category or bfloat16 not in (low, high):
        return high if low.category != high.category else from_numpy_dtype(
            np.promote_types(low.numpy, high.numpy))
    return float32 if float16 in (low, high) else high


def can_cast(from_, to):
    """Return whether values of one dtype may be written into a tensor of another.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.can_cast.html

    >>> import ember
    >>> ember.can_cast(ember.float32, ember.int64)
    False
    """
    for d in (from_, to):
        if not isinstance(d, dtype):
            raise TypeError(f"can_cast() takes two dtypes, not {d!r}")
    return from_.category <= to.category


def result_type(tensor1, tensor2):
    """Return the dtype of an arithmetic operation on two tensors or numbers.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.result_type.html

    >>> import ember
    >>> ember.result_type(ember.tensor([1, 2], dtype=ember.uint8), 1.5)
    torch.float32
    """
    ranks = ([], [], [])
    for operand in (tensor1, tensor2):
        array = getattr(operand, "_array", None)
        if array is not None:
            ranks[0 if array.ndim else 1].append(of(array))
        elif isinstance(operand, (True.__class__, (1).__class__, (1.0).__class__, complex)):
            ranks[2].append(of_number(operand))
        else:
            raise TypeError("result_type(): arguments must be Tensor or Number, not "
                            f"{type(operand).__name__}")
    return result_dtype(*ranks)


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
        if result is None:
            result = best
        elif best is not None and best.category > result.category:
            if best.is_complex and result.is_floating_point:
                result = result.to_complex()
            else:
                result = promote_types(best, result)
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

    Source: https://docs.pytorch.org/docs/stable/type_info.html

    >>> import ember
    >>> ember.finfo(ember.float32).bits
    32
    """

    def __init__(self, type=None):
        given = (type or _default).to_real()
        if not given.is_floating_point:
            raise TypeError(f"torch.finfo() requires a floating point input type, not {type}. "
                            "Use torch.iinfo to handle integer types")
        self.dtype = given.name
        info = _limits(given)
        self.bits = info.bits
        self.resolution = 10.0 ** -info.precision
        for name in ("eps", "max", "min", "tiny", "smallest_normal"):
            setattr(self, name, (0.0).__class__(getattr(info, name)))

    def __repr__(self):
        return (f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
                f"eps={self.eps:g}, smallest_normal={self.smallest_normal:g}, "
                f"tiny={self.tiny:g}, dtype={self.dtype})")


def _limits(d):
    if d is not bfloat16:
        return np.finfo(d.numpy)
    _ = d.numpy  # raises with the remedy when ml_dtypes is missing
    from ml_dtypes import finfo as limits

    return limits("bfloat16")


class iinfo:
    """Numerical limits of an integer dtype, as `torch.iinfo`.

    Source: https://docs.pytorch.org/docs/stable/type_info.html

    >>> import ember
    >>> ember.iinfo(ember.int8).max
    127
    """

    def __init__(self, type):
        if type.category != 1:
            raise TypeError(f"torch.iinfo() requires an integer input type, not {type}. "
                            "Use torch.finfo to handle floating point types")
        info = np.iinfo(type.numpy)
        self.dtype = type.name
        self.bits, self.min, self.max = info.bits, info.min, info.max

    def __repr__(self):
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
