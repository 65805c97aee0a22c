"""Losses in one pass over the logits."""

from . import kernel

_CLASS_NUMBERS = frozenset("lqB")  # the type codes of int64 (two spellings) and uint8


@kernel("class_cross_entropy")
class ClassCrossEntropy:
    """log_softmax and nll_loss of (N, C) logits in one node; the gradient is softmax − one-hot."""

    def forward(xp, recording, input, target, ignore_index, reduction):
        if not _serves(xp, input, target, ignore_index, reduction):
            return NotImplemented
        count = input.shape[0]
        shifted = input - input.max(1, None, True)
        rows = xp.arange(count)
        picked = shifted[rows, target]
        exponentials = xp.exp(shifted, out=shifted)
        totals = xp.add.reduce(exponentials, 1, keepdims=True)
        loss = xp.add.reduce(xp.log(totals[:, 0]) - picked)
        scale = 1.0 / count if reduction == "mean" else 1.0
        return loss * scale, (exponentials, totals, rows, target, scale)

    def backward(xp, g, saved, wanted):
        exponentials, totals, rows, target, scale = saved
        gradient = exponentials / totals
        gradient[rows, target] -= 1
        gradient *= g * scale
        return (gradient, None)


@kernel("class_nll")
class ClassNll:
    """The log-probabilities of the classes, in one node; the gradient is 0 but for theirs."""

    def forward(xp, recording, input, target, ignore_index, reduction):
        if not _serves(xp, input, target, ignore_index, reduction):
            return NotImplemented
        rows = xp.arange(input.shape[0])
        count = input.dtype.type(input.shape[0] if reduction == "mean" else 1)
        loss = -xp.add.reduce(input[rows, target]) / count
        return loss, (input.shape, rows, target, count)

    def backward(xp, g, saved, wanted):
        shape, rows, target, count = saved
        gradient = xp.zeros(shape, g.dtype)
        gradient[rows, target] = -g / count
        return (gradient, None)


def _serves(xp, input, target, ignore_index, reduction):
    """Whether there is one existing class for each row of logits, and none to ignore."""
    return (input.ndim == 2 and target.ndim == 1 and reduction in ("mean", "sum")
            and bool(input.size) and target.shape[0] == input.shape[0]
            and target.dtype.char in _CLASS_NUMBERS
            and not 0 <= ignore_index < input.shape[1]
            and _in_range(xp, target, input.shape[1]))


def _in_range(xp, target, classes):
    """Whether all class numbers are valid; the composition reports or ignores others."""
    # read as unsigned numbers, negative ones are huge: one pass finds both kinds
    unsigned = xp.uint64 if target.itemsize == 8 else xp.uint8
    return xp.to_host(target.view(unsigned).max()) < classes
