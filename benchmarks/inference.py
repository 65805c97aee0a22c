"""Time forward passes of one item and of 64 under inference_mode, beside PyTorch.

    python -m benchmarks.inference               every network
    python -m benchmarks.inference lstm gpt      some
    python -m benchmarks.inference --sides ember,ember:compile,torch:compile

Each round measures every side in a process of its own; the ratio is the median over the rounds of
ours over PyTorch's, so below 1 is faster.
"""

from __future__ import annotations

import statistics

from .command import finish, options, reply
from .models import GPT, CharLSTM, Digits, perceptron, resnet20
from .sides import load, ratio, summary, turns
from .timing import median_seconds, synchronizer
from .workloads import batches, ready, texts

BATCHES = (1, 64)
BUDGET = 0.3
# name -> what makes the network, and the shape of an item or its number of symbols below 65
NETWORKS = {
    "mlp": (lambda torch: perceptron(torch, (784, 512, 256, 10), dropout=0.2), (784,)),
    "lenet": (Digits, (1, 28, 28)),
    "resnet": (resnet20, (3, 32, 32)),
    "lstm": (lambda torch: CharLSTM(torch, 65, embedding=64, hidden=256), 64),
    "gpt": (lambda torch: GPT(torch, 65, length=64, layers=4, heads=4, width=128), 64),
}


def forward(torch, name, batch, device, compile):
    """Return a function without arguments that passes a batch through a network."""
    build, item = NETWORKS[name]
    model = ready(torch, build(torch).eval(), device, compile)
    if isinstance(item, int):
        x = texts(torch, device, 65, (batch, item), count=1)[0]
    else:
        x = batches(torch, device, (batch, *item), 10, count=1)[0][0]

    def run():
        with torch.inference_mode():
            return model(x)

    return run


def measure(side, device, budget, names):
    """Return "name batch" -> milliseconds of one side."""
    torch, compile = load(side)
    wait = synchronizer(torch, device)
    times = {}
    for name in names:
        for batch in BATCHES:
            run = forward(torch, name, batch, device, compile)
            times[f"{name} {batch}"] = 1e3 * median_seconds(run, budget, wait)
    return times


def main(argv=None):
    """Print the table and return the result."""
    chosen = options("inference", __doc__, argv, sides="ember,ember:compile", names="network")
    if chosen.child:
        side, device, budget, *names = chosen.child
        return reply(measure(side, device, float(budget), names))
    budget = chosen.budget or (0.02 if chosen.quick else BUDGET)
    results = turns("inference", [chosen.peer, *chosen.sides], chosen.rounds,
                    chosen.device, budget, *(chosen.names or NETWORKS))
    peers = results[chosen.peer]
    for side, rounds in results.items():
        if "error" in rounds[0]:
            raise SystemExit(f"{side} failed: {rounds[0]['error']}")
    rows = {key: {side: {"ms": statistics.median(one[key] for one in rounds)}
                  for side, rounds in results.items()} for key in peers[0]}
    print(f"{'':12s} {chosen.peer + ' ms':>12s}" + "".join(
        f"{side:>16s}  ratio" for side in chosen.sides))
    for key, row in rows.items():
        text = f"{key:12s} {row[chosen.peer]['ms']:12.3f}"
        for side in chosen.sides:
            row[side]["ratio"] = ratio(results[side], peers, key)
            text += f"{row[side]['ms']:16.3f}  {row[side]['ratio']:5.2f}"
        print(text)
    found = {}
    for side in chosen.sides:
        print(f"{side}: ", end="")
        found[side] = summary({key: row[side]["ratio"] for key, row in rows.items()})
    return finish(chosen, "inference", rows, found)


if __name__ == "__main__":
    main()
