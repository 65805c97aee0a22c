"""A file is written as a whole or not at all, whatever fails or is killed."""

import os
import signal
import stat
import subprocess
import sys

import pytest

import ember as torch
from ember.utils.serialization import atomic


class Failing:
    """Counts calls of the operating system, and fails one of them."""

    def __init__(self, at):
        self.calls, self.at = 0, at

    def count(self):
        self.calls += 1
        if self.calls == self.at:
            raise OSError(28, "No space left on device")

    def wrap(self, function):
        def counted(*args, **kwargs):
            self.count()
            return function(*args, **kwargs)

        return counted

    def open(self, *args):
        self.count()
        file = open(*args)
        return _Counted(file, self)


class _Counted:
    def __init__(self, file, failing):
        self.file, self.fileno = file, file.fileno
        self.write, self.flush = failing.wrap(file.write), failing.wrap(file.flush)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.file.close()


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be forced to the disk there")
def test_a_save_that_fails_anywhere_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.pt"
    failures = 0
    for k in range(1, 1000):
        torch.save("old", path)
        failing = Failing(k)
        with monkeypatch.context() as patch:
            patch.setattr(atomic, "open", failing.open, raising=False)
            for name in ("open", "fsync", "replace", "chmod"):
                patch.setattr(os, name, failing.wrap(getattr(os, name)))
            try:
                torch.save(["new", torch.ones(3)], path)
            except OSError:
                failures += 1
        assert os.listdir(tmp_path) == ["x.pt"]
        loaded = torch.load(path)
        if failing.calls < k:
            break
        # Once the new file is in place, all that can fail is forcing its name to the disk.
        assert loaded == "old" or failing.calls >= failing.at and loaded[0] == "new"
    assert loaded[0] == "new" and failures == k - 1 > 20


KILLED = """
import sys, ember as torch
path = sys.argv[1]
print("ready", flush=True)
n = 0
while True:
    n += 1
    torch.save({"n": n, "x": torch.full((200_000,), float(n))}, path)
"""


@pytest.mark.slow
@pytest.mark.host_only
@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_killed_program_leaves_a_whole_file(tmp_path):
    path = tmp_path / "x.pt"
    torch.save({"n": 0, "x": torch.zeros(200_000)}, path)
    for delay in (0.03, 0.05, 0.08, 0.13):
        child = subprocess.Popen([sys.executable, "-c", KILLED, str(path)],
                                 stdout=subprocess.PIPE)
        with child.stdout:
            child.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(delay)
        child.send_signal(signal.SIGKILL)
        child.wait()
        loaded = torch.load(path)
        assert (loaded["x"] == loaded["n"]).all().item()


@pytest.mark.skipif(os.name == "nt", reason="modes of files are POSIX's")
def test_modes_and_links(tmp_path):
    path, link = tmp_path / "a.pt", tmp_path / "link.pt"
    before = os.umask(0o027)
    try:
        torch.save(1, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    finally:
        os.umask(before)
    path.chmod(0o600)
    link.symlink_to(path)
    torch.save(2, link)
    assert link.is_symlink() and torch.load(path) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    torch.save(3, os.devnull)
    assert not os.path.isfile(os.devnull)
