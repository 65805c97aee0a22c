"""Run the programs under both libraries, in turn, and print or keep what came out."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ..timing import RESULTS, environment, write_json
from . import __doc__ as usage
from .data import MAKERS
from .report import write_page
from .table import PROGRAMS

START = Path(__file__).with_name("start.py")
SEED = 1337
LIMIT = 900  # seconds for one program


def run_program(program, clones, library):
    """Run one program in a fresh copy of its repository.

    Returns:
        dict with "seconds", "output" and, where it failed, "error".
    """
    repository = program.repository.rpartition("/")[2]
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "programs" / repository
        shutil.copytree(clones / repository, copy, ignore=shutil.ignore_patterns(".git"))
        folder = copy / program.folder
        for name in program.data:
            MAKERS[name](folder, clones)
        outcome = {"seconds": 0.0, "output": ""}
        for command in program.commands:
            run_command(command, program.settings, folder, library, outcome)
            if "error" in outcome:
                break
    return outcome


def run_command(command, settings, folder, library, outcome):
    """Run one command and add what it took and printed to `outcome`."""
    start = [] if library == "torch" else ["-m", "ember"]
    words = [sys.executable, *start, str(START), str(SEED), json.dumps(settings),
             *shlex.split(command)]
    variables = {**os.environ, "MPLBACKEND": "Agg", "PYTHONHASHSEED": "0",
                 "PYTHONWARNINGS": "ignore",
                 # Programs from before 2024 read arrays and models that PyTorch now refuses.
                 "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
    with tempfile.TemporaryFile("w+") as printed:
        began = time.perf_counter()
        child = subprocess.Popen(words, cwd=folder, env=variables, stdin=subprocess.DEVNULL,
                                 stdout=printed, stderr=subprocess.STDOUT, text=True)
        try:
            child.wait(LIMIT)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        outcome["seconds"] += time.perf_counter() - began
        printed.seek(0)
        output = printed.read()
    outcome["output"] += output
    if child.returncode:
        outcome["error"] = (output.strip().splitlines() or ["no output"])[-1][:300]


def figures(program, outcome):
    """Return the numbers of a run that are its result."""
    return [float(x) for x in re.findall(program.result, outcome["output"], re.IGNORECASE)]


def compared(program, torch, ember):
    """Return what docs/compatibility.md says about one program's two runs."""
    ours, theirs = figures(program, ember), figures(program, torch)
    shared = min(len(ours), len(theirs))
    apart = [abs(a - b) / max(abs(b), 1e-8) for a, b in zip(ours, theirs)]
    return {
        "repository": program.repository, "changed": program.note, "settings": program.settings,
        "error": ember.get("error"), "torch_error": torch.get("error"),
        "figures": [len(theirs), len(ours)], "first": max(apart[:10], default=None),
        "last": [theirs[shared - 1], ours[shared - 1]] if shared else None,
        "seconds": [torch["seconds"], ember["seconds"]],
    }


def main():
    """Run the asked programs and print a line for each."""
    parser = argparse.ArgumentParser("python -m benchmarks.programs", description=usage)
    parser.add_argument("folder", type=Path, help="where the clones of the repositories lie")
    parser.add_argument("names", nargs="*", help="programs to run (default: all)")
    parser.add_argument("--rounds", type=int, default=1, help="the fastest of so many runs")
    parser.add_argument("--json", action="store_true", help="keep the result, write the page")
    parser.add_argument("--show", action="store_true", help="print what ember's run printed")
    options = parser.parse_args()
    known = {program.name for program in PROGRAMS}
    for name in set(options.names) - known:
        parser.error(f"there is no program {name!r}; there are: {', '.join(sorted(known))}")
    result = {}
    for program in PROGRAMS:
        if options.names and program.name not in options.names:
            continue
        if not (options.folder / program.repository.rpartition("/")[2]).is_dir():
            print(f"{program.name}: left out, no clone of {program.repository}")
            continue
        runs = {"torch": [], "ember": []}
        for _ in range(options.rounds):
            for library, outcomes in runs.items():
                outcomes.append(run_program(program, options.folder, library))
        best = {k: min(v, key=lambda x: ("error" in x, x["seconds"])) for k, v in runs.items()}
        if options.show:
            print(best["ember"]["output"])
        row = result[program.name] = compared(program, **best)
        ratio = row["seconds"][1] / row["seconds"][0]
        print(f"{program.name:38} {row['error'] or 'ran':60.60} {ratio:5.2f} {row['last']}",
              flush=True)
    if options.json:
        kept = {"environment": environment("torch", "ember"), "programs": result}
        date = kept["environment"]["date"]
        write_json(RESULTS / f"{date}-programs.json", kept)
        write_page(kept)


if __name__ == "__main__":
    main()
