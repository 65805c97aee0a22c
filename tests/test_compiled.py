"""What all compiled kernels share: when they are used, threads, processes, the cache on disk."""

import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("numba")

import ember as torch
from ember.backends import kernels

ROOT = Path(__file__).parent.parent

PRODUCT = """
import ember as torch
torch.manual_seed(0)
a = torch.randn(200, 200)
print(round(float((a @ a).abs().sum()), -2))
"""


def run(code, **environment):
    """Run a program in a process of its own; return what it printed on both streams."""
    environment = {**os.environ, "EMBER_COMPILED_FROM": "8192", **environment}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_results_do_not_depend_on_kernels():
    assert run(PRODUCT)[0] == run(PRODUCT, EMBER_COMPILED_FROM="never")[0]


def test_numba_is_not_loaded_for_small_arrays_or_when_refused():
    small = ("import sys, ember\nember.ones(10, 10) @ ember.ones(10, 10)\n"
             "print('numba' in sys.modules)")
    assert run(small)[0].strip() == "False"
    code = PRODUCT + "import sys; print('numba' in sys.modules)"
    assert run(code, EMBER_COMPILED_FROM="never")[0].split()[-1] == "False"
    assert run(code)[0].split()[-1] == "True"


def test_a_wrong_setting_says_what_is_right():
    done = subprocess.run([sys.executable, "-c", "import ember"], capture_output=True, text=True,
                          env={**os.environ, "EMBER_COMPILED_FROM": "often"})
    assert "EMBER_COMPILED_FROM is a number of elements or 'never', not 'often'" in done.stderr


def test_without_numba_numpy_computes():
    hidden = ("import importlib.util as util\nfind = util.find_spec\n"
              "util.find_spec = lambda name: None if name == 'numba' else find(name)\n")
    check = "import sys; assert 'numba' not in sys.modules"
    assert run(hidden + PRODUCT + check)[0] == run(PRODUCT)[0]


def _child(expected):
    a = torch.ones(300, 300)
    os._exit(0 if float((a @ a).sum()) == expected else 1)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_other_processes_may_use_kernels_after_this_one_did(method):
    a = torch.ones(300, 300)
    expected = float((a @ a).sum())
    context = multiprocessing.get_context(method)
    children = [context.Process(target=_child, args=(expected,)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0]


def test_threads_may_use_kernels_at_once():
    a = torch.randn(300, 300)
    expected, wrong = a @ a, []

    def work():
        for _ in range(20):
            if not torch.allclose(a @ a, expected):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_set_num_threads_reaches_kernels():
    from ember.backends.compiled import jit

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert jit.threads() == 1
    finally:
        torch.set_num_threads(before)
    assert jit.threads() == (before if jit.PARALLEL else 1)


def test_machine_code_is_kept_on_disk_and_outdated_code_is_dropped(tmp_path):
    """A copy of the package, so that its cache is empty at first."""
    parts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for name, folder in parts["tool"]["setuptools"]["package-dir"].items():
        shutil.copytree(ROOT / folder, tmp_path / Path(*name.split(".")),
                        ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        "import numba.core.event as event, ember as torch\n"
        "torch.ones(100, 100).relu()\n"  # loads the kernels
        "with event.install_recorder('numba:compile') as made:\n"
        "    torch.ones(300, 300) @ torch.ones(300, 300)\n"
        "print(torch.__file__, len(made.buffer))")
    place = {"PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1", "NUMBA_CACHE_DIR": ""}
    file, events = run(code, **place)[0].split()
    assert Path(file).parent == tmp_path / "ember" and int(events) > 0
    assert int(run(code, **place)[0].split()[1]) == 0
    os.utime(tmp_path / "ember" / "backends" / "compiled" / "blas.py")
    assert int(run(code, **place)[0].split()[1]) > 0


def test_a_long_compilation_is_said_aloud():
    code = ("from numba.core import event\nfrom ember.backends.compiled import jit\n"
            "with event.trigger_event('numba:compile'): {}")
    assert run(code.format("pass"))[1] == ""
    assert "ember: compiling kernels for this machine" in run(
        code.format("jit._progress._timer.join()"))[1]


def test_kernels_need_no_folder_to_write_to():
    """Numba is told that there is none, since a test may run as a user who may write anywhere."""
    code = ("from numba.core import caching, event\ncaching.CacheImpl._locator_classes = []\n"
            "import ember as torch\nfrom ember.backends.compiled import jit\n"
            "with event.trigger_event('numba:compile'): jit._progress._timer.join()\n"
            "print((torch.ones(100, 100) @ torch.ones(100, 100)).sum().item())")
    out, said = run(code)
    assert out == "1000000.0\n" and "NUMBA_CACHE_DIR" in said


def test_the_registry_asks_compiled_kernels_first():
    large = kernels.find("linear", torch.zeros(1)._xp, 1 << 30)
    small = kernels.find("linear", torch.zeros(1)._xp, -1)
    assert large[-len(small):] == small
