"""Compiled softmax, its logarithm and cross entropy against NumPy and their compositions."""

import functools
import math

import numpy as np
import pytest

import ember
import ember.nn.functional as F
from ember.backends import kernels

pytest.importorskip("numba")

if not kernels._load():
    pytest.skip("compiled kernels need numba, scipy and threadpoolctl", allow_module_level=True)


def normal(*shape, dtype="float32"):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype) * 3


def both(monkeypatch, function, *arrays):
    """Return (out, gradients) with compiled kernels for every size, and without any."""
    results = []
    for size in (0, math.inf):
        monkeypatch.setattr(kernels, "_from", size)
        tensors = [ember.tensor(a, requires_grad=True) for a in arrays]
        out = function(*tensors)
        out.backward(ember.tensor(normal(*out.shape, dtype=out.dtype.numpy)))
        results.append([out.detach().numpy()] + [t.grad.numpy() for t in tensors])
    return zip(*results)


@pytest.mark.parametrize("function", [ember.softmax, ember.log_softmax])
@pytest.mark.parametrize("shape, dim", [
    ((1,), 0), ((7,), -1), ((33, 1), 1), ((5, 70), 1), ((2, 3, 40), 2), ((5, 1000), -1),
    ((1, 9), 0), ((40, 3), 0), ((2, 5, 3), 1), ((2, 10, 15, 15), 1), ((3, 2, 1, 1), -3)])
def test_softmax(monkeypatch, function, shape, dim):
    for got, wanted in both(monkeypatch, lambda x: function(x, dim), normal(*shape)):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("function", [ember.softmax, ember.log_softmax])
@pytest.mark.parametrize("dim", [0, 1])
def test_softmax_in_double_precision(monkeypatch, function, dim):
    array = normal(6, 5, dtype="float64")
    for got, wanted in both(monkeypatch, lambda x: function(x, dim), array):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("function", [ember.softmax, ember.log_softmax])
@pytest.mark.parametrize("dim", [0, 1])
def test_infinity_and_nan(monkeypatch, function, dim):
    array = np.zeros((5, 5), np.float32)
    array[0, 0], array[1, 1], array[2, 2] = math.inf, -math.inf, math.nan
    array[3] = array[:, 3] = -math.inf
    for size in (0, math.inf):
        monkeypatch.setattr(kernels, "_from", size)
        out = function(ember.tensor(array), dim).numpy()
        if size == 0:
            got = out
    np.testing.assert_allclose(got, out, rtol=1e-6)


def test_softmax_declines_what_it_does_not_serve(monkeypatch):
    monkeypatch.setattr(kernels, "_from", 0)
    cut = ember.tensor(normal(4, 6))[:, ::2]
    np.testing.assert_allclose(ember.softmax(cut, 1).sum(1).numpy(), np.ones(4), rtol=1e-6)
    assert ember.softmax(ember.zeros(2, 0), 1).shape == (2, 0)
    assert ember.softmax(ember.zeros(2, dtype=ember.float16), 0).dtype is ember.float16
    assert ember.softmax(ember.zeros(2), 0, dtype=ember.float64).dtype is ember.float64
    with pytest.raises(IndexError):
        ember.softmax(ember.zeros(2), 1)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ignore", [-100, 2])
def test_cross_entropy(monkeypatch, reduction, dtype, ignore):
    target = ember.tensor([0, 2, 1, 2, 36])
    loss = functools.partial(F.cross_entropy, target=target, ignore_index=ignore,
                             reduction=reduction)
    for got, wanted in both(monkeypatch, loss, normal(5, 37, dtype=dtype)):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
        assert got.dtype == wanted.dtype


def test_cross_entropy_of_large_logits_keeps_their_difference(monkeypatch):
    logits = np.array([[1e6, 1e6 + 1], [-1e6, 1e6]], np.float32)
    loss = functools.partial(F.cross_entropy, target=ember.tensor([0, 0]), reduction="none")
    for got, wanted in both(monkeypatch, loss, logits):
        np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_cross_entropy_reports_classes_that_do_not_exist(monkeypatch):
    monkeypatch.setattr(kernels, "_from", 0)
    for wrong in (3, -1):
        with pytest.raises(IndexError, match=str(wrong)):
            F.cross_entropy(ember.zeros(2, 3), ember.tensor([0, wrong]))


def test_cross_entropy_of_nothing_but_ignored_rows(monkeypatch):
    target = ember.tensor([-100, -100])
    loss = functools.partial(F.cross_entropy, target=target)
    out, gradient = both(monkeypatch, loss, normal(2, 3))
    np.testing.assert_array_equal(*out)
    np.testing.assert_array_equal(*gradient)
