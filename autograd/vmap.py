"""vmap: run a function over a dimension of its inputs that it does not know of."""

import functools

from . import generator
from .ops.joining import stack
from .pytree import flatten, flatten_like, unflatten
from .tensor import Tensor

__all__ = ["vmap"]

RANDOMNESS = ("error", "different", "same")


def vmap(func, in_dims=0, out_dims=0, randomness="error", *, chunk_size=None):
    """Return a function that maps `func` over a dimension of its inputs.

    Each example sees tensors without that dimension; results are stacked. Transforms nest:
    `vmap(grad(f))` computes gradients per example.

    Args:
        in_dims: the dimension to map over, or a nested structure of such as in the arguments;
            None for arguments that are the same for all examples.
        out_dims: where the dimension appears in the results, likewise.
        randomness: "error" refuses random operations, "different" draws for each example,
            "same" gives every example the same numbers.
        chunk_size: how many examples to compute at once; None means all.
    Raises:
        ValueError: for dimensions that do not fit the arguments or results.
        RuntimeError: for random operations, unless allowed.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.func.vmap.html

    >>> import ember
    >>> x, y = ember.tensor([[1.0, 2.0], [3.0, 4.0]]), ember.tensor([1.0, 10.0])
    >>> ember.vmap(ember.dot, in_dims=(0, None))(x, y)
    tensor([21., 43.])
    """
    if randomness not in RANDOMNESS:
        raise RuntimeError("Only allowed values for randomness are 'error', 'different', or "
                           f"'same'. Got {randomness}")
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")
    _check_out_dims(func, out_dims)

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        size, dims, leaves, spec = _inputs(func, in_dims, args)
        examples = _examples(size, dims, leaves, spec)
        outputs = _run(lambda a: func(*a, **kwargs), examples, randomness)
        return _joined(func, out_dims, outputs, size)

    return wrapper


def _name(func):
    return getattr(func, "__name__", repr(func))


def _check_out_dims(func, out_dims):
    for dim in flatten(out_dims)[0]:
        if dim is not None and not isinstance(dim, int):
            raise ValueError(
                f"vmap({_name(func)}, ..., out_dims={out_dims}): `out_dims` must be an int, None "
                "or a python collection of ints representing where in the outputs the vmapped "
                "dimension should appear.")


def _inputs(func, in_dims, args):
    """Return the size of the mapped dimension, and per leaf of the arguments its dimension."""
    place = f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): "
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(f"{place}expected `in_dims` to be int or a (potentially nested) tuple "
                         f"matching the structure of inputs, got: {type(in_dims)}.")
    if not args:
        raise ValueError(f"vmap({_name(func)})(<inputs>): got no inputs. Maybe you forgot to add "
                         "inputs, or you are trying to vmap over a function with no inputs. The "
                         "latter is unsupported.")
    leaves, spec = flatten(args)
    dims = flatten_like(in_dims, spec)
    if dims is None:
        raise ValueError(
            f"{place}in_dims is not compatible with the structure of `inputs`. in_dims has "
            f"structure {flatten(in_dims)[1]} but inputs has structure {spec}.")
    dims = [_dimension(place, dim, leaf) for dim, leaf in zip(dims, leaves)]
    sizes = [leaf.shape[dim] for dim, leaf in zip(dims, leaves) if dim is not None]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if len(set(sizes)) > 1:
        raise ValueError("vmap: Expected all tensors to have the same size in the mapped "
                         f"dimension, got sizes {sizes} for the mapped dimension")
    return sizes[0], dims, leaves, spec


def _dimension(place, dim, leaf):
    """Return a mapped dimension as a number from 0 on, or None."""
    if dim is None:
        return None
    if not isinstance(dim, int):
        raise ValueError(f"{place}Got in_dim={dim} for an input but in_dim must be either an "
                         "integer dimension or None.")
    if not isinstance(leaf, Tensor):
        raise ValueError(
            f"{place}Got in_dim={dim} for an input but the input is of type {type(leaf)}. We "
            "cannot vmap over non-Tensor arguments, please use None as the respective in_dim")
    if not -leaf.ndim <= dim < leaf.ndim:
        raise ValueError(
            f"{place}Got in_dim={dim} for some input, but that input is a Tensor of "
            f"dimensionality {leaf.ndim} so expected in_dim to satisfy -{leaf.ndim} <= in_dim < "
            f"{leaf.ndim}.")
    return dim % leaf.ndim


def _examples(size, dims, leaves, spec):
    """Return the arguments of each example; one of zeros when there are none."""
    if size == 0:
        parts = [[leaf if dim is None else leaf.new_zeros(leaf.shape[:dim] + leaf.shape[dim + 1:])]
                 for dim, leaf in zip(dims, leaves)]
    else:
        parts = [[leaf] * size if dim is None else _slices(leaf, dim)
                 for dim, leaf in zip(dims, leaves)]
    return [unflatten(example, spec) for example in zip(*parts)]


def _slices(t, dim):
    """Return the slices of a tensor: with history as one node, else as views to write to."""
    if t._node is not None:
        return t.unbind(dim)
    return [t.select(dim, i) for i in range(t.shape[dim])]


def _run(call, examples, randomness):
    """Return the results for all examples.

    Raises:
        RuntimeError: for random operations, when they are not allowed.
    """
    source = generator.default_generator
    if randomness == "different":
        return [call(example) for example in examples]
    results = []
    state = source.get_state() if source._made is not None or randomness == "same" else None
    for example in examples:
        if randomness == "same":
            source.set_state(state)
        results.append(call(example))
        if randomness == "error" and source._made is not None and not _is_at(source, state):
            if state is not None:
                source.set_state(state)
            raise RuntimeError(
                "vmap: called random operation while in randomness error mode. Please either use "
                "the 'same' or 'different' randomness flags on vmap or perform the randomness "
                "operation out of vmap")
    return results


def _is_at(source, state):
    return state is not None and bool((source.get_state() == state).all())


def _joined(func, out_dims, outputs, size):
    """Return the results of all examples as one, with the mapped dimension where it is wanted."""
    first, spec = flatten(outputs[0])
    if isinstance(outputs[0], Tensor):
        whole = isinstance(out_dims, tuple) and len(out_dims) == 1
        dims = list(out_dims) if whole else None if isinstance(out_dims, (tuple, list, dict)) \
            else [out_dims]
    else:
        dims = flatten_like(out_dims, spec)
    if dims is None:
        raise ValueError(
            f"vmap({_name(func)}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible "
            f"with the structure of `outputs`. out_dims has structure {flatten(out_dims)[1]} but "
            f"outputs has structure {spec}.")
    found = []
    for parts, dim in zip(zip(*(flatten(o)[0] for o in outputs)), dims):
        found.append(_one(_name(func), parts, dim, size))
    return unflatten(found, spec)


def _one(name, parts, dim, size):
    if dim is None:
        # distinct slices of one memory are examples, even where their values are equal
        if any(isinstance(p, Tensor) and p is not parts[0] and (
                not _same(p, parts[0]) or p._xp.owner(p._array) is p._xp.owner(parts[0]._array))
               for p in parts):
            raise ValueError(f"vmap({name}, ...): `{name}` can not return a BatchedTensor when "
                             "out_dim is None")
        return parts[0]
    for p in parts:
        if not isinstance(p, Tensor):
            raise ValueError(f"vmap({name}, ...): `{name}` must only return Tensors, got type "
                             f"{type(p)}. Did you mean to set out_dims= to None for output?")
    result = stack(list(parts), dim)
    return result if size else result.narrow(dim, 0, 0)


def _same(a, b):
    return a.shape == b.shape and bool((a == b).all())
