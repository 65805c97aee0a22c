"""Compiled losses of differences agree with their compositions."""

import math

import pytest

import ember as torch
from ember.backends import kernels

pytest.importorskip("numba")
F = torch.nn.functional

LOSSES = [(F.mse_loss, {}), (F.smooth_l1_loss, {"beta": 0.7}), (F.huber_loss, {"delta": 1.3})]


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    monkeypatch.setattr(kernels, "_from", 0)


def loss_and_gradients(loss, x, y, options):
    out = loss(x, y, **options)
    return out, *torch.autograd.grad(out, [t for t in (x, y) if t.requires_grad], 3 * out.detach())


def assert_like_composition(loss, x, y, options):
    ours = loss_and_gradients(loss, x, y, options)
    with torch.expand():
        expected = loss_and_gradients(loss, x, y, options)
    for a, b in zip(ours, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6, equal_nan=True)
    return ours


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("loss, options", LOSSES)
def test_values_and_gradients(loss, options, reduction):
    torch.manual_seed(0)
    for shape in ((1,), (7, 301), (300, 400)):
        x, y = torch.randn(2, *shape)
        for wanted in ((True, True), (True, False), (False, True)):
            x, y = (t.detach().requires_grad_(w) for t, w in zip((x, y), wanted))
            assert_like_composition(loss, x, y, options | {"reduction": reduction})


def test_double_precision_and_other_memory_orders():
    x = torch.randn(20, 30, dtype=torch.float64).T.requires_grad_()
    out, _ = assert_like_composition(F.mse_loss, x, torch.zeros(30, 20, dtype=torch.float64), {})
    assert out.dtype is torch.float64 and out.grad_fn.name() == "MseLossBackward0"


def test_no_elements_and_losses_of_each_element():
    x = torch.zeros(0, 3)
    assert F.mse_loss(x, x, reduction="sum") == 0 and F.mse_loss(x, x).isnan()
    assert F.mse_loss(torch.ones(2), torch.zeros(2), reduction="none").tolist() == [1, 1]
    with pytest.warns(UserWarning, match="target size"):
        assert F.mse_loss(torch.ones(2, 2), torch.zeros(2)) == 1


@pytest.mark.parametrize("loss, options", LOSSES[1:])
def test_far_and_missing_elements(loss, options):
    x = torch.tensor([1.0, math.inf, -math.inf, math.nan], requires_grad=True)
    out, grad = loss_and_gradients(loss, x, torch.zeros(4), options | {"reduction": "sum"})
    assert out.isnan() and grad.isnan().all()  # the factor is the loss
    (grad,) = torch.autograd.grad(loss(x, torch.zeros(4), reduction="sum", **options), x)
    edge = options.get("delta", 1.0)
    assert grad[:3].tolist() == pytest.approx([1.0, edge, -edge]) and grad[3].isnan()


def test_second_derivative():
    x = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: F.mse_loss(x, torch.zeros(2, dtype=x.dtype)), x)
