"""Jacobians and Hessians of functions of nested tensors (PyTorch's torch.func)."""

import functools

from .batching import arranged, like, strip
from .levels import Level, gradients, is_wanted, release
from .pushing import Pushforward
from .pytree import flatten, unflatten
from .tensor import Tensor
from .transforms import check_outputs, entered, released, split_aux

__all__ = ["columns", "hessian", "jacfwd", "jacrev", "rows"]


def jacrev(func, argnums=0, *, has_aux=False, chunk_size=None):
    """Return a function that computes the Jacobian of `func`, one backward per output element.

    Args:
        argnums: which arguments to differentiate: a number, or a tuple of them.
        has_aux: return (Jacobian, auxiliary value).
        chunk_size: how many rows to compute at once; accepted as in PyTorch.
    Returns:
        A function whose result has the structure of func's output, each leaf replaced by the
        structure of the arguments, each leaf of that a tensor of shape (*output, *argument).
    Source: https://docs.pytorch.org/docs/stable/generated/torch.func.jacrev.html

    >>> import ember
    >>> ember.func.jacrev(lambda x: x * x)(ember.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")
    return _jacobian(func, argnums, has_aux, "jacrev", rows)


def jacfwd(func, argnums=0, has_aux=False, *, randomness="error"):
    """Return a function that computes the Jacobian of `func`, one push per input element.

    Arguments and results are those of `jacrev`. `func` runs once, so there is one set of random
    numbers whatever `randomness` says.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.func.jacfwd.html

    >>> import ember
    >>> ember.func.jacfwd(lambda x: x.sum())(ember.tensor([1.0, 2.0]))
    tensor([1., 1.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError("Only allowed values for randomness are 'error', 'different', or "
                           f"'same'. Got {randomness}")
    return _jacobian(func, argnums, has_aux, "jacfwd", columns)


def hessian(func, argnums=0):
    """Return a function that computes the matrix of second derivatives of `func`.

    It is `jacfwd(jacrev(func))`.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.func.hessian.html

    >>> import ember
    >>> ember.func.hessian(lambda x: (x ** 3).sum())(ember.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


def _jacobian(func, argnums, has_aux, name, compute):
    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        level = Level()
        with level:
            args, probes, spec = entered(level, args, argnums)
            output, aux = split_aux(func(*args, **kwargs), has_aux, name)
            leaves, output_spec = flatten(output)
            check_outputs(leaves, name)
            blocks = compute(leaves, probes, level)
        result = unflatten([unflatten(block, spec) for block in blocks], output_spec)
        return (result, released(aux, level)) if has_aux else result

    return wrapper


def rows(outputs, inputs, level, create_graph=None):
    """Return, per output, the list of its Jacobians by the inputs: one backward per element."""
    if create_graph is None:
        create_graph = level.recording and is_wanted([t._node for t in outputs], level)
    blocks = []
    for output in outputs:
        found = [gradients([output], inputs, [g], level, True, create_graph)
                 for g in _basis(output)] if output._node is not None else []
        blocks.append([_stacked([row[i] for row in found], output.shape + t.shape, t, 0)
                       for i, t in enumerate(inputs)])
    return blocks


def columns(outputs, inputs, level, create_graph=None):
    """Return the same by forward mode: one push per element of the inputs."""
    forward = Pushforward(outputs, [t._node for t in inputs], keep=True)
    blocks = [[] for _ in outputs]
    for t in inputs:
        pushed = [forward({t._node: arranged(v, t)}) for v in _basis(t)]
        for number, output in enumerate(outputs):
            found = [output.detach().new_zeros(output.shape) if p[number] is None
                     else like(output, p[number]) for p in pushed]
            block = _stacked(found, output.shape + t.shape, output, -1)
            blocks[number].append(block if create_graph else release(block, level))
    return blocks


def _basis(t):
    """Yield the unit tensors of a tensor's shape, in order."""
    whole = strip(t)
    for place in range(t.numel()):
        unit = whole._xp.zeros(t.numel(), whole._array.dtype)
        unit[place] = 1
        yield Tensor._wrap(unit.reshape(t.shape), whole._xp)


def _stacked(parts, shape, like, dim):
    from .ops.joining import stack

    if not parts:
        return like.detach().new_zeros(shape)
    return stack(parts, dim).reshape(shape)
