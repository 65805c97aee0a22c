"""Matrix products."""

from ..op import op


@op(label="@", cast="promote")
def matmul(xp, input, other):
    """Matrix product."""
    return xp.matmul(input, other)
