"""torch.compile notices what changed, and runs what cannot be replayed."""

import collections
import gc
import time
import types
import warnings

import numpy as np
import pytest
from compiling import eager, programs, replays

import ember as torch
from ember import nn
from ember.backends import threads

pytestmark = pytest.mark.host_only


# -- what a function reads besides its arguments --------------------------------------------------

SCALE = 2.0
SETTINGS = {"scale": 2.0}
LAYERS = [nn.Linear(2, 2)]


def test_changed_globals_containers_and_closures_are_noticed():
    global SCALE
    shift = 1.0

    def f(x):
        return LAYERS[0](x) * SCALE * SETTINGS["scale"] + shift

    compiled, x = replays(f, torch.ones(2)), torch.ones(2)
    assert compiled(x).tolist() == f(x).tolist()
    for change in (lambda: SETTINGS.update(scale=3.0), lambda: LAYERS.__setitem__(0, nn.Identity()),
                   lambda: LAYERS.append(None)):
        change()
        assert compiled(x).tolist() == f(x).tolist()
    SCALE = 5.0
    assert compiled(x).tolist() == f(x).tolist()
    shift = 7.0
    assert compiled(x).tolist() == f(x).tolist()
    SCALE, SETTINGS["scale"] = 2.0, 2.0


class Gated(nn.Module):
    factor = 2

    def __init__(self):
        super().__init__()
        self.layer, self.open, self.steps = nn.Linear(2, 2), True, 0
        self.options = {"shift": 1}

    def forward(self, x):
        return self.layer(x) * self.factor + self.options["shift"] if self.open else x * 1


def test_changed_attributes_of_a_module_are_noticed():
    model = Gated()
    compiled, x = replays(model, torch.ones(2)), torch.ones(2)
    model.steps += 1  # forward does not read it
    assert compiled(x).tolist() == model(x).tolist() and programs(compiled) == 1
    for change in (lambda: setattr(model, "open", False), lambda: setattr(model, "open", True),
                   lambda: model.options.update(shift=5), lambda: setattr(model, "factor", 3),
                   lambda: setattr(model, "layer", nn.Linear(2, 2)),
                   lambda: setattr(Gated, "forward", lambda self, x: self.layer(x) - 1)):
        change()
        assert compiled(x).tolist() == model(x).tolist()


def test_parameters_may_be_loaded_replaced_moved_and_frozen():
    model, x = nn.Linear(2, 1), torch.ones(3, 2)
    compiled = replays(model, x)
    model.load_state_dict({"weight": torch.tensor([[1.0, 2.0]]), "bias": torch.tensor([3.0])})
    assert compiled(x).tolist() == [[6.0]] * 3 and programs(compiled) == 1
    model.weight.data = torch.tensor([[2.0, 2.0]])
    assert compiled(x).tolist() == [[7.0]] * 3 and programs(compiled) == 1
    model.weight = nn.Parameter(torch.tensor([[0.0, 2.0]]))
    assert compiled(x).tolist() == [[5.0]] * 3
    model.requires_grad_(False)
    assert not compiled(x).requires_grad
    model.requires_grad_(True).double()
    assert compiled(x.double()).dtype is torch.float64
    compiled(x.double()).sum().backward()
    assert model.weight.grad.tolist() == [[3.0, 3.0]]


def test_a_state_made_by_the_first_call_is_replayed_from_the_third():
    class Lazy(nn.Module):
        def __init__(self):
            super().__init__()
            self.mask = None

        def forward(self, x):
            if self.mask is None:
                self.mask = torch.ones(2)
            return x * self.mask

    model = Lazy()
    compiled = replays(model, torch.ones(2), calls=3)
    assert compiled(torch.ones(2)).tolist() == [1, 1]


def test_hooks_run_at_every_call():
    model, x, seen = nn.Linear(2, 1), torch.ones(1, 2), []
    compiled = torch.compile(model)
    compiled(x), compiled(x)
    handle = model.register_forward_hook(lambda m, args, out: seen.append(1))
    with pytest.warns(UserWarning, match="hooks"):
        compiled(x)
    compiled(x)
    assert len(seen) == 2
    handle.remove()
    compiled(x)
    assert len(seen) == 2


# -- what cannot be replayed ----------------------------------------------------------------------


def test_control_flow_on_values_is_followed():
    f = eager(lambda x: x + 1 if x.sum() > 0 else x - 1, "item")
    assert f(torch.ones(2)).tolist() == [2, 2] and f(-torch.ones(2)).tolist() == [-2, -2]
    assert f.check()


def test_effects_on_python_happen_each_time(capsys):
    seen, calls = [], {"n": 0}

    def counts(x):
        calls["n"] += 1
        return x * calls["n"]

    def prints(x):
        print("here")
        return x * 1

    def keeps(x):
        seen.append(x)
        return x * 1

    for function, reason in ((counts, "changes"), (prints, "print"), (keeps, "changes")):
        f = eager(function, reason)
        for _ in range(5):
            f(torch.ones(1))
        assert f.check(), f.said
    assert calls["n"] == 5 and len(seen) == 5 and capsys.readouterr().out == "here\n" * 5


def test_clocks_and_other_random_numbers_are_read_each_time():
    import random
    import time

    numbers = iter(range(9))
    for function, reason in ((lambda x: x * random.random(), "random"),
                             (lambda x: x * time.perf_counter(), "perf_counter"),
                             (lambda x: x * float(np.random.rand()), "does not show"),
                             (lambda x: x * next(numbers), "iterator")):
        f = eager(function, reason)
        x = torch.ones(1, dtype=torch.float64)
        assert f(x).tolist() != f(x).tolist() and f.check(), f.said


@pytest.mark.parametrize("function", [
    lambda x: x.numpy() + 1 if False else torch.from_numpy(x.numpy()) + 1,
    lambda x: x[x > 0],
    lambda x: x.nonzero(),
    lambda x: torch.tensor(x.tolist()) + 1,
    lambda x: x + x.detach().sum().item(),
    lambda x: x + float(torch.equal(x, x)),
    lambda x: torch.unique(x),
    lambda x: x.data + 1,
    lambda x: torch.special.zeta(x.abs() + 2, x.abs() + 1) * (1 if x.grad is None else 2),
])
def test_reading_values_is_done_eagerly(function):
    compiled = torch.compile(function)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for x in (torch.tensor([1.0, -2.0, 0.0]), torch.tensor([0.0, 0.0, 3.0])):
            assert compiled(x).tolist() == function(x).tolist()


class Settings:
    def __init__(self):
        self.k = 1.0


def test_objects_classes_and_containers_are_watched():
    settings, items = Settings(), {"a": 1.0}
    f = torch.compile(lambda x: x * settings.k * items["a"] * Settings.base)
    for n in range(6):
        Settings.base, settings.k, items["a"] = n % 2 + 1.0, n / 2, n + 1.0
        assert f(torch.ones(1)).item() == settings.k * items["a"] * Settings.base


def test_layers_are_added_and_removed():
    layers = nn.ModuleList([nn.Identity()])

    class Chain(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = layers

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x * 2

    compiled, x = replays(Chain(), torch.ones(1)), torch.ones(1)
    layers.append(nn.ReLU6())
    layers.append(nn.Hardtanh(0, 0.5))
    assert compiled(x).item() == 1.0
    del layers[2]
    assert compiled(x).item() == 2.0


def test_state_in_a_tensor_is_kept_up():
    total = torch.zeros(2)

    def f(x):
        return total.add_(x)

    compiled = replays(f, torch.ones(2), calls=3)
    assert compiled(torch.ones(2)) is total and total.tolist() == [4, 4]


def test_results_that_are_no_tensors():
    f = replays(lambda x: (x.mean(), x.shape, [3, "a"], x), torch.ones(2, 3))
    x = torch.zeros(2, 3)
    mean, shape, items, same = f(x)
    assert (mean.item(), shape, items) == (0, torch.Size([2, 3]), [3, "a"]) and same is x
    assert isinstance(shape, torch.Size) and f(x)[2] is not items


def test_two_truths_of_no_dimensions_are_told_apart():
    w = torch.ones(2, requires_grad=True)
    f = torch.compile(lambda a, b, x: torch.where(a, x * w, 0.0) + torch.where(b, w, x * 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for a, b in ((True, True), (True, True), (False, True), (True, False)):
            w.grad = None
            x = torch.tensor([3.0, 4.0])
            out = f(torch.tensor(a), torch.tensor(b), x)
            out.sum().backward()
            assert out.tolist() == [a * n + (1 if b else 2 * n) for n in (3, 4)]
            assert w.grad.tolist() == [a * n + b for n in (3, 4)]


def test_numbers_in_masks_and_clamps_are_constants():
    f = replays(lambda x, k: x.masked_fill(x > 0, k).clamp(-2, 2), torch.ones(3), 0.5)
    for k in (0.5, -7.0):
        assert f(torch.tensor([1.0, -1.0, -9.0]), k).tolist() == [max(k, -2), -1, -2]


def test_writing_an_argument_or_a_part_is_right():
    def adds(x):
        x.add_(1)
        return x * 2

    def part(x):
        y = x * 1
        y[0] = 5
        return y

    def view(x):
        y = x * 1
        y.view(-1).mul_(3)
        return y

    for function in (adds, part, view):
        compiled = torch.compile(function)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for n in (1.0, 2.0, 3.0):
                a, b = torch.full((2,), n), torch.full((2,), n)
                assert compiled(a).tolist() == function(b).tolist() and a.tolist() == b.tolist()


def test_fullgraph_raises_and_names_the_reason():
    f = torch.compile(lambda x: x * x.sum().item(), fullgraph=True)
    with pytest.raises(RuntimeError, match="item"):
        f(torch.ones(1))


def test_exceptions_leave_the_function_usable():
    table = nn.Embedding(3, 2)
    compiled = replays(table, torch.tensor([0, 1]))
    with pytest.raises(IndexError, match="out of range"):
        compiled(torch.tensor([0, 7]))
    assert compiled(torch.tensor([2, 1])).tolist() == table(torch.tensor([2, 1])).tolist()
    f = torch.compile(lambda x: x @ x)
    with pytest.raises(RuntimeError):
        f(torch.ones(2, 3))
    assert f(torch.ones(2, 2)).tolist() == [[2, 2], [2, 2]]


def test_what_runs_while_garbage_is_collected_is_no_part_of_the_program():
    ran = []

    def callback(phase, info):
        ran.append((phase, time.perf_counter(), torch.ones(2).sum().item()))

    def f(x):
        pairs = [[x] for _ in range(5000)]  # so many containers that garbage is collected
        return pairs[0][0] * len(pairs)

    gc.callbacks.append(callback)
    try:
        f(torch.ones(1))
        assert ran
        compiled = torch.compile(f, fullgraph=True)
        for _ in range(2):
            assert compiled(torch.ones(1)).item() == 5000
    finally:
        gc.callbacks.remove(callback)
    assert programs(compiled) == 1 and gc.isenabled()


def test_named_tuples_may_be_made():
    pair = collections.namedtuple("pair", "left right")
    f = replays(lambda x: pair(x * 2, 3.0), torch.ones(1))
    made = f(torch.ones(1))
    assert type(made) is pair and made.left.item() == 2 and made.right == 3.0


def test_what_ember_reads_of_the_environment_is_no_part_of_the_program():
    threads._usable.cache_clear()  # as in a new process, where the first kernel asks
    assert programs(replays(nn.Linear(128, 128), torch.ones(128, 128))) == 1


def test_code_that_stands_in_no_module_is_watched_as_well():
    world = {"factor": torch.tensor(2.0)}
    double = (lambda x: x * factor).__code__  # noqa: F821
    f = replays(types.FunctionType(double, world), torch.ones(3))
    assert f(torch.ones(3)).tolist() == [2, 2, 2]
    world["factor"] = torch.tensor(5.0)
    assert f(torch.ones(3)).tolist() == [5, 5, 5]
