"""One file, two libraries: what PyTorch saves ember loads, and what ember saves PyTorch loads."""

import argparse
import io
import zipfile
from collections import Counter, OrderedDict
from dataclasses import dataclass

import numpy as np
import pytest
import torch

import ember

DTYPES = ["bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
          "bfloat16", "float16", "float32", "float64", "complex64", "complex128"]


def same(ours, theirs):
    """Whether a value of ember's is a value of PyTorch's, to the last stride and attribute."""
    if isinstance(theirs, torch.Tensor):
        assert isinstance(ours, ember.Tensor) and type(ours).__name__ == type(theirs).__name__
        assert repr(ours.dtype) == repr(theirs.dtype) and ours.shape == theirs.shape
        assert ours.requires_grad is theirs.requires_grad
        if theirs.numel():
            assert ours.stride() == theirs.stride()
            assert ours.storage_offset() == theirs.storage_offset()
        assert ours.tolist() == theirs.resolve_conj().tolist()
        assert {**vars(ours)} == {k: v for k, v in vars(theirs).items() if k != "_is_buffer"}
    elif isinstance(theirs, dict):
        assert type(ours) is type(theirs) and list(ours) == list(theirs)
        for ours_item, theirs_item in zip(ours.values(), theirs.values()):
            same(ours_item, theirs_item)
        assert getattr(ours, "_metadata", None) == getattr(theirs, "_metadata", None)
    elif isinstance(theirs, (list, tuple)):
        assert type(ours).__name__ == type(theirs).__name__ and len(ours) == len(theirs)
        for ours_item, theirs_item in zip(ours, theirs):
            same(ours_item, theirs_item)
    elif isinstance(theirs, (torch.dtype, torch.device, torch.layout)):
        assert repr(ours) == repr(theirs)
    else:
        assert ours == theirs and type(ours) is type(theirs)
    return True


def saved(library, value, **options):
    file = io.BytesIO()
    library.save(value, file, **options)
    file.seek(0)
    return file


def both_ways(make):
    """Compare what each library loads from the other's file, and from its own."""
    ours, theirs = make(ember), make(torch)
    assert same(ember.load(saved(torch, theirs)), theirs)
    assert same(ours, torch.load(saved(ember, ours)))
    assert same(ember.load(saved(ember, ours)), theirs)


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors_of_every_dtype(dtype):
    both_ways(lambda lib: [lib.ones(shape, dtype=getattr(lib, dtype))
                           for shape in ((), (0, 3), (2, 3))])


def test_strides_and_shared_memory():
    def make(lib):
        x = lib.arange(24.0).reshape(2, 3, 4)
        image = lib.ones(2, 3, 4, 5).contiguous(memory_format=lib.channels_last)
        return {"x": x, "t": x.permute(2, 0, 1), "part": x[:, 1:, ::2], "row": x[1],
                "wide": x[0, 0].expand(5, 4), "image": image, "flat": x.view(-1)}

    both_ways(make)
    for first, second in ((ember, torch), (torch, ember)):
        loaded = second.load(saved(first, make(first)))
        loaded["x"][1, 0, 0] = 100
        assert loaded["row"][0, 0] == 100 == loaded["flat"][12]


def test_one_storage_of_two_dtypes():
    x = ember.arange(4.0)
    theirs = torch.load(saved(ember, [x, x.view(ember.int32), x.view(ember.uint8)]))
    theirs[0][0] = 1
    assert theirs[1][0].item() == 0x3F800000 and theirs[2][3].item() == 0x3F


def test_parameters_buffers_and_attributes():
    def make(lib):
        p = lib.nn.Parameter(lib.ones(2))
        named = lib.nn.Parameter(lib.ones(2), requires_grad=False)
        named.tag = "named"
        x = lib.ones(3, requires_grad=True)
        x.note = {"a": [1]}
        return [p, p, named, x, x * 2]

    both_ways(make)
    buffer = ember.load(saved(torch, torch.nn.Buffer(torch.ones(1), persistent=False)))
    assert type(buffer) is ember.nn.Buffer and buffer.persistent is False
    buffer = torch.load(saved(ember, ember.nn.Buffer(ember.ones(1))))
    assert isinstance(buffer, torch.nn.Buffer) and buffer.persistent is True


def test_conjugates():
    x = torch.tensor([1 + 2j]).conj()
    assert ember.load(saved(torch, x)).tolist() == [1 - 2j]
    assert ember.load(saved(torch, x.imag)).tolist() == [-2]


def test_sparse_tensors():
    def make(lib):
        loose = lib.sparse_coo_tensor([[2, 0, 2], [0, 1, 0]], [3.0, 4.0, 5.0], (3, 2),
                                      check_invariants=True)
        return [loose, loose.coalesce()]

    for first, second in ((ember, torch), (torch, ember), (ember, ember)):
        for value, twin in zip(make(first), second.load(saved(first, make(first)))):
            assert twin.is_coalesced() is value.is_coalesced() and twin.shape == value.shape
            assert twin._indices().tolist() == value._indices().tolist()
            assert twin._values().tolist() == value._values().tolist()


def test_plain_values():
    both_ways(lambda lib: [
        None, True, False, 0, 255, 256, 65535, 65536, -1, 2**31, -(2**31), 2**70, -(2**2000), 0.5,
        float("inf"), 1 - 2j, "", "naïve\n", "\ud800", b"\x00\xff", bytearray(b"ab"), (), (1,),
        (1, 2), (1, 2, 3), (1, 2, 3, 4), [[]], {}, {"a": {1: None}, (1, "x"): 2, b"k": 3}, {1, "a"},
        OrderedDict(b=1, a=2), Counter("aab"), lib.Size([2, 3]), lib.float32, lib.strided,
        lib.device("cuda", 1), lib.device("cpu"), ["same"] * 3, list(range(1000)),
        {str(i): i for i in range(300)}])
    assert torch.load(saved(ember, b"")) == b"" == ember.load(saved(torch, b""))


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_every_protocol_that_pytorch_can_be_asked_for(protocol):
    value = {"x": torch.arange(3), "s": {1}, "b": b"a", "o": OrderedDict(a=1), "t": "x" * 300,
             "n": -(2**70), "c": 1j, "p": torch.nn.Parameter(torch.ones(1))}
    assert same(ember.load(saved(torch, value, pickle_protocol=protocol)), value)


def test_numpys_values():
    values = [np.float64(0.5), np.int8(-3), np.arange(6).reshape(2, 3), np.array(1.5, "f4")]
    allowed = [np._core.multiarray.scalar, np._core.multiarray._reconstruct, np.ndarray, np.dtype,
               *{type(v.dtype) for v in values}]
    with torch.serialization.safe_globals(allowed):
        theirs = torch.load(saved(ember, values))
    for loaded in (theirs, ember.load(saved(torch, values))):
        for value, twin in zip(values, loaded):
            assert np.array_equal(value, twin) and type(value) is type(twin)
            assert value.dtype == twin.dtype


@dataclass
class Config:
    depth: int
    name: str = "net"


def test_objects_of_allowed_classes():
    values = [argparse.Namespace(lr=0.1, sizes=[1, 2]), Config(3)]
    allowed = [argparse.Namespace, Config]
    with torch.serialization.safe_globals(allowed), ember.serialization.safe_globals(allowed):
        assert ember.load(saved(torch, values)) == values == torch.load(saved(ember, values))


def residual_network(lib):
    nn = lib.nn

    class Block(nn.Module):
        def __init__(self, inside, outside, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outside)
            self.downsample = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False),
                                            nn.BatchNorm2d(outside))

        def forward(self, x):
            return nn.functional.relu(self.bn1(self.conv1(x)) + self.downsample(x))

    lib.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 7, 2, 3), Block(4, 8, 2), Block(8, 16, 2),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5))


def training_state(lib):
    """A network, its optimizer and a schedule after two steps, as a checkpoint holds them."""
    model = residual_network(lib)
    optimizer = lib.optim.Adam([{"params": list(model[:3].parameters())},
                                {"params": model[5].parameters(), "lr": 0.1}], lr=0.01,
                               amsgrad=True)
    schedule = lib.optim.lr_scheduler.MultiStepLR(optimizer, [1, 3, 3])
    x = lib.rand(2, 3, 16, 16)
    for _ in range(2):
        optimizer.zero_grad()
        model(x).square().sum().backward()
        optimizer.step()
        schedule.step()
    return model, optimizer, schedule


@pytest.mark.parametrize("first, second", [(ember, torch), (torch, ember)])
def test_training_goes_on_in_the_other_library(first, second):
    parts = training_state(first)
    checkpoint = {"model": parts[0].state_dict(), "optimizer": parts[1].state_dict(),
                  "schedule": parts[2].state_dict(), "random": first.get_rng_state(), "epoch": 2}
    loaded = second.load(saved(first, checkpoint))
    ours, theirs = (loaded, checkpoint) if second is ember else (checkpoint, loaded)
    same(ours["model"], theirs["model"])
    same(ours["optimizer"]["state"], theirs["optimizer"]["state"])
    again = training_state(second)
    for part, key in zip(again, ("model", "optimizer", "schedule")):
        part.load_state_dict(loaded[key])
    second.set_rng_state(loaded["random"])
    x, y = first.rand(2, 3, 16, 16), second.rand(2, 3, 16, 16)
    assert x.tolist() == y.tolist()
    for (model, optimizer, _), data in ((parts, x), (again, y)):
        optimizer.zero_grad()
        model(data).square().sum().backward()
        optimizer.step()
    for name, value in parts[0].state_dict().items():
        assert np.allclose(value.numpy(), again[0].state_dict()[name].numpy(), atol=1e-5), name


def test_files_on_disk_and_mapped_ones(tmp_path):
    torch.save({"x": torch.arange(1000.0)}, tmp_path / "theirs.pt")
    ember.save({"x": ember.arange(1000.0)}, tmp_path / "ours.pt")
    for path in (tmp_path / "theirs.pt", tmp_path / "ours.pt"):
        for mmap in (False, True):
            assert same(ember.load(path, mmap=mmap), torch.load(path, mmap=mmap))
    with open(tmp_path / "ours.pt", "rb") as file:
        assert same({"x": ember.arange(1000.0)}, torch.load(file))


def test_the_other_byte_order():
    value = {name: torch.tensor([1, 2, 3]).to(getattr(torch, name))
             for name in ("int16", "float32", "float64", "complex64", "bfloat16", "bool")}
    target = io.BytesIO()
    with zipfile.ZipFile(saved(torch, value)) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("byteorder"):
                content = b"big"
            elif "/data/" in name:
                size = [2, 4, 8, 4, 2, 1][int(name.rpartition("/")[2])]
                content = np.frombuffer(content, f"V{size}").view("u1").reshape(-1, size)
                content = content[:, ::-1].tobytes()
            new.writestr(name, content)
    target.seek(0)
    assert same(ember.load(target), torch.load(io.BytesIO(target.getvalue())))


def test_what_one_refuses_the_other_refuses():
    for value in (torch.nn.Linear(1, 1), frozenset([1]), {"f": print}):
        file = saved(torch, value)
        for library in (torch, ember):
            file.seek(0)
            with pytest.raises(Exception, match="print|Linear|frozenset") as caught:
                library.load(file)
            assert "UnpicklingError" in str(type(caught.value).__mro__)
