"""Adding a border of one value around an array."""

from ..op import op

__all__ = ["constant_pad_nd"]


@op(name="pad", namespaces=(), derivative="g without the border")
def pad_each(xp, input, widths, value=0):
    """Put `before` and `after` elements of a value around each axis.

    Args:
        widths: a pair (before, after) per axis, none negative.
        value: what the border is filled with.
    """
    return xp.pad(input, widths, constant_values=value)


pad_each.vjp("input", lambda g, widths: g[tuple([
    slice(before, n - after) for n, (before, after) in zip(g.shape, widths)])])


def constant_pad_nd(input, pad, value=0):
    """Return the input with a border of one value; negative widths crop.

    Args:
        pad: widths (before, after) of the last dimension, then of the one before, and so on.
    Raises:
        RuntimeError: for an odd number of widths or too many.

    >>> import ember
    >>> ember.constant_pad_nd(ember.ones(2), (1, -1))
    tensor([0., 1.])
    """
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise RuntimeError(f"constant_pad_nd: expected an even number of widths, at most "
                           f"{2 * input.ndim}, but got {len(pad)}")
    widths = [(0, 0)] * input.ndim
    for i in range(len(pad) // 2):
        widths[-1 - i] = tuple(pad[2 * i:2 * i + 2])
    for dim, (n, (before, after)) in enumerate(zip(input.shape, widths)):
        if n + before + after < 0:
            raise RuntimeError(
                f"The input size {n}, plus negative padding {before} and {after}, resulted in a "
                f"negative output size, which is invalid. Check dimension {dim} of your input.")
    if any(n < 0 for n in pad):
        input = input[tuple([slice(max(-before, 0), n - max(-after, 0))
                             for n, (before, after) in zip(input.shape, widths)])]
        widths = [(max(before, 0), max(after, 0)) for before, after in widths]
    return pad_each(input, widths, value)
