"""The examples are PyTorch scripts and run as such."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"

PNG = b"\x89PNG\r\n\x1a\n"


def run_digits(out, *arguments):
    """Run the digits script as ``make demo`` does; return what it printed."""
    pytest.importorskip("matplotlib")
    pytest.importorskip("tqdm")
    done = subprocess.run(
        [sys.executable, "-m", "ember", EXAMPLES / "digits.py", "--out", out, *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.host_only
def test_no_line_of_the_examples_names_ember():
    for script in EXAMPLES.glob("*.py"):
        assert "ember" not in script.read_text(encoding="utf-8").lower(), script


@pytest.mark.slow
@pytest.mark.host_only
def test_digits_are_learned_and_drawn(tmp_path):
    printed = run_digits(tmp_path)
    accuracy = float(re.search(r"test accuracy: ([\d.]+)%", printed).group(1))
    assert accuracy >= 97
    for name in ("loss.png", "confusion.png"):
        assert (tmp_path / name).read_bytes().startswith(PNG)
        assert str(tmp_path / name) in printed
    assert ET.parse(tmp_path / "graph.svg").getroot().tag.endswith("svg")
    assert str(tmp_path / "graph.svg") in printed


@pytest.mark.slow
@pytest.mark.host_only
def test_digits_are_the_same_for_the_same_seed(tmp_path):
    first, second = (
        re.findall(r"test accuracy.*", run_digits(tmp_path, "--epochs", "1", "--seed", "7"))
        for _ in range(2)
    )
    assert first and first == second


@pytest.mark.host_only
def test_digits_data_are_whole():
    import numpy as np

    table = np.loadtxt(EXAMPLES / "data" / "digits.csv.gz", delimiter=",", dtype=int)
    assert table.shape == (1797, 65)
    assert table[:, :64].min() == 0 and table[:, :64].max() == 16
    assert np.bincount(table[:, 64]).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
