"""Operations that leave elements out: torch.masked, without its MaskedTensor.

Each gives the elements to leave out the value that changes nothing, such as 0 in a sum, and then
is the plain operation.

In all of them `mask` is a boolean tensor that broadcasts to the input's shape, False where an
element is left out (None: nowhere), and `dtype` is what the input is cast to before. What the
result is where all elements are left out PyTorch leaves open.
PyTorch page: https://docs.pytorch.org/docs/stable/masked.html
"""

import math

from . import dtypes
from .creation import full
from .op import RECORDS
from .ops.matrices import vector_norm

__all__ = ["amax", "amin", "argmax", "argmin", "cumprod", "cumsum", "log_softmax", "logaddexp",
           "logsumexp", "mean", "median", "norm", "normalize", "prod", "softmax", "softmin",
           "std", "sum", "var"]

_where = RECORDS["where"].call


def _filled(name, input, mask, value, dtype=None):
    """Return the input with a value where the mask is False."""
    if dtype is not None:
        input = input.to(dtype)
    if mask is None:
        return input
    if mask.dtype is not dtypes.bool:
        raise TypeError(f"masked.{name}: mask must be a boolean tensor, but it is {mask.dtype}; "
                        "compare it with 0 first")
    if mask.ndim > input.ndim:
        raise IndexError(f"masked.{name}: mask must not have more dimensions than input "
                         f"({mask.ndim} and {input.ndim})")
    return _where(mask, input, full((), value, dtype=input.dtype, device=input.device))


def _lowest(input, dtype=None):
    dtype = dtype or input.dtype
    if dtype.is_floating_point:
        return -math.inf
    return False if dtype is dtypes.bool else dtypes.iinfo(dtype).min


def _highest(input, dtype=None):
    dtype = dtype or input.dtype
    if dtype.is_floating_point:
        return math.inf
    return True if dtype is dtypes.bool else dtypes.iinfo(dtype).max


def _all(input, dim):
    """Return the dimensions to reduce; None and () mean all."""
    if dim is None or dim == ():
        return tuple(range(input.ndim))
    return dim


def _counts(input, dim, keepdim, mask):
    """Return how many elements each result is made of."""
    kept = input.detach().new_ones(input.shape, dtype=dtypes.int64)
    return _filled("mean", kept, mask, 0).sum(_all(input, dim), keepdim)


# -- reductions -----------------------------------------------------------------------------------


def sum(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Sum of the elements that a mask keeps, of all or along dimensions.

    >>> import ember
    >>> x, mask = ember.tensor([1, 2, 3]), ember.tensor([True, False, True])
    >>> ember.masked.sum(x, mask=mask)
    tensor(4)
    """
    return _filled("sum", input, mask, 0, dtype).sum(_all(input, dim), keepdim)


def prod(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Product of the elements that a mask keeps, of all or along dimensions."""
    result = _filled("prod", input, mask, 1, dtype)
    dims = _all(input, dim)
    if not isinstance(dims, (tuple, list)):
        return result.prod(dims, keepdim)
    result = result if dims else result.prod()  # integers become int64
    for d in sorted((d % max(input.ndim, 1) for d in dims), reverse=True):
        result = result.prod(d, keepdim)
    return result


def mean(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Mean of the elements that a mask keeps, of all or along dimensions.

    Raises:
        RuntimeError: for integers, unless `dtype` is given.
    """
    wanted = dtype or input.dtype
    if not (wanted.is_floating_point or wanted.is_complex):
        raise RuntimeError(f"masked.mean: expected a floating point or complex dtype, but got "
                           f"{wanted}; give dtype=")
    return sum(input, dim, keepdim=keepdim, dtype=dtype, mask=mask) / _counts(
        input, dim, keepdim, mask)


def median(input, dim=-1, *, keepdim=False, dtype=None, mask=None):
    """Median of the elements that a mask keeps along a dimension, the lower of two.

    Raises:
        ValueError: for a NaN among the elements, which marks what is left out.
    """
    if input.isnan().any():
        raise ValueError("masked.median: expected no NaN in the input")
    return _filled("median", input, mask, math.nan, dtype).nanmedian(dim, keepdim).values


def amax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Largest of the elements that a mask keeps, of all or along dimensions."""
    return _filled("amax", input, mask, _lowest(input, dtype), dtype).amax(
        _all(input, dim), keepdim)


def amin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Smallest of the elements that a mask keeps, of all or along dimensions."""
    return _filled("amin", input, mask, _highest(input, dtype), dtype).amin(
        _all(input, dim), keepdim)


def argmax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Place of the largest of the elements that a mask keeps, in the input's dtype."""
    place = _filled("argmax", input, mask, _lowest(input, dtype), dtype).argmax(dim, keepdim)
    return place.to(dtype or input.dtype)


def argmin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Place of the smallest of the elements that a mask keeps, in the input's dtype."""
    place = _filled("argmin", input, mask, _highest(input, dtype), dtype).argmin(dim, keepdim)
    return place.to(dtype or input.dtype)


def norm(input, ord=2.0, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Norm of the elements that a mask keeps, as one vector or along dimensions."""
    neutral = math.inf if ord < 0 else 0
    return vector_norm(_filled("norm", input, mask, neutral, dtype), ord, _all(input, dim),
                       keepdim)


def logsumexp(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Logarithm of the sum of exponentials of the elements that a mask keeps, in their dtype."""
    dtype = dtype or input.dtype
    if not (dtype.is_floating_point or dtype.is_complex):
        input = input.to(dtypes.get_default_dtype())
    filled = _filled("logsumexp", input, mask, -math.inf)
    return filled.logsumexp(_all(input, dim), keepdim).to(dtype)


def var(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """Variance of the elements that a mask keeps, of all or along dimensions.

    Args:
        correction: the sum of squares is divided by the number of elements less this, 1 by
            default; unbiased: 1 or 0 as a truth value.

    >>> import ember
    >>> x, mask = ember.tensor([1., 2., 9.]), ember.tensor([True, True, False])
    >>> ember.masked.var(x, mask=mask)
    tensor(0.5000)
    """
    if unbiased is not None and correction is not None:
        raise ValueError("masked.var: give unbiased or correction, not both")
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    input = input if dtype is None else input.to(dtype)
    if not (input.dtype.is_floating_point or input.dtype.is_complex):
        input = input.to(dtypes.get_default_dtype())
    apart = input - mean(input, dim, keepdim=True, mask=mask)
    squares = apart * apart.conj()  # complex numbers stay so, in PyTorch too
    degrees = (_counts(input, dim, keepdim, mask) - correction).clamp_min(0)
    return sum(squares, dim, keepdim=keepdim, mask=mask) / degrees


def std(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """Standard deviation of the elements that a mask keeps. Args: as for `var`."""
    return var(input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype,
               mask=mask).sqrt()


# -- of the input's shape -------------------------------------------------------------------------


def cumsum(input, dim, *, dtype=None, mask=None):
    """Sum up to each element along a dimension, of those that a mask keeps."""
    return _filled("cumsum", input, mask, 0, dtype).cumsum(
        dim, dtype=dtype or input.dtype)


def cumprod(input, dim, *, dtype=None, mask=None):
    """Product up to each element along a dimension, of those that a mask keeps."""
    return _filled("cumprod", input, mask, 1, dtype).cumprod(
        dim, dtype=dtype or input.dtype)


def softmax(input, dim, *, dtype=None, mask=None):
    """Exponentials over their sum along a dimension, of the elements that a mask keeps."""
    return _filled("softmax", input, mask, -math.inf, dtype).softmax(dim)


def log_softmax(input, dim, *, dtype=None, mask=None):
    """Logarithm of `softmax`."""
    return _filled("log_softmax", input, mask, -math.inf, dtype).log_softmax(dim)


def softmin(input, dim, *, dtype=None, mask=None):
    """`softmax` of the negative elements."""
    return softmax(-(input if dtype is None else input.to(dtype)), dim, mask=mask)


def normalize(input, ord, dim, *, eps=1e-12, dtype=None, mask=None):
    """Elements over their norm along a dimension (at least eps), of those that a mask keeps."""
    length = norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask).clamp_min(eps)
    return _filled("normalize", input, mask, 0, dtype) / length


def logaddexp(input, other, *, dtype=None, input_mask=None, other_mask=None):
    """Logarithm of the sum of exponentials of two tensors, each with a mask of its own."""
    return RECORDS["logaddexp"].call(
        _filled("logaddexp", input, input_mask, -math.inf, dtype),
        _filled("logaddexp", other, other_mask, -math.inf, dtype))
