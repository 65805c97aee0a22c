"""Recurrent layers over whole sequences.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html#recurrent-layers
"""

import math
import warnings

from ...autograd import empty, zeros
from .. import init
from ..functional.recurrent import recurrent
from ..parameter import Parameter
from ..utils.rnn import PackedSequence
from .module import Module
from .rnn_cells import GRUCell, LSTMCell, RNNCell, RNNCellBase

__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNBase", "RNNCell", "RNNCellBase"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """What RNN, LSTM and GRU share: the weights of all layers and directions.

    Args:
        mode: "LSTM", "GRU", "RNN_TANH" or "RNN_RELU".
        input_size, hidden_size: features of the input and of the state.
        num_layers: number of layers, each fed by the one below.
        bias: whether to use biases.
        batch_first: whether input and output are (N, T, *) instead of (T, N, *).
        dropout: dropout between the layers in training.
        bidirectional: whether each layer also runs backwards, with weights of its own.
        proj_size: size of the projected output (LSTM only); 0 for none.

    Raises:
        TypeError, ValueError: an option makes no sense.
    """

    _also_saved = ("_flat_weights_names", "_flat_weights")

    def __init__(self, mode, input_size, hidden_size, num_layers=1, bias=True,
                 batch_first=False, dropout=0.0, bidirectional=False, proj_size=0, device=None,
                 dtype=None):
        super().__init__()
        _check_options(mode, input_size, hidden_size, num_layers, bias, batch_first, dropout,
                       proj_size)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights = []
        for layer in range(num_layers):
            for suffix in self._suffixes(layer):
                self._add_weights(layer, suffix, {"device": device, "dtype": dtype})
        self.reset_parameters()

    def _suffixes(self, layer):
        return [f"_l{layer}", f"_l{layer}_reverse"] if self.bidirectional else [f"_l{layer}"]

    def _add_weights(self, layer, suffix, made):
        rows = _GATES[self.mode] * self.hidden_size
        out = self.proj_size or self.hidden_size
        below = self.input_size if layer == 0 else out * (2 if self.bidirectional else 1)
        shapes = {"weight_ih": (rows, below), "weight_hh": (rows, out)}
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (out, self.hidden_size)
        for name, shape in shapes.items():
            setattr(self, name + suffix, Parameter(empty(shape, **made)))
        self._all_weights.append([name + suffix for name in shapes])

    @property
    def all_weights(self):
        """The parameters, one list per layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights_names(self):
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self):
        return [getattr(self, name) for name in self._flat_weights_names]

    def flatten_parameters(self):
        """Accepted; the weights need no special place in memory."""

    def reset_parameters(self):
        """Draw all weights from U(−1/√hidden_size, 1/√hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _weights(self):
        """Return the weights as `recurrent` takes them."""
        def of(suffix):
            def get(name):
                return getattr(self, name + suffix, None)

            return {"ih": get("weight_ih"), "hh": get("weight_hh"), "b_ih": get("bias_ih"),
                    "b_hh": get("bias_hh"), "hr": get("weight_hr")}

        return [[of(suffix) for suffix in self._suffixes(layer)]
                for layer in range(self.num_layers)]

    # -- running ------------------------------------------------------------------------------

    def _run(self, input, state):
        """Run all layers; `state` is None or a tuple of (layers · directions, N, size)."""
        if isinstance(input, PackedSequence):
            return self._run_packed(input, state)
        if input.ndim not in (2, 3):
            raise ValueError(f"{self._get_name()}: Expected input to be 2D or 3D, got "
                             f"{input.ndim}D instead")
        batched = input.ndim == 3
        if state is not None:
            state = self._with_batch(state, batched)
        if not batched:
            input = input.unsqueeze(1)
        elif self.batch_first:
            input = input.transpose(0, 1)
        state = self._checked(input, state, input.shape[1])
        out, final = recurrent(self.mode, input, state, self._weights(), self.dropout,
                               self.training)
        if not batched:
            return out.squeeze(1), tuple([s.squeeze(1) for s in final])
        return (out.transpose(0, 1) if self.batch_first else out), final

    def _with_batch(self, state, batched):
        wanted = 3 if batched else 2
        if any(s.ndim != wanted for s in state):
            found = ", ".join(f"{s.ndim}-D" for s in state)
            names, found = (("hx and cx", f"({found}) tensors") if len(state) == 2 else
                            ("hx", f"{found} tensor"))
            raise RuntimeError(
                f"For {'batched 3-D' if batched else 'unbatched 2-D'} input, {names} should "
                f"also be {wanted}-D but got {found}")
        return state if batched else tuple([s.unsqueeze(1) for s in state])

    def _run_packed(self, packed, state):
        sizes = packed.batch_sizes.tolist()
        if state is not None and packed.sorted_indices is not None:
            state = tuple([s.index_select(1, packed.sorted_indices) for s in state])
        state = self._checked(packed.data, state, sizes[0])
        out, final = recurrent(self.mode, packed.data, state, self._weights(), self.dropout,
                               self.training, sizes)
        if packed.unsorted_indices is not None:
            final = tuple([s.index_select(1, packed.unsorted_indices) for s in final])
        return PackedSequence(out, packed.batch_sizes, packed.sorted_indices,
                              packed.unsorted_indices), final

    def _checked(self, input, state, batch):
        """Return the initial state, of zeros when there is none, after looking at the shapes."""
        if input.dtype is not self.weight_ih_l0.dtype:
            raise ValueError(f"RNN input dtype ({input.dtype}) does not match weight dtype "
                             f"({self.weight_ih_l0.dtype}). Convert input: "
                             f"input.to({self.weight_ih_l0.dtype}), or convert model: "
                             f"model.to({input.dtype})")
        if input.shape[-1] != self.input_size:
            raise RuntimeError("input.size(-1) must be equal to input_size. Expected "
                               f"{self.input_size}, got {input.shape[-1]}")
        count = self.num_layers * (2 if self.bidirectional else 1)
        sizes = [self.proj_size or self.hidden_size]
        if self.mode == "LSTM":
            sizes.append(self.hidden_size)
        if state is None:
            return tuple([zeros(count, batch, n, dtype=input.dtype, device=input.device)
                          for n in sizes])
        for i, (s, n) in enumerate(zip(state, sizes)):
            if tuple(s.shape) != (count, batch, n):
                which = f"hidden[{i}]" if self.mode == "LSTM" else "hidden"
                raise RuntimeError(f"Expected {which} size {(count, batch, n)}, got "
                                   f"{list(s.shape)}")
        return state

    def extra_repr(self):
        parts = [f"{self.input_size}, {self.hidden_size}"]
        for name, usual in (("proj_size", 0), ("num_layers", 1), ("bias", True),
                            ("batch_first", False), ("dropout", 0), ("bidirectional", False)):
            value = getattr(self, name)
            if value != usual:
                parts.append(f"{name}={value}")
        return ", ".join(parts)


def _check_options(mode, input_size, hidden_size, num_layers, bias, batch_first, dropout,
                   proj_size):
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or (
            not 0 <= dropout <= 1):
        raise ValueError("dropout should be a number in range [0, 1] representing the "
                         "probability of an element being zeroed")
    if dropout > 0 and num_layers == 1:
        warnings.warn("dropout option adds dropout after all but last recurrent layer, so "
                      f"non-zero dropout expects num_layers greater than 1, but got "
                      f"dropout={dropout} and num_layers={num_layers}", stacklevel=4)
    for name, value, kind in (("bias", bias, bool), ("batch_first", batch_first, bool),
                              ("input_size", input_size, int),
                              ("hidden_size", hidden_size, int)):
        if not isinstance(value, kind):
            raise TypeError(f"{name} should be of type {kind.__name__}, got: "
                            f"{type(value).__name__}")
    for name, value in (("input_size", input_size), ("hidden_size", hidden_size),
                        ("num_layers", num_layers)):
        if value <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")
    if mode not in _GATES:
        raise ValueError("Unrecognized RNN mode: " + mode)


def _no_projection(options):
    if "proj_size" in options:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


class RNN(RNNBase):
    """Elman networks: h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or with ReLU.

    Args: as for `RNNBase` after `mode`; `nonlinearity`, "tanh" or "relu", comes fourth.
    Shape: (T, N, input_size), (layers, N, hidden_size) -> (T, N, hidden_size), final state.

    >>> import ember as torch
    >>> out, h = torch.nn.RNN(10, 20, 2)(torch.ones(5, 3, 10))
    >>> out.shape, h.shape
    (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]))
    """

    def __init__(self, *args, **kwargs):
        _no_projection(kwargs)
        if len(args) > 3:
            nonlinearity, args = args[3], args[:3] + args[4:]
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or "
                             "'relu'.")
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)
        self.nonlinearity = nonlinearity

    def forward(self, input, hx=None):
        out, (h,) = self._run(input, None if hx is None else (hx,))
        return out, h


class LSTM(RNNBase):
    """Long short-term memory.

    Args: as for `RNNBase` after `mode`.
    Shape: (T, N, input_size), (h, c) -> (T, N, hidden_size), (h', c').
    Source: Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997;
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LSTM.html

    >>> import ember as torch
    >>> out, (h, c) = torch.nn.LSTM(10, 20, 2)(torch.ones(5, 3, 10))
    >>> out.shape, c.shape
    (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]))
    """

    def __init__(self, *args, **kwargs):
        super().__init__("LSTM", *args, **kwargs)

    def forward(self, input, hx=None):
        return self._run(input, None if hx is None else tuple(hx))


class GRU(RNNBase):
    """Gated recurrent units.

    Args: as for `RNNBase` after `mode`, without `proj_size`.
    Shape: (T, N, input_size), (layers, N, hidden_size) -> (T, N, hidden_size), final state.
    Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014.

    >>> import ember as torch
    >>> torch.nn.GRU(10, 20, 2)(torch.ones(5, 3, 10))[0].shape
    torch.Size([5, 3, 20])
    """

    def __init__(self, *args, **kwargs):
        _no_projection(kwargs)
        super().__init__("GRU", *args, **kwargs)

    def forward(self, input, hx=None):
        out, (h,) = self._run(input, None if hx is None else (hx,))
        return out, h
