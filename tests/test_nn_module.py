"""The base class of layers: registration, state, hooks, conversion, text."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import ember as torch
from ember import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4)
        self.last = nn.Linear(4, 2, bias=False)

    def forward(self, x):
        return self.last(self.norm(self.first(x)).relu())


def values(module):
    return {name: tensor.tolist() for name, tensor in module.state_dict().items()}


# -- registration -------------------------------------------------------------------------------


def test_assignment_registers_in_order():
    assert [name for name, _ in Net().named_parameters()] == [
        "first.weight", "first.bias", "norm.weight", "norm.bias", "last.weight"]
    assert [name for name, _ in Net().named_buffers()] == [
        "norm.running_mean", "norm.running_var", "norm.num_batches_tracked"]


def test_a_name_changes_kind_when_reassigned():
    module = nn.Module()
    module.x = nn.Parameter(torch.ones(1))
    module.x = nn.Linear(1, 1)
    assert list(module._parameters) == [] and list(module._modules) == ["x"]
    del module.x
    assert not hasattr(module, "x") and list(module._modules) == []


@pytest.mark.parametrize("value", [torch.ones(1), 3])
def test_a_parameter_is_not_replaced_by_something_else(value):
    layer = nn.Linear(1, 1)
    with pytest.raises(TypeError, match="as parameter 'weight'"):
        layer.weight = value
    assert isinstance(layer.weight, nn.Parameter)
    layer.bias = None
    assert layer.bias is None and list(layer.state_dict()) == ["weight"]


def test_before_init_nothing_can_be_registered():
    class Forgetful(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"before Module.__init__\(\) call"):
        Forgetful()


@pytest.mark.parametrize("name, error", [("", KeyError), ("a.b", KeyError), (3, TypeError),
                                         ("forward", KeyError)])
def test_names_that_cannot_be_registered(name, error):
    module = nn.Module()
    for register, value in ((module.register_parameter, nn.Parameter(torch.ones(1))),
                            (module.register_buffer, torch.ones(1)),
                            (module.add_module, nn.ReLU())):
        with pytest.raises(error):
            register(name, value)
    assert not list(module.parameters()) and not list(module.children())


def test_computed_tensors_are_no_parameters():
    computed = nn.Parameter(torch.ones(1))
    with pytest.raises(TypeError, match="cannot assign"):
        nn.Module().register_parameter("x", computed * 2)


def test_buffers():
    module = nn.Module()
    module.register_buffer("kept", torch.ones(1))
    module.register_buffer("passing", torch.ones(1), persistent=False)
    module.marked = nn.Buffer(torch.ones(1))
    assert list(module.state_dict()) == ["kept", "marked"]
    module.kept = torch.zeros(1)
    assert module._buffers["kept"].tolist() == [0.0]
    with pytest.raises(TypeError, match="as buffer 'kept'"):
        module.kept = "text"


def test_views_of_members_are_live():
    layer = nn.Linear(2, 1)
    layer._parameters["weight"] = nn.Parameter(torch.zeros(1, 2))
    assert layer.weight.tolist() == [[0.0, 0.0]]
    del layer._parameters["bias"]
    assert not hasattr(layer, "bias")


def test_shared_modules_and_parameters_appear_once():
    layer = nn.Linear(2, 2)
    tied = nn.Linear(2, 2)
    tied.weight = layer.weight
    model = nn.Sequential(layer, layer, tied)
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "2.bias"]
    assert len(list(model.named_parameters(remove_duplicate=False))) == 6
    assert [name for name, _ in model.named_modules()] == ["", "0", "2"]
    assert list(model.state_dict()) == [f"{i}.{n}" for i in range(3) for n in ("weight", "bias")]


def test_lookup_by_path():
    net = Net()
    assert net.get_submodule("norm") is net.norm and net.get_submodule("") is net
    assert net.get_parameter("first.bias") is net.first.bias
    assert net.get_buffer("norm.running_mean") is net.norm.running_mean
    for wrong in ("missing", "first.missing"):
        with pytest.raises(AttributeError):
            net.get_parameter(wrong)
    net.set_submodule("last", nn.Identity())
    assert isinstance(net.last, nn.Identity)


def test_a_dropped_module_is_freed_at_once():
    gc.disable()
    try:
        net = Net()
        seen = weakref.ref(net.first.weight)
        del net
        assert seen() is None
    finally:
        gc.enable()


def test_deepcopy_and_pickle_keep_values_and_ties():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):  # noqa: S301
        assert values(twin) == values(model)
        assert twin[1].weight is twin[0].weight is not model[0].weight
        assert isinstance(twin[0].weight, nn.Parameter) and twin[0].weight.requires_grad


# -- state --------------------------------------------------------------------------------------


def test_state_dict_shares_memory_and_has_versions():
    net = Net()
    state = net.state_dict()
    with torch.no_grad():
        net.last.weight.fill_(7.0)
    assert state["last.weight"].tolist() == [[7.0] * 4] * 2
    assert not state["last.weight"].requires_grad
    assert state._metadata["norm"] == {"version": 2}
    assert net.state_dict(keep_vars=True)["last.weight"] is net.last.weight


def test_load_copies_into_the_same_parameters():
    source, target = Net(), Net()
    weight = target.first.weight
    keys = target.load_state_dict(source.state_dict())
    assert repr(keys) == "<All keys matched successfully>"
    assert values(target) == values(source) and target.first.weight is weight
    target.load_state_dict(source.state_dict(), assign=True)
    assert target.first.weight is not weight


def broken_states():
    state = Net().state_dict()
    missing = {k: v for k, v in state.items() if k != "last.weight"}
    yield "missing", missing, r'Missing key\(s\) in state_dict: "last.weight"'
    yield "unexpected", {**state, "extra": state["first.bias"]}, r'Unexpected key.*"extra"'
    yield "shape", {**state, "last.weight": torch.ones(3, 4)}, "size mismatch for last.weight"
    yield "kind", {**state, "last.weight": [1, 2]}, 'named "last.weight", expected torch.Tensor'


@pytest.mark.parametrize("state, message", [pytest.param(s, m, id=n)
                                            for n, s, m in broken_states()])
def test_a_failed_load_changes_nothing(state, message):
    net = Net()
    before = values(net)
    with pytest.raises(RuntimeError, match=message) as caught:
        net.load_state_dict(state)
    assert str(caught.value).startswith("Error(s) in loading state_dict for Net:\n\t")
    assert values(net) == before


def test_assigning_what_cannot_take_the_place_changes_nothing():
    net = Net()
    before = dict(net.named_parameters())
    state = {**net.state_dict(), "last.weight": torch.ones(2, 4, dtype=torch.int64)}
    with pytest.raises(RuntimeError, match='named "last.weight".*can require gradients'):
        net.load_state_dict(state, assign=True)

    def refuse(self, name, value):
        if name == "weight":
            raise ValueError("no")
        nn.Module.__setattr__(self, name, value)

    net.last.__class__ = type("Refusing", (nn.Linear,), {"__setattr__": refuse})
    with pytest.raises(ValueError, match="no"):
        net.load_state_dict(Net().state_dict(), assign=True)
    after = dict(net.named_parameters())
    assert all(after[name] is before[name] for name in before)


@pytest.mark.host_only
def test_loading_into_read_only_memory_changes_nothing():
    net = Net()
    array = np.ones((2, 4), np.float32)
    array.flags.writeable = False
    net.last.weight = nn.Parameter(torch.from_numpy(array))
    before = values(net)
    with pytest.raises(RuntimeError, match='named "last.weight".*read-only'):
        net.load_state_dict(Net().state_dict())
    assert values(net) == before


def test_all_errors_are_listed():
    state = {"first.weight": torch.ones(1), "strange": torch.ones(1)}
    with pytest.raises(RuntimeError) as caught:
        Net().load_state_dict(state)
    text = str(caught.value)
    assert text.index("Missing") < text.index("Unexpected") < text.index("size mismatch")


def test_not_strict_reports_and_loads_the_rest():
    net = Net()
    keys = net.load_state_dict({"last.weight": torch.zeros(2, 4), "x": torch.ones(1)}, False)
    assert keys.unexpected_keys == ["x"] and "first.bias" in keys.missing_keys
    assert net.last.weight.tolist() == [[0.0] * 4] * 2
    with pytest.raises(TypeError, match="dict-like"):
        net.load_state_dict([1])


def test_a_hook_that_refuses_undoes_the_load():
    net = Net()

    def refuse(module, keys):
        assert module.last.weight.tolist() == [[0.0] * 4] * 2  # the hook sees the loaded state
        raise ValueError("no")

    net.register_load_state_dict_post_hook(refuse)
    before = values(net)
    state = {name: torch.zeros_like(tensor) for name, tensor in net.state_dict().items()}
    with pytest.raises(ValueError, match="no"):
        net.load_state_dict(state)
    assert values(net) == before


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.count = 0

    def get_extra_state(self):
        return self.count

    def set_extra_state(self, state):
        if state < 0:
            raise ValueError("negative")
        self.count = state


def test_extra_state():
    model = nn.Sequential(Counter(), Counter())
    model.load_state_dict({"0._extra_state": 1, "1._extra_state": 2})
    assert [m.count for m in model] == [1, 2]
    with pytest.raises(ValueError, match="negative"):
        model.load_state_dict({"0._extra_state": 5, "1._extra_state": -1})
    assert [m.count for m in model] == [1, 2]


def test_state_dict_hooks():
    net = nn.Linear(1, 1)
    net.register_state_dict_pre_hook(lambda module, prefix, keep_vars: seen.append(prefix))
    net.register_state_dict_post_hook(
        lambda module, state, prefix, metadata: state.__delitem__(prefix + "bias"))
    seen = []
    assert list(nn.Sequential(net).state_dict()) == ["0.weight"] and seen == ["0."]


# -- modes, conversion, text ----------------------------------------------------------------------


def test_train_and_eval_reach_everything():
    net = Net().eval()
    assert not any(module.training for module in net.modules())
    assert all(module.training for module in net.train().modules())
    with pytest.raises(ValueError, match="boolean"):
        net.train(1)


def test_conversion_keeps_the_parameter_objects():
    net = Net()
    weight = net.first.weight
    weight.grad = torch.ones(4, 3)
    net.double()
    assert net.first.weight is weight and weight.dtype is torch.float64
    assert weight.grad.dtype is torch.float64
    assert net.norm.num_batches_tracked.dtype is torch.int64
    assert net.to(torch.float32).norm.running_mean.dtype is torch.float32
    with pytest.raises(TypeError, match="floating point"):
        net.to(torch.int64)
    assert weight.dtype is torch.float32


def test_methods_may_call_getattr_by_name():
    class Tree(nn.Module):
        def __init__(self):
            super().__init__()
            for i in range(3):
                self.add_module(f"level_{i}", nn.Linear(2, 2))

        def levels(self, wanted):
            return [self.__getattr__(f"level_{i}") for i in wanted]

    tree = Tree()
    assert tree.levels(range(3)) == list(tree.children())
    with pytest.raises(AttributeError, match="'Tree' object has no attribute 'level_3'"):
        tree.levels([3])
    assert not hasattr(Net, "__getattr__")  # reading attributes stays fast elsewhere


def test_requires_grad_and_zero_grad():
    net = Net().requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    net.requires_grad_()
    net(torch.randn(5, 3)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert net.first.bias.grad.tolist() == [0.0] * 4
    net.zero_grad()
    assert net.first.bias.grad is None


def test_repr():
    assert repr(Net()) == """Net(
  (first): Linear(in_features=3, out_features=4, bias=True)
  (norm): BatchNorm1d(4, eps=1e-05, momentum=0.1, affine=True, bias=True, \
track_running_stats=True)
  (last): Linear(in_features=4, out_features=2, bias=False)
)"""


def test_missing_forward():
    with pytest.raises(NotImplementedError, match=r'Module \[Module\] is missing .* "forward"'):
        nn.Module()(1)


def test_an_error_says_where_it_was():
    net = Net()
    net.layers = nn.ModuleList([nn.Sequential(nn.ReLU(), nn.Linear(9, 1))])
    net.forward = lambda x: net.layers[0](x)
    with pytest.raises(RuntimeError, match="in_features=9") as caught:
        net(torch.ones(1, 3))
    assert caught.value.__notes__ == [
        "in layers.0.1 of Net: Linear(in_features=9, out_features=1, bias=True)"]
