"""Compiled running sums."""

import math

import pytest

import ember as torch
from ember.backends import kernels

pytest.importorskip("numba")


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    monkeypatch.setattr(kernels, "_from", 0)


def slowly(x, dim):
    return torch.stack([x.narrow(dim, 0, i + 1).sum(dim) for i in range(x.shape[dim])], dim)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape, dim", [((5,), 0), ((3, 7), -1), ((4, 300), 0), ((2, 5, 130), 1),
                                        ((1, 1), 1), ((300, 400), 1)])
def test_values_and_gradients(shape, dim, dtype):
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=dtype, requires_grad=True)
    g = torch.randn(shape, dtype=dtype)
    ours, expected = x.cumsum(dim), slowly(x, dim)
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(torch.autograd.grad(ours, x, g)[0],
                               torch.autograd.grad(expected, x, g)[0], rtol=1e-5, atol=1e-4)


def test_other_memory_orders_empty_and_special_values():
    x = torch.arange(6.0).reshape(2, 3)
    assert x.T.cumsum(0).tolist() == [[0, 3], [1, 7], [3, 12]]
    assert x[:, ::2].cumsum(1).tolist() == [[0, 2], [3, 8]]
    assert torch.zeros(0, 3).cumsum(0).shape == (0, 3)
    assert torch.tensor(2.0).cumsum(0).item() == 2.0
    assert x.to(torch.int32).cumsum(0).dtype is torch.int64
    values = torch.tensor([1.0, math.inf, 2.0, -math.inf, 3.0]).cumsum(0).tolist()
    assert values[:3] == [1.0, math.inf, math.inf] and all(map(math.isnan, values[3:]))


def test_long_sums_keep_their_digits():
    total = torch.full((1 << 20,), 0.1).cumsum(0)[-1].item()
    assert total == pytest.approx(0.1 * 2**20, rel=1e-7)
