"""Dropout by a mask of one byte an element."""

from . import kernel


def _scaled(xp, x, kept, scale):
    out = x * kept
    out *= scale
    return out


@kernel("kept_over")
class KeptOver:
    """What is kept, divided by a probability."""

    def forward(xp, recording, input, kept, p):
        if input.dtype.kind != "f" or kept.shape != input.shape or not input.ndim:
            return NotImplemented
        scale = input.dtype.type(1) / input.dtype.type(p)
        return _scaled(xp, input, kept, scale), (kept, scale)

    def backward(xp, g, saved, wanted):
        return [_scaled(xp, g, *saved), None]
