"""Profiles: what was called, how often, and what it took."""

import json

import pytest

import ember
from ember.autograd import detours
from ember.profiler import profile, record_function


def work(x):
    for _ in range(3):
        x = (x @ x).relu()
    return x.sum()


def test_calls_are_counted_forward_and_backward():
    x = ember.ones(2, 2, requires_grad=True)
    with profile() as p:
        work(x).backward()
    counts = {row.key: row.count for row in p.key_averages()}
    assert counts["matmul"] == counts["relu"] == counts["MatmulBackward0"] == 3
    assert counts["sum"] == counts["SumBackward0"] == 1


def test_nothing_is_left_behind():
    before = detours.installed
    with profile():
        pass
    assert detours.installed == before
    with profile() as p:
        pass
    ember.ones(2) + 1
    assert p.events() == []


def test_a_named_part_holds_what_it_calls():
    with profile() as p, record_function("mine"):
        work(ember.ones(2, 2))
    rows = {row.key: row for row in p.key_averages()}
    inner = sum(row.cpu_time_total for key, row in rows.items() if key != "mine")
    assert rows["mine"].cpu_time_total >= inner
    assert rows["mine"].self_cpu_time_total <= rows["mine"].cpu_time_total


def test_an_error_in_an_operation_ends_its_measurement():
    with profile() as p:
        with pytest.raises(RuntimeError):
            ember.ones(2, 3) @ ember.ones(2, 3)
        ember.ones(2) + 1
    assert [event[0] for event in p.events()] == ["matmul", "add"]


def test_the_table_is_sorted_and_cut():
    with profile() as p:
        work(ember.ones(2, 2))
    text = p.key_averages().table(sort_by="count", row_limit=1)
    assert "matmul" in text and "relu" not in text and "Self CPU time total" in text
    with pytest.raises(ValueError, match="count"):
        p.table(sort_by="colour")


def test_a_trace_is_written_and_handed_over(tmp_path):
    seen = []
    with profile(on_trace_ready=seen.append, activities=[ember.profiler.ProfilerActivity.CPU]) as p:
        work(ember.ones(2, 2))
        p.step()
    assert seen == [p]
    p.export_chrome_trace(tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert len(trace) == len(p.events()) and trace[0]["dur"] > 0
