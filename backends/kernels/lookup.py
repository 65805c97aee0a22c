"""Rows of tables."""

from . import kernel


@kernel("_embedding")
class Embedding:
    """Take rows; the gradient adds up where a row was taken several times."""

    def forward(xp, recording, input, weight, padding_idx):
        if weight.ndim != 2:
            return NotImplemented
        return xp.take(weight, input, axis=0), (input, weight.shape, padding_idx)

    def backward(xp, g, saved, wanted):
        input, shape, padding_idx = saved
        rows, flat = input.reshape(-1), g.reshape(input.size, shape[1])
        if padding_idx is not None:
            kept = rows != padding_idx
            rows, flat = rows[kept], flat[kept]
        return None, xp.scatter_add(xp.zeros(shape, g.dtype), rows, flat)
