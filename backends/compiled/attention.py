"""Scaled dot-product attention, one head and one block of queries at a time.

The products of a block's queries with all keys stay in a core's cache; only the logarithm of each
query's sum is kept, from which backward computes the weights again.
Source: Dao, "FlashAttention-2", 2023, for the backward formulas.
"""

import numpy as np
from numba import prange

from ..kernels import kernel
from ..kernels.attention import Attention as Portable
from . import blas, jit, math
from .softmax import exponentials

_BLOCK = 1 << 18  # products of queries and keys at a time: what a core's cache holds


@jit.inline
def _block_rows(queries, keys):
    """Return how many queries to take at a time."""
    return min(queries, max(32, min(128, keys // 16)), max(1, _BLOCK // keys))


@jit.inline
def _scores(q, k, scale, mask, out):
    """out = scale · q · kᵀ + mask, where a mask without columns counts as none."""
    blas.gemm(False, True, scale, q, k, 0.0, out)
    for row in range(out.shape[0] if mask.size else 0):
        target, added = out[row], mask[row]
        for i in range(target.size):
            target[i] += added[i]


@jit.inline
def _weigh(scores, first, causal, log_sums):
    """Replace each row by its softmax, keys after the query left out; keep the logarithm of the
    sum. A query that sees nothing gets zeros."""
    zero = scores.dtype.type(0)
    for row in range(scores.shape[0]):
        weights = scores[row]
        seen = min(first + row + 1, weights.size) if causal else weights.size
        visible = weights[:seen]
        top, total = exponentials(visible)
        if top == -np.inf:
            top, total = zero, zero + 1
            visible[:] = zero
        weights[seen:] = zero
        log_sums[row] = top + math.log(total)
        factor = 1 / total
        for i in range(visible.size):
            visible[i] *= factor


@jit.inline
def _attend_one(q, k, v, mask, scale, causal, out, log_sums, start, rows, room):
    """The rows of out for the queries from start on."""
    stop = min(start + rows, q.shape[0])
    seen = min(stop, k.shape[0]) if causal else k.shape[0]
    weights = room[:(stop - start) * seen].reshape(stop - start, seen)
    _scores(q[start:stop], k[:seen], scale, mask[start:stop], weights)
    _weigh(weights, start, causal, log_sums[start:stop])
    blas.gemm(False, False, 1.0, weights, v[:seen], 0.0, out[start:stop])


@jit.parallel
def _attend(q, k, v, mask, scale, causal, out, log_sums, parts):
    """out = softmax(scale · q · kᵀ + mask) · v for each head."""
    heads, queries, keys = q.shape[1], q.shape[2], k.shape[2]
    rows = _block_rows(queries, keys)
    blocks = (queries + rows - 1) // rows
    count = q.shape[0] * heads * blocks
    for part in prange(parts):
        room = np.empty(rows * keys, q.dtype)
        for task in range(part * count // parts, (part + 1) * count // parts):
            i, j, start = task // blocks // heads, task // blocks % heads, task % blocks * rows
            _attend_one(q[i, j], k[i, j], v[i, j], mask[i, j], scale, causal, out[i, j],
                        log_sums[i, j], start, rows, room)


@jit.inline
def _slopes(weights, slopes, log_sums, first, causal):
    """From scores and g · vᵀ: the weights, and the gradient with respect to the scores."""
    zero = weights.dtype.type(0)
    for row in range(weights.shape[0]):
        a, b, log_sum, mean = weights[row], slopes[row], log_sums[row], zero
        seen = min(first + row + 1, a.size) if causal else a.size
        weight, slope = a[:seen], b[:seen]
        for i in range(weight.size):
            weight[i] = math.exp(weight[i] - log_sum)
            mean += weight[i] * slope[i]
        for i in range(weight.size):
            slope[i] = (slope[i] - mean) * weight[i]
        a[seen:] = zero
        b[seen:] = zero


@jit.inline
def _gradients_one(g, q, k, v, mask, scale, causal, log_sums, for_q, for_k, for_v, rows, room):
    """The gradients of one head."""
    zero = g.dtype.type(0)
    for_k[:] = zero
    for_v[:] = zero
    for start in range(0, q.shape[0], rows):
        stop = min(start + rows, q.shape[0])
        seen = min(stop, k.shape[0]) if causal else k.shape[0]
        size = (stop - start) * seen
        weights = room[:size].reshape(stop - start, seen)
        slopes = room[size:2 * size].reshape(stop - start, seen)
        _scores(q[start:stop], k[:seen], scale, mask[start:stop], weights)
        blas.gemm(False, True, 1.0, g[start:stop], v[:seen], 0.0, slopes)
        _slopes(weights, slopes, log_sums[start:stop], start, causal)
        blas.gemm(False, False, scale, slopes, k[:seen], 0.0, for_q[start:stop])
        blas.gemm(True, False, scale, slopes, q[start:stop], 1.0, for_k[:seen])
        blas.gemm(True, False, 1.0, weights, g[start:stop], 1.0, for_v[:seen])


@jit.parallel
def _gradients(g, q, k, v, mask, scale, causal, log_sums, for_q, for_k, for_v, parts):
    """The gradients for q, k and v, each head by one thread."""
    heads, queries, keys = q.shape[1], q.shape[2], k.shape[2]
    rows = _block_rows(queries, keys)
    count = q.shape[0] * heads
    for part in prange(parts):
        room = np.empty(2 * rows * keys, q.dtype)
        for task in range(part * count // parts, (part + 1) * count // parts):
            i, j = task // heads, task % heads
            _gradients_one(g[i, j], q[i, j], k[i, j], v[i, j], mask[i, j], scale, causal,
                           log_sums[i, j], for_q[i, j], for_k[i, j], for_v[i, j], rows, room)


def _heads(a):
    """Return (*, time, features) as (batch, heads, time, features) with rows in one piece."""
    if a.strides[-1] != a.itemsize or a.strides[-2] < a.shape[-1] * a.itemsize:
        a = np.ascontiguousarray(a)
    while a.ndim < 4:
        a = a[None]
    return a if a.ndim == 4 else a.reshape(-1, *a.shape[-3:])


def _side_by_side(shape, dtype):
    """Return an empty array whose heads lie side by side in memory, as layers join them."""
    *lead, heads, time, features = (1,) * (3 - len(shape)) + shape
    made = np.empty((*lead, time, heads, features), dtype).swapaxes(-2, -3)
    return made if len(shape) > 2 else made[0]


def _gradients_like(inputs):
    """Return empty gradients, which lie to each other as the queries, keys and values of one
    projection do: the gradient of the projection is there then without a copy."""
    q, k, v = [a.__array_interface__ for a in inputs]
    if q["shape"] == k["shape"] == v["shape"] and len(q["shape"]) == 4:
        batch, heads, time, features = q["shape"]
        together = np.empty((batch, time, 3, heads, features), inputs[0].dtype)
        made = [together[:, :, i].swapaxes(1, 2) for i in range(3)]
        step = heads * features * together.itemsize
        places = [a["data"][0] - q["data"][0] for a in (k, v)]
        if places == [step, 2 * step] and all(
                a.strides == b.strides for a, b in zip(inputs, made)):
            return made
    return [_side_by_side(a.shape, a.dtype) for a in inputs]


@kernel("attention", compiled=True)
class Attention:
    """softmax(q kᵀ · scale + mask) v, keeping one number per query for backward."""

    def forward(xp, recording, query, key, value, attn_mask, is_causal, scale):
        dtype, lead = query.dtype, query.shape[:-2]
        if (query.ndim < 2 or dtype.char not in "fd" or key.dtype is not dtype
                or value.dtype is not dtype or not lead == key.shape[:-2] == value.shape[:-2]
                or key.shape[-1] != query.shape[-1]
                or not (query.size and key.size and value.size)):
            return NotImplemented
        given = (query, key, value, attn_mask, is_causal, scale)
        q, k, v = _heads(query), _heads(key), _heads(value)
        mask = np.empty((*q.shape[:-1], 0), dtype)
        if attn_mask is not None:
            if attn_mask.dtype.kind == "b":
                attn_mask = np.where(attn_mask, dtype.type(0), dtype.type(-np.inf))
            shape = (*lead, query.shape[-2], key.shape[-2])
            mask = _heads(xp.broadcast_to(attn_mask, shape))
        out = _side_by_side((*query.shape[:-1], value.shape[-1]), dtype)
        log_sums = np.empty(q.shape[:-1], dtype)
        parts = jit.threads()
        _attend(q, k, v, mask, float(scale), is_causal, _heads(out), log_sums, parts)
        return out, (given, mask, log_sums)

    def backward(xp, g, saved, wanted):
        given, mask, log_sums = saved
        if len(wanted) > 3 and wanted[3]:
            return Portable.backward(xp, g, Portable.forward(xp, True, *given)[1], wanted)
        *inputs, _, is_causal, scale = given
        made = _gradients_like(inputs)
        _gradients(_heads(g), *[_heads(a) for a in inputs], mask, float(scale), is_causal,
                   log_sums, *[_heads(a) for a in made], jit.threads())
        return [a if want else None for a, want in zip([*made, None], wanted)]
