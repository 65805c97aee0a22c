"""Cost of single operations in microseconds, forward and with backward, beside PyTorch.

    python -m benchmarks.per_op                 every operation
    python -m benchmarks.per_op linear matmul   those whose name contains a word

Tensors are small on purpose: what is measured is the price of one Python-level operation, which
decides small networks. Inputs require gradients, so "forward" includes recording the graph and
dropping it again; "backward" is the whole of forward plus `backward()`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import time

import numpy as np

from .timing import child, environment, write_json

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


def measure(library, words):
    """Return "name kind" -> microseconds for one library; an operation it lacks has a message."""
    torch = importlib.import_module(library)
    times = {}
    for name, forward in operations(torch).items():
        if words and not any(word in name for word in words):
            continue
        for kind in KINDS:
            try:
                function = forward if kind == "forward" else with_backward(torch, forward)
                if function is not None:
                    times[f"{name}, {kind}"] = microseconds(function)
            except Exception as error:  # One missing operation must not hide the others.
                times[f"{name}, {kind}"] = f"{type(error).__name__}: {error}"[:100]
    return times


def compare(library="ember", peer="torch", rounds=3, words=()):
    """Return "name, kind" -> [microseconds, peer's microseconds, ratio], medians over rounds."""
    turns = []
    for _ in range(rounds):
        pair = [child("per_op", which, *words) for which in (library, peer)]
        for side in pair:
            if "error" in side:
                raise SystemExit(f"a measuring process failed: {side['error']}")
        turns.append(pair)
    rows = {}
    for key in turns[0][1]:
        ours = [turn[0].get(key) for turn in turns]
        theirs = [turn[1][key] for turn in turns]
        if all(isinstance(value, float) for value in ours):
            ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
            rows[key] = [statistics.median(ours), statistics.median(theirs), ratio]
        else:
            rows[key] = [str(ours[0]), statistics.median(theirs), None]
    return rows


def main(argv=None):
    """Print the table and return the result."""
    parser = argparse.ArgumentParser("python -m benchmarks.per_op", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("words", nargs="*")
    parser.add_argument("--library", default="ember")
    parser.add_argument("--peer", default="torch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", help="write the result to this file")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.child:
        library, *words = options.child
        print(json.dumps(measure(library, words)))
        return None
    rows = compare(options.library, options.peer, options.rounds, options.words)
    for key, (ours, theirs, ratio) in rows.items():
        if ratio is None:
            print(f"{key:30s} {ours}")
        else:
            print(f"{key:30s} {ours:9.2f} us   {options.peer} {theirs:9.2f} us   ratio {ratio:.2f}")
    ratios = [row[2] for row in rows.values() if row[2] is not None]
    if ratios:
        print(f"geometric mean {statistics.geometric_mean(ratios):.2f}, worst {max(ratios):.2f}")
    result = {"environment": environment(options.library, options.peer), "operations": rows}
    if options.json:
        write_json(options.json, result)
    return result


if __name__ == "__main__":
    main()
