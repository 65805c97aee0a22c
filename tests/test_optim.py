"""Optimizers: hand-computed steps, groups, checkpoints, hooks, errors, and packing."""

import copy
import math

import numpy as np
import pytest

import ember
from ember import optim

ALL = (
    optim.Adadelta, optim.Adafactor, optim.Adagrad, optim.Adam, optim.Adamax, optim.AdamW,
    optim.ASGD, optim.NAdam, optim.RAdam, optim.RMSprop, optim.Rprop, optim.SGD,
)


def leaf(values, grad=None, dtype=None):
    p = ember.tensor(values, dtype=dtype or ember.float64, requires_grad=True)
    if grad is not None:
        p.grad = ember.tensor(grad, dtype=p.dtype)
    return p


def host(t):
    return t.detach().cpu().numpy()


def descend(optimizer, params, steps, rng):
    for _ in range(steps):
        for p in params:
            p.grad = ember.tensor(rng.standard_normal(tuple(p.shape)), dtype=p.dtype)
        optimizer.step()


# -- the rules, by hand --------------------------------------------------------------------------


def test_sgd_with_momentum_by_hand():
    p = leaf([1.0], [2.0])
    optimizer = optim.SGD([p], lr=0.1, momentum=0.5, dampening=0.25, weight_decay=0.1)
    optimizer.step()  # b = g = 2 + 0.1 * 1; dampening starts with the second step
    assert host(p) == pytest.approx([1 - 0.21])
    optimizer.step()
    b = 0.5 * 2.1 + 0.75 * (2 + 0.1 * 0.79)
    assert host(p) == pytest.approx([0.79 - 0.1 * b])


def test_adam_by_hand():
    p = leaf([1.0], [3.0])
    optimizer = optim.Adam([p], lr=0.1, betas=(0.5, 0.25), eps=0.125)
    optimizer.step()
    assert host(p) == pytest.approx([1 - 0.1 * 3 / (3 + 0.125)])
    m, v = 0.5 * 1.5 + 0.5 * 3, 0.25 * 6.75 + 0.75 * 9
    before = host(p).copy()
    optimizer.step()
    step = 0.1 * (m / 0.75) / (math.sqrt(v / (1 - 0.25**2)) + 0.125)
    assert host(p) == pytest.approx(before - step)


def test_adamw_shrinks_the_parameter_and_leaves_the_averages_alone():
    p = leaf([2.0], [0.0])
    optimizer = optim.AdamW([p], lr=0.5, weight_decay=0.5)
    optimizer.step()
    assert host(p) == pytest.approx([2 * 0.75])
    assert host(optimizer.state[p]["exp_avg"]) == 0


@pytest.mark.parametrize("cls", ALL)
def test_every_rule_descends_and_maximize_climbs(cls):
    for maximize, sign in ((False, 1), (True, -1)):
        p = leaf([[1.0, -1.0], [2.0, -2.0]])
        optimizer = cls([p], lr=0.01, maximize=maximize)
        for _ in range(5):
            optimizer.zero_grad()
            loss = (p * p).sum()
            loss.backward()
            optimizer.step()
        assert sign * float((p * p).sum()) < sign * 10


def test_lbfgs_finds_the_minimum_of_rosenbrocks_valley():
    p = leaf([-1.2, 1.0])
    options = {"max_iter": 100, "tolerance_change": 1e-12, "line_search_fn": "strong_wolfe"}
    optimizer = optim.LBFGS([p], **options)

    def closure():
        optimizer.zero_grad()
        loss = 100 * (p[1] - p[0] ** 2) ** 2 + (1 - p[0]) ** 2
        loss.backward()
        return loss

    assert float(optimizer.step(closure)) == pytest.approx(24.2)
    optimizer.step(closure)
    assert host(p) == pytest.approx([1, 1], abs=1e-5)


def test_muon_steps_by_a_nearly_orthogonal_matrix():
    p = leaf(np.zeros((4, 3)))
    optimizer = optim.Muon([p], lr=1.0, weight_decay=0.0, momentum=0.0, nesterov=False)
    descend(optimizer, [p], 1, np.random.default_rng(0))
    singular = np.linalg.svd(host(p) / math.sqrt(4 / 3), compute_uv=False)
    assert np.all((singular > 0.5) & (singular < 1.5))


# -- packing -------------------------------------------------------------------------------------

SHAPES = [(3, 4), (5,), (), (2, 2), (120, 100)]


def run(cls, alone, steps=6, skip=None, **options):
    """Final parameters, either in one group or each in its own (never packed)."""
    rng = np.random.default_rng(0)
    params = [leaf(rng.standard_normal(shape)) for shape in SHAPES]
    optimizer = cls([{"params": [p]} for p in params] if alone else params, **options)
    for step in range(steps):
        for i, p in enumerate(params):
            grad = rng.standard_normal(SHAPES[i])
            p.grad = None if (step, i) == skip else ember.tensor(grad, dtype=p.dtype)
        optimizer.step()
    return [host(p) for p in params], optimizer.state_dict()["state"]


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("skip", [None, (0, 1), (3, 1)])
def test_packed_and_single_updates_give_the_same_bits(cls, skip):
    """`skip`: one parameter has no gradient at one step, so that the counters part."""
    packed, packed_state = run(cls, alone=False, skip=skip)
    single, single_state = run(cls, alone=True, skip=skip)
    for a, b in zip(packed, single, strict=True):
        np.testing.assert_array_equal(a, b)
    for number, state in single_state.items():
        for name, value in state.items():
            np.testing.assert_array_equal(host(packed_state[number][name]), host(value))


def test_state_replaced_by_hand_is_used():
    rng = np.random.default_rng(0)
    params = [leaf([1.0]), leaf([2.0])]
    optimizer = optim.SGD(params, lr=0.1, momentum=0.9)
    descend(optimizer, params, 2, rng)
    optimizer.state[params[0]]["momentum_buffer"] = ember.tensor([100.0], dtype=ember.float64)
    before = host(params[0]).copy()
    for p in params:
        p.grad = ember.zeros_like(p)
    optimizer.step()
    assert host(params[0]) == pytest.approx(before - 0.1 * 90)


def test_parameters_written_between_steps_are_used():
    params = [leaf([1.0], [0.0]), leaf([2.0], [0.0])]
    optimizer = optim.Adam(params)
    optimizer.step()
    with ember.no_grad():
        params[0].fill_(7.0)
    params[1].data = ember.tensor([8.0], dtype=ember.float64)
    optimizer.step()
    assert host(params[0]) == 7 and host(params[1]) == 8


def test_a_parameter_may_change_its_shape():
    params = [leaf([1.0], [1.0]), leaf([2.0], [1.0])]
    optimizer = optim.SGD(params, lr=0.5)
    optimizer.step()
    params[0].data = ember.tensor([1.0, 2.0, 3.0], dtype=ember.float64)
    params[0].grad = ember.ones_like(params[0])
    optimizer.step()
    assert host(params[0]).tolist() == [0.5, 1.5, 2.5] and host(params[1]) == 1


def test_a_parameter_keeps_its_memory():
    params = [leaf([1.0], [1.0]), leaf([2.0], [1.0])]
    views = [p.detach() for p in params]
    optim.SGD(params, lr=0.5).step()
    assert [float(view) for view in views] == [0.5, 1.5]


def test_a_step_between_forward_and_backward_is_noticed():
    p = leaf([2.0], [1.0])
    loss = (p * p).sum()
    optim.SGD([p], lr=0.1).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


# -- groups and options --------------------------------------------------------------------------


def test_groups_have_their_own_options():
    a, b = leaf([1.0], [1.0]), leaf([1.0], [1.0])
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 0.5}], lr=0.1)
    optimizer.step()
    assert host(a) == pytest.approx([0.9]) and host(b) == pytest.approx([0.5])
    c = leaf([1.0], [1.0])
    optimizer.add_param_group({"params": c, "lr": 1.0})
    optimizer.step()
    assert host(c) == 0


def test_named_parameters_are_remembered():
    optimizer = optim.SGD([("w", leaf([1.0])), ("b", leaf([2.0]))], lr=0.1)
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["w", "b"]


def test_learning_rate_may_be_a_tensor():
    p = leaf([1.0], [1.0])
    lr = ember.tensor(0.5)
    optimizer = optim.SGD([p], lr=lr)
    optimizer.step()
    lr.fill_(0.25)
    optimizer.step()
    assert host(p) == pytest.approx([0.25])


def test_parameters_without_gradient_and_state_stay():
    p, q = leaf([1.0], [1.0]), leaf([1.0])
    optimizer = optim.Adam([p, q])
    optimizer.step()
    assert host(q) == 1 and q not in optimizer.state


def test_zero_grad():
    p = leaf([1.0], [3.0])
    optimizer = optim.SGD([p], lr=0.1)
    grad = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is grad and float(grad) == 0
    optimizer.zero_grad()
    assert p.grad is None


def test_closure_runs_with_gradients_and_its_loss_comes_back():
    p = leaf([3.0])
    optimizer = optim.SGD([p], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with ember.no_grad():
        loss = optimizer.step(closure)
    assert float(loss) == 9 and host(p) == pytest.approx([2.4])


def test_nothing_changes_when_the_closure_fails():
    p = leaf([3.0], [1.0])
    optimizer = optim.Adam([p])

    def closure():
        raise KeyError("no such batch")

    with pytest.raises(KeyError):
        optimizer.step(closure)
    assert host(p) == 3 and not optimizer.state


def test_complex_parameters_are_pairs_of_real_ones():
    z = leaf([1 + 2j], [0.5 - 1j], dtype=ember.complex128)
    pair = leaf([1.0, 2.0], [0.5, -1.0])
    for cls in (optim.Adam, optim.SGD, optim.Rprop):
        for p in (z, pair):
            cls([p], lr=0.1).step()
    assert host(z).view(float) == pytest.approx(host(pair))


# -- checkpoints ---------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", ALL)
def test_training_goes_on_from_a_checkpoint(cls):
    straight = [leaf([1.0, 2.0]), leaf([[3.0], [4.0]])]
    optimizer = cls(straight)
    rng = np.random.default_rng(0)
    descend(optimizer, straight, 3, rng)
    resumed = [leaf(host(p)) for p in straight]
    other = cls(resumed, lr=123.0)
    other.load_state_dict(optimizer.state_dict())
    later = rng.bit_generator.state
    descend(optimizer, straight, 3, rng)
    rng.bit_generator.state = later
    descend(other, resumed, 3, rng)
    for a, b in zip(straight, resumed, strict=True):
        np.testing.assert_array_equal(host(a), host(b))


def test_loaded_state_is_a_copy_in_the_parameters_dtype():
    p, q = leaf([1.0], [1.0]), leaf([1.0], dtype=ember.float32)
    first, second = optim.Adam([p]), optim.Adam([q])
    first.step()
    second.load_state_dict(first.state_dict())
    loaded = second.state[q]
    assert loaded["exp_avg"].dtype == ember.float32
    assert loaded["step"] is not first.state[p]["step"]
    first.step()
    assert float(loaded["step"]) == 1 and float(first.state[p]["step"]) == 2


def test_state_dict_layout():
    p = leaf([1.0], [1.0])
    optimizer = optim.Adam([p], lr=0.1, amsgrad=True)
    optimizer.step()
    saved = optimizer.state_dict()
    assert list(saved) == ["state", "param_groups"]
    assert list(saved["state"][0]) == ["step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"]
    assert saved["param_groups"][0]["params"] == [0]
    assert saved["state"][0]["step"].dtype == ember.float32 and saved["state"][0]["step"].ndim == 0


def test_loading_another_layout_names_both():
    one, two = optim.SGD([leaf([1.0])], lr=0.1), optim.SGD([leaf([1.0]), leaf([2.0])], lr=0.1)
    with pytest.raises(ValueError, match="group 0 has 2 parameters, the optimizer's has 1"):
        one.load_state_dict(two.state_dict())
    two.add_param_group({"params": leaf([3.0])})
    with pytest.raises(ValueError, match="different number of parameter groups: 2"):
        one.load_state_dict(two.state_dict())


def test_a_failed_load_changes_nothing():
    p = leaf([1.0], [1.0])
    optimizer = optim.Adam([p], lr=0.1)
    optimizer.step()
    group, state = optimizer.param_groups[0], optimizer.state[p]
    before = {name: host(value).copy() for name, value in state.items()}

    def load(change):
        saved = copy.deepcopy(optimizer.state_dict())
        saved["param_groups"][0]["lr"] = 7.0
        saved["state"][0]["exp_avg"] += 1
        change(saved)
        optimizer.load_state_dict(saved)

    def refuse(optimizer):
        raise RuntimeError("no")

    with pytest.raises(ValueError, match="could not convert"):
        load(lambda saved: saved["state"][0].update(step="many"))
    with pytest.raises(KeyError, match="params"):
        load(lambda saved: saved["param_groups"][0].pop("params"))
    with pytest.raises(KeyError, match="state"):
        load(lambda saved: saved.pop("state"))
    optimizer.register_load_state_dict_post_hook(refuse)
    with pytest.raises(RuntimeError, match="no"):
        load(lambda saved: None)
    assert optimizer.param_groups[0] is group and group["lr"] == 0.1
    assert optimizer.state[p] is state
    assert all((host(state[name]) == value).all() for name, value in before.items())


def test_a_copied_optimizer_goes_its_own_way():
    p = leaf([1.0], [1.0])
    optimizer = optim.SGD([p], lr=0.1, momentum=0.9)
    optimizer.step()
    other = copy.deepcopy(optimizer)
    copied = other.param_groups[0]["params"][0]
    copied.grad = ember.ones_like(copied)
    other.step()
    assert host(p) == pytest.approx([0.9]) and host(copied) == pytest.approx([0.71])


# -- hooks ---------------------------------------------------------------------------------------


def test_step_hooks_run_in_order_and_can_be_removed():
    seen = []
    optimizer = optim.SGD([leaf([1.0])], lr=0.1)
    handles = [
        optim.register_optimizer_step_pre_hook(lambda *_: seen.append("every pre")),
        optimizer.register_step_pre_hook(lambda *_: seen.append("pre")),
        optimizer.register_step_post_hook(lambda *_: seen.append("post")),
        optim.register_optimizer_step_post_hook(lambda *_: seen.append("every post")),
    ]
    optimizer.step()
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert seen == ["every pre", "pre", "post", "every post"]


def test_a_pre_hook_may_replace_the_arguments():
    optimizer = optim.SGD([leaf([1.0])], lr=0.1)
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: 5.0), {}))
    assert optimizer.step() == 5.0


def test_state_dict_hooks():
    optimizer = optim.SGD([leaf([1.0])], lr=0.1)
    optimizer.register_state_dict_post_hook(lambda o, saved: {**saved, "note": 1})
    optimizer.register_state_dict_post_hook(lambda o, s: {**s, "first": len(s)}, prepend=True)
    saved = optimizer.state_dict()
    assert saved["note"] == 1 and saved["first"] == 2
    seen = []
    optimizer.register_load_state_dict_pre_hook(lambda o, s: seen.append(sorted(s)))
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    optimizer.load_state_dict(saved)
    assert seen == [["first", "note", "param_groups", "state"], "loaded"]


def test_own_optimizers_get_hooks_and_defaults():
    class Halve(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"factor": 0.5})

        @ember.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p.mul_(group["factor"])

    p, seen = leaf([1.0]), []
    optimizer = Halve([p])
    optimizer.register_step_post_hook(lambda *_: seen.append(1))
    optimizer.step()
    assert host(p) == 0.5 and seen == [1]


# -- text and errors -----------------------------------------------------------------------------


def test_repr():
    assert repr(optim.SGD([leaf([1.0])], lr=0.1)) == (
        "SGD (\nParameter Group 0\n    dampening: 0\n    differentiable: False\n"
        "    foreach: None\n    fused: None\n    lr: 0.1\n    maximize: False\n"
        "    momentum: 0\n    nesterov: False\n    weight_decay: 0\n)"
    )


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda p: optim.SGD([p], lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda p: optim.SGD([p], lr=math.nan), ValueError, "Invalid learning rate: nan"),
        (lambda p: optim.SGD([p], momentum=-1), ValueError, "Invalid momentum value: -1"),
        (lambda p: optim.SGD([p], nesterov=True), ValueError, "requires a momentum"),
        (lambda p: optim.Adam([p], betas=(1.0, 0.9)), ValueError, "parameter at index 0: 1.0"),
        (lambda p: optim.Adam([p], eps=-1), ValueError, "Invalid epsilon value: -1"),
        (lambda p: optim.Adam([p], fused=True, foreach=True), RuntimeError, "cannot be `True`"),
        (lambda p: optim.Rprop([p], etas=(1.5, 2)), ValueError, "Invalid eta values: 1.5, 2"),
        (lambda p: optim.Muon([p]), ValueError, "only supports 2D parameters"),
        (lambda p: optim.LBFGS([{"params": p}, {"params": leaf(1.0)}]), ValueError, "groups"),
        (lambda p: optim.SGD(p), TypeError, "should be an iterable of Tensors or dicts"),
        (lambda p: optim.SGD([]), ValueError, "empty parameter list"),
        (lambda p: optim.SGD([1.0]), TypeError, "can only optimize Tensors, .* float"),
        (lambda p: optim.SGD([{"params": {p}}]), TypeError, "ordered collections"),
        (lambda p: optim.SGD([p * 2]), ValueError, "non-leaf Tensor .*MulBackward0"),
        (lambda p: optim.SGD([{"params": p}, {"params": p}]), ValueError, "more than one"),
        (lambda p: optim.SGD([("p", p), leaf(1.0)]), ValueError, "names are missing"),
        (lambda p: optim.SGD([p], lr=ember.ones(2)), ValueError, "Tensor lr must be 1-element"),
    ],
)
def test_bad_arguments(build, error, message):
    with pytest.raises(error, match=message):
        build(leaf([1.0]))


def test_duplicate_parameters_warn():
    p = leaf([1.0])
    with pytest.warns(UserWarning, match="a parameter group with duplicate parameters"):
        optim.SGD([p, p], lr=0.1)


def test_differentiable_says_what_it_does_not_do():
    with pytest.warns(UserWarning, match="no gradient flows through step"):
        optim.SGD([leaf([1.0])], lr=0.1, differentiable=True)


def test_division_by_zero_shows_in_the_parameters_only():
    p = leaf([1.0], [0.0])
    optim.Adam([p], eps=0.0).step()
    assert np.isnan(host(p)).all()
