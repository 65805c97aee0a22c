"""Sums of rows and of everything, and what goes on with them, inside generated loops."""

import random

import pytest
from compiling import compare, groups

import ember as torch
from ember.backends import kernels
from ember.compiler import fusion

pytest.importorskip("numba")
pytestmark = pytest.mark.host_only


@pytest.fixture(autouse=True)
def any_size(monkeypatch):
    """Compile for small arrays as well, and for rows of any length."""
    monkeypatch.setattr(kernels, "_from", 1)
    monkeypatch.setattr(fusion, "_NARROWEST", 2)


def softmax(x):
    e = (x - x.amax(-1, keepdim=True)).exp()
    return e / e.sum(-1, keepdim=True)


def rms_norm(x, w):
    return x * (x * x).mean(-1, keepdim=True).add(1e-5).rsqrt() * w


def layer_norm(x, w, b):
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt() * w + b


def squared_error(x, y):
    return ((x - y) ** 2).mean()


@pytest.mark.parametrize("function, shapes, members", [
    (squared_error, [(6, 5), (6, 5)], 3), (rms_norm, [(6, 5), (5,)], 6),
    (softmax, [(2, 3, 7)], 5), (layer_norm, [(6, 33), (33,), (33,)], 9)])
def test_formulas_written_by_hand(function, shapes, members):
    assert compare(function, *shapes, tolerance=5e-6) == [members]


def test_double_precision():
    assert compare(softmax, (6, 5), dtype=torch.float64, tolerance=1e-12) == [5]


@pytest.mark.parametrize("name", ["sum", "mean", "amax", "amin"])
@pytest.mark.parametrize("dim, keepdim", [
    (-1, False), (1, True), ((1,), False), ((), False), ((0, 1), True)])
def test_every_reduction_ends_a_loop(name, dim, keepdim):
    assert compare(lambda x, y: getattr(x * y, name)(dim, keepdim), (6, 5), (6, 5)) == [2]


def test_other_dimensions_and_types_are_left_alone():
    assert compare(lambda x: (x * 2 + 1).sum(0), (6, 5)) == [2]
    assert compare(lambda x: (x * 2 + 1).sum((0, 1)), (6, 5, 3)) == [2]
    assert compare(lambda x: (x * 2 + 1).sum(-1, dtype=torch.float64).float(), (6, 5)) == [2]
    assert compare(lambda x: (x * 2).t().sum(-1), (6, 5)) == []
    assert compare(lambda x: (x * 2 + 1).sum(), (1, 1)) == []
    assert compare(lambda x: (x * 2 + 1).sum(-1), (0, 3)) == []


def test_rows_of_one_element():
    assert compare(lambda x: (x * 2 + 1).sum(-1) * 3, (6, 1)) == [2]


def test_a_sum_without_its_dimension_is_no_column():
    assert compare(lambda x: x.exp() * x.mean(-1), (5, 5)) == [2]


def test_columns_from_outside_and_gradients_of_broadcast_operands():
    assert compare(lambda x, c, r, s: (x * c + r).tanh() * s, (6, 5), (6, 1), (5,), ()) == [4]
    assert compare(lambda x, c: (x * c).sum(-1, keepdim=True) * c + c, (6, 5), (6, 1)) == [4]
    assert compare(lambda x, r, s: (x + r + s).sum(), (6, 5), (6, 5), ()) == [3]
    assert compare(lambda x, s: (x + s).sum(-1).sum(), (6, 5), ()) == [2]


def test_means_of_everything_are_subtracted_again():
    assert compare(lambda x: (x - x.mean()) / (x - x.mean()).square().mean().sqrt(), (6, 33),
                   tolerance=1e-5) == [8]


def test_equal_maxima_share_the_gradient():
    x = torch.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]], requires_grad=True)
    compiled = torch.compile(lambda x: (x * 2).amax(-1) * 1.0, fullgraph=True)
    for _ in range(2):
        x.grad = None
        compiled(x).sum().backward()
    assert torch.allclose(x.grad, torch.tensor([[0, 1, 1], [2 / 3] * 3]))


def test_nan_and_infinity_stay_in_their_row():
    x = torch.randn(4, 5)
    x[0, 1], x[1, 2], x[2, 0] = float("nan"), float("inf"), -float("inf")
    for function in (softmax, lambda x: (x * 2).sum(-1), lambda x: (x * 2).amax(-1)):
        compiled, results = torch.compile(function, fullgraph=True), []
        for call in (function, compiled, compiled):
            leaf = x.clone().requires_grad_()
            out = call(leaf)
            out.sum().backward()
            results.append((out.detach(), leaf.grad))
        for a, b in zip(results[2], results[0]):
            torch.testing.assert_close(a, b, equal_nan=True)
        assert len(groups(compiled)) == 1


def test_many_elements_cost_no_digits():
    x = torch.rand(3, 100_001) + 1000
    compiled = torch.compile(lambda x: ((x * 1.0).sum(-1), (x * 1.0).mean()), fullgraph=True)
    for _ in range(2):
        rows, mean = compiled(x)
    exact = x.double()
    torch.testing.assert_close(rows.double(), exact.sum(-1), rtol=1e-7, atol=0)
    torch.testing.assert_close(mean.double(), exact.mean(), rtol=1e-7, atol=0)


def test_second_order_through_sums():
    compiled, both = torch.compile(rms_norm, fullgraph=True), []
    for call in (rms_norm, compiled, compiled):
        torch.manual_seed(0)
        given = torch.randn(4, 5, requires_grad=True), torch.randn(5, requires_grad=True)
        grads = torch.autograd.grad(call(*given).sin().sum(), given, create_graph=True)
        both.append(torch.autograd.grad(sum(g.square().sum() for g in grads), given))
    for a, b in zip(both[2], both[0]):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


STEPS = [
    lambda x, c, r: x * r, lambda x, c, r: x - c, lambda x, c, r: x.tanh() * 0.5,
    lambda x, c, r: x + c.sigmoid(), lambda x, c, r: x - x.mean(-1, keepdim=True),
    lambda x, c, r: x / (x.square().sum(-1, keepdim=True) + 1),
    lambda x, c, r: x - x.amax(-1, keepdim=True) * c,
    lambda x, c, r: x + x.sum(-1).unsqueeze(-1) * 0.1, lambda x, c, r: x + x.mean() * 0.5,
    lambda x, c, r: torch.where(x > c, x, r), lambda x, c, r: x * x,
]


def made_at_random(seed):
    chosen = random.Random(seed)
    steps = chosen.choices(STEPS, k=6)
    which = chosen.randrange(6)

    def f(x, c, r):
        h, kept = x, []
        for step in steps:
            h = step(h, c, r)
            kept.append(h)
        return h + kept[which] * c + kept[0].mean() + r

    return f


@pytest.mark.parametrize("seed", range(4))
def test_programs_made_at_random(seed):
    assert sum(compare(made_at_random(seed), (4, 6), (4, 1), (6,), tolerance=1e-4)) > 5
