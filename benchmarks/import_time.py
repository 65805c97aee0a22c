"""What ``import ember`` costs over ``import numpy``: the best of fresh interpreters.

    python benchmarks/import_time.py [--runs N] [--budget MILLISECONDS]

With a budget it fails when importing takes longer.
"""

import argparse
import os
import subprocess
import sys

STATEMENT = ("import numpy, time; start = time.perf_counter(); import ember; "
             "print(time.perf_counter() - start)")


def measure(runs):
    """The least milliseconds of importing ember once NumPy is there: what is more is noise."""
    # an installed package has its bytecode; a shell that forbids writing it would time the compiler
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", STATEMENT]
    return 1000 * min(
        float(subprocess.run(command, check=True, env=environment, capture_output=True).stdout)
        for _ in range(runs + 1))


def main():
    """Print the cost; fail above the budget."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--budget", type=float, help="milliseconds that must not be exceeded")
    args = parser.parse_args()
    cost = measure(args.runs)
    print(f"import ember: {cost:.0f} ms over import numpy")
    if args.budget is not None and cost > args.budget:
        sys.exit(f"over the budget of {args.budget:.0f} ms")


if __name__ == "__main__":
    main()
