"""Clipping of gradients gives the same numbers where its loops are compiled."""

import math

import pytest

import ember as torch
from ember.backends import kernels

pytest.importorskip("numba")


def clipped(monkeypatch, gradients, compiled_from):
    monkeypatch.setattr(kernels, "_from", compiled_from)
    parameters = [torch.nn.Parameter(torch.zeros_like(g)) for g in gradients]
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient.clone()
    total = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    return total, *[p.grad for p in parameters]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_length_and_scaled_gradients(monkeypatch, dtype):
    torch.manual_seed(0)
    gradients = [torch.randn(n, 100, dtype=dtype) for n in (1, 5, 500)]
    gradients += [torch.randn(20, 30, dtype=dtype).T, torch.randn(20, 30, dtype=dtype)[::2, ::3],
                  torch.tensor(2.0, dtype=dtype), torch.zeros(0, 3, dtype=dtype)]
    expected = clipped(monkeypatch, gradients, math.inf)
    ours = clipped(monkeypatch, gradients, 0)
    assert ours[0].dtype is dtype and ours[0] == pytest.approx(
        sum(float((g.double() ** 2).sum()) for g in gradients) ** 0.5)
    for a, b in zip(ours, expected):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=0)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_norm_that_is_not_finite(monkeypatch, bad):
    gradients = [torch.tensor([1.0, bad, -2.0]), torch.ones(2)]
    expected = clipped(monkeypatch, gradients, math.inf)
    for a, b in zip(clipped(monkeypatch, gradients, 0), expected):
        torch.testing.assert_close(a, b, equal_nan=True)


def test_many_small_elements_are_not_lost(monkeypatch):
    gradient = torch.full((1 << 20,), 1e-3)
    gradient[0] = 100.0
    total = clipped(monkeypatch, [gradient], 0)[0]
    assert total.item() == pytest.approx((1e4 + (2**20 - 1) * 1e-6) ** 0.5, rel=1e-7)
