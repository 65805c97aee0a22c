"""The sides of a comparison, and the processes that they run in.

A side is a library, perhaps with a variant: `ember`, `ember:compile` (models pass through
`torch.compile`), `ember:step` (whole training steps do), `ember:numpy` (no compiled kernels: NumPy
alone), `torch`, `torch:compile`. Each measurement runs in a fresh interpreter, so no library's
allocator, threads or imports touch the other's. The sides take turns, so a busy spell of the
machine hits all of them.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

# What a variant changes in the environment of a process; "compile" and "step" change the program.
VARIANTS = {"": {}, "compile": {}, "step": {}, "numpy": {"EMBER_COMPILED_FROM": "never"}}


def split(side):
    """Return a side's library and variant ("" without one)."""
    library, _, variant = side.partition(":")
    if variant not in VARIANTS:
        raise SystemExit(f"no variant '{variant}' of {library}; there are "
                         f"{', '.join(filter(None, VARIANTS))}")
    return library, variant


def load(side):
    """Return a side's library, and its variant."""
    library, variant = split(side)
    return importlib.import_module(library), variant


def child(module, side, *arguments, environment=None):
    """Run `python -m benchmarks.<module> --child SIDE ...`; return the JSON of its last line.

    A process that failed returns {"error": its last line}.
    """
    command = [sys.executable, "-m", f"benchmarks.{module}", "--child", side, *map(str, arguments)]
    environment = os.environ | VARIANTS[split(side)[1]] | (environment or {})
    environment.pop("PYTHONSAFEPATH", None)  # this folder is imported from the current one
    done = subprocess.run(command, capture_output=True, text=True, env=environment,
                          cwd=Path(__file__).parent.parent)
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["no output"])[-1][:200]}
    return json.loads(done.stdout.splitlines()[-1])


def turns(module, sides, rounds, *arguments):
    """Return side -> the results of its rounds; a side that failed has one result, its error."""
    results = {side: [] for side in sides}
    failed = set()
    for _ in range(rounds):
        for side in sides:
            if side in failed:
                continue
            result = child(module, side, *arguments)
            if "error" in result:
                failed.add(side)
                results[side] = [result]
            else:
                results[side].append(result)
    return results


def ratio(ours, theirs, key):
    """Return the median over the rounds of one figure's ratio."""
    return statistics.median(a[key] / b[key] for a, b in zip(ours, theirs, strict=True))


def summary(ratios):
    """Return the geometric mean and the worst of ratios by name; print them as one line."""
    if not ratios:
        return {}
    worst = max(ratios, key=ratios.get)
    mean = statistics.geometric_mean(ratios.values())
    print(f"geometric mean {mean:.2f}, worst {ratios[worst]:.2f} ({worst})")
    return {"geometric_mean": mean, "worst": ratios[worst], "worst_of": worst}
