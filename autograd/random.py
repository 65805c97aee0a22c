"""Random tensors, and samples drawn by weight; `torch.random`'s seeds and states as well."""

import math
import operator

import numpy as np

from ..backends.random import in_memory_order
from . import creation, devices, dtypes, fills, modes
from .generator import (
    Generator,
    default_generator,
    fork_rng,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
    stream_of,
)
from .ops.conversion import overwritten
from .tensor import Tensor, tensor_method

__all__ = [
    "Generator", "bernoulli", "binomial", "default_generator", "fork_rng", "get_rng_state",
    "initial_seed", "manual_seed", "multinomial", "normal", "poisson", "rand", "rand_like",
    "randint", "randint_like", "randn", "randn_like", "randperm", "seed", "set_rng_state",
]


# -- new tensors ---------------------------------------------------------------------------------


def _new(draw_for, size, generator, out, dtype, device, requires_grad, default_dtype=None):
    """Return a new tensor, or `out`, with the numbers that `draw_for(NumPy dtype)` draws."""
    if out is not None:
        if dtype is not None and dtype is not out.dtype:
            raise RuntimeError(f"dtype {dtype.title} does not match dtype of out parameter "
                               f"({out.dtype.title})")
        draw = draw_for(out._array.dtype)
        return fills.fill(out if out.shape == size else out.resize_(size), "out", draw, generator)
    dtype = dtype or default_dtype or dtypes.get_default_dtype()
    if requires_grad and dtype.category < 2:
        raise RuntimeError("Only Tensors of floating point and complex dtype can require "
                           f"gradients, not {dtype}")
    draw = draw_for(dtype.numpy)
    xp = devices.backend_for(device)
    values = draw(stream_of(generator, xp), math.prod(size), True).reshape(size)
    return _finish(values, xp, requires_grad)


def _new_like(draw_for, input, generator, dtype, device, requires_grad, memory_format):
    """Return a new tensor of the shape and the memory layout of another."""
    model = creation.empty_like(input, memory_format=memory_format)._array
    draw = draw_for((dtype or input.dtype).numpy)
    xp = input._xp if device is None else devices.backend_for(device)
    values = draw(stream_of(generator, xp), model.size, model.flags.c_contiguous)
    return _finish(in_memory_order(values, model), xp, requires_grad)


def _finish(values, xp, requires_grad):
    t = Tensor._wrap(xp.from_host(values), xp)
    if requires_grad:
        t.requires_grad = True
    return t


def _size(function, sizes, keywords):
    """Return the size from `(2, 3)`, `((2, 3),)` or `size=`; refuse any other keyword."""
    if "size" in keywords and not sizes:
        sizes = (keywords.pop("size"),)
    if keywords:
        raise TypeError(f"{function}() got an unexpected keyword argument "
                        f"'{next(iter(keywords))}'")
    if not sizes:
        raise TypeError(f"{function}() missing its size; {function}(2, 3) or {function}((2, 3))")
    return _checked_size(function, sizes)


def _checked_size(function, sizes):
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = sizes[0]
    try:
        return creation._size(tuple(operator.index(n) for n in sizes))
    except TypeError:
        raise TypeError(f"{function}(): argument 'size' must be tuple of ints, not "
                        f"{', '.join(type(n).__name__ for n in sizes)}") from None


def rand(*size, generator=None, out=None, dtype=None, layout=None, device=None,
         requires_grad=False, pin_memory=False, **keywords):
    """Return a tensor of numbers from the uniform distribution on [0, 1).

    Args:
        size: the shape, as several integers or one sequence.
        generator: draws the numbers; the global one when None.
        out, dtype, device, requires_grad: as for `zeros`.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.rand.html

    >>> import ember
    >>> _ = ember.manual_seed(42)
    >>> ember.rand(2, 2)
    tensor([[0.8823, 0.9150],
            [0.3829, 0.9593]])
    """
    return _new(fills.uniform, _size("rand", size, keywords), generator, out, dtype, device,
                requires_grad)


def randn(*size, generator=None, out=None, dtype=None, layout=None, device=None,
          requires_grad=False, pin_memory=False, **keywords):
    """Return a tensor of numbers from the standard normal distribution. Arguments as `rand`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.randn.html

    >>> import ember
    >>> _ = ember.manual_seed(42)
    >>> ember.randn(3)
    tensor([0.3367, 0.1288, 0.2345])
    """
    return _new(fills.normal, _size("randn", size, keywords), generator, out, dtype, device,
                requires_grad)


def randint(*args, generator=None, out=None, dtype=None, layout=None, device=None,
            requires_grad=False, pin_memory=False, **keywords):
    """Return a tensor of integers: `randint(high, size)` or `randint(low, high, size)`.

    Args:
        low, high: the integers are from low (0 by default) to high - 1.
        size: the shape, a tuple.
        dtype: int64 by default. The rest as for `rand`.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.randint.html

    >>> import ember
    >>> _ = ember.manual_seed(42)
    >>> ember.randint(3, 10, (4,))
    tensor([4, 5, 7, 8])
    """
    low, high, size = _bounds("randint", ("low", "high", "size"), args, keywords)
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"randint(): argument 'size' must be tuple of ints, not "
                        f"{type(size).__name__}")
    return _new(lambda d: fills.integers(d, low, high), _checked_size("randint", (size,)),
                generator, out, dtype, device, requires_grad, dtypes.int64)


def _bounds(function, names, args, keywords):
    """Return low, high and the rest; low may be left out."""
    missing = [n for n in names if n not in keywords]
    if len(args) < len(missing) and missing[0] == "low":
        keywords["low"] = 0
        missing = missing[1:]
    given = dict(zip(missing, args, strict=False), **keywords)
    if set(given) != set(names) or len(args) != len(missing):
        raise TypeError(f"{function}() takes ({', '.join(names[1:])}) or ({', '.join(names)}); got "
                        f"{len(args)} positional arguments and {list(keywords) or 'no keywords'}")
    return [given[n] for n in names]


def randperm(n, *, generator=None, out=None, dtype=None, layout=None, device=None,
             requires_grad=False, pin_memory=False):
    """Return the integers from 0 to n - 1 in random order.

    Raises:
        RuntimeError: when n is negative, or the dtype cannot hold the integers.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.randperm.html

    >>> import ember
    >>> _ = ember.manual_seed(42)
    >>> ember.randperm(5)
    tensor([2, 4, 3, 0, 1])
    """
    if not hasattr(n, "__index__"):
        raise TypeError(f"randperm(): argument 'n' must be int, not {type(n).__name__}")
    size = creation._size((operator.index(n),))

    def draw_for(dtype):
        if dtype.kind in "bc":
            raise fills.not_implemented("randperm", dtype)
        if size[0] > fills.last_whole(dtype) + (dtype.kind == "f"):
            raise RuntimeError(f"n cannot be greater than {fills.last_whole(dtype) + 1} for "
                               f"{dtypes.from_numpy_dtype(dtype).title} type: randperm({n})")
        return lambda stream, count, _: stream.permutation(count).astype(dtype, copy=False)

    return _new(draw_for, size, generator, out, dtype, device, requires_grad, dtypes.int64)


def rand_like(input, *, generator=None, dtype=None, layout=None, device=None,
              requires_grad=False, pin_memory=False, memory_format=None):
    """Return uniform numbers in [0, 1) in the shape, dtype and device of a tensor.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.rand_like.html
    """
    return _new_like(fills.uniform, input, generator, dtype, device, requires_grad, memory_format)


def randn_like(input, *, generator=None, dtype=None, layout=None, device=None,
               requires_grad=False, pin_memory=False, memory_format=None):
    """Return standard normal numbers in the shape, dtype and device of a tensor.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.randn_like.html
    """
    return _new_like(fills.normal, input, generator, dtype, device, requires_grad, memory_format)


def randint_like(input, *args, generator=None, dtype=None, layout=None, device=None,
                 requires_grad=False, pin_memory=False, memory_format=None, **keywords):
    """Return integers in [low, high) in the shape, dtype and device of a tensor.

    Args:
        args: `high`, or `low, high`.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.randint_like.html
    """
    low, high = _bounds("randint_like", ("low", "high"), args, keywords)
    return _new_like(lambda d: fills.integers(d, low, high), input, generator, dtype, device,
                     requires_grad, memory_format)


# -- samples -------------------------------------------------------------------------------------


def _sampled(input, result, out=None):
    """Return a sample, in `out` or in the graph: its gradient is zero, as in PyTorch."""
    if out is not None:
        return out.resize_(result.shape).copy_(result)
    if input._node is None or not modes.is_grad_enabled():
        return result
    return overwritten(input.expand(result.shape), result)


def _host(tensor):
    return np.asarray(tensor._xp.to_host(tensor._array))


def normal(mean=0.0, std=1.0, size=None, *, generator=None, out=None, dtype=None, layout=None,
           device=None, requires_grad=False, pin_memory=False):
    """Return normally distributed numbers.

    Args:
        mean, std: numbers with a size, or tensors that broadcast (at least one).
        size: the shape, for two numbers.
    Raises:
        RuntimeError: when std is negative or the shapes do not broadcast.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.normal.html

    >>> import ember
    >>> _ = ember.manual_seed(42)
    >>> ember.normal(2.0, 0.5, (3,))
    tensor([2.1683, 2.0644, 2.1172])
    """
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        if size is None:
            raise TypeError("normal(): two numbers need a size: normal(mean, std, size)")
        return _new(lambda d: fills.normal(d, mean, std), _checked_size("normal", (size,)),
                    generator, out, dtype, device, requires_grad)
    if size is not None:
        raise TypeError("normal(): a size goes with two numbers only; tensors have their own")
    if not isinstance(std, Tensor):
        result = _new(lambda d: fills.normal(d, 0, std), mean.shape, generator, None, mean.dtype,
                      mean.device, False).add_(mean.detach())
        return _sampled(mean, result, out)
    if std.numel() and not bool((std >= 0).all()):
        raise RuntimeError("normal expects all elements of std >= 0.0")
    source = mean if isinstance(mean, Tensor) else std
    try:
        shape = np.broadcast_shapes(source.shape, std.shape)
    except ValueError:
        raise RuntimeError(f"normal(): the shapes of mean {list(source.shape)} and std "
                           f"{list(std.shape)} do not broadcast") from None
    result = _new(fills.normal, shape, generator, None, source.dtype, source.device,
                  False).mul_(std.detach())
    result = result.add_(mean.detach() if isinstance(mean, Tensor) else mean)
    if isinstance(mean, Tensor) and mean._node is not None and std._node is not None:
        source = mean + std  # what reaches both
    return _sampled(source if source._node is not None else std, result, out)


@tensor_method
def bernoulli(input, p=None, *, generator=None, out=None):
    """Return ones and zeros: each element of input is the probability of its one.

    Args:
        p: one probability for all instead; then only the shape and dtype of input count.
    Raises:
        RuntimeError: when a probability is not in [0, 1].
    Source: https://docs.pytorch.org/docs/stable/generated/torch.bernoulli.html

    >>> import ember
    >>> _ = ember.manual_seed(42)
    >>> ember.bernoulli(ember.tensor([0.1, 0.9, 0.5]))
    tensor([0., 0., 1.])
    """
    result = creation.empty(input.shape, dtype=input.dtype, device=input.device)
    result.bernoulli_(input if p is None else p, generator=generator)
    return _sampled(input, result, out)


def poisson(input, generator=None):
    """Return Poisson distributed counts: each element of input is the rate of its count.

    Raises:
        RuntimeError: for a negative rate.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.poisson.html

    >>> import ember
    >>> _ = ember.manual_seed(42)
    >>> ember.poisson(ember.tensor([0.5, 4.0, 100.0]))
    tensor([ 0.,  1., 78.])
    """
    rates = _host(input)
    if rates.dtype.kind not in "fV":
        raise fills.not_implemented("poisson_cpu", rates.dtype)
    if not (rates >= 0).all():
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative: got "
                           f"{rates[~(rates >= 0)].flat[0]}")
    counts = stream_of(generator, input._xp).poisson(rates.ravel())
    result = input._xp.from_host(counts.astype(rates.dtype).reshape(rates.shape))
    return _sampled(input, Tensor._wrap(result, input._xp))


def binomial(count, prob, generator=None):
    """Return binomially distributed counts.

    Args:
        count, prob: how many trials there are and the probability of success in each; floating
            point tensors of one dtype that broadcast.
    Raises:
        RuntimeError: when the dtypes differ or are not floating point.
    Source: https://docs.pytorch.org/docs/stable/distributions.html#binomial

    >>> import ember
    >>> _ = ember.manual_seed(42)
    >>> ember.binomial(ember.tensor([10., 100.]), ember.tensor([0.5, 0.9]))
    tensor([ 2., 96.])
    """
    trials, p = _host(count), _host(prob)
    if trials.dtype != p.dtype:
        raise RuntimeError("binomial only supports floating-point dtypes for count and prob that "
                           f"agree, got: {count.dtype} and {prob.dtype}")
    if p.dtype.kind != "f":
        raise RuntimeError(f"binomial only supports floating-point dtypes for count, got: "
                           f"{count.dtype}")
    trials, p = np.broadcast_arrays(trials, p)
    counts = stream_of(generator, count._xp).binomial(trials.ravel(), p.ravel())
    result = Tensor._wrap(count._xp.from_host(counts.astype(p.dtype).reshape(p.shape)), count._xp)
    return _sampled(count if count._node is not None else prob, result)


@tensor_method
def multinomial(input, num_samples, replacement=False, *, generator=None, out=None):
    """Return indices drawn from each row of weights.

    Args:
        input: non-negative weights of shape (categories,) or (rows, categories); they need not
            sum to one.
        num_samples: how many indices per row.
        replacement: whether an index may be drawn again.
    Raises:
        RuntimeError: for weights that are negative, infinite, NaN or all zero, for more than 2^24
            of them in a row, and for more samples than categories without replacement; for an
            `out` that is not of int64.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.multinomial.html

    >>> import ember
    >>> g = ember.Generator().manual_seed(2147483647)
    >>> p = ember.tensor([0.6064, 0.3033, 0.0903])
    >>> ember.multinomial(p, 8, replacement=True, generator=g)
    tensor([1, 1, 1, 0, 0, 2, 2, 0])
    """
    weights = _host(input)
    _check_multinomial(weights, num_samples, replacement)
    if out is not None and out.dtype is not dtypes.int64:
        raise RuntimeError(f"multinomial expects Long tensor out, got: {out.dtype.title}")
    stream = stream_of(generator, input._xp)
    rows = weights.reshape(-1, weights.shape[-1])
    draw = stream.choices if replacement and num_samples > 1 else stream.sample
    indices = draw(rows, num_samples).reshape(weights.shape[:-1] + (num_samples,))
    result = Tensor._wrap(input._xp.from_host(indices), input._xp)
    return result if out is None else out.resize_(result.shape).copy_(result)


def _check_multinomial(weights, num_samples, replacement):
    if not hasattr(num_samples, "__index__"):
        raise TypeError("multinomial(): argument 'num_samples' must be int, not "
                        f"{type(num_samples).__name__}")
    if not 1 <= weights.ndim <= 2:
        raise RuntimeError(f"prob_dist must be 1 or 2 dim: multinomial() got {weights.ndim}")
    if weights.dtype.kind not in "fV":
        raise RuntimeError("multinomial only supports floating-point dtypes for input, got: "
                           f"{dtypes.from_numpy_dtype(weights.dtype).title}")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > weights.shape[-1]:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement: "
            f"{num_samples} of {weights.shape[-1]}; pass replacement=True or draw fewer")
    if weights.shape[-1] > 2 ** 24:
        raise RuntimeError("number of categories cannot exceed 2^24")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise RuntimeError("invalid multinomial distribution: probability tensor contains either "
                           "`inf`, `nan` or element < 0")
    if weights.size and not (weights.sum(-1) > 0).all() or weights.shape[-1] == 0:
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
