"""Losses in one pass over the logits."""

import numpy as np
from numba import prange

from ..kernels import kernel
from . import jit, math
from .softmax import minus_both, shifted_sum

_CLASS_NUMBERS = frozenset("lqB")  # the type codes of int64 (two spellings) and uint8


@jit.parallel
def _cross_entropies(x, target, ignored, tops, totals, losses, parts):
    """Each row's loss, 0 for an ignored one; and its largest logit and sum, from which its softmax
    is computed again."""
    for part in prange(parts):
        for row in range(part * x.shape[0] // parts, (part + 1) * x.shape[0] // parts):
            logits, chosen = x[row], target[row]
            if chosen == ignored:
                losses[row] = 0
                continue
            top, total = shifted_sum(logits)
            tops[row], totals[row] = top, total
            losses[row] = -minus_both(logits[chosen], top, math.log(total))


@jit.parallel
def _slopes(x, target, ignored, tops, totals, factors, slopes, parts):
    """Each row's softmax − one-hot, times its factor."""
    zero = x.dtype.type(0)
    for part in prange(parts):
        for row in range(part * x.shape[0] // parts, (part + 1) * x.shape[0] // parts):
            a, b, factor = x[row], slopes[row], factors[row]
            top, share = tops[row], factor / totals[row]
            if target[row] == ignored:
                b[:] = zero
                continue
            for i in range(a.size):
                b[i] = math.exp(a[i] - top) * share
            b[target[row]] -= factor


@kernel("class_cross_entropy", compiled=True)
class ClassCrossEntropy:
    """log_softmax and nll_loss of (N, C) logits, keeping two numbers of each row."""

    def forward(xp, recording, input, target, ignore_index, reduction):
        if (input.ndim != 2 or reduction not in ("mean", "sum", "none") or not input.size
                or not jit.takes(input) or target.shape != input.shape[:1]
                or target.dtype.char not in _CLASS_NUMBERS):
            return NotImplemented
        target = np.ascontiguousarray(target, np.int64)
        counted = target != ignore_index
        # read as unsigned numbers, negative ones are huge: one pass finds both kinds
        if target.view(np.uint64).max(initial=0, where=counted) >= input.shape[1]:
            return NotImplemented  # the composition reports them
        tops, totals, losses = (np.empty(len(input), input.dtype) for _ in range(3))
        parts = jit.parts(input.size)
        _cross_entropies(input, target, ignore_index, tops, totals, losses, parts)
        scale = input.dtype.type(1)
        if reduction == "mean":
            scale /= input.dtype.type(counted.sum())
        out = losses if reduction == "none" else losses.sum() * scale
        return out, (input, target, ignore_index, tops, totals, scale)

    def backward(xp, g, saved, wanted):
        input, target, ignore_index, tops, totals, scale = saved
        factors = np.empty_like(tops)
        factors[:] = g * scale
        slopes = np.empty_like(input)
        _slopes(input, target, ignore_index, tops, totals, factors, slopes,
                jit.parts(input.size))
        return (slopes, None)
