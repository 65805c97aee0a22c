"""Loading data beside PyTorch: the same batches, orders and random numbers for the same seed."""

import importlib
import random

import numpy as np
import pytest
import torch

import ember

pytestmark = [pytest.mark.host_only,
              pytest.mark.filterwarnings("ignore:This DataLoader will create")]


def both(story):
    """Return what a story tells with each library."""
    told = []
    for lib in (torch, ember):
        lib.manual_seed(11)
        told.append(story(lib, importlib.import_module(lib.__name__ + ".utils.data")))
    return told


def plain(value):
    if isinstance(value, (torch.Tensor, ember.Tensor)):
        return value.tolist(), str(value.dtype)
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


def noisy(lib, data, length=13):
    """A dataset whose samples draw from every stream of random numbers."""

    class Noisy(data.Dataset):
        def __len__(self):
            return length

        def __getitem__(self, index):
            info = data.get_worker_info()
            drawn = [info.seed, random.random(), float(np.random.rand()), lib.randn(2)]
            return {"i": index, "drawn": drawn, "name": f"{index}"}

    return Noisy()


def shards(data):
    class Shards(data.IterableDataset):
        def __iter__(self):
            info = data.get_worker_info()
            return iter(range(info.id, 20 if info.id else 7, info.num_workers))

    return Shards()


OPTIONS = [
    {"batch_size": 4},
    {"batch_size": 4, "shuffle": True},
    {"batch_size": None, "prefetch_factor": 3},
    {"batch_size": 3, "shuffle": True, "drop_last": True, "persistent_workers": True},
    {"batch_size": 2, "num_workers": 3, "shuffle": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("seeded", [False, True])
def test_workers_draw_the_same(options, seeded):
    def story(lib, data):
        own = {"generator": lib.Generator().manual_seed(5)} if seeded else {}
        loader = data.DataLoader(noisy(lib, data), **{
            "num_workers": 2, "multiprocessing_context": "fork", **own, **options})
        return [plain(list(loader)) for _ in range(2)], lib.rand(1).item()

    theirs, ours = both(story)
    assert ours == theirs


@pytest.mark.parametrize("options", [{"batch_size": 2}, {"batch_size": None}, {
    "batch_size": 3, "drop_last": True, "num_workers": 3}], ids=str)
def test_streams_end_where_they_do(options):
    def story(lib, data):
        loader = data.DataLoader(shards(data), **{
            "num_workers": 2, "multiprocessing_context": "fork", **options})
        return [plain(list(loader)) for _ in range(2)]

    theirs, ours = both(story)
    assert ours == theirs


def test_the_errors_of_workers_read_alike():
    def story(lib, data):
        class Failing(data.Dataset):
            def __len__(self):
                return 4

            def __getitem__(self, index):
                raise KeyError(index)

        loader = data.DataLoader(Failing(), num_workers=1, multiprocessing_context="fork")
        with pytest.raises(KeyError) as caught:
            next(iter(loader))
        text = str(caught.value).splitlines()
        return text[0], text[1], text[-1]

    theirs, ours = both(story)
    assert ours == theirs


def test_samplers_and_splits_draw_the_same():
    def story(lib, data):
        weights = [0.1, 3.0, 0.5, 1.4]
        samplers = [
            data.RandomSampler(range(10)), data.RandomSampler(range(10), True, 45),
            data.RandomSampler(range(5), num_samples=12), data.SubsetRandomSampler([4, 8, 9]),
            data.WeightedRandomSampler(weights, 30), data.WeightedRandomSampler(weights, 3, False),
            data.BatchSampler(data.RandomSampler(range(7)), 3, True),
            data.DistributedSampler(range(11), 3, 1, seed=2),
            data.DistributedSampler(range(11), 3, 2, drop_last=True),
        ]
        parts = data.random_split(range(10), [0.33, 0.33, 0.34])
        return [list(sampler) for sampler in samplers], [part.indices for part in parts]

    theirs, ours = both(story)
    assert ours == theirs
