"""Multi-head attention.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.MultiheadAttention.html
"""

from ...autograd import Tensor, empty
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .linear import NonDynamicallyQuantizableLinear
from .module import Module

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """Attention in several heads, with learned projections.

    Args:
        embed_dim: E; divisible by `num_heads`.
        num_heads: number of heads.
        dropout: probability of an attention weight to be dropped in training.
        bias: whether the projections have biases.
        add_bias_kv: whether to learn one more key and value.
        add_zero_attn: whether to add a key and value of zeros.
        kdim, vdim: features of keys and values; E by default.
        batch_first: whether inputs are (N, L, E) instead of (L, N, E).

    Source: Vaswani et al., "Attention Is All You Need", 2017.

    >>> import ember as torch
    >>> x = torch.ones(5, 2, 8)
    >>> out, weights = torch.nn.MultiheadAttention(8, 4)(x, x, x)
    >>> out.shape, weights.shape
    (torch.Size([5, 2, 8]), torch.Size([2, 5, 5]))
    """

    bias_k: Tensor | None
    bias_v: Tensor | None

    def __init__(self, embed_dim, num_heads, dropout=0.0, bias=True, add_bias_kv=False,
                 add_zero_attn=False, kdim=None, vdim=None, batch_first=False, device=None,
                 dtype=None):
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError("embed_dim and num_heads must be greater than 0, got "
                             f"embed_dim={embed_dim} and num_heads={num_heads} instead")
        made = {"device": device, "dtype": dtype}
        self.embed_dim = embed_dim
        self.kdim = kdim if kdim is not None else embed_dim
        self.vdim = vdim if vdim is not None else embed_dim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")
        self._add_projections(made)
        self.register_parameter(
            "in_proj_bias", Parameter(empty(3 * embed_dim, **made)) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, **made)
        for name in ("bias_k", "bias_v"):
            extra = Parameter(empty((1, 1, embed_dim), **made)) if add_bias_kv else None
            setattr(self, name, extra)
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _add_projections(self, made):
        sizes = {"q": self.embed_dim, "k": self.kdim, "v": self.vdim}
        joint = self._qkv_same_embed_dim
        if joint:
            self.in_proj_weight = Parameter(empty((3 * self.embed_dim, self.embed_dim), **made))
        for name, size in sizes.items():
            own = None if joint else Parameter(empty((self.embed_dim, size), **made))
            self.register_parameter(f"{name}_proj_weight", own)
        if not joint:
            self.register_parameter("in_proj_weight", None)

    def _reset_parameters(self):
        if self._qkv_same_embed_dim:
            init.xavier_uniform_(self.in_proj_weight)
        else:
            for weight in (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(self, query, key, value, key_padding_mask=None, need_weights=True,
                attn_mask=None, average_attn_weights=True, is_causal=False):
        """Attend; see `F.multi_head_attention_forward` for the arguments."""
        swap = self.batch_first and query.ndim == 3
        if swap:
            query, key, value = query.transpose(0, 1), key.transpose(0, 1), value.transpose(0, 1)
        out, weights = F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight,
            self.in_proj_bias, self.bias_k, self.bias_v, self.add_zero_attn, self.dropout,
            self.out_proj.weight, self.out_proj.bias, self.training, key_padding_mask,
            need_weights, attn_mask, not self._qkv_same_embed_dim, self.q_proj_weight,
            self.k_proj_weight, self.v_proj_weight, average_attn_weights=average_attn_weights,
            is_causal=is_causal)
        return (out.transpose(0, 1) if swap else out), weights
