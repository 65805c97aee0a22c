"""Pooling over windows by comparing or adding whole shifted images."""

import math
from itertools import product

from . import kernel


def _windows(xp, input, plan, value):
    """Return the padded input and, per place in the window, the slices of all windows."""
    dims = len(plan.kernel)
    spans = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(
        plan.counts, plan.stride, plan.dilation, plan.kernel)]
    size = [max(n + p, span) for n, p, span in zip(plan.size, plan.padding, spans)]
    if any(plan.padding) or any(a > b for a, b in zip(size, plan.size)):
        padded = xp.full((*input.shape[:-dims], *size), value, input.dtype)
        padded[_inside(plan)] = input
    else:
        padded = input
    places = [(..., *[slice(i * d, i * d + (n - 1) * s + 1, s) for i, d, n, s in zip(
        place, plan.dilation, plan.counts, plan.stride)])
        for place in product(*map(range, plan.kernel))]
    return padded, places


def _inside(plan):
    return (..., *[slice(p, p + n) for p, n in zip(plan.padding, plan.size)])


@kernel("max_pool")
class MaxPool:
    """Keeps, for backward, which place of the window won."""

    def forward(xp, recording, input, plan):
        if input.dtype.kind != "f" or math.prod(plan.kernel) > 255 or not input.size:
            return NotImplemented
        padded, places = _windows(xp, input, plan, -math.inf)
        best = padded[places[0]].copy()
        if not recording:
            for place in places[1:]:
                xp.maximum(best, padded[place], out=best)
            return best, None
        winner = xp.zeros(best.shape, "u1")
        for number, place in enumerate(places[1:], 1):
            other = padded[place]
            better = (other > best) | (other != other)  # NaN wins, as in PyTorch
            xp.copyto(winner, number, where=better)
            xp.copyto(best, other, where=better)
        return best, (winner, places, padded.shape, plan)

    def backward(xp, g, saved, wanted):
        winner, places, shape, plan = saved
        image = xp.zeros(shape, g.dtype)
        for number, place in enumerate(places):
            image[place] += g * (winner == number)
        return (image[_inside(plan)],)


@kernel("avg_pool")
class AvgPool:
    """Adds the shifted images; one division at the end."""

    def forward(xp, recording, input, plan, count_include_pad, divisor_override):
        if input.dtype.kind != "f" or not input.size:
            return NotImplemented
        padded, places = _windows(xp, input, plan, 0)
        total = padded[places[0]].copy()
        for place in places[1:]:
            total += padded[place]
        number = divisor_override or divisor(xp, plan, count_include_pad, input.dtype)
        total /= number
        return total, (number, places, padded.shape, plan)

    def backward(xp, g, saved, wanted):
        number, places, shape, plan = saved
        share = g / number
        image = xp.zeros(shape, g.dtype)
        for place in places:
            image[place] += share
        return (image[_inside(plan)],)


def divisor(xp, plan, count_include_pad, dtype):
    """Return the number of elements of each window: a number, or an array over the windows."""
    shares = []
    for n, count, k, s, p in zip(plan.size, plan.counts, plan.kernel, plan.stride, plan.padding):
        starts = [i * s - p for i in range(count)]
        ends = [min(start + k, n + p) for start in starts]
        if not count_include_pad:
            starts, ends = [max(i, 0) for i in starts], [min(i, n) for i in ends]
        shares.append([end - start for start, end in zip(starts, ends)])
    if all(len(set(sizes)) == 1 for sizes in shares):
        return math.prod(sizes[0] for sizes in shares)
    total = xp.ones((), dtype)
    for sizes in shares:
        total = total[..., None] * xp.array(sizes, dtype)
    return total
