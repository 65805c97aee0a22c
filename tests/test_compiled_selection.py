"""The compiled search for the first few elements."""

import math

import pytest

import ember as torch
from ember.backends import kernels

pytest.importorskip("numba")


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("k", [1, 5, 64])
def test_like_sorting(monkeypatch, k, largest):
    monkeypatch.setattr(kernels, "_from", 0)
    torch.manual_seed(0)
    x = torch.randint(-300, 300, (40, 1000)).float()  # with many that are equal
    x[3, 7], x[3, 900], x[4, 2], x[5, 5] = math.nan, math.nan, math.inf, -math.inf
    x[6] = math.nan
    values, places = x.topk(k, largest=largest)
    expected = x.sort(1, descending=largest, stable=True)
    torch.testing.assert_close(values, expected.values[:, :k], rtol=0, atol=0, equal_nan=True)
    assert (places == expected.indices[:, :k]).all()


def test_other_shapes_and_gradients(monkeypatch):
    monkeypatch.setattr(kernels, "_from", 0)
    x = torch.arange(60.0, dtype=torch.float64).reshape(2, 30).requires_grad_()
    values, places = x.topk(2)
    assert places.tolist() == [[29, 28], [29, 28]] and places.dtype is torch.int64
    values.sum().backward()
    assert x.grad.sum() == 4 and (x.grad[:, 28:] == 1).all()
    assert x.detach().T.topk(1, dim=0).indices.tolist() == [[29, 29]]
    assert x.detach()[0].topk(0).values.shape == (0,)
