"""Filling tensors with random numbers in place: `uniform_`, `normal_`, `random_` and the rest.

Each distribution has one function that checks its arguments for a dtype and returns how to draw:
`draw(stream, n, contiguous)`. The methods here and the constructors in `random` share it.
"""

import math
import operator
import warnings

import numpy as np

from ..backends.random import in_memory_order, memory_order, significant_bits
from . import dtypes, inplace
from .generator import stream_of
from .ops.conversion import overwritten
from .tensor import Tensor, tensor_method

__all__ = ["bernoulli", "fill", "integers", "last_whole", "normal", "not_implemented", "uniform"]

_LONG = (-(1 << 63), (1 << 63) - 1)


def fill(tensor, name, draw, generator):
    """Overwrite a tensor, in the order of its memory, with what `draw` returns.

    Raises:
        RuntimeError: when the tensor may not be written in place; nothing is drawn then.
    """
    inplace.check_writable(tensor, name)
    array, xp = tensor._array, tensor._xp
    values = draw(stream_of(generator, xp), array.size, array.flags.c_contiguous)
    result = Tensor._wrap(xp.from_host(in_memory_order(values, array)), xp)
    if tensor._node is not None:
        result = overwritten(tensor, result)  # the numbers do not depend on it: gradient zero
    return inplace.overwrite(tensor, result, name)


# -- how to draw ---------------------------------------------------------------------------------


def uniform(dtype, low=0, high=1):
    """Return how to draw floats in [low, high)."""
    real = _real(dtype, "check_uniform_bounds")
    largest = dtypes.finfo(dtypes.from_numpy_dtype(real)).max
    for name, bound in (("from", low), ("to", high)):
        if not -largest <= bound <= largest:
            raise RuntimeError(f"{name} is out of bounds for {_title(real)}: uniform_ got {bound}")
    if low > high:
        raise RuntimeError("uniform_ expects to return a [from, to) range, but found "
                           f"from={low} > to={high}")
    if high - low > largest:
        raise RuntimeError(
            f"uniform_ expects to-from <= std::numeric_limits<{_title(real)}>::max(), but found "
            f"to={high} and from={low} which result in to-from to exceed the limit")
    return lambda stream, n, contiguous: stream.uniform(
        n * dtype.itemsize // real.itemsize, real, float(low), float(high)).view(dtype)


def normal(dtype, mean=0, std=1):
    """Return how to draw normally distributed floats."""
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    real = _real(dtype, "normal_kernel_cpu")
    if dtype.kind == "c":
        std /= math.sqrt(2)  # of each part, so that the variances add up
    return lambda stream, n, contiguous: stream.normal(
        n * dtype.itemsize // real.itemsize, real, float(mean), float(std), contiguous).view(dtype)


def bernoulli(dtype, p):
    """Return how to draw ones with probability p."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    return lambda stream, n, contiguous: stream.bernoulli(n, float(p)).astype(dtype)


def integers(dtype, low, high):
    """Return how to draw integers in [low, high), in any real dtype; high=None: to the largest."""
    low = _integer(low, "from")
    if high is not None:
        high = _integer(high, "to")
        if low >= high:
            raise RuntimeError("random_ expects 'from' to be less than 'to', but got "
                               f"from={low} >= to={high}")
    elif low == _LONG[0]:
        if dtype not in (np.int64, np.float64, np.float32):
            raise RuntimeError("random_ over the full 64 bit range handles only int64, double and "
                               f"float, not {_title(dtype)}")
        return lambda stream, n, contiguous: stream.integers(n, dtype, low, 1 << 64)
    else:
        high = min(last_whole(dtype), _LONG[1]) + 1
        if low >= high:
            raise RuntimeError(
                "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' "
                f"casted to dtype, but got from={low} > to_inc={high - 1}")
    low, high = _within(dtype, low, high)
    return lambda stream, n, contiguous: stream.integers(n, dtype, low, high - low)


def _within(dtype, low, high):
    """Return the bounds, moved inwards to numbers of the dtype; check that it holds them."""
    floating = dtype.kind in "fV"
    limits = (dtypes.finfo(dtypes.from_numpy_dtype(dtype)) if floating
              else np.iinfo(np.uint8 if dtype.kind == "b" else dtype))
    digits = significant_bits(dtype) if floating else 0
    smallest, largest = int(limits.min), 1 if dtype.kind == "b" else int(limits.max)
    for name, bound in (("from", low), ("to - 1", high - 1)):
        if not smallest <= bound <= largest:
            raise RuntimeError(f"{name} is out of bounds for {_title(dtype)}: random_ got {bound}")
        if floating and abs(bound) > 1 << digits:
            warnings.warn(
                f"{name} is out of bounds [-(2^{digits}), 2^{digits}]. Due to "
                f"precision limitations {_title(dtype)} can support discrete uniform distribution "
                "only within this range.", stacklevel=4)
    if floating:
        above, below = int(dtype.type(low + 1)), int(dtype.type(high - 1))
        if above < low:
            low = above + (1 << max(abs(low + 1).bit_length() - digits, 0))
        if below >= high:
            high = below - (1 << max(abs(high - 1).bit_length() - digits, 0))
        if low >= high:
            raise RuntimeError("random_ expects 'from' casted to dtype to be less than 'to' casted "
                               f"to dtype, but got from={low} >= to={high}")
    return low, high


def last_whole(dtype):
    """Return the largest number up to which a dtype holds all integers."""
    if dtype.kind == "b":
        return 1
    return np.iinfo(dtype).max if dtype.kind in "iu" else 1 << significant_bits(dtype)


def _integer(value, name):
    try:
        value = operator.index(value)
    except TypeError:
        raise TypeError(
            f"random_(): argument '{name}' must be int, not {type(value).__name__}") from None
    if not _LONG[0] <= value <= _LONG[1]:
        raise RuntimeError(f"random_(): argument '{name}'={value}: Overflow when unpacking long")
    return value


def _real(dtype, kernel):
    """Return the real dtype of a floating point or complex one."""
    if dtype.kind not in "fcV":
        raise not_implemented(kernel, dtype)
    return np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype


def not_implemented(kernel, dtype):
    """Return the error for a distribution that a dtype cannot hold."""
    return NotImplementedError(f"\"{kernel}\" not implemented for '{_title(dtype)}'")


def _title(dtype):
    return dtypes.from_numpy_dtype(dtype).title


# -- the methods ---------------------------------------------------------------------------------


@tensor_method
def uniform_(self, from_=0, to=1, *, generator=None, **keywords):
    """Fill with numbers from the uniform distribution on [from, to).

    Raises:
        RuntimeError: when from > to or the dtype cannot hold them.
        NotImplementedError: for tensors of integers.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.uniform_.html

    >>> import ember
    >>> _ = ember.manual_seed(1337)
    >>> ember.empty(3).uniform_(-1, 1)
    tensor([-0.8434, -0.0088,  0.2462])
    """
    low = keywords.pop("from", from_)  # PyTorch's name for it, which Python reserves
    if keywords:
        raise TypeError(f"uniform_() got an unexpected keyword argument '{next(iter(keywords))}'")
    return fill(self, "uniform_", uniform(self._array.dtype, low, to), generator)


@tensor_method
def normal_(self, mean=0, std=1, *, generator=None):
    """Fill with numbers from the normal distribution.

    Raises:
        RuntimeError: when std < 0.
        NotImplementedError: for tensors of integers.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.normal_.html

    >>> import ember
    >>> _ = ember.manual_seed(1337)
    >>> ember.empty(3).normal_()
    tensor([-2.0260, -2.0655, -1.2054])
    """
    return fill(self, "normal_", normal(self._array.dtype, mean, std), generator)


@tensor_method
def bernoulli_(self, p=0.5, *, generator=None):
    """Fill with ones at probability p, else zeros.

    Args:
        p: a number, or a tensor of probabilities that broadcasts to this one's shape.
    Raises:
        RuntimeError: when a probability is not in [0, 1], or the shapes do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.bernoulli_.html

    >>> import ember
    >>> _ = ember.manual_seed(1337)
    >>> ember.zeros(5).bernoulli_(0.5)
    tensor([0., 0., 0., 0., 1.])
    """
    dtype = self._array.dtype
    draw = _bernoulli_each(self, p) if isinstance(p, Tensor) else bernoulli(dtype, p)
    return fill(self, "bernoulli_", draw, generator)


def _bernoulli_each(target, p):
    """Return how to draw ones with a tensor of probabilities, in the order of target's memory."""
    array = target._array
    each = p.detach().expand(array.shape)
    each = np.asarray(each._xp.to_host(each._array))
    if each.dtype.kind not in "fV":
        raise not_implemented("bernoulli_tensor_cpu_p_", each.dtype)
    wrong = each[~((each >= 0) & (each <= 1))]
    if wrong.size:
        raise RuntimeError(f"bernoulli expects each p to be in [0, 1], but got p={wrong[0]}")
    each = each.transpose(memory_order(array)).ravel()
    return lambda stream, n, contiguous: stream.bernoulli_each(each).astype(array.dtype)


@tensor_method
def random_(self, *bounds, generator=None, **keywords):
    """Fill with integers: `random_()`, `random_(to)` or `random_(from, to)`.

    Without bounds they run from 0 to the largest the dtype holds, for floating point types to
    the last before which there are no gaps; to=None means up to that one.

    Raises:
        RuntimeError: when from >= to or the dtype cannot hold them.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.random_.html

    >>> import ember
    >>> _ = ember.manual_seed(1337)
    >>> ember.empty(4, dtype=ember.int64).random_(10)
    tensor([5, 7, 2, 0])
    """
    dtype = self._array.dtype
    if dtype.kind == "c":
        raise not_implemented("random_kernel_cpu", dtype)
    if not bounds and not keywords:
        return fill(self, "random_", lambda stream, n, _: stream.full_range(n, dtype), generator)
    if len(bounds) == 1 and not keywords:
        low, high = 0, operator.index(bounds[0])
    else:
        given = dict(zip(("from", "to"), bounds, strict=False), **keywords)
        low, high = given.pop("from", 0), given.pop("to", None)
        if given or len(bounds) > 2:
            raise TypeError("random_() takes (), (to) or (from, to); got "
                            f"{[*bounds, *keywords]}")
    return fill(self, "random_", integers(dtype, low, high), generator)


@tensor_method
def exponential_(self, lambd=1, *, generator=None):
    """Fill with numbers from the exponential distribution of rate lambd.

    Raises:
        RuntimeError: when lambd <= 0, or for tensors of integers.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.exponential_.html
    """
    dtype = self._array.dtype
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    _continuous("Exponential", dtype)
    return fill(self, "exponential_",
                lambda stream, n, _: stream.exponential(n, dtype, float(lambd)), generator)


@tensor_method
def cauchy_(self, median=0, sigma=1, *, generator=None):
    """Fill with numbers from the Cauchy distribution.

    Raises:
        RuntimeError: when sigma <= 0, or for tensors of integers.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.cauchy_.html
    """
    dtype = self._array.dtype
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    _continuous("Cauchy", dtype)
    return fill(self, "cauchy_",
                lambda stream, n, _: stream.cauchy(n, dtype, float(median), float(sigma)),
                generator)


def _continuous(distribution, dtype):
    if dtype.kind not in "fV":
        raise RuntimeError(
            f"{distribution} distribution is a continuous probability distribution. dtype must be "
            f"a floating point but you specified {_title(dtype)}")


@tensor_method
def log_normal_(self, mean=1, std=2, *, generator=None):
    """Fill with numbers whose logarithm is normally distributed with this mean and std.

    Raises:
        RuntimeError: when std <= 0.
        NotImplementedError: for tensors of integers.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.log_normal_.html
    """
    dtype = self._array.dtype
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    if dtype.kind not in "fV":
        raise not_implemented("log_normal_cpu", dtype)
    return fill(self, "log_normal_",
                lambda stream, n, _: stream.log_normal(n, dtype, float(mean), float(std)),
                generator)


@tensor_method
def geometric_(self, p, *, generator=None):
    """Fill with the numbers of trials of probability p until the first success.

    Raises:
        RuntimeError: when p is not between 0 and 1.
        NotImplementedError: for tensors of booleans or complex numbers.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.geometric_.html
    """
    dtype = self._array.dtype
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    if dtype.kind in "bc":
        raise not_implemented("geometric_cpu", dtype)
    return fill(self, "geometric_",
                lambda stream, n, _: stream.geometric(n, dtype, float(p)), generator)
