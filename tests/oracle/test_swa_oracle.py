"""Averaged models and SWALR beside PyTorch's."""

import numpy as np
import pytest
import torch

import ember

LIBRARIES = (torch, ember)


def model_of(library):
    nn = library.nn
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double()
    rng = np.random.default_rng(0)
    for p in model.parameters():
        p.data = library.tensor(rng.standard_normal(tuple(p.shape)))
    return model


AVERAGES = {
    "mean": lambda swa: {},
    "mean of lists": lambda swa: {"multi_avg_fn": swa.get_swa_multi_avg_fn()},
    "ema": lambda swa: {"avg_fn": swa.get_ema_avg_fn(0.9)},
    "ema of lists": lambda swa: {"multi_avg_fn": swa.get_ema_multi_avg_fn(0.9)},
    "with buffers": lambda swa: {"avg_fn": swa.get_ema_avg_fn(0.9), "use_buffers": True},
    "lists with buffers": lambda swa: {
        "multi_avg_fn": swa.get_ema_multi_avg_fn(0.9), "use_buffers": True},
}


def averaged(library, options):
    model = model_of(library)
    mean = library.optim.swa_utils.AveragedModel(model, **options(library.optim.swa_utils))
    rng = np.random.default_rng(1)
    for _ in range(5):
        model(library.tensor(rng.standard_normal((6, 3))))
        for p in model.parameters():
            p.data = p.data + library.tensor(rng.standard_normal(tuple(p.shape)))
        mean.update_parameters(model)
    return mean


def assert_same_weights(theirs, ours):
    assert list(theirs.state_dict()) == list(ours.state_dict())
    for key, value in theirs.state_dict().items():
        found = ours.state_dict()[key].numpy()
        assert found.dtype == value.numpy().dtype
        np.testing.assert_allclose(found, value.numpy(), rtol=1e-12, err_msg=key)


@pytest.mark.parametrize("name", AVERAGES)
def test_averages(name):
    assert_same_weights(*(averaged(library, AVERAGES[name]) for library in LIBRARIES))


def test_update_bn():
    sides = []
    for library in LIBRARIES:
        model = model_of(library).eval()
        rng = np.random.default_rng(2)
        batches = [library.tensor(rng.standard_normal((5, 3))) for _ in range(4)]
        library.optim.swa_utils.update_bn([(b, 0) for b in batches[:2]] + batches[2:], model)
        assert not model.training and model[1].momentum == 0.1
        sides.append(model)
    assert_same_weights(*sides)


@pytest.mark.parametrize("options", [
    {"swa_lr": 0.05}, {"swa_lr": [0.05, 0.5], "anneal_epochs": 4, "anneal_strategy": "linear"},
    {"swa_lr": 0.2, "anneal_epochs": 0}, {"swa_lr": 0.2, "anneal_epochs": 1},
])
def test_swalr(options):
    sides = []
    for library in LIBRARIES:
        groups = [{"params": [library.zeros(1, requires_grad=True)], "lr": lr} for lr in (1., 2.)]
        optimizer = library.optim.SGD(groups, lr=0.1)
        before = library.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.9)
        schedule, rates = library.optim.swa_utils.SWALR(optimizer, **options), []
        for step in range(30):
            optimizer.step()
            (before if step < 7 else schedule).step()
            rates += schedule.get_last_lr() + [g["lr"] for g in optimizer.param_groups]
        sides.append((rates, schedule.state_dict()))
    assert sides[1][0] == pytest.approx(sides[0][0], rel=1e-9)
    assert sides[1][1].keys() == sides[0][1].keys()


@pytest.mark.parametrize("options", [
    {"anneal_strategy": "step"}, {"anneal_epochs": -1}, {"swa_lr": [0.1, 0.2]}])
def test_swalr_refuses(options):
    messages = []
    for library in LIBRARIES:
        optimizer = library.optim.SGD([library.zeros(1, requires_grad=True)], lr=0.1)
        with pytest.raises(ValueError) as error:
            library.optim.swa_utils.SWALR(optimizer, **{"swa_lr": 0.1, **options})
        messages.append(str(error.value))
    assert messages[0] == messages[1]
