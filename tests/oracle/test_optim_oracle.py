"""Optimizers and schedules beside PyTorch's, fed the same gradients.

Every configuration of PyTorch's own `optim_db`, 14 steps, several shapes (a large one is updated
alone, the small ones packed), one parameter without a gradient at one step.
"""

import random
import warnings

import numpy as np
import pytest
import torch

import ember
from ember.optim import lr_scheduler as schedules

from . import adapter

STEPS = 14
SHAPES = [(3, 4), (5,), (), (2, 3, 2), (110, 90)]
MATRICES = [(3, 4), (6, 2), (2, 2)]
# Element by element: largest difference over (1 + the value's size).
TOLERANCE = {"float64": 1e-10, "float32": 1e-6, "complex128": 1e-10}


def host(t):
    return t.detach().numpy()


def to_ember(value):
    if isinstance(value, torch.Tensor):
        return ember.tensor(value.numpy().copy())
    return tuple(map(to_ember, value)) if isinstance(value, tuple) else value


def difference(wanted, found):
    assert wanted.shape == found.shape and wanted.dtype == found.dtype
    if wanted.size == 0:
        return 0.0
    return float(np.max(np.abs(wanted - found) / (1 + np.abs(wanted))))


def random_values(rng, shape, dtype):
    values = rng.standard_normal(shape)
    if dtype.startswith("complex"):
        values = values + 1j * rng.standard_normal(shape)
    return np.asarray(values, dtype)


def build(key, kwargs, dtype, rng):
    """Both libraries' parameters and optimizers, from the same start."""
    name = key.split(".")[1]
    shapes = MATRICES if name == "Muon" else SHAPES
    values = [random_values(rng, shape, dtype) for shape in shapes]
    theirs = [torch.tensor(v, requires_grad=True) for v in values]
    ours = [ember.tensor(v.copy(), requires_grad=True) for v in values]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # differentiable=True says what it does not do
        mine = getattr(ember.optim, name)(ours, **{k: to_ember(v) for k, v in kwargs.items()})
        yours = getattr(torch.optim, name)(theirs, **kwargs)
    return theirs, yours, ours, mine


def walk(theirs, yours, ours, mine, dtype, rng):
    for step in range(STEPS):
        for p, q in zip(theirs, ours, strict=True):
            grad = random_values(rng, tuple(p.shape), dtype)
            skip = step == 7 and p.ndim == 1
            p.grad = None if skip else torch.tensor(grad)
            q.grad = None if skip else ember.tensor(grad)
        yours.step()
        mine.step()


def optimizer_cases():
    for key, entry in adapter.optimizers().items():
        if key == "optim.LBFGS":
            continue
        for dtype in TOLERANCE:
            if dtype != "complex128" or entry.info.supports_complex:
                yield pytest.param(key, dtype, id=f"{key}-{dtype}")


@pytest.mark.parametrize(("key", "dtype"), list(optimizer_cases()))
def test_walks_pytorchs_path(key, dtype):
    for sample in adapter.optimizer_inputs(adapter.optimizers()[key]):
        rng = np.random.default_rng(0)
        theirs, yours, ours, mine = build(key, sample.kwargs, dtype, rng)
        walk(theirs, yours, ours, mine, dtype, rng)
        for p, q in zip(theirs, ours, strict=True):
            assert difference(host(p), host(q)) < TOLERANCE[dtype], sample.kwargs
        assert_same_checkpoint(yours.state_dict(), mine.state_dict(), TOLERANCE[dtype])


def assert_same_checkpoint(wanted, found, tolerance):
    """The same keys in the same order, the same dtypes and values."""
    assert list(wanted["state"]) == list(found["state"])
    for number, state in wanted["state"].items():
        assert list(state) == list(found["state"][number])
        for name, value in state.items():
            assert difference(host(value), host(found["state"][number][name])) < tolerance, name
    for group, other in zip(wanted["param_groups"], found["param_groups"], strict=True):
        assert list(group) == list(other)
        for name, value in group.items():
            if not isinstance(value, (torch.Tensor, tuple)):
                assert value == other[name], name


@pytest.mark.parametrize("key", [key for key in adapter.optimizers() if key != "optim.LBFGS"])
def test_goes_on_from_pytorchs_checkpoint(key):
    rng = np.random.default_rng(0)
    theirs, yours, ours, mine = build(key, {}, "float64", rng)
    for p in theirs:
        p.grad = torch.tensor(random_values(rng, tuple(p.shape), "float64"))
    yours.step()
    saved = yours.state_dict()
    state = {n: {k: to_ember(v) for k, v in s.items()} for n, s in saved["state"].items()}
    mine.load_state_dict({"state": state, "param_groups": saved["param_groups"]})
    for p, q in zip(theirs, ours, strict=True):
        q.data = ember.tensor(host(p).copy())
    walk(theirs, yours, ours, mine, "float64", rng)
    for p, q in zip(theirs, ours, strict=True):
        assert difference(host(p), host(q)) < 1e-10


def valley(x):
    """Rosenbrock's function and its gradient, by hand: only the optimizers are compared."""
    slope = np.zeros_like(x)
    slope[1:] += 200 * (x[1:] - x[:-1] ** 2)
    slope[:-1] += -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), slope


def closure_of(library, params, calls):
    def closure():
        calls.append(1)
        loss, slope = valley(np.concatenate([host(p).reshape(-1) for p in params]))
        params[0].grad = library.tensor(slope[:4].reshape(2, 2))
        params[1].grad = library.tensor(slope[4:].copy())
        return library.tensor(loss)

    return closure


@pytest.mark.parametrize(
    "kwargs",
    [
        {}, {"lr": 0.01}, {"max_iter": 4, "history_size": 2, "lr": 0.01}, {"tolerance_grad": 1e-6},
        {"line_search_fn": "strong_wolfe"},
        {"line_search_fn": "strong_wolfe", "lr": 0.5, "history_size": 3},
        {"line_search_fn": "strong_wolfe", "max_iter": 5, "max_eval": 7},
    ],
)
def test_lbfgs_evaluates_where_pytorch_does(kwargs):
    start = np.random.default_rng(3).standard_normal(6)
    sides = []
    for library in (torch, ember):
        params = [
            library.tensor(start[:4].reshape(2, 2).copy(), requires_grad=True),
            library.tensor(start[4:].copy(), requires_grad=True),
        ]
        optimizer, calls = library.optim.LBFGS(params, **kwargs), []
        for _ in range(12):
            optimizer.step(closure_of(library, params, calls))
        sides.append((params, len(calls)))
    (theirs, wanted), (ours, found) = sides
    assert wanted == found
    for p, q in zip(theirs, ours, strict=True):
        assert difference(host(p), host(q)) < 1e-9


# -- schedules -----------------------------------------------------------------------------------

SCHEDULES = {
    "LambdaLR": [{"lr_lambda": [lambda e: 0.95**e, lambda e: 1 / (e + 1)]}],
    "MultiplicativeLR": [{"lr_lambda": lambda e: 0.95}],
    "StepLR": [{"step_size": 3, "gamma": 0.3}],
    "MultiStepLR": [{"milestones": [2, 5, 5, 9], "gamma": 0.3}],
    "ConstantLR": [{}, {"factor": 0.25, "total_iters": 4}],
    "LinearLR": [{}, {"start_factor": 0.2, "end_factor": 0.7, "total_iters": 6}],
    "ExponentialLR": [{"gamma": 0.9}],
    "PolynomialLR": [{}, {"total_iters": 7, "power": 1.7}],
    "CosineAnnealingLR": [{"T_max": 5, "eta_min": 1e-3}],
    "CosineAnnealingWarmRestarts": [{"T_0": 3, "T_mult": 2, "eta_min": 1e-4}, {"T_0": 4}],
    "CyclicLR": [
        {"base_lr": [0.01, 0.1], "max_lr": [0.2, 0.9], **more}
        for more in (
            {"step_size_up": 4},
            {"step_size_up": 3, "step_size_down": 5, "mode": "triangular2"},
            {"step_size_up": 3, "mode": "exp_range", "gamma": 0.97},
            {"step_size_up": 3, "scale_fn": lambda x: 0.5**x, "scale_mode": "iterations"},
            {"step_size_up": 2, "cycle_momentum": False},
        )
    ],
    "OneCycleLR": [
        {"max_lr": [0.1, 0.9], **more}
        for more in (
            {"total_steps": 41},
            {"epochs": 7, "steps_per_epoch": 6, "anneal_strategy": "linear"},
            {"total_steps": 45, "three_phase": True},
            {"total_steps": 41, "cycle_momentum": False, "pct_start": 0.6},
        )
    ],
}
COMBINED = {
    "sequential": lambda m, o: m.SequentialLR(
        o, [m.ConstantLR(o, 0.1, 3), m.ExponentialLR(o, 0.9), m.CosineAnnealingLR(o, 9)], [4, 11]
    ),
    "nested": lambda m, o: m.SequentialLR(
        o, [m.SequentialLR(o, [m.ExponentialLR(o, 0.9), m.StepLR(o, 2)], [5]), m.LinearLR(o)], [8]
    ),
    "chained": lambda m, o: m.ChainedScheduler(
        [m.ConstantLR(o, 0.1, 3), m.ExponentialLR(o, 0.9), m.CosineAnnealingLR(o, 9)]
    ),
}


def two_groups(library, name):
    zeros = [library.zeros(1, requires_grad=True) for _ in range(2)]
    groups = [{"params": [zeros[0]]}, {"params": [zeros[1]], "lr": 0.5}]
    momentum = {"momentum": 0.9} if name == "SGD" else {}
    return getattr(library.optim, name)(groups, lr=0.05, **momentum)


def compare_schedules(make, optimizer_name, jumps=()):
    theirs, ours = (two_groups(library, optimizer_name) for library in (torch, ember))
    wanted, found = make(torch.optim.lr_scheduler, theirs), make(schedules, ours)
    for step in range(40):
        for group, other in zip(theirs.param_groups, ours.param_groups, strict=True):
            for key in {"lr", "initial_lr", "momentum", "betas"} & group.keys():
                assert other[key] == pytest.approx(group[key], rel=1e-12, abs=1e-15), (step, key)
        assert found.get_last_lr() == pytest.approx(wanted.get_last_lr(), rel=1e-12, abs=1e-15)
        for optimizer, schedule in ((theirs, wanted), (ours, found)):
            optimizer.step()
            schedule.step(*(jump[1] for jump in jumps if jump[0] == step))
    assert found.state_dict().keys() == wanted.state_dict().keys()
    # A schedule made anew goes on from either library's checkpoint.
    again = make(schedules, ours)
    for saved in (wanted.state_dict(), found.state_dict()):
        if "_schedulers" not in saved:  # those hold their parts' dicts, whose functions differ
            again.load_state_dict(saved)
            assert again.get_last_lr() == pytest.approx(wanted.get_last_lr(), rel=1e-12)


@pytest.mark.filterwarnings("ignore:The epoch parameter")
def test_warm_restarts_take_fractions_of_epochs():
    def make(module, optimizer):
        return module.CosineAnnealingWarmRestarts(optimizer, T_0=3, T_mult=2, eta_min=1e-4)

    compare_schedules(make, "SGD", jumps=[(step, step / 4) for step in range(40)])


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_tensor_learning_rate_is_scheduled_alike(name):
    sides = []
    for library in (torch, ember):
        rate = library.tensor(0.05, dtype=library.float64)
        optimizer = library.optim.Adam([library.zeros(1, requires_grad=True)], lr=rate)
        options = {k: v[0] if isinstance(v, list) and k != "milestones" else v
                   for k, v in SCHEDULES[name][0].items()}
        schedule, rates = getattr(library.optim.lr_scheduler, name)(optimizer, **options), []
        for _ in range(30):
            optimizer.step()
            schedule.step()
            assert optimizer.param_groups[0]["lr"] is rate
            rates.append(float(rate))
        sides.append(rates)
    assert sides[1] == pytest.approx(sides[0], rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("optimizer_name", ["SGD", "Adam"])
@pytest.mark.filterwarnings("ignore:The epoch parameter")
def test_schedules(name, optimizer_name):
    for options in SCHEDULES[name]:

        def make(module, optimizer, options=options):
            return getattr(module, name)(optimizer, **options)

        compare_schedules(make, optimizer_name)
        if name not in ("CyclicLR", "OneCycleLR"):
            compare_schedules(make, optimizer_name, jumps=((4, 7), (9, 2), (15, 30)))


@pytest.mark.parametrize("name", COMBINED)
@pytest.mark.filterwarnings("ignore:Detected call of")  # of a nested one's first step
def test_combined_schedules(name):
    compare_schedules(COMBINED[name], "SGD")


@pytest.mark.parametrize(
    "options",
    [
        {}, {"patience": 2, "cooldown": 2}, {"mode": "max", "patience": 1, "threshold_mode": "abs"},
        {"patience": 0, "min_lr": [0.01, 0.02], "factor": 0.5}, {"mode": "max", "patience": 1},
        {"threshold_mode": "abs", "threshold": 0.1, "patience": 1},
    ],
)
def test_plateau(options):
    sides = [
        library.optim.lr_scheduler.ReduceLROnPlateau(two_groups(library, "SGD"), **options)
        for library in (torch, ember)
    ]
    metrics = random.Random(0)
    for step in range(60):
        metric = metrics.gauss(1 / (step + 1), 1)
        for schedule in sides:
            schedule.step(metric)
        assert sides[0].get_last_lr() == sides[1].get_last_lr()
    assert sides[0].state_dict() == sides[1].state_dict()


RESUMED = {
    **COMBINED,
    "one cycle": lambda m, o: m.OneCycleLR(o, [0.5, 0.2], total_steps=30),
    "plateau": lambda m, o: m.ReduceLROnPlateau(o, patience=1),
}


@pytest.mark.parametrize("name", RESUMED)
@pytest.mark.parametrize("first", [torch, ember], ids=["to ember", "to PyTorch"])
@pytest.mark.filterwarnings("ignore:Detected call of")
def test_a_schedule_goes_on_in_the_other_library(name, first):
    metric = (1.0,) if name == "plateau" else ()

    def begin(library):
        optimizer = two_groups(library, "SGD")
        return optimizer, RESUMED[name](library.optim.lr_scheduler, optimizer)

    def follow(optimizer, schedule, steps):
        rates = []
        for _ in range(steps):
            optimizer.step()
            schedule.step(*metric)
            rates += schedule.get_last_lr()
        return rates

    one, other = begin(first), begin(ember if first is torch else torch)
    follow(*one, 6)
    for new, old in zip(other, one):
        new.load_state_dict(old.state_dict())
    assert follow(*other, 12) == pytest.approx(follow(*one, 12), rel=1e-12)
