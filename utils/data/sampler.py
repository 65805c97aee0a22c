"""Orders in which the samples of a dataset are visited.

The random ones draw the same numbers as PyTorch's for the same seed.
PyTorch page: https://docs.pytorch.org/docs/2.13/data.html#data-loading-order-and-sampler
"""

import math
import types
from itertools import islice

from ...autograd import as_tensor, dtypes, empty
from ...autograd.generator import Generator
from ...autograd.random import multinomial, randint, randperm


class Sampler:
    """Base of samplers; a subclass defines ``__iter__`` over indices, and ``__len__``."""

    __class_getitem__ = classmethod(types.GenericAlias)

    def __iter__(self):
        raise NotImplementedError(f"{type(self).__name__} does not define __iter__()")


class SequentialSampler(Sampler):
    """All indices, in order.

    Args:
        data_source: the dataset.

    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source):
        self.data_source = data_source

    def __iter__(self):
        return iter(range(len(self.data_source)))

    def __len__(self):
        return len(self.data_source)


class RandomSampler(Sampler):
    """Indices in random order.

    Args:
        data_source: the dataset.
        replacement: draw each index independently of the others.
        num_samples: how many indices; as many as the dataset has if None.
        generator: where the random numbers come from; if None, a new one, seeded by the
            default generator when iteration begins.

    Raises:
        TypeError: replacement is no bool.
        ValueError: num_samples is no positive integer (an empty dataset gives 0).

    >>> sorted(RandomSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source, replacement=False, num_samples=None, generator=None):
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        _check_bool("replacement", replacement, TypeError)
        _check_count("num_samples", self.num_samples)

    @property
    def num_samples(self):
        """How many indices one pass gives."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self):
        n, left = len(self.data_source), self.num_samples
        generator = self.generator
        if generator is None:
            generator = Generator()
            generator.manual_seed(draw_seed(None))
        # PyTorch draws indices with replacement 32 at a time, which shows in the stream.
        size = 32 if self.replacement else n
        for start in range(0, left - left % size + 1, size):
            wanted = min(size, left - start)
            if self.replacement:
                block = randint(0, n, (wanted,), dtype=dtypes.int64, generator=generator)
            else:
                block = randperm(n, generator=generator)
            yield from block.tolist()[:wanted]

    def __len__(self):
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """Given indices in random order.

    Args:
        indices: the indices.
        generator: where the random numbers come from; the default generator if None.
    """

    def __init__(self, indices, generator=None):
        self.indices = indices
        self.generator = generator

    def __iter__(self):
        for i in randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self):
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """Indices drawn with probabilities in proportion to weights.

    Args:
        weights: one not negative number per index; they need not add up to 1.
        num_samples: how many indices.
        replacement: whether an index may be drawn again.
        generator: where the random numbers come from; the default generator if None.

    Raises:
        ValueError: num_samples is no positive integer, replacement no bool, or weights no
            vector.

    >>> list(WeightedRandomSampler([0, 0, 1], 2))
    [2, 2]
    """

    def __init__(self, weights, num_samples, replacement=True, generator=None):
        _check_count("num_samples", num_samples)
        _check_bool("replacement", replacement, ValueError)
        self.weights = as_tensor(weights, dtype=dtypes.float64)
        if self.weights.ndim != 1:
            raise ValueError(
                "weights should be a 1d sequence but given weights have shape "
                f"{tuple(self.weights.shape)}"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self):
        drawn = multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        )
        yield from drawn.tolist()

    def __len__(self):
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of the indices that another sampler gives.

    Args:
        sampler: iterable over indices.
        batch_size: length of a list.
        drop_last: leave out the last list if it is shorter.

    Raises:
        ValueError: batch_size is no positive integer, or drop_last no bool.

    >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler, batch_size, drop_last):
        _check_count("batch_size", batch_size)
        _check_bool("drop_last", drop_last, ValueError)
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self):
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.batch_size)):
            if self.drop_last and len(batch) < self.batch_size:
                return
            yield batch

    def __len__(self):
        extra = 0 if self.drop_last else self.batch_size - 1
        return (len(self.sampler) + extra) // self.batch_size


class DistributedSampler(Sampler):
    """The indices that one of several processes visits.

    Every process gets as many; the first indices are visited twice where that needs it.

    Args:
        dataset: the dataset.
        num_replicas: number of processes.
        rank: number of this one.
        shuffle: whether to shuffle, alike in all processes.
        seed: of the shuffling; call `set_epoch` before each epoch for another order.
        drop_last: leave samples out rather than visit some twice.

    Raises:
        RuntimeError: num_replicas or rank is not given.
        ValueError: rank outside the range.

    >>> list(DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False))
    [1, 3, 0]
    """

    def __init__(
        self, dataset, num_replicas=None, rank=None, shuffle=True, seed=0, drop_last=False
    ):
        if num_replicas is None or rank is None:
            raise RuntimeError(
                "Requires distributed package to be available; give num_replicas and rank"
            )
        if not 0 <= rank < num_replicas:
            raise ValueError(
                f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]"
            )
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        share = len(dataset) / num_replicas
        self.num_samples = math.floor(share) if drop_last else math.ceil(share)
        self.total_size = self.num_samples * num_replicas
        self.shuffle = shuffle
        self.seed = seed

    def __iter__(self):
        indices = list(range(len(self.dataset)))
        if self.shuffle:
            generator = Generator()
            generator.manual_seed(self.seed + self.epoch)
            indices = randperm(len(self.dataset), generator=generator).tolist()
        if indices:
            indices *= math.ceil(self.total_size / len(indices))
        return iter(indices[self.rank : self.total_size : self.num_replicas])

    def __len__(self):
        return self.num_samples

    def set_epoch(self, epoch):
        """Choose the order of the next pass."""
        self.epoch = epoch


def draw_seed(generator):
    """Draw a seed as PyTorch does: a random int64."""
    return int(empty((), dtype=dtypes.int64).random_(generator=generator).item())


def _check_count(name, value):
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")


def _check_bool(name, value, error):
    if not isinstance(value, bool):
        raise error(f"{name} should be a boolean value, but got {name}={value}")
