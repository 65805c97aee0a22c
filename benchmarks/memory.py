"""Memory that stays flat, and graphs whose cost stays linear.

    python -m benchmarks.memory [--json FILE]

Three measurements of our library: resident memory over 10,000 training steps with the garbage
collector off (nothing may need it), and a chain of 100,000 and of 1,000,000 scalar nodes built,
differentiated, printed and freed, whose times should differ by about ten.
"""

from __future__ import annotations

import gc
import time

from .command import finish, options, reply
from .sides import child, load
from .timing import resident_mb
from .workloads import WORKLOADS

STEPS = 10_000
CHAINS = (100_000, 1_000_000)


def flat(torch, name, steps):
    """Return the growth of resident memory in MB over `steps` steps with the collector off."""
    step = WORKLOADS[name](torch, "cpu")
    for _ in range(500):
        step()
    gc.collect()
    gc.disable()
    before = resident_mb()
    for _ in range(steps):
        step()
    after = resident_mb()
    return {"growth_mb": after - before, "resident_mb": after, "found_by_gc": gc.collect()}


def chain(torch, length):
    """Return the seconds to build, go back through, print and free a chain of `length` nodes."""
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
    chosen = options("memory", __doc__, argv)
    if chosen.child:
        side, *names, count = chosen.child
        torch, _ = load(side)
        return reply(flat(torch, *names, int(count)) if names else chain(torch, int(count)))
    side, *_ = chosen.sides
    scale = 20 if chosen.quick else 1
    rows = {}
    for name in ("scalar_graph", "mlp_tiny"):
        rows[name] = child("memory", side, name, STEPS // scale)
        print(f"{STEPS // scale} steps of {name}: {rows[name]}", flush=True)
    totals = []
    for length in CHAINS:
        times = rows[f"chain_{length // scale}"] = child("memory", side, length // scale)
        print(f"chain of {length // scale}: {times}", flush=True)
        totals.append(None if "error" in times else sum(times.values()))
    if all(totals):
        rows["chain_ratio"] = totals[1] / totals[0]
        print(f"ten times the nodes cost {rows['chain_ratio']:.1f} times the time")
    return finish(chosen, "memory", rows)


if __name__ == "__main__":
    main()
