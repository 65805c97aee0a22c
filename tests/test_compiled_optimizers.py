"""The compiled update rules give the numbers of the rules in `ember.optim`."""

import numpy as np
import pytest

import ember as torch
from ember import optim
from ember.backends import cpu, kernels

pytest.importorskip("numba")

RULES = {kind.rule.__name__: kind.rule for kind in vars(optim).values() if hasattr(kind, "rule")}
SHARED = {"maximize": False, "weight_decay": 0}
ADAM = {"lr": 1e-2, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "amsgrad": False,
        "decoupled_weight_decay": False}
SGD = {"lr": 0.1, "momentum": 0.9, "dampening": 0, "nesterov": False}
DECOUPLED = {"weight_decay": 0.1, "decoupled_weight_decay": True}
NADAM = {"lr": 1e-2, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "decoupled_weight_decay": False}
ADAMAX = {"lr": 1e-2, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}
RPROP = {"eta_minus": 0.5, "eta_plus": 1.2, "smallest": 1e-6, "largest": 1.5}
RMSPROP = {"lr": 1e-2, "alpha": 0.9, "eps": 1e-8, "momentum": 0, "centered": False}
CASES = [  # rule, number of state arrays, counters, options
    ("adam", 3, (3.0,), ADAM),
    ("adam", 3, (1.0,), ADAM | {"weight_decay": 0.1, "maximize": True}),
    ("adam", 3, (2.0,), ADAM | DECOUPLED),
    ("adam", 3, (2.0,), ADAM | {"amsgrad": True, "lr": np.float32(0.1)}),
    ("sgd", 1, (False,), SGD | {"momentum": 0}),
    ("sgd", 1, (True,), SGD | {"weight_decay": 0.1, "dampening": 0.5}),
    ("sgd", 1, (False,), SGD | {"dampening": 0.5, "maximize": True}),
    ("sgd", 1, (False,), SGD | {"weight_decay": 0.1, "nesterov": True}),
    ("adadelta", 2, (2.0,), {"lr": 1, "rho": 0.9, "eps": 1e-6, "weight_decay": 0.1}),
    ("rmsprop", 3, (2.0,), RMSPROP),
    ("rmsprop", 3, (2.0,), RMSPROP | {"momentum": 0.9, "centered": True, "weight_decay": 0.1}),
    ("adagrad", 1, (3.0,), {"lr": 0.1, "lr_decay": 0.1, "eps": 1e-10, "maximize": True}),
    ("nadam", 2, (2.0, 0.45, 0.46, 0.2), NADAM),
    ("nadam", 2, (2.0, 0.45, 0.46, 0.2), NADAM | DECOUPLED),
    ("radam", 2, (2.0,), NADAM | {"weight_decay": 0.1}),  # not yet rectified
    ("radam", 2, (50.0,), NADAM | DECOUPLED),
    ("adamax", 2, (2.0,), ADAMAX | {"weight_decay": 0.1, "maximize": True}),
    ("asgd", 1, (0.1, 1.0), {"lambd": 0.1, "weight_decay": 0.1}),
    ("asgd", 1, (0.1, 0.25), {"lambd": 1e-4, "maximize": True}),
    ("rprop", 2, (2.0,), RPROP),
    ("rprop", 2, (2.0,), RPROP | {"maximize": True}),
]
NAMES = [f"{case[0]}-{number}" for number, case in enumerate(CASES)]


def vectors(count, size, dtype=np.float32):
    """Return a parameter, its gradient and `count` state arrays (moments: not negative)."""
    rng = np.random.default_rng(3)
    made = rng.standard_normal((count + 2, size)).astype(dtype)
    if count:
        made[2] = np.abs(made[2]) + 1 + (made[3:] ** 2).sum(0)  # a mean of squares
        made[3:] = np.abs(made[3:])
    return [row.copy() for row in made]


def both(case, arrays, grad=None):
    """Return the arrays after the rule, and after its compiled form."""
    name, _, counters, options = case
    options = SHARED | options
    if name == "rprop":
        del options["weight_decay"]
    rule = RULES[name]
    compiled = kernels.compiled(name, 1 << 30)
    assert compiled is not None and compiled is not rule
    results = []
    for function in (rule, compiled):
        copies = [a.copy() for a in arrays]
        if grad is not None:
            copies[1] = grad
        with cpu.quiet():
            answer = function(cpu, *copies, *counters, **options)
        assert answer is not NotImplemented
        results.append(copies)
    return results


@pytest.mark.parametrize("size", [1, 1001, 1 << 16])
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_one_update_is_the_same(case, size):
    for pure, compiled in zip(*both(case, vectors(case[1], size))):
        np.testing.assert_allclose(compiled, pure, rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("case", [CASES[0], CASES[7]], ids=["adam", "sgd"])
def test_double_precision_is_kept(case):
    for pure, compiled in zip(*both(case, vectors(case[1], 101, np.float64))):
        np.testing.assert_allclose(compiled, pure, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("case", [CASES[3], CASES[16], CASES[19]], ids=["adam", "adamax", "rprop"])
def test_nan_stays_in_its_element(case):
    arrays = vectors(case[1], 100)
    for number, array in enumerate(arrays[1:]):
        array[number] = np.nan
    for pure, compiled in zip(*both(case, arrays)):
        np.testing.assert_allclose(compiled, pure, rtol=3e-6, atol=1e-6)
        np.testing.assert_array_equal(np.isnan(compiled), np.isnan(pure))


def test_no_decay_ignores_an_infinite_parameter():
    arrays = vectors(1, 100)
    arrays[0][2] = np.inf
    pure, compiled = both(CASES[6], arrays)
    assert compiled[0][2] == pure[0][2] == np.inf and np.isfinite(compiled[2]).all()


def test_gradient_may_lie_in_another_order():
    arrays = [a.reshape(20, 50) for a in vectors(1, 1000)]
    grad = np.asfortranarray(arrays[1])
    pure, compiled = both(CASES[7], arrays, grad)
    np.testing.assert_allclose(compiled[0], pure[0], rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("change", [lambda a: a.astype(np.float16), lambda a: a[::2]],
                         ids=["half", "strided"])
def test_other_parameters_are_left_to_the_rule(change):
    _, _, counters, options = CASES[7]
    arrays = [change(a) for a in vectors(1, 100)]
    before = [a.copy() for a in arrays]
    answer = kernels.compiled("sgd", 1 << 30)(cpu, *arrays, *counters, **(SHARED | options))
    assert answer is NotImplemented
    for array, copy in zip(arrays, before):
        np.testing.assert_array_equal(array, copy)


def test_optimizer_uses_the_compiled_rule_for_large_parameters(monkeypatch):
    sizes = []
    compiled = kernels.compiled("sgd", 1 << 30)

    def counted(xp, param, *args, **options):
        sizes.append(param.size)
        return compiled(xp, param, *args, **options)

    monkeypatch.setitem(kernels._compiled, "sgd", (counted,))
    monkeypatch.setattr(kernels, "_from", 8192)
    large, small = (torch.nn.Parameter(torch.ones(n)) for n in (20_000, 10))
    optimizer = torch.optim.SGD([large, small], lr=0.5)
    large.grad, small.grad = torch.ones(20_000), torch.ones(10)
    version = large._version
    optimizer.step()
    assert sizes == [20_000] and large._version > version
    assert (large == 0.5).all() and (small == 0.5).all()
