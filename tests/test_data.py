"""Datasets, samplers, collating and the DataLoader.

Orders drawn at random are PyTorch's for the same seed: the literal lists below come from it.
"""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import ember
from ember.utils import data

Point = namedtuple("Point", "x y")


class Squares(data.Dataset):
    def __getitem__(self, index):
        return index, float(index**2)

    def __len__(self):
        return 10


class Stream(data.IterableDataset):
    def __init__(self, length, promised=None):
        self.length = length
        self.promised = promised

    def __iter__(self):
        return iter(range(self.length))

    def __len__(self):
        return self.promised if self.promised is not None else self.length


def numbers(loader):
    return [batch.tolist() for batch in loader]


# -- datasets ------------------------------------------------------------------------------------


def test_datasets_add_up():
    both = Squares() + Squares()
    assert isinstance(both, data.ConcatDataset) and len(both) == 20
    assert both[13] == (3, 9.0) and both[-1] == (9, 81.0)
    with pytest.raises(ValueError, match="should not exceed dataset length"):
        both[-21]
    chain = Stream(2) + Stream(3)
    assert list(chain) == [0, 1, 0, 1, 2] and len(chain) == 5


def test_stack_dataset():
    pairs = data.StackDataset(Squares(), range(10))
    assert pairs[2] == ((2, 4.0), 2)
    assert pairs.__getitems__([1, 2]) == [((1, 1.0), 1), ((2, 4.0), 2)]
    named = data.StackDataset(a=Squares(), b=range(10))
    assert named.__getitems__([3]) == [{"a": (3, 9.0), "b": 3}] == [named[3]]
    with pytest.raises(ValueError, match=r"Size mismatch between datasets: .*\[10, 3\]"):
        data.StackDataset(Squares(), range(3))


def test_tensor_dataset_checks_sizes():
    with pytest.raises(AssertionError, match=r"Size mismatch between tensors: .*\[2, 3\]"):
        data.TensorDataset(ember.zeros(2), ember.zeros(3))


def test_subset_and_its_subclasses():
    part = data.Subset(Squares(), [5, 7])
    assert part[1] == (7, 49.0) and part.__getitems__([0]) == [(5, 25.0)]

    class Half(data.Subset):
        def __getitem__(self, index):
            return super().__getitem__(index)

    with pytest.raises(NotImplementedError, match="overrides __getitem__ but not __getitems__"):
        Half(Squares(), [1])


def test_random_split_draws_pytorchs_numbers():
    generator = ember.Generator().manual_seed(0)
    parts = data.random_split(range(10), [3, 7], generator=generator)
    assert [list(part) for part in parts] == [[4, 1, 7], [5, 3, 9, 0, 8, 6, 2]]


def test_random_split_by_fractions_deals_out_what_is_left():
    parts = data.random_split(range(10), [0.25, 0.25, 0.5])
    assert [len(part) for part in parts] == [3, 2, 5]
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        data.random_split(range(1), [0.9, 0.1])
    with pytest.raises(ValueError, match="Sum of input lengths"):
        data.random_split(range(10), [3, 3])
    with pytest.raises(ValueError, match="Fraction at index 0 is not between"):
        data.random_split(range(10), [1.5, -0.5])


# -- samplers ------------------------------------------------------------------------------------


def test_random_sampler_draws_pytorchs_numbers():
    generator = ember.Generator().manual_seed(0)
    assert list(data.RandomSampler(range(5), generator=generator)) == [4, 0, 1, 3, 2]
    ember.manual_seed(0)
    assert list(data.RandomSampler(range(5))) == [1, 3, 4, 2, 0]
    generator.manual_seed(0)
    drawn = list(data.RandomSampler(range(5), True, 40, generator))
    assert len(drawn) == 40 and drawn[:5] == [4, 4, 3, 0, 3]
    generator.manual_seed(0)
    assert list(data.SubsetRandomSampler("abcde", generator)) == list("eabdc")


def test_more_samples_than_there_are():
    drawn = list(data.RandomSampler(range(4), num_samples=10))
    assert len(drawn) == 10
    assert sorted(drawn[:4]) == sorted(drawn[4:8]) == [0, 1, 2, 3]
    assert len(set(drawn[8:])) == 2


def test_weighted_sampler():
    drawn = list(data.WeightedRandomSampler([0.0, 1.0, 0.0, 3.0], 400))
    assert set(drawn) == {1, 3} and 230 < drawn.count(3) < 370
    assert sorted(data.WeightedRandomSampler([1, 2, 3], 3, replacement=False)) == [0, 1, 2]


def test_batch_sampler():
    assert list(data.BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(data.BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert len(data.BatchSampler(range(5), 2, False)) == 3
    assert len(data.BatchSampler(range(5), 2, True)) == 2


def test_distributed_sampler_shares_out_everything():
    shares = [data.DistributedSampler(range(11), 3, rank, seed=1) for rank in range(3)]
    visited = [index for share in shares for index in share]
    assert len(visited) == 12 and set(visited) == set(range(11))
    before = list(shares[0])
    shares[0].set_epoch(1)
    assert list(shares[0]) != before
    dropped = [data.DistributedSampler(range(11), 3, rank, drop_last=True) for rank in range(3)]
    assert len({index for share in dropped for index in share}) == 9
    assert [len(share) for share in dropped] == [3, 3, 3]


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: data.RandomSampler([]), ValueError, "num_samples=0"),
        (lambda: data.RandomSampler([1], replacement=1), TypeError, "replacement=1"),
        (lambda: data.BatchSampler([1], 0, False), ValueError, "batch_size=0"),
        (lambda: data.BatchSampler([1], True, False), ValueError, "batch_size=True"),
        (lambda: data.BatchSampler([1], 1, 0), ValueError, "drop_last=0"),
        (lambda: data.WeightedRandomSampler([[1.0]], 1), ValueError, r"\(1, 1\)"),
        (lambda: data.DistributedSampler([1], 2, 2), ValueError, r"interval \[0, 1\]"),
        (lambda: data.DistributedSampler([1]), RuntimeError, "give num_replicas and rank"),
    ],
)
def test_bad_samplers(build, error, message):
    with pytest.raises(error, match=message):
        build()


# -- collating -----------------------------------------------------------------------------------


def test_collate_every_kind():
    batch = data.default_collate(
        [
            (1, 2.5, True, "a", ember.tensor([1.0]), np.ones(2, "f4"), Point(1, 2), {"k": [3, 4]}),
            (2, 3.5, False, "b", ember.tensor([2.0]), np.ones(2, "f4"), Point(3, 4), {"k": [5, 6]}),
        ]
    )
    assert batch[0].dtype == ember.int64 and batch[0].tolist() == [1, 2]
    assert batch[1].dtype == ember.float64
    assert batch[2].dtype == ember.bool
    assert batch[3] == ("a", "b")
    assert batch[4].tolist() == [[1.0], [2.0]]
    assert batch[5].dtype == ember.float32 and tuple(batch[5].shape) == (2, 2)
    assert isinstance(batch[6], Point) and batch[6].y.tolist() == [2, 4]
    assert [part.tolist() for part in batch[7]["k"]] == [[3, 5], [4, 6]]


def test_collate_keeps_the_type_of_mappings():
    batch = data.default_collate([OrderedDict(b=1, a=2)])
    assert isinstance(batch, OrderedDict) and list(batch) == ["b", "a"]


def test_collate_numpy_scalars_keep_their_dtype():
    assert data.default_collate([np.float64(1)]).dtype == ember.float64
    assert data.default_collate([np.int32(1), np.int32(2)]).dtype == ember.int32


def test_collate_errors():
    with pytest.raises(TypeError, match="found <class 'object'>"):
        data.default_collate([object()])
    with pytest.raises(TypeError, match="found"):
        data.default_collate([np.array(["a"])])
    with pytest.raises(RuntimeError, match="equal size"):
        data.default_collate([[1], [1, 2]])
    with pytest.raises(RuntimeError, match="stack"):
        data.default_collate([ember.zeros(1), ember.zeros(2)])


def test_collate_takes_types_of_ones_own(monkeypatch):
    class Length:
        def __init__(self, metres):
            self.metres = metres

    def longest(batch, *, collate_fn_map=None):
        return max(length.metres for length in batch)

    samples = [{"l": Length(2), "n": 1}, {"l": Length(5), "n": 2}]
    with pytest.raises(TypeError, match="Length"):
        data.default_collate(samples)
    monkeypatch.setitem(data.collate.default_collate_fn_map, Length, longest)
    batch = next(iter(data.DataLoader([*samples, *samples], batch_size=4)))
    assert batch["l"] == 5 and batch["n"].tolist() == [1, 2, 1, 2]
    rows = data.collate.collate([[Length(1)], [Length(3)]], collate_fn_map={Length: longest})
    assert rows == [3]


def test_convert():
    converted = data.default_convert({"x": np.arange(2), "y": (1, "a"), "z": Point(1.0, None)})
    assert converted["x"].tolist() == [0, 1]
    assert converted["y"] == [1, "a"] and converted["z"] == Point(1.0, None)


# -- the loader ----------------------------------------------------------------------------------


def test_batches_in_order():
    loader = data.DataLoader(range(5), batch_size=2)
    assert numbers(loader) == [[0, 1], [2, 3], [4]] and len(loader) == 3
    loader = data.DataLoader(range(5), batch_size=2, drop_last=True)
    assert numbers(loader) == [[0, 1], [2, 3]] and len(loader) == 2
    index, square = next(iter(data.DataLoader(Squares(), batch_size=3)))
    assert index.tolist() == [0, 1, 2] and square.tolist() == [0, 1, 4]


def test_shuffling_draws_pytorchs_numbers():
    ember.manual_seed(0)
    loader = data.DataLoader(range(8), batch_size=3, shuffle=True)
    assert numbers(loader) == [[2, 0, 5], [3, 1, 4], [7, 6]]
    assert numbers(loader) == [[0, 3, 7], [1, 6, 2], [5, 4]]
    own = ember.Generator().manual_seed(0)
    loader = data.DataLoader(range(8), 8, True, generator=own)
    assert numbers(loader) == [[5, 3, 1, 7, 2, 6, 4, 0]]


@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: data.Subset(d, [4, 2, 0, 1])])
def test_rows_of_tensors_come_as_if_stacked(wrap):
    """The loader takes them all at once; the batches are those of a dataset it does not know."""

    class Unknown(data.TensorDataset):
        pass

    x, y = ember.arange(10.0).reshape(5, 2), ember.arange(5)
    for shuffle in (False, True):
        batches = []
        for cls in (data.TensorDataset, Unknown):
            ember.manual_seed(1)
            batches.append(list(data.DataLoader(wrap(cls(x, y)), 2, shuffle=shuffle)))
        for fast, slow in zip(*batches, strict=True):
            assert type(fast) is type(slow) is list
            for a, b in zip(fast, slow, strict=True):
                assert a.dtype == b.dtype and a.tolist() == b.tolist()


def test_a_batch_does_not_share_the_datasets_memory():
    x = ember.zeros(2)
    (batch,) = next(iter(data.DataLoader(data.TensorDataset(x), 2)))
    batch += 1
    assert x.tolist() == [0, 0]


def test_single_samples_and_own_collate():
    assert list(data.DataLoader(Squares(), batch_size=None))[3] == [3, 9.0]
    loader = data.DataLoader(range(4), 2, collate_fn=sum)
    assert list(loader) == [1, 5]


def test_own_samplers():
    assert numbers(data.DataLoader(range(5), sampler=[3, 1])) == [[3], [1]]
    loader = data.DataLoader(range(5), batch_sampler=[[4, 0], [2]])
    assert numbers(loader) == [[4, 0], [2]] and len(loader) == 2


def test_getitems_is_used():
    class Fast(Squares):
        def __getitems__(self, indices):
            return [-i for i in indices]

    assert numbers(data.DataLoader(Fast(), batch_size=5)) == [
        [0, -1, -2, -3, -4], [-5, -6, -7, -8, -9]
    ]


def test_streams():
    assert numbers(data.DataLoader(Stream(5), batch_size=2)) == [[0, 1], [2, 3], [4]]
    assert numbers(data.DataLoader(Stream(5), batch_size=2, drop_last=True)) == [[0, 1], [2, 3]]
    assert list(data.DataLoader(Stream(2), batch_size=None)) == [0, 1]
    assert len(data.DataLoader(Stream(5), batch_size=2)) == 3


def test_a_stream_longer_than_it_said_warns():
    loader = data.DataLoader(Stream(3, promised=1), batch_size=None)
    assert len(loader) == 1
    with pytest.warns(UserWarning, match="reported to be 1 .* but 2 samples"):
        iterator = iter(loader)
        next(iterator)
        next(iterator)


@pytest.mark.skipif(not ember.backends.is_available("cuda"), reason="needs a GPU")
def test_pinned_batches_lie_in_page_locked_memory():
    x = ember.arange(6.0, device="cpu").reshape(3, 2)
    assert not x.is_pinned() and x.pin_memory().is_pinned()
    loader = data.DataLoader(data.TensorDataset(x), 3, pin_memory=True)
    (batch,) = next(iter(loader))
    assert batch.is_pinned() and batch.pin_memory() is batch
    assert batch.to("cuda", non_blocking=True).tolist() == x.tolist()
    with pytest.raises(RuntimeError, match="cannot pin a tensor on cuda"):
        x.cuda().pin_memory()


def test_pinning_takes_parts_of_any_structure():
    class Own:
        pinned = False

        def pin_memory(self):
            self.pinned = True
            return self

    batch = data.pinning.pin({"x": [ember.ones(2, device="cpu"), "a"], "own": Own()})
    assert batch["own"].pinned and batch["x"][1] == "a" and batch["x"][0].sum() == 2


def test_two_iterators_do_not_disturb_each_other():
    loader = data.DataLoader(range(4), 2)
    first, second = iter(loader), iter(loader)
    assert next(first).tolist() == next(second).tolist() == [0, 1]
    assert next(first).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shuffle": True, "sampler": [1]}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[1]], "batch_size": 2}, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "disables auto-batching"),
        ({"num_workers": -1}, "should be non-negative"),
        ({"timeout": -1}, "timeout option"),
        ({"prefetch_factor": 2}, "prefetch_factor option"),
        ({"persistent_workers": True}, "needs num_workers > 0"),
        ({"multiprocessing_context": "fork"}, "can only be used with multi-process loading"),
        ({"num_workers": 1, "multiprocessing_context": "thread"}, "valid start method"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        data.DataLoader(range(3), **options)


@pytest.mark.parametrize("option", ["shuffle", "sampler", "batch_sampler"])
def test_streams_take_no_order(option):
    with pytest.raises(ValueError, match=f"expected unspecified {option} option"):
        data.DataLoader(Stream(3), **{option: [0]})


def test_what_is_fixed_after_construction():
    loader = data.DataLoader(range(3))
    with pytest.raises(ValueError, match="batch_size attribute should not be set"):
        loader.batch_size = 2


def test_classes_may_be_subscripted_as_types():
    class Words(data.Dataset[str]):
        pass

    assert issubclass(Words, data.Dataset) and data.DataLoader[int] and data.Sampler[int]
