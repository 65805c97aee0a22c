"""Fail when an operation has become slower beside PyTorch than ratchet.json allows.

    python -m benchmarks.ratchet            compare; exit status 1 above an allowed ratio
    python -m benchmarks.ratchet --write    lower the allowed ratios to today's, plus a margin

The allowed ratio is a past ratio times MARGIN, since machines differ and are busy. `--write` never
raises one: to allow a slower operation, edit the file and say why in the commit.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path

from .per_op import compare
from .timing import write_json

ALLOWED = Path(__file__).with_name("ratchet.json")
MARGIN = 1.5
ATTEMPTS = 3


def exceeded(rows, allowed):
    """Return key -> (ratio, allowed ratio) of the operations that are too slow or fail."""
    found = {}
    for key, most in allowed.items():
        ratio = rows[key][2] if key in rows else None
        if ratio is None or ratio > most:
            found[key] = (ratio, most)
    return found


def lowered(rows, allowed):
    """Return the allowed ratios after today's measurement: new ones added, old ones lowered."""
    result = dict(allowed)
    for key, (_, _, ratio) in rows.items():
        if ratio is not None:
            fresh = round(ratio * MARGIN, 2)
            result[key] = min(fresh, result.get(key, fresh))
    return dict(sorted(result.items()))


def main(argv=None):
    """Compare with ratchet.json; a busy machine gets ATTEMPTS tries."""
    parser = argparse.ArgumentParser("python -m benchmarks.ratchet", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(argv)
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed, so there is nothing to compare with")
        return 0
    allowed = json.loads(ALLOWED.read_text()) if ALLOWED.exists() else {}
    if options.write:
        write_json(ALLOWED, lowered(compare(rounds=5), allowed))
        return 0
    slow = allowed
    for _ in range(ATTEMPTS):
        slow = exceeded(compare(), slow and {key: allowed[key] for key in slow})
        if not slow:
            print(f"all {len(allowed)} operations are within their ratios")
            return 0
    for key, (ratio, most) in slow.items():
        print(f"{key}: {ratio if ratio is None else round(ratio, 2)}, allowed {most}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
