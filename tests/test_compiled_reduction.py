"""Compiled sums against NumPy's in float64."""

import numpy as np
import pytest

import ember
from ember.backends import kernels

pytest.importorskip("numba")

if not kernels._load():
    pytest.skip("compiled kernels need numba, scipy and threadpoolctl", allow_module_level=True)


@pytest.fixture(autouse=True)
def forced(monkeypatch):
    """Have every size go to the compiled kernels."""
    monkeypatch.setattr(kernels, "_from", 0)


FUNCTIONS = {
    "sum": (ember.sum, np.sum),
    "mean": (ember.mean, np.mean),
    "norm": (ember.linalg.vector_norm, lambda x, axis, keepdims: np.sqrt(
        np.sum(x * x, axis, keepdims=keepdims))),
}


@pytest.mark.parametrize("name, dtype", [("sum", "float32"), ("mean", "float32"),
                                         ("norm", "float32"), ("sum", "float64")])
@pytest.mark.parametrize("dim", [None, 0, -1, (1, 2), (0, 1), [0, 1, -1], 1])
def test_sums_over_any_dimensions(dim, name, dtype):
    ours, numpys = FUNCTIONS[name]
    x = np.random.default_rng(1).standard_normal((3, 130, 401)).astype(dtype)
    axis = tuple(dim) if isinstance(dim, list) else dim
    for keepdim in (False, True):
        got = ours(ember.tensor(x), dim=dim, keepdim=keepdim).numpy()
        expected = numpys(x.astype(np.float64), axis=axis, keepdims=keepdim)
        assert got.dtype == x.dtype and got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-3 if name == "sum" else 1e-6)


def test_long_sums_stay_exact():
    x = ember.full((1 << 22,), 0.1)
    assert abs(x.sum().item() / ((1 << 22) * float(np.float32(0.1))) - 1) < 1e-6
    assert abs(x.mean().item() - float(np.float32(0.1))) < 1e-7


def test_sums_keep_nan_and_infinity():
    x = ember.zeros(3, 5)
    x[0, 1], x[1, 2] = float("nan"), float("inf")
    assert x.sum().isnan()
    assert x[1:].sum().item() == float("inf")
    assert x.sum(1).isnan().tolist() == [True, False, False]


def test_what_is_left_to_numpy():
    x = ember.arange(24.0).reshape(2, 3, 4)
    assert x.transpose(0, 2).sum().item() == 276
    assert x.sum(1).tolist() == [[12, 15, 18, 21], [48, 51, 54, 57]]
    assert ember.zeros(0, 3).sum(0).tolist() == [0, 0, 0]
    assert ember.zeros(0, 3).sum(1).shape == (0,)
    assert x.long().sum().item() == 276
    assert x.sum(dtype=ember.float64).dtype is ember.float64
    assert ember.tensor(3.0).sum().item() == 3
    with pytest.raises(IndexError):
        x.sum(3)
    with pytest.raises(RuntimeError):
        x.sum((0, 0))


def test_gradients_are_those_of_the_formula():
    x = ember.randn(6, 5, requires_grad=True)
    x.mean().backward()
    x.sum(0).sum().backward()
    assert ember.allclose(x.grad, ember.full((6, 5), 1 + 1 / 30))
