"""Recurrent layers: at each step, every thread takes some units of some sequences, multiplies the
state by their weights and applies the gates.

The weights are packed into panels (see `tiles`) once. What only these kernels read lies in
blocks of as many units as a panel has columns: gates have the shape (steps, blocks, gates,
batch, units), cell states (steps, blocks, batch, units). Everything else has the shape (steps,
batch, gates, units), with one gate for states, which begin with the first one: without the
last they are the states that the steps started from.
"""

import numpy as np
from numba import prange

from ..kernels import kernel
from . import jit, tiles
from .linear import parameter_gradients
from .math import sigmoid, tanh

_LSTM, _GRU, _TANH, _RELU = range(4)
_ROWS = 32  # sequences in one piece of work


@jit.inline
def _piece(number, batch, width):
    """Return (block, first row, last row, first unit) of a piece of work."""
    parts = -(-batch // _ROWS)
    block, first = number // parts, number % parts * _ROWS
    return block, first, min(first + _ROWS, batch), block * width


@jit.inline
def _read(x, first, gate, start, block):
    """Fill a block with a gate's rows from `first` on and units from `start` on, zeros beyond."""
    for row in range(len(block)):
        source, target = x[first + row, gate, start:start + block.shape[1]], block[row]
        for u in range(source.size):
            target[u] = source[u]
        target[source.size:] = 0


@jit.inline
def _write(block, x, first, gate, start):
    """Undo `_read`."""
    for row in range(len(block)):
        source, target = block[row], x[first + row, gate, start:start + block.shape[1]]
        for u in range(target.size):
            target[u] = source[u]


@jit.inline
def _flat(block, first, last):
    """Return rows of a block as one vector."""
    return block[first:last].reshape(-1)


# -- forward --------------------------------------------------------------------------------------


@jit.inline
def _sigmoid(a):
    for u in range(a.size):
        a[u] = sigmoid(a[u])


@jit.inline
def _lstm(i, f, n, o, before, cell, h):
    """Input, forget, candidate and output gate: c ← f·c + i·n, h ← o·tanh(c)."""
    _sigmoid(i)
    _sigmoid(f)
    _sigmoid(o)
    for u in range(h.size):
        n[u] = tanh(n[u])
    for u in range(h.size):
        cell[u] = f[u] * before[u] + i[u] * n[u]
    for u in range(h.size):
        h[u] = o[u] * tanh(cell[u])


@jit.inline
def _gru(r, z, n, inner, h):
    """Reset gate, update gate, candidate and the state's part of it: h ← n + z·(h − n)."""
    _sigmoid(r)
    _sigmoid(z)
    for u in range(h.size):
        n[u] = tanh(n[u] + r[u] * inner[u])
    for u in range(h.size):
        h[u] = n[u] + z[u] * (h[u] - n[u])


@jit.inline
def _elman(a, h, relu):
    if relu:
        for u in range(h.size):
            h[u] = a[u] if not a[u] < 0 else a.dtype.type(0)  # NaN stays
    else:
        for u in range(h.size):
            h[u] = tanh(a[u])


@jit.inline
def _add_bias(bias, block):
    for row in range(len(block)):
        target = block[row]
        for u in range(bias.size):
            target[u] += bias[u]


@jit.parallel
def _forward(kind, gates, bias, panels, active, cells, states, parts):
    """Fill states[1:] from states[0] and cells[1:] from cells[0]; panels have the shape (gates,
    blocks, H, units). Where nothing is kept for backward, active and cells are of one step."""
    length, batch = gates.shape[:2]
    width = panels.shape[3]
    pieces = panels.shape[1] * -(-batch // _ROWS)
    for t in range(length):
        now, then = min(t, len(active) - 1), min(t, len(cells) - 1)
        following = min(t + 1, len(cells) - 1)
        for part in prange(parts):
            work = np.empty((_ROWS, width), gates.dtype)
            for number in range(part * pieces // parts, (part + 1) * pieces // parts):
                block, first, last, start = _piece(number, batch, width)
                a, h = active[now, block], work[:last - first]
                for gate in range(len(panels)):
                    x = a[gate, first:last]
                    _read(gates[t], first, gate, start, x)
                    if kind == _GRU and gate == 2:  # multiplied by the reset gate before it joins
                        x = a[3, first:last]
                        x[:] = 0
                    _add_bias(bias[gate, start:start + width], x)
                    tiles.add_product(states[t, first:last, 0], panels[gate, block], x)
                if kind == _LSTM:
                    _lstm(_flat(a[0], first, last), _flat(a[1], first, last),
                          _flat(a[2], first, last), _flat(a[3], first, last),
                          _flat(cells[then, block], first, last),
                          _flat(cells[following, block], first, last), h.reshape(-1))
                elif kind == _GRU:
                    _read(states[t], first, 0, start, h)
                    _gru(_flat(a[0], first, last), _flat(a[1], first, last),
                         _flat(a[2], first, last), _flat(a[3], first, last),
                         h.reshape(-1))
                else:
                    _elman(_flat(a[0], first, last), h.reshape(-1), kind == _RELU)
                _write(h, states[t + 1], first, 0, start)


# -- backward: dh is the gradient of a state, `carry` what goes to the step before past the gates --


@jit.inline
def _lstm_slopes(dh, carry, i, f, n, o, before, cell, work):
    """The gradient of the cell state is carried."""
    size = dh.size
    for_i, for_f, for_n, for_o = work[0, :size], work[1, :size], work[2, :size], work[3, :size]
    for u in range(dh.size):
        squashed = tanh(cell[u])
        carry[u] += dh[u] * o[u] * (1 - squashed * squashed)
        for_o[u] = dh[u] * squashed * o[u] * (1 - o[u])
    for u in range(dh.size):
        for_i[u] = carry[u] * n[u] * i[u] * (1 - i[u])
        for_n[u] = carry[u] * i[u] * (1 - n[u] * n[u])
    for u in range(dh.size):
        for_f[u] = carry[u] * before[u] * f[u] * (1 - f[u])
        carry[u] *= f[u]


@jit.inline
def _gru_slopes(dh, carry, r, z, n, inner, h, work):
    """Fourth among the slopes is that of the state's part of the candidate."""
    size = dh.size
    for_r, for_z, for_n, for_inner = work[0, :size], work[1, :size], work[2, :size], work[3, :size]
    for u in range(dh.size):
        dh[u] += carry[u]
        carry[u] = dh[u] * z[u]
    for u in range(dh.size):
        for_n[u] = dh[u] * (1 - z[u]) * (1 - n[u] * n[u])
    for u in range(dh.size):
        for_r[u] = for_n[u] * inner[u] * r[u] * (1 - r[u])
        for_inner[u] = for_n[u] * r[u]
    for u in range(dh.size):
        for_z[u] = dh[u] * (h[u] - n[u]) * z[u] * (1 - z[u])


@jit.inline
def _elman_slopes(dh, h, slope, relu):
    if relu:
        for u in range(dh.size):
            slope[u] = dh[u] if h[u] > 0 else dh.dtype.type(0)
    else:
        for u in range(dh.size):
            slope[u] = dh[u] * (1 - h[u] * h[u])


@jit.parallel
def _backward(kind, g, panels, active, cells, states, slopes, own, carry, parts):
    """Fill slopes, the gradients of the gates, and `own`, those of the state's part of them (for
    LSTM and Elman networks the same array); panels have the shape (blocks, gates · H, units),
    carry (blocks, batch, units)."""
    length, batch, count = slopes.shape[:3]
    pieces, width = panels.shape[0] * -(-batch // _ROWS), panels.shape[2]
    for t in range(length - 1, -1, -1):
        for part in prange(parts):
            work = np.empty((6, _ROWS * width), g.dtype)
            for number in range(part * pieces // parts, (part + 1) * pieces // parts):
                block, first, last, start = _piece(number, batch, width)
                rows = last - first
                size = rows * width
                dh, h = work[4, :size], work[5, :size]
                _read(g[t], first, 0, start, dh.reshape(rows, width))
                if t < length - 1:
                    tiles.add_product(own[t + 1, first:last].reshape(rows, panels.shape[1]),
                                      panels[block], dh.reshape(rows, width))
                a = active[min(t, len(active) - 1), block]
                passed = _flat(carry[block], first, last)
                if kind == _LSTM:
                    _lstm_slopes(dh, passed, _flat(a[0], first, last),
                                 _flat(a[1], first, last), _flat(a[2], first, last),
                                 _flat(a[3], first, last),
                                 _flat(cells[t, block], first, last),
                                 _flat(cells[t + 1, block], first, last), work)
                elif kind == _GRU:
                    _read(states[t], first, 0, start, h.reshape(rows, width))
                    _gru_slopes(dh, passed, _flat(a[0], first, last),
                                _flat(a[1], first, last), _flat(a[2], first, last),
                                _flat(a[3], first, last), h, work)
                else:
                    _read(states[t + 1], first, 0, start, h.reshape(rows, width))
                    _elman_slopes(dh, h, work[0, :size], kind == _RELU)
                for gate in range(count):
                    slope = work[gate, :size].reshape(rows, width)
                    _write(slope, slopes[t], first, gate, start)
                    if kind == _GRU:
                        slope = work[3 if gate == 2 else gate, :size].reshape(rows, width)
                        _write(slope, own[t], first, gate, start)


# -- the kernels ----------------------------------------------------------------------------------


def _parts(blocks, batch):
    return min(jit.threads(), blocks * -(-batch // _ROWS))


def _blocks(x, width):
    """Return rows in blocks of columns: (N, H) -> (blocks, N, width), with zeros at the end."""
    count = -(-x.shape[1] // width)
    whole = np.zeros((len(x), count * width), x.dtype)
    whole[:, :x.shape[1]] = x
    return np.ascontiguousarray(whole.reshape(len(x), count, width).swapaxes(0, 1))


def _from_blocks(x, size):
    """Undo `_blocks`."""
    return x.swapaxes(0, 1).reshape(x.shape[1], -1)[:, :size]


def _run(kind, recording, gates, h, w_hh, b_hh, c=None):
    """Return the outputs of all steps and what backward needs, or NotImplemented; the outputs of
    an LSTM in one vector with its last cell state."""
    if not gates.size or any(a.dtype is not gates.dtype for a in (h, w_hh, b_hh, c)
                             if a is not None):
        return NotImplemented
    gates, w_hh = np.ascontiguousarray(gates), np.ascontiguousarray(w_hh)
    if not jit.takes(gates, w_hh):
        return NotImplemented
    (length, batch), size = gates.shape[:2], h.shape[1]
    count = len(w_hh) // size
    panels = np.stack([tiles.pack(w.T) for w in w_hh.reshape(count, size, size)])
    blocks, width = panels.shape[1], panels.shape[3]
    bias = np.zeros(len(w_hh), gates.dtype) if b_hh is None else np.ascontiguousarray(b_hh)
    kept = length if recording and kind in (_LSTM, _GRU) else 1
    active = np.empty((kept, blocks, 4 if kind == _GRU else count, batch, width), gates.dtype)
    cells = np.empty((0 if c is None else kept + recording, blocks, batch, width), gates.dtype)
    memory = np.empty((length + 1 + (c is not None), batch, 1, size), gates.dtype)
    memory[0, :, 0] = h
    if c is not None:
        cells[0] = _blocks(c, width)
    _forward(kind, gates.reshape(length, batch, count, size), bias.reshape(count, size), panels,
             active, cells, memory[:length + 1], _parts(blocks, batch))
    if c is not None:
        memory[length + 1, :, 0] = _from_blocks(cells[-1], size)
    return (memory[1:, :, 0] if c is None else memory[1:].reshape(-1),
            (kind, active, cells, memory[:length + 1], w_hh, b_hh is not None))


def _gradients(xp, g, saved, wanted):
    """Return the gradients of the gates, the first states, the recurrent weight and its bias."""
    kind, active, cells, states, w_hh, has_bias = saved
    length, batch, size = len(states) - 1, states.shape[1], states.shape[3]
    g = np.ascontiguousarray(g).reshape(-1, batch, 1, size)
    if not jit.takes(g, w_hh):
        return NotImplemented
    slopes = np.empty((length, batch, len(w_hh) // size, size), g.dtype)
    own = np.empty_like(slopes) if kind == _GRU else slopes
    panels = tiles.pack(w_hh)
    carry = _blocks(g[length, :, 0] if kind == _LSTM else np.zeros((batch, size), g.dtype),
                    panels.shape[2])
    _backward(kind, g[:length], panels, active, cells, states, slopes, own, carry,
              _parts(len(panels), batch))
    dh, passed = np.matmul(own[0].reshape(batch, -1), w_hh), _from_blocks(carry, size)
    for_states = (dh, passed) if kind == _LSTM else (dh + passed,)
    for_weight, for_bias = parameter_gradients(
        own.reshape(length * batch, -1), states[:length].reshape(length * batch, size), has_bias)
    return (slopes.reshape(length, batch, -1), *for_states, for_weight,
            *((for_bias,) if has_bias else ()))


@kernel("lstm_layer", compiled=True)
class LSTM:
    """Long short-term memory without projection."""

    def forward(xp, recording, gates, h, c, w_hh, b_hh, w_hr):
        return NotImplemented if w_hr is not None else _run(
            _LSTM, recording, gates, h, w_hh, b_hh, c)

    backward = _gradients


@kernel("gru_layer", compiled=True)
class GRU:
    """Gated recurrent units."""

    def forward(xp, recording, gates, h, w_hh, b_hh):
        return _run(_GRU, recording, gates, h, w_hh, b_hh)

    backward = _gradients


@kernel("rnn_layer", compiled=True)
class RNN:
    """Elman networks with tanh or ReLU."""

    def forward(xp, recording, gates, h, w_hh, b_hh, nonlinearity):
        kind = _RELU if nonlinearity == "relu" else _TANH
        return _run(kind, recording, gates, h, w_hh, b_hh)

    backward = _gradients
