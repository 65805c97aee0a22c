"""Learning rate schedules: values by hand, resuming, order of calls, errors."""

import math
import warnings

import pytest

import ember
from ember import optim
from ember.optim import lr_scheduler as schedules


def make(lr=1.0, groups=1, cls=optim.SGD, **options):
    params = [{"params": [ember.zeros(1, requires_grad=True)]} for _ in range(groups)]
    return cls(params, lr=lr, **options)


def follow(schedule, steps):
    values = []
    for _ in range(steps):
        values.append(schedule.get_last_lr()[0])
        schedule.optimizer.step()
        schedule.step()
    return values


@pytest.mark.parametrize(
    ("build", "values"),
    [
        (lambda o: schedules.LambdaLR(o, lambda e: 1 / (e + 1)), [1, 1 / 2, 1 / 3, 1 / 4]),
        (lambda o: schedules.MultiplicativeLR(o, lambda e: 0.5), [1, 0.5, 0.25]),
        (lambda o: schedules.StepLR(o, 2, gamma=0.5), [1, 1, 0.5, 0.5, 0.25]),
        (lambda o: schedules.MultiStepLR(o, [1, 3, 3], gamma=0.5), [1, 0.5, 0.5, 0.125]),
        (lambda o: schedules.ConstantLR(o, 0.5, total_iters=2), [0.5, 0.5, 1, 1]),
        (lambda o: schedules.LinearLR(o, 0.5, total_iters=2), [0.5, 0.75, 1, 1]),
        (lambda o: schedules.ExponentialLR(o, 0.5), [1, 0.5, 0.25]),
        (lambda o: schedules.PolynomialLR(o, total_iters=4), [1, 0.75, 0.5, 0.25, 0, 0]),
        (lambda o: schedules.CosineAnnealingLR(o, 2), [1, 0.5, 0, 0.5, 1]),
        (lambda o: schedules.CosineAnnealingWarmRestarts(o, 2, 2), [1, 0.5, 1, 0.8535534, 0.5]),
    ],
)
def test_values(build, values):
    schedule = build(make())
    assert follow(schedule, len(values)) == pytest.approx(values, abs=1e-12, rel=1e-6)


def test_one_cycle_rises_and_falls_far_below():
    optimizer = make(momentum=0.9)
    schedule = schedules.OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
    values = follow(schedule, 9) + schedule.get_last_lr()
    assert values[0] == pytest.approx(1 / 25) and max(values) == pytest.approx(1.0)
    assert values[-1] == pytest.approx(1 / 25 / 1e4)
    assert optimizer.param_groups[0]["momentum"] == pytest.approx(0.95)
    optimizer.step()
    schedule.step()
    optimizer.step()
    with pytest.raises(ValueError, match="Tried to step 11 times"):
        schedule.step()


def test_cyclic_moves_the_momentum_the_other_way():
    optimizer = make(cls=optim.Adam)
    schedule = schedules.CyclicLR(optimizer, 0.0, 1.0, step_size_up=2)
    values, betas = [], []
    for _ in range(5):
        values += schedule.get_last_lr()
        betas.append(optimizer.param_groups[0]["betas"][0])
        optimizer.step()
        schedule.step()
    assert values == pytest.approx([0, 0.5, 1, 0.5, 0])
    assert betas == pytest.approx([0.9, 0.85, 0.8, 0.85, 0.9])


def test_plateau_waits_and_reduces():
    schedule = schedules.ReduceLROnPlateau(make(), factor=0.5, patience=1, cooldown=1)
    values = []
    for metric in (1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.1):
        schedule.step(ember.tensor(metric))
        values += schedule.get_last_lr()
    assert values == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_sequential_hands_over_at_the_milestone():
    optimizer = make()
    parts = [schedules.ConstantLR(optimizer, 0.1, 100), schedules.ExponentialLR(optimizer, 0.5)]
    schedule = schedules.SequentialLR(optimizer, parts, milestones=[2])
    assert follow(schedule, 5) == pytest.approx([0.1, 0.1, 1, 0.5, 0.25])


def test_chained_applies_all():
    optimizer = make()
    parts = [schedules.StepLR(optimizer, 2, 0.1), schedules.ExponentialLR(optimizer, 0.5)]
    schedule = schedules.ChainedScheduler(parts)
    assert follow(schedule, 4) == pytest.approx([1, 0.5, 0.025, 0.0125])


def test_a_resumed_schedule_goes_on():
    first, second = make(momentum=0.9), make(momentum=0.9)
    a = schedules.CyclicLR(first, 0.1, 1.0, 3, mode="triangular2")
    follow(a, 5)
    b = schedules.CyclicLR(second, 0.1, 1.0, 3, mode="triangular2")
    b.load_state_dict(a.state_dict())
    second.load_state_dict(first.state_dict())
    assert b.get_last_lr() == a.get_last_lr()
    assert follow(b, 6) == pytest.approx(follow(a, 6))


def test_functions_that_are_objects_are_saved_by_their_variables():
    class Warmup:
        def __init__(self, length):
            self.length = length

        def __call__(self, epoch):
            return min(1.0, (epoch + 1) / self.length)

    saved = schedules.LambdaLR(make(), Warmup(4)).state_dict()
    assert saved["lr_lambdas"] == [{"length": 4}]
    other = schedules.LambdaLR(make(), Warmup(2))
    other.load_state_dict(saved)
    assert other.lr_lambdas[0].length == 4 and saved["lr_lambdas"] == [{"length": 4}]


def test_a_tensor_learning_rate_keeps_its_identity():
    lr = ember.tensor(1.0)
    optimizer = make(lr)
    schedule = schedules.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    schedule.step()
    assert optimizer.param_groups[0]["lr"] is lr and float(lr) == 0.5
    assert schedule.get_last_lr()[0] is not lr


def test_stepping_before_the_optimizer_warns():
    schedule = schedules.ExponentialLR(make(), 0.5)
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        schedule.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schedule.optimizer.step()
        schedule.step()


def test_an_overridden_step_warns():
    optimizer = make()
    schedule = schedules.ExponentialLR(optimizer, 0.5)
    optimizer.step = lambda: None
    with pytest.warns(UserWarning, match="has been overridden"):
        schedule.step()


def test_the_epoch_argument_jumps_and_warns():
    schedule = schedules.StepLR(make(), 2, gamma=0.5)
    schedule.optimizer.step()
    with pytest.warns(UserWarning, match="epoch parameter"):
        schedule.step(5)
    assert schedule.get_last_lr() == [0.25]


def test_get_lr_outside_a_step_warns():
    schedule = schedules.ExponentialLR(make(), 0.5)
    with pytest.warns(UserWarning, match="get_last_lr"):
        schedule.get_lr()


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda o: schedules.StepLR([], 1), TypeError, "list is not an Optimizer"),
        (lambda o: schedules.StepLR(o, 1, last_epoch=3), KeyError, "initial_lr"),
        (lambda o: schedules.ConstantLR(o, 2.0), ValueError, "between 0 and 1"),
        (lambda o: schedules.LinearLR(o, 0.0), ValueError, "greater than 0"),
        (lambda o: schedules.LambdaLR(o, [min, max]), ValueError, "Expected 1 lr_lambdas"),
        (lambda o: schedules.CosineAnnealingWarmRestarts(o, 0), ValueError, "positive integer"),
        (lambda o: schedules.ReduceLROnPlateau(o, factor=1.0), ValueError, "Factor"),
        (lambda o: schedules.ReduceLROnPlateau(o, mode="mid"), ValueError, "mode mid is unknown"),
        (lambda o: schedules.OneCycleLR(o, 1.0), ValueError, "either total_steps OR"),
        (lambda o: schedules.CyclicLR(o, [1, 2], 1), ValueError, "base_lr has 2 values"),
        (lambda o: schedules.CyclicLR(o, 0, 1, mode="square"), ValueError, "mode is invalid"),
        (lambda o: schedules.SequentialLR(o, [], []), ValueError, "at least one scheduler"),
        (lambda o: schedules.ChainedScheduler([]), ValueError, "at least one scheduler"),
        (
            lambda o: schedules.ChainedScheduler([schedules.ReduceLROnPlateau(o)]),
            ValueError, "does not support `ReduceLROnPlateau`",
        ),
        (
            lambda o: schedules.SequentialLR(o, [schedules.StepLR(make(), 1)], []),
            ValueError, "belong to the same optimizer",
        ),
    ],
)
def test_bad_arguments(build, error, message):
    with pytest.raises(error, match=message):
        build(make())


def test_two_groups_have_two_rates():
    optimizer = make(groups=2)
    optimizer.param_groups[1]["lr"] = 10.0
    schedule = schedules.LambdaLR(optimizer, [lambda e: 0.5**e, lambda e: math.exp(-e)])
    optimizer.step()
    schedule.step()
    assert schedule.get_last_lr() == pytest.approx([0.5, 10 * math.exp(-1)])
