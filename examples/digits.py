"""Train a small convolutional network on handwritten digits, and draw what happened.

    python examples/digits.py [--epochs N] [--batch-size N] [--lr LR] [--seed N] [--out FOLDER]

The data are the 1,797 UCI digits in ``examples/data`` (8x8 pixels); one image in five is kept for
testing. The run leaves a loss curve, a confusion matrix and the graph of one forward pass in the
output folder.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # pictures go to files; no screen is needed

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split
from torchviz import make_dot
from tqdm import tqdm

DATA = Path(__file__).parent / "data" / "digits.csv.gz"
CLASSES = 10


class ConvNet(nn.Module):
    """Two convolutions and two linear layers. Shape: (N, 1, 8, 8) -> (N, 10) logits."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.dropout = nn.Dropout(0.25)
        self.fc1 = nn.Linear(32 * 4 * 4, 64)
        self.fc2 = nn.Linear(64, CLASSES)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.dropout(torch.flatten(x, 1))
        return self.fc2(F.relu(self.fc1(x)))


def load_digits():
    """The images as float32 (1797, 1, 8, 8) in 0..1, with their labels (1797,)."""
    table = torch.from_numpy(np.loadtxt(DATA, delimiter=",", dtype=np.int64))
    images = table[:, :64].float().view(-1, 1, 8, 8) / 16
    return TensorDataset(images, table[:, 64])


def train_one_epoch(model, loader, optimizer, device):
    """One pass over the training images. Returns the mean loss per image."""
    model.train()
    total = 0.0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
    return total / len(loader.dataset)


@torch.no_grad()
def evaluate(model, loader, device):
    """Mean loss, the true labels and the predicted ones over a whole loader."""
    model.eval()
    total, labels_seen, predicted = 0.0, [], []
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        logits = model(images)
        total += F.cross_entropy(logits, labels, reduction="sum").item()
        labels_seen.append(labels.cpu())
        predicted.append(logits.argmax(dim=1).cpu())
    return total / len(loader.dataset), torch.cat(labels_seen), torch.cat(predicted)


def plot_losses(history, path):
    """Training and test loss on a log scale, test accuracy beside them."""
    epochs = range(1, len(history) + 1)
    train_loss, test_loss, accuracy = zip(*history, strict=True)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    left.semilogy(epochs, train_loss, label="training (with dropout)")
    left.semilogy(epochs, test_loss, label="test")
    left.set(title="Cross-entropy", xlabel="epoch", ylabel="loss per image")
    left.legend()
    right.plot(epochs, [100 * a for a in accuracy], color="tab:green")
    right.set(title=f"Test accuracy: {accuracy[-1]:.1%} at the end", xlabel="epoch", ylabel="%")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def plot_confusion(labels, predicted, path):
    """How often each digit (row) was taken for each digit (column)."""
    counts = torch.zeros(CLASSES, CLASSES, dtype=torch.int64)
    for true, guess in zip(labels.tolist(), predicted.tolist(), strict=True):
        counts[true, guess] += 1
    counts = counts.numpy()
    figure, axes = plt.subplots(figsize=(6, 5.6), layout="constrained")
    axes.imshow(counts, cmap="Blues")
    for row, column in np.argwhere(counts):
        color = "white" if counts[row, column] > counts.max() / 2 else "black"
        axes.text(column, row, counts[row, column], ha="center", va="center", color=color)
    axes.set(title=f"{len(labels)} test images", xlabel="predicted digit", ylabel="true digit")
    axes.set_xticks(range(CLASSES))
    axes.set_yticks(range(CLASSES))
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_graph(model, dataset, device, path):
    """The graph that one forward pass builds, from the parameters to the loss."""
    image, label = dataset[0]
    loss = F.cross_entropy(model(image[None].to(device)), label[None].to(device))
    dot = make_dot(loss, params=dict(model.named_parameters()))
    dot.render(str(path.with_suffix("")), format=path.suffix[1:], cleanup=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("digits-output"))
    return parser.parse_args()


def main():
    args = parse_arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    digits = load_digits()
    test_size = len(digits) // 5
    train_set, test_set = random_split(digits, [len(digits) - test_size, test_size])
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=256)

    model = ConvNet().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
    weights = sum(p.numel() for p in model.parameters())
    print(f"{len(train_set)} training and {len(test_set)} test images")
    print(f"{weights:,} weights, on {device}")

    history = []
    progress = tqdm(range(args.epochs), desc="training", unit="epoch")
    for _ in progress:
        train_loss = train_one_epoch(model, train_loader, optimizer, device)
        test_loss, labels, predicted = evaluate(model, test_loader, device)
        scheduler.step()
        accuracy = (predicted == labels).float().mean().item()
        history.append((train_loss, test_loss, accuracy))
        progress.set_postfix(loss=f"{train_loss:.3f}", test=f"{accuracy:.1%}")

    wrong = int((predicted != labels).sum())
    print(f"test accuracy: {accuracy:.2%} ({wrong} of {len(test_set)} images wrong)")

    plot_losses(history, args.out / "loss.png")
    plot_confusion(labels, predicted, args.out / "confusion.png")
    draw_graph(model, test_set, device, args.out / "graph.svg")
    for name, what in [
        ("loss.png", "loss curve"),
        ("confusion.png", "confusion matrix"),
        ("graph.svg", "graph of one forward pass"),
    ]:
        print(f"{what:>26}: {args.out / name}")


if __name__ == "__main__":
    main()
