"""Measuring time and memory, and naming the machine that a result belongs to."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import time
from pathlib import Path

RESULTS = Path(__file__).with_name("results")


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


def alternating_seconds(functions, budget, block=0.02):
    """Return the median time of each function; they take turns in blocks of `block` seconds.

    The first call of a block is not counted: it finds the caches, and perhaps the cores, still
    busy with the other library.
    """
    times = [[] for _ in functions]
    for function in functions:
        function()
    deadline = time.perf_counter() + budget * len(functions)
    while len(times[0]) < 3 or time.perf_counter() < deadline:
        for function, taken in zip(functions, times, strict=True):
            function()
            end = time.perf_counter() + block
            while True:
                start = time.perf_counter()
                function()
                taken.append(time.perf_counter() - start)
                if start + taken[-1] > end:
                    break
    return [statistics.median(taken) for taken in times]


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


def synchronizer(torch, device):
    """Return the function that waits until the device has finished."""
    if device.startswith("cuda"):
        return torch.cuda.synchronize
    return lambda: None
