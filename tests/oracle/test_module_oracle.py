"""Every layer of PyTorch's `module_db`: numbers, gradients, state, text and initial values."""

import copy

import pytest
import torch

import ember

from . import adapter
from .classes import judge_module
from .translate import Builder, Side

PEER = Side(ember)
KEYS = sorted(adapter.modules())


@pytest.mark.parametrize("key", KEYS)
def test_layer(key):
    verdict = judge_module(adapter.modules()[key], PEER)
    assert verdict.state == "right", verdict.message


def pairs(key):
    """The layer made by both libraries from one seed, for every sample's arguments."""
    entry = adapter.modules()[key]
    name = key.removeprefix("nn.")
    for sample in adapter.module_inputs(entry, training=True):
        build = Builder(PEER)
        arguments = sample.constructor_input
        torch.manual_seed(3)
        theirs = entry.info.module_cls(*arguments.args, **arguments.kwargs)
        ember.manual_seed(3)
        ours = getattr(ember.nn, name)(*build(arguments.args), **build(arguments.kwargs))
        yield ours, theirs


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")  # PyTorch's fast path, not ours
@pytest.mark.parametrize("key", KEYS)
def test_text_and_initial_values(key):
    for ours, theirs in pairs(key):
        assert repr(ours) == repr(theirs)
        if adapter.modules()[key].info.is_lazy:
            continue
        for name, value in theirs.state_dict().items():
            mine = torch.from_numpy(ours.state_dict()[name].numpy())
            torch.testing.assert_close(mine, value, rtol=1e-5, atol=1e-6, check_dtype=False)


def network(lib):
    """A model of many kinds of layers, from one seed."""
    nn = lib.nn
    lib.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Dropout2d(0.25), nn.Flatten(), nn.Linear(64, 16), nn.GELU(), nn.Dropout(0.5),
        nn.LayerNorm(16), nn.Linear(16, 5))


def test_same_seed_same_training():
    x, y = torch.randn(8, 1, 8, 8), torch.randint(0, 5, (8,))
    curves = []
    for lib in (torch, ember):
        model = network(lib)
        batch, target = (x, y) if lib is torch else (ember.tensor(x.numpy()),
                                                      ember.tensor(y.numpy()))
        optimizer = lib.optim.SGD(model.parameters(), lr=0.1)
        losses = []
        for _ in range(10):
            optimizer.zero_grad()
            loss = lib.nn.functional.cross_entropy(model(batch), target)
            loss.backward()
            lib.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
        curves.append(losses)
    assert curves[0] == pytest.approx(curves[1], abs=1e-4)


BROKEN = {
    "missing": lambda state: state.pop("0.bias"),
    "unexpected": lambda state: state.update({"0.extra": state["0.bias"]}),
    "shape": lambda state: state.update({"0.weight": state["0.bias"]}),
}


@pytest.mark.parametrize("change", BROKEN)
def test_load_errors_read_as_pytorchs(change):
    texts = []
    for lib in (torch, ember):
        model = lib.nn.Sequential(lib.nn.Linear(2, 3))
        state = copy.copy(model.state_dict())
        BROKEN[change](state)
        with pytest.raises(RuntimeError) as caught:
            model.load_state_dict(state)
        texts.append(str(caught.value))
    assert texts[0] == texts[1]


def test_unmodified_torch_weights_load():
    theirs = network(torch)
    ours = network(ember)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(0.01)
    ours.load_state_dict({name: ember.tensor(value.numpy())
                          for name, value in theirs.state_dict().items()})
    x = torch.randn(2, 1, 8, 8)
    expected = theirs.eval()(x).detach().numpy()
    found = ours.eval()(ember.tensor(x.numpy())).detach().numpy()
    assert found == pytest.approx(expected, abs=1e-5)
