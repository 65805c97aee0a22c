"""Ratios of single kernels at realistic sizes, forward and with backward.

    python -m benchmarks.kernels                 every kernel
    python -m benchmarks.kernels conv2d lstm     those whose name contains a word
    python -m benchmarks.kernels --sides ember:numpy

Here the libraries share a process and take turns in short blocks, so that a busy spell of the
machine hits both; the figures are medians in ms. "forward" runs under no_grad, "training" is the
forward that records and the gradients of all inputs; an optimizer's step is under "training".
"""

from __future__ import annotations

import functools
import importlib

import numpy as np

from .command import finish, options, reply
from .sides import child, load, summary
from .timing import alternating_seconds

KERNELS = {}
BUDGET = 0.2
# batch, channels, height and width, filters, then what differs from 3x3 with padding 1
CONVOLUTIONS = {
    "32x16x32": (32, 16, 32, 16),
    "32x32x16": (32, 32, 16, 32),
    "32x64x32": (32, 64, 32, 64),
    "32x128x16": (32, 128, 16, 128),
    "32x256x8": (32, 256, 8, 256),
    "one channel": (128, 1, 28, 32),
    "stride 2": (32, 32, 32, 64, {"stride": 2}),
    "1x1": (32, 64, 32, 64, {"size": 1}),
    "5x5": (32, 16, 32, 32, {"size": 5}),
    "depthwise": (32, 64, 32, 64, {"groups": 64}),
}
OPTIMIZERS = {"SGD": {"lr": 1e-3, "momentum": 0.9}, "Adam": {}, "AdamW": {}, "Adadelta": {},
              "NAdam": {}, "RAdam": {}}


def kernel(name):
    """Register what makes a kernel: from a library to (function, tensors with gradients)."""

    def register(make):
        KERNELS[name] = make
        return make

    return register


def leaves(torch, *shapes, seed=7):
    """Return normal tensors that require gradients, the same in both libraries."""
    rng = np.random.default_rng(seed)
    return [torch.tensor(rng.standard_normal(shape, np.float32), requires_grad=True)
            for shape in shapes]


def integers(torch, most, *shape):
    """Return random integers below `most`."""
    return torch.tensor(np.random.default_rng(7).integers(0, most, shape))


def of_tensors(name, *shapes):
    """Register a kernel that is a function of the library and tensors of these shapes."""

    def register(function):
        def make(torch):
            inputs = leaves(torch, *shapes)
            return functools.partial(function, torch, *inputs), inputs

        return kernel(name)(make)

    return register


def of_layer(name, *shape):
    """Register a layer, made by a function of the library, on a tensor of this shape."""

    def register(build):
        def make(torch):
            layer, (x,) = build(torch), leaves(torch, shape)
            return lambda: layer(x), [x, *layer.parameters()]

        return kernel(name)(make)

    return register


MILLION, ROWS = (1024, 1024), (4096, 1000)
of_tensors("add", MILLION, MILLION)(lambda torch, a, b: a + b)
of_tensors("add row", MILLION, (1024,))(lambda torch, a, b: a + b)
of_tensors("mul", MILLION, MILLION)(lambda torch, a, b: a * b)
of_tensors("sum", MILLION)(lambda torch, a: a.sum())
of_tensors("sum over rows", MILLION)(lambda torch, a: a.sum(0))
of_tensors("cumsum", MILLION)(lambda torch, a: a.cumsum(1))
of_tensors("matmul 256", (256, 256), (256, 256))(lambda torch, a, b: a @ b)
of_tensors("matmul 1024", MILLION, MILLION)(lambda torch, a, b: a @ b)
of_tensors("matmul batched", (96, 128, 64), (96, 64, 128))(lambda torch, a, b: a @ b)
of_tensors("linear", (1024, 512), (2048, 512), (2048,))(
    lambda torch, x, w, b: torch.nn.functional.linear(x, w, b))
of_tensors("exp", MILLION)(lambda torch, a: a.exp())
of_tensors("tanh", MILLION)(lambda torch, a: a.tanh())
of_tensors("sigmoid", MILLION)(lambda torch, a: a.sigmoid())
of_tensors("relu", MILLION)(lambda torch, a: a.relu())
of_tensors("gelu", MILLION)(lambda torch, a: torch.nn.functional.gelu(a))
of_tensors("gelu tanh", MILLION)(
    lambda torch, a: torch.nn.functional.gelu(a, approximate="tanh"))
of_tensors("dropout", MILLION)(lambda torch, a: torch.nn.functional.dropout(a, 0.2))
of_tensors("softmax", ROWS)(lambda torch, a: a.softmax(1))
of_tensors("log_softmax", ROWS)(lambda torch, a: a.log_softmax(1))
of_tensors("mse_loss", MILLION, MILLION)(
    lambda torch, a, b: torch.nn.functional.mse_loss(a, b))
of_tensors("huber_loss", MILLION, MILLION)(
    lambda torch, a, b: torch.nn.functional.huber_loss(a, b))
of_tensors("layer_norm", (4096, 768), (768,), (768,))(
    lambda torch, x, w, b: torch.nn.functional.layer_norm(x, (768,), w, b))
of_layer("batch_norm", 32, 64, 32, 32)(lambda torch: torch.nn.BatchNorm2d(64))
of_layer("group_norm", 32, 64, 32, 32)(lambda torch: torch.nn.GroupNorm(8, 64))
of_layer("max_pool", 64, 64, 24, 24)(lambda torch: torch.nn.MaxPool2d(2))
of_layer("avg_pool", 64, 64, 24, 24)(lambda torch: torch.nn.AvgPool2d(2))
of_layer("adaptive_avg_pool", 16, 64, 28, 28)(lambda torch: torch.nn.AdaptiveAvgPool2d(7))
of_layer("unfold", 32, 16, 32, 32)(lambda torch: torch.nn.Unfold(3, padding=1))
of_layer("fold", 32, 144, 1024)(lambda torch: torch.nn.Fold((32, 32), 3, padding=1))
of_layer("lstm", 64, 32, 128)(lambda torch: first_of(torch.nn.LSTM(128, 256)))
of_layer("gru", 64, 32, 128)(lambda torch: first_of(torch.nn.GRU(128, 256)))
of_layer("conv_transpose", 32, 32, 14, 14)(
    lambda torch: torch.nn.ConvTranspose2d(32, 16, 3, 2, 1, output_padding=1))
of_tensors("attention", *[(8, 8, 128, 64)] * 3)(
    lambda torch, q, k, v: torch.nn.functional.scaled_dot_product_attention(q, k, v))
of_tensors("attention causal", *[(8, 8, 256, 64)] * 3)(
    lambda torch, q, k, v: torch.nn.functional.scaled_dot_product_attention(
        q, k, v, is_causal=True))


def first_of(layer):
    """Have a recurrent layer return its outputs alone."""
    layer.register_forward_hook(lambda module, inputs, outputs: outputs[0])
    return layer


@kernel("cross_entropy")
def cross_entropy(torch):
    """Scores of 4096 tokens of a vocabulary of 1000."""
    (scores,), labels = leaves(torch, ROWS), integers(torch, 1000, 4096)
    return lambda: torch.nn.functional.cross_entropy(scores, labels), [scores]


@kernel("embedding")
def embedding(torch):
    """1024 tokens of a vocabulary of 5000."""
    (table,), tokens = leaves(torch, (5000, 512)), integers(torch, 5000, 8, 128)
    return lambda: torch.nn.functional.embedding(tokens, table), [table]


def convolution(batch, channels, side, filters, differs=None):
    """Return what makes a convolution of square images."""
    differs = dict(differs or {})
    size, groups = differs.pop("size", 3), differs.get("groups", 1)

    def make(torch):
        x, weight = leaves(torch, (batch, channels, side, side),
                           (filters, channels // groups, size, size))
        conv = functools.partial(torch.nn.functional.conv2d, padding=size // 2, **differs)
        return lambda: conv(x, weight), [x, weight]

    return make


def update(name, **settings):
    """Return what makes an optimizer's step of a small transformer's 1.6 million parameters."""

    def make(torch):
        parameters = leaves(torch, *[(256, 256), (256,), (1024, 256), (256, 1024), (1024,)] * 3)
        for parameter in parameters:
            parameter.grad = torch.full_like(parameter, 1e-3).detach()
        return getattr(torch.optim, name)(parameters, **settings).step, []

    return make


KERNELS |= {f"conv2d {name}": convolution(*shape) for name, shape in CONVOLUTIONS.items()}
KERNELS |= {name.lower(): update(name, **settings) for name, settings in OPTIMIZERS.items()}


def forms(torch, name):
    """Return "forward" and "training" -> functions without arguments that run a kernel."""
    function, inputs = KERNELS[name](torch)
    if not inputs:
        return {"training": function}

    def forward():
        with torch.no_grad():
            return function()

    (cotangent,) = leaves(torch, tuple(forward().shape), seed=8)
    return {"forward": forward,
            "training": lambda: torch.autograd.grad(function(), inputs, cotangent.detach())}


def measure(side, peer, budget, names):
    """Return "name, form" -> milliseconds of both; of a kernel that is missing, the message."""
    torch, other = load(side)[0], importlib.import_module(peer)
    times = {}
    for name in names:
        try:
            both = forms(torch, name), forms(other, name)
            for form in both[1]:
                seconds = alternating_seconds([forms[form] for forms in both], budget)
                times[f"{name}, {form}"] = [1e3 * value for value in seconds]
        except Exception as error:  # one missing kernel must not hide the others
            times[name] = f"{type(error).__name__}: {error}"[:100]
    return times


def main(argv=None):
    """Print the table and return the result."""
    chosen = options("kernels", __doc__, argv, names="word")
    if chosen.child:
        side, peer, budget, *names = chosen.child
        return reply(measure(side, peer, float(budget), names))
    names = [name for name in KERNELS
             if not chosen.names or any(word in name for word in chosen.names)]
    budget = chosen.budget or (0.01 if chosen.quick else BUDGET)
    rows, found = {}, {}
    for side in chosen.sides:
        times = child("kernels", side, chosen.peer, budget, *names)
        if "error" in times:
            raise SystemExit(f"the measuring process failed: {times['error']}")
        print(f"{'':30s} {side:>10s} {chosen.peer:>10s}   ratio")
        ratios = {}
        for key, row in times.items():
            if isinstance(row, str):
                print(f"{key:30s} {row}")
                continue
            ours, theirs = row
            ratios[key] = ours / theirs
            row.append(ratios[key])
            print(f"{key:30s} {ours:10.3f} {theirs:10.3f}   {ratios[key]:5.2f}")
        rows[side], found[side] = times, summary(ratios)
    return finish(chosen, "kernels", rows, found)


if __name__ == "__main__":
    main()
