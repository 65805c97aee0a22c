"""Nine training steps, each written once against PyTorch's API.

A workload takes the module that plays PyTorch, a device name and what to compile ("compile" the
model, "step" the whole step), and returns a step function without arguments that returns the loss.
Sizes are those of well-known small programs, from micrograd's scalars to a GPT; both libraries run
exactly this text.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np

from .models import GPT, CharLSTM, Digits, perceptron, resnet20

WORKLOADS = {}


def workload(make):
    """Register a workload under its function's name."""
    WORKLOADS[make.__name__] = make
    return make


def ready(torch, model, device, compile):
    """Return a model on its device, compiled if asked for."""
    model = model.to(device)
    return torch.compile(model) if compile == "compile" else model


def batches(torch, device, shape, classes, count=4):
    """Return `count` batches of normal inputs of `shape` with class labels."""
    rng = np.random.default_rng(7)
    made = []
    for _ in range(count):
        x = rng.standard_normal(shape).astype(np.float32)
        y = rng.integers(0, classes, shape[0])
        x = torch.tensor(x, dtype=torch.get_default_dtype())
        made.append((x.to(device), torch.tensor(y).to(device)))
    return made


def texts(torch, device, vocabulary, shape, count=4):
    """Return `count` integer batches of `shape` with symbols below `vocabulary`."""
    rng = np.random.default_rng(7)
    return [torch.tensor(rng.integers(0, vocabulary, shape)).to(device) for _ in range(count)]


def training_step(torch, compile, optimizer, loss_of, data, clip=None):
    """Return a step that draws the next item of `data`, goes back through its loss and updates."""
    source = itertools.cycle(data)

    def update(batch):
        optimizer.zero_grad()
        loss = loss_of(batch)
        loss.backward()
        if clip is not None:
            clip()
        optimizer.step()
        return loss

    if compile == "step":
        update = torch.compile(update)
    return lambda: update(next(source))


def supervised(torch, compile, model, loss, optimizer, data):
    """Return the usual classification step: `loss(model(x), y)`."""
    return training_step(
        torch, compile, optimizer, lambda batch: loss(model(batch[0]), batch[1]), data)


@workload
def scalar_graph(torch, device, compile=""):
    """Micrograd's job: a 2-16-1 tanh network on four points, one scalar operation at a time."""
    rng = np.random.default_rng(7)

    def scalar():
        return torch.tensor(float(rng.standard_normal()), requires_grad=True)

    hidden = [(scalar(), scalar(), scalar()) for _ in range(16)]
    readout = [scalar() for _ in range(16)]
    points = [tuple(map(float, point)) for point in rng.standard_normal((4, 2))]
    parameters = [*itertools.chain(*hidden), *readout]

    def forward():
        loss = 0.0
        for x, y in points:
            activations = [(a * x + b * y + bias).tanh() for a, b, bias in hidden]
            out = activations[0] * readout[0]
            for activation, weight in zip(activations[1:], readout[1:], strict=True):
                out = out + activation * weight
            loss = loss + (out - 1.0) ** 2
        return loss

    if compile == "compile":
        forward = torch.compile(forward)

    def step():
        loss = forward()
        for parameter in parameters:
            parameter.grad = None
        loss.backward()
        return loss

    return torch.compile(step) if compile == "step" else step


@workload
def mlp_tiny(torch, device, compile=""):
    """A 2-32-32-2 perceptron, batch 32, SGD with momentum: nearly all of it is overhead."""
    model = ready(torch, perceptron(torch, (2, 32, 32, 2)), device, compile)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    data = batches(torch, device, (32, 2), 2)
    return supervised(torch, compile, model, torch.nn.CrossEntropyLoss(), optimizer, data)


@workload
def mlp_mnist(torch, device, compile=""):
    """A 784-512-256-10 perceptron with dropout, batch 128, Adam."""
    model = ready(torch, perceptron(torch, (784, 512, 256, 10), dropout=0.2), device, compile)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    data = batches(torch, device, (128, 784), 10)
    return supervised(torch, compile, model, torch.nn.CrossEntropyLoss(), optimizer, data)


@workload
def lenet(torch, device, compile=""):
    """PyTorch's MNIST example: two convolutions, pooling, dropout, batch 64, Adadelta."""
    model = ready(torch, Digits(torch), device, compile)
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
    data = batches(torch, device, (64, 1, 28, 28), 10)
    return supervised(torch, compile, model, torch.nn.functional.nll_loss, optimizer, data)


@workload
def resnet_cifar(torch, device, compile=""):
    """ResNet-20 as in He et al. 2015, section 4.2, batch 32, SGD with momentum and decay."""
    model = ready(torch, resnet20(torch), device, compile)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    data = batches(torch, device, (32, 3, 32, 32), 10)
    return supervised(torch, compile, model, torch.nn.CrossEntropyLoss(), optimizer, data)


@workload
def autoencoder(torch, device, compile=""):
    """A denoising autoencoder with strided and transposed convolutions, batch 32, Adam."""
    nn = torch.nn
    up = functools.partial(nn.ConvTranspose2d, kernel_size=3, stride=2, padding=1, output_padding=1)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(),
        up(32, 16), nn.ReLU(), up(16, 1), nn.Sigmoid(),
    )  # fmt: skip
    model = ready(torch, model, device, compile)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    images = [x for x, _ in batches(torch, device, (32, 1, 28, 28), 1)]

    def loss_of(image):
        noisy = image + 0.1 * torch.randn(image.shape, device=image.device)
        return nn.functional.mse_loss(model(noisy), image)

    return training_step(torch, compile, optimizer, loss_of, images)


def language_model(torch, compile, model, optimizer, data, vocabulary, max_norm):
    """Return the step of a next-symbol predictor with clipped gradients."""

    def loss_of(text):
        scores = model(text[:, :-1]).reshape(-1, vocabulary)
        return torch.nn.functional.cross_entropy(scores, text[:, 1:].reshape(-1))

    def clip():
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)

    return training_step(torch, compile, optimizer, loss_of, data, clip)


@workload
def char_lstm(torch, device, compile=""):
    """A two-layer LSTM over 65 characters, 256 wide, batch 32, length 64, clipped, Adam."""
    model = CharLSTM(torch, vocabulary=65, embedding=64, hidden=256)
    model = ready(torch, model, device, compile)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    data = texts(torch, device, 65, (32, 65))
    return language_model(torch, compile, model, optimizer, data, 65, 5.0)


def gpt(torch, device, compile, vocabulary, length, layers, heads, width, batch):
    """Return the step of a GPT with AdamW and clipping."""
    model = GPT(torch, vocabulary, length, layers, heads, width)
    model = ready(torch, model, device, compile)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)
    data = texts(torch, device, vocabulary, (batch, length + 1))
    return language_model(torch, compile, model, optimizer, data, vocabulary, 1.0)


@workload
def char_gpt(torch, device, compile=""):
    """NanoGPT's CPU setting: 65 characters, 4 layers, 4 heads, 128 wide, length 64, batch 12."""
    return gpt(torch, device, compile, 65, 64, 4, 4, 128, 12)


@workload
def gpt_small(torch, device, compile=""):
    """A wider GPT: 5,000 tokens, 4 layers, 8 heads, 512 wide, length 128, batch 8."""
    return gpt(torch, device, compile, 5000, 128, 4, 8, 512, 8)
