"""How fast a training step could be: its matrix products at the machine's best rate of products.

    python -m benchmarks.limit [workload ...]

PyTorch's own counter counts the operations of the products and convolutions of one step. The rate
is the best that NumPy's BLAS reaches on this machine in float32. What a step takes longer than the
quotient is everything else: passes over memory, Python, the optimizer. It can only be faster by
needing fewer multiplications, as with Winograd's convolution, or half of a causal attention's.
"""

from __future__ import annotations

import time

import numpy as np

from .command import finish, options, reply
from .sides import child, load
from .workloads import WORKLOADS

SIZES = (256, 512, 1024)


def product_rate(seconds=0.5):
    """Return the most GFLOP/s of float32 products of a few sizes."""
    best = 0.0
    for size in SIZES:
        a = np.ones((size, size), np.float32)
        out = np.empty_like(a)
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            start = time.perf_counter()
            np.matmul(a, a, out=out)
            best = max(best, 2 * size**3 / (time.perf_counter() - start) / 1e9)
    return best


def count(torch, name):
    """Return the GFLOP of the products and convolutions in one step of a workload."""
    from torch.utils.flop_counter import FlopCounterMode

    step = WORKLOADS[name](torch, "meta")  # a device without memory, on which nothing is computed
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops() / 1e9


def limits(names=()):
    """Return the machine's GFLOP/s, and name -> (GFLOP, least ms) of the workloads' products."""
    rate = child("limit", "ember", "rate")
    work = child("limit", "torch", "count", *(names or WORKLOADS))
    for answer in (rate, work):
        if "error" in answer:
            raise SystemExit(f"a measuring process failed: {answer['error']}")
    rate = rate["gflops"]
    return rate, {name: (gflop, gflop / rate * 1e3) for name, gflop in work.items()}


def main(argv=None):
    """Print the limits and return them."""
    chosen = options("limit", __doc__, argv, names="workload")
    if chosen.child:
        side, what, *names = chosen.child
        if what == "rate":
            return reply({"gflops": product_rate()})
        return reply({name: count(load(side)[0], name) for name in names})
    rate, rows = limits(chosen.names)
    print(f"{rate:.0f} GFLOP/s in products")
    for name, (gflop, least) in rows.items():
        print(f"{name:14s} {gflop:9.4f} GFLOP  {least:9.3f} ms")
    return finish(chosen, "limit", {"gflops": rate, "workloads": rows})


if __name__ == "__main__":
    main()
