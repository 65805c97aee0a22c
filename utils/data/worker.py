"""What runs in a worker process of a DataLoader."""

import os
import queue
import signal
import threading
import time
import traceback
from dataclasses import dataclass
from typing import Any

from ...autograd.generator import manual_seed
from ...backends.threads import limit_threads
from .fetch import make_fetch

__all__ = ["BATCH", "ENDED", "FAILED", "READY", "Failure", "Job", "WorkerInfo", "get_worker_info",
           "run"]

READY, BATCH, FAILED, ENDED = "ready", "batch", "failed", "ended"

_CHECK = 2.0  # seconds between two looks at whether the loader's process lives
_GRACE = 5.0  # seconds for the sample at hand once the loader is gone

_info = None


@dataclass(frozen=True)
class WorkerInfo:
    """What a worker process knows about itself.

    Attributes:
        id: its number, from 0.
        num_workers: how many there are.
        seed: of its random numbers: the loader's base seed + id.
        dataset: its copy of the dataset.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


def get_worker_info():
    """Return what the current worker process knows about itself; None in any other process.

    A stream uses it to give each worker a part of its own.

    Returns:
        An object with `id`, `num_workers`, `seed` and `dataset`, or None.

    PyTorch page:
    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.get_worker_info

    >>> get_worker_info() is None
    True
    """
    return _info


@dataclass(frozen=True)
class Job:
    """What every worker of a loader is told once."""

    dataset: Any
    streams: bool
    batched: bool
    collate_fn: Any
    drop_last: bool
    init_fn: Any
    base_seed: int
    num_workers: int

    def make_fetch(self):
        """Return the function that makes the batches of one epoch."""
        return make_fetch(
            self.dataset, self.streams, self.batched, self.collate_fn, self.drop_last
        )


class Failure:
    """An exception of a worker, to be raised again where the batch was wanted."""

    def __init__(self, error, worker):
        self.kind = type(error)
        self.message = (
            f"Caught {self.kind.__name__} in DataLoader worker process {worker}.\nOriginal "
            + "".join(traceback.format_exception(error))
        )

    def raise_again(self):
        """Raise an exception of the same type that quotes the worker's traceback.

        RuntimeError stands for types that cannot be made from a message.
        """
        message = _Verbatim(self.message) if issubclass(self.kind, KeyError) else self.message
        try:
            error = self.kind(message)
        except Exception:
            error = RuntimeError(message)
        raise error


class _Verbatim(str):
    """A text that KeyError, which shows the repr of its argument, shows as it is."""

    __slots__ = ()
    __repr__ = str.__str__


def run(connection, job, worker):
    """Answer a loader's requests until it closes the connection or its process is gone.

    A request is the number of an epoch, which begins one, or (number, indices) for a batch.
    An answer's header is (epoch, number, kind).
    """
    from . import transfer

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the loader's; it ends its workers
    limit_threads(1)
    _seed(job.base_seed, worker)
    global _info
    _info = WorkerInfo(worker, job.num_workers, job.base_seed + worker, job.dataset)
    requests = _listen(connection)
    try:
        transfer.send(connection, (None, None, READY), None)
        for epoch, number, kind, answer in _answers(job, worker, requests):
            try:
                transfer.send(connection, (epoch, number, kind), answer)
            except ConnectionError:
                raise
            except Exception as error:  # what cannot be pickled
                if kind is FAILED:
                    answer.kind = RuntimeError
                else:
                    answer = Failure(error, worker)
                transfer.send(connection, (epoch, number, FAILED), answer)
    except ConnectionError:
        pass  # nobody waits for batches any more


def _seed(base_seed, worker):
    """Give every stream of random numbers of this process a seed of its own, PyTorch's."""
    import random

    import numpy as np

    random.seed(base_seed + worker)
    manual_seed(base_seed + worker)
    low, high = base_seed & 0xFFFFFFFF, base_seed >> 32
    np.random.seed(np.random.SeedSequence([worker, low, high, 0]).generate_state(4))


def _listen(connection):
    """Return the queue of the loader's requests, which ends with None.

    A thread fills it, so that the loader never waits to send one while this process waits to
    send a batch; it also ends the process, within seconds, when the loader's has died.
    """
    requests = queue.SimpleQueue()
    threading.Thread(
        target=_read_requests, args=(connection, requests, os.getppid()), daemon=True
    ).start()
    return requests


def _read_requests(connection, requests, parent):
    try:
        while connection.poll(_CHECK) or os.getppid() == parent:
            while connection.poll():
                requests.put(connection.recv())
    except (EOFError, OSError):
        pass
    requests.put(None)
    time.sleep(_GRACE)
    os._exit(1)


def _answers(job, worker, requests):
    """Yield (epoch, number, kind, batch) for each request."""
    unfit = failure = _failure_of(lambda: job.init_fn and job.init_fn(worker), worker)
    epoch, fetch, ended = None, None, False
    for request in iter(requests.get, None):
        if isinstance(request, int):
            epoch, ended = request, False
            try:
                fetch, failure = job.make_fetch(), unfit
            except Exception as error:
                failure = unfit or Failure(error, worker)
        elif not ended:
            number, indices = request
            kind, answer = (FAILED, failure) if failure else _answer(job, fetch, indices, worker)
            ended = kind is ENDED
            yield epoch, number, kind, answer


def _failure_of(action, worker):
    try:
        action()
    except Exception as error:
        return Failure(error, worker)


def _answer(job, fetch, indices, worker):
    try:
        return BATCH, fetch(indices)
    except Exception as error:
        if job.streams and isinstance(error, StopIteration):
            return ENDED, None
        return FAILED, Failure(error, worker)
