"""Same seed, same curve: a whole training run on digits beside PyTorch's.

With Adadelta at a rate of 1, as in PyTorch's MNIST example, rounding grows tenfold in three steps:
in float32 PyTorch with and without its oneDNN convolutions differ by 2e-2 after 10 steps. So that
run is compared in float64, and calmer ones in float32 as well.
"""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

import ember

DIGITS = Path(__file__).parents[2] / "examples" / "data" / "digits.csv.gz"
STEPS, SEED = 50, 0


@pytest.fixture(scope="module")
def digits():
    with gzip.open(DIGITS, "rt") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.float32)
    images = table[:, :64].reshape(-1, 1, 8, 8).repeat(3, 2).repeat(3, 3) / 16
    return np.pad(images, [(0, 0), (0, 0), (2, 2), (2, 2)]), table[:, 64].astype(np.int64)


def adadelta(library, parameters):
    return library.optim.Adadelta(parameters, lr=1.0)


def adam(library, parameters):
    return library.optim.Adam(parameters, lr=1e-3)


def momentum(library, parameters):
    return library.optim.SGD(parameters, lr=0.05, momentum=0.9)


def losses(library, digits, optimizer_for, dtype, steps=STEPS):
    """Return the first losses of a network like MNIST's, with shuffled batches and dropout."""
    nn, data = library.nn, library.utils.data
    library.manual_seed(SEED)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(
                nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.MaxPool2d(2),
                nn.Dropout(0.25), nn.Flatten())
            self.classifier = nn.Sequential(
                nn.Linear(2304, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))

        def forward(self, x):
            return nn.functional.log_softmax(self.classifier(self.features(x)), dim=1)

    net = Net().to(getattr(library, dtype))
    optimizer = optimizer_for(library, net.parameters())
    images, labels = digits
    dataset = data.TensorDataset(*map(library.from_numpy, (images.astype(dtype), labels)))
    curve = []
    while True:
        for images, labels in data.DataLoader(dataset, batch_size=64, shuffle=True):
            optimizer.zero_grad()
            loss = nn.functional.nll_loss(net(images), labels)
            loss.backward()
            optimizer.step()
            curve.append(loss.item())
            if len(curve) == steps:
                return curve


@pytest.mark.slow
@pytest.mark.parametrize("optimizer_for, dtype, apart", [
    (adadelta, "float64", 1e-6), (momentum, "float32", 1e-4), (adam, "float32", 1e-4)])
def test_fifty_losses_of_an_mnist_network_are_pytorchs(
        digits, optimizer_for, dtype, apart):
    ours, theirs = (losses(x, digits, optimizer_for, dtype) for x in (ember, torch))
    assert theirs[-1] < 0.5 * theirs[0]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=apart)
