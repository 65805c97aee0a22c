"""Comparisons and tests: results are bool and carry no gradient."""

from ..op import op


def _comparison(symbol, doc):
    """Make the record of a comparison from its forward."""
    def make(forward):
        forward.__doc__ = doc + " Shape: any, any -> broadcast. Result: bool."
        return op(label=symbol, cast="promote", inplace=True)(forward)

    return make


@_comparison("=", "Whether elements are equal.")
def eq(xp, input, other):
    return xp.equal(input, other)


@_comparison("≠", "Whether elements differ.")
def ne(xp, input, other):
    return xp.not_equal(input, other)


@_comparison("<", "Whether elements of input are smaller.")
def lt(xp, input, other):
    return xp.less(input, other)


@_comparison("≤", "Whether elements of input are smaller or equal.")
def le(xp, input, other):
    return xp.less_equal(input, other)


@_comparison(">", "Whether elements of input are greater.")
def gt(xp, input, other):
    return xp.greater(input, other)


@_comparison("≥", "Whether elements of input are greater or equal.")
def ge(xp, input, other):
    return xp.greater_equal(input, other)


@op()
def isnan(xp, input):
    """Whether elements are NaN."""
    return input != input


@op()
def isinf(xp, input):
    """Whether elements are infinite."""
    return xp.isinf(input)


@op()
def isfinite(xp, input):
    """Whether elements are neither infinite nor NaN."""
    return xp.isfinite(input)


@op(cast=None)
def isposinf(xp, input):
    """Whether elements are +infinity."""
    return xp.isinf(input) & (input > 0)


@op(cast=None)
def isneginf(xp, input):
    """Whether elements are −infinity."""
    return xp.isinf(input) & (input < 0)


@op(inplace=True)
def logical_not(xp, input):
    """Whether elements are zero."""
    return xp.logical_not(input)


@op(inplace=True)
def logical_and(xp, input, other):
    """Whether both elements are non-zero."""
    return xp.logical_and(input, other)


@op(inplace=True)
def logical_or(xp, input, other):
    """Whether at least one element is non-zero."""
    return xp.logical_or(input, other)


@op(inplace=True)
def logical_xor(xp, input, other):
    """Whether exactly one element is non-zero."""
    return xp.logical_xor(input, other)
