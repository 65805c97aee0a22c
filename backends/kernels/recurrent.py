"""Recurrent layers: the loop over time on raw arrays, one node for the whole sequence.

The input's part of all gates is one product. Backward keeps the gradients of all gates, so that
those of the weights are one product each.
"""

from . import kernel


def _before(xp, first, steps):
    """Return the state each step started from."""
    return xp.concatenate((first[None], steps[:-1]))


def _gates(xp, input, w_ih, b_ih):
    """Return the input's part of all steps, shape (T, N, gates · H)."""
    gates = xp.matmul(input.reshape(-1, input.shape[2]), w_ih.T)
    if b_ih is not None:
        gates += b_ih
    return gates.reshape(*input.shape[:2], -1)


def _gradients(xp, slopes, own, input, states, w_ih, has_bias):
    """Return the gradients of the input, then of the weights and, if there are any, the biases.

    Args:
        slopes, own: those of the gates, and of the state's part of them.
        states: the state that each step started from.
    """
    rows, own = (g.reshape(-1, g.shape[2]) for g in (slopes, own))
    for_weights = (xp.matmul(rows.T, input.reshape(-1, input.shape[2])),
                   xp.matmul(own.T, states.reshape(-1, states.shape[2])))
    for_biases = (xp.add.reduce(rows, 0), xp.add.reduce(own, 0)) if has_bias else ()
    return xp.matmul(rows, w_ih).reshape(input.shape), (*for_weights, *for_biases)


def _fits(input, *others):
    """Whether all arrays there are have one floating point type and the sequence is not empty."""
    return input.dtype.kind == "f" and input.size and all(
        a is None or a.dtype == input.dtype for a in others)


def _sigmoid(xp, x, out):
    """σ(x) = (1 + tanh(x / 2)) / 2: tanh is the function NumPy has vectorized."""
    xp.multiply(x, 0.5, out=out)
    xp.tanh(out, out=out)
    out += 1
    out *= 0.5


@kernel("lstm_layer")
class LSTM:
    """Long short-term memory without projection."""

    def forward(xp, recording, input, h, c, w_ih, w_hh, b_ih, b_hh, w_hr):
        if w_hr is not None or not _fits(input, h, c, w_ih, w_hh, b_ih, b_hh):
            return NotImplemented
        length, batch, size = input.shape[0], input.shape[1], h.shape[1]
        active = _gates(xp, input, w_ih, None if b_ih is None else b_ih + b_hh)
        cells = xp.empty((length, batch, size), input.dtype)
        result = xp.empty((length + 1) * batch * size, input.dtype)
        out = result.reshape(length + 1, batch, size)  # the last cell state stands at the end
        across = xp.ascontiguousarray(w_hh.T)
        start = (h, c)
        for t in range(length):
            a = active[t]
            a += xp.matmul(h, across)
            _sigmoid(xp, a[:, :2 * size], a[:, :2 * size])
            xp.tanh(a[:, 2 * size:3 * size], out=a[:, 2 * size:3 * size])
            _sigmoid(xp, a[:, 3 * size:], a[:, 3 * size:])
            i, f, n, o = (a[:, k * size:(k + 1) * size] for k in range(4))
            c = xp.multiply(f, c, out=cells[t])
            c += i * n
            h = xp.multiply(o, xp.tanh(c), out=out[t])
        out[length] = c
        return result, (input, active, cells, out[:-1], start, w_ih, w_hh, b_hh is not None)

    def backward(xp, g, saved, wanted):
        input, active, cells, out, (h0, c0), w_ih, w_hh, has_bias = saved
        size = out.shape[2]
        h_before = _before(xp, h0, out)
        slopes = xp.empty_like(active)
        g = g.reshape(-1, *h0.shape)
        dh, dc = 0, g[-1]
        for t in reversed(range(len(out))):
            i, f, n, o = (active[t, :, k * size:(k + 1) * size] for k in range(4))
            s = xp.tanh(cells[t])
            dh = dh + g[t]
            dc = dc + dh * o * (1 - s * s)
            c = cells[t - 1] if t else c0
            slope = slopes[t]
            slope[:, :size] = dc * n * i * (1 - i)
            slope[:, size:2 * size] = dc * c * f * (1 - f)
            slope[:, 2 * size:3 * size] = dc * i * (1 - n * n)
            slope[:, 3 * size:] = dh * s * o * (1 - o)
            dh = xp.matmul(slope, w_hh)
            dc = dc * f
        for_input, for_parameters = _gradients(xp, slopes, slopes, input, h_before, w_ih, has_bias)
        return for_input, dh, dc, *for_parameters


@kernel("gru_layer")
class GRU:
    """Gated recurrent units."""

    def forward(xp, recording, input, h, w_ih, w_hh, b_ih, b_hh):
        if not _fits(input, h, w_ih, w_hh, b_ih, b_hh):
            return NotImplemented
        length, batch, size = input.shape[0], input.shape[1], h.shape[1]
        gates = _gates(xp, input, w_ih, b_ih)
        active = xp.empty(gates.shape, gates.dtype)
        inner = xp.empty((length, batch, size), gates.dtype)  # the state's part of the candidate
        out = xp.empty((length, batch, size), gates.dtype)
        across, start = xp.ascontiguousarray(w_hh.T), h
        for t in range(length):
            own = xp.matmul(h, across)
            if b_hh is not None:
                own += b_hh
            a = active[t]
            xp.add(gates[t, :, :2 * size], own[:, :2 * size], out=a[:, :2 * size])
            _sigmoid(xp, a[:, :2 * size], a[:, :2 * size])
            inner[t] = own[:, 2 * size:]
            r, z, n = (a[:, k * size:(k + 1) * size] for k in range(3))
            xp.multiply(r, inner[t], out=n)
            n += gates[t, :, 2 * size:]
            xp.tanh(n, out=n)
            h = n + z * (h - n)
            out[t] = h
        return out, (input, active, inner, out, start, w_ih, w_hh, b_hh is not None)

    def backward(xp, g, saved, wanted):
        input, active, inner, out, start, w_ih, w_hh, has_bias = saved
        size = out.shape[2]
        before = _before(xp, start, out)
        slopes, own = xp.empty_like(active), xp.empty_like(active)
        dh = 0
        for t in reversed(range(len(out))):
            r, z, n = (active[t, :, k * size:(k + 1) * size] for k in range(3))
            dh = dh + g[t]
            dn = dh * (1 - z) * (1 - n * n)
            slopes[t, :, :size] = dn * inner[t] * r * (1 - r)
            slopes[t, :, size:2 * size] = dh * (before[t] - n) * z * (1 - z)
            slopes[t, :, 2 * size:] = dn
            own[t] = slopes[t]
            own[t, :, 2 * size:] *= r
            dh = dh * z + xp.matmul(own[t], w_hh)
        for_input, for_parameters = _gradients(xp, slopes, own, input, before, w_ih, has_bias)
        return for_input, dh, *for_parameters


@kernel("rnn_layer")
class RNN:
    """Elman networks with tanh or ReLU."""

    def forward(xp, recording, input, h, w_ih, w_hh, b_ih, b_hh, nonlinearity):
        if not _fits(input, h, w_ih, w_hh, b_ih, b_hh):
            return NotImplemented
        out = _gates(xp, input, w_ih, None if b_ih is None else b_ih + b_hh)
        across, start = xp.ascontiguousarray(w_hh.T), h
        for t in range(len(out)):
            step = out[t]
            step += xp.matmul(h, across)
            if nonlinearity == "relu":
                xp.maximum(step, 0, out=step)
            else:
                xp.tanh(step, out=step)
            h = step
        return out, (input, out, start, w_ih, w_hh, b_hh is not None, nonlinearity)

    def backward(xp, g, saved, wanted):
        input, out, start, w_ih, w_hh, has_bias, nonlinearity = saved
        slopes = xp.empty_like(out)
        dh = 0
        for t in reversed(range(len(out))):
            slope = out[t] > 0 if nonlinearity == "relu" else 1 - out[t] * out[t]
            slopes[t] = (dh + g[t]) * slope
            dh = xp.matmul(slopes[t], w_hh)
        before = _before(xp, start, out)
        for_input, for_parameters = _gradients(xp, slopes, slopes, input, before, w_ih, has_bias)
        return for_input, dh, *for_parameters
