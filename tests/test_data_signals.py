"""Programs with a DataLoader that are interrupted, killed, or lack a main guard: real processes."""

import os
import select
import signal
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.host_only, pytest.mark.slow,
              pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs pidfd")]

PROGRAM = """
import multiprocessing, os, signal, time, warnings
from ember.utils.data import DataLoader, Dataset

class Samples(Dataset):
    def __getitem__(self, index):
        if index > 20:
            time.sleep(1000)
        return index

    def __len__(self):
        return 1000

if __name__ == "__main__":
    loader = DataLoader(Samples(), num_workers=2, multiprocessing_context={method!r})
    iterator = iter(loader)
    print(*[process.pid for process in multiprocessing.active_children()], flush=True)
    for batch in iterator:
        if batch == 10:
            print("loading", flush=True)
"""


def start(tmp_path, method):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM.format(method=method))
    program = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(script)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True)
    pids = [int(pid) for pid in program.stdout.readline().split()]
    assert len(pids) == 2, program.stderr.read()
    files = [os.pidfd_open(pid) for pid in pids]
    assert program.stdout.readline() == "loading\n", program.stderr.read()
    return program, files


def assert_over(files):
    """Wait until the processes behind the descriptors are over."""
    poll = select.poll()
    for fd in files:
        poll.register(fd, select.POLLIN)
    while files:
        over = [fd for fd, _ in poll.poll(60_000)]
        assert over, "a worker lives on"
        for fd in over:
            poll.unregister(fd)
            os.close(fd)
            files.remove(fd)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_ctrl_c_leaves_no_orphan_and_no_noise(tmp_path, method):
    program, files = start(tmp_path, method)
    os.killpg(program.pid, signal.SIGINT)
    assert_over(files)
    _, errors = program.communicate(timeout=60)
    assert program.returncode == -signal.SIGINT
    assert errors.count("KeyboardInterrupt") == 1, errors


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_a_killed_program_end_by_themselves(tmp_path, method):
    program, files = start(tmp_path, method)
    program.kill()
    assert_over(files)
    program.communicate(timeout=60)


def test_a_program_without_a_main_guard_is_told_about_it(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(
        "from ember.utils.data import DataLoader\n"
        "for batch in DataLoader(range(4), num_workers=1, multiprocessing_context='spawn'):\n"
        "    print('a batch')\n")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 1 and not done.stdout
    assert 'start the loading under `if __name__ == "__main__":`' in done.stderr.splitlines()[-1]
