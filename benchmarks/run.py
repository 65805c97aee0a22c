"""Time each training step for both libraries in turn and print the ratio of the medians.

    python -m benchmarks.run                          every workload, three rounds
    python -m benchmarks.run mlp_tiny --rounds 5      one workload
    python -m benchmarks.run --json results/x.json    also write the result

The ratio is ours over PyTorch's: below 1 is faster. Each round runs both libraries one after the
other in fresh processes; the ratio of a workload is the median over the rounds.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics

from .timing import child, environment, median_seconds, resident_mb, synchronizer, write_json
from .workloads import WORKLOADS


def measure(library, name, device, budget):
    """Return the median step time in ms and the peak memory in MB of one workload."""
    step = WORKLOADS[name](importlib.import_module(library), device)
    seconds = median_seconds(step, budget, synchronizer(library, device))
    return {"ms": seconds * 1e3, "rss_mb": resident_mb(peak=True)}


def compare(name, options):
    """Return both libraries' medians and their ratio for one workload, or the first error."""
    rounds = []
    for _ in range(options.rounds):
        pair = [
            child("run", library, name, options.device, options.budget)
            for library in (options.library, options.peer)
        ]
        errors = [side["error"] for side in pair if "error" in side]
        if errors:
            return {"error": errors[0]}
        rounds.append(pair)
    ours, theirs = zip(*rounds, strict=True)
    return {
        "ms": statistics.median(side["ms"] for side in ours),
        "peer_ms": statistics.median(side["ms"] for side in theirs),
        "ratio": statistics.median(a["ms"] / b["ms"] for a, b in rounds),
        "rss_mb": round(statistics.median(side["rss_mb"] for side in ours)),
        "peer_rss_mb": round(statistics.median(side["rss_mb"] for side in theirs)),
    }


def line(name, row, options):
    """Return one line of the table."""
    if "error" in row:
        return f"{name:14s} ERROR {row['error']}"
    return (
        f"{name:14s} {options.library} {row['ms']:9.3f} ms {row['rss_mb']:5d} MB   "
        f"{options.peer} {row['peer_ms']:9.3f} ms {row['peer_rss_mb']:5d} MB   "
        f"ratio {row['ratio']:.2f}"
    )


def main(argv=None):
    """Run the workloads and return the result that was printed."""
    parser = argparse.ArgumentParser("python -m benchmarks.run", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="workload")
    parser.add_argument("--library", default="ember")
    parser.add_argument("--peer", default="torch")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--budget", type=float, default=2.0, help="seconds per measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", help="write the result to this file")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.child:
        *which, budget = options.child
        print(json.dumps(measure(*which, float(budget))))
        return None
    rows = {}
    for name in options.names or WORKLOADS:
        rows[name] = compare(name, options)
        print(line(name, rows[name], options), flush=True)
    result = {"environment": environment(options.library, options.peer), "workloads": rows}
    ratios = [row["ratio"] for row in rows.values() if "ratio" in row]
    if ratios:
        result["geometric_mean"] = statistics.geometric_mean(ratios)
        print(f"geometric mean {result['geometric_mean']:.2f}, worst {max(ratios):.2f}")
    if options.json:
        write_json(options.json, result)
    return result


if __name__ == "__main__":
    main()
