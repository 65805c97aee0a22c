"""The wheel holds the whole package and nothing else, and works where it is installed."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.host_only

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = PYPROJECT["tool"]["setuptools"]["package-dir"]  # import name -> folder

# `import ember` must cost little more than `import numpy`, so these wait for their first use.
LOADED_ON_USE = ["scipy", "matplotlib", "graphviz", "numba", "cupy", "PIL", "torch", "IPython"]

# What a stranger's first program does; `ember` is the installed one.
FIRST_PROGRAM = """
import ember as torch
import ember.nn as nn

a = torch.tensor(2.0, requires_grad=True)
b = torch.tensor(1.0, requires_grad=True)
e = (a + b) * (b + 1)
e.backward()
print(e.item(), a.grad.item(), b.grad.item())

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
for _ in range(200):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
print(loss.item() < 0.01)
print(torch.__file__)
"""


def run(*command, **options):
    """Run a command to its end, clear of this process's Python settings; return what it printed."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, env=kept, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_of_the_tree():
    """What the wheel should hold, by its name there: all of the package's folders but caches."""
    expected = {}
    for name, folder in FOLDERS.items():
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                inside = path.relative_to(ROOT / folder).as_posix()
                expected[f"{name.replace('.', '/')}/{inside}"] = path
    return expected


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel, built from a copy of the tree that holds only what a clean checkout does."""
    source = tmp_path_factory.mktemp("source")
    for folder in FOLDERS.values():
        shutil.copytree(
            ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    target = tmp_path_factory.mktemp("dist")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    run(*pip, "--wheel-dir", target, ".", cwd=source)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel, tmp_path_factory):
    """The Python of a fresh environment with the wheel; NumPy and graphviz are lent by this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    run(*pip, "--no-deps", "--no-index", wheel)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    # A path file inside a lent folder is not read, so no editable install can come along.
    lent = "\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    Path(site, "lent.pth").write_text(lent + "\n", encoding="utf-8")
    return python


@pytest.mark.slow
def test_wheel_holds_the_tree(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {n for n in archive.namelist() if ".dist-info/" not in n}
    expected = set(files_of_the_tree())
    assert names == expected, "\n".join(
        [f"missing in the wheel: {n}" for n in sorted(expected - names)]
        + [f"only in the wheel: {n}" for n in sorted(names - expected)]
    )


@pytest.mark.slow
def test_wheel_is_small_and_pure(wheel):
    assert wheel.stat().st_size < 1_000_000
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        metadata = [n for n in archive.namelist() if ".dist-info/" in n]
    assert any(n.endswith("licenses/LICENSE") for n in metadata)
    assert "ember/py.typed" in zipfile.ZipFile(wheel).namelist()


@pytest.mark.slow
def test_installed_wheel_runs_a_first_program(installed, tmp_path):
    values, learned, where = run(installed, "-c", FIRST_PROGRAM, cwd=tmp_path).splitlines()
    assert values == "6.0 2.0 5.0"
    assert learned == "True"
    assert Path(where).is_relative_to(installed.parent.parent), "the tree was imported instead"


@pytest.mark.slow
def test_installed_wheel_runs_a_script_that_imports_torch(installed, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, torch, torch.nn as nn\n"
        "from torch.utils.data import DataLoader\n"
        "print(nn.Linear(3, 2)(torch.ones(4, 3)).shape, sys.argv[1:])\n"
    )
    printed = run(installed, "-m", "ember", script, "--flag", "1", cwd=tmp_path)
    assert printed == "torch.Size([4, 2]) ['--flag', '1']\n"


def test_import_loads_nothing_heavier_than_numpy():
    loaded = run(
        sys.executable,
        "-c",
        f"import ember, sys; print([m for m in {LOADED_ON_USE} if m in sys.modules])",
        cwd=ROOT,
    )
    assert loaded == "[]\n"


def test_version_is_the_one_of_pyproject():
    from ember import version

    assert version.ember == PYPROJECT["project"]["version"]
