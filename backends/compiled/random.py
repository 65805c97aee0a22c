"""The words of MT19937, many at a time, and the numbers made of them.

The state is NumPy's own, 624 words and how many of them are used, and is left as NumPy would.
Source: Matsumoto, Nishimura, "Mersenne Twister", 1998.
"""

import ctypes

import numpy as np

from ..kernels import routine
from . import jit

_WORDS, _BEHIND = 624, 397
_BLOCK = 1024  # words at a time, so that they stay in the first cache
_STATE = ctypes.c_uint32 * (_WORDS + 1)


@jit.inline
def _twist(old, following, far, out):
    for i in range(out.size):
        y = np.uint32((old[i] & np.uint32(0x80000000)) | (following[i] & np.uint32(0x7FFFFFFF)))
        odd = np.uint32(0x9908B0DF) if y & np.uint32(1) else np.uint32(0)
        out[i] = far[i] ^ (y >> np.uint32(1)) ^ odd


@jit.inline
def _next_state(key, old):
    """Overwrite all words of the state; `old` is room for those before."""
    ahead = _WORDS - _BEHIND
    for i in range(_WORDS):
        old[i] = key[i]
    _twist(old[:ahead], old[1:], old[_BEHIND:], key[:ahead])
    _twist(old[ahead:2 * ahead], old[ahead + 1:], key[:ahead], key[ahead:2 * ahead])
    _twist(old[2 * ahead:-1], old[2 * ahead + 1:], key[ahead:], key[2 * ahead:_WORDS - 1])
    _twist(old[-1:], key[:1], key[_BEHIND - 1:], key[_WORDS - 1:_WORDS])


@jit.inline
def _temper(words, out):
    for i in range(out.size):
        y = words[i]
        y = np.uint32(y ^ (y >> np.uint32(11)))
        y = np.uint32(y ^ (np.uint32(y << np.uint32(7)) & np.uint32(0x9D2C5680)))
        y = np.uint32(y ^ (np.uint32(y << np.uint32(15)) & np.uint32(0xEFC60000)))
        out[i] = y ^ (y >> np.uint32(18))


@jit.inline
def _draw(state, old, out):
    """Fill an array with the next words."""
    done, used = 0, np.int64(state[_WORDS])
    while done < out.size:
        if used == _WORDS:
            _next_state(state, old)
            used = 0
        taken = min(_WORDS - used, out.size - done)
        _temper(state[used:used + taken], out[done:done + taken])
        used += taken
        done += taken
    state[_WORDS] = used


@jit.serial
def _words(state, out):
    _draw(state, np.empty(_WORDS, np.uint32), out)


@jit.serial
def _singles(state, out):
    """Fill with multiples of 2^-24 in [0, 1)."""
    old, words = np.empty(_WORDS, np.uint32), np.empty(_BLOCK, np.uint32)
    for start in range(0, out.size, _BLOCK):
        a = out[start:start + _BLOCK]
        _draw(state, old, words[:a.size])
        for i in range(a.size):
            a[i] = np.float32(np.int32(words[i] & np.uint32(0xFFFFFF))) * np.float32(2.0**-24)


@jit.serial
def _long_words(state, out):
    """Fill with words of 64 bits, the high half drawn first."""
    old, words = np.empty(_WORDS, np.uint32), np.empty(2 * _BLOCK, np.uint32)
    for start in range(0, out.size, _BLOCK):
        a = out[start:start + _BLOCK]
        _draw(state, old, words[:2 * a.size])
        for i in range(a.size):
            a[i] = (np.uint64(words[2 * i]) << np.uint64(32)) | np.uint64(words[2 * i + 1])


@jit.serial
def _below(state, limit, out):
    """Tell of numbers of 53 bits whether they are below a limit."""
    old, words = np.empty(_WORDS, np.uint32), np.empty(2 * _BLOCK, np.uint32)
    for start in range(0, out.size, _BLOCK):
        a = out[start:start + _BLOCK]
        _draw(state, old, words[:2 * a.size])
        for i in range(a.size):
            high = np.int64(words[2 * i] & np.uint32(0x1FFFFF)) << 32
            a[i] = (high | np.int64(words[2 * i + 1])) < limit


def _filled(fill, bits, n, dtype, *options):
    """Return n numbers drawn from a NumPy MT19937."""
    state = np.frombuffer(_STATE.from_address(bits.ctypes.state_address), np.uint32)
    out = np.empty(n, dtype)
    with bits.lock:
        fill(state, *options, out)
    return out


@routine
def random_words(bits, n):
    """Return n words of 32 bits."""
    return _filled(_words, bits, n, np.uint32)


@routine
def random_long_words(bits, n):
    """Return n words of 64 bits, the high half of each drawn first."""
    return _filled(_long_words, bits, n, np.uint64)


@routine
def random_singles(bits, n):
    """Return n singles in [0, 1), of 24 bits each."""
    return _filled(_singles, bits, n, np.float32)


@routine
def random_below(bits, n, limit):
    """Return for n numbers of 53 bits whether they are below a limit."""
    return _filled(_below, bits, n, np.bool_, limit)


@jit.serial
def _swap_all(steps, out):
    for i in range(out.size):
        out[i] = i
    for i in range(steps.size):
        other = i + np.int64(steps[i] % np.uint32(out.size - i))
        out[i], out[other] = out[other], out[i]


@routine
def random_permutation(words, n):
    """Return 0, 1, ..., n - 1 after each was swapped with one from itself on, as words tell."""
    out = np.empty(n, np.int64)
    _swap_all(words, out)
    return out
