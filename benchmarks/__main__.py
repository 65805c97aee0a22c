"""Run every benchmark, or those named, and print a table of each.

    python -m benchmarks                      all, in about eight minutes
    python -m benchmarks workloads kernels    some
    python -m benchmarks --quick              all, only to see that they run
    python -m benchmarks --json               also write results/<date>-ember.json

operations  one small operation: what a call costs (benchmarks.per_op)
kernels     one kernel at a realistic size, forward and training
workloads   nine training steps: time, memory, first step, share of the limit (benchmarks.run)
inference   forward passes of one item and of 64
growth      how the cost grows with batch, length, width and depth
memory      memory over many steps, and graphs of a million nodes

Each is a command of its own with more options: `python -m benchmarks.run --help`. What the
numbers in a written result mean: benchmarks/results/README.md.
"""

from __future__ import annotations

import argparse
import importlib.util

from . import growth, inference, kernels, memory, per_op, run
from .timing import RESULTS, write_json

PARTS = {
    "operations": per_op, "kernels": kernels, "workloads": run, "inference": inference,
    "growth": growth, "memory": memory,
}


def main():
    """Print all tables, and keep the result if asked."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="short measurements")
    parser.add_argument("--json", action="store_true", help="keep the result in results/")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no benchmark '{unknown.pop()}'; there are {', '.join(PARTS)}")
    parts = options.parts or list(PARTS)
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: no comparison, memory only")
        parts = ["memory"]
    common = ["--rounds", str(options.rounds), *(["--quick"] if options.quick else [])]
    result = {"environment": None, "summary": {}}
    for part in parts:
        print(f"\n{part}")
        found = PARTS[part].main(common)
        summary = found.pop("summary", {})
        result |= found
        result["summary"] |= summary
    if options.json:
        write_json(RESULTS / f"{result['environment']['date']}-ember.json", result)


if __name__ == "__main__":
    main()
