"""Whole modules in files: saved by the names of their classes, loaded when the program allows."""

import io
import types

import pytest
from hostile_corpus import archive, name, tensor, text, watched

import ember as torch
from ember import nn
from ember.nn import functional as F
from ember.serialization import (
    LoadError,
    add_safe_globals,
    get_unsafe_globals_in_checkpoint,
    safe_globals,
)

pytestmark = pytest.mark.host_only


class Net(nn.Module):
    """A module with something of every kind, whose code must not run on loading."""

    ready = False

    def __init__(self):
        assert not Net.ready
        super().__init__()
        self.encoder = nn.Linear(2, 3)
        self.decoder = nn.Linear(3, 2, bias=False)
        self.decoder.weight = nn.Parameter(self.encoder.weight.detach().mT)
        self.twin = self.encoder
        self.nothing = None
        self.register_buffer("count", torch.tensor(2))
        self.register_buffer("scratch", torch.ones(2), persistent=False)
        self.register_parameter("absent", None)
        self.activation, self.norm, self.sizes = F.gelu, nn.LayerNorm, [1, (2, 3)]

    def forward(self, x):
        return self.decoder(self.activation(self.encoder(x))) * self.count + self.scratch

    def __setattr__(self, key, value):
        assert not Net.ready
        super().__setattr__(key, value)


def squared(x):
    return x * x


def saved(value):
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return file


def load(program, *allowed):
    with safe_globals(allowed):
        return torch.load(io.BytesIO(archive(program)))


def test_a_module_comes_back(monkeypatch):
    net = Net().eval()
    torch.load(saved(0))  # what is imported on first use
    file = saved({"net": net, "again": net})
    monkeypatch.setattr(Net, "ready", True)
    with safe_globals([Net, nn.Linear, nn.LayerNorm, F.gelu]), watched() as events:
        loaded = torch.load(file, weights_only=True)
    assert events == []
    twin = loaded["net"]
    assert type(twin) is Net and twin is loaded["again"] and twin.twin is twin.encoder
    assert vars(twin).keys() == vars(net).keys() and not twin.training
    assert twin.norm is nn.LayerNorm and twin.activation is F.gelu and twin.sizes == net.sizes
    assert list(twin.state_dict()) == list(net.state_dict()) and "scratch" not in twin.state_dict()
    assert [n for n, _ in twin.named_parameters()] == [n for n, _ in net.named_parameters()]
    assert repr(twin) == repr(net)
    x = torch.rand(4, 2)
    assert torch.equal(twin(x), net(x))
    monkeypatch.setattr(Net, "ready", False)
    twin.train().double().absent = nn.Parameter(torch.ones(1))
    twin.register_forward_hook(lambda *a: None)
    twin(x.double()).sum().backward()
    assert twin.encoder.weight.grad is not None and net.encoder.weight.grad is None


@pytest.mark.parametrize("make", [
    lambda: nn.LSTM(2, 3, 2), lambda: nn.GRU(2, 3, bidirectional=True), lambda: nn.RNN(2, 3)])
def test_recurrent_layers_come_back(make):
    layer = make()
    with safe_globals([nn.LSTM, nn.GRU, nn.RNN]):
        twin = torch.load(saved(layer))
    x = torch.rand(4, 1, 2)
    assert torch.equal(twin(x)[0], layer(x)[0]) and vars(twin).keys() == vars(layer).keys()
    assert twin._flat_weights[0] is twin.weight_ih_l0


def test_functions_come_back_by_name():
    values = {"f": F.relu, "g": torch.sigmoid, "h": squared, "i": torch.exp}
    with safe_globals([F.relu, torch.sigmoid, squared, torch.exp]):
        assert torch.load(saved(values)) == values


def test_all_names_to_vouch_for_are_listed():
    file = saved({"net": Net(), "f": F.relu})
    wanted = [f"{__name__}.Net", "torch.nn.modules.linear.Linear", "torch._C._nn.gelu",
              "torch.nn.modules.normalization.LayerNorm", "torch.nn.functional.relu"]
    assert sorted(get_unsafe_globals_in_checkpoint(file)) == sorted(wanted)
    file.seek(0)
    with pytest.raises(LoadError, match="Net and 4 more, .* save state_dict") as caught:
        torch.load(file)
    listed = str(caught.value).partition("add_safe_globals([")[2].partition("])")[0]
    assert sorted(listed.split(", ")) == sorted(wanted)
    with safe_globals([Net, nn.Linear, F.gelu, nn.LayerNorm]):
        file.seek(0)
        assert get_unsafe_globals_in_checkpoint(file) == ["torch.nn.functional.relu"]
        file.seek(0)
        with pytest.raises(LoadError, match=r"add_safe_globals\(\[torch.nn.functional.relu\]\)"
                           ".*weights_only=False changes nothing"):
            torch.load(file, weights_only=False)


def test_scanning_builds_nothing_and_survives_damage(tmp_path):
    path = tmp_path / "file.pt"
    path.write_bytes(archive(name("os", "system") + b"(" + text("echo") + b"tR" + b"\xff"))
    with watched() as events:
        found = get_unsafe_globals_in_checkpoint(str(path))
    assert found == ["os.system"] and {event for event, _ in events} <= {"open"}
    assert get_unsafe_globals_in_checkpoint(saved({"x": torch.ones(1), "s": {1}})) == []


class Stateful(nn.Module):
    def __setstate__(self, state):
        raise AssertionError


class Reduced(nn.Module):
    def __reduce__(self):
        raise AssertionError


class Finalized(nn.Module):
    def __del__(self):
        pass


def local_module():
    class Local(nn.Module):
        pass

    return Local()


def with_attribute(value):
    module = nn.Sequential(nn.Linear(1, 1))
    module[0].activation = value
    return module


def hooked():
    module = nn.Sequential(nn.ReLU())
    module[0].register_forward_hook(print)
    return module


UNSAVABLE = {
    "a lambda": (lambda: with_attribute(lambda x: x), r"model\['0'\]\.activation: .* is code"),
    "a built-in function": (lambda: with_attribute(print), r"model\['0'\]\.activation: .* is code"),
    "a class": (lambda: with_attribute(io.BytesIO), r"model\['0'\]\.activation: .* is code"),
    "a local class": (local_module, r"model: .*Local, cannot be found by that name"),
    "a hook": (hooked, r"model\['0'\]: .*hooks, which are code. Remove them"),
    "a state of its own": (Stateful, "model: .*Stateful, has a way of its own"),
    "a reduction of its own": (Reduced, "model: .*Reduced, has a way of its own"),
    "no __init__": (lambda: nn.Module.__new__(Net), r"model: .*super\(\).__init__\(\)"),
    "parametrizations": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(1, 1)),
                         "model: .*ParametrizedLinear, cannot be found by that name"),
}


@pytest.mark.parametrize("what", UNSAVABLE)
def test_modules_that_cannot_be_saved(what):
    make, message = UNSAVABLE[what]
    with pytest.raises(TypeError, match=f"cannot save {message}"):
        torch.save({"model": make()}, io.BytesIO())


def test_what_cannot_be_vouched_for():
    for refused in (getattr, eval, exec, __import__, print, Stateful, Reduced, Finalized,
                    type(local_module().forward), types.FunctionType, lambda x: x):
        with pytest.raises(TypeError, match="cannot be allowed in files"):
            add_safe_globals([refused])
    assert torch.serialization.get_safe_globals() == []


# -- forged files ----------------------------------------------------------------------------------


LINEAR = name("torch.nn.modules.linear", "Linear")
PARTS = ("_parameters", "_buffers", "_modules")


def dictionary(**items):
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def state(**changes):
    return dictionary(**{"training": b"\x88", **dict.fromkeys(PARTS, b"}"), **changes})


def module(kind=LINEAR, **changes):
    return kind + b")\x81" + state(**changes) + b"b"


PARAMETER = name("torch._utils", "_rebuild_parameter") + b"(" + tensor() + b"\x88NtR"
RELU = name("torch.nn.functional", "relu")
FORGED = {
    "no dict": LINEAR + b")\x81" + b"]b",
    "a number as an attribute's name": LINEAR + b")\x81" + b"}K\x01Nsb",
    "no members": LINEAR + b")\x81" + dictionary(training=b"\x88") + b"b",
    "training of no truth value": module(training=b"K\x01"),
    "parameters that are a list": module(_parameters=b"]"),
    "parameters that are None": module(_parameters=b"N"),
    "a tensor as a parameter": module(_parameters=dictionary(weight=tensor())),
    "a number as a buffer": module(_buffers=dictionary(scale=b"K\x01")),
    "a tensor as a module": module(_modules=dictionary(inner=tensor())),
    "a class as a module": module(_modules=dictionary(inner=LINEAR)),
    "a function as a module": module(_modules=dictionary(inner=RELU)),
    "a parameter without a name": module(_parameters=b"}" + text("") + PARAMETER + b"s"),
    "a parameter with a number for a name": module(_parameters=b"}K\x01" + PARAMETER + b"s"),
    "a dotted name": module(_parameters=b"}" + text("a.b") + PARAMETER + b"s"),
    "buffers to be left out that are a list": module(_non_persistent_buffers_set=b"]"),
    "one name twice": module(_parameters=dictionary(x=PARAMETER), x=b"N"),
    "one name for two kinds": module(_parameters=dictionary(x=PARAMETER),
                                     _buffers=dictionary(x=tensor())),
    "ember's own bookkeeping": module(_parameter_names=b"}"),
    "ember's own hooks": module(_hooks=b"}"),
    "a hook": module(_forward_hooks=b"}K\x01" + RELU + b"s"),
    "a method": module(forward=RELU),
    "a method as a parameter": module(_parameters=dictionary(state_dict=PARAMETER)),
    "a class method": module(__init__=b"N"),
    "its class": module(__class__=LINEAR),
    "its dict": module(__dict__=b"}"),
    "arguments": LINEAR + b"(K\x01K\x01t\x81" + state() + b"b",
    "a call": LINEAR + b"(K\x01K\x01tR",
    "a call of a function": RELU + b"(" + tensor() + b"tR",
    "an object of a function": RELU + b")\x81",
    "attributes of a function": RELU + state() + b"b",
    "attributes of a class": LINEAR + state() + b"b",
    "nothing at all": LINEAR + b")\x81",
    "something twice": module() + state() + b"b",
    "itself": LINEAR + b")\x81q\x00" + state(_modules=dictionary(inner=b"h\x00")) + b"b",
    "itself inside another": LINEAR + b")\x81q\x00" + state(
        _modules=dictionary(inner=module(_modules=dictionary(outer=b"h\x00")))) + b"b",
    "an inner one left blank": module(_modules=dictionary(inner=LINEAR + b")\x81")),
    "members copied again and again": b"](}q\x00("
    + b"".join(text(f"a{i}") + b"N" for i in range(500)) + b"u"
    + 500 * module(_parameters=b"h\x00") + b"e",
}


@pytest.mark.parametrize("what", FORGED)
def test_forged_modules_are_refused(what):
    with watched() as events, pytest.raises(LoadError, match="damaged|forged|itself"):
        load(FORGED[what], nn.Linear, F.relu)
    assert events == []


def test_the_parts_of_the_forged_ones_are_right_by_themselves():
    made = load(module(_parameters=dictionary(weight=PARAMETER, bias=b"N"), note=RELU,
                       _modules=dictionary(inner=module())), nn.Linear, F.relu)
    assert type(made) is nn.Linear and made.note is F.relu and made.weight.requires_grad
    assert list(made.children()) == [made.inner]


def test_another_object_may_lead_back_to_the_module():
    net = nn.Sequential(nn.ReLU())
    net[0].owner = [net]
    with safe_globals([nn.Sequential, nn.ReLU]):
        for start in (net, net[0]):
            twin = torch.load(saved(start))
            assert type(twin) is type(start)
            assert twin is (twin[0].owner[0] if start is net else twin.owner[0][0])


def test_deep_nesting_costs_no_recursion():
    depth = 20_000
    made = load(b"".join((LINEAR, b")\x81}(", *(text(part) + b"}" for part in PARTS[:2]),
                          text("_modules"), b"}", text("x"))) * depth + b"N" + b"sub" * depth,
                nn.Linear)
    while made.x is not None:
        made, depth = made.x, depth - 1
    assert depth == 1


class Key:
    def __hash__(self):
        raise AssertionError


def test_keys_run_no_code_of_their_class():
    key = name(__name__, "Key") + b")\x81"
    for program in (b"}" + key + b"Ns", b"\x8f(" + key + b"\x90"):
        with pytest.raises(LoadError, match="a key of type Key"):
            load(program, Key)


def test_onnx_is_there_and_says_what_to_do():
    with pytest.raises(NotImplementedError, match="ember does not write ONNX.*in PyTorch"):
        torch.onnx.export(nn.Linear(1, 1), torch.ones(1), "model.onnx")
