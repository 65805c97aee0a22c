"""How operations compute all examples at once, by family of op records.

An elementwise operation aligns its operands, one along a dimension names the next dimension, a
matrix product broadcasts. Records of other families have no rule: vmap computes their examples
one by one.
"""

import functools

from . import dtypes
from .batching import BatchedTensor, NotBatched, whole, wrap
from .composite import Composite
from .creation import arange
from .tensor import Tensor

__all__ = ["apply", "item"]

# Modules whose records are elementwise, and records elsewhere that are.
_ELEMENTWISE_MODULES = frozenset((
    "activation", "bitwise", "clamping", "comparison", "elementwise", "exponential", "losses",
    "polynomials", "rounding", "special", "trigonometry"))
_ELEMENTWISE = frozenset((
    "angle_of_real", "cast", "clone", "complex", "conj_physical", "fmax", "fmin", "masked_fill",
    "maximum", "minimum", "where"))
# Records along a dimension `dim`; None means all of them together.
_ALONG = frozenset((
    "all", "amax", "amin", "aminmax", "any", "argmax", "argmin", "argsort", "count_nonzero",
    "cummax", "cummin", "cumprod", "cumsum", "kthvalue", "log_softmax", "logcumsumexp", "logsumexp",
    "max", "mean", "median", "min", "mode", "nanmedian", "nansum", "prod", "softmax", "sort", "std",
    "sum", "topk", "var", "vector_norm"))
_WHOLE = {"max_all": "amax", "min_all": "amin"}  # of all elements -> along dimensions
_LAST_TWO = frozenset(("tril", "triu", "inv", "det", "cholesky"))


def apply(record, call, args, kwargs, level):
    """Return the result of an operation on tensors batched at a level.

    Raises:
        NotBatched: when there is no rule.
    """
    if "out" in kwargs:
        kwargs = dict(kwargs)
        if kwargs.pop("out") is not None:
            raise NotBatched("out=")
    if isinstance(record, Composite):
        args = record.bind(args, kwargs)
        rule = _COMPOSITES.get(record.name)
        return record.composition(*args) if rule is None else rule(call, level, *args)
    values = dict(zip(record.signature.names, record.signature.bind(args, kwargs)))
    rule = _rule(record)
    if rule is None:
        raise NotBatched(record.name)
    return rule(record, call, values, level)


@functools.cache
def _rule(record):
    name = record.name
    if name in _ELEMENTWISE or (
            record.forward.__module__.rpartition(".")[2] in _ELEMENTWISE_MODULES):
        return _elementwise
    if name in _ALONG:
        return _along
    if name in _WHOLE:
        return _of_all
    if name in _LAST_TWO:
        return _last_two
    return {"matmul": _matmul, "cat": _joined, "stack": _joined, "flip": _along_several,
            "einsum": _einsum, "pad": _padded}.get(name)


def _batched(value, level):
    return isinstance(value, BatchedTensor) and value.level == level


def _aligned(t, rank, level):
    """Return the whole of a tensor with the rank of one example; others as they are."""
    if not _batched(t, level):
        return t
    missing = rank - t.ndim
    return t.full if not missing else t.full.reshape(t.size_of_batch, *[1] * missing, *t.shape)


def _elementwise(record, call, values, level):
    tensors = {k: v for k, v in values.items() if isinstance(v, Tensor)}
    rank = max(t.ndim for t in tensors.values())
    aligned = {k: _aligned(v, rank, level) for k, v in tensors.items()}
    if record.cast is not None and len(tensors) > 1 and len(
            {t.dtype for t in tensors.values()}) > 1:
        aligned = _of_one_dtype(values, tensors, aligned)
    return wrap(call(**{**values, **aligned}), level)


def _of_one_dtype(values, tensors, aligned):
    """Promote as for one example: a 0-d tensor has a say only if it is 0-d there."""
    scalars = [dtypes.of_number(v) for v in values.values()
               if isinstance(v, (bool, int, float, complex))]
    common = dtypes.result_dtype([t.dtype for t in tensors.values() if t.ndim],
                                 [t.dtype for t in tensors.values() if not t.ndim], scalars)
    return {k: t if t.dtype is common else t.to(common) for k, t in aligned.items()}


def _along(record, call, values, level):
    x = _only_tensor(values, level)
    dim, rank = values["dim"], x.ndim
    if dim is None or dim == () and record.name not in ("sum", "mean"):
        if "keepdim" not in values and record.name != "count_nonzero":
            raise NotBatched("no dimension")
        return _flat(call, values, x, level)
    if not rank:
        raise NotBatched("a 0-d example")
    dims = tuple([x._dim(d) for d in ((dim,) if isinstance(dim, int) else dim)])
    return wrap(call(**{**values, "input": x.full,
                        "dim": dims[0] if isinstance(dim, int) else dims}), level)


def _flat(call, values, x, level):
    """Reduce over all elements of each example."""
    full = x.full.reshape(x.size_of_batch, x.numel())
    result = wrap(call(**{**values, "input": full, "dim": 1}), level)
    if not values.get("keepdim"):
        return result
    parts = result if isinstance(result, tuple) else (result,)
    parts = [t.reshape(*[1] * x.ndim) for t in parts]
    if not isinstance(result, tuple):
        return parts[0]
    return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)


def _of_all(record, call, values, level):
    from .op import RECORDS

    x = _only_tensor(values, level)
    full = x.full.reshape(x.size_of_batch, x.numel())
    return wrap(RECORDS[_WHOLE[record.name]].call(full, 1), level)


def _along_several(record, call, values, level):
    x = _only_tensor(values, level)
    dims = values["dims"]
    dims = tuple([x._dim(d) for d in ((dims,) if isinstance(dims, int) else dims)])
    return wrap(call(x.full, dims), level)


def _last_two(record, call, values, level):
    x = _only_tensor(values, level)
    if x.ndim < 2:
        raise NotBatched("no matrix")
    return wrap(call(**{**values, "input": x.full}), level)


def _only_tensor(values, level):
    """Return the input, when it alone is a tensor."""
    x, *rest = values.values()
    if not _batched(x, level) or any(isinstance(v, Tensor) for v in rest):
        raise NotBatched("a tensor among the parameters")
    return x


def _matmul(record, call, values, level):
    a, b = values.values()
    if a.ndim == 0 or b.ndim == 0:
        raise NotBatched("matmul of a 0-d example")
    if a.ndim == 1 and b.ndim == 2 and not _batched(b, level):
        return wrap(call(a.full, b), level)  # one product of matrices
    left = a if a.ndim > 1 else a.unsqueeze(0)
    right = b if b.ndim > 1 else b.unsqueeze(1)
    rank = max(left.ndim, right.ndim)
    result = wrap(call(_aligned(left, rank, level), _aligned(right, rank, level)), level)
    if a.ndim == 1:
        result = result.squeeze(-2)
    return result.squeeze(-1) if b.ndim == 1 else result


def _joined(record, call, values, level):
    tensors, dim = values["tensors"], values["dim"]
    first = next(t for t in tensors if _batched(t, level))
    wholes = [whole(t, level, first.size_of_batch) for t in tensors]
    if len({t.dtype for t in wholes}) > 1 or len({t.ndim for t in wholes}) > 1:
        raise NotBatched("tensors of several kinds")
    return wrap(call(wholes, first._dim(dim, 1 if record.name == "stack" else 0)), level)


def _padded(record, call, values, level):
    x = _only_tensor(values, level)
    return wrap(call(x.full, ((0, 0), *values["widths"]), values["value"]), level)


def _einsum(record, call, values, level):
    operands, terms, output = values.values()
    letter = next(c for c in "abcdefghijklmnopqrstuvwxyz" if not any(c in t for t in terms))
    hidden = [_batched(t, level) for t in operands]
    return wrap(call([t.full if h else t for t, h in zip(operands, hidden)],
                     [letter + term if h else term for term, h in zip(terms, hidden)],
                     letter + output), level)


# -- composites: examples become rows of a batch, or groups of channels ---------------------------


def _size(level, *tensors):
    return next(t.size_of_batch for t in tensors if _batched(t, level))


def _cross_entropy(call, level, input, target, ignore_index, reduction):
    size = _size(level, input, target)
    logits, classes = whole(input, level, size), whole(target, level, size)
    if input.ndim > 1:
        logits, classes = logits.flatten(0, 1), classes.flatten(0, 1)
    loss = call(logits, classes, ignore_index, "none")
    if reduction == "none":
        return wrap(loss.reshape(size, *target.shape), level)
    total = loss.reshape(size, -1).sum(1)
    if reduction == "mean":
        total = total / (classes != ignore_index).reshape(size, -1).sum(1)
    return wrap(total, level)


def _convolution(call, level, input, weight, bias, *options):
    stride, padding, dilation, groups = options
    size = _size(level, *[t for t in (input, weight, bias) if t is not None])
    images = whole(input, level, size)
    if not _batched(weight, level) and not _batched(bias, level):
        out = call(images.flatten(0, 1), weight, bias, *options)
        return wrap(out.unflatten(0, (size, input.shape[0])), level)
    images = images.transpose(0, 1).flatten(1, 2)
    bias = None if bias is None else whole(bias, level, size).reshape(-1)
    out = call(images, whole(weight, level, size).flatten(0, 1), bias, stride, padding, dilation,
               groups * size)
    return wrap(out.unflatten(1, (size, weight.shape[0])).transpose(0, 1), level)


def _embedding(call, level, input, weight, padding_idx):
    if _batched(weight, level):
        raise NotBatched("several tables")
    return wrap(call(input.full, weight, padding_idx), level)


def _pooled(call, level, input, plan, *options):
    rows = input.full.ndim - len(plan.kernel) - 1
    out = call(input.full.flatten(0, rows - 1), plan, *options)
    return wrap(out.unflatten(0, input.full.shape[:rows]), level)


_COMPOSITES = {"avg_pool": _pooled, "class_cross_entropy": _cross_entropy,
               "convolution": _convolution, "max_pool": _pooled, "_embedding": _embedding}


# -- indexing -------------------------------------------------------------------------------------


def item(x, key):
    """Return `x[key]` for a batched tensor: numbers, slices, None, ..., and one index tensor.

    Raises:
        NotBatched: for other keys.
    """
    if _batched(key, x.level) and key.dtype.category == 1:
        rows = arange(x.size_of_batch, device=x.device).reshape(-1, *[1] * key.ndim)
        return wrap(x.full[rows, key.full], x.level)
    key = key if isinstance(key, tuple) else (key,)
    tensors = [k for k in key if isinstance(k, Tensor)]
    plain = all(k is None or k is Ellipsis or isinstance(k, (int, slice)) and not isinstance(
        k, bool) for k in key if not isinstance(k, Tensor))
    if not plain or len(tensors) > 1 or any(
            t.dtype.category != 1 or isinstance(t, BatchedTensor) for t in tensors):
        raise NotBatched("indexing")
    if tensors and (any(isinstance(k, int) for k in key)):
        raise NotBatched("an index tensor beside numbers")
    return wrap(x.full[(slice(None), *key)], x.level)
