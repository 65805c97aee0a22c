"""Single steps of recurrent networks.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.LSTMCell.html
"""

import math

from ...autograd import Tensor, empty, zeros
from .. import functional as F
from .. import init
from ..functional.recurrent import gru_step, lstm_step, rnn_step
from ..parameter import Parameter
from .module import Module

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]


class RNNCellBase(Module):
    """What the cells share: four weights, their initialization, shape checks.

    Args:
        input_size, hidden_size: features of the input and of the state.
        bias: whether to use biases.
        num_chunks: number of gates.
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None

    def __init__(self, input_size, hidden_size, bias, num_chunks, device=None, dtype=None):
        super().__init__()
        made = {"device": device, "dtype": dtype}
        rows = num_chunks * hidden_size
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        self.weight_ih = Parameter(empty((rows, input_size), **made))
        self.weight_hh = Parameter(empty((rows, hidden_size), **made))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(rows, **made)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw all weights from U(−1/√hidden_size, 1/√hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _prepared(self, input, states, count):
        """Return the input's part of the gates and the states, both with a batch dimension."""
        name = self._get_name()
        if input.ndim not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.ndim}D instead")
        x = input if input.ndim == 2 else input.unsqueeze(0)
        if x.shape[1] != self.input_size:
            raise RuntimeError(f"{name}: input has inconsistent input_size: got {x.shape[1]}, "
                               f"expected {self.input_size}")
        if states is None:
            nothing = zeros(x.shape[0], self.hidden_size, dtype=x.dtype, device=x.device)
            states = (nothing,) * count
        ready = []
        for i, state in enumerate(states):
            if state.ndim not in (1, 2):
                which = f"hx[{i}]" if count == 2 else "hidden"
                raise ValueError(f"{name}: Expected {which} to be 1D or 2D, got {state.ndim}D "
                                 "instead")
            state = state if state.ndim == 2 else state.unsqueeze(0)
            if tuple(state.shape) != (x.shape[0], self.hidden_size):
                raise RuntimeError(
                    f"{name}: hidden{i} of shape {list(state.shape)} does not fit an input of "
                    f"batch size {x.shape[0]} and hidden_size={self.hidden_size}")
            ready.append(state)
        return F.linear(x, self.weight_ih, self.bias_ih), ready

    def extra_repr(self):
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if getattr(self, "nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={self.nonlinearity}"
        return text


class RNNCell(RNNCellBase):
    """One step of an Elman network: h' = tanh(W_ih x + b_ih + W_hh h + b_hh).

    Args:
        input_size, hidden_size, bias: as for `RNNCellBase`.
        nonlinearity: "tanh" or "relu".

    Shape: (N, input_size), (N, hidden_size) -> (N, hidden_size), or without N.
    """

    def __init__(self, input_size, hidden_size, bias=True, nonlinearity="tanh", device=None,
                 dtype=None):
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input, hx=None):
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        gates, (h,) = self._prepared(input, None if hx is None else (hx,), 1)
        out = rnn_step(gates, h, self.weight_hh, self.bias_hh, self.nonlinearity)
        return out if input.ndim == 2 else out.squeeze(0)


class LSTMCell(RNNCellBase):
    """One step of the long short-term memory.

    Args: as for `RNNCellBase`, without `num_chunks`.
    Shape: (N, input_size), (h, c) of (N, hidden_size) -> (h', c'), or without N.

    >>> import ember as torch
    >>> h, c = torch.nn.LSTMCell(10, 20)(torch.ones(3, 10))
    >>> h.shape
    torch.Size([3, 20])
    """

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input, hx=None):
        gates, (h, c) = self._prepared(input, hx, 2)
        h, c = lstm_step(gates, h, c, self.weight_hh, self.bias_hh)
        return (h, c) if input.ndim == 2 else (h.squeeze(0), c.squeeze(0))


class GRUCell(RNNCellBase):
    """One step of the gated recurrent unit.

    Args: as for `RNNCellBase`, without `num_chunks`.
    Shape: (N, input_size), (N, hidden_size) -> (N, hidden_size), or without N.
    """

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input, hx=None):
        gates, (h,) = self._prepared(input, None if hx is None else (hx,), 1)
        out = gru_step(gates, h, self.weight_hh, self.bias_hh)
        return out if input.ndim == 2 else out.squeeze(0)
