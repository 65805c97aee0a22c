"""Run every benchmark: per-operation cost, training steps, memory.

python -m benchmarks [--json]     with `--json`, write benchmarks/results/<date>-<library>.json
"""

from __future__ import annotations

import argparse
import importlib.util

from . import memory, per_op, run
from .timing import RESULTS, write_json


def main():
    """Print all tables, and keep the result if asked."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--library", default="ember")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="keep the result in results/")
    options = parser.parse_args()
    result = {}
    common = ["--library", options.library, "--rounds", str(options.rounds)]
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: no comparison, memory only\n")
    else:
        print("One operation (32x32 or scalar)")
        result |= per_op.main(common)
        print("\nOne training step")
        result |= run.main(common)
    print("\nMemory")
    result |= memory.main(["--library", options.library])
    result = {"environment": result.pop("environment"), **result}
    if options.json:
        date = result["environment"]["date"]
        write_json(RESULTS / f"{date}-{options.library}.json", result)


if __name__ == "__main__":
    main()
