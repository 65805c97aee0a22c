"""Lay the package out the way it is imported, as links: ``python .ci/link_tree.py build/links``.

An editable install is the usual way to import ``ember`` from this tree. Type checkers do not follow
its import hook, and a machine without network may have nothing to install with; for both, the
folder this makes goes on ``PYTHONPATH``. The mapping is read from pyproject.toml, its only home.
"""

import shutil
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def link_tree(target):
    """Fill the folder ``target`` with ``ember/``, made of links into this repository."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        folders = tomllib.load(file)["tool"]["setuptools"]["package-dir"]
    package = target / "ember"
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir(parents=True)
    for entry in (ROOT / folders.pop("ember")).iterdir():
        if entry.name != "__pycache__":
            (package / entry.name).symlink_to(entry)
    for name, folder in folders.items():
        (package / name.removeprefix("ember.")).symlink_to(ROOT / folder)


if __name__ == "__main__":
    link_tree(Path(sys.argv[1]))
