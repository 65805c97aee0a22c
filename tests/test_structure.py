"""The rules of the house: who imports whom, and what no file may do."""

import ast
import inspect
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import ember

pytestmark = pytest.mark.host_only

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PARTS = PYPROJECT["tool"]["setuptools"]["package-dir"].values()  # the folders of the package

# What each part may import of ours, besides itself. The front door, `ember`, may import all.
MAY_IMPORT = {
    "backends": set(),
    "autograd": {"backends"},
    "nn": {"backends", "autograd"},
    "optim": {"backends", "autograd", "nn"},
    "compiler": {"backends", "autograd", "nn", "optim"},
    "distributions": {"backends", "autograd", "nn"},
    "utils": {"backends", "autograd", "nn", "optim"},
    "vision": {"backends", "autograd", "nn", "utils"},
    "distributed": {"backends", "autograd", "nn", "optim"},
}

# The array libraries and compilers that only a backend may know.
BACKEND_ONLY = {"cupy", "cupyx", "cupy_backends", "numba", "llvmlite"}

# Modules that run what a file tells them to.
EXECUTES_DATA = {"pickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}

# The places that may call exec, and why: each builds its text from our own records only.
MAY_EXEC = {
    "backends/compiled/generated.py": "loops of operations, from the formulas of their records",
    "compiler/source.py": "the functions of compiled programs, over numbered names",
}

# Imports against the order, inside a function, and why.
UPWARD = {("nn/modules/module.py", "ember.compiler"): "Module.compile is torch.compile"}

LONGEST_FILE = 500

# What a formula calls its arrays; other names may be numbers, which `+=` does not write into.
ARRAYS = {"g", "out", "input", "other", "tensors"}
MAKES_AN_ARRAY = {"copy", "empty", "empty_like", "full", "full_like", "zeros", "zeros_like"}


def sources(*folders):
    """Every Python file in the given top-level folders, as (path relative to the root, tree)."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
            yield path.relative_to(ROOT).as_posix(), tree


def imported_modules(path, tree):
    """Each module a file imports anywhere in it, in full (``ember.nn``), with the statement."""
    package = ["ember", *(p for p in Path(path).parent.parts if p != "ember")]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ((".".join([*base, name]), node) for name in names)


def part_of(module):
    """The folder that ``ember.x.y`` lives in; a name of the front door itself is in ``ember``."""
    name = module.split(".")[1:2]
    return name[0] if name and name[0] in PARTS else "ember"


@pytest.mark.parametrize("part", sorted(set(PARTS) - {"ember"}))
def test_no_import_runs_upward(part):
    upward = [
        f"{path}:{node.lineno} imports {module}"
        for path, tree in sources(part)
        for module, node in imported_modules(path, tree)
        if module.split(".")[0] == "ember" and part_of(module) not in MAY_IMPORT[part] | {part}
        and (path, module) not in UPWARD
    ]
    assert not upward, "\n".join(upward)


def test_imports_inside_the_package_are_relative():
    """An absolute ``import ember`` could load one module under two names."""
    absolute = [
        f"{path}:{node.lineno} imports {module}"
        for path, tree in sources(*PARTS)
        for module, node in imported_modules(path, tree)
        if module.split(".")[0] == "ember" and not getattr(node, "level", 0)
    ]
    assert not absolute, "\n".join(absolute)


def test_only_backends_know_an_array_library_other_than_numpy():
    strangers = [
        f"{path}:{node.lineno} imports {module}"
        for path, tree in sources(*(p for p in PARTS if p != "backends"))
        for module, node in imported_modules(path, tree)
        if module.split(".")[0] in BACKEND_ONLY
    ]
    assert not strangers, "\n".join(strangers)


def test_nothing_executes_data():
    """No pickle, marshal, eval or exec: no file or argument can make ember run code."""
    found = []
    for path, tree in sources(*PARTS):
        for module, node in imported_modules(path, tree):
            if module.split(".")[0] in EXECUTES_DATA:
                found.append(f"{path}:{node.lineno} imports {module}")
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.id if isinstance(node.func, ast.Name) else ""
            if called in {"eval", "exec"} and path not in MAY_EXEC:
                found.append(f"{path}:{node.lineno} calls {called}")
            for keyword in node.keywords:
                off = isinstance(keyword.value, ast.Constant) and not keyword.value.value
                if keyword.arg in {"allow_pickle", "shell"} and not off:
                    found.append(f"{path}:{node.lineno} passes {keyword.arg}")
    assert not found, "\n".join(found)


def test_no_file_is_too_long_to_read():
    folders = [*PARTS, "tests", "benchmarks", "examples", ".ci"]
    lengths = {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines())
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
    }
    long = [f"{path}: {lines} lines" for path, lines in lengths.items() if lines > LONGEST_FILE]
    assert not long, "\n".join(long)


def formulas(tree):
    """The functions of a file that are text over ``xp``, each with whether it is a derivative."""
    derivatives = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"vjp", "jvp"}:
            for argument in node.args:
                if isinstance(argument, ast.Lambda):
                    yield argument, True
                elif isinstance(argument, ast.Name):
                    derivatives.add(argument.id)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            decorators = (d.func if isinstance(d, ast.Call) else d for d in node.decorator_list)
            is_forward = any(getattr(d, "id", "") == "op" for d in decorators)
            if is_forward or node.name in derivatives:
                yield node, not is_forward


def written(node):
    """The name of the array that a statement writes into, if it does."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        return getattr(node.value, "id", "?")
    if isinstance(node, ast.AugAssign) and getattr(node.target, "id", "") in ARRAYS:
        return node.target.id
    return None


def fresh(formula):
    """The names that a formula gives to arrays it has just made."""
    return {
        node.targets[0].id
        for node in ast.walk(formula)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "attr", "") in MAKES_AN_ARRAY
    }


def test_formulas_write_into_no_array():
    """A forward may write into what it made; a derivative, which also runs on Tensors, nowhere."""
    impure = [
        f"{path}:{node.lineno} writes into {written(node)}"
        for path, tree in sources("autograd/ops")
        for formula, is_derivative in formulas(tree)
        for node in ast.walk(formula)
        if written(node) and (is_derivative or written(node) not in fresh(formula))
    ]
    assert not impure, "\n".join(impure)


def test_every_op_is_documented():
    from ember.autograd.op import RECORDS

    assert RECORDS
    bare = [name for name, record in RECORDS.items() if not inspect.getdoc(record.forward)]
    assert not bare, "ops without a docstring: " + ", ".join(bare)


def test_every_public_name_is_documented():
    bare = []
    vision = (ember.vision.datasets, ember.vision.io, ember.vision.models, ember.vision.transforms,
              ember.vision.transforms.functional, ember.vision.utils)
    for module in (ember, ember.distributions, ember.nn, ember.nn.functional, ember.optim,
                   ember.utils.data, *vision):
        for name, value in vars(module).items():
            ours = getattr(value, "__module__", "").split(".")[0] == "ember"
            if name.startswith("_") or not ours or not (callable(value) or inspect.ismodule(value)):
                continue
            if not inspect.getdoc(value):
                bare.append(f"{module.__name__}.{name}")
    assert not bare, "without a docstring: " + ", ".join(bare)


@pytest.mark.parametrize("part", sorted(set(PARTS) - {"ember", "backends"}))
def test_a_part_cannot_be_imported_by_itself(part):
    """``import nn`` from the repository root must fail, never give a second copy of ember.nn."""
    run = subprocess.run(
        [sys.executable, "-c", f"import {part}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONSAFEPATH": ""},
        capture_output=True,
        text=True,
    )
    assert run.returncode != 0
    assert "ImportError: attempted relative import beyond" in run.stderr
