"""The DataLoader's worker processes: order, random numbers, failures, ends. All are real.

Random numbers are PyTorch's for the same seed: the literals below come from it.
"""

import faulthandler
import importlib.util
import multiprocessing
import os
import random
import re
import resource
import select
import signal
import threading
import time

import numpy as np
import pytest

import ember
from ember.backends import memory_files
from ember.utils import data
from ember.utils.data import workers

pytestmark = [
    pytest.mark.host_only,
    pytest.mark.filterwarnings("ignore:This DataLoader will create"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded"),  # Python 3.12's word
    pytest.mark.skipif(os.name != "posix", reason="workers are started by fork"),
]
FORK = {"num_workers": 2, "multiprocessing_context": "fork"}
LARGE = 1 << 15  # elements of an array that does not go through the connection


class Samples(data.Dataset):
    """Sample i is what a function makes of i."""

    def __init__(self, function, length=8):
        self.function = function
        self.length = length

    def __getitem__(self, index):
        return self.function(index)

    def __len__(self):
        return self.length


class Shards(data.IterableDataset):
    """0 to 9, or each worker its share of them."""

    def __iter__(self):
        info = data.get_worker_info()
        return iter(range(10)[info.id :: info.num_workers] if info else range(10))


class Batch(dict):
    """A structure that only pickling knows how to copy."""


def drawn(index):
    return index, random.random(), np.random.rand(), ember.rand(1)


def plain(batches):
    """Batches as lists and numbers, to be compared."""
    if isinstance(batches, ember.Tensor):
        return batches.tolist()
    return [plain(batch) for batch in batches] if isinstance(batches, list) else batches


def ended(pid, seconds=60):
    """Whether a process ends within a time."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    over = bool(poll.poll(seconds * 1000))
    os.close(fd)
    return over


# -- order and random numbers --------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 3},
        {"batch_size": 3, "shuffle": True},
        {"batch_size": 3, "drop_last": True, "prefetch_factor": 1},
        {"batch_size": None},
        {"batch_sampler": [[7, 0], [3], [1, 1, 1]]},
        {"sampler": [5, 2, 4], "persistent_workers": True},
        {"batch_size": 3, "num_workers": 5},
    ],
)
def test_batches_and_order_are_those_without_workers(options):
    passes = []
    for where in ({}, FORK):
        ember.manual_seed(3)
        fitting = {k: v for k, v in options.items() if where or k not in WORKER_OPTIONS}
        loader = data.DataLoader(Samples(float), **{**where, **fitting})
        passes.append([plain(list(loader)), plain(list(loader))])
    assert passes[0] == passes[1]


WORKER_OPTIONS = {"num_workers", "prefetch_factor", "persistent_workers"}


@pytest.mark.parametrize(
    "method", ["fork", *(pytest.param(m, marks=pytest.mark.slow) for m in ("forkserver", "spawn"))]
)
def test_every_start_method_gives_pytorchs_numbers(method):
    ember.manual_seed(0)
    loader = data.DataLoader(
        Samples(drawn, 23), 4, True, num_workers=2, multiprocessing_context=method)
    list(loader)
    first, second = list(loader)[:2]
    assert first[0].tolist() == [4, 11, 16, 8] and second[0].tolist() == [12, 7, 0, 6]
    assert first[1][0].item() == 0.4563933360600525 and second[1][0].item() == 0.7814170885392374
    assert first[2][0].item() == 0.9776020511279574 and second[2][0].item() == 0.238047599719153
    assert first[3][0].item() == 0.7514271140098572 and second[3][0].item() == 0.1679295301437378


def test_streams_are_shared_out():
    loader = data.DataLoader(Shards(), 2, **FORK)
    assert plain(list(loader)) == [[0, 2], [1, 3], [4, 6], [5, 7], [8], [9]]
    loader = data.DataLoader(Shards(), 2, drop_last=True, persistent_workers=True, **FORK)
    for _ in range(2):
        assert plain(list(loader)) == [[0, 2], [1, 3], [4, 6], [5, 7]]
    uneven = data.DataLoader(Shards(), None, num_workers=3, multiprocessing_context="fork")
    assert list(uneven) == list(range(10))


def test_a_stream_that_every_worker_repeats_warns_with_the_reason():
    class Whole(data.IterableDataset):
        def __iter__(self):
            return iter(range(4))

        def __len__(self):
            return 4

    loader = data.DataLoader(Whole(), None, **FORK)
    assert len(loader) == 4
    with pytest.warns(UserWarning, match="get_worker_info"):
        assert sorted(loader) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_batches_out_of_order_come_as_they_are_ready():
    free = multiprocessing.get_context("fork").Event()

    def slow_first(index):
        return index if index or free.wait(60) else -1

    iterator = iter(data.DataLoader(Samples(slow_first), None, in_order=False, **FORK))
    others = [next(iterator) for _ in range(3)]
    assert 0 not in others
    free.set()
    assert sorted([*others, *iterator]) == list(range(8))


def test_a_worker_knows_itself():
    def init(worker):
        data.get_worker_info().dataset.function = lambda index: told + worker

    told, base = 100, ember.Generator().manual_seed(7)
    loader = data.DataLoader(Samples(None, 2), None, worker_init_fn=init, generator=base, **FORK)
    assert list(loader) == [100, 101] and data.get_worker_info() is None

    def describe(index):
        info = data.get_worker_info()
        return [info.id, info.num_workers, info.seed, random.random(), ember.get_num_threads()]

    first, second = data.DataLoader(Samples(describe, 2), None, **FORK)
    assert first[:2] == [0, 2] and second[:2] == [1, 2] and second[2] == first[2] + 1
    assert first[3] == random.Random(first[2]).random() != second[3]
    assert first[4] == 1 or not importlib.util.find_spec("threadpoolctl")


# -- what travels --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [3, LARGE])
def test_what_arrives_is_what_was_sent(size):
    def collate(samples):
        batch = Batch(x=ember.arange(size, dtype=ember.int32), y=(np.ones(size), None))
        batch.more = [ember.zeros(size, dtype=ember.bfloat16), ember.empty(0, 3), "text"]
        batch["z"] = ember.arange(2 * size).reshape(2, size).T
        return batch

    batch, again = data.DataLoader(Samples(int, 2), collate_fn=collate, **FORK)
    assert type(batch) is Batch and batch.more[2] == "text"
    assert batch["x"].dtype == ember.int32 and batch["x"].tolist() == list(range(size))
    assert batch["y"][0].sum() == size and batch["y"][1] is None
    assert batch.more[0].dtype == ember.bfloat16 and not batch.more[0].any()
    assert tuple(batch.more[1].shape) == (0, 3)
    assert batch["z"][:, 1].tolist() == list(range(size, 2 * size))
    batch["x"] += 1
    batch["y"][0][:] = 5
    assert again["x"][0] == 0 and batch["z"][1, 0] == 1, "each array has memory of its own"


def test_large_batches_leave_no_file_open():
    loader = data.DataLoader(Samples(lambda i: ember.full((LARGE,), i), 12), 1, **FORK)
    open_before = len(os.listdir("/proc/self/fd"))
    names_before = set(os.listdir("/dev/shm"))
    for count, batch in enumerate(loader):
        assert batch[0, 0] == count
    del batch
    next(iter(loader))
    assert len(os.listdir("/proc/self/fd")) == open_before
    assert set(os.listdir("/dev/shm")) <= names_before


def test_more_batches_can_be_kept_than_files_be_open(monkeypatch):
    monkeypatch.setattr(memory_files, "_MOST_MAPPED", 5)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 40, limits[1]))
    try:
        batches = list(data.DataLoader(Samples(lambda i: ember.full((LARGE,), i), 80), 1, **FORK))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert [batch[0, 5].item() for batch in batches] == list(range(80))


def test_requests_and_answers_larger_than_a_pipe_do_not_block_each_other():
    lists = [list(range(200_000))] * 12
    loader = data.DataLoader(
        Samples(int, 200_000), batch_sampler=lists, collate_fn=lambda s: "x" * 2_000_000, **FORK)
    assert [len(text) for text in loader] == [2_000_000] * 12


def test_pin_memory_says_that_it_changes_nothing_here(monkeypatch):
    monkeypatch.setattr(ember.backends, "is_available", lambda device: False)
    loader = data.DataLoader(Samples(int, 2), pin_memory=True, **FORK)
    with pytest.warns(UserWarning, match="no accelerator is found"):
        assert plain(list(loader)) == [[0], [1]]


# -- failures ------------------------------------------------------------------------------------


class Peculiar(Exception):
    def __init__(self, one, two):
        super().__init__(one, two)


@pytest.mark.parametrize("error", [ValueError("odd"), KeyError("key"), Peculiar(1, 2)])
def test_an_exception_arrives_with_type_worker_and_traceback(error):
    def fail(index):
        if index == 3:
            raise error
        return index

    iterator = iter(data.DataLoader(Samples(fail, 6), None, **FORK))
    assert [next(iterator) for _ in range(3)] == [0, 1, 2]
    kind = RuntimeError if isinstance(error, Peculiar) else type(error)
    with pytest.raises(kind) as caught:
        next(iterator)
    text = str(caught.value)
    assert f"Caught {type(error).__name__} in DataLoader worker process 1" in text
    assert "in fail\n" in text and "raise error" in text
    assert list(iterator) == [4, 5], "what follows is still there"


def test_a_failing_worker_init_fn_is_reported():
    loader = data.DataLoader(Samples(int), worker_init_fn=lambda worker: 1 // worker, **FORK)
    with pytest.raises(ZeroDivisionError, match="worker process 0"):
        list(loader)


def test_what_cannot_be_pickled_is_reported():
    class Local(Exception):
        pass

    def fail(index):
        raise Local

    with pytest.raises(Exception, match="(?s)worker process 0.*pickle.*lambda"):
        next(iter(data.DataLoader(Samples(lambda index: lambda: 1), None, **FORK)))
    with pytest.raises(RuntimeError, match="Caught Local in DataLoader worker process 0"):
        next(iter(data.DataLoader(Samples(fail), None, **FORK)))


DEATHS = {
    "killed": (lambda: os.kill(os.getpid(), signal.SIGKILL), r"signal 9 \(SIGKILL\).*memory"),
    "crashed": (lambda: os.kill(os.getpid(), signal.SIGSEGV), r"signal 11 \(SIGSEGV\).*crashed"),
    "ended": (lambda: os.kill(os.getpid(), signal.SIGTERM), "SIGTERM.*OpenMP.*forkserver"),
    "left": (lambda: os._exit(3), "exit code 3: .*os._exit"),
    "sys.exit": (lambda: exit(), "exit code 0"),
}


@pytest.mark.parametrize("how", DEATHS)
def test_a_dead_worker_is_reported_at_once(how):
    die, told = DEATHS[how]
    read, write = os.pipe()

    def sample(index):
        if index == 2:
            os.read(read, 1)  # not before the test has seen both workers
            faulthandler.disable()
            die()
        return os.getpid()

    others = multiprocessing.active_children()
    iterator = iter(data.DataLoader(Samples(sample), None, **FORK))
    pids = {process.pid for process in multiprocessing.active_children() if process not in others}
    os.write(write, b"!")
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=told) as caught:
        list(iterator)
    os.close(read)
    os.close(write)
    assert time.monotonic() - start < 10
    assert int(re.match(r"DataLoader worker \(pid\(s\) (\d+)", str(caught.value))[1]) in pids
    assert all(map(ended, pids)), "the other one has been ended too"


def test_a_worker_killed_while_it_is_idle_or_sends():
    loader = data.DataLoader(
        Samples(lambda i: (os.getpid(), "x" * 5_000_000), 40), None, prefetch_factor=1, **FORK)
    iterator = iter(loader)
    os.kill(next(iterator)[0], signal.SIGKILL)
    with pytest.raises(RuntimeError, match="SIGKILL"):
        list(iterator)


def test_a_dead_worker_whose_own_child_holds_the_connection_is_reported():
    read, write = os.pipe()

    def sample(index):
        if os.fork():
            os._exit(4)
        os.close(write)
        os.read(read, 1)  # until the test has ended
        os._exit(0)

    loader = data.DataLoader(
        Samples(sample), None, num_workers=1, multiprocessing_context="fork")
    with pytest.raises(RuntimeError, match="exit code 4"):
        next(iter(loader))
    os.close(write)
    os.close(read)


def test_the_time_is_over(monkeypatch):
    monkeypatch.setattr(workers, "_PATIENCE", 0.2)
    loader = data.DataLoader(Samples(lambda i: signal.pause()), timeout=0.2, **FORK)
    with pytest.raises(RuntimeError, match="DataLoader timed out after 0.2 seconds"):
        next(iter(loader))


# -- ends ----------------------------------------------------------------------------------------


def test_leaving_the_loop_early_ends_the_workers():
    loader = data.DataLoader(Samples(lambda i: os.getpid()), None, **FORK)
    pids = set()
    for pid in loader:
        pids.add(pid)
        if len(pids) == 2:
            break
    assert all(map(ended, pids))
    iterator = iter(loader)
    pid = next(iterator)
    del iterator
    assert ended(pid)


def test_persistent_workers_stay_until_the_loader_goes():
    loader = data.DataLoader(
        Samples(lambda i: os.getpid()), None, persistent_workers=True, **FORK)
    pids = set(loader)
    assert len(pids) == 2
    next(iter(loader))  # left early: what was asked for is not mistaken for the next pass's
    assert set(loader) == pids and len(list(loader)) == 8
    os.kill(min(pids), signal.SIGKILL)
    with pytest.raises(RuntimeError, match="SIGKILL"):
        list(loader)
    fresh = set(loader)
    assert not fresh & pids
    del loader
    assert all(map(ended, pids | fresh))


def test_a_stuck_worker_is_ended(monkeypatch):
    monkeypatch.setattr(workers, "_PATIENCE", 0.2)

    def stuck(index):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return os.getpid() if index < 2 else signal.pause()

    iterator = iter(data.DataLoader(Samples(stuck), None, **FORK))
    pids = {next(iterator), next(iterator)}
    del iterator
    assert all(map(ended, pids))


def test_a_forked_child_leaves_the_parents_workers_alone():
    iterator = iter(data.DataLoader(Samples(int), None, **FORK))
    next(iterator)
    if (child := os.fork()) == 0:
        del iterator
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert list(iterator) == list(range(1, 8))


def test_threads_may_each_have_a_loader():
    found = {}

    def load(name):
        found[name] = list(data.DataLoader(Samples(int), None, **FORK))

    threads = [threading.Thread(target=load, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(3), list(range(8)))


def test_spawn_says_what_could_not_be_pickled():
    loader = data.DataLoader(
        Samples(lambda i: i), num_workers=1, multiprocessing_context="spawn")
    with pytest.raises(Exception, match="pickle") as caught:
        iter(loader)
    assert "at the top level of a module" in caught.value.__notes__[0]


def test_more_workers_than_cores_are_questioned():
    with pytest.warns(UserWarning, match="will create 10000 worker processes"):
        data.DataLoader(range(3), num_workers=10_000)
