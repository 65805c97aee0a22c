"""Compiled dropout and the compiled words of the random stream, against the portable ones."""

import numpy as np
import pytest

import ember as torch
from ember.backends import cpu, kernels
from ember.backends.random import Stream

pytest.importorskip("numba")

if not kernels._load():
    pytest.skip("compiled kernels need numba, scipy and threadpoolctl", allow_module_level=True)

from ember.backends.compiled import jit

F = torch.nn.functional


@pytest.fixture(params=[0, float("inf")], ids=["compiled", "portable"])
def size_limit(request, monkeypatch):
    monkeypatch.setattr(kernels, "_from", request.param)


def both(monkeypatch, function):
    """Return the results of a function with compiled kernels and without."""
    monkeypatch.setattr(jit, "parts", lambda elements: 2)
    made = []
    for limit in (0, float("inf")):
        monkeypatch.setattr(kernels, "_from", limit)
        made.append(function())
    return made


@pytest.mark.parametrize("draw", [
    lambda s, n: s.words(n), lambda s, n: s.long_words(n), lambda s, n: s.bernoulli(n, 0.3),
    lambda s, n: s.uniform(n, "float32"), lambda s, n: s.uniform(n, "float64", -1, 3),
    lambda s, n: s.normal(n, "float32"), lambda s, n: s.integers(n, "int64", 3, 1000),
    lambda s, n: s.permutation(n)])
def test_compiled_streams_are_the_same_and_may_be_mixed(draw, monkeypatch):
    def drawn():
        stream, made = Stream(7), []
        for n in (1, 5, 623, 1, 3000, 17):
            made += [draw(stream, n), stream._source.randint(0, 1 << 32, 3, np.uint32),
                     stream.state()]
        return made

    for a, b in zip(*both(monkeypatch, drawn), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dropout_and_its_gradient_are_the_same(dtype, monkeypatch):
    def dropped():
        torch.manual_seed(5)
        x = torch.randn(33, 50, dtype=dtype, requires_grad=True)
        out = F.dropout(x.T, 0.3)
        (out * torch.arange(33)).sum().backward()
        return out.detach().numpy(), x.grad.numpy()

    for a, b in zip(*both(monkeypatch, dropped), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.usefixtures("size_limit")
def test_dropout_keeps_what_is_no_number():
    torch.manual_seed(0)
    x = torch.full((4000,), torch.inf, requires_grad=True)
    out = F.dropout(x, 0.5)
    assert 1000 < out.isnan().sum() < 3000 and (out.isnan() | out.isinf()).all()
    assert F.dropout(torch.ones(4000), 0.75).unique().tolist() == [0.0, 4.0]


def test_other_types_are_left_to_the_composition():
    made, kept = kernels.compiled("kept_over", 1 << 30), np.ones(3, bool)
    for x in (np.ones(3, np.float16), np.ones(3, int), np.ones((2, 3), np.float32)):
        assert made.forward(cpu, True, x, kept, 0.5) is NotImplemented
