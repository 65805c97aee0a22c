"""safetensors and .npz files, and weights by URL."""

import hashlib
import io
import os

import numpy as np
import pytest

import ember as torch
from ember.utils import npz, safetensors


def some():
    return {"w": torch.arange(6.0).reshape(2, 3), "flags": torch.tensor([True, False]),
            "n": torch.tensor(3), "empty": torch.zeros(0, 2, dtype=torch.float64),
            "c": torch.ones(2, dtype=torch.complex64), "u": torch.ones(3, dtype=torch.uint16)}


def test_there_and_back(tmp_path):
    path = tmp_path / "a.safetensors"
    safetensors.save_file(some(), path, metadata={"made": "today"})
    loaded = safetensors.load_file(path)
    assert list(loaded) == sorted(some())
    for name, tensor in some().items():
        twin = loaded[name].to(tensor.device)
        assert torch.equal(twin, tensor) and twin.dtype is tensor.dtype
    with safetensors.safe_open(path, framework="pt") as file:
        assert file.metadata() == {"made": "today"} and "w" in file.keys()
        assert file.get_tensor("n").item() == 3
        with pytest.raises(KeyError):
            file.get_tensor("missing")
    assert os.listdir(tmp_path) == ["a.safetensors"]
    assert safetensors.load(safetensors.save({})) == {}


def test_strided_tensors_are_written_in_their_order():
    x = torch.arange(12.0).reshape(3, 4)
    for view in (x.t(), x[:, 1:3], x[::2], x[1], x[0, 0].expand(3)):
        twin = safetensors.load(safetensors.save({"x": view}))["x"]
        assert twin.tolist() == view.tolist() and twin.is_contiguous()


def test_loaded_tensors_have_memory_of_their_own():
    x, y = safetensors.load(safetensors.save({"x": torch.zeros(2), "y": torch.zeros(2)})).values()
    x += 1
    assert y.tolist() == [0, 0]


def test_loading_onto_a_device(device):
    loaded = torch.utils.safetensors.load(safetensors.save({"x": torch.ones(2)}))
    assert loaded["x"].device.type == "cpu"
    with io.BytesIO(safetensors.save({"x": torch.ones(2)})) as data:
        assert safetensors.safe_open(data, device=device).get_tensor("x").device.type == device.type


@pytest.mark.parametrize("tensors, error, message", [
    ([torch.ones(1)], TypeError, "a dict of tensors"),
    ({1: torch.ones(1)}, TypeError, "named by texts"),
    ({"__metadata__": torch.ones(1)}, TypeError, "named by texts"),
    ({"x": 1.0}, TypeError, "'x' is a float"),
    ({"x": torch.ones(1, dtype=torch.complex128)}, ValueError, "'x' is torch.complex128")])
def test_what_safetensors_cannot_hold(tensors, error, message, tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(error, match=message):
        safetensors.save_file(tensors, path)
    assert path.read_bytes() == b"old"


def test_shared_memory_is_not_lost_silently():
    x = torch.zeros(4)
    with pytest.raises(RuntimeError, match=r"share memory.*\.clone\(\)"):
        safetensors.save({"a": x, "b": x[1:]})
    assert set(safetensors.load(safetensors.save({"a": x[:2], "b": x[2:]}))) == {"a", "b"}
    with pytest.raises(TypeError, match="metadata"):
        safetensors.save({}, metadata={"epoch": 1})


# -- npz -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("save", [npz.savez, npz.savez_compressed])
def test_npz_there_and_back(save, tmp_path):
    tensors = {"w": torch.arange(6.0).reshape(2, 3).t(), "n": torch.tensor(3),
               "c": torch.ones(2, dtype=torch.complex128), "e": torch.zeros(0, 2)}
    save(tmp_path / "a", torch.ones(2), **tensors)
    loaded = npz.load(tmp_path / "a.npz")
    assert loaded.pop("arr_0").tolist() == [1, 1]
    for name, tensor in tensors.items():
        assert loaded[name].tolist() == tensor.tolist() and loaded[name].dtype is tensor.dtype
    with np.load(tmp_path / "a.npz", allow_pickle=False) as theirs:
        assert sorted(theirs) == ["arr_0", "c", "e", "n", "w"]


def test_numpys_files(tmp_path):
    arrays = {"f": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "b": np.arange(3, dtype=">i4"),
              "t": np.ones(3, bool)}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    for name, tensor in npz.load(tmp_path / "a.npz").items():
        assert tensor.tolist() == arrays[name].tolist()
        tensor[0] = 0  # it is writable


def test_what_npz_cannot_hold():
    with pytest.raises(TypeError, match="x is no tensor"):
        npz.savez(io.BytesIO(), x=["a"])
    with pytest.raises(ValueError, match="arr_0"):
        npz.savez(io.BytesIO(), torch.ones(1), arr_0=torch.ones(1))
    pytest.importorskip("ml_dtypes")
    with pytest.raises(TypeError, match="bfloat16"):
        npz.savez(io.BytesIO(), x=torch.ones(1, dtype=torch.bfloat16))


# -- weights by URL --------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_weights_from_the_cache(cache, tmp_path):
    torch.save({"w": torch.ones(2)}, cache / "net.pth")
    url = "https://example.org/models/net.pth?download=1"
    assert torch.hub.load_state_dict_from_url(url, progress=False)["w"].tolist() == [1, 1]
    assert torch.utils.model_zoo.load_url(url, map_location="cpu")["w"].tolist() == [1, 1]
    with pytest.raises(FileNotFoundError, match="downloads nothing"):
        torch.hub.load_state_dict_from_url("https://example.org/other.pth")
    with pytest.raises(RuntimeError, match="downloads nothing"):
        torch.hub.download_url_to_file(url, tmp_path / "x")


def test_hashes_of_weights(cache):
    torch.save({"w": 1}, cache / "net.pth")
    digest = hashlib.sha256((cache / "net.pth").read_bytes()).hexdigest()[:8]
    load = torch.hub.load_state_dict_from_url
    for name, fits in ((f"net-{digest}.pth", True), ("net-01234567.pth", False)):
        (cache / name).write_bytes((cache / "net.pth").read_bytes())
        if fits:
            assert load("http://x.org/" + name, check_hash=True) == {"w": 1}
        else:
            with pytest.raises(RuntimeError, match="invalid hash value"):
                load("http://x.org/" + name, check_hash=True)
    with pytest.raises(RuntimeError, match="holds no hash"):
        load("http://x.org/net.pth", check_hash=True)


def test_the_folder_of_the_hub(tmp_path, monkeypatch):
    monkeypatch.setattr("ember.utils.model_zoo._chosen", None)
    monkeypatch.delenv("TORCH_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert torch.hub.get_dir() == str(tmp_path / "torch" / "hub")
    torch.hub.set_dir(str(tmp_path / "mine"))
    assert torch.hub.get_dir() == str(tmp_path / "mine")
