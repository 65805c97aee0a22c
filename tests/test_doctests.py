"""Every example in a docstring, and every one in the README and the guides, runs as written."""

import doctest
import importlib
import re
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.host_only

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = PYPROJECT["tool"]["setuptools"]["package-dir"]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])

# Modules that need a library which is not always there; without it their examples cannot run.
OPTIONAL = re.compile("cupy|numba|tensorboardX")


def module_names():
    """Every module of the package, by the tree: an editable install shows no search path."""
    for package, folder in FOLDERS.items():
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join([package, *(p for p in parts if p != "__init__")])
            if not name.endswith("__main__"):
                yield name


def examples_of(module):
    """The tests of a module's docstring and of what it defines.

    doctest's own search leaves out the functions of op records: another module makes them.
    """
    finder = doctest.DocTestFinder(exclude_empty=True)
    yield from finder.find(module.__doc__ or "", module.__name__, module=module)
    for name, value in list(vars(module).items()):
        if getattr(value, "__module__", None) == module.__name__ and callable(value):
            owner = module if isinstance(value, type) else False
            qualified = f"{module.__name__}.{name}"
            yield from finder.find(value, qualified, module=owner, globs=dict(vars(module)))


@pytest.mark.parametrize("name", sorted(module_names()))
def test_docstrings(name, monkeypatch, tmp_path):
    try:
        module = importlib.import_module(name)
    except ImportError as missing:
        if OPTIONAL.search(missing.name or ""):
            pytest.skip(f"needs {missing.name}")
        raise
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for test in examples_of(module):
        runner.run(test)
    failed = runner.summarize(verbose=False).failed
    assert not failed, f"{failed} examples of {name} failed (see above)"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page, monkeypatch, tmp_path):
    """The ``>>>`` examples of a page, in order, as one session."""
    text = page.read_text(encoding="utf-8").replace("```", "")  # a fence is no expected output
    examples = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    assert not runner.run(examples).failed, f"examples of {page.name} failed (see above)"
