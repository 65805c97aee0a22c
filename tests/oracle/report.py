"""Print how the library compares with PyTorch's operator database, worst news first.

    python -m tests.oracle.report                        every operator, layer and optimizer
    python -m tests.oracle.report gelu nn.Linear         only entries whose key has such a part
    python -m tests.oracle.report --only operators       leave layers and optimizers out
    python -m tests.oracle.report --second-order         second derivatives too
    python -m tests.oracle.report --errors --aliases     error inputs and alias names as well
    python -m tests.oracle.report --reference            reference_inputs instead of sample_inputs
    python -m tests.oracle.report --layout empty         the samples made empty; see layouts.py
    python -m tests.oracle.report --write-passing        add newly right entries to passing.txt
"""

from __future__ import annotations

import argparse
import collections
import importlib
import io
import re
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from . import adapter

PASSING = Path(__file__).with_name("passing.txt")
FLAGS = ("cap", "dtype", "reference", "layout", "views", "second_order")
ORDER = ("refused", "missing", "wrong", "right")


def read_passing() -> list[str]:
    """Return the keys that must stay right."""
    return PASSING.read_text().split() if PASSING.exists() else []


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser("python -m tests.oracle.report", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", help="keys, names or last parts of names")
    parser.add_argument("--only", choices=("operators", "classes"), help="half of the databases")
    parser.add_argument("--peer", default="ember", help="the library to compare with torch")
    parser.add_argument("--device", help="move the peer's tensors to this device")
    parser.add_argument("--cap", type=int, default=adapter.SAMPLE_CAP, help="samples per entry")
    parser.add_argument("--beyond", action="store_true", help="also entries outside the count")
    parser.add_argument("--dtype", help="samples of this dtype, e.g. int64; default float64")
    parser.add_argument("--reference", action="store_true", help="reference_inputs as samples")
    parser.add_argument("--layout", help="gaps, broadcast, empty, empty_last or scalar tensors")
    parser.add_argument("--views", action="store_true", help="compare which results are views")
    parser.add_argument("--second-order", action="store_true", help="compare second derivatives")
    parser.add_argument("--gradgradcheck", action="store_true", help="the peer's own check")
    parser.add_argument("--forward-ad", action="store_true", help="compare forward mode")
    parser.add_argument("--errors", action="store_true", help="exception types of bad input")
    parser.add_argument("--aliases", action="store_true", help="other names of the operators")
    parser.add_argument("--out", type=Path, help="write the report here as well")
    parser.add_argument("--write-passing", action="store_true", help="extend passing.txt")
    parser.add_argument("--complete", action="store_true", help="fail if passing.txt lacks one")
    return parser.parse_args(argv)


def matches(key: str, names: list[str]) -> bool:
    """Tell whether a key, its name without the variant, or that name's last part is listed."""
    name = key.partition("/")[0]
    return bool({key, name, name.rpartition(".")[2]} & set(names))


def chosen(options: argparse.Namespace) -> list[str]:
    """Return the keys to run: all in scope, or those that `options.names` ask for."""
    operators = list(adapter.entries(options.beyond or bool(options.names)))
    classes = [*adapter.modules(), *adapter.optimizers()]
    keys = {"operators": operators, "classes": classes}.get(options.only, operators + classes)
    found = [key for key in keys if not options.names or matches(key, options.names)]
    unknown = [n for n in options.names if not any(matches(key, [n]) for key in found)]
    if unknown:
        raise SystemExit(f"not in PyTorch's databases: {', '.join(unknown)}")
    return found


def cause(verdict: Any) -> str:
    """Return a failure's message without the details that differ from entry to entry."""
    text = re.sub(r"\(.*", "", verdict.message)
    return re.sub(r"-?\d[\d.e+-]*|\[\d*\]", "#", text).strip()[:90]


def print_verdicts(verdicts: list[Any], out: TextIO) -> None:
    """Write the counts, the causes by frequency and one line per entry that is not right."""
    operators = set(adapter.entries())
    for title, inside in (("in the counted scope", True), ("layers, optimizers, beyond", False)):
        states = collections.Counter(v.state for v in verdicts if (v.key in operators) == inside)
        counts = ", ".join(f"{states[s]} {s}" for s in reversed(ORDER))
        print(f"{states.total()} entries {title}: {counts}", file=out)
    causes = collections.Counter(cause(v) for v in verdicts if v.state in ("missing", "wrong"))
    print("\nCauses, most frequent first", file=out)
    for text, count in causes.most_common(40):
        print(f"{count:5d}  {text}", file=out)
    for state in ("wrong", "missing"):
        print(f"\n{state.capitalize()} (failed/run, first failure)", file=out)
        for v in sorted((v for v in verdicts if v.state == state), key=lambda v: v.key):
            print(f"  {v.key:45s} {v.failed:3d}/{v.samples:<3d} {v.message}", file=out)
    print("\nRight: " + " ".join(v.key for v in verdicts if v.state == "right"), file=out)


def print_sweeps(options: argparse.Namespace, entries: Any, peer: Any, out: TextIO) -> None:
    """Write the error-input, alias and gradgradcheck sections that were asked for."""
    from . import sweeps

    if options.errors:
        results = [sweeps.error_mismatches(entry, peer) for entry in entries.values()]
        lines = [line for _, bad in results for line in bad]
        print(f"\nError inputs: {len(lines)} of {sum(n for n, _ in results)} differ", file=out)
        print("\n".join(f"  {line}" for line in lines), file=out)
    if options.aliases:
        names = [name for entry in entries.values() for name in sweeps.missing_aliases(entry, peer)]
        print(f"\nMissing aliases ({len(names)}): {' '.join(sorted(names))}", file=out)
    if options.gradgradcheck:
        results = {key: sweeps.gradgradcheck(entry, peer) for key, entry in entries.items()
                   if entry.twice_differentiable}
        bad = {key: message for key, message in results.items() if message}
        print(f"\ngradgradcheck: {len(bad)} of {len(results)} fail", file=out)
        print("\n".join(f"  {key:45s} {message}" for key, message in bad.items()), file=out)
    if options.forward_ad:
        results = {key: sweeps.forward_mode(entry, peer) for key, entry in entries.items()
                   if entry.differentiable and entry.info.supports_forward_ad}
        bad = {key: message for key, message in results.items() if message}
        print(f"\nForward mode: {len(bad)} of {len(results)} fail", file=out)
        print("\n".join(f"  {key:45s} {message}" for key, message in bad.items()), file=out)


def write_passing(verdicts: list[Any]) -> None:
    """Add newly right entries to passing.txt; entries already there stay, right or not."""
    keys = sorted({*read_passing(), *(v.key for v in verdicts if v.state == "right")})
    PASSING.write_text("".join(f"{key}\n" for key in keys))


def main(argv: list[str] | None = None) -> int:
    """Run the report; exit status 1 when an entry of passing.txt is no longer right."""
    options = parse(argv)
    reason = adapter.unavailable()
    if reason is not None:
        print(reason, file=sys.stderr)
        return 2
    import torch

    from .classes import verdict_on
    from .translate import Side

    torch.set_num_threads(1)
    started = time.perf_counter()
    peer = Side(importlib.import_module(options.peer), options.device)
    keys = chosen(options)
    flags = {name: vars(options)[name] for name in FLAGS}
    verdicts = [v for v in (verdict_on(key, peer, **flags) for key in keys) if v is not None]
    entries = {key: adapter.entries(True)[key] for key in keys if key in adapter.entries(True)}
    text = io.StringIO()
    print_verdicts(verdicts, text)
    print_sweeps(options, entries, peer, text)
    print(f"\n{time.perf_counter() - started:.0f} s", file=text)
    print(text.getvalue(), end="")
    if options.out:
        options.out.write_text(text.getvalue())
    if options.write_passing:
        write_passing(verdicts)
    right = {v.key for v in verdicts if v.state == "right"}
    fallen = {v.key for v in verdicts if v.key not in right} & set(read_passing())
    unlisted = right - set(read_passing()) if options.complete else set()
    if fallen:
        print(f"no longer right: {', '.join(sorted(fallen))}", file=sys.stderr)
    if unlisted:
        print(f"right, so add to passing.txt: {', '.join(sorted(unlisted))}", file=sys.stderr)
    return int(bool(fallen or unlisted))


if __name__ == "__main__":
    raise SystemExit(main())
