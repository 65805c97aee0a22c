"""Compiled functions of each element against NumPy's formulas, values and gradients."""

import numpy as np
import pytest

import ember
import ember.nn.functional as F
from ember.backends import kernels

pytest.importorskip("numba")

if not kernels._load():
    pytest.skip("compiled kernels need numba, scipy and threadpoolctl", allow_module_level=True)

FUNCTIONS = {
    "relu": F.relu, "leaky_relu": lambda x: F.leaky_relu(x, 0.2), "relu6": F.relu6,
    "hardsigmoid": F.hardsigmoid, "hardswish": F.hardswish,
    "hardtanh": lambda x: F.hardtanh(x, -1, 0.5),
    "sigmoid": ember.sigmoid, "tanh": ember.tanh,
    "elu": lambda x: F.elu(x, 0.7), "celu": lambda x: F.celu(x, 1.3), "selu": F.selu,
    "softplus": lambda x: F.softplus(x, 2, 5), "silu": F.silu, "mish": F.mish, "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "logsigmoid": F.logsigmoid,
    "exp": ember.exp, "expm1": ember.expm1, "log": ember.log, "log1p": ember.log1p,
    "sqrt": ember.sqrt,
}
NAMES = {"relu6": "hardtanh", "elu": "scaled_elu", "celu": "scaled_elu", "selu": "scaled_elu",
         "hardswish": "_hardswish", "silu": "_silu", "mish": "_mish", "gelu": "_gelu",
         "gelu_tanh": "_gelu_tanh"}


@pytest.fixture
def forced(monkeypatch):
    """Have every size go to the compiled kernels."""
    monkeypatch.setattr(kernels, "_from", 0)


def run(function, values, monkeypatch, least):
    """Return an activation's values and gradient with kernels from `least` elements on."""
    monkeypatch.setattr(kernels, "_from", least)
    x = ember.tensor(values, requires_grad=True)
    y = function(x)
    y.backward(ember.tensor(np.cos(np.arange(values.size, dtype=values.dtype))
                            .reshape(values.shape)))
    return y.detach().numpy(), x.grad.numpy()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients_are_those_of_the_formula(name, monkeypatch):
    calls = []
    kernel = kernels.compiled(NAMES.get(name, name), 1 << 20)
    for side in ("forward", "backward"):
        monkeypatch.setattr(kernel, side, noted(getattr(kernel, side), calls))
    x = np.concatenate([np.linspace(-30, 30, 301), np.linspace(-3, 3, 100_000),
                        [0, -0.0, 1e-30, -1e-30, np.inf, np.nan]]).astype(np.float32)
    if name in ("log", "log1p", "sqrt"):
        x = np.abs(x)
    if name == "hardswish":  # at infinity the composition has NaN for PyTorch's 1
        x = x[np.isfinite(x)]
    got = run(FUNCTIONS[name], x, monkeypatch, 0)
    assert calls == [True, True]
    expected = run(FUNCTIONS[name], x, monkeypatch, float("inf"))
    for side, a, b in zip(("value", "gradient"), got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=3e-6, atol=3e-6, err_msg=side)


def noted(function, calls):
    """Return a function that also notes whether it served the call."""
    def call(*args, **kwargs):
        result = function(*args, **kwargs)
        calls.append(result is not NotImplemented)
        return result

    return call


@pytest.mark.parametrize("name", ["relu", "gelu", "silu", "leaky_relu"])
def test_any_shape_and_layout(name, forced):
    f = FUNCTIONS[name]
    flat = ember.linspace(-2, 2, 24)
    for x in (flat.reshape(2, 3, 4), flat.reshape(4, 6).t(), flat[::2], flat[:0], flat[3],
              flat[:1].expand(5), flat.half()):
        x = x.clone().requires_grad_() if x.is_contiguous() else x.detach().requires_grad_()
        y = f(x)
        assert y.shape == x.shape and y.dtype is x.dtype
        y.sum().backward()  # an expanded gradient
        with ember.expand():
            np.testing.assert_allclose(y.detach().numpy(), f(x).detach().numpy(), rtol=1e-2)
        assert x.grad.shape == x.shape


def test_gelu_keeps_nothing_but_its_input(forced):
    x = ember.randn(10, requires_grad=True)
    kept = F.gelu(x)._node.saved[1]
    assert len(kept) == 1 and kept[0] is x._array


@pytest.mark.parametrize("name", ["gelu", "tanh", "softplus"])
def test_second_derivatives_run_through_the_composition(name, monkeypatch):
    found = []
    for least in (0, float("inf")):
        monkeypatch.setattr(kernels, "_from", least)
        x = ember.linspace(-2, 2, 9).requires_grad_()
        (g,) = ember.autograd.grad(FUNCTIONS[name](x).sum(), x, create_graph=True)
        found.append(ember.autograd.grad(g.sum(), x)[0])
    assert ember.allclose(*found, atol=1e-6)


def test_float64_is_left_to_numpy(forced):
    x = ember.linspace(-2, 2, 9, dtype=ember.float64).requires_grad_()
    for name in ("gelu", "tanh", "softplus"):
        assert ember.autograd.gradgradcheck(FUNCTIONS[name], (x,))
