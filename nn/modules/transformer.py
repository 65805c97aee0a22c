"""The transformer: encoder, decoder, and their layers.

Source: Vaswani et al., "Attention Is All You Need", 2017.
PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html#transformer-layers
"""

import copy
import math

from ...autograd import full
from .. import functional as F
from .. import init
from ._pairs import activated, added_and_normed
from .attention import MultiheadAttention
from .container import ModuleList
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .normalization import LayerNorm

__all__ = ["Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
           "TransformerEncoderLayer"]


class Transformer(Module):
    """An encoder and a decoder.

    Args:
        d_model: features; nhead: number of heads.
        num_encoder_layers, num_decoder_layers: numbers of layers.
        dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias: as
            for `TransformerEncoderLayer`.
        custom_encoder, custom_decoder: modules to use instead.

    Shape: (S, N, d_model), (T, N, d_model) -> (T, N, d_model).

    >>> import ember as torch
    >>> model = torch.nn.Transformer(8, 2, 1, 1, dim_feedforward=16)
    >>> model(torch.ones(5, 3, 8), torch.ones(4, 3, 8)).shape
    torch.Size([4, 3, 8])
    """

    def __init__(self, d_model=512, nhead=8, num_encoder_layers=6, num_decoder_layers=6,
                 dim_feedforward=2048, dropout=0.1, activation=F.relu, custom_encoder=None,
                 custom_decoder=None, layer_norm_eps=1e-5, batch_first=False, norm_first=False,
                 bias=True, device=None, dtype=None):
        super().__init__()
        options = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps,
                   batch_first, norm_first, bias, device, dtype)
        norm = {"eps": layer_norm_eps, "bias": bias, "device": device, "dtype": dtype}
        if custom_encoder is None:
            custom_encoder = TransformerEncoder(
                TransformerEncoderLayer(*options), num_encoder_layers, LayerNorm(d_model, **norm))
        self.encoder = custom_encoder
        if custom_decoder is None:
            custom_decoder = TransformerDecoder(
                TransformerDecoderLayer(*options), num_decoder_layers, LayerNorm(d_model, **norm))
        self.decoder = custom_decoder
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def _reset_parameters(self):
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(self, src, tgt, src_mask=None, tgt_mask=None, memory_mask=None,
                src_key_padding_mask=None, tgt_key_padding_mask=None,
                memory_key_padding_mask=None, src_is_causal=None, tgt_is_causal=None,
                memory_is_causal=False):
        batch = 0 if self.batch_first else 1
        if src.ndim == 3 and src.shape[batch] != tgt.shape[batch]:
            raise RuntimeError("the batch number of src and tgt must be equal")
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise RuntimeError("the feature number of src and tgt must be equal to d_model")
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask,
                              is_causal=src_is_causal)
        return self.decoder(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal)

    @staticmethod
    def generate_square_subsequent_mask(sz, device=None, dtype=None):
        """Return the mask that lets each place see itself and earlier ones: 0 and −∞.

        >>> import ember as torch
        >>> torch.nn.Transformer.generate_square_subsequent_mask(2)
        tensor([[0., -inf],
                [0., 0.]])
        """
        return full((sz, sz), -math.inf, dtype=dtype, device=device).triu(1)


class _Stack(Module):
    """Equal layers, and a norm after the last."""

    def __init__(self, layer, num_layers, norm):
        super().__init__()
        self.layers = ModuleList(copy.deepcopy(layer) for _ in range(num_layers))
        self.num_layers = num_layers
        self.norm = norm

    def _finished(self, output):
        return output if self.norm is None else self.norm(output)


class TransformerEncoder(_Stack):
    """Encoder layers one after the other.

    Args:
        encoder_layer: the layer that is copied `num_layers` times.
        norm: applied at the end, or None.
        enable_nested_tensor, mask_check: accepted; they choose PyTorch's fast path.
    """

    use_nested_tensor = False
    _also_saved = ("use_nested_tensor",)

    def __init__(self, encoder_layer, num_layers, norm=None, enable_nested_tensor=True,
                 mask_check=True):
        super().__init__(encoder_layer, num_layers, norm)
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(self, src, mask=None, src_key_padding_mask=None, is_causal=None):
        causal = bool(is_causal) and mask is not None
        for layer in self.layers:
            src = layer(src, src_mask=mask, is_causal=causal,
                        src_key_padding_mask=src_key_padding_mask)
        return self._finished(src)


class TransformerDecoder(_Stack):
    """Decoder layers one after the other.

    Args:
        decoder_layer: the layer that is copied `num_layers` times.
        norm: applied at the end, or None.
    """

    def __init__(self, decoder_layer, num_layers, norm=None):
        super().__init__(decoder_layer, num_layers, norm)

    def forward(self, tgt, memory, tgt_mask=None, memory_mask=None, tgt_key_padding_mask=None,
                memory_key_padding_mask=None, tgt_is_causal=None, memory_is_causal=False):
        for layer in self.layers:
            tgt = layer(tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
                        tgt_key_padding_mask=tgt_key_padding_mask,
                        memory_key_padding_mask=memory_key_padding_mask,
                        tgt_is_causal=bool(tgt_is_causal) and tgt_mask is not None,
                        memory_is_causal=memory_is_causal)
        return self._finished(tgt)


def _activation(activation):
    if not isinstance(activation, str):
        return activation
    if activation not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {activation}")
    return getattr(F, activation)


class TransformerEncoderLayer(Module):
    """Self-attention and a two-layer network, each with a residual path and a norm.

    Args:
        d_model: features; nhead: number of heads.
        dim_feedforward: features inside the two-layer network.
        dropout: probability.
        activation: "relu", "gelu", or a function.
        layer_norm_eps: eps of the norms.
        batch_first: whether inputs are (N, S, E) instead of (S, N, E).
        norm_first: whether the norms come before attention and network instead of after.
        bias: whether linear layers and norms have biases.

    Shape: (S, N, d_model) -> same.
    """

    _also_saved = ("activation_relu_or_gelu",)

    def __init__(self, d_model, nhead, dim_feedforward=2048, dropout=0.1, activation=F.relu,
                 layer_norm_eps=1e-5, batch_first=False, norm_first=False, bias=True,
                 device=None, dtype=None):
        super().__init__()
        made = {"device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout=dropout, bias=bias,
                                            batch_first=batch_first, **made)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **made)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **made)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **made)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.activation = _activation(activation)

    @property
    def activation_relu_or_gelu(self):
        """PyTorch's number of the activation: 1 for ReLU, 2 for GELU, 0 for another."""
        return {F.relu: 1, F.gelu: 2}.get(self.activation, 0)

    def forward(self, src, src_mask=None, src_key_padding_mask=None, is_causal=False):
        attention = (src_mask, src_key_padding_mask, is_causal)
        if self.norm_first:
            x, normed = added_and_normed(
                src, self._attend(self.norm1(src), *attention), self.norm2)
            return x + self._feed_forward(normed)
        _, x = added_and_normed(src, self._attend(src, *attention), self.norm1)
        return added_and_normed(x, self._feed_forward(x), self.norm2)[1]

    def _attend(self, x, mask, padding, is_causal):
        out, _ = self.self_attn(x, x, x, attn_mask=mask, key_padding_mask=padding,
                                need_weights=False, is_causal=is_causal)
        return self.dropout1(out)

    def _feed_forward(self, x):
        inner = self.dropout(activated(self.linear1, self.activation, x))
        return self.dropout2(self.linear2(inner))


class TransformerDecoderLayer(Module):
    """Self-attention, attention to the encoder's output, and a two-layer network.

    Args: as for `TransformerEncoderLayer`.
    Shape: (T, N, d_model), memory (S, N, d_model) -> (T, N, d_model).
    """

    def __init__(self, d_model, nhead, dim_feedforward=2048, dropout=0.1, activation=F.relu,
                 layer_norm_eps=1e-5, batch_first=False, norm_first=False, bias=True,
                 device=None, dtype=None):
        super().__init__()
        made = {"device": device, "dtype": dtype}
        attention = {"dropout": dropout, "bias": bias, "batch_first": batch_first, **made}
        self.self_attn = MultiheadAttention(d_model, nhead, **attention)
        self.multihead_attn = MultiheadAttention(d_model, nhead, **attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **made)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **made)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **made)
        self.norm3 = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **made)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.dropout3 = Dropout(dropout)
        self.activation = _activation(activation)

    def forward(self, tgt, memory, tgt_mask=None, memory_mask=None, tgt_key_padding_mask=None,
                memory_key_padding_mask=None, tgt_is_causal=False, memory_is_causal=False):
        own = (tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        other = (memory, memory_mask, memory_key_padding_mask, memory_is_causal)
        if self.norm_first:
            x, normed = added_and_normed(tgt, self._attend(self.norm1(tgt), *own), self.norm2)
            x, normed = added_and_normed(x, self._attend_to(normed, *other), self.norm3)
            return x + self._feed_forward(normed)
        _, x = added_and_normed(tgt, self._attend(tgt, *own), self.norm1)
        _, x = added_and_normed(x, self._attend_to(x, *other), self.norm2)
        return added_and_normed(x, self._feed_forward(x), self.norm3)[1]

    _attend = TransformerEncoderLayer._attend

    def _attend_to(self, x, memory, mask, padding, is_causal):
        out, _ = self.multihead_attn(x, memory, memory, attn_mask=mask, key_padding_mask=padding,
                                     need_weights=False, is_causal=is_causal)
        return self.dropout2(out)

    def _feed_forward(self, x):
        inner = self.dropout(activated(self.linear1, self.activation, x))
        return self.dropout3(self.linear2(inner))
