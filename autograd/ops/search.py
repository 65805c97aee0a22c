"""Places among sorted values, distinct values, and counts."""

import math

from .. import dtypes, return_types
from ..op import RECORDS, op
from ..tensor import Size, Tensor, tensor_method

__all__ = ["bucketize", "histogram", "histogramdd", "isin", "searchsorted", "unique",
           "unique_consecutive", "unravel_index"]

_LARGE_INTEGER = dtypes.int64.numpy


# -- places ---------------------------------------------------------------------------------------


@op(name="searchsorted", namespaces=())
def _searchsorted(xp, sorted_sequence, input, sorter=None, *, out_int32=False, right=False):
    """Index of the place in a sorted sequence where each value belongs."""
    if sorter is not None:
        sorted_sequence = xp.take_along_axis(sorted_sequence, sorter, -1)
    side = "right" if right else "left"
    if sorted_sequence.ndim == 1:
        index = xp.searchsorted(sorted_sequence, input, side)
    else:
        count = math.prod(sorted_sequence.shape[:-1])
        rows = sorted_sequence.reshape(count, sorted_sequence.shape[-1])
        values = input.reshape(count, input.shape[-1])
        found = [xp.searchsorted(rows[i], values[i], side) for i in range(count)]
        index = xp.stack(found) if found else xp.zeros(0, _LARGE_INTEGER)
        index = index.reshape(input.shape)
    return xp.asarray(index).astype(xp.int32 if out_int32 else _LARGE_INTEGER)


def searchsorted(sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None,
                 out=None):
    """Return the index of the place in a sorted sequence where each value belongs.

    Args:
        sorted_sequence: 1-d, or with the same leading dimensions as `input`, sorted along the
            last one; input: values, or one number.
        right: place equal values before (False) or behind (True) the index; also side="right".
        sorter: indices that sort the sequence.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.searchsorted.html

    >>> import ember
    >>> ember.searchsorted(ember.tensor([1, 3, 5]), ember.tensor([3, 6]))
    tensor([1, 3])
    """
    if side is not None and side not in ("left", "right"):
        raise RuntimeError(
            f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError("torch.searchsorted(): side and right can't be set to opposites, got "
                           "side of left while right was True")
    if not isinstance(input, Tensor):
        input = RECORDS["clone"].call(sorted_sequence.new_tensor(
            input, dtype=None if isinstance(input, int) else dtypes.float64))
    if sorted_sequence.ndim != 1 and sorted_sequence.shape[:-1] != input.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
            "dimensions of boundaries tensor and input value tensor must match, but we got "
            f"boundaries tensor {list(sorted_sequence.shape)} and input value tensor "
            f"{list(input.shape)}")
    return _searchsorted(sorted_sequence, input, sorter, out_int32=out_int32,
                         right=right or side == "right", out=out)


@tensor_method
def bucketize(input, boundaries, *, out_int32=False, right=False, out=None):
    """Return the index of the bucket between boundaries that each value falls into.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.bucketize.html

    >>> import ember
    >>> ember.bucketize(ember.tensor([2, 5]), ember.tensor([1, 3, 5]))
    tensor([1, 2])
    """
    if boundaries.ndim != 1:
        raise RuntimeError("bucketize(): boundaries tensor must be 1 dimension, but got dim("
                           f"{boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right, out=out)


# -- distinct values ------------------------------------------------------------------------------


def _like(tensor, array):
    return Tensor._wrap(array, tensor._xp)


@tensor_method
def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """Return the distinct elements in order; with `dim`, the distinct slices along it.

    Args:
        return_inverse: also return where in the result each element is.
        return_counts: also return how often each distinct element occurs.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.unique.html

    >>> import ember
    >>> ember.unique(ember.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    xp, array = input._xp, input._array
    if dim is not None and not array.size:
        return _unique_of_nothing(input, dim, return_inverse, return_counts)
    values, inverse, counts = xp.unique(
        xp.asarray(array), return_inverse=True, return_counts=True, axis=dim, equal_nan=False)
    inverse = inverse.reshape(array.shape if dim is None else (-1,))
    return _selected(input, values, inverse, counts, return_inverse, return_counts)


def _selected(input, values, inverse, counts, return_inverse, return_counts):
    wanted = [values] + [inverse] * return_inverse + [counts] * return_counts
    wanted = tuple([_like(input, v) for v in wanted])
    return wanted if len(wanted) > 1 else wanted[0]


def _unique_of_nothing(input, dim, return_inverse, return_counts):
    shape = input.shape
    if shape[dim] and any(not n for i, n in enumerate(shape) if i != dim % len(shape)):
        raise RuntimeError("There are 0 sized dimensions, and they aren't selected, so unique "
                           "cannot be applied")
    none = input._xp.zeros(0, _LARGE_INTEGER)
    return _selected(input, input._array.copy(), none, none, return_inverse, return_counts)


@tensor_method
def unique_consecutive(input, return_inverse=False, return_counts=False, dim=None):
    """Return the elements with runs of equal ones reduced to one; with `dim`, slices along it.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.unique_consecutive.html

    >>> import ember
    >>> ember.unique_consecutive(ember.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    xp, array = input._xp, input._array
    if dim is not None and not array.size:
        return _unique_of_nothing(input, dim, return_inverse, return_counts)
    rows = array.reshape(-1, 1) if dim is None else xp.moveaxis(array, dim, 0)
    n = rows.shape[0]
    flat = rows.reshape(n, rows.size // max(n, 1))
    starts = xp.concatenate([xp.ones(min(n, 1), bool), (flat[1:] != flat[:-1]).any(1)])
    inverse = xp.cumsum(starts) - 1
    first = xp.nonzero(starts)[0]
    counts = xp.diff(xp.concatenate([first, xp.full(1, n)]))
    values = rows[first]
    values = values.reshape(-1) if dim is None else xp.moveaxis(values, 0, dim)
    if dim is None:
        inverse = inverse.reshape(array.shape)
    return _selected(input, values, inverse, counts, return_inverse, return_counts)


@op(name="isin", namespaces=())
def _isin(xp, input, test, invert=False):
    """Whether each element is among some values."""
    return xp.asarray(xp.isin(input, test, invert=invert))


def isin(elements, test_elements, *, assume_unique=False, invert=False, out=None):
    """Return whether each element is among the test elements; either may be one number.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.isin.html

    >>> import ember
    >>> ember.isin(ember.tensor([1, 2, 3]), ember.tensor([2]))
    tensor([False,  True, False])
    """
    if not isinstance(elements, Tensor):
        elements = test_elements.new_tensor(elements)
    if not isinstance(test_elements, Tensor):
        test_elements = elements.new_tensor(test_elements)
    return _isin(elements, test_elements, invert, out=out)


# -- counts ---------------------------------------------------------------------------------------


@op(dtypes="integer -> int64")
def bincount(xp, input, weights=None, minlength=0):
    """How often each number from 0 occurs; with weights, the sum of theirs.

    Shape: (n) -> (largest + 1), at least (minlength).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.bincount.html

    >>> import ember
    >>> ember.bincount(ember.tensor([0, 2, 2]))
    tensor([1, 0, 2])
    """
    if input.ndim != 1 or input.dtype.kind not in "iu" or (
            input.size and xp.to_host(input.min()) < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is not None and weights.shape != input.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    counts = xp.bincount(input, weights, minlength)
    if weights is not None:
        return counts.astype(weights.dtype if weights.dtype.kind == "f" else xp.float64)
    return counts.astype(_LARGE_INTEGER)


@op(dtypes="float -> same")
def histc(xp, input, bins=100, min=0, max=0):
    """Histogram of the elements between min and max in equal bins, counted as floats.

    Args:
        min, max: both equal means the data's own range.
    Shape: any -> (bins).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.histc.html
    """
    if bins <= 0:
        raise RuntimeError("bins must be > 0")
    if max < min:
        raise RuntimeError("max must be larger than min")
    if min == max and input.size:
        min, max = (xp.to_host(v).item() for v in (input.min(), input.max()))
    if min == max:
        min, max = min - 1, max + 1
    if not (-xp.inf < min and max < xp.inf):
        raise RuntimeError(f"range of [{min}, {max}] is not finite")
    counts, _ = xp.histogram(input, bins, (min, max))
    return counts.astype(input.dtype)


@op(name="histogramdd", namespaces=())
def _histogramdd(xp, input, bins, range=None, weight=None, density=False):
    """Histogram of rows as points, and the edges of the bins."""
    dims = input.shape[-1]
    points = input.reshape(math.prod(input.shape[:-1]), dims)
    if isinstance(bins, int):
        bins = [bins] * dims
    if range is not None:
        limits = list(zip(range[::2], range[1::2]))
    elif points.size:
        limits = [xp.to_host(xp.stack([points[:, d].min(), points[:, d].max()])).tolist()
                  for d in xp.arange(dims).tolist()]
    else:
        limits = [(0.0, 1.0)] * dims
    edges = [_edges(xp, b, *limit, input.dtype) for b, limit in zip(bins, limits)]
    if weight is not None:
        weight = weight.reshape(-1)
    counts = _counted(xp, points, edges, weight).astype(input.dtype)
    if density:
        counts = counts / counts.sum()
        for d, e in enumerate(edges):
            counts = counts / xp.diff(e).reshape((-1,) + (1,) * (dims - 1 - d))
    return (counts, *edges)


def _edges(xp, bins, low, high, dtype):
    if not isinstance(bins, int):
        return bins
    if low == high:
        low, high = low - 0.5, high + 0.5
    return xp.linspace(low, high, bins + 1, dtype=dtype)


def _counted(xp, points, edges, weight):
    """Count points in a grid of bins; the last edge belongs to the last bin."""
    flat, inside = 0, True
    for d, e in enumerate(edges):
        x, n = points[:, d], e.shape[0] - 1
        place = xp.minimum(xp.searchsorted(e, x, "right") - 1, n - 1)
        inside = inside & (x >= e[0]) & (x <= e[-1])
        flat = flat * n + place
    shape = [e.shape[0] - 1 for e in edges]
    if weight is not None:
        weight = weight[inside]
    return xp.bincount(flat[inside], weight, math.prod(shape)).reshape(shape)


@tensor_method
def histogram(input, bins=100, *, range=None, weight=None, density=False, out=None):
    """Return (hist, bin_edges) of the elements.

    Args:
        bins: the number of equal bins (100 by default), or their edges (1-d tensor).
        range: (min, max); the data's own by default. weight: of each element.
        density: whether the result integrates to 1.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.histogram.html

    >>> import ember
    >>> ember.histogram(ember.tensor([1., 2., 1.]), bins=2, range=(0., 2.)).hist
    tensor([0., 3.])
    """
    if isinstance(bins, Tensor):
        bins = [bins]
    hist, edges = _histogramdd(input.reshape(-1, 1), bins, range, weight, density)
    if out is not None:
        return return_types.histogram(out[0].copy_(hist), out[1].copy_(edges))
    return return_types.histogram(hist, edges)


def histogramdd(input, bins, *, range=None, weight=None, density=False):
    """Return (hist, bin_edges) of points: the last dimension holds their coordinates.

    Args: as for `histogram`, with a list of bins or edges, and a flat list of limits.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.histogramdd.html
    """
    if not isinstance(bins, int) and len(bins) != input.shape[-1]:
        raise RuntimeError("histogramdd: The size of bins must be equal to the innermost dimension "
                           f"of the input, but they are {len(bins)} and {input.shape[-1]}.")
    hist, *edges = _histogramdd(input, bins, range, weight, density)
    return return_types.histogramdd(hist, tuple(edges))


def unravel_index(indices, shape):
    """Return for each position in a flattened tensor its index along every dimension.

    Args:
        indices: integer tensor. shape: of the tensor that was flattened, an int or ints.
    Returns:
        tuple of tensors like `indices`, one for each dimension.
    Raises:
        TypeError: when the indices are not integers.
        ValueError: when one is outside the shape.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.unravel_index.html

    >>> import ember
    >>> ember.unravel_index(ember.tensor([4, 0]), (2, 3))
    (tensor([1, 0]), tensor([1, 0]))
    """
    if not isinstance(indices, Tensor) or indices.dtype.is_floating_point or indices.is_complex():
        kind = indices.dtype if isinstance(indices, Tensor) else type(indices).__name__
        raise TypeError(f"expected 'indices' to be integer dtype, but got {kind}")
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    count = Size(shape).numel()
    if indices.numel() and not (0 <= int(indices.min()) and int(indices.max()) < count):
        raise ValueError(f"unravel_index: an index is outside the shape {list(shape)}, which has "
                         f"{count} elements")
    places = []
    for n in reversed(shape):
        places.append(indices % n)
        indices = indices // n
    return tuple(reversed(places))
