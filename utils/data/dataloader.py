"""The DataLoader: batches from a dataset.

PyTorch page: https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.DataLoader
"""

import math
import os
import types
import warnings

from .collate import default_collate, default_convert
from .dataset import IterableDataset
from .iterators import LoaderIterator, WorkerIterator
from .sampler import BatchSampler, RandomSampler, SequentialSampler
from .worker import get_worker_info

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]


class DataLoader:
    """Iterates over a dataset in batches, which worker processes may make ahead of time.

    The batches and their order depend on the seed alone, not on the number of workers. Each
    worker's streams of random numbers (ember's, NumPy's, Python's) start from seeds of their own,
    which PyTorch would give it too.

    Args:
        dataset: map-style or iterable-style.
        batch_size: samples per batch; None for single samples, not collated.
        shuffle: visit the samples in random order, another one each time.
        sampler: iterable over indices, instead of shuffle.
        batch_sampler: iterable over lists of indices, instead of the four around it.
        num_workers: number of processes that make batches; 0 makes them in this one.
        collate_fn: makes a batch from a list of samples; `default_collate` if None.
        pin_memory: put batches into memory that a GPU can copy from while it computes; without
            a GPU a warning says that this changes nothing.
        drop_last: leave out the last batch if it is smaller.
        timeout: seconds to wait for a batch of the workers; 0 waits for ever.
        worker_init_fn: called with the worker's number in each worker before it loads.
        multiprocessing_context: how to start workers: "fork", "forkserver", "spawn" or a
            context of `multiprocessing`; Python's default if None.
        generator: where the random numbers come from; the default generator if None.
        prefetch_factor: batches that each worker makes ahead; 2 if None.
        persistent_workers: keep the workers from one pass to the next.
        pin_memory_device: accepted; pinned memory serves every GPU.
        in_order: give batches in the sampler's order, else as they are ready.

    Raises:
        ValueError: options that exclude each other, or outside their range.
        RuntimeError: when iterated: a worker died, or the time is over. An exception in a worker
            is raised with its own type and the worker's traceback as text.

    PyTorch page: https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.DataLoader

    >>> import ember
    >>> data = ember.utils.data.TensorDataset(ember.arange(5))
    >>> for (batch,) in DataLoader(data, batch_size=2):
    ...     print(batch)
    tensor([0, 1])
    tensor([2, 3])
    tensor([4])
    """

    __class_getitem__ = classmethod(types.GenericAlias)
    _fixed = (
        "batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers",
    )
    _ready = False

    def __init__(
        self, dataset, batch_size=1, shuffle=None, sampler=None, batch_sampler=None,
        num_workers=0, collate_fn=None, pin_memory=False, drop_last=False, timeout=0,
        worker_init_fn=None, multiprocessing_context=None, generator=None,
        *, prefetch_factor=None, persistent_workers=False, pin_memory_device="", in_order=True,
    ):
        _check_worker_options(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable:
            _check_stream_options(shuffle, sampler, batch_sampler)
        _check_exclusive(batch_size, shuffle, sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            batch_size, drop_last = None, False
        if sampler is None:
            sampler = _default_sampler(dataset, shuffle, generator)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        if collate_fn is None:
            collate_fn = default_convert if batch_sampler is None else default_collate
        self.collate_fn = collate_fn
        self.persistent_workers = persistent_workers
        self._promised_length = None
        self._kept = None  # the iterator whose workers persist
        self._ready = True

    def __setattr__(self, name, value):
        if self._ready and name in self._fixed:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized; "
                "make a new one"
            )
        super().__setattr__(name, value)

    @property
    def multiprocessing_context(self):
        """How worker processes would be started."""
        return self._multiprocessing_context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context):
        if context is not None:
            context = _checked_context(context, self.num_workers)
        self._multiprocessing_context = context

    @property
    def _index_sampler(self):
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __iter__(self):
        if not self.num_workers:
            return LoaderIterator(self)
        if not self.persistent_workers:
            return WorkerIterator(self)
        if self._kept is None or not self._kept.alive:
            self._kept = WorkerIterator(self)
        else:
            self._kept.restart(self)
        return self._kept

    def __len__(self):
        if not self._iterable:
            return len(self._index_sampler)
        length = self._promised_length = len(self.dataset)
        if self.batch_size is None:
            return length
        if self.drop_last:
            return length // self.batch_size
        return math.ceil(length / self.batch_size)


def _default_sampler(dataset, shuffle, generator):
    if isinstance(dataset, IterableDataset):
        return _Endless()
    if shuffle:
        return RandomSampler(dataset, generator=generator)
    return SequentialSampler(dataset)


class _Endless:
    """The sampler of a stream, which has no indices."""

    def __iter__(self):
        while True:
            yield None


def _check_worker_options(num_workers, timeout, prefetch_factor, persistent_workers):
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable "
            "multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing. let "
            "num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if num_workers > (cores or 1):
        warnings.warn(
            f"This DataLoader will create {num_workers} worker processes in total. Our suggested "
            f"max number of worker in current system is {cores}, which is smaller than what this "
            "DataLoader is going to create. More can make loading slower, or freeze it",
            stacklevel=3,
        )


def _check_stream_options(shuffle, sampler, batch_sampler):
    if shuffle not in (False, None):
        raise ValueError(
            "DataLoader with IterableDataset: expected unspecified shuffle option, but got "
            f"shuffle={shuffle}"
        )
    for name, value in (("sampler", sampler), ("batch_sampler", batch_sampler)):
        if value is not None:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, but got "
                f"{name}={value}"
            )


def _check_exclusive(batch_size, shuffle, sampler, batch_sampler, drop_last):
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, "
                "and drop_last"
            )
    elif batch_size is None and drop_last:
        raise ValueError(
            "batch_size=None option disables auto-batching and is mutually exclusive with "
            "drop_last"
        )


def _checked_context(context, num_workers):
    if num_workers == 0:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading "
            f"(num_workers > 0), but got num_workers={num_workers}"
        )
    import multiprocessing  # six milliseconds that most programs need not spend

    if isinstance(context, str):
        methods = multiprocessing.get_all_start_methods()
        if context not in methods:
            raise ValueError(
                "multiprocessing_context option should specify a valid start method in "
                f"{methods!r}, but got multiprocessing_context={context!r}"
            )
        return multiprocessing.get_context(context)
    if not isinstance(context, multiprocessing.context.BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string "
            f"specifying the start method, but got multiprocessing_context={context}"
        )
    return context

