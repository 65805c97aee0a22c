"""`torch.save` and `torch.load`: what goes in comes out, and a file is never half written."""

import argparse
import collections
import io
import os
import sys
import zipfile

import numpy as np
import pytest

import ember as torch
from ember import nn

DTYPES = ["bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
          "float16", "float32", "float64", "complex64", "complex128"]


def there_and_back(value, **options):
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, **options)


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (2, 3)])
def test_tensors(dtype, shape, device):
    x = torch.ones(shape, dtype=getattr(torch, dtype))
    y = there_and_back(x)
    assert y.dtype is x.dtype and y.shape == x.shape and y.device == x.device
    assert torch.equal(x, y) and not y.requires_grad


def test_bfloat16():
    pytest.importorskip("ml_dtypes")
    x = torch.tensor([1.5, -2.0]).to(torch.bfloat16)
    assert torch.equal(there_and_back(x), x)


def test_strides_stay():
    x = torch.arange(24.0).reshape(2, 3, 4)
    for view in (x.permute(2, 0, 1), x[:, 1:, ::2], x[1], x[0, 0].expand(5, 4), x.mT):
        twin = there_and_back(view)
        assert torch.equal(twin, view) and twin.stride() == view.stride()
        assert twin.storage_offset() == view.storage_offset()
    image = torch.rand(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    assert there_and_back(image).is_contiguous(memory_format=torch.channels_last)


def test_shared_memory_stays_shared():
    x = torch.zeros(4)
    a, b, c = there_and_back([x, x[1:3], x.view(torch.int32)])
    a[1] = 1
    assert b[0].item() == 1 and c[1].item() == 0x3F800000
    separate = there_and_back([torch.zeros(2), torch.zeros(2)])
    separate[0][0] = 1
    assert separate[1][0].item() == 0


def test_one_object_stays_one():
    weight = nn.Parameter(torch.ones(2))
    items = ["text"]
    loaded = there_and_back({"a": weight, "b": weight, "c": items, "d": items})
    assert loaded["a"] is loaded["b"] and loaded["c"] is loaded["d"]


@pytest.mark.host_only
def test_memory_that_is_no_regular_storage():
    array = np.arange(12.0)[::-1].copy()[1::2]
    x = torch.from_numpy(array)
    assert torch.equal(there_and_back(x), x)
    parts = [torch.from_numpy(part) for part in (array[:2], array, array[2:])]
    assert [part.tolist() for part in there_and_back(parts)] == [p.tolist() for p in parts]
    frozen = torch.frombuffer(bytes(8), dtype=torch.float32)
    assert there_and_back(frozen).tolist() == [0, 0]


def test_gradients_and_parameters():
    x = torch.ones(2, requires_grad=True)
    loaded = there_and_back({"leaf": x, "result": x * 2, "p": nn.Parameter(x.detach())})
    assert loaded["leaf"].requires_grad and loaded["result"].requires_grad
    assert loaded["result"].is_leaf
    assert type(loaded["p"]) is nn.Parameter and loaded["p"].requires_grad
    frozen = there_and_back(nn.Parameter(torch.ones(1), requires_grad=False))
    assert type(frozen) is nn.Parameter and not frozen.requires_grad


def test_attributes_of_tensors():
    x, p = torch.ones(1), nn.Parameter(torch.ones(1))
    x.tag, p.tag = "x", ["p"]
    b = nn.Buffer(torch.ones(1), persistent=False)
    x2, p2, b2 = there_and_back([x, p, b])
    assert x2.tag == "x" and p2.tag == ["p"] and type(p2) is nn.Parameter
    assert type(b2) is nn.Buffer and b2.persistent is False


VALUES = [
    None, True, 0, 255, 256, 65536, -1, 2**31, -(2**70), 0.1, float("inf"), 1 - 2j, "", "naïve\n",
    "\ud800", b"", b"\x00\xff", bytearray(b"ab"), (), (1,), (1, (2, (3,))), [], [[1], 2], {},
    {"a": {1: None}, (1, "x"): 2, 2.5: 3, b"k": 4, True: 5}, {1, "a"}, set(),
    collections.OrderedDict(b=1, a=2), collections.Counter("aab"), torch.Size([2, 3]),
    torch.float32, torch.strided, torch.device("cuda", 1), torch.device("cpu"),
]


# Named by type: the repr of a set follows the hash seed, and parallel workers must agree on names.
@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_plain_values(value):
    for given in (value, [value], {"k": (value,)}):
        loaded = there_and_back(given)
        assert loaded == given and type(loaded) is type(given)


@pytest.mark.host_only
def test_numpys_numbers_and_arrays():
    scalars = [np.float64(0.5), np.float32(2), np.int8(-3), np.bool_(True), np.complex128(1j)]
    loaded = there_and_back(scalars)
    assert loaded == scalars and [type(v) for v in loaded] == [type(v) for v in scalars]
    arrays = [np.arange(6).reshape(2, 3), np.zeros((0, 2)), np.asfortranarray(np.eye(2)),
              np.array(1.5)]
    for array, twin in zip(arrays, there_and_back(arrays)):
        assert np.array_equal(array, twin) and array.dtype == twin.dtype and twin.flags.writeable
    assert there_and_back(np.dtype("float32")) == np.dtype("float32")


def test_a_model_and_its_optimizer(tmp_path):
    def make():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 2, 2])
        return model, optimizer, schedule

    def step(model, optimizer, schedule):
        optimizer.zero_grad()
        model(x).square().sum().backward()
        optimizer.step()
        schedule.step()

    x = torch.rand(3, 1, 4, 4)
    first = make()
    step(*first)
    state = {str(i): part.state_dict() for i, part in enumerate(first)}
    state["random"] = torch.get_rng_state()
    torch.save(state, tmp_path / "run.pt")
    second = make()
    loaded = torch.load(tmp_path / "run.pt")
    for i, part in enumerate(second):
        part.load_state_dict(loaded[str(i)])
    assert loaded["0"]._metadata == state["0"]._metadata
    step(*first)
    step(*second)
    for p, q in zip(first[0].state_dict().values(), second[0].state_dict().values()):
        assert torch.equal(p, q)
    numbers = torch.rand(3)
    torch.set_rng_state(loaded["random"])
    torch.set_rng_state(there_and_back(torch.get_rng_state()))
    torch.rand(0), torch.set_rng_state(state["random"])
    assert torch.equal(torch.rand(3), numbers)


def test_depth_costs_no_recursion():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    twin = there_and_back(deep)
    depth = 0
    while twin:
        twin, depth = twin[0], depth + 1
    assert depth == 100_000


def test_a_list_may_contain_itself():
    loop = []
    loop.append({"again": loop})
    twin = there_and_back(loop)
    assert twin[0]["again"] is twin


# -- what cannot be saved ------------------------------------------------------------------------


class Point:
    def __init__(self):
        self.x = 1


UNSAVABLE = {
    "a function": ({"model": {"hook": lambda: 0}}, r"model\.hook: .* is code"),
    "a class": ([Point], r"\[0\]: .* is code"),
    "an optimizer": ({"o": torch.optim.SGD([torch.ones(1)], lr=1)}, r"o: .*state_dict\(\)"),
    "an object": ({"a": [1, Point()]}, r"a\[1\]: .*add_safe_globals"),
    "a file": ({"log": sys.stdout}, "log: "),
    "a generator": (torch.Generator(), r"the object: .*get_state\(\)"),
    "a subclass": ({"layer.0": collections.defaultdict(list)}, r"\['layer.0'\]: .*dict\(\.\.\.\)"),
    "a frozenset": (frozenset(), "the object: .*Save a set"),
    "a lazy parameter": (nn.LazyLinear(2).state_dict(), "weight: .*Run the model once"),
    "NumPy objects": ({"x": np.array([None])}, "x: NumPy data of type object"),
    "NumPy texts": (np.array(["a"]), "the object: NumPy data"),
    "a key": ({"a": {(1, (2,)): 0}}, r"a\[\(1, \(2,\)\)\]: a key of type tuple"),
    "an attribute": ("attribute", r"p\.hook: "),
}


@pytest.mark.parametrize("name", UNSAVABLE)
def test_what_cannot_be_saved_is_named_and_the_old_file_stays(name, tmp_path):
    value, message = UNSAVABLE[name]
    if value == "attribute":
        p = nn.Parameter(torch.ones(1))
        p.hook = print
        value = {"p": p}
    path = tmp_path / "file.pt"
    path.write_bytes(b"old")
    with pytest.raises(TypeError, match="cannot save " + message):
        torch.save(value, path)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file.pt"]
    stream = io.BytesIO()
    with pytest.raises(TypeError):
        torch.save(value, stream)
    assert stream.getvalue() == b""


def test_a_tuple_that_contains_itself():
    items = []
    value = (items,)
    items.append(value)
    with pytest.raises(ValueError, match=r"cannot save \[0\]\[0\]: it contains itself"):
        there_and_back(value)


def test_other_arguments():
    with pytest.raises(TypeError, match="binary mode"):
        torch.save(1, io.StringIO())
    with pytest.raises(TypeError, match="expected a path"):
        torch.save(1, None)
    with pytest.raises(ValueError, match="zip format only"):
        torch.save(1, io.BytesIO(), _use_new_zipfile_serialization=False)
    with pytest.raises(ValueError, match="string filename"):
        torch.load(io.BytesIO(), mmap=True)
    with pytest.raises(AttributeError, match="BytesIO"):
        torch.load(3)
    with pytest.raises(FileNotFoundError, match="missing.pt"):
        torch.load("missing.pt")
    with pytest.raises(RuntimeError, match="Parent directory missing does not exist"):
        torch.save(1, "missing/file.pt")
    assert there_and_back(1, weights_only=False) == there_and_back(1, weights_only=True) == 1


# -- allowed classes -------------------------------------------------------------------------------


def test_allowed_classes():
    arguments = argparse.Namespace(lr=0.1, sizes=[1, 2])
    with torch.serialization.safe_globals([argparse.Namespace, Point]):
        assert there_and_back({"args": arguments})["args"] == arguments
        file = io.BytesIO()
        torch.save(Point(), file)
        file.seek(0)
        assert torch.load(file).x == 1
    file.seek(0)
    assert torch.serialization.get_safe_globals() == []
    with pytest.raises(torch.serialization.LoadError, match="names .*Point.*add_safe_globals"):
        torch.load(file)


def test_classes_that_need_code_are_not_allowed():
    class Unusual:
        def __setstate__(self, state):
            raise AssertionError

    class Slotted:
        __slots__ = ("x",)

    for refused in (Unusual, Slotted, print, os.system, collections.defaultdict, lambda: 0):
        with pytest.raises(TypeError, match="cannot be allowed"):
            torch.serialization.add_safe_globals([refused])
    torch.serialization.add_safe_globals([np._core.multiarray.scalar, np.dtype, (Point, "old.P")])
    assert torch.serialization.get_safe_globals() == [Point]
    torch.serialization.clear_safe_globals()
    assert torch.serialization.get_safe_globals() == []


# -- where files are -------------------------------------------------------------------------------


def test_paths_and_streams(tmp_path):
    x = torch.arange(3)
    for path in (tmp_path / "a.pt", str(tmp_path / "b"), tmp_path / "c.tar"):
        torch.save(x, path)
        assert torch.equal(torch.load(path), x)
    with open(tmp_path / "d", "wb") as file:
        torch.save(x, file)
    with open(tmp_path / "d", "rb") as file:
        assert torch.equal(torch.load(file), x)
    with zipfile.ZipFile(tmp_path / "a.pt") as archive:
        assert archive.testzip() is None and archive.namelist()[0] == "a/data.pkl"


def test_streams_with_something_before():
    file = io.BytesIO(b"header")
    file.seek(6)
    torch.save(torch.arange(3), file)
    with pytest.raises(torch.serialization.LoadError, match=r"seek\(0\)"):
        torch.load(file)
    file.seek(6)
    assert torch.load(file).tolist() == [0, 1, 2] and file.getvalue()[:6] == b"header"


def test_equal_objects_make_equal_files():
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        torch.save({"x": torch.ones(3), "n": [1, "a"]}, file)
    assert files[0].getvalue() == files[1].getvalue()


@pytest.mark.host_only
def test_mapped_files(tmp_path):
    path = tmp_path / "big.pt"
    torch.save({"x": torch.arange(1000.0), "n": torch.zeros(0)}, path)
    before = path.read_bytes()
    loaded = torch.load(path, mmap=True)
    assert loaded["x"].data_ptr() % 64 == 0
    loaded["x"][0] = 7
    assert loaded["x"][:2].tolist() == [7, 1] and path.read_bytes() == before


@pytest.mark.host_only
def test_map_location(monkeypatch):
    file = io.BytesIO()
    torch.save({"x": torch.ones(2)}, file)
    data = file.getvalue().replace(b"cpu", b"gpu")  # same length, so that only checksums change

    def load(data, where):
        return torch.load(io.BytesIO(resealed(data)), map_location=where)

    assert load(file.getvalue(), "standin")["x"].device.type == "standin"
    assert load(file.getvalue(), {"cpu": "standin"})["x"].device.type == "standin"
    assert load(file.getvalue(), torch.device("cpu"))["x"].device.type == "cpu"
    for where in ("cpu", {"gpu": "cpu"}, lambda storage, place: storage):
        assert load(data, where)["x"].tolist() == [1, 1]
    for nothing in (None, {}, lambda storage, place: None):
        with pytest.raises(torch.serialization.LoadError, match="on 'gpu'.*map_location='cpu'"):
            load(data, nothing)
    seen = []
    load(data, lambda storage, place: seen.append((storage.numel(), place)) or storage)
    assert seen == [(8, "gpu")]
    with pytest.raises(ZeroDivisionError):
        load(data, lambda storage, place: 1 / 0)
    with pytest.raises(TypeError, match="map_location shall return"):
        load(data, lambda storage, place: 3)
    with pytest.raises(RuntimeError, match="device string"):
        load(data, "moon")


@pytest.mark.host_only
def test_files_from_a_gpu_without_one():
    if torch.cuda.is_available():
        pytest.skip("there is one")
    file = io.BytesIO()
    torch.save(torch.ones(2), file)
    data = resealed(file.getvalue(), lambda code: code.replace(
        b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"))
    with pytest.raises(RuntimeError, match="on a CUDA device but torch.cuda.is_available"):
        torch.load(io.BytesIO(data))
    assert torch.load(io.BytesIO(data), map_location="cpu").tolist() == [1, 1]


def resealed(data, change=lambda code: code):
    """A file whose pickled part was changed, with right checksums."""
    source = io.BytesIO(data.replace(b"gpu", b"cpu"))
    place = b"gpu" if b"gpu" in data else b"cpu"
    target = io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("data.pkl"):
                content = change(content.replace(b"cpu", place))
            new.writestr(name, content)
    return target.getvalue()


def test_a_stream_that_takes_little_at_a_time():
    class Slow(io.RawIOBase):
        def __init__(self):
            self.data = b""

        def writable(self):
            return True

        def write(self, data):
            self.data += bytes(data[:7])
            return min(len(data), 7)

    slow = Slow()
    torch.save(torch.arange(5), slow)
    assert torch.load(io.BytesIO(slow.data)).tolist() == [0, 1, 2, 3, 4]
