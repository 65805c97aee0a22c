"""Every entry of passing.txt agrees with PyTorch: values, shapes, dtypes and gradients.

passing.txt is a ratchet. An entry in it that stops agreeing fails here; new ones are added by
`python -m tests.oracle.report --write-passing`, and `--complete` instead makes that command
fail for any entry that agrees without being listed.
"""

from pathlib import Path

import pytest

from . import adapter
from .report import read_passing

# Second derivatives are held as well, but for these.
FIRST_ORDER_ONLY = {
    "linalg.norm/subgradients_at_zero",  # 0 here, NaN in PyTorch
    "nn.functional.linear_cross_entropy/chunked",  # PyTorch's fails its own gradgradcheck
}
PASSING = read_passing()
LEFT_OUT = Path(__file__).with_name("left_out.txt")


@pytest.fixture(scope="module")
def peer():
    """Our library as one side of the comparison; PyTorch keeps to one thread meanwhile."""
    import torch

    import ember

    from .translate import Side

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Side(ember)
    torch.set_num_threads(threads)


@pytest.mark.parametrize("key", PASSING)
def test_passing_entry_agrees_with_torch(key, peer):
    from .classes import verdict_on

    verdict = verdict_on(key, peer, second_order=key not in FIRST_ORDER_ONLY)
    assert verdict.state == "right", (
        f"{key}: {verdict.failed} of {verdict.samples} samples {verdict.state}: {verdict.message}"
    )


def test_passing_list_is_sorted_and_known():
    assert sorted(set(PASSING)) == PASSING
    known = {*adapter.entries(True), *adapter.modules(), *adapter.optimizers()}
    assert not set(PASSING) - known


def test_scope_is_the_pinned_606_entries():
    """The scope is written as a rule; a changed rule or database must not move it unnoticed."""
    assert len(adapter.entries()) == 606


def test_what_is_left_out_has_its_reason():
    """left_out.txt names exactly the entries in scope that passing.txt does not hold."""
    lines = LEFT_OUT.read_text().splitlines()
    reasons = dict(line.split(": ", 1) for line in lines)
    assert all(reasons.values())
    assert set(reasons) == set(adapter.entries()) - set(PASSING)
