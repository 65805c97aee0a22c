"""Sequences and dictionaries of modules and parameters."""

from collections import OrderedDict

import pytest

import ember as torch
from ember import nn


def layers(n):
    return [nn.Linear(1, i + 1) for i in range(n)]


def test_sequential_is_a_sequence():
    a, b, c = layers(3)
    model = nn.Sequential(a, b)
    assert model.append(c) is model and list(model) == [a, b, c] and model[-1] is c
    assert list(model[1:]._modules) == ["1", "2"] and isinstance(model[1:], nn.Sequential)
    del model[0]
    assert list(model._modules) == ["0", "1"] and model[0] is b
    assert model.insert(1, a)[1] is a and model.pop(0) is b
    assert len(model + model) == 4 and len(model * 3) == 6
    with pytest.raises(IndexError):
        model[5]
    with pytest.raises(ValueError, match="Sequential class"):
        model + [a]


def test_sequential_by_name():
    model = nn.Sequential(OrderedDict(fc=nn.Linear(1, 1), act=nn.ReLU()))
    assert model.act(torch.tensor([-1.0])).tolist() == [0.0]
    assert list(model.state_dict()) == ["fc.weight", "fc.bias"]


def test_module_list():
    a, b, c = layers(3)
    modules = nn.ModuleList([a])
    modules += [b]
    modules.insert(0, c)
    assert list(modules) == [c, a, b] and len(modules + [a]) == 4
    modules[1] = b
    del modules[0]
    assert list(modules) == [b, b] and b in modules
    with pytest.raises(NotImplementedError):
        modules(torch.ones(1))
    with pytest.raises(TypeError, match="iterable"):
        modules.extend(3)


def test_module_list_repr_counts_equal_neighbours():
    text = repr(nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()]))
    assert text == "ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n)"


def test_module_dict():
    heads = nn.ModuleDict({"a": nn.ReLU()})
    heads.update([("b", nn.Tanh())])
    assert list(heads) == ["a", "b"] and "a" in heads and len(heads) == 2
    assert isinstance(heads.pop("a"), nn.ReLU) and list(heads.keys()) == ["b"]
    heads.clear()
    assert len(heads) == 0
    with pytest.raises(ValueError, match="has length 3"):
        heads.update([("a", "b", "c")])


def test_parameter_list():
    params = nn.ParameterList([torch.ones(2), 3])
    params.append(torch.zeros(1))
    assert len(params) == 3 and isinstance(params[0], nn.Parameter) and params[1] == 3
    assert [name for name, _ in params.named_parameters()] == ["0", "2"]
    assert "(0): Parameter containing: [torch.float32 of size 2]" in repr(params)
    with pytest.raises(RuntimeError, match="should not be called"):
        params()


def test_parameter_dict():
    params = nn.ParameterDict({"b": torch.ones(1), "a": torch.zeros(1)})
    assert list(params) == ["a", "b"]  # a plain dict is sorted
    params["c"] = None
    assert params.get("x") is None and params.popitem() == ("c", None)
    merged = params | {"d": torch.ones(1)}
    assert list(merged) == ["a", "b", "d"] and list(merged.state_dict()) == ["a", "b", "d"]
    with pytest.raises(TypeError, match="not a string"):
        params[3] = torch.ones(1)
