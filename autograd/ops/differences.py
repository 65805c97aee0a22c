"""Differences of neighbours along a dimension, derivatives and integrals from samples."""

from .. import dtypes
from ..op import RECORDS
from ..tensor import Tensor, tensor_method
from .dims import axis

__all__ = ["cumulative_trapezoid", "diff", "gradient", "trapezoid", "trapz"]


@tensor_method
def diff(input, n=1, dim=-1, prepend=None, append=None):
    """Return the n-th differences of neighbours along a dimension.

    Args:
        prepend, append: tensors to join to the ends first.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.diff.html

    >>> import ember
    >>> ember.diff(ember.tensor([1, 3, 2]))
    tensor([ 2, -1])
    """
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    if not input.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if not n:
        return RECORDS["clone"].call(input)
    for end in (prepend, append):
        if end is not None and end.ndim != input.ndim:
            raise RuntimeError("diff expects prepend or append to be the same dimension as input")
    ends = [t for t in (prepend, input, append) if t is not None]
    if len(ends) > 1:
        input = RECORDS["cat"].call(ends, dim)
    for _ in range(min(n, input.shape[dim])):
        size = input.shape[dim]
        left, right = input.narrow(dim, 0, size - 1), input.narrow(dim, 1, size - 1)
        input = right ^ left if input.dtype is dtypes.bool else right - left
    return input


def _areas(y, x, dx, dim):
    """Return the areas of the trapezoids between neighbours along a dimension."""
    size = y.shape[dim]
    pairs = y.narrow(dim, 0, max(size - 1, 0)) + y.narrow(dim, min(1, size), max(size - 1, 0))
    if x is None:
        return pairs * (dx / 2)
    if x.ndim == 1:
        x = x.reshape((-1,) + (1,) * (y.ndim - 1 - axis(dim, y.ndim)))
        return pairs * diff(x, dim=0) / 2
    return pairs * diff(x, dim=dim - y.ndim if dim >= 0 else dim) / 2


def trapezoid(y, x=None, *, dx=1, dim=-1):
    """Return the integral of y along a dimension by the trapezoidal rule.

    Args:
        x: where y was sampled; or dx: the distance of the samples.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.trapezoid.html

    >>> import ember
    >>> ember.trapezoid(ember.tensor([1., 5., 10.]))
    tensor(10.5000)
    """
    return _areas(y, x, dx, dim).sum(dim)


def trapz(y, x=None, *, dx=1, dim=-1):
    """Return `trapezoid(y, x, dx=dx, dim=dim)`."""
    return trapezoid(y, x, dx=dx, dim=dim)


def cumulative_trapezoid(y, x=None, *, dx=1, dim=-1):
    """Return the integral of y up to each sample but the first, by the trapezoidal rule.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.cumulative_trapezoid.html
    """
    return _areas(y, x, dx, dim).cumsum(dim)


# -- derivatives from samples ---------------------------------------------------------------------


def gradient(input, *, spacing=1, dim=None, edge_order=1):
    """Return the derivatives of sampled values along dimensions, by central differences.

    Args:
        spacing: the distance of the samples, or the samples' coordinates as a tensor; one for
            all dimensions or a list.
        edge_order: 1 or 2, the order of accuracy at both ends.
    Returns:
        A list with a tensor like the input for each dimension.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.gradient.html

    >>> import ember
    >>> ember.gradient(ember.tensor([1., 4., 9., 16.]))
    (tensor([3., 4., 6., 7.]),)
    """
    dims = _gradient_dims(input, dim)
    if isinstance(spacing, (list, tuple)):
        if len(spacing) != len(dims):
            raise RuntimeError(
                f"torch.gradient expected spacing to be unspecified, a scalar or a list of length "
                f"equal to 'self.dim()' or 'dim', here {len(dims)}, but got {len(spacing)}")
        spacings = spacing
    else:
        spacings = [1 if spacing is None else spacing] * len(dims)
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    for a, h in zip(dims, spacings):
        if input.shape[a] <= edge_order:
            raise RuntimeError("torch.gradient expected each dimension size to be at least "
                               f"edge_order+1, but got size {input.shape[a]} in dimension {a}")
        if isinstance(h, Tensor) and (h.ndim != 1 or h.numel() != input.shape[a]):
            raise RuntimeError(f"torch.gradient expected coordinates of shape [{input.shape[a]}] "
                               f"for dimension {a}, but got {list(h.shape)}")
    return tuple([_derivative(input, a, h, edge_order) for a, h in zip(dims, spacings)])


def _gradient_dims(input, dim):
    if dim is None:
        return range(input.ndim)
    dims = [axis(d, input.ndim) for d in ((dim,) if isinstance(dim, int) else dim)]
    if len(set(dims)) < len(dims):
        raise RuntimeError("dim appears multiple times in the list of dims of torch.gradient")
    return dims


def _derivative(f, a, h, edge_order):
    """Return the derivative along one dimension; the inner samples fit a parabola each."""
    n = f.shape[a]

    def at(i, size=1):
        return f.narrow(a, i % n, size)

    if isinstance(h, Tensor):
        steps = diff(h).reshape((-1,) + (1,) * (f.ndim - 1 - a))
        low, high = steps[:-1], steps[1:]
        first, last = steps[0], steps[-1]
    else:
        low = high = first = last = h
    inner = []
    if n > 2:
        inner = [(low * low * at(2, n - 2) + (high * high - low * low) * at(1, n - 2)
                  - high * high * at(0, n - 2)) / (low * high * (low + high))]
    if edge_order == 1:
        start, end = (at(1) - at(0)) / first, (at(-1) - at(-2)) / last
    else:
        start = _edge(at(0), at(1), at(2), first, steps[1] if isinstance(h, Tensor) else h)
        end = -_edge(at(-1), at(-2), at(-3), last, steps[-2] if isinstance(h, Tensor) else h)
    return RECORDS["cat"].call([start, *inner, end], a)


def _edge(f0, f1, f2, h1, h2):
    """Return the derivative at the first of three samples, of the parabola through them."""
    both = h1 + h2
    return (-(2 * h1 + h2) / (h1 * both) * f0 + both / (h1 * h2) * f1 - h1 / (h2 * both) * f2)
