"""Whole modules: what PyTorch saves ember loads, and the other way round, under the same names."""

import io
import types
import zipfile

import pytest

import ember

from . import adapter

pytestmark = [pytest.mark.oracle, pytest.mark.host_only]
REASON = adapter.unavailable()

if REASON is not None:
    pytest.skip(REASON, allow_module_level=True)

torch = pytest.importorskip("torch")

from .test_module_oracle import pairs  # noqa: E402 - needs torch

# Lazy layers have hooks until their first call.
KEYS = [key for key, entry in adapter.modules().items() if not entry.info.is_lazy]
FUNCTIONS = {"torch._C._nn.gelu": "torch.nn.functional.gelu"}


def _net(lib):
    """Return the class that a script would have, for either library."""
    nn = lib.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(4, 6, 2, bidirectional=True)
            layer = nn.TransformerEncoderLayer(12, 2, 8, activation=nn.functional.gelu)
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.blocks = nn.ModuleList([nn.Sequential(nn.Conv1d(12, 12, 3, padding=1),
                                                       nn.BatchNorm1d(12), nn.ReLU6())])
            self.decoder = nn.Linear(12, 4)
            self.register_buffer("place", lib.arange(5.0)[:, None, None], persistent=False)
            self.normalization, self.kind = nn.BatchNorm1d, "net"

        def forward(self, x):
            x = self.encoder(self.rnn(x)[0] + self.place)
            return self.decoder(self.blocks[0](x.permute(1, 2, 0)).permute(2, 0, 1))

    Net.__qualname__ = Net.__name__ = f"Net_{lib.__name__}"
    globals()[Net.__name__] = Net
    return Net


_NETS = {lib: _net(lib) for lib in (ember, torch)}


def saved(lib, value):
    file = io.BytesIO()
    lib.save(value, file)
    return file.getvalue()


def names_in(data, lib):
    return sorted(lib.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(data)))


def load(lib, data):
    """Load a file in a library, vouching for all that is in it."""
    allowed = []
    for path in names_in(data, lib):
        if path.startswith(__name__):
            allowed.append((_NETS[lib], path))
            continue
        found = lib
        for part in FUNCTIONS.get(path, path).split(".")[1:]:
            found = getattr(found, part)
        allowed.append(found)
    with lib.serialization.safe_globals(allowed):
        return lib.load(io.BytesIO(data))


def same_state(ours, theirs):
    assert repr(ours).replace("_ember", "_torch") == repr(theirs)
    assert ours.training is theirs.training
    mine, wanted = ours.state_dict(), theirs.state_dict()
    assert list(mine) == list(wanted)
    for key, value in wanted.items():
        assert mine[key].tolist() == value.tolist()


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("key", KEYS)
def test_every_layer(key):
    for ours, theirs in pairs(key):
        if any(callable(value) or hasattr(value, "__dataclass_fields__")
               for value in vars(theirs).values()):
            continue  # a sample's own loss function, or its options
        from_theirs, from_ours = saved(torch, theirs), saved(ember, ours)
        assert names_in(from_theirs, ember) == names_in(from_theirs, torch)
        assert names_in(from_ours, torch) == names_in(from_theirs, torch)
        twin, back = load(ember, from_theirs), load(torch, from_ours)
        assert type(twin) is type(ours) and type(back) is type(theirs)
        same_state(twin, theirs)
        same_state(ours, back)
        assert vars(twin).keys() == vars(ours).keys()
        assert back.__getstate__().keys() == theirs.__getstate__().keys()


@pytest.mark.parametrize("first, second", [(ember, torch), (torch, ember)])
def test_a_network_goes_on_in_the_other_library(first, second):
    first.manual_seed(0)
    net = _NETS[first]().eval()
    twin = load(second, saved(first, net))
    assert twin.normalization is second.nn.BatchNorm1d and twin.kind == "net"
    same_state(*((net, twin) if first is ember else (twin, net)))
    x = [[[0.1 * i - 0.2 * j + k for k in range(4)] for j in range(3)] for i in range(5)]
    for mode in (False, True):
        for module in (net, twin):
            module.train(mode)
            for layer in module.encoder.layers:
                layer.eval()
        out, other = net(first.tensor(x)), twin(second.tensor(x))
        torch.testing.assert_close(torch.tensor(out.tolist()), torch.tensor(other.tolist()),
                                   rtol=1e-4, atol=1e-5)
    other.sum().backward()
    assert all(parameter.grad is not None for parameter in twin.parameters())


def test_functions_have_pytorchs_names():
    ours, theirs = ember.nn.functional, torch.nn.functional
    compared = 0
    for name, function in vars(ours).items():
        if not isinstance(function, types.FunctionType) or name.startswith("_"):
            continue
        try:
            wanted = names_in(saved(torch, getattr(theirs, name)), torch)
        except (AttributeError, RuntimeError, TypeError):
            continue  # PyTorch cannot save those that it picks when they are called
        except Exception as error:
            assert "pickle" in f"{type(error).__name__} {error}".lower()
            continue
        if not any("getattr" in path for path in wanted):
            assert names_in(saved(ember, function), ember) == wanted
            compared += 1
    assert compared > 60


def test_both_refuse_what_is_not_vouched_for():
    for lib, other in ((ember, torch), (torch, ember)):
        data = saved(lib, lib.nn.Sequential(lib.nn.Linear(1, 1)))
        for reader in (lib, other):
            with pytest.raises(Exception, match=r"add_safe_globals\(\[torch\.nn\.modules\.") as got:
                reader.load(io.BytesIO(data))
            assert "UnpicklingError" in str(type(got.value).__mro__)


def test_pytorch_loads_the_file_without_a_list_too():
    data = saved(ember, ember.nn.LSTM(2, 3))
    twin = torch.load(io.BytesIO(data), weights_only=False)
    assert twin(torch.ones(1, 1, 2))[0].shape == (1, 1, 3)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert b"ctorch.nn.modules.rnn\nLSTM\n" in archive.read("archive/data.pkl")
