"""Chains of operations on each element become generated loops; without Numba nothing changes."""

import pytest
from compiling import compare, groups, steps

import ember as torch
from ember import nn
from ember.backends import kernels
from ember.compiler.fusion import Fused

pytest.importorskip("numba")
pytestmark = pytest.mark.host_only


@pytest.fixture(autouse=True)
def any_size(monkeypatch, tmp_path_factory):
    """Compile for small arrays as well."""
    monkeypatch.setattr(kernels, "_from", 1)


def test_chains_with_rows_scalars_and_numbers():
    assert compare(lambda x, y, row, one: (x * row + y * one).tanh() / (1 + (-x).exp()) - 0.5,
                   (6, 5), (6, 5), (5,), ()) == [9]


def test_conditions_powers_and_limits():
    assert compare(lambda x, y: torch.where(x > y, x.clamp(-0.5, 0.5), y ** 2) + x.relu().sqrt(),
                   (4, 3), (4, 3)) == [7]


def test_double_precision_and_one_dimension():
    assert compare(lambda x, y: (x.sigmoid() * y.abs()).log1p(), (7,), (7,),
                   dtype=torch.float64, tolerance=1e-12) == [4]


def test_a_value_in_the_middle_that_others_read_is_kept():
    def f(x, w):
        h = (x * 2).tanh() + 1
        return (h @ w) * (h.sum() + h.exp().mean())

    assert compare(f, (3, 4), (4, 4)) == [3]


def test_groups_of_two_and_what_stands_between_them():
    assert compare(lambda x, y, w: ((x + y).relu() @ w).tanh() * 3 - 1,
                   (3, 4), (3, 4), (4, 2)) == [2, 3]


def test_gradients_of_part_of_the_results_and_of_constants():
    def f(x, y):
        a = x.exp() * y
        return torch.cat([(a + 1).detach() * x, a])

    assert sum(compare(f, (2, 3), (2, 3))) >= 2


def test_nan_and_infinity_pass_through():
    f = torch.compile(lambda x: x.relu() * 2 + x.clamp(max=1.0), fullgraph=True)
    x = torch.tensor([float("nan"), float("inf"), -float("inf"), 1.0])
    f(x)
    assert str(f(x)) == str(x.relu() * 2 + x.clamp(max=1.0)) and groups(f) == [4]


def test_operands_that_do_not_fit_a_loop_are_left_alone():
    assert compare(lambda x, column: (x * column + 1).exp(), (3, 4), (3, 1)) == [2]
    assert compare(lambda x, y: x.t() + y * 2, (3, 4), (4, 3)) == []


def test_second_order_through_a_fused_group():
    def f(x):
        return ((x * 3).sin() * x.exp()).sum()

    compiled, x = torch.compile(f, fullgraph=True), torch.tensor([0.5, -1.0])
    compiled(x.clone().requires_grad_())
    both = []
    for call in (f, compiled):
        leaf = x.clone().requires_grad_()
        (g,) = torch.autograd.grad(call(leaf), leaf, create_graph=True)
        both.append(torch.autograd.grad(g.sum(), leaf)[0])
    assert torch.allclose(*both)


def test_dropout_draws_the_same_numbers():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Dropout(0.3), nn.Linear(6, 1))
    start, losses = {k: v.clone() for k, v in model.state_dict().items()}, []
    for call in (model, torch.compile(model, fullgraph=True)):
        model.load_state_dict(start)
        torch.manual_seed(1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(4):
            optimizer.zero_grad()
            loss = call(torch.randn(8, 4)).square().mean()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_without_numba_the_steps_stay_single(monkeypatch):
    monkeypatch.setattr(kernels, "_load", bool)
    assert compare(lambda x, y: (x + y).tanh() * 2, (3, 4), (3, 4), tolerance=0) == []


def test_a_result_takes_the_memory_of_an_input_that_nobody_reads_any_more():
    def f(x, w):
        return (x @ w).relu() + (x @ w).exp() * 2

    def g(x, w):
        h = x @ w
        return h.relu() * 2 + h.view(-1).sum()

    with torch.no_grad():
        for function, taken in ((f, True), (g, False)):
            compiled = torch.compile(function, fullgraph=True)
            x, w = torch.randn(3, 4), torch.randn(4, 5)
            for _ in range(3):
                assert torch.allclose(compiled(x, w), function(x, w), rtol=1e-5)
            assert [s._reused is not None for s in steps(compiled)
                    if isinstance(s, Fused)] == [taken]


def test_loops_need_no_folder_to_write_to(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("EMBER_CACHE", str(tmp_path / "file"))  # below which nobody can write
    compare(lambda x: (x * 3 + 0.125).tanh(), (3, 5))
