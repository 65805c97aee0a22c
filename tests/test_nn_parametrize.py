"""Weights computed from other parameters, pruned, normalized or folded into one layer."""

import copy

import pytest

import ember as torch
from ember import nn
from ember.nn.utils import parametrizations, parametrize, prune


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).T


def trained(module, steps=20):
    """Train a module for some steps on something; return it."""
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    x, y = torch.randn(8, 4), torch.randn(8, 4)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.mse_loss(module(x), y).backward()
        optimizer.step()
    return module


def test_a_parametrized_weight_keeps_its_property_while_trained():
    torch.manual_seed(0)
    layer = parametrize.register_parametrization(nn.Linear(4, 4), "weight", Symmetric())
    before = layer.weight.detach().clone()
    trained(layer)
    assert torch.equal(layer.weight, layer.weight.T)
    assert not torch.allclose(layer.weight, before)


@pytest.mark.parametrize("kind", parametrizations.ORTHOGONAL_MAPS)
def test_an_orthogonal_weight_stays_orthogonal(kind):
    torch.manual_seed(0)
    layer = trained(parametrizations.orthogonal(nn.Linear(4, 4), orthogonal_map=kind))
    assert torch.allclose(layer.weight.T @ layer.weight, torch.eye(4), atol=1e-5)


def test_copies_of_a_parametrized_module_are_independent():
    layer = parametrize.register_parametrization(nn.Linear(4, 4), "weight", Symmetric())
    twin = copy.deepcopy(layer)
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear and parametrize.is_parametrized(twin)
    with torch.no_grad():
        layer.weight.zero_()
    assert twin.weight.abs().sum().item() > 0


def test_a_refused_parametrization_changes_nothing():
    layer = nn.Linear(4, 4)
    with pytest.raises(ValueError, match="may not change the shape"):
        parametrize.register_parametrization(layer, "weight", nn.Flatten(0))
    assert type(layer) is nn.Linear and list(layer.state_dict()) == ["weight", "bias"]


def test_parametrizations_are_transferred():
    source = parametrize.register_parametrization(nn.Linear(4, 4), "weight", Symmetric())
    target = nn.Linear(4, 4)
    parametrize.transfer_parametrizations_and_params(source, target)
    assert torch.equal(source.weight, target.weight)
    assert source.parametrizations.weight[0] is target.parametrizations.weight[0]


def test_spectral_norm_bounds_the_largest_singular_value():
    torch.manual_seed(0)
    layer = trained(parametrizations.spectral_norm(nn.Linear(4, 4)), steps=50)
    for _ in range(200):  # each reading in training mode improves the estimate
        weight = layer.weight
    assert torch.linalg.matrix_norm(weight, 2).item() == pytest.approx(1.0, abs=1e-3)


def test_pruned_entries_stay_zero_while_trained():
    torch.manual_seed(0)
    layer = prune.l1_unstructured(nn.Linear(4, 4), "weight", 0.5)
    gone = layer.weight_mask == 0
    trained(layer)
    assert int(gone.sum()) == 8 and not layer.weight[gone].any()
    prune.remove(layer, "weight")
    assert not layer.weight[gone].any() and not prune.is_pruned(layer)


def test_a_failed_pruning_leaves_the_module_as_it_was():
    layer = nn.Linear(4, 4)
    with pytest.raises(ValueError, match="smaller than the number"):
        prune.l1_unstructured(layer, "weight", 17)
    assert list(layer.state_dict()) == ["weight", "bias"] and not layer._forward_pre_hooks
    prune.identity(layer, "weight")
    with pytest.raises(ValueError, match="smaller than the number"):
        prune.l1_unstructured(layer, "weight", 17)
    assert type(next(iter(layer._forward_pre_hooks.values()))) is prune.Identity


def test_a_folded_batch_norm_gives_the_same_output():
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(2, 3, 2), nn.BatchNorm2d(3)
    norm(torch.randn(4, 3, 5, 5) * 2 + 1)
    with pytest.raises(RuntimeError, match="eval"):
        nn.utils.fuse_conv_bn_eval(conv, norm)
    x = torch.randn(1, 2, 4, 4)
    fused = nn.utils.fuse_conv_bn_eval(conv.eval(), norm.eval())
    assert torch.allclose(fused(x), norm(conv(x)), atol=1e-5)
