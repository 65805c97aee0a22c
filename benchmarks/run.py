"""Time each training step for both libraries in turn and print the ratio of the medians.

    python -m benchmarks.run                          every workload, three rounds
    python -m benchmarks.run mlp_tiny --rounds 5      one workload
    python -m benchmarks.run --sides ember,ember:compile,ember:numpy,torch:compile
    python -m benchmarks.run --cold                   also the first step without compiled kernels
    python -m benchmarks.run --json results/x.json    also write the result

The ratio is ours over PyTorch's: below 1 is faster. Each round runs all sides one after the other
in fresh processes; the ratio of a workload is the median over the rounds. "of limit" is the share
of the step that its matrix products need at the machine's best rate (`benchmarks.limit`), "MB" the
peak of resident memory, "first s" the time to import the library, build the model and do the first
step, the least of the rounds: the first run of a new machine compiles kernels and keeps them.
"""

from __future__ import annotations

import statistics
import tempfile
import time

from .command import finish, options, reply
from .limit import limits
from .sides import child, load, ratio, summary, turns
from .timing import median_seconds, resident_mb, synchronizer
from .workloads import WORKLOADS

BUDGET = 1.0
HEAD = (f"{'workload':13s} {'side':14s} {'ms':>9s} {'ratio':>6s} {'of limit':>8s} "
        f"{'MB':>6s} {'ratio':>6s} {'first s':>7s}")
# Where Numba and PyTorch's compiler keep what they have compiled.
CACHES = ("NUMBA_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR")


def measure(side, name, device, budget):
    """Return the median step time in ms, the peak memory in MB and the first step's seconds."""
    start = time.perf_counter()
    torch, compile = load(side)
    wait = synchronizer(torch, device)
    step = WORKLOADS[name](torch, device, compile)
    step()
    wait()
    first = time.perf_counter() - start
    seconds = median_seconds(step, budget, wait) if budget else 0.0
    return {"ms": seconds * 1e3, "rss_mb": resident_mb(peak=True), "first_s": first}


def cold_start(side, name, device):
    """Return the seconds of the first step where nothing that was compiled before is found."""
    with tempfile.TemporaryDirectory() as empty:
        environment = dict.fromkeys(CACHES, empty)
        found = child("run", side, name, device, 0, environment=environment)
    return found.get("first_s")


def compare(name, chosen, least_ms):
    """Return side -> its figures for one workload, or its error."""
    sides = [chosen.peer, *chosen.sides]
    budget = chosen.budget or (0.1 if chosen.quick else BUDGET)
    results = turns("run", sides, chosen.rounds, name, chosen.device, budget)
    peers = results[chosen.peer]
    rows = {}
    for side, rounds in results.items():
        if "error" in rounds[0]:
            rows[side] = rounds[0]
            continue
        row = rows[side] = {
            "ms": statistics.median(one["ms"] for one in rounds),
            "rss_mb": round(statistics.median(one["rss_mb"] for one in rounds)),
            "first_s": min(one["first_s"] for one in rounds),
        }
        if side != chosen.peer and "error" not in peers[0]:
            row["ratio"] = ratio(rounds, peers, "ms")
            row["rss_ratio"] = ratio(rounds, peers, "rss_mb")
        if least_ms is not None:
            row["of_limit"] = least_ms / row["ms"]
        if chosen.cold:
            row["cold_s"] = cold_start(side, name, chosen.device)
    return rows


def line(name, side, row):
    """Return one line of the table."""
    if "error" in row:
        return f"{name:13s} {side:14s} ERROR {row['error']}"
    time_ratio, memory_ratio = (
        f"{row[key]:6.2f}" if key in row else 6 * " " for key in ("ratio", "rss_ratio"))
    share = f"{row['of_limit']:8.0%}" if "of_limit" in row else 8 * " "
    cold = f"  cold {row['cold_s']:.1f} s" if row.get("cold_s") else ""
    return (f"{name:13s} {side:14s} {row['ms']:9.3f} {time_ratio} {share} "
            f"{row['rss_mb']:6d} {memory_ratio} {row['first_s']:7.2f}{cold}")


def summaries(rows, sides):
    """Return side -> the mean and the worst ratios of its workloads; print them."""
    found = {}
    for side in sides:
        good = {name: row[side] for name, row in rows.items() if "ratio" in row[side]}
        if not good:
            continue
        print(f"{side}: ", end="")
        found[side] = summary({name: row["ratio"] for name, row in good.items()})
        for key, text in (("rss_ratio", "memory at most {:.2f} of PyTorch's ({})"),
                          ("first_s", "first step at most {:.1f} s ({})")):
            name = max(good, key=lambda name: good[name][key])
            found[side][key] = good[name][key]
            print("   " + text.format(good[name][key], name))
    return found


def main(argv=None):
    """Run the workloads and return the result that was printed."""
    chosen = options("run", __doc__, argv, sides="ember,ember:compile", names="workload")
    if chosen.child:
        side, name, device, budget = chosen.child
        return reply(measure(side, name, device, float(budget)))
    names = chosen.names or list(WORKLOADS)
    _, least = limits(names) if chosen.device == "cpu" else (None, {})
    rows = {}
    print(HEAD)
    for name in names:
        rows[name] = compare(name, chosen, least[name][1] if name in least else None)
        for side, row in rows[name].items():
            print(line(name, side, row), flush=True)
    print()
    return finish(chosen, "workloads", rows, summaries(rows, chosen.sides))


if __name__ == "__main__":
    main()
