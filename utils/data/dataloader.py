"""The DataLoader: batches from a dataset.

PyTorch page: https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.DataLoader
"""

import math
import types
import warnings

from .collate import default_collate, default_convert
from .dataset import IterableDataset, Subset, TensorDataset
from .sampler import BatchSampler, RandomSampler, SequentialSampler, draw_seed

_warned_about_workers = False


def get_worker_info():
    """Return what a worker process knows about itself; None, since loading has no workers."""
    return None


class DataLoader:
    """Iterates over a dataset in batches.

    Args:
        dataset: map-style or iterable-style.
        batch_size: samples per batch; None for single samples, not collated.
        shuffle: visit the samples in random order, another one each time.
        sampler: iterable over indices, instead of shuffle.
        batch_sampler: iterable over lists of indices, instead of the four around it.
        num_workers: accepted; loading stays in this process, which is said once.
        collate_fn: makes a batch from a list of samples; `default_collate` if None.
        pin_memory: accepted.
        drop_last: leave out the last batch if it is smaller.
        timeout, worker_init_fn, multiprocessing_context, prefetch_factor,
            persistent_workers, pin_memory_device, in_order: accepted; they concern workers.
        generator: where the random numbers come from; the default generator if None.

    Raises:
        ValueError: options that exclude each other, or outside their range.

    >>> import ember
    >>> data = TensorDataset(ember.arange(5))
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
        if self.num_workers:
            _warn_about_workers(self.num_workers)
        return _Iterator(self)

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


class _Iterator:
    """One pass over a DataLoader."""

    def __init__(self, loader):
        self._loader = loader
        self._indices = iter(loader._index_sampler)
        # Drawn where PyTorch draws the seed of its workers, so that what follows is alike.
        self._base_seed = draw_seed(loader.generator)
        self._fetch = self._fetcher(loader)
        self._given = 0

    def _fetcher(self, loader):
        """The function that makes a batch of what the sampler gives."""
        if loader._iterable:
            self._stream, self._ended = iter(loader.dataset), False
            return self._from_stream
        dataset, collate = loader.dataset, loader.collate_fn
        if loader.batch_sampler is None:
            return lambda index: collate(dataset[index])
        if collate is default_collate:
            tensors, select = _columns(dataset)
            if tensors is not None:
                return lambda indices: [t[select(indices)] for t in tensors]
        if getattr(dataset, "__getitems__", None):
            return lambda indices: collate(dataset.__getitems__(indices))
        return lambda indices: collate([dataset[index] for index in indices])

    def _from_stream(self, wanted):
        loader = self._loader
        if loader.batch_sampler is None:
            return loader.collate_fn(next(self._stream))
        if self._ended:
            raise StopIteration
        samples = []
        for _ in wanted:
            try:
                samples.append(next(self._stream))
            except StopIteration:
                self._ended = True
                break
        if not samples or (loader.drop_last and len(samples) < len(wanted)):
            raise StopIteration
        return loader.collate_fn(samples)

    def __iter__(self):
        return self

    def __len__(self):
        return len(self._loader._index_sampler)

    def __next__(self):
        batch = self._fetch(next(self._indices))
        self._given += 1
        promised = self._loader._promised_length
        if promised is not None and self._given > promised:
            warnings.warn(
                f"Length of IterableDataset {self._loader.dataset} was reported to be {promised} "
                f"(when accessing len(dataloader)), but {self._given} samples have been fetched.",
                stacklevel=2,
            )
        return batch


def _columns(dataset):
    """The tensors a dataset cuts its samples from, and the function to their indices.

    (None, None) where the samples are not plain rows of tensors. Indexing a tensor once with
    the whole batch gives what stacking its rows one by one does, a hundred times faster.
    """
    if type(dataset) is TensorDataset:
        return dataset.tensors, list
    if type(dataset) is Subset and type(dataset.dataset) is TensorDataset:
        return dataset.dataset.tensors, lambda indices: [dataset.indices[i] for i in indices]
    return None, None


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


def _warn_about_workers(num_workers):
    global _warned_about_workers
    if not _warned_about_workers:
        _warned_about_workers = True
        warnings.warn(
            f"DataLoader: num_workers={num_workers} is accepted, but samples are loaded in this "
            "process; use num_workers=0 to silence this",
            UserWarning, stacklevel=3,
        )
