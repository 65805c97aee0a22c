"""What the gates of recurrent cells compute, and their gradients, for many units at a time.

Backward goes from dh, the gradient of a state, to the gradients before the gates, which it writes
to `work`, a row for each; `carry` is what reaches the step before past the gates.
"""

from . import jit
from .math import sigmoid, tanh

__all__ = ["elman", "elman_slopes", "gru", "gru_slopes", "lstm", "lstm_slopes"]


@jit.inline
def _sigmoid(a):
    for u in range(a.size):
        a[u] = sigmoid(a[u])


@jit.inline
def lstm(i, f, n, o, before, cell, h):
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
def gru(r, z, n, inner, h):
    """Reset gate, update gate, candidate and the state's part of it: h ← n + z·(h − n)."""
    _sigmoid(r)
    _sigmoid(z)
    for u in range(h.size):
        n[u] = tanh(n[u] + r[u] * inner[u])
    for u in range(h.size):
        h[u] = n[u] + z[u] * (h[u] - n[u])


@jit.inline
def elman(a, h, relu):
    if relu:
        for u in range(h.size):
            h[u] = a[u] if not a[u] < 0 else a.dtype.type(0)  # NaN stays
    else:
        for u in range(h.size):
            h[u] = tanh(a[u])


@jit.inline
def lstm_slopes(dh, carry, i, f, n, o, before, cell, work):
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
def gru_slopes(dh, carry, r, z, n, inner, h, work):
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
def elman_slopes(dh, h, slope, relu):
    if relu:
        for u in range(dh.size):
            slope[u] = dh[u] if h[u] > 0 else dh.dtype.type(0)
    else:
        for u in range(dh.size):
            slope[u] = dh[u] * (1 - h[u] * h[u])
