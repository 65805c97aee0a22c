"""docs/compatibility.md, written from a kept result."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_page"]

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"
HEAD = """# Programs that run on ember

Written by `python -m benchmarks.programs FOLDER --json`; do not edit. Each program was taken from
its public repository and run twice in a fresh copy, by PyTorch {torch} and by `python -m ember`,
from the same seed (and the same string hash seed). None of their code is in this repository.

{date}, {processor}, {cores} cores, Python {python}. "Apart" is the largest relative difference
among the first ten printed figures (losses, mostly); training amplifies rounding, so later figures
of a long run part further. "Time" is ember's wall time over PyTorch's for the whole program,
imports included.

{ran} of {total} programs ran to their end, {agree} of them with the same first figures to
{limit:g}.

| program | from | changed | last figure, PyTorch | ember | apart | time |
|---|---|---|---|---|---|---|
"""
AGREE = 1e-3


def write_page(kept):
    """Write the page for one kept result."""
    programs = kept["programs"]
    ran = [x for x in programs.values() if not x["error"]]
    machine = kept["environment"]
    text = HEAD.format(
        torch=machine["versions"]["torch"], date=machine["date"], processor=machine["processor"],
        cores=machine["cores"], python=machine["python"], ran=len(ran), total=len(programs),
        agree=sum(x["first"] is not None and x["first"] <= AGREE for x in ran), limit=AGREE)
    PAGE.write_text(text + "".join(_row(*item) for item in programs.items()), "utf-8")


def _row(name, row):
    changed = [row["changed"]] if row["changed"] else []
    if row["settings"]:
        changed.append(", ".join(f"`{old}` is `{new}`" for old, new in row["settings"].items()))
    if row["error"]:
        shown = f"| stops: {row['error'].replace('|', ' ')} | | | |"
    else:
        theirs, ours = (f"{x:g}" for x in row["last"]) if row["last"] else ("–", "–")
        if row["torch_error"]:
            theirs = "stops"
        apart = "–" if row["first"] is None else f"{row['first']:.1g}"
        shown = f"| {theirs} | {ours} | {apart} | {row['seconds'][1] / row['seconds'][0]:.2f} |"
    return f"| {name} | {row['repository']} | {'; '.join(changed) or 'nothing'} {shown}\n"
