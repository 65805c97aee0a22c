"""What passes stays right with reference inputs, in other dtypes, empty, 0-d and broadcast.

`sweeps_left_out.txt` lists the exceptions, `sweep key: reason`. Every eighth entry is run here, on
few samples; the report runs them all: `python -m tests.oracle.report --reference`, `--layout empty`
and `--dtype float32` or `--dtype int64`.
"""

from pathlib import Path

import pytest

from . import adapter
from .layouts import FATAL, LAYOUTS
from .report import read_passing
from .test_op_db import peer  # noqa: F401

DTYPES = ("float16", "bfloat16", "complex64", "int64", "uint8", "bool")
SWEEPS = {
    "reference": {"reference": True, "cap": 2},
    "float32": {"dtype": "float32", "cap": 2},
    **{name: {"dtype": name, "cap": 2} for name in DTYPES},
    **{name: {"layout": name, "cap": 2} for name in LAYOUTS},
}
# Seconds for each: enormous or hundreds of samples; the report covers them.
SLOW = ("grid_samp", "nn.functional.grid_sample", "nn.functional.max_pool", "nn.functional.ctc")
LINES = Path(__file__).with_name("sweeps_left_out.txt").read_text().splitlines()
LEFT_OUT = dict(line.split(": ", 1) for line in LINES)
KEYS = sorted(
    key for key in set(read_passing()) & set(adapter.entries()) if not key.startswith(SLOW)
)


@pytest.mark.parametrize("key", KEYS[::8])
def test_passing_entry_agrees_with_other_inputs_too(key, peer):  # noqa: F811
    from .classes import verdict_on

    for sweep, options in SWEEPS.items():
        if f"{sweep} {key}" in LEFT_OUT or sweep.startswith("empty") and key in FATAL:
            continue
        verdict = verdict_on(key, peer, **options)
        assert verdict is None or verdict.state in ("right", "refused"), (
            f"{sweep}: {verdict.failed} of {verdict.samples} samples {verdict.state}: "
            f"{verdict.message}"
        )


def test_every_exception_is_known_and_has_its_reason():
    assert sorted(LEFT_OUT) == list(LEFT_OUT)
    assert all(LEFT_OUT.values())
    for name in LEFT_OUT:
        sweep, key = name.split(" ")
        assert sweep in SWEEPS and key in adapter.entries()
