"""Compiled attention against its composition."""

import contextlib
import math

import numpy as np
import pytest

import ember
import ember.nn.functional as F
from ember.backends import kernels

pytest.importorskip("numba")

if not kernels._load():
    pytest.skip("compiled kernels need numba, scipy and threadpoolctl", allow_module_level=True)


@pytest.fixture(autouse=True)
def forced(monkeypatch):
    """Have every size go to the compiled kernel."""
    monkeypatch.setattr(kernels, "_from", 0)


def normal(*shape, dtype="float32"):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def inputs(lead, queries, keys, features=4, values=4, dtype="float32"):
    """Return queries, keys and values, cut from longer rows so that few versions are compiled."""
    sizes = (queries, features), (keys, features), (keys, values)
    return [normal(*lead, time, 2 * size, dtype=dtype)[..., :size] for time, size in sizes]


@contextlib.contextmanager
def composed():
    """Run compositions, and their parts without compiled kernels."""
    before, kernels._from = kernels._from, math.inf
    try:
        with ember.expand():
            yield
    finally:
        kernels._from = before


def both(q, k, v, mask=None, **options):
    """Return (out, gradients) of the kernel and of the composition."""
    results = []
    for compose in (False, True):
        tensors = [None if a is None else ember.from_numpy(a) for a in (q, k, v, mask)]
        tensors = [None if t is None else t.detach() for t in tensors]
        leaves = [t.requires_grad_() for t in tensors if t is not None and t.is_floating_point()]
        if compose:
            with composed():
                out = F.scaled_dot_product_attention(*tensors, **options)
        else:
            out = F.scaled_dot_product_attention(*tensors, **options)
            assert "Attention" in out.grad_fn.name()
        out.backward(ember.tensor(normal(*out.shape, dtype=q.dtype)))
        results.append([out.detach().numpy()] + [t.grad.numpy() for t in leaves])
    return results


def check(*arrays, tolerance=1e-5, **options):
    for got, wanted in zip(*both(*arrays, **options)):
        np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("queries, keys", [
    pytest.param(1, 1, marks=pytest.mark.slow), (5, 5), (33, 70), (70, 33), (600, 600)])
def test_lengths(queries, keys, causal):
    check(*inputs((2, 2), queries, keys, values=6), is_causal=causal)


@pytest.mark.parametrize("lead", [
    pytest.param((), marks=pytest.mark.slow), (2,), (2, 2, 3)])
def test_leading_dimensions(lead):
    check(*inputs(lead, 5, 7))


def test_double_precision():
    check(*inputs((2, 2), 9, 9, dtype="float64"), tolerance=1e-12, scale=2.0, is_causal=True)


@pytest.mark.parametrize("shape", [(5, 7), (3, 1, 7), (2, 3, 1, 1)])
def test_masks(shape):
    mask = normal(*shape)
    check(*inputs((2, 3), 5, 7), mask)
    visible = np.broadcast_to(mask, (2, 3, 5, 7)) > 0
    visible[..., 0, :] = False  # a query that sees nothing
    check(*inputs((2, 3), 5, 7), visible)


def heads(x, batch=2, time=40, count=3, features=8):
    return [part.view(batch, time, count, features).transpose(1, 2)
            for part in x.split(count * features, 2)]


def test_heads_of_one_projection_are_read_and_joined_without_copies():
    x = ember.tensor(normal(2, 40, 72), requires_grad=True)
    out = F.scaled_dot_product_attention(*heads(x), is_causal=True)
    assert out.stride() == (960, 8, 24, 1)  # (batch, time, heads, features) in memory, as PyTorch's
    assert out.transpose(1, 2).is_contiguous()
    out.transpose(1, 2).sum().backward()
    y = ember.tensor(normal(2, 40, 72), requires_grad=True)
    with composed():
        F.scaled_dot_product_attention(*heads(y), is_causal=True).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-4, atol=1e-5)


def test_nan_stays_with_its_query():
    q, k, v = inputs((2, 2), 6, 6)
    q[0, 0, 3, 1] = math.nan
    got, wanted = both(q, k, v, is_causal=True)
    np.testing.assert_array_equal(np.isnan(got[0]), np.isnan(wanted[0]))
    assert np.isnan(got[0]).sum() == 4


@pytest.mark.parametrize("which", range(3))
def test_each_gradient_alone(which):
    tensors = [ember.from_numpy(a) for a in inputs((2, 2), 5, 7)]
    gradients = []
    for _ in range(2):
        tensors[which] = tensors[which].detach().requires_grad_()
        with composed() if gradients else contextlib.nullcontext():
            out = F.scaled_dot_product_attention(*tensors)
        out.backward(ember.tensor(normal(2, 2, 5, 4)))
        gradients.append(tensors[which].grad.numpy())
    np.testing.assert_allclose(*gradients, rtol=1e-5, atol=1e-5)


def test_gradients_of_one_projection_lie_as_it_does():
    weight = ember.eye(72).requires_grad_()
    x = ember.from_numpy(normal(2, 40, 72))
    projected = x @ weight
    q, k, v = heads(projected)
    found = []
    projected.register_hook(lambda g: found.append(g.numpy()))
    q.register_hook(lambda g: found.append(g.numpy()))
    F.scaled_dot_product_attention(q, k, v).sum().backward()
    part, whole = found
    assert np.shares_memory(part, whole)
    np.testing.assert_array_equal(part, heads(ember.from_numpy(whole))[0].numpy())
