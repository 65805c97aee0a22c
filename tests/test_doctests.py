"""Every example in a docstring, and every one in the README and the guides, runs as written."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import ember

pytestmark = pytest.mark.host_only

ROOT = Path(__file__).parent.parent
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])

# Modules that need a library which is not always there; without it their examples cannot run.
OPTIONAL = re.compile("cupy|numba")


def module_names():
    yield "ember"
    for found in pkgutil.walk_packages(ember.__path__, "ember."):
        if not found.name.endswith("__main__"):
            yield found.name


@pytest.mark.parametrize("name", sorted(set(module_names())))
def test_docstrings(name, monkeypatch, tmp_path):
    try:
        module = importlib.import_module(name)
    except ImportError as missing:
        if OPTIONAL.search(missing.name or ""):
            pytest.skip(f"needs {missing.name}")
        raise
    monkeypatch.chdir(tmp_path)
    failed, _ = doctest.testmod(module, optionflags=FLAGS)
    assert not failed, f"{failed} examples of {name} failed (see above)"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page, monkeypatch, tmp_path):
    """The ``>>>`` examples of a page, in order, as one session."""
    text = page.read_text(encoding="utf-8").replace("```", "")  # a fence is no expected output
    examples = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    assert not runner.run(examples).failed, f"examples of {page.name} failed (see above)"
