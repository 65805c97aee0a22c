"""How the cost of a training step grows with the work, beside PyTorch's growth.

    python -m benchmarks.growth               every sweep
    python -m benchmarks.growth gpt           the sweeps of one network

A sweep doubles one measure of a network twice: batch, length (of a text, or an image's side),
width or depth. Its growth is t(2n) / t(n), with t the least over the rounds of a step's median
time. Where ember's growth is more than 15 % above PyTorch's the line is marked: work that is done
twice, or a table that has become too large, shows here and not in a single ratio.
"""

from __future__ import annotations

from .command import finish, options, reply
from .models import GPT, CharLSTM, convolutions, perceptron
from .sides import load, turns
from .timing import median_seconds, synchronizer
from .workloads import batches, language_model, ready, supervised, texts

BUDGET = 0.2
ALLOWED = 1.15
# name -> where its sweeps start
NETWORKS = {
    "mlp": {"batch": 256, "width": 256, "depth": 3},
    "conv": {"batch": 16, "length": 16, "width": 32, "depth": 3},
    "lstm": {"batch": 16, "length": 32, "width": 128, "depth": 1},
    "gpt": {"batch": 8, "length": 64, "width": 128, "depth": 2},
}


def training(torch, device, compile, name, batch, width, depth, length=0):
    """Return the training step of one size of a network, with SGD."""
    model = ready(torch, {
        "mlp": lambda: perceptron(torch, [width] * depth + [10]),
        "conv": lambda: convolutions(torch, width, depth),
        "lstm": lambda: CharLSTM(torch, 65, embedding=width, hidden=width, layers=depth),
        "gpt": lambda: GPT(torch, 65, length, layers=depth, heads=4, width=width),
    }[name](), device, compile)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    if name in ("lstm", "gpt"):
        data = texts(torch, device, 65, (batch, length + 1), count=1)
        return language_model(torch, compile, model, optimizer, data, 65, 1.0)
    item = (width,) if name == "mlp" else (3, length, length)
    data = batches(torch, device, (batch, *item), 10, count=1)
    return supervised(torch, compile, model, torch.nn.CrossEntropyLoss(), optimizer, data)


def measure(side, device, budget, names):
    """Return "name measure size" -> the seconds of a step."""
    torch, compile = load(side)
    wait = synchronizer(torch, device)

    def seconds(name, sizes):
        step = training(torch, device, compile, name, **sizes)
        return median_seconds(step, budget, wait)

    times = {}
    for name in names:
        start = seconds(name, NETWORKS[name])
        for measure, size in NETWORKS[name].items():
            times[f"{name} {measure} {size}"] = start
            for larger in (2 * size, 4 * size):
                sizes = NETWORKS[name] | {measure: larger}
                times[f"{name} {measure} {larger}"] = seconds(name, sizes)
    return times


def growths(ours, theirs):
    """Return "name measure size" -> both growths from half that size, and whether ours is worse.

    Args:
        ours, theirs: "name measure size" -> seconds, sizes from small to large.
    """
    found = {}
    for before, after in zip(list(ours)[:-1], list(ours)[1:], strict=True):
        if before.rpartition(" ")[0] != after.rpartition(" ")[0]:
            continue
        growth, peer = ours[after] / ours[before], theirs[after] / theirs[before]
        found[after] = {"growth": growth, "peer_growth": peer, "above": growth > ALLOWED * peer}
    return found


def main(argv=None):
    """Print the growths and return the result."""
    chosen = options("growth", __doc__, argv, names="network")
    if chosen.child:
        side, device, budget, *names = chosen.child
        return reply(measure(side, device, float(budget), names))
    budget = chosen.budget or (0.01 if chosen.quick else BUDGET)
    results = turns("growth", [chosen.peer, *chosen.sides], chosen.rounds,
                    chosen.device, budget, *(chosen.names or NETWORKS))
    least = {}
    for side, rounds in results.items():
        if "error" in rounds[0]:
            raise SystemExit(f"{side} failed: {rounds[0]['error']}")
        least[side] = {key: min(one[key] for one in rounds) for key in rounds[0]}
    peers, rows, found = least[chosen.peer], {}, {}
    for side in chosen.sides:
        rows[side] = growths(least[side], peers)
        print(f"{'growth to':18s} {side:>12s} {chosen.peer:>8s}   both in ms")
        for key, row in rows[side].items():
            row |= {"ms": 1e3 * least[side][key], "peer_ms": 1e3 * peers[key]}
            print(f"{key:18s} {row['growth']:12.2f} {row['peer_growth']:8.2f}   "
                  f"{row['ms']:9.3f} {row['peer_ms']:9.3f}{'   above' if row['above'] else ''}")
        above = sum(row["above"] for row in rows[side].values())
        found[side] = {"above": above}
        print(f"{above} of {len(rows[side])} growths are more than 15 % above {chosen.peer}'s")
    return finish(chosen, "growth", rows, found)


if __name__ == "__main__":
    main()
