"""vmap: run a function over a dimension of its inputs that it does not know of."""

import functools

from . import generator
from .batching import BatchedTensor, active, is_example, wrap
from .ops.joining import cat, stack
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
        run = functools.partial(_run, func, kwargs, out_dims, randomness, spec, dims)
        if chunk_size is None or size <= chunk_size:
            return run(size, leaves)
        parts = []
        for start in range(0, size, chunk_size):
            count = min(chunk_size, size - start)
            parts.append(run(count, [leaf if dim is None else leaf.narrow(dim, start, count)
                                     for dim, leaf in zip(dims, leaves)]))
        return _concatenated(func, out_dims, parts)

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


def _run(func, kwargs, out_dims, randomness, spec, dims, size, leaves):
    """Return the results: for all examples at once, or else for one after the other.

    Raises:
        RuntimeError: for random operations, when they are not allowed.
    """
    state = _state()
    try:
        with active(size, randomness) as level:
            args = [leaf if dim is None else wrap(leaf.movedim(dim, 0), level)
                    for dim, leaf in zip(dims, leaves)]
            output = func(*unflatten(args, spec), **kwargs)
            done = not (randomness == "different" and _moved(state)) and not any(
                map(is_example, flatten(output)[0]))
    except Exception:  # it has no batching rule, or fails, which the examples will show as well
        done = False
    if done:
        _check_random(randomness, state)
        return _unwrapped(func, out_dims, output, size, level)
    _restore(state)
    results = []
    examples = _examples(size, dims, leaves)
    for example in examples:
        if randomness == "same":
            _restore(state)
        results.append(func(*unflatten(example, spec), **kwargs))
        _check_random(randomness, state)
    _write_back(dims, leaves, examples)
    return _joined(func, out_dims, results, size)


# -- random numbers -------------------------------------------------------------------------------


def _state():
    """Return the state of the random numbers, None while nobody has drawn any."""
    source = generator.default_generator
    return source.get_state() if source._made is not None else None


def _restore(state):
    source = generator.default_generator
    if state is not None:
        source.set_state(state)
    elif source._made is not None:
        source._made = None


def _moved(state):
    now = _state()
    return now is not None and (state is None or not bool((now == state).all()))


def _check_random(randomness, state):
    if randomness == "error" and _moved(state):
        _restore(state)
        raise RuntimeError(
            "vmap: called random operation while in randomness error mode. Please either use the "
            "'same' or 'different' randomness flags on vmap or perform the randomness operation "
            "out of vmap")


# -- all at once ----------------------------------------------------------------------------------


def _unwrapped(func, out_dims, output, size, level):
    """Return results whose hidden dimension is one of theirs."""
    leaves, spec = flatten(output)
    found = []
    for leaf, dim in zip(leaves, _out_dims(func, out_dims, output)):
        hidden = isinstance(leaf, BatchedTensor) and leaf.level == level
        if dim is None:
            if hidden:
                raise _refused(func)
            found.append(leaf)
            continue
        _check_tensor(func, leaf)
        whole = leaf.full if hidden else leaf.unsqueeze(0).expand(size, *leaf.shape)
        found.append(whole.movedim(0, dim))
    return unflatten(found, spec)


def _out_dims(func, out_dims, output):
    """Return the dimension for each leaf of a result.

    Raises:
        ValueError: when the structures do not fit.
    """
    spec = flatten(output)[1]
    if isinstance(output, Tensor) and isinstance(out_dims, tuple) and len(out_dims) == 1:
        return list(out_dims)
    dims = flatten_like(out_dims, spec)
    if dims is None:
        raise ValueError(
            f"vmap({_name(func)}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible "
            f"with the structure of `outputs`. out_dims has structure {flatten(out_dims)[1]} but "
            f"outputs has structure {spec}.")
    return dims


def _check_tensor(func, leaf):
    if not isinstance(leaf, Tensor):
        raise ValueError(f"vmap({_name(func)}, ...): `{_name(func)}` must only return Tensors, got "
                         f"type {type(leaf)}. Did you mean to set out_dims= to None for output?")


def _refused(func):
    return ValueError(f"vmap({_name(func)}, ...): `{_name(func)}` can not return a BatchedTensor "
                      "when out_dim is None")


def _concatenated(func, out_dims, parts):
    """Return the results of several chunks as one."""
    spec = flatten(parts[0])[1]
    dims = _out_dims(func, out_dims, parts[0])
    leaves = zip(*(flatten(part)[0] for part in parts))
    return unflatten([items[0] if dim is None else cat(list(items), dim)
                      for dim, items in zip(dims, leaves)], spec)


# -- one after the other --------------------------------------------------------------------------


def _examples(size, dims, leaves):
    """Return the leaves of the arguments of each example; one of zeros when there are none."""
    if size == 0:
        parts = [[leaf if dim is None else leaf.new_zeros(leaf.shape[:dim] + leaf.shape[dim + 1:])]
                 for dim, leaf in zip(dims, leaves)]
    else:
        parts = [[leaf] * size if dim is None else [t.clone() for t in leaf.unbind(dim)]
                 for dim, leaf in zip(dims, leaves)]
    return list(zip(*parts))


def _write_back(dims, leaves, examples):
    """Copy what a function wrote into its arguments to where they came from."""
    for place, (dim, leaf) in enumerate(zip(dims, leaves)):
        if dim is None or leaf._node is not None:
            continue
        for number, example in enumerate(examples[:leaf.shape[dim]]):
            if example[place]._version:
                leaf.select(dim, number).copy_(example[place].detach())


def _joined(func, out_dims, outputs, size):
    """Return the results of all examples as one, with the mapped dimension where it is wanted."""
    spec = flatten(outputs[0])[1]
    found = []
    for parts, dim in zip(zip(*(flatten(o)[0] for o in outputs)),
                          _out_dims(func, out_dims, outputs[0])):
        if dim is None:
            if any(isinstance(p, Tensor) and p is not parts[0] and not _same(p, parts[0])
                   for p in parts):
                raise _refused(func)
            found.append(parts[0])
            continue
        for p in parts:
            _check_tensor(func, p)
        result = stack(list(parts), dim)
        found.append(result if size else result.narrow(dim, 0, 0))
    return unflatten(found, spec)


def _same(a, b):
    return a.shape == b.shape and bool((a == b).all())
