"""From what a sampler gives to a batch, in whichever process that happens."""

from .collate import default_collate
from .dataset import Subset, TensorDataset

__all__ = ["make_fetch"]


def make_fetch(dataset, streams, batched, collate_fn, drop_last):
    """Return the function that makes a batch of what the sampler gives.

    Args:
        dataset: map-style or iterable-style.
        streams: whether it is iterable-style; the function raises StopIteration at its end.
        batched: whether the sampler gives lists of indices.
        collate_fn: makes a batch of a list of samples, or converts a single one.
        drop_last: leave out the stream's last batch if it is smaller.
    """
    if streams:
        return _Stream(dataset, batched, collate_fn, drop_last)
    if not batched:
        return lambda index: collate_fn(dataset[index])
    if collate_fn is default_collate:
        tensors, select = _columns(dataset)
        if tensors is not None:
            return lambda indices: [t[select(indices)] for t in tensors]
    if getattr(dataset, "__getitems__", None):
        return lambda indices: collate_fn(dataset.__getitems__(indices))
    return lambda indices: collate_fn([dataset[index] for index in indices])


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


class _Stream:
    """The batches of an iterable-style dataset; what the sampler gives only counts samples."""

    def __init__(self, dataset, batched, collate_fn, drop_last):
        self._samples = iter(dataset)
        self._batched = batched
        self._collate = collate_fn
        self._drop_last = drop_last
        self._ended = False

    def __call__(self, wanted):
        if not self._batched:
            return self._collate(next(self._samples))
        if self._ended:
            raise StopIteration
        samples = []
        for _ in wanted:
            try:
                samples.append(next(self._samples))
            except StopIteration:
                self._ended = True
                break
        if not samples or (self._drop_last and len(samples) < len(wanted)):
            raise StopIteration
        return self._collate(samples)
