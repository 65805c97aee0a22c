"""The benchmarks: what they conclude from times, and that their networks and sides exist."""

import sys
from pathlib import Path

import pytest

import ember

ROOT = Path(__file__).parents[1]

if str(ROOT) not in sys.path:  # benchmarks/ is no installed package.
    sys.path.append(str(ROOT))

from benchmarks import growth, inference, sides, timing  # noqa: E402
from benchmarks.workloads import WORKLOADS  # noqa: E402

pytestmark = pytest.mark.host_only


def test_growth_is_marked_where_it_is_more_than_15_percent_above():
    ours = {"mlp batch 1": 1.0, "mlp batch 2": 2.0, "mlp batch 4": 6.0, "mlp width 1": 1.0,
            "mlp width 2": 2.3}
    theirs = {"mlp batch 1": 3.0, "mlp batch 2": 6.0, "mlp batch 4": 12.0, "mlp width 1": 1.0,
              "mlp width 2": 2.1}
    found = growth.growths(ours, theirs)
    assert {key: row["above"] for key, row in found.items()} == {
        "mlp batch 2": False, "mlp batch 4": True, "mlp width 2": False}
    assert found["mlp batch 4"] == {"growth": 3.0, "peer_growth": 2.0, "above": True}


def test_a_side_is_a_library_and_perhaps_a_variant():
    assert sides.split("ember") == ("ember", "")
    assert sides.split("torch:compile") == ("torch", "compile")
    assert sides.load("ember:numpy") == (ember, "numpy")
    with pytest.raises(SystemExit, match="'fast' of ember; there are compile, step, numpy"):
        sides.split("ember:fast")


def test_a_side_that_fails_says_why_and_runs_no_more_rounds():
    found = sides.turns("run", ["nowhere"], 3, "mlp_tiny", "cpu", 0)
    assert found == {"nowhere": [{"error": "ModuleNotFoundError: No module named 'nowhere'"}]}


def test_the_ratio_is_the_median_over_the_rounds():
    ours, theirs = ([{"ms": ms} for ms in times] for times in ([1, 8, 3], [2, 2, 2]))
    assert sides.ratio(ours, theirs, "ms") == 1.5


def test_summary_names_the_worst(capsys):
    assert sides.summary({"a": 0.5, "b": 2.0}) == {
        "geometric_mean": 1.0, "worst": 2.0, "worst_of": "b"}
    assert capsys.readouterr().out == "geometric mean 1.00, worst 2.00 (b)\n"
    assert sides.summary({}) == {}


def test_functions_take_turns():
    calls = []
    times = timing.alternating_seconds(
        [lambda: calls.append("a"), lambda: calls.append("b")], budget=0, block=0)
    assert calls == ["a", "b", *"aabb" * 3]
    assert len(times) == 2


@pytest.mark.parametrize("name", ["mlp", "lenet"])
def test_inference_records_nothing(name):
    scores = inference.forward(ember, name, 2, "cpu", compile="")()
    assert scores.shape == (2, 10) and not scores.requires_grad


@pytest.mark.parametrize("name", growth.NETWORKS)
def test_sweeps_are_training_steps(name):
    sizes = growth.NETWORKS[name] | {"batch": 2, "width": 8}
    loss = growth.training(ember, "cpu", "", name, **sizes)()
    assert loss.shape == () and loss.requires_grad


@pytest.mark.filterwarnings("ignore:torch.compile")
def test_compiled_workloads_compute_the_same():
    losses = []
    for compile in ("", "compile", "step"):
        ember.manual_seed(0)
        step = WORKLOADS["mlp_tiny"](ember, "cpu", compile)
        losses.append([step().item() for _ in range(3)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert losses[0] == pytest.approx(losses[2], rel=1e-5)
