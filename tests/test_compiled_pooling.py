"""Compiled pools agree with the portable kernels."""

import math

import pytest

import ember as torch
from ember.backends import kernels

pytest.importorskip("numba")
F = torch.nn.functional

NAN, INF = math.nan, math.inf
POOLS = [  # function, input, options
    ("max_pool2d", (3, 5, 8, 6), {"kernel_size": 2}),
    ("max_pool2d", (3, 5, 9, 7), {"kernel_size": 2}),
    ("max_pool2d", (3, 5, 9, 7), {"kernel_size": 2, "ceil_mode": True}),
    ("max_pool2d", (5, 9, 7), {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("max_pool2d", (2, 3, 9, 8), {"kernel_size": (3, 2), "stride": 1, "dilation": (2, 3)}),
    ("max_pool2d", (2, 3, 7, 40), {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("max_pool2d", (2, 3, 7, 40), {"kernel_size": (2, 5), "stride": 1, "dilation": (1, 3)}),
    ("max_pool1d", (2, 3, 9), {"kernel_size": 3, "padding": 1}),
    ("max_pool3d", (2, 3, 4, 5, 6), {"kernel_size": 2, "stride": (2, 1, 2), "padding": 1}),
    ("avg_pool2d", (3, 5, 8, 6), {"kernel_size": 2}),
    ("avg_pool2d", (3, 5, 9, 7), {"kernel_size": 3, "padding": 1, "ceil_mode": True}),
    ("avg_pool2d", (3, 5, 9, 7), {"kernel_size": 3, "padding": 1, "count_include_pad": False}),
    ("avg_pool2d", (3, 5, 9, 7), {"kernel_size": 2, "divisor_override": 3}),
    ("avg_pool1d", (2, 3, 9), {"kernel_size": 3, "padding": 1}),
    ("avg_pool3d", (2, 3, 4, 5, 6), {"kernel_size": 2, "stride": (2, 1, 2), "padding": 1}),
    ("avg_pool2d", (3, 5, 7, 7), {"kernel_size": 7}),
    ("avg_pool2d", (3, 5, 9, 4), {"kernel_size": (3, 4), "stride": 2, "padding": (1, 0)}),
    ("avg_pool2d", (2, 3, 30, 40), {"kernel_size": 9, "stride": 5, "padding": (4, 3)}),
    ("avg_pool3d", (2, 3, 4, 5, 6), {"kernel_size": (2, 5, 6)}),
    ("adaptive_avg_pool2d", (2, 3, 8, 6), {"output_size": (4, 3)}),
    ("adaptive_avg_pool2d", (2, 3, 13, 11), {"output_size": (6, 12)}),
    ("adaptive_avg_pool2d", (3, 9, 7), {"output_size": (None, 1)}),
    ("adaptive_avg_pool1d", (2, 3, 10), {"output_size": 3}),
    ("adaptive_avg_pool3d", (2, 3, 4, 5, 6), {"output_size": (3, 5, 1)}),
    ("adaptive_max_pool2d", (2, 3, 8, 6), {"output_size": (4, 3)}),
    ("adaptive_max_pool2d", (2, 3, 20, 30), {"output_size": 1}),
]


def value_and_gradient(monkeypatch, name, x, options, compiled_from):
    monkeypatch.setattr(kernels, "_from", compiled_from)
    x = x.detach().requires_grad_()
    out = getattr(F, name)(x, **options)
    torch.manual_seed(1)
    (grad,) = torch.autograd.grad(out, x, torch.randn_like(out))
    return out, grad


def assert_same(monkeypatch, name, x, options):
    expected = value_and_gradient(monkeypatch, name, x, options, INF)
    for ours, theirs in zip(value_and_gradient(monkeypatch, name, x, options, 0), expected):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("name, shape, options", POOLS)
def test_values_and_gradients(monkeypatch, name, shape, options):
    torch.manual_seed(0)
    assert_same(monkeypatch, name, torch.randn(*shape), options)


@pytest.mark.parametrize("width", [12, 40])
@pytest.mark.parametrize("options", [{"kernel_size": 2}, {"kernel_size": 3, "stride": 2}])
def test_ties_nan_and_infinity(monkeypatch, options, width):
    torch.manual_seed(0)
    x = torch.tensor([0.0, 1.0, 1.0, NAN, -INF, INF])[torch.randint(0, 6, (4, 5, 10, width))]
    assert_same(monkeypatch, "max_pool2d", x, options)
    assert_same(monkeypatch, "avg_pool2d", x, options)


def test_other_memory_orders(monkeypatch):
    x = torch.randn(6, 7, 3, 2).permute(3, 2, 0, 1)
    assert_same(monkeypatch, "max_pool2d", x, {"kernel_size": 2})
    assert_same(monkeypatch, "avg_pool2d", x, {"kernel_size": 2})


def test_windows_of_minus_infinity_give_their_first_element_inside(monkeypatch):
    options = {"kernel_size": 3, "padding": 1}
    _, grad = value_and_gradient(monkeypatch, "max_pool2d", torch.full((1, 1, 3, 3), -INF),
                                 options, 0)
    assert (grad != 0).nonzero().tolist() == [[0, 0, 0, 0]]
