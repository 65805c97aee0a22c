"""What ``import ember`` costs over ``import numpy``: the best of fresh interpreters, in turn.

The processor's time is counted, not the clock's, so that a busy machine changes little.

    python benchmarks/import_time.py [--runs N] [--budget MILLISECONDS]

With ``--budget`` the command fails when the difference is larger.
"""

import argparse
import os
import subprocess
import sys

STATEMENTS = ("import numpy", "import ember")


def seconds(statement):
    """The processor time of one interpreter that runs one statement and nothing else."""
    # an installed package has its bytecode; a shell that forbids writing it would time the compiler
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = os.times()
    subprocess.run([sys.executable, "-c", statement], check=True, env=environment)
    after = os.times()
    user = after.children_user - before.children_user
    return user + after.children_system - before.children_system


def measure(runs):
    """The least milliseconds of each statement, taken in turns: what is more is the machine's."""
    for statement in STATEMENTS:
        seconds(statement)  # fill the disk cache and write the bytecode
    times = [[seconds(s) for s in STATEMENTS] for _ in range(runs)]
    return [1000 * min(column) for column in zip(*times, strict=True)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--budget", type=float, help="most milliseconds over `import numpy`")
    args = parser.parse_args()
    numpy, ember = measure(args.runs)
    print(f"import numpy {numpy:.0f} ms, import ember {ember:.0f} ms: {ember - numpy:.0f} ms more")
    if args.budget is not None and ember - numpy > args.budget:
        sys.exit(f"over the budget of {args.budget:.0f} ms")


if __name__ == "__main__":
    main()
