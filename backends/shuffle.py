"""Shuffles without a loop over elements: what a long series of swaps does, all at once."""

import numpy as np

__all__ = ["inside_out", "swap_all"]


def swap_all(partner):
    """Return what swapping p[i] with p[partner[i]] for i = 0, 1, ... makes of 0, 1, ...

    Position i is final after swap i, and gets what then stands at its partner. Only swaps write
    to a position ahead, and swap m writes there what stood at m; so each value is found by going
    back from swap to swap. All chains are followed at once, doubling the step.

    Args:
        partner: int64 of shape (n,) with i <= partner[i] < n.
    """
    origin = np.arange(partner.size)  # origin[i]: the value at position i just before swap i
    order = np.sort(partner << 32 | origin)  # the swaps, grouped by the position they write to
    position, swap = order >> 32, order & 0xFFFFFFFF
    again = position[1:] == position[:-1]
    ahead = swap < position
    newest = ahead.copy()
    newest[:-1] &= ~(again & ahead[1:])
    newest = np.flatnonzero(newest)

    chain = position[newest]
    origin[chain] = swap[newest]
    while chain.size:
        here = origin[chain]
        earlier = origin[here]
        origin[chain] = earlier
        chain = chain[earlier != here]

    result = partner.copy()  # a position never written before holds its own index
    again = np.flatnonzero(again)
    result[swap[again + 1]] = origin[swap[again]]
    return result


def inside_out(words):
    """Return the permutation of p[i] = p[z]; p[z] = i with z = words[i] % (i + 1).

    That is a series of swaps (i, z <= i). Read backwards and from the far end it is the series
    that `swap_all` does, and the inverse of its result.
    """
    n = words.size
    index = np.arange(n)
    partner = (n - 1) - (words % (index + 1).view(np.uint64)).view(np.int64)[::-1]
    backwards = (n - 1) - swap_all(partner)[::-1]
    result = np.empty(n, np.int64)
    result[backwards] = index
    return result
