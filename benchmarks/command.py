"""What the commands of all benchmarks share: their options, and the result that they keep."""

from __future__ import annotations

import argparse
import json

from .sides import split
from .timing import environment, write_json


def options(module, doc, argv, sides="ember", names=""):
    """Return the options of a benchmark's command line.

    Args:
        module: the benchmark's name, `python -m benchmarks.<module>`.
        doc: what --help says.
        argv: the arguments, or None for those of the process.
        sides: the sides that are measured unless others are asked for.
        names: what the arguments without a dash name, if the benchmark takes any.
    """
    parser = argparse.ArgumentParser(
        f"python -m benchmarks.{module}", description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    if names:
        parser.add_argument("names", nargs="*", metavar=names)
    parser.add_argument("--sides", default=sides, type=lambda text: text.split(","),
                        help=f"what to measure, with commas between (default: {sides})")
    parser.add_argument("--peer", default="torch", help="what to compare with (default: torch)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budget", type=float, help="seconds per measurement")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--quick", action="store_true",
                        help="short measurements, only to see that everything runs")
    parser.add_argument("--cold", action="store_true",
                        help="also the first step with an empty cache of compiled kernels")
    parser.add_argument("--json", metavar="FILE", help="write the result to this file")
    parser.add_argument("--child", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    chosen = parser.parse_args(argv)
    for side in (*chosen.sides, chosen.peer):
        split(side)  # raises for a variant that there is not
    if chosen.quick:
        chosen.rounds = 1
    return chosen


def reply(result):
    """Give a child's result to the process that started it."""
    print(json.dumps(result))


def finish(chosen, part, rows, summary=None):
    """Return a benchmark's result; write it where that was asked for."""
    libraries = {split(side)[0] for side in (*chosen.sides, chosen.peer)}
    result = {"environment": environment(*sorted(libraries)), part: rows}
    if summary:
        result["summary"] = {part: summary}
    if chosen.json:
        write_json(chosen.json, result)
    return result
