"""Operations on the bits of integers; on bools they are the logical ones."""

from ..op import op


def _no_floats(name, *operands):
    for x in operands:
        kind = getattr(getattr(x, "dtype", None), "kind", "f" if isinstance(x, float) else "i")
        if kind not in "biu":
            raise RuntimeError(
                f'"{name}" not implemented for \'Float\': it takes integers and booleans; convert '
                "with .long() or .bool()")


@op(label="¬", inplace=True, dtypes="bool/integer -> same")
def bitwise_not(xp, input):
    """Invert each bit."""
    _no_floats("bitwise_not", input)
    return xp.invert(input)


@op(label="&", cast="promote", inplace=True, dtypes="bool/integer -> promoted")
def bitwise_and(xp, input, other):
    """Bits set in both."""
    _no_floats("bitwise_and", input, other)
    return xp.bitwise_and(input, other)


@op(label="|", cast="promote", inplace=True, dtypes="bool/integer -> promoted")
def bitwise_or(xp, input, other):
    """Bits set in either."""
    _no_floats("bitwise_or", input, other)
    return xp.bitwise_or(input, other)


@op(label="⊕", cast="promote", inplace=True, dtypes="bool/integer -> promoted")
def bitwise_xor(xp, input, other):
    """Bits set in exactly one."""
    _no_floats("bitwise_xor", input, other)
    return xp.bitwise_xor(input, other)


@op(label="≪", cast="promote", inplace=True, dtypes="integer -> promoted")
def bitwise_left_shift(xp, input, other):
    """Shift bits to the left."""
    return xp.left_shift(input, other)


@op(label="≫", cast="promote", inplace=True, dtypes="integer -> promoted")
def bitwise_right_shift(xp, input, other):
    """Shift bits to the right."""
    return xp.right_shift(input, other)
