"""Attention: scaled dot products, and the multi-head form with its projections.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.functional.html#attention-mechanisms
"""

import math

from ...autograd import cat, dtypes, full_like, ones, softmax, where, zeros, zeros_like
from ...autograd.composite import composite
from ...autograd.lowprecision import rounded_once
from .dropout import dropout
from .linear import linear
from .padding import pad

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]


@rounded_once
def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0,
                                 is_causal=False, scale=None, enable_gqa=False):
    """Weigh values by the softmax of query-key products.

    Args:
        query: shape (*, heads, L, E).
        key: shape (*, heads, S, E).
        value: shape (*, heads, S, Ev).
        attn_mask: broadcasts to (*, heads, L, S); True or 0 where attention is allowed, False
            or −∞ where not. A query that may see nothing gets zeros.
        dropout_p: probability of a weight to be dropped.
        is_causal: let query i see keys up to i only.
        scale: factor of the products; 1 / √E by default.
        enable_gqa: let key and value have fewer heads, each shared by several queries.

    Returns:
        Shape (*, heads, L, Ev).

    Raises:
        RuntimeError: both a mask and `is_causal` are given, or shapes do not fit.
    Source: Vaswani et al., "Attention Is All You Need", 2017.

    >>> import ember as torch
    >>> q, k, v = torch.zeros(1, 2, 4), torch.zeros(1, 3, 4), torch.ones(1, 3, 4)
    >>> torch.nn.functional.scaled_dot_product_attention(q, k, v).shape
    torch.Size([1, 2, 4])
    """
    _check(query, key, value, attn_mask, is_causal)
    if enable_gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
        value = value.repeat_interleave(query.shape[-3] // value.shape[-3], -3)
    if scale is None:  # without features every product is 0
        scale = 1 / math.sqrt(max(query.shape[-1], 1))
    if dropout_p == 0:
        return attention(query, key, value, attn_mask, is_causal, scale)
    weights = dropout(attention_weights(query, key, attn_mask, is_causal, scale), dropout_p)
    return weights.matmul(value)


@composite
def attention(query, key, value, attn_mask, is_causal, scale):
    """Weights times values: scaled dot-product attention without dropout."""
    return attention_weights(query, key, attn_mask, is_causal, scale).matmul(value)


def attention_weights(query, key, attn_mask, is_causal, scale):
    """Return the softmax over the keys; zeros for a query that may see none."""
    scores = (query * scale).matmul(key.mT)
    if is_causal:
        attn_mask = ones(*scores.shape[-2:], dtype=dtypes.bool, device=scores.device).tril()
    if attn_mask is None:
        return softmax(scores, -1)
    if attn_mask.dtype is dtypes.bool:
        scores = where(attn_mask, scores, full_like(scores.detach(), -math.inf))
    else:
        scores = scores + attn_mask
    blind = (scores.detach() == -math.inf).all(-1, keepdim=True)
    safe = where(blind, zeros_like(scores.detach()), scores)
    return where(blind, zeros_like(scores.detach()), softmax(safe, -1))


def _check(query, key, value, attn_mask, is_causal):
    if not query.dtype is key.dtype is value.dtype:
        raise RuntimeError("Expected query, key, and value to have the same dtype, but got "
                           f"query.dtype: {query.dtype} key.dtype: {key.dtype} and value.dtype: "
                           f"{value.dtype} instead.")
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError("Expected query, key, and value to all be at least 2 dimensional, but "
                           f"got shapes {list(query.shape)}, {list(key.shape)} and "
                           f"{list(value.shape)}")
    if attn_mask is not None and is_causal:
        raise RuntimeError("scaled_dot_product_attention: Explicit attn_mask should not be set "
                           "when is_causal=True")
    if attn_mask is not None and attn_mask.dtype not in (dtypes.bool, query.dtype):
        raise RuntimeError("Expected attn_mask dtype to be bool or float or to match query dtype, "
                           f"but got attn_mask.dtype: {attn_mask.dtype} and query.dtype: "
                           f"{query.dtype} instead.")
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise RuntimeError("scaled_dot_product_attention: query, key and value do not fit: got "
                           f"{list(query.shape)}, {list(key.shape)} and {list(value.shape)}")


# -- multi-head -----------------------------------------------------------------------------------


def multi_head_attention_forward(
        query, key, value, embed_dim_to_check, num_heads, in_proj_weight, in_proj_bias, bias_k,
        bias_v, add_zero_attn, dropout_p, out_proj_weight, out_proj_bias, training=True,
        key_padding_mask=None, need_weights=True, attn_mask=None, use_separate_proj_weight=False,
        q_proj_weight=None, k_proj_weight=None, v_proj_weight=None, static_k=None, static_v=None,
        average_attn_weights=True, is_causal=False):
    """Project, attend in several heads, project back; see `nn.MultiheadAttention`.

    Args:
        query: shape (L, N, E) or (L, E).
        key, value: shape (S, N, E) or (S, E).
        in_proj_weight: shape (3 · E, E); or the three `*_proj_weight` separately.
        key_padding_mask: shape (N, S) or (S,); True where a key does not count.
        attn_mask: shape (L, S) or (N · heads, L, S); True or −∞ where not to look.
        need_weights: also return the weights.

    Returns:
        The output, shaped as the query, and the weights (N, L, S) or None.

    Raises:
        AssertionError, RuntimeError: the shapes do not fit.
    """
    batched = _check_heads(query, key, value, key_padding_mask, attn_mask, embed_dim_to_check,
                           num_heads)
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint. You may use the "
                           "Transformer module method `generate_square_subsequent_mask` to create "
                           "this mask.")
    if not batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, batch, features = query.shape
    weights = ((q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight
               else in_proj_weight.chunk(3))
    biases = (None,) * 3 if in_proj_bias is None else in_proj_bias.chunk(3)
    q, k, v = [linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases)]
    mask = _Mask(attn_mask, key_padding_mask, q.dtype)
    if bias_k is not None:
        k, v = cat([k, bias_k.repeat(1, batch, 1)]), cat([v, bias_v.repeat(1, batch, 1)])
        mask.add_key()

    def heads(x):
        return x.reshape(x.shape[0], batch, num_heads, -1).permute(1, 2, 0, 3)

    q = heads(q)
    k = heads(k) if static_k is None else static_k.unflatten(0, (batch, num_heads))
    v = heads(v) if static_v is None else static_v.unflatten(0, (batch, num_heads))
    if add_zero_attn:
        nothing = zeros(batch, num_heads, 1, q.shape[-1], dtype=q.dtype, device=q.device)
        k, v = cat([k, nothing], 2), cat([v, nothing], 2)
        mask.add_key()
    out, attended = _attend(q, k, v, mask.merged(batch, num_heads),
                            dropout_p if training else 0.0, need_weights)
    out = linear(out.permute(2, 0, 1, 3).reshape(length, batch, features), out_proj_weight,
                 out_proj_bias)
    if need_weights and average_attn_weights:
        attended = attended.mean(1)
    if not batched:
        out = out.squeeze(1)
        attended = attended.squeeze(0) if need_weights else None
    return out, attended


def _attend(q, k, v, mask, dropout_p, need_weights):
    if not need_weights:
        return scaled_dot_product_attention(q, k, v, mask, dropout_p), None
    scores = (q * math.sqrt(1 / q.shape[-1])).matmul(k.mT)
    weights = softmax(scores if mask is None else scores + mask, -1)
    if dropout_p > 0:
        weights = dropout(weights, dropout_p)
    return weights.matmul(v), weights


class _Mask:
    """The attention mask and the padding mask of the keys, as numbers to be added."""

    def __init__(self, attn_mask, key_padding_mask, dtype):
        self.attention = _additive(attn_mask, dtype)
        self.padding = _additive(key_padding_mask, dtype)

    def add_key(self):
        """Let everybody see one more key."""
        if self.attention is not None:
            self.attention = pad(self.attention, (0, 1))
        if self.padding is not None:
            self.padding = pad(self.padding, (0, 1))

    def merged(self, batch, heads):
        """Return one mask that broadcasts to (N, heads, L, S), or None."""
        attention, padding = self.attention, self.padding
        if attention is not None and attention.ndim == 3:
            if attention.shape[0] == 1:
                attention = attention.unsqueeze(0)
            else:
                attention = attention.unflatten(0, (batch, heads))
        if padding is None:
            return attention
        padding = padding.reshape(batch, 1, 1, -1)
        return padding if attention is None else attention + padding


def _additive(mask, dtype):
    if mask is None or mask.dtype is not dtypes.bool:
        return mask
    zero = zeros(mask.shape, dtype=dtype, device=mask.device)
    return where(mask, full_like(zero, -math.inf), zero)


def _check_heads(query, key, value, key_padding_mask, attn_mask, embed_dim, num_heads):
    """Return whether the query is batched."""
    if query.ndim not in (2, 3):
        raise AssertionError("query should be unbatched 2D or batched 3D tensor but received "
                             f"{query.ndim}-D query tensor")
    if key.ndim != query.ndim or value.ndim != query.ndim:
        raise AssertionError(f"For a {query.ndim}-D query, key and value must be {query.ndim}-D, "
                             f"but found {key.ndim}-D and {value.ndim}-D tensors respectively")
    if key_padding_mask is not None and key_padding_mask.ndim != query.ndim - 1:
        raise AssertionError(
            f"For a {query.ndim}-D query, expected `key_padding_mask` to be None or "
            f"{query.ndim - 1}-D but found {key_padding_mask.ndim}-D tensor instead")
    if query.shape[-1] != embed_dim:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim}, but got "
                             f"{query.shape[-1]}")
    if embed_dim % num_heads:
        raise AssertionError(f"embed_dim {embed_dim} not divisible by num_heads {num_heads}")
    if key.shape[:-1] != value.shape[:-1]:
        raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
    if attn_mask is not None:
        batch = query.shape[1] if query.ndim == 3 else 1
        lengths = (query.shape[0], key.shape[0])
        wanted = {2: lengths, 3: (batch * num_heads, *lengths)}.get(attn_mask.ndim)
        if wanted is None:
            raise RuntimeError(f"attn_mask's dimension {attn_mask.ndim} is not supported")
        if tuple(attn_mask.shape) != wanted:
            raise RuntimeError(f"The shape of the {attn_mask.ndim}D attn_mask is "
                               f"{attn_mask.shape}, but should be {wanted}.")
    return query.ndim == 3
