"""What ember.optim.extra and ember.utils add: Newton's method, penalties, stopping, searching."""

import math

import pytest

import ember
from ember.optim.extra import Newton, Penalty, l1, l2
from ember.utils import EarlyStopping
from ember.utils.search import grid_search, log_uniform, random_search, uniform


def valley(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def test_newton_converges_quadratically_in_rosenbrocks_valley():
    x = ember.tensor([-1.2, 1.0], dtype=ember.float64, requires_grad=True)
    optimizer = Newton([x])
    losses = [float(optimizer.step(lambda: valley(x))) for _ in range(25)]
    assert losses == sorted(losses, reverse=True)
    assert float(valley(x)) < 1e-20
    assert optimizer.zero_grad() is None and x.grad is None  # no gradient is left behind


def test_newton_leaves_a_saddle_downhill():
    a = ember.tensor(0.1, dtype=ember.float64, requires_grad=True)
    b = ember.tensor([[1.0]], dtype=ember.float64, requires_grad=True)
    optimizer = Newton([a, b], damping=0.1)

    def closure():  # the Hessian is indefinite where a is small
        return (a**2 - 1) ** 2 + b.sum() ** 2

    for _ in range(30):
        optimizer.step(closure)
    assert float(a.detach().abs()) == pytest.approx(1.0) and b.item() == pytest.approx(0, abs=1e-6)


def test_newton_changes_nothing_when_a_derivative_is_not_finite():
    x = ember.tensor([0.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="not finite; the parameters are unchanged"):
        Newton([x]).step(lambda: x.sqrt().sum())
    assert x.tolist() == [0.0, 2.0]


def test_newton_takes_parameters_that_the_loss_does_not_use():
    x, unused = (ember.tensor([3.0], requires_grad=True) for _ in range(2))
    Newton([x, unused], damping=1e-6).step(lambda: (x * x).sum() + 2 * x.sum())
    assert x.item() == pytest.approx(-1, abs=1e-4) and unused.item() == 3.0


@pytest.mark.parametrize("options", [{"lr": -1}, {"damping": -1}])
def test_newton_refuses(options):
    with pytest.raises(ValueError, match="Invalid"):
        Newton([ember.zeros(1, requires_grad=True)], **options)


def test_an_l1_penalty_makes_zeros_and_l2_does_not():
    ember.manual_seed(0)
    x = ember.randn(64, 8)
    y = x[:, :1] * 2
    zeros = {}
    for kind in (l1, l2):
        layer = ember.nn.Linear(8, 1)
        penalty = Penalty(layer, kernel=kind(0.05))
        optimizer = ember.optim.SGD(layer.parameters(), lr=0.02)
        for _ in range(400):
            optimizer.zero_grad()
            (ember.nn.functional.mse_loss(layer(x), y) + penalty()).backward()
            optimizer.step()
        zeros[kind] = int((layer.weight.abs() < 2e-3).sum())
    assert zeros[l1] == 7 and zeros[l2] < 7


def test_a_penalty_sees_kernels_biases_and_outputs_of_inner_layers():
    model = ember.nn.Sequential(ember.nn.Linear(2, 2), ember.nn.BatchNorm1d(2), ember.nn.ReLU())
    with ember.no_grad():
        for p in model.parameters():
            p.fill_(2.0)
    assert Penalty(model, kernel=l1(1))().item() == 8  # the scale of the norm is no kernel
    assert Penalty(model, bias=l2(1))().item() == 16
    watching = Penalty(model, activity=l2(1))
    out = model(ember.tensor([[1.0, 0.0], [1.0, 0.0]]))
    assert watching().item() == pytest.approx((4 * 16 + out.square().sum().item()) / 2)
    watching.remove()
    assert watching() == 0.0 and Penalty(ember.nn.ReLU(), kernel=l1(1))() == 0.0


def test_early_stopping_restores_the_best_weights():
    model = ember.nn.Linear(1, 1)
    stopping = EarlyStopping(model, patience=2, min_delta=0.1, mode="max")
    seen = []
    for epoch, accuracy in enumerate((0.5, math.nan, 0.8, 0.85, ember.tensor(0.9), 0.99)):
        with ember.no_grad():
            model.weight.fill_(epoch)
        seen.append(stopping.step(accuracy))
        if seen[-1]:
            break
    assert seen == [False, False, False, False, True]  # 0.9 is no more than 0.1 above 0.8
    stopping.restore()
    assert model.weight.item() == 2 and stopping.best_epoch == 2


def test_early_stopping_goes_on_from_its_state():
    first, model = EarlyStopping(ember.nn.Linear(1, 1), patience=3), ember.nn.Linear(1, 1)
    for loss in (1.0, 2.0):
        first.step(loss)
    second = EarlyStopping(model, patience=3)
    second.load_state_dict(first.state_dict())
    assert [second.step(2.0), second.step(2.0)] == [False, True]
    second.restore()
    assert model.weight.item() == first.model.weight.item()
    with pytest.raises(KeyError):
        second.load_state_dict({"best": 7.0})
    assert second.best == 1.0


def test_early_stopping_refuses():
    with pytest.raises(ValueError, match="mode mean is unknown"):
        EarlyStopping(mode="mean")
    with pytest.raises(ValueError, match="patience must not be negative"):
        EarlyStopping(patience=-1)
    with pytest.raises(RuntimeError, match="no weights to restore"):
        EarlyStopping().restore()


def test_grid_search_sorts_all_combinations_nan_last():
    grid = {"a": [0, 1, 2], "b": ["x", "y"]}
    trials = grid_search(lambda a, b: math.nan if a == 0 else a, grid, mode="max")
    assert [t.params["a"] for t in trials] == [2, 2, 1, 1, 0, 0]
    assert {t.params["b"] for t in trials} == {"x", "y"}
    with pytest.raises(ValueError, match="mode best is unknown"):
        grid_search(len, grid, mode="best")


def test_random_search_repeats_itself_and_stays_in_its_space():
    space = {"a": uniform(-1, 1), "b": log_uniform(1e-3, 1e3), "c": [1, 2]}
    first = random_search(lambda a, b, c: a * c, space, 40, seed=3)
    assert first == random_search(lambda a, b, c: a * c, space, 40, seed=3)
    assert first != random_search(lambda a, b, c: a * c, space, 40, seed=4)
    assert all(-1 <= t.params["a"] <= 1 and 1e-3 <= t.params["b"] <= 1e3 for t in first)
    assert sum(t.params["b"] < 1 for t in first) in range(10, 31)
    with pytest.raises(ValueError, match="0 < low <= high"):
        log_uniform(0, 1)


def test_a_search_shows_its_progress(capsys):
    pytest.importorskip("tqdm")
    grid_search(lambda a: a, {"a": [1, 2]}, progress=True)
    assert "2/2" in capsys.readouterr().err


def test_swa_model_averages_and_serves():
    model = ember.nn.Sequential(ember.nn.Linear(1, 1), ember.nn.BatchNorm1d(1))
    swa = ember.optim.swa_utils
    mean = swa.AveragedModel(model, multi_avg_fn=swa.get_ema_multi_avg_fn(0.5))
    for value in (0.0, 1.0, 1.0):
        with ember.no_grad():
            model[0].weight.fill_(value)
        mean.update_parameters(model)
    assert mean.module[0].weight.item() == 0.75 and model[0].weight.item() == 1.0
    swa.update_bn([ember.tensor([[0.0], [4.0]])], mean)
    bias = mean.module[0].bias.item()
    assert mean.module[1].running_mean.item() == pytest.approx(1.5 + bias, rel=1e-5)
    with pytest.raises(AssertionError, match="Only one of"):
        swa.AveragedModel(model, avg_fn=max, multi_avg_fn=max)
    with pytest.raises(ValueError, match="Invalid decay value 2"):
        swa.get_ema_avg_fn(2)
