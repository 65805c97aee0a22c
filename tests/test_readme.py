"""Every command that the README and the guide show is run: here, or as a step of .ci/run."""

import re
import runpy
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

pytestmark = pytest.mark.host_only

ROOT = Path(__file__).parent.parent
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]


def commands(page):
    """The lines of a page's ``sh`` blocks, without comments."""
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.S)).splitlines()
    return [line.partition("#")[0].strip() for line in lines if line.partition("#")[0].strip()]


def make_targets(command):
    """``make lint types X=1`` -> ``{"lint", "types"}``."""
    words = re.sub(r'\w+="[^"]*"', "", command).split()[1:]
    return {word for word in words if "=" not in word}


def all_commands():
    return sorted({(page, c) for page in ("README.md", "CONTRIBUTING.md") for c in commands(page)})


@pytest.mark.parametrize(("page", "command"), all_commands())
def test_command_is_run(page, command, tmp_path):
    steps = re.findall(r"^step (.*)", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.M)
    if command.startswith("make "):
        run_by_ci = set().union(*(make_targets(step) for step in steps if step.startswith("make ")))
        assert make_targets(command) <= run_by_ci
    elif command.startswith("pip install "):
        extras = re.findall(r"\[(.*)\]", command)
        assert all(name in EXTRAS for group in extras for name in group.split(","))
    elif command.startswith("python -m ember "):
        (tmp_path / "script.py").write_text("import torch\nprint(torch.ones(2).sum().item())\n")
        arguments = command.split()[1:]
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    else:
        assert command == "bash .ci/run", f"{page} shows a command that nothing runs: {command}"


def labels(svg):
    """What a drawing says, in no particular order: the layout may differ between versions."""
    return sorted(t.text for t in ET.parse(svg).iter("{http://www.w3.org/2000/svg}text"))


def test_opening_picture_is_what_ember_draws(tmp_path):
    pytest.importorskip("graphviz")
    (tmp_path / "img").mkdir()
    script = shutil.copy(ROOT / "docs" / "draw_e_graph.py", tmp_path)
    runpy.run_path(str(script))
    drawn = labels(tmp_path / "img" / "e_graph.svg")
    assert drawn == labels(ROOT / "docs" / "img" / "e_graph.svg")
    assert {"a", "b", "6", "grad 2", "grad 5"} <= set(drawn)


def test_links_of_the_pages_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
