"""What every benchmark shares: a child process per measurement, turns, and the machine's name.

Each measurement runs in a fresh interpreter, so no library's allocator, threads or imports touch
the other's. The libraries take turns, so a busy spell of the machine hits both.
"""

from __future__ import annotations

import datetime
import importlib
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

RESULTS = Path(__file__).with_name("results")


def child(module, *arguments):
    """Run `python -m benchmarks.<module> --child ...` and return the JSON of its last line."""
    command = [sys.executable, "-m", f"benchmarks.{module}", "--child", *map(str, arguments)]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, capture_output=True, text=True, cwd=root)
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["no output"])[-1][:200]}
    return json.loads(done.stdout.splitlines()[-1])


def median_seconds(step, budget, sync=None, least=5, most=2000):
    """Return the median time of `step` over `budget` seconds, after a few warming calls."""
    sync = sync or (lambda: None)
    deadline = time.perf_counter() + 3 * budget
    for _ in range(5):
        step()
        if time.perf_counter() > deadline:
            break
    sync()
    times = []
    deadline = time.perf_counter() + budget
    while len(times) < most and (len(times) < least or time.perf_counter() < deadline):
        start = time.perf_counter()
        step()
        sync()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def resident_mb(peak=False):
    """Return this process's resident memory in MB, now or at its peak."""
    if peak:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def processor():
    """Return the processor's model name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(x.partition(":")[2].strip() for x in lines if x.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def environment(*libraries):
    """Return the date, the machine and the versions that a result belongs to."""
    versions = {}
    for name in ("numpy", "numba", *libraries):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
        "python": platform.python_version(),
        "versions": versions,
    }


def write_json(path, result):
    """Write a result with stable formatting, so that its history can be read as a diff."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")


def synchronizer(library, device):
    """Return the function that waits until the device has finished."""
    if device.startswith("cuda"):
        return importlib.import_module(library).cuda.synchronize
    return lambda: None
