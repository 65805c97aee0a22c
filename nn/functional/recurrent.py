"""Recurrent networks: one step of each cell, and layers that run a cell along a sequence.

The input's part of all steps is one product; only the state's part is inside the loop.
PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html#recurrent-layers
"""

import itertools

from ...autograd import cat, stack
from ...autograd.composite import composite
from .dropout import dropout
from .linear import linear

__all__ = ["gru_step", "lstm_step", "recurrent", "rnn_step"]


def rnn_step(gates, h, w_hh, b_hh, nonlinearity):
    """One step of the Elman network: h' = tanh(gates + W h + b), or with ReLU.

    Args:
        gates: the input's part, shape (N, H).
        h: the state, shape (N, H).
    """
    out = gates + linear(h, w_hh, b_hh)
    return out.relu() if nonlinearity == "relu" else out.tanh()


def gru_step(gates, h, w_hh, b_hh):
    """One step of the gated recurrent unit.

    Args:
        gates: the input's part of reset gate, update gate and candidate, shape (N, 3 · H).
        h: the state, shape (N, H).
    Source: Cho et al., "Learning Phrase Representations", 2014.
    """
    i_r, i_z, i_n = gates.chunk(3, 1)
    h_r, h_z, h_n = linear(h, w_hh, b_hh).chunk(3, 1)
    r, z = (i_r + h_r).sigmoid(), (i_z + h_z).sigmoid()
    n = (i_n + r * h_n).tanh()
    return n + z * (h - n)


def lstm_step(gates, h, c, w_hh, b_hh, w_hr=None):
    """One step of the long short-term memory; returns (h', c').

    Args:
        gates: the input's part of input gate, forget gate, candidate and output gate, shape
            (N, 4 · H).
        h: the output state, shape (N, H) or (N, P) with projection.
        c: the cell state, shape (N, H).
        w_hr: projection of the output, shape (P, H), or None.
    Source: Hochreiter and Schmidhuber, 1997; Gers et al., 2000; Sak et al., 2014 (projection).
    """
    i, f, g, o = (gates + linear(h, w_hh, b_hh)).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    return (h if w_hr is None else linear(h, w_hr)), c


# -- one layer, one direction ---------------------------------------------------------------------


@composite(label="lstm")
def lstm_layer(input, h, c, w_ih, w_hh, b_ih, b_hh, w_hr):
    """Run the LSTM along a sequence.

    Args:
        input: shape (T, N, features).

    Returns:
        One vector, T · N · P + N · H long: h after each step, then c after the last.
    """
    steps = []
    for gates in linear(input, w_ih, b_ih).unbind(0):
        h, c = lstm_step(gates, h, c, w_hh, b_hh, w_hr)
        steps.append(h.flatten())
    return cat([*steps, c.flatten()])


@composite(label="gru")
def gru_layer(input, h, w_ih, w_hh, b_ih, b_hh):
    """Run the GRU along a sequence: (T, N, features) -> (T, N, H)."""
    steps = []
    for gates in linear(input, w_ih, b_ih).unbind(0):
        h = gru_step(gates, h, w_hh, b_hh)
        steps.append(h)
    return stack(steps)


@composite(label="rnn")
def rnn_layer(input, h, w_ih, w_hh, b_ih, b_hh, nonlinearity):
    """Run the Elman network along a sequence: (T, N, features) -> (T, N, H)."""
    steps = []
    for gates in linear(input, w_ih, b_ih).unbind(0):
        h = rnn_step(gates, h, w_hh, b_hh, nonlinearity)
        steps.append(h)
    return stack(steps)


def _run_layer(mode, input, state, weights, reverse=False):
    """Return (outputs of all steps, final state) of one layer in one direction."""
    if reverse:
        out, final = _run_layer(mode, input.flip(0), state, weights)
        return out.flip(0), final
    given = [weights[name] for name in ("ih", "hh", "b_ih", "b_hh")]
    if mode == "LSTM":
        h, c = state
        both = lstm_layer(input, h, c, *given, weights["hr"])
        count = len(input) * h.numel()
        steps = both[:count].view(len(input), *h.shape)
        return steps, (steps[-1], both[count:].view(c.shape))
    if mode == "GRU":
        steps = gru_layer(input, state[0], *given)
    else:
        nonlinearity = "relu" if mode == "RNN_RELU" else "tanh"
        steps = rnn_layer(input, state[0], *given, nonlinearity)
    return steps, (steps[-1],)


def _run_ragged(mode, input, state, weights, batch_sizes, reverse):
    """The same for packed sequences: the batch shrinks as sequences end.

    Args:
        input: shape (elements, features), all sequences' first steps, then the second, ...
    """
    runs = [(size, len(list(steps))) for size, steps in itertools.groupby(batch_sizes)]
    pieces = input.split([size * length for size, length in runs])
    outputs, count = [None] * len(pieces), 0
    running, ended = None, []
    order = reversed(range(len(pieces))) if reverse else range(len(pieces))
    for i in order:
        size, length = runs[i]
        if reverse:
            joining = [s[count:size] for s in state]
            running = joining if running is None else [
                cat([r, j]) for r, j in zip(running, joining)]
        elif running is None:
            running = list(state)
        else:
            ended.append([r[size:] for r in running])
            running = [r[:size] for r in running]
        count = size
        steps, running = _run_layer(
            mode, pieces[i].reshape(length, size, -1), running, weights, reverse)
        outputs[i] = steps.flatten(0, 1)
    final = [cat(parts) for parts in zip(running, *reversed(ended))] if ended else running
    return cat(outputs), tuple(final)


def recurrent(mode, input, state, layers, dropout_p, training, batch_sizes=None):
    """Run a stack of recurrent layers, each in one or two directions.

    Args:
        mode: "LSTM", "GRU", "RNN_TANH" or "RNN_RELU".
        input: shape (T, N, features), or (elements, features) with `batch_sizes`.
        state: the initial h (and c), each of shape (layers · directions, N, size).
        layers: per layer, per direction, the weights by name: ih, hh, b_ih, b_hh, hr.
        dropout_p: dropout between layers in training.
        batch_sizes: how many sequences are still running at each step, for packed input.

    Returns:
        The last layer's outputs, and the final state shaped as the initial one.
    """
    finals, number = [], 0
    for depth, directions in enumerate(layers):
        outputs = []
        for direction, weights in enumerate(directions):
            start = [s[number] for s in state]
            if batch_sizes is not None:
                out, final = _run_ragged(mode, input, start, weights, batch_sizes, direction == 1)
            else:
                out, final = _run_layer(mode, input, start, weights, direction == 1)
            outputs.append(out)
            finals.append(final)
            number += 1
        input = outputs[0] if len(outputs) == 1 else cat(outputs, -1)
        if dropout_p and training and depth < len(layers) - 1:
            input = dropout(input, dropout_p)
    return input, tuple(stack(parts) for parts in zip(*finals))
