"""Cost of single operations in microseconds, forward and with backward, beside PyTorch.

    python -m benchmarks.per_op                 every operation
    python -m benchmarks.per_op linear matmul   those whose name contains a word

Tensors are small on purpose: what is measured is the price of one Python-level operation, which
decides small networks. Inputs require gradients, so "forward" includes recording the graph and
dropping it again; "backward" is the whole of forward plus `backward()`.
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from .command import finish, options, reply
from .sides import load, ratio, summary, turns

KINDS = ("forward", "backward")
BUDGET = 0.04


def operations(torch):
    """Return name -> a function without arguments that runs the operation once."""
    rng = np.random.default_rng(7)
    F = torch.nn.functional

    def leaf(*shape):
        values = rng.standard_normal(shape).astype(np.float32)
        return torch.tensor(values, requires_grad=True)

    a, b = (torch.tensor(value, requires_grad=True) for value in (0.5, -1.25))
    x, y, row = leaf(32, 32), leaf(32, 32), leaf(32)
    plain, other = x.detach(), y.detach()
    weight, bias, kernel = leaf(32, 32), leaf(32), leaf(4, 1, 3, 3)
    image, table = leaf(1, 1, 8, 8), leaf(100, 32)
    labels = torch.tensor(rng.integers(0, 32, 32))
    wide = (32,)
    return {
        "scalar add": lambda: a + b,
        "scalar add number": lambda: a + 1.0,
        "scalar mul": lambda: a * b,
        "scalar pow": lambda: a**2,
        "scalar tanh": lambda: a.tanh(),
        "add without gradient": lambda: plain + other,
        "add": lambda: x + y,
        "add broadcast": lambda: x + row,
        "mul": lambda: x * y,
        "exp": lambda: x.exp(),
        "relu": lambda: F.relu(x),
        "sum": lambda: x.sum(),
        "mean over dim": lambda: x.mean(dim=1),
        "matmul": lambda: x @ y,
        "linear": lambda: F.linear(x, weight, bias),
        "transpose": lambda: x.t(),
        "reshape": lambda: x.reshape(-1),
        "index row": lambda: x[3],
        "cat": lambda: torch.cat([x, y]),
        "softmax": lambda: F.softmax(x, dim=1),
        "layer_norm": lambda: F.layer_norm(x, wide, row, bias),
        "gelu": lambda: F.gelu(x),
        "dropout": lambda: F.dropout(x, 0.5),
        "cross_entropy": lambda: F.cross_entropy(x, labels),
        "mse_loss": lambda: F.mse_loss(x, other),
        "embedding": lambda: F.embedding(labels, table),
        "conv2d": lambda: F.conv2d(image, kernel),
    }


def with_backward(torch, forward):
    """Return a function that runs `forward` and goes back through its result, or None."""
    example = forward()
    if not example.requires_grad:
        return None
    cotangent = torch.ones_like(example).detach()
    return lambda: forward().backward(cotangent)


def microseconds(function, budget=BUDGET):
    """Return the least mean time of `function` over short loops, in microseconds."""
    for _ in range(3):
        function()
    start = time.perf_counter()
    function()
    loops = max(1, int(budget / 5 / max(time.perf_counter() - start, 1e-7)))
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(loops):
            function()
        best = min(best, (time.perf_counter() - start) / loops)
    return best * 1e6


def measure(library, words, budget=BUDGET):
    """Return "name kind" -> microseconds for one library; an operation it lacks has a message."""
    torch, _ = load(library)
    times = {}
    for name, forward in operations(torch).items():
        if words and not any(word in name for word in words):
            continue
        for kind in KINDS:
            try:
                function = forward if kind == "forward" else with_backward(torch, forward)
                if function is not None:
                    times[f"{name}, {kind}"] = microseconds(function, budget)
            except Exception as error:  # One missing operation must not hide the others.
                times[f"{name}, {kind}"] = f"{type(error).__name__}: {error}"[:100]
    return times


def compare(library="ember", peer="torch", rounds=3, words=(), budget=BUDGET):
    """Return "name, kind" -> [microseconds, peer's microseconds, ratio], medians over rounds."""
    results = turns("per_op", (library, peer), rounds, budget, *words)
    for side, found in results.items():
        if "error" in found[0]:
            raise SystemExit(f"measuring {side} failed: {found[0]['error']}")
    ours, theirs = results[library], results[peer]
    rows = {}
    for key in theirs[0]:
        middle = statistics.median(one[key] for one in theirs)
        if all(isinstance(one.get(key), float) for one in ours):
            rows[key] = [statistics.median(one[key] for one in ours), middle,
                         ratio(ours, theirs, key)]
        else:
            rows[key] = [str(ours[0].get(key)), middle, None]
    return rows


def main(argv=None):
    """Print the table and return the result."""
    chosen = options("per_op", __doc__, argv, names="word")
    if chosen.child:
        library, budget, *words = chosen.child
        return reply(measure(library, words, float(budget)))
    budget = chosen.budget or (0.001 if chosen.quick else BUDGET)
    rows = compare(chosen.sides[0], chosen.peer, chosen.rounds, chosen.names, budget)
    for key, (ours, theirs, share) in rows.items():
        if share is None:
            print(f"{key:30s} {ours}")
        else:
            print(f"{key:30s} {ours:9.2f} us   {chosen.peer} {theirs:9.2f} us   ratio {share:.2f}")
    found = summary({key: row[2] for key, row in rows.items() if row[2] is not None})
    return finish(chosen, "operations", rows, found)


if __name__ == "__main__":
    main()
