"""Random numbers of the host: PyTorch's CPU stream, word for word, as raw NumPy arrays.

PyTorch draws 32-bit words from MT19937 one at a time. NumPy has the same generator, so words come
in bulk and every distribution is a vectorised formula over them. Values come as one-dimensional
arrays in the order they are drawn; `in_memory_order` puts them where PyTorch would.
"""

import contextlib
import math
import os

import numpy as np

from . import kernels
from .rejection import Draws, binomial_count, gamma_value, poisson_count
from .shuffle import inside_out, swap_all

__all__ = ["DEFAULT_SEED", "Stream", "in_memory_order", "significant_bits"]

DEFAULT_SEED = 67280421310721  # the seed of a fresh torch.Generator

# A range this wide takes 64-bit draws, so that the skew of the remainder stays small.
_WIDE_RANGE = 1 << 28
# From this length on, randperm draws 64 bits and shuffles from the inside out.
_LONG_PERMUTATION = (2**32 - 1) // 20

# So many values at a time, so that their words and the steps between stay in the cache.
_CHUNK = 1 << 14

# What torch.get_rng_state() returns, byte for byte: the struct of PyTorch's CPUGeneratorImpl.
_STATE = np.dtype([
    ("seed", "<u8"), ("left", "<i4"), ("seeded", "<i4"), ("next", "<u8"), ("key", "<u8", 624),
    ("normal_x", "<f8"), ("normal", "<f8"), ("normal_rho", "<f8"), ("has_normal", "<i4"),
    ("pad", "V4"), ("float_normal", "<f4"), ("has_float_normal", "?"), ("tail", "V3")])


class Stream:
    """The stream of `torch.Generator` on the CPU.

    Every method that draws takes the number of values `n` and returns that many in a 1-d array.

    Args:
        seed: an integer of up to 64 bits; as in PyTorch, the low 32 bits choose the stream.

    >>> from ember.backends.random import Stream
    >>> print(Stream(1337).uniform(3, "float32"))
    [0.07831711 0.49561673 0.62309813]
    """

    __slots__ = ("seed", "_source", "_bits", "_spare")

    def __init__(self, seed=DEFAULT_SEED):
        self._bits = np.random.MT19937(0)
        # Of NumPy's generators this one promises never to change its stream (NEP 19).
        self._source = np.random.RandomState(self._bits)
        self.reseed(seed)

    def reseed(self, seed=None):
        """Start again from a seed, or from one that the operating system draws; return it."""
        if seed is None:
            seed = int.from_bytes(os.urandom(8), "little")
        self.seed = seed
        self._source.seed(seed & 0xFFFFFFFF)
        self._spare = None  # the second half of the last pair of normals
        return seed

    def state(self):
        """Return the state as the 5056 bytes of `torch.get_rng_state()`."""
        engine = self._bits.state["state"]
        key, used = engine["key"], engine["pos"]
        if used == 624 and key[0] == self.seed & 0xFFFFFFFF:
            used = 0  # nothing drawn yet: PyTorch counts from 0 here
        packed = np.zeros((), _STATE)
        packed["seed"], packed["seeded"], packed["key"] = self.seed, 1, key
        packed["left"], packed["next"] = 625 - used if used else 1, used
        if self._spare is not None:
            packed["normal"], packed["has_normal"] = self._spare, 1
        return np.frombuffer(packed.tobytes(), np.uint8).copy()

    def restore(self, state):
        """Continue from a state that this class or PyTorch returned, an array of uint8.

        Raises:
            RuntimeError: when the bytes are no such state; nothing is changed then.
        """
        if state.size != _STATE.itemsize:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {_STATE.itemsize} but found the input "
                f"RNG state size to be {state.size}")
        packed = np.frombuffer(state.tobytes(), _STATE)[0]
        left, used = int(packed["left"]), int(packed["next"])
        if packed["seeded"] != 1 or not 1 <= left <= 624 or used > 624:
            raise RuntimeError("Invalid mt19937 state")
        self._bits.state = {
            "bit_generator": "MT19937",
            "state": {"key": packed["key"].astype(np.uint32), "pos": 624 if left == 1 else used}}
        self.seed = int(packed["seed"])
        self._spare = float(packed["normal"]) if packed["has_normal"] else None

    # -- words ----------------------------------------------------------------------------------

    def words(self, n):
        """Return n raw words of 32 bits."""
        compiled = kernels.compiled("random_words", n)
        if compiled is not None:
            return compiled(self._bits, n)
        return self._source.randint(0, 1 << 32, size=n, dtype=np.uint32)

    def long_words(self, n):
        """Return n words of 64 bits, each of two raw words, the high one first."""
        compiled = kernels.compiled("random_long_words", n)
        if compiled is not None:
            return compiled(self._bits, n)
        return self._source.randint(0, 1 << 64, size=n, dtype=np.uint64)

    def _mantissas(self, n):
        """Return n integers below 2^53."""
        words = self.long_words(n)
        words &= np.uint64((1 << 53) - 1)
        return words.view(np.int64)

    def _doubles(self, n):
        """Return n doubles in [0, 1), of 53 bits and two words each."""
        values = np.empty(n)
        for start in range(0, n, _CHUNK):
            part = values[start:start + _CHUNK]
            part[...] = self._mantissas(part.size)
            part *= 2.0**-53
        return values

    def _floats(self, n):
        """Return n singles in [0, 1), of 24 bits and one word each."""
        compiled = kernels.compiled("random_singles", n)
        if compiled is not None:
            return compiled(self._bits, n)
        values = np.empty(n, np.float32)
        for start in range(0, n, _CHUNK):
            part = values[start:start + _CHUNK]
            words = self.words(part.size)
            words &= np.uint32((1 << 24) - 1)
            part[...] = words.view(np.int32)
            part *= np.float32(2.0**-24)
        return values

    # -- floating point distributions -------------------------------------------------------------

    def uniform(self, n, dtype, low=0.0, high=1.0):
        """Return floats in [low, high)."""
        dtype = np.dtype(dtype)
        double = dtype == np.float64
        values = self._doubles(n) if double else self._floats(n)
        if (low, high) != (0.0, 1.0):
            work = values.dtype.type
            values = _multiply_add(values, work(high) - work(low), work(low))
        elif dtype == values.dtype:
            return values
        values = values.astype(dtype, copy=False)
        rounded_up = values == dtype.type(high)
        if rounded_up.any():  # the end is open
            values[rounded_up] = low
        return values

    def normal(self, n, dtype, mean=0.0, std=1.0, contiguous=True):
        """Return normally distributed floats (Box-Muller).

        Args:
            contiguous: whether the target is; PyTorch fills a contiguous tensor of 16 or more
                elements in blocks, and any other by pairs.
        """
        dtype = np.dtype(dtype)
        if n < 16 or not contiguous:
            return _from_double(_multiply_add(self._normal_pairs(n), std, mean), dtype)
        values = self._normal_blocks(n, dtype)
        values = _multiply_add(values, values.dtype.type(std), values.dtype.type(mean))
        return values.astype(dtype, copy=False)

    def _normal_blocks(self, n, dtype):
        """Return standard normals in blocks of 16 uniforms: 8 radii, 8 angles."""
        draw = self._doubles if dtype == np.float64 else self._floats
        whole = n // 16 * 16
        if n == whole:
            return _box_muller(draw(n))
        if dtype.itemsize != 2:
            draws = draw(n + 16)
            blocks = draws[:whole], draws[n:]
        else:  # half precision draws nothing for the incomplete block
            draws = draw(whole + 16)
            blocks = draws[:whole], draws[whole:]
        values = np.empty(n, draws.dtype)
        values[:whole] = _box_muller(blocks[0])
        values[-16:] = _box_muller(blocks[1])  # the last 16 are drawn again
        return values

    def _normal_pairs(self, n):
        """Return standard normals in double, two at a time; an odd one is kept for later."""
        kept = [] if self._spare is None or n == 0 else [self._spare]
        pairs = (n - len(kept) + 1) // 2
        if pairs:
            u1, u2 = self._doubles(2 * pairs).reshape(pairs, 2).T
            radius = np.sqrt(-2.0 * np.log1p(-u2))
            angle = 2.0 * math.pi * u1
            values = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).ravel()
        else:
            values = np.empty(0)
        if n:
            odd = len(kept) + values.size > n
            self._spare = float(values[-1]) if odd else None
        return np.concatenate([kept, values])[:n]

    def log_normal(self, n, dtype, mean=1.0, std=2.0):
        """Return floats whose logarithm is normally distributed."""
        with np.errstate(over="ignore"):
            return _from_double(np.exp(_multiply_add(self._normal_pairs(n), std, mean)), dtype)

    def exponential(self, n, dtype, rate=1.0):
        """Return exponentially distributed floats."""
        values = self._doubles(n)
        np.negative(values, out=values)
        np.log1p(values, out=values)
        values *= -1.0 / rate
        return _from_double(values, dtype)

    def cauchy(self, n, dtype, median=0.0, sigma=1.0):
        """Return Cauchy distributed floats."""
        values = np.tan(math.pi * (self._doubles(n) - 0.5))
        return _from_double(_multiply_add(values, sigma, median), dtype)

    # -- integers -------------------------------------------------------------------------------

    def geometric(self, n, dtype, p):
        """Return how many trials of probability p the first success takes."""
        with np.errstate(divide="ignore", invalid="ignore"):  # a draw of 0 needs infinitely many
            return np.ceil(np.log(self._doubles(n)) / math.log1p(-p)).astype(dtype)

    def integers(self, n, dtype, low, span):
        """Return integers in [low, low + span), for a span of up to 2^64."""
        if span >= _WIDE_RANGE:
            values = self.long_words(n)
            if span < 1 << 64:  # else the words as they are
                values %= np.uint64(span)
                values += np.uint64(low % (1 << 64))  # wraps around, as int64 does
            return values.view(np.int64).astype(dtype, copy=False)
        words = self.words(n)
        # NumPy divides by a constant with SIMD but takes remainders one by one
        words -= words // np.uint32(span) * np.uint32(span)
        values = words.astype(np.int64)
        if low:
            values += low
        return values.astype(dtype, copy=False)

    def full_range(self, n, dtype):
        """Return integers from 0 to the largest that the dtype holds without gaps."""
        dtype = np.dtype(dtype)
        if dtype.kind == "b":
            return (self.words(n) & np.uint32(1)).astype(bool)
        if dtype.kind in "iu":
            span = np.iinfo(dtype).max + 1
        else:
            span = (1 << significant_bits(dtype)) + 1
        if dtype in (np.int64, np.float64):
            return (self.long_words(n) % np.uint64(span)).astype(dtype)
        return (self.words(n) % np.uint32(span)).astype(dtype)

    def permutation(self, n):
        """Return the integers below n in random order, as int64."""
        if n >= _LONG_PERMUTATION:
            return inside_out(self.long_words(n))
        if n < 2:
            return np.arange(n)
        compiled = kernels.compiled("random_permutation", n)
        if compiled is not None:
            return compiled(self.words(n - 1), n)
        partner = np.arange(n)
        partner[:-1] += self.words(n - 1) % np.arange(n, 1, -1, dtype=np.uint32)
        return swap_all(partner)

    # -- choices ----------------------------------------------------------------------------------

    def bernoulli(self, n, p):
        """Return booleans that are true with probability p, one number for all."""
        # u < p compared as integers: u is a multiple of 2^-53, so rounding p up changes nothing
        limit = math.ceil(p * 2.0**53)
        compiled = kernels.compiled("random_below", n)
        return self._mantissas(n) < limit if compiled is None else compiled(self._bits, n, limit)

    def bernoulli_each(self, p):
        """Return booleans that are true with the probabilities in a 1-d array."""
        return (self._doubles if p.dtype == np.float64 else self._floats)(p.size) < p

    def choices(self, weights, k):
        """Return k indices for each row, drawn with replacement by weight.

        Args:
            weights: of shape (rows, categories); each row has a positive sum.
        Returns:
            int64 of shape (rows, k).
        """
        work = np.float64 if weights.dtype == np.float64 else np.float32
        total = np.add.accumulate(weights, 1, work)
        total = (total / total[:, -1:]).astype(np.float64)
        total[:, -1] = 1.0
        draws = self._doubles(len(weights) * k).reshape(-1, k)
        found = [t.searchsorted(u) for t, u in zip(total, draws, strict=True)]
        return np.array(found, np.int64).reshape(-1, k)

    def sample(self, weights, k):
        """Return k different indices for each row, drawn by weight; likely ones come first.

        Uses exponential races: of p / Exp(1) the largest wins.
        """
        race = self.exponential(weights.size, weights.dtype).reshape(weights.shape)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            race = weights / race
        if k == 1:
            return race.argmax(1, keepdims=True)
        np.negative(race, out=race)
        first = race.argpartition(k - 1, 1)[:, :k]
        return np.take_along_axis(first, np.take_along_axis(race, first, 1).argsort(1), 1)

    def poisson(self, rates):
        """Return Poisson distributed counts (as double) for a 1-d array of rates."""
        with self._one_by_one() as draws:
            return np.array([poisson_count(rate, draws) for rate in rates.tolist()], np.float64)

    def gamma(self, shapes):
        """Return gamma distributed doubles of rate 1 for a 1-d array of shapes, of any floats.

        Their precision is that of the first steps, as in PyTorch.
        """
        shapes = shapes.astype(np.float32) if shapes.itemsize < 4 else shapes
        low = shapes < 1
        with np.errstate(divide="ignore"):
            exponents = np.where(low, 1 / shapes, 0).tolist()
        d = (np.where(low, shapes + 1, shapes) - np.float32(1 / 3)).tolist()
        with self._one_by_one() as draws:
            values = [gamma_value(*pair, draws) if pair[1] < math.inf else 0.0
                      for pair in zip(d, exponents)]
        return np.array(values, np.float64)

    def binomial(self, trials, p):
        """Return binomially distributed counts (as double) for 1-d arrays of trials and p."""
        pairs = zip(trials.tolist(), p.tolist(), strict=True)
        with self._one_by_one() as draws:
            return np.array([binomial_count(n, q, draws) for n, q in pairs], np.float64)

    @contextlib.contextmanager
    def _one_by_one(self):
        """Give out numbers one at a time, for samples that need who knows how many."""
        start = self._bits.state
        draws = Draws(self._endless_doubles(), self._spare)
        try:
            yield draws
        finally:
            self._bits.state = start  # they were drawn in bulk: give back those not used
            self.long_words(draws.used)
            self._spare = draws.spare

    def _endless_doubles(self):
        while True:
            yield from self._doubles(256).tolist()


def _multiply_add(x, factor, term):
    """Return x * factor + term with one rounding: PyTorch's compiler fuses the two operations."""
    if term == 0:
        return x if factor == 1 else x * factor
    if factor == 1:
        return x + term
    if x.dtype == np.float32:  # the product of two singles is exact in double
        return (x.astype(np.float64) * factor + term).astype(np.float32)
    product = x * factor
    total = product + term
    rest = total - product
    lost_in_sum = (product - (total - rest)) + (term - rest)
    (x1, x2), (f1, f2) = _halves(x), _halves(factor)
    lost_in_product = x2 * f2 - (((product - x1 * f1) - x2 * f1) - x1 * f2)
    return total + (lost_in_sum + lost_in_product)


def _halves(x):
    """Split doubles into a sum of two of 26 bits, whose products are exact (Dekker, 1971)."""
    high = x * 134217729.0
    high = high - (high - x)
    return high, x - high


def significant_bits(dtype):
    """Return how many bits the fraction of a floating point dtype has, the leading one included."""
    return 8 if dtype.kind == "V" else np.finfo(dtype).nmant + 1  # V: bfloat16


def _from_double(values, dtype):
    """Return doubles in another dtype; half precision is rounded by way of single, as PyTorch's."""
    with np.errstate(over="ignore"):
        if dtype.itemsize == 2:
            values = values.astype(np.float32)
        return values.astype(dtype, copy=False)


def in_memory_order(values, array):
    """Return values in the shape of an array, the first in the array's lowest address.

    PyTorch walks a strided target along its memory, not along its indices.
    """
    if array.ndim < 2 or array.flags.c_contiguous:
        return values.reshape(array.shape)
    order = memory_order(array)
    spread = values.reshape([array.shape[axis] for axis in order])
    return spread.transpose(np.argsort(order))


def memory_order(array):
    """Return the axes of an array from the widest stride to the narrowest."""
    return sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))


def _box_muller(uniforms):
    """Turn blocks of 16 uniforms into blocks of 16 normals, in place."""
    for start in range(0, uniforms.size, _CHUNK):
        blocks = uniforms[start:start + _CHUNK].reshape(-1, 2, 8)
        radius, angle = blocks.transpose(1, 0, 2).copy()
        np.subtract(1, radius, out=radius)
        np.log(radius, out=radius)
        radius *= -2
        np.sqrt(radius, out=radius)
        angle *= angle.dtype.type(2 * math.pi)
        np.multiply(radius, np.cos(angle), out=blocks[:, 0])
        np.multiply(radius, np.sin(angle), out=blocks[:, 1])
    return uniforms
