"""How `dim` arguments are read: negative numbers, tuples, None, and what is wrong with them."""


def axis(dim, ndim):
    """Return a dimension as a number from 0; a 0-d tensor counts as having one dimension.

    Raises:
        IndexError: when the tensor has no such dimension.
    """
    bound = ndim or 1
    if not -bound <= dim < bound:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-bound}, "
                         f"{bound - 1}], but got {dim})")
    return dim + bound if dim < 0 else dim


def axes(dim, ndim):
    """Return what NumPy takes as `axis` for a `dim` that is None, a number or a tuple.

    None and the empty tuple mean all dimensions, as does any dimension of a 0-d tensor.

    Raises:
        IndexError: when the tensor has no such dimension.
        RuntimeError: when one is named twice.
    """
    if dim is None:
        return None
    if type(dim) is int:
        a = axis(dim, ndim)
        return a if ndim else None
    if not isinstance(dim, (tuple, list)):
        return axes(_integer(dim), ndim)
    numbers = tuple([axis(_integer(d), ndim) for d in dim])
    if len(set(numbers)) < len(numbers):
        twice = next(d for d in numbers if numbers.count(d) > 1)
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return numbers if ndim and numbers else None


def _integer(dim):
    try:
        return dim.__index__()
    except AttributeError:
        raise TypeError(f"dim must be int or tuple of ints, not {type(dim).__name__}") from None


def count(shape, axes):
    """Return how many elements of a shape one result over these axes is made of."""
    n = 1
    for i in range(len(shape)) if axes is None else (axes,) if type(axes) is int else axes:
        n *= shape[i]
    return n


def expanded(g, shape, dim, keepdim):
    """Give the result of a reduction back the dimensions it lost, each of size 1.

    Args:
        g: array or Tensor with the shape of the result.
        shape: of what was reduced; dim, keepdim: as the reduction got them.
    """
    if keepdim or dim is None or not shape:
        return g
    lost = axes(dim, len(shape))
    if lost is None:
        return g
    if type(lost) is int:
        return g.reshape(shape[:lost] + (1,) + shape[lost + 1:])
    return g.reshape(tuple([1 if i in lost else n for i, n in enumerate(shape)]))
