"""Transforms beside PyTorch's: forward mode over the operator database, and the rest by hand."""

import warnings

import numpy as np
import pytest
import torch

import ember

from . import adapter
from .report import read_passing
from .sweeps import LARGEST, _differentiable, _leaf_size, forward_mode, gradgradcheck
from .translate import Side
from .verdict import REFERENCE

# Where PyTorch's own answer is no measure, by the reason.
DIFFERENT = {
    "bfloat16": "NumPy cannot compare it",
    "cholesky_inverse": "PyTorch's tangent is 1e-5 from the difference quotient",
    "linalg.norm/subgradients_at_zero": "0 / 0 in different places",
    "logcumsumexp": "PyTorch's tangent is rounded to 1e-6",
    "native_layer_norm": "PyTorch's double backward fails",
    "nn.functional.linear_cross_entropy/chunked_none": "PyTorch's backward is not differentiable",
}
ENTRIES = {key: entry for key, entry in adapter.entries().items() if key not in DIFFERENT}
TWICE = sorted(key for key, entry in ENTRIES.items() if entry.twice_differentiable)
FORWARD = sorted(key for key, entry in ENTRIES.items()
                 if entry.differentiable and entry.info.supports_forward_ad)
SAMPLES = 2


@pytest.fixture(scope="module")
def passing():
    return set(read_passing())


def draw(shape, dtype, rng):
    values = rng.standard_normal(tuple(shape))
    return values + 1j * rng.standard_normal(tuple(shape)) if dtype.is_complex else values


@pytest.mark.parametrize("key", FORWARD)
def test_forward_mode_of_operator(key, passing):
    if key not in passing:
        pytest.skip("the operator itself does not agree yet")
    assert forward_mode(ENTRIES[key], Side(ember), cap=4) is None


@pytest.mark.parametrize("key", sorted({*TWICE} - {*FORWARD}))
def test_jvp_of_operator_without_forward_mode_in_torch(key, passing):
    """It equals PyTorch's double backward."""
    if key not in passing:
        pytest.skip("the operator itself does not agree yet")
    entry = ENTRIES[key]
    small = [s for s in adapter.samples(entry, 60) if 0 < _leaf_size(s) <= LARGEST]
    for sample in adapter.spread(small, SAMPLES):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compare_jvp(entry, sample)


# What gradgradcheck cannot measure by differences.
INEXACT = {
    "as_strided/partial_views": "moved inputs lose the memory around them",
    "bfloat16": "results in half precision", "half": "results in half precision",
    "cfloat": "results in single precision", "float": "results in single precision",
    "cov": "weights in single precision",
    "linalg.norm/subgradients_at_zero": "a kink",
}


@pytest.mark.parametrize("key", sorted({*TWICE} - {*INEXACT}))
def test_second_order_of_operator(key, passing):
    if key not in passing:
        pytest.skip("the operator itself does not agree yet")
    assert gradgradcheck(ENTRIES[key], Side(ember), cap=2) is None


def compare_jvp(entry, sample):
    theirs, leaves = _differentiable(entry, sample, REFERENCE)
    rng = np.random.default_rng(0)
    tangents = [draw(t.shape, t.dtype, rng) for t in leaves]
    expected = torch.autograd.functional.jvp(
        theirs, tuple(t.detach() for t in leaves),
        tuple(torch.tensor(v, dtype=t.dtype) for v, t in zip(tangents, leaves)))[1]
    ours, leaves = _differentiable(entry, sample, Side(ember))
    found = ember.func.jvp(
        ours, tuple(t.detach() for t in leaves),
        tuple(ember.tensor(v, dtype=t.dtype) for v, t in zip(tangents, leaves)))[1]
    expected = expected if isinstance(expected, tuple) else (expected,)
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a.numpy(), b.resolve_conj().numpy(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("key", TWICE)
def test_vmap_of_operator(key, passing):
    """vmap of every operator, and of its gradient, computes what single calls compute."""
    if key not in passing:
        pytest.skip("the operator itself does not agree yet")
    entry = ENTRIES[key]
    small = [s for s in adapter.samples(entry, 60) if 0 < _leaf_size(s) <= LARGEST]
    for sample in adapter.spread(small, SAMPLES):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compare_vmap(*_differentiable(entry, sample, Side(ember)))


def compare_vmap(f, leaves):
    def total(*args):
        outputs = f(*args)
        parts = [t.real if t.is_complex() else t for t in outputs]
        return sum((t.sum() for t in parts), ember.zeros((), dtype=ember.float64)), outputs

    g = ember.func.grad(total, argnums=tuple(range(len(leaves))), has_aux=True)
    examples = [[t.detach() * scale for t in leaves] for scale in (1, 0.75)]
    gradients, outputs = ember.vmap(g, randomness="same")(*map(ember.stack, zip(*examples)))
    for number, example in enumerate(examples):
        expected, values = g(*example)
        for found, single in zip((*gradients, *outputs), (*expected, *values)):
            assert found[number].shape == single.shape and found.dtype == single.dtype
            np.testing.assert_allclose(found[number].numpy(), single.numpy(), 1e-7, 1e-10)


def programs():
    """Functions of (library, tensors) that use transforms, each with the shapes it takes."""
    def nested(M, x, w):
        return M.func.vmap(M.func.grad(lambda x, w: (x * w).sin().sum(), argnums=1),
                           in_dims=(0, None))(x, w)

    def hessian_diagonal(M, x, w):
        return M.func.vmap(lambda h: h.diagonal())(
            M.func.vmap(M.func.hessian(lambda x: (x * w).exp().sum()))(x))

    def mixed(M, x, w):
        return M.func.jacfwd(M.func.jacrev(lambda w: (x @ w).tanh().sum()))(w)

    def outside(M, x, w):
        inner = M.func.vmap(lambda row: (row * w).cumsum(0), out_dims=1)(x)
        return M.func.grad(lambda x: (x * inner.T).prod(1).sum())(x)

    def pairs(M, x, w):
        return M.func.vmap(lambda a: M.func.vmap(lambda b: M.dot(a, b) * w.sum())(x))(x)

    def pushed(M, x, w):
        return M.func.vmap(lambda t: M.func.jvp(lambda x: (x @ w).sigmoid(), (x,), (t,))[1],
                           in_dims=-1)(M.stack([x, x * w], -1))

    def torn(M, x, w):
        return M.func.vmap(lambda row: M.cat([M.flatten(row.view(1, 3)), M.stack([row.sum()])]),
                           out_dims=1, chunk_size=3)(x)

    def sizes(M, x, w):
        return M.autograd.functional.hessian(lambda x, w: (x * x * w).sum(), (x, w))

    def vectors(M, x, w):
        f = M.func.vmap(lambda x: M.func.vjp(lambda x: (x.softmax(0), x.norm()), x)[1](
            (w, w.sum())))
        return f(x)

    shapes = ((4, 3), (3,))
    return {f.__name__: (f, shapes) for f in (
        nested, hessian_diagonal, mixed, outside, pairs, pushed, sizes, torn, vectors)}


@pytest.mark.parametrize("name", sorted(programs()))
def test_program(name):
    f, shapes = programs()[name]
    rng = np.random.default_rng(1)
    values = [rng.standard_normal(shape) for shape in shapes]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own
        expected = f(torch, *map(torch.tensor, values))
    found = f(ember, *map(ember.tensor, values))
    check(found, expected)


def check(found, expected):
    if isinstance(expected, (tuple, list)):
        assert type(found) is type(expected) and len(found) == len(expected)
        for a, b in zip(found, expected):
            check(a, b)
        return
    assert tuple(found.shape) == tuple(expected.shape)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-9, atol=1e-12)


def raised(call):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
    except Exception as error:
        return type(error).__name__
    return None


MISUSES = {
    "grad of a vector": lambda M, x: M.func.grad(lambda x: x * 2)(x),
    "grad of a number": lambda M, x: M.func.grad(lambda x: 1.0)(x),
    "argnums out of range": lambda M, x: M.func.grad(lambda x: x.sum(), argnums=3)(x),
    "grad at a number": lambda M, x: M.func.grad(lambda x: x * x)(2.0),
    "grad at integers": lambda M, x: M.func.grad(lambda x: x.sum())(M.tensor([1, 2])),
    "aux missing": lambda M, x: M.func.grad(lambda x: x.sum(), has_aux=True)(x),
    "primals no tuple": lambda M, x: M.func.jvp(lambda x: x, x, x),
    "tangents of another structure": lambda M, x: M.func.jvp(lambda x: x, (x,), (x, x)),
    "cotangents of another structure": lambda M, x: M.func.vjp(lambda x: x, x)[1]((x, x)),
    "chunk size 0": lambda M, x: M.func.jacrev(lambda x: x, chunk_size=0),
    "in_dims out of range": lambda M, x: M.vmap(lambda x: x, in_dims=5)(x),
    "in_dims of another structure": lambda M, x: M.vmap(lambda x: x, in_dims=(0, 0))(x),
    "in_dims all None": lambda M, x: M.vmap(lambda x: x, in_dims=(None,))(x),
    "no inputs": lambda M, x: M.vmap(lambda: 1)(),
    "sizes differ": lambda M, x: M.vmap(lambda x, y: x)(x, M.ones(7)),
    "mapped number": lambda M, x: M.vmap(lambda x, y: x)(x, 2.0),
    "returns a number": lambda M, x: M.vmap(lambda x: 1.0)(x),
    "batched result with out_dims None": lambda M, x: M.vmap(lambda x: x, out_dims=None)(x),
    "out_dims of another structure": lambda M, x: M.vmap(lambda x: x, out_dims=(0, 0))(x),
    "randomness refused": lambda M, x: M.vmap(lambda x: x + M.rand(2))(x),
    "randomness unknown": lambda M, x: M.vmap(lambda x: x, randomness="none")(x),
    "vmap chunk size": lambda M, x: M.vmap(lambda x: x, chunk_size=0)(x),
    "dual outside a level": lambda M, x: M.autograd.forward_ad.make_dual(x, x),
    "jacobian of a number": lambda M, x: M.autograd.functional.jacobian(lambda x: 1.0, x),
    "hessian of a vector": lambda M, x: M.autograd.functional.hessian(lambda x: x, x),
    "strict and independent": lambda M, x: M.autograd.functional.jacobian(
        lambda x: M.ones(2), x, strict=True),
    "tied weights": lambda M, x: M.func.functional_call(
        M.nn.Linear(2, 2), ({"weight": x}, {"weight": x}), x),
    "no models": lambda M, x: M.func.stack_module_state([]),
}


@pytest.mark.parametrize("name", sorted(MISUSES))
def test_misuse_raises_the_same_type(name):
    call = MISUSES[name]
    theirs = raised(lambda: call(torch, torch.ones(3, 2)))
    assert theirs is not None
    assert raised(lambda: call(ember, ember.ones(3, 2))) == theirs
