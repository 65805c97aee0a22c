"""Gates: the LSTM with peepholes, its eight variants that lack or change one part, highway layers.

Sources: Greff and others, "LSTM: A Search Space Odyssey", 2015, https://arxiv.org/abs/1503.04069;
Srivastava and others, "Highway Networks", 2015, https://arxiv.org/abs/1505.00387
"""

import math

from ...autograd import cat, sigmoid, stack, tanh, zeros
from .. import init
from ..functional import linear, relu
from ..modules.linear import Linear
from ..modules.module import Module
from ..parameter import Parameter

__all__ = ["Highway", "LSTM_VARIANTS", "VariantLSTM", "VariantLSTMCell"]


class Highway(Module):
    """y = T(x) H(x) + (1 - T(x)) x, where T(x) = sigmoid(W_T x + b_T) and H(x) = act(W_H x + b_H).

    Args:
        features: features of the input and of the output.
        activation: act.
        gate_bias: the initial b_T; negative, so that deep stacks start as the identity.

    >>> import ember as torch
    >>> layer = torch.nn.extra.Highway(4, gate_bias=-100.0)
    >>> x = torch.randn(2, 4)
    >>> torch.equal(layer(x), x)
    True
    """

    def __init__(self, features, activation=relu, gate_bias=-2.0):
        super().__init__()
        self.transform = Linear(features, features)
        self.gating = Linear(features, features)
        self.activation = activation
        init.constant_(self.gating.bias, gate_bias)

    def gate(self, x):
        """Return T(x), between 0 (the input passes) and 1 (it is transformed)."""
        return self.gating(x).sigmoid()

    def forward(self, x):
        gate = self.gate(x)
        return gate * self.activation(self.transform(x)) + (1 - gate) * x


# The paper's names: V, NP, NIG, NFG, NOG, NIAF, NOAF, CIFG, FGR.
LSTM_VARIANTS = ("peepholes", "no_peepholes", "no_input_gate", "no_forget_gate",
                 "no_output_gate", "no_input_activation", "no_output_activation", "coupled_gates",
                 "full_gate_recurrence")


class VariantLSTMCell(Module):
    """One step of an LSTM with peepholes p, or of a variant that differs in one point.

        i = sigmoid(W_i x + R_i h + p_i c + b_i)        input gate
        f = sigmoid(W_f x + R_f h + p_f c + b_f)        forget gate
        g = tanh(W_g x + R_g h + b_g)                   candidate
        c' = f c + i g
        o = sigmoid(W_o x + R_o h + p_o c' + b_o)       output gate
        h' = o tanh(c')

    Args:
        input_size, hidden_size: features of x and of h and c.
        variant: "peepholes" for the above. "no_..." leaves a part out: a gate is 1 then, an
            activation the identity. "coupled_gates" has f = 1 - i; "full_gate_recurrence" gives
            the gates the last step's gates as further inputs.
        forget_bias: the initial b_f; 1 or more lets gradients through from the start.

    Raises:
        ValueError: the variant is not known.

    >>> import ember as torch
    >>> cell = torch.nn.extra.VariantLSTMCell(3, 4)
    >>> h, c = cell(torch.ones(2, 3))
    >>> h.shape, cell.peephole.shape
    (torch.Size([2, 4]), torch.Size([3, 4]))
    """

    def __init__(self, input_size, hidden_size, variant="peepholes", forget_bias=1.0):
        super().__init__()
        if variant not in LSTM_VARIANTS:
            raise ValueError(f"unknown variant {variant!r}; there are {', '.join(LSTM_VARIANTS)}")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.variant = variant
        self.forget_bias = forget_bias
        # rows in the order i, f, g, o, as in nn.LSTM
        self.weight_ih = Parameter(zeros(4 * hidden_size, input_size))
        self.weight_hh = Parameter(zeros(4 * hidden_size, hidden_size))
        self.bias = Parameter(zeros(4 * hidden_size))
        if variant != "no_peepholes":
            self.peephole = Parameter(zeros(3, hidden_size))  # i, f, o
        if variant == "full_gate_recurrence":
            self.weight_gates = Parameter(zeros(3 * hidden_size, 3 * hidden_size))
        self.reset_parameters()

    def reset_parameters(self):
        """Draw all weights from U(-1/sqrt(hidden_size), 1/sqrt(hidden_size)); b_f is set."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)
        init.constant_(self.bias[self.hidden_size:2 * self.hidden_size], self.forget_bias)

    def start(self, batch):
        """Return the state before the first step: zeros."""
        sizes = [self.hidden_size, self.hidden_size]
        if self.variant == "full_gate_recurrence":
            sizes.append(3 * self.hidden_size)
        return tuple(zeros(batch, size, dtype=self.bias.dtype, device=self.bias.device)
                     for size in sizes)

    def forward(self, x, state=None):
        """Return the next state.

        Args:
            x: shape (N, input_size).
            state: (h, c), each of shape (N, hidden_size); full gate recurrence adds the gates,
                (N, 3 * hidden_size).
        """
        state = self.start(len(x)) if state is None else state
        h, c = state[:2]
        i, f, g, o = (linear(x, self.weight_ih, self.bias) + linear(h, self.weight_hh)).chunk(4, 1)
        if len(state) == 3:
            more = linear(state[2], self.weight_gates).chunk(3, 1)
            i, f, o = i + more[0], f + more[1], o + more[2]
        p = self.peephole if self.variant != "no_peepholes" else (0.0, 0.0, 0.0)
        i = self._gate(i + p[0] * c, "no_input_gate")
        f = 1 - i if self.variant == "coupled_gates" else self._gate(f + p[1] * c, "no_forget_gate")
        c = f * c + i * (g if self.variant == "no_input_activation" else tanh(g))
        o = self._gate(o + p[2] * c, "no_output_gate")
        h = o * (c if self.variant == "no_output_activation" else tanh(c))
        return (h, c, cat([i, f, o], 1)) if len(state) == 3 else (h, c)

    def _gate(self, before, without):
        return before * 0 + 1 if self.variant == without else sigmoid(before)

    def extra_repr(self):
        return f"{self.input_size}, {self.hidden_size}, variant={self.variant!r}"


class VariantLSTM(Module):
    """A layer of `VariantLSTMCell` over a sequence.

    Args:
        input_size, hidden_size, variant, forget_bias: see the cell.
        batch_first: whether sequences are (N, T, features) instead of (T, N, features).

    >>> import ember as torch
    >>> layer = torch.nn.extra.VariantLSTM(3, 4, variant="coupled_gates")
    >>> out, (h, c) = layer(torch.ones(7, 2, 3))
    >>> out.shape, torch.equal(out[-1], h)
    (torch.Size([7, 2, 4]), True)
    """

    def __init__(self, input_size, hidden_size, variant="peepholes", forget_bias=1.0,
                 batch_first=False):
        super().__init__()
        self.cell = VariantLSTMCell(input_size, hidden_size, variant, forget_bias)
        self.batch_first = batch_first

    def forward(self, input, state=None):
        """Return all h, shaped as the input with hidden_size features, and the last state."""
        outputs = []
        for x in input.unbind(1 if self.batch_first else 0):
            state = self.cell(x, state)
            outputs.append(state[0])
        return stack(outputs, 1 if self.batch_first else 0), state
