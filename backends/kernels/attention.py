"""Scaled dot-product attention in one node."""

import math

from . import kernel


@kernel("attention")
class Attention:
    """softmax(q kᵀ · scale + mask) v, keeping the weights for backward."""

    def forward(xp, recording, query, key, value, attn_mask, is_causal, scale):
        if (query.ndim < 2 or query.dtype.kind != "f" or key.shape[-1] != query.shape[-1]
                or not query.shape[:-2] == key.shape[:-2] == value.shape[:-2]
                or not (query.size and key.size and value.size)):
            return NotImplemented
        weights = xp.matmul(query, xp.swapaxes(key, -1, -2))
        weights *= scale
        if is_causal:
            attn_mask = xp.tri(*weights.shape[-2:], dtype=bool)
        if attn_mask is not None and attn_mask.dtype.kind == "b":
            xp.copyto(weights, -math.inf, where=~attn_mask)
        elif attn_mask is not None:
            weights += attn_mask
        top = weights.max(-1, None, True)
        if attn_mask is not None:
            top[top == -math.inf] = 0  # a query that sees nothing
        weights -= top
        xp.exp(weights, out=weights)
        total = xp.add.reduce(weights, -1, keepdims=True)
        if attn_mask is not None:
            total[total == 0] = 1
        weights /= total
        return xp.matmul(weights, value), (query, key, value, weights, scale)

    def backward(xp, g, saved, wanted):
        query, key, value, weights, scale = saved
        slope = xp.matmul(g, xp.swapaxes(value, -1, -2))
        slope -= xp.add.reduce(slope * weights, -1, keepdims=True)
        slope *= weights
        for_value = xp.matmul(xp.swapaxes(weights, -1, -2), g) if wanted[2] else None
        for_mask = slope.copy() if len(wanted) > 3 and wanted[3] else None
        slope *= scale
        for_query = xp.matmul(slope, key) if wanted[0] else None
        for_key = xp.matmul(xp.swapaxes(slope, -1, -2), query) if wanted[1] else None
        return (for_query, for_key, for_value, for_mask)[:len(wanted)]
