"""Freed memory is kept, so that the next arrays find their pages ready."""

import ctypes
import os
import subprocess
import sys

import pytest

pytest.importorskip("numba")

_FAULTS = """
import resource
import numpy as np
import ember
from ember.backends import kernels
assert kernels._load()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(2):
    before = faults()
    for _ in range(20):
        np.ones(1 << 20)
print(faults() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux") or
                    not hasattr(ctypes.CDLL(None), "mallopt"), reason="glibc only")
def test_pages_are_kept_unless_the_environment_asks_otherwise():
    def faults(**variables):
        done = subprocess.run([sys.executable, "-c", _FAULTS], env={**os.environ, **variables},
                              capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert faults() < 20
    assert faults(MALLOC_TRIM_THRESHOLD_="131072", MALLOC_MMAP_THRESHOLD_="131072") > 20
