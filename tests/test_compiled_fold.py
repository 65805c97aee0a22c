"""Compiled im2col and col2im agree with their compositions."""

import math

import pytest

import ember as torch
from ember.backends import kernels

pytest.importorskip("numba")
F = torch.nn.functional

CASES = [  # images, options
    ((2, 3, 8, 7), {"kernel_size": 3, "padding": 1}),
    ((2, 3, 8, 7), {"kernel_size": 1}),
    ((3, 2, 9, 11), {"kernel_size": (2, 3), "stride": (3, 2), "padding": (1, 2)}),
    ((1, 2, 9, 12), {"kernel_size": (3, 2), "stride": (1, 2), "dilation": (2, 5)}),
    ((2, 2, 2, 3), {"kernel_size": 5, "padding": 3}),
    ((2, 8, 8), {"kernel_size": 4, "stride": 4}),
]


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    monkeypatch.setattr(kernels, "_from", 0)


def value_and_gradient(function, x):
    out = function(x)
    torch.manual_seed(1)
    return out, *torch.autograd.grad(out, x, torch.randn_like(out))


def assert_like_composition(function, x):
    ours = value_and_gradient(function, x)
    assert ours[0].grad_fn.name() in ("Im2colBackward0", "Col2imBackward0", "SqueezeBackward1")
    with torch.expand():
        expected = value_and_gradient(function, x)
    for a, b in zip(ours, expected):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape, options", CASES)
def test_values_and_gradients(shape, options, dtype):
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=dtype, requires_grad=True)
    assert_like_composition(lambda x: F.unfold(x, **options), x)
    y = torch.randn_like(F.unfold(x, **options)).requires_grad_()
    assert_like_composition(lambda y: F.fold(y, shape[-2:], **options), y)


def test_other_memory_orders_and_special_values():
    x = torch.randn(7, 6, 3, 2).permute(3, 2, 0, 1)
    x[0, 0, 0, 0], x[1, 0, 3, 3] = math.nan, math.inf
    assert_like_composition(lambda x: F.unfold(x, 3, padding=2), x.detach().requires_grad_())
    y = torch.randn(30, 12, 2).permute(2, 1, 0)
    assert_like_composition(lambda y: F.fold(y, (7, 6), 2), y.detach().requires_grad_())


def test_the_result_has_its_own_memory():
    x = torch.ones(1, 2, 3, 3)
    F.unfold(x, 1).zero_()
    F.fold(x.flatten(2), (3, 3), 1).zero_()
    assert (x == 1).all()
