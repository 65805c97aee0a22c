"""The harness that runs public programs: its data files and how it starts a program."""

import importlib.util
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.host_only
FOLDER = Path(__file__).parents[1] / "benchmarks" / "programs"


def load(name):
    """Import a file of the harness by its path: the repository's root is not importable."""
    spec = importlib.util.spec_from_file_location(f"programs_{name}", FOLDER / f"{name}.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


data, start, table = map(load, ("data", "start", "table"))


def test_digits_are_written_as_mnist_keeps_them(tmp_path):
    data.write_mnist(tmp_path)
    images = (tmp_path / "train-images-idx3-ubyte").read_bytes()
    assert images[:4] == bytes([0, 0, 8, 3])
    assert np.frombuffer(images[4:16], ">i4").tolist() == [1437, 28, 28]
    assert len(images) == 16 + 1437 * 28 * 28
    labels = (tmp_path / "t10k-labels-idx1-ubyte").read_bytes()
    assert set(labels[8:]) == set(range(10))


@pytest.mark.parametrize("name, source", [
    ("script.py", "import sys\nsteps = 5000\nprint(steps, sys.argv[1:])\n"),
    ("book.ipynb", json.dumps({"cells": [
        {"cell_type": "markdown", "source": ["# title"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "steps = 5000"]},
        {"cell_type": "code", "source": ["import sys\n", "print(steps, sys.argv[1:])"]}]}))])
def test_a_program_is_started_with_its_settings(tmp_path, name, source):
    (tmp_path / name).write_text(source)
    settings = json.dumps({"steps = 5000": "steps = 7"})
    words = [sys.executable, "-m", "ember", FOLDER / "start.py", "1", settings, name, "--x"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "7 ['--x']\n", done.stderr


def test_a_setting_that_the_program_lacks_is_refused():
    with pytest.raises(SystemExit, match="no 'epochs = 1'"):
        start.replaced("steps = 3", {"epochs = 1": "epochs = 2"})


def test_programs_have_names_of_their_own_and_known_data():
    names = [program.name for program in table.PROGRAMS]
    assert len(set(names)) == len(names)
    assert {x for program in table.PROGRAMS for x in program.data} <= set(data.MAKERS)


def test_the_graph_is_written_as_cora_keeps_its_own(tmp_path):
    data.cora(tmp_path, None)
    with tarfile.open(tmp_path / "cora.tgz") as archive:
        texts = [archive.extractfile(f"cora/cora.{part}").read().decode()
                 for part in ("content", "cites")]
    papers, links = ([line.split() for line in text.splitlines()] for text in texts)
    assert {len(paper) for paper in papers} == {62}
    assert {paper[-1] for paper in papers} == {f"class{i}" for i in range(7)}
    assert {end for link in links for end in link} <= {paper[0] for paper in papers}
