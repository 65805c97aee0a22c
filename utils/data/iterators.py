"""One pass over a DataLoader, in its own process or with workers."""

import warnings

from .fetch import make_fetch
from .pinning import pin, pins
from .sampler import draw_seed

__all__ = ["LoaderIterator", "WorkerIterator"]


class LoaderIterator:
    """One pass over a DataLoader, in its own process."""

    def __init__(self, loader):
        self._pins = pins(loader.pin_memory)
        self._begin(loader)
        # Drawn where PyTorch draws the seed of its workers, so that what follows is alike.
        self._base_seed = draw_seed(loader.generator)
        self._prepare(loader)

    def _begin(self, loader):
        self._sampler = loader._index_sampler
        self._indices = iter(self._sampler)
        self._dataset, self._promised = loader.dataset, loader._promised_length
        self._given = 0

    def _prepare(self, loader):
        self._fetch = make_fetch(
            loader.dataset, loader._iterable, loader.batch_sampler is not None,
            loader.collate_fn, loader.drop_last,
        )

    def _next_batch(self):
        return self._fetch(next(self._indices))

    def __iter__(self):
        return self

    def __len__(self):
        return len(self._sampler)

    def __next__(self):
        batch = self._next_batch()
        if self._pins:
            batch = pin(batch)
        self._given += 1
        if self._promised is not None and self._given > self._promised:
            warnings.warn(
                f"Length of IterableDataset {self._dataset} was reported to be {self._promised} "
                f"(when accessing len(dataloader)), but {self._given} samples have been fetched."
                + self._likely_reason,
                stacklevel=2,
            )
        return batch

    _likely_reason = ""


class WorkerIterator(LoaderIterator):
    """One pass over a DataLoader, its batches made by worker processes.

    Batches are numbered as the sampler gives their indices, and dealt out to the workers in turn.
    Each worker has at most `prefetch_factor` of them to do; a new one is given out when one is
    taken.
    """

    _likely_reason = (
        " Every worker has a copy of the stream: give each a part of its own by get_worker_info()."
    )

    def _prepare(self, loader):
        from .worker import Job
        from .workers import Workers

        self._in_order, self._timeout = loader.in_order, loader.timeout
        self._number_of_workers = loader.num_workers
        self._prefetch = loader.prefetch_factor
        self._persistent = loader.persistent_workers
        self._epoch = 0
        job = Job(
            loader.dataset, loader._iterable, loader.batch_sampler is not None,
            loader.collate_fn, loader.drop_last, loader.worker_init_fn, self._base_seed,
            loader.num_workers,
        )
        self._workers = Workers(job, loader.multiprocessing_context)
        self._ask_ahead()

    def restart(self, loader):
        """Begin another pass with the same workers."""
        self._begin(loader)
        self._epoch += 1
        self._ask_ahead()

    @property
    def alive(self):
        """Whether the workers may be asked for more."""
        return self._workers.stop.alive

    def _ask_ahead(self):
        self._asked = {}  # number of a batch not yet taken -> the worker who makes it
        self._arrived = {}  # number -> (kind, batch), where an earlier one is still awaited
        self._numbers = 0
        self._turn = -1
        self._active = set(range(self._number_of_workers))  # whose stream has not ended
        for worker in self._active:
            self._workers.ask(worker, self._epoch)
        for _ in range(self._prefetch * self._number_of_workers):
            self._ask()

    def _ask(self):
        """Give the next batch to a worker, if there is another and a worker for it."""
        try:
            indices = next(self._indices)
        except StopIteration:
            return
        worker = self._next_worker()
        if worker is not None:
            self._workers.ask(worker, (self._numbers, indices))
            self._asked[self._numbers] = worker
            self._numbers += 1

    def _next_worker(self):
        busy = list(self._asked.values())
        for _ in range(self._number_of_workers):
            self._turn = (self._turn + 1) % self._number_of_workers
            if self._turn in self._active:
                share = self._prefetch * self._number_of_workers // len(self._active)
                if self._in_order or busy.count(self._turn) < share:
                    return self._turn
        return None

    def _next_batch(self):
        while self._asked:
            number = next(iter(self._asked))
            if number in self._arrived:
                return self._take(number)
            try:
                number = self._receive()
            except BaseException:  # Ctrl-C too: half a message may have been read
                self._workers.stop()
                raise
            if number is not None and not self._in_order:
                return self._take(number)
        if not self._persistent:
            self._workers.stop()
        raise StopIteration

    def _receive(self):
        """Wait for a worker; return the number of the batch that has arrived, None if none has."""
        from .worker import ENDED

        worker, (epoch, number, kind), batch = self._workers.answer(
            set(self._asked.values()), self._timeout)
        if epoch != self._epoch:  # of a pass that was left early
            return None
        if kind != ENDED:
            self._arrived[number] = kind, batch
            return number
        self._active.discard(worker)
        for number in [n for n, w in self._asked.items() if w == worker and n >= number]:
            del self._asked[number]
        self._ask()
        return None

    def _take(self, number):
        from .worker import FAILED

        del self._asked[number]
        kind, batch = self._arrived.pop(number)
        self._ask()
        if kind == FAILED:
            batch.raise_again()
        return batch
