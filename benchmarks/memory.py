"""Memory that stays flat, and graphs whose cost stays linear.

    python -m benchmarks.memory [--json FILE]

Three measurements of our library: resident memory over 10,000 training steps with the garbage
collector off (nothing may need it), and a chain of 100,000 and of 1,000,000 scalar nodes built,
differentiated, printed and freed, whose times should differ by about ten.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import time

from .timing import child, environment, resident_mb, write_json
from .workloads import WORKLOADS

STEPS = 10_000
CHAINS = (100_000, 1_000_000)


def flat(library, name="mlp_tiny", steps=STEPS):
    """Return the growth of resident memory in MB over `steps` steps with the collector off."""
    step = WORKLOADS[name](importlib.import_module(library), "cpu")
    for _ in range(500):
        step()
    gc.collect()
    gc.disable()
    before = resident_mb()
    for _ in range(steps):
        step()
    after = resident_mb()
    return {"growth_mb": after - before, "resident_mb": after, "found_by_gc": gc.collect()}


def chain(library, length):
    """Return the seconds to build, go back through, print and free a chain of `length` nodes."""
    torch = importlib.import_module(library)
    marks = [time.perf_counter()]
    x = torch.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(length):
        y = y + 1.0
    marks.append(time.perf_counter())
    y.backward(retain_graph=True)
    marks.append(time.perf_counter())
    repr(y)
    marks.append(time.perf_counter())
    del y
    marks.append(time.perf_counter())
    assert x.grad.item() == 1.0
    steps = [after - before for before, after in zip(marks[:-1], marks[1:], strict=True)]
    return dict(zip(("build_s", "backward_s", "repr_s", "free_s"), steps, strict=True))


def main(argv=None):
    """Print the measurements and return the result."""
    parser = argparse.ArgumentParser("python -m benchmarks.memory", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--library", default="ember")
    parser.add_argument("--json", help="write the result to this file")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.child:
        what, library, size = options.child
        print(json.dumps(chain(library, int(size)) if what == "chain" else flat(library, size)))
        return None
    result = {"environment": environment(options.library)}
    for name in ("scalar_graph", "mlp_tiny"):
        result[name] = child("memory", "flat", options.library, name)
        print(f"{STEPS} steps of {name}: {result[name]}", flush=True)
    for length in CHAINS:
        result[f"chain_{length}"] = child("memory", "chain", options.library, length)
        print(f"chain of {length}: {result[f'chain_{length}']}", flush=True)
    totals = [result[f"chain_{length}"] for length in CHAINS]
    if not any("error" in total for total in totals):
        small, large = (sum(total.values()) for total in totals)
        result["chain_ratio"] = large / small
        print(f"ten times the nodes cost {large / small:.1f} times the time")
    if options.json:
        write_json(options.json, result)
    return result


if __name__ == "__main__":
    main()
