"""Damaged and forged files: one clear error each, and nothing in them is ever executed."""

import builtins
import contextlib
import io
import pickle
import random
import sys
from collections import Counter, OrderedDict, defaultdict
from fractions import Fraction

import numpy as np
import pytest
from hostile_corpus import (
    CORPUS,
    DTYPE,
    LONGS,
    archive,
    call,
    longs,
    name,
    number,
    numbers,
    sparse,
    storage,
    tensor,
    text,
    watched,
)

import ember as torch
from ember.serialization import LoadError
from ember.utils.serialization import names

pytestmark = pytest.mark.host_only


@pytest.mark.parametrize("what", CORPUS)
def test_refused(what):
    data = CORPUS[what]()
    with pytest.raises(LoadError) as caught:
        torch.load(io.BytesIO(data))
    assert 20 < len(str(caught.value)) < 500


def test_the_parts_of_the_corpus_are_right_by_themselves():
    assert torch.load(io.BytesIO(archive(tensor()))).tolist() == [0, 1, 2, 3]
    assert torch.load(io.BytesIO(archive(sparse(longs("1"), [10]), LONGS))).to_dense()[9] == 3
    assert torch.load(io.BytesIO(archive(call("numpy.core.multiarray", "scalar",
                                              DTYPE + b"C\x08" + bytes(8) + b"\x86")))) == 0


def test_the_error_is_what_programs_catch():
    data = CORPUS["code: os.system"]()
    with pytest.raises(pickle.UnpicklingError, match="the file names os.system"):
        torch.load(io.BytesIO(data))
    with pytest.raises(RuntimeError, match="add_safe_globals"):
        torch.load(io.BytesIO(data), weights_only=False)


@pytest.mark.parametrize("what, remedy", [
    ("the format before 1.6", "torch.save it again"), ("a program", "state_dict"),
    ("a text", "no file that torch.save wrote"), ("a wrong checksum", "checksum of 'a/data.pkl'"),
    ("one text as many bytes", "again and again"), ("one list as many sets", "again and again"),
    ("one dict as many Counters", "again and again"),
    ("a conjugate of a repeated number", "one storage again and again"),
    ("indices without end", "more values than the file holds"),
    ("a large size", r"sizes \[5\].* 4 elements"), ("a class in a list", "torch.Size itself")])
def test_errors_say_what_is_wrong(what, remedy):
    with pytest.raises(LoadError, match=remedy):
        torch.load(io.BytesIO(CORPUS[what]()))


def test_what_python_pickles_is_read_or_refused():
    class Evil:
        def __reduce__(self):
            return print, ("hacked",)

    values = [Evil(), [Evil()], {"a": {"b": Evil()}}, defaultdict(list), Fraction(1, 2), range(3),
              frozenset([1]), slice(1), print, builtins, type, np.array([None]),
              np.zeros(1, "i4,i4")]
    for protocol in range(6):
        for value in values:
            try:
                data = pickle.dumps(value, protocol)
            except (TypeError, AttributeError, pickle.PicklingError):
                continue
            with pytest.raises(LoadError):
                torch.load(io.BytesIO(archive(members={"a/data.pkl": data})))
    plain = [1, "a", {"b": (1.5, None, True)}, {1, 2}, b"c", bytearray(b"d"), OrderedDict(e=1),
             Counter("f"), 2**100, -1, 1j, [], (), {}, "", np.float32(2), {"x" * 300: "y" * 70000}]
    for protocol in range(2, 5):
        data = pickle.dumps(plain, protocol)
        assert torch.load(io.BytesIO(archive(members={"a/data.pkl": data}))) == plain


# -- no code, no explosion ----------------------------------------------------------------------


def test_nothing_is_executed_imported_or_written():
    files = [make() for make in CORPUS.values()] + [archive(tensor())]

    def load_all():
        for data in files:
            with contextlib.suppress(LoadError):
                torch.load(io.BytesIO(data))

    load_all()  # what ember itself imports on first use
    before = set(sys.modules)
    with watched() as events:
        load_all()
    assert events == [] and set(sys.modules) == before


def test_deep_and_wide_programs_end_soon():
    deep = archive(b"]" * 300_000 + b"a" * 299_999)
    value = torch.load(io.BytesIO(deep))
    while value:
        value = value[0]
    tuples = archive(b")" + b"\x85" * 300_000)
    assert len(torch.load(io.BytesIO(tuples))) == 1
    with pytest.raises(LoadError):
        torch.load(io.BytesIO(archive(b"(" * 300_000)))


DEEP = {"lists": b"]" * 3000 + b"a" * 2999, "tuples": b")" + b"\x85" * 3000}


@pytest.mark.parametrize("deep", DEEP)
def test_deep_values_are_not_shown(deep):
    """Python prints (and hashes) by recursion; nothing of ours may ask for that."""
    value = DEEP[deep]
    calls = [name(*path.rsplit(".", 1)) + b"(" + value * count + b"tR"
             for path in names._BUILDERS for count in range(1, 5)]
    for program in (*calls, value + b"Q", value + value + b"\x93", b"}" + value + b"Ns",
                    value + b")R",
                    value + b"}b", b"]" + value + b"b", b"}N" + value + b"s" + b"}b",
                    call("collections", "OrderedDict") + value + b"b",
                    call("collections", "OrderedDict") + b"}" + text("a") + value + b"sb",
                    DTYPE + value + b"b",
                    tensor(storage(kind=value)), tensor(offset=value), tensor(size=value),
                    tensor(stride=value), tensor(grad=value), tensor(hooks=value),
                    tensor(more=value), tensor(size=value + b"\x85")):
        with contextlib.suppress(LoadError):
            torch.load(io.BytesIO(archive(program)))


def test_a_key_that_takes_for_ever_to_hash():
    doubling = b")" + b"q\x00h\x00\x86" * 60
    for program in (b"}" + doubling + b"Ns", b"\x8f(" + doubling + b"\x90"):
        with pytest.raises(LoadError, match="key of type tuple"):
            torch.load(io.BytesIO(archive(program)))
    assert len(torch.load(io.BytesIO(archive(doubling)))) == 2  # it is small, just not hashed


def sample():
    file = io.BytesIO()
    torch.save({"w": torch.arange(50.0), "b": torch.ones(3, dtype=torch.int32), "n": "x"}, file)
    return file.getvalue()


def same(loaded):
    return (loaded["w"].tolist() == list(range(50)) and loaded["b"].tolist() == [1, 1, 1]
            and loaded["n"] == "x" and len(loaded) == 3)


def test_no_flipped_bit_changes_what_is_loaded():
    data, chance = sample(), random.Random(0)
    refused = 0
    for _ in range(1500):
        damaged = bytearray(data)
        damaged[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        try:
            assert same(torch.load(io.BytesIO(bytes(damaged))))
        except LoadError:
            refused += 1
    assert refused > 300  # the others hit padding, dates and other things without meaning


def test_every_truncation_is_refused():
    data = sample()
    for length in range(0, len(data), 7):
        with pytest.raises(LoadError):
            torch.load(io.BytesIO(data[:length]))


def test_random_programs_fail_well():
    chance = random.Random(1)
    pieces = [bytes([n]) for n in range(256) if n != ord(".")]
    pieces += [text("a"), number(3), storage(), tensor(), name("torch", "Size"), numbers(1, 2),
               call("collections", "OrderedDict"), DTYPE, b"q\x00", b"h\x00"] * 25
    for _ in range(2000):
        program = b"".join(chance.choices(pieces, k=chance.randrange(1, 30)))
        try:
            torch.load(io.BytesIO(archive(program)))
        except LoadError:
            pass
