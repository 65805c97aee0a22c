"""Recurrent layers: the input's and the state's part of the gates, and the gates themselves, while
a block of them is in a core's cache.

Where there are enough sequences each thread takes some of them through all steps and waits for
nobody. Else the threads divide the units, one launch a step, and the input's part is there
before.

The weights are packed into panels (see `tiles`) once. What only these kernels read lies in
blocks of as many units as a panel has columns: gates have the shape (blocks, gates, steps · batch,
units), cell states (blocks, steps · batch, units). Everything else has the shape (steps, batch,
gates, units), with one gate for states, which begin with the first one: without the last they are
the states that the steps started from.
"""

import numpy as np
from numba import prange

from ..kernels import kernel
from . import gates, jit, tiles
from .linear import parameter_gradients

_LSTM, _GRU, _TANH, _RELU = range(4)
_ROWS = 4 * tiles.HEIGHT  # sequences in one piece of work


@jit.inline
def _count(blocks, rows):
    """Return how many pieces of work there are: (block, some rows)."""
    return blocks * -(-rows // _ROWS)


@jit.inline
def _piece(number, low, high):
    """Return (block, first row, last row) of a piece of the work on rows from low to high."""
    chunks = -(-(high - low) // _ROWS)
    first = low + number % chunks * _ROWS
    return number // chunks, first, min(first + _ROWS, high)


@jit.inline
def _share(by_rows, part, parts, blocks, batch):
    """Return the rows of a thread (low, high) and its pieces of the work on them (begin, end)."""
    if by_rows:
        count = -(-batch // tiles.HEIGHT)
        low = part * count // parts * tiles.HEIGHT
        high = min((part + 1) * count // parts * tiles.HEIGHT, batch)
        return low, high, 0, _count(blocks, high - low)
    count = _count(blocks, batch)
    return 0, batch, part * count // parts, (part + 1) * count // parts


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
def _flat(block, start, rows):
    """Return rows of a block as one vector."""
    return block[start:start + rows].reshape(-1)


# -- forward --------------------------------------------------------------------------------------


@jit.inline
def _from_input(x, weights, bias, block, a, start):
    """a[:, start:] = x · weights + bias; a gate without weights is the bias alone."""
    for gate in range(len(bias)):
        out, added = a[gate][start:start + len(x)], bias[gate, block]
        for row in range(len(x)):
            target = out[row]
            for u in range(added.size):
                target[u] = added[u]
        if gate < len(weights):
            tiles.add_product(x, weights[gate, block], out)


@jit.inline
def _advance(kind, weights, block, first, last, a, now, cells, then, following, states, after,
             work):
    """Take some sequences from states to `after`: the state's part is added to the gates a[:, now:]
    of a block, cells[following:] are computed from cells[then:]."""
    rows = last - first
    h, now, start = work[:rows], now + first, block * work.shape[1]
    for gate in range(len(weights)):  # the candidate's is multiplied by the reset gate first
        target = a[3 if kind == _GRU and gate == 2 else gate]
        tiles.add_product(states[first:last, 0], weights[gate, block], target[now:now + rows])
    if kind == _LSTM:
        gates.lstm(_flat(a[0], now, rows), _flat(a[1], now, rows), _flat(a[2], now, rows),
                   _flat(a[3], now, rows), _flat(cells, then + first, rows),
                   _flat(cells, following + first, rows), h.reshape(-1))
    elif kind == _GRU:
        _read(states, first, 0, start, h)
        gates.gru(_flat(a[0], now, rows), _flat(a[1], now, rows), _flat(a[2], now, rows),
                  _flat(a[3], now, rows), h.reshape(-1))
    else:
        gates.elman(_flat(a[0], now, rows), h.reshape(-1), kind == _RELU)
    _write(h, after, first, 0, start)


@jit.parallel
def _forward(kind, x, input_weights, weights, bias, active, cells, states, by_rows, parts):
    """Fill states[1:] from states[0] and cells from their first step; weights have the shape
    (gates, blocks, features, units), bias (gates, blocks, units). Where nothing is kept for
    backward, active and cells may be of one step."""
    length, batch, blocks = len(states) - 1, states.shape[1], len(active)
    if not by_rows:
        count = _count(blocks, len(x))
        for part in prange(parts):
            for number in range(part * count // parts, (part + 1) * count // parts):
                block, first, last = _piece(number, 0, len(x))
                _from_input(x[first:last], input_weights, bias, block, active[block], first)
    steps = length if by_rows or parts == 1 else 1
    for stage in range(0, length, steps):
        for part in prange(parts):
            low, high, begin, end = _share(by_rows, part, parts, blocks, batch)
            work = np.empty((_ROWS, active.shape[3]), active.dtype)
            for t in range(stage, stage + steps):
                now = t * batch % active.shape[2]
                then, following = t * batch % cells.shape[1], (t + 1) * batch % cells.shape[1]
                for number in range(begin, end):
                    block, first, last = _piece(number, low, high)
                    if by_rows:
                        _from_input(x[t * batch + first:t * batch + last], input_weights, bias,
                                    block, active[block], now + first)
                    _advance(kind, weights, block, first, last, active[block], now,
                             cells[block % len(cells)], then, following, states[t],
                             states[t + 1], work)


# -- backward -------------------------------------------------------------------------------------


@jit.inline
def _retreat(kind, block, first, dh, a, now, cells, then, following, states, after, carry, slopes,
             own, work):
    """From dh, the gradient of some sequences' states `after`, to the gradients of the gates."""
    rows, width = dh.shape
    size, start, now = rows * width, block * width, now + first
    flat, h, carry = dh.reshape(-1), work[5, :size], _flat(carry, first, rows)
    if kind == _LSTM:
        gates.lstm_slopes(flat, carry, _flat(a[0], now, rows), _flat(a[1], now, rows),
                          _flat(a[2], now, rows), _flat(a[3], now, rows),
                          _flat(cells, then + first, rows),
                          _flat(cells, following + first, rows), work)
    elif kind == _GRU:
        _read(states, first, 0, start, h.reshape(rows, width))
        gates.gru_slopes(flat, carry, _flat(a[0], now, rows), _flat(a[1], now, rows),
                         _flat(a[2], now, rows), _flat(a[3], now, rows), h, work)
    else:
        _read(after, first, 0, start, h.reshape(rows, width))
        gates.elman_slopes(flat, h, work[0, :size], kind == _RELU)
    for gate in range(slopes.shape[1]):
        _write(work[gate, :size].reshape(rows, width), slopes, first, gate, start)
        if kind == _GRU:
            slope = work[3 if gate == 2 else gate, :size].reshape(rows, width)
            _write(slope, own, first, gate, start)


@jit.parallel
def _backward(kind, g, panels, active, cells, states, slopes, own, carry, by_rows, parts):
    """Fill slopes, the gradients of the gates, and `own`, those of the state's part of them (for
    LSTM and Elman networks the same array); panels have the shape (blocks, gates · H, units),
    carry (blocks, batch, units)."""
    length, batch = slopes.shape[:2]
    blocks, inner, width = panels.shape
    steps = length if by_rows or parts == 1 else 1
    for stage in range(length, 0, -steps):
        for part in prange(parts):
            low, high, begin, end = _share(by_rows, part, parts, blocks, batch)
            work = np.empty((6, _ROWS * width), g.dtype)
            for t in range(stage - 1, stage - 1 - steps, -1):
                now, then = t * batch % active.shape[2], t * batch % cells.shape[1]
                for number in range(begin, end):
                    block, first, last = _piece(number, low, high)
                    rows = last - first
                    dh = work[4, :rows * width].reshape(rows, width)
                    _read(g[t], first, 0, block * width, dh)
                    if t < length - 1:
                        tiles.add_product(own[t + 1, first:last].reshape(rows, inner),
                                          panels[block], dh)
                    _retreat(kind, block, first, dh, active[block], now,
                             cells[block % len(cells)], then, then + batch, states[t],
                             states[t + 1], carry[block], slopes[t], own[t], work)


# -- the kernels ----------------------------------------------------------------------------------


def _division(blocks, batch):
    """Return whether threads divide the sequences (else the units), and into how many parts."""
    threads, count = jit.threads(), -(-batch // tiles.HEIGHT)
    if batch >= tiles.HEIGHT and (count % threads == 0 or count >= 4 * threads):
        return True, threads
    return False, min(threads, blocks * -(-batch // _ROWS))


def _blocks(x, width):
    """Return rows in blocks of columns: (N, H) -> (blocks, N, width), with zeros at the end."""
    count = -(-x.shape[1] // width)
    whole = np.zeros((len(x), count * width), x.dtype)
    whole[:, :x.shape[1]] = x
    return np.ascontiguousarray(whole.reshape(len(x), count, width).swapaxes(0, 1))


def _from_blocks(x, size):
    """Undo `_blocks`."""
    return x.swapaxes(0, 1).reshape(x.shape[1], -1)[:, :size]


def _bias(kind, b_ih, b_hh, size, width):
    """Return what is added to each gate, shape (gates, blocks, units)."""
    given, state = b_ih.reshape(-1, size), b_hh.reshape(-1, size)
    if kind == _GRU:
        added = np.concatenate((given[:2] + state[:2], given[2:], state[2:]))
    else:
        added = given + state
    return _blocks(added, width).swapaxes(0, 1).copy()


def _run(kind, recording, input, h, w_ih, w_hh, b_ih, b_hh, c=None):
    """Return the outputs of all steps and what backward needs, or NotImplemented; the outputs of
    an LSTM in one vector with its last cell state."""
    if (not input.size or (b_ih is None) != (b_hh is None)
            or any(a is not None and a.dtype is not input.dtype
                   for a in (h, w_ih, w_hh, b_ih, b_hh, c))):
        return NotImplemented
    arrays = [jit.contiguous(a) for a in (input, w_ih, w_hh)]
    if arrays[0] is None:
        return NotImplemented
    input, w_ih, w_hh = arrays
    (length, batch, features), size, dtype = input.shape, h.shape[1], input.dtype
    input_weights, weights = [tiles.pack_transposed(w.reshape(-1, size, w.shape[1]))
                              for w in (w_ih, w_hh)]
    count, blocks, _, width = weights.shape
    none = np.zeros(count * size, dtype)
    bias = _bias(kind, *((none, none) if b_ih is None else (b_ih, b_hh)), size, width)
    by_rows, parts = _division(blocks, batch)
    kept = length if recording and kind in (_LSTM, _GRU) else 1
    steps = kept if by_rows else length
    active = np.empty((blocks, len(bias), steps * batch, width), dtype)
    cells = np.empty((1, 1, 1) if c is None else (blocks, (kept + recording) * batch, width), dtype)
    memory = np.empty((length + 1 + (c is not None), batch, 1, size), dtype)
    memory[0, :, 0] = h
    if c is not None:
        cells[:, :batch] = _blocks(c, width)
    _forward(kind, input.reshape(-1, features), input_weights, weights, bias, active, cells,
             memory[:length + 1], by_rows, parts)
    if c is not None:
        memory[length + 1, :, 0] = _from_blocks(cells[:, -batch:], size)
    return (memory[1:, :, 0] if c is None else memory[1:].reshape(-1),
            (kind, input, active, cells, memory[:length + 1], w_ih, w_hh, b_ih is not None))


def _gradients(xp, g, saved, wanted):
    """Return the gradients of the input, the first states, the weights and the biases."""
    kind, input, active, cells, states, w_ih, w_hh, has_bias = saved
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
              *_division(len(panels), batch))
    for_states = (None, None)[:1 + (kind == _LSTM)]
    if any(wanted[1:1 + len(for_states)]):
        dh, passed = np.matmul(own[0].reshape(batch, -1), w_hh), _from_blocks(carry, size)
        for_states = (dh, passed) if kind == _LSTM else (dh + passed,)
    rows, own = (a.reshape(length * batch, -1) for a in (slopes, own))
    for_input = xp.matmul(rows, w_ih).reshape(input.shape) if wanted[0] else None
    for_w_ih, for_b_ih = parameter_gradients(rows, input.reshape(length * batch, -1), has_bias)
    for_w_hh, for_b_hh = parameter_gradients(
        own, states[:length].reshape(length * batch, size), has_bias)
    biases = (for_b_ih, for_b_hh) if has_bias else ()
    return for_input, *for_states, for_w_ih, for_w_hh, *biases


@kernel("lstm_layer", compiled=True)
class LSTM:
    """Long short-term memory without projection."""

    def forward(xp, recording, input, h, c, w_ih, w_hh, b_ih, b_hh, w_hr):
        return NotImplemented if w_hr is not None else _run(
            _LSTM, recording, input, h, w_ih, w_hh, b_ih, b_hh, c)

    backward = _gradients


@kernel("gru_layer", compiled=True)
class GRU:
    """Gated recurrent units."""

    def forward(xp, recording, input, h, w_ih, w_hh, b_ih, b_hh):
        return _run(_GRU, recording, input, h, w_ih, w_hh, b_ih, b_hh)

    backward = _gradients


@kernel("rnn_layer", compiled=True)
class RNN:
    """Elman networks with tanh or ReLU."""

    def forward(xp, recording, input, h, w_ih, w_hh, b_ih, b_hh, nonlinearity):
        kind = _RELU if nonlinearity == "relu" else _TANH
        return _run(kind, recording, input, h, w_ih, w_hh, b_ih, b_hh)

    backward = _gradients
