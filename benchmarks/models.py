"""The networks of the workloads, built from whichever module plays PyTorch.

A class cannot inherit from a base that is known only at run time, so each factory defines its
classes over `torch.nn.Module` when it is called.
"""

from __future__ import annotations


def perceptron(torch, widths, dropout=0.0):
    """Return linear layers with ReLU between them, and dropout after the first ReLU."""
    nn = torch.nn
    layers = [nn.Linear(widths[0], widths[1])]
    for inputs, outputs in zip(widths[1:-1], widths[2:], strict=True):
        layers += [nn.ReLU(), nn.Linear(inputs, outputs)]
    if dropout:
        layers.insert(2, nn.Dropout(dropout))
    return nn.Sequential(*layers)


def convolutions(torch, channels, depth):
    """Return 3x3 convolutions of RGB images with batch norm and ReLU, then ten scores."""
    nn = torch.nn
    layers = []
    for inputs in (3, *[channels] * (depth - 1)):
        conv = nn.Conv2d(inputs, channels, 3, padding=1, bias=False)
        layers += [conv, nn.BatchNorm2d(channels), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def Digits(torch):
    """Return the convolutional network of PyTorch's MNIST example."""
    nn, F = torch.nn, torch.nn.functional

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(1, 32, 3)
            self.conv2 = nn.Conv2d(32, 64, 3)
            self.drop1 = nn.Dropout(0.25)
            self.drop2 = nn.Dropout(0.5)
            self.fc1 = nn.Linear(64 * 12 * 12, 128)
            self.fc2 = nn.Linear(128, 10)

        def forward(self, x):
            x = F.relu(self.conv2(F.relu(self.conv1(x))))
            x = torch.flatten(self.drop1(F.max_pool2d(x, 2)), 1)
            x = self.drop2(F.relu(self.fc1(x)))
            return F.log_softmax(self.fc2(x), dim=1)

    return Net()


def resnet20(torch):
    """Return ResNet-20 for 32x32 images, with projections where the shape changes."""
    nn, F = torch.nn, torch.nn.functional

    def conv_norm(inputs, outputs, size, stride):
        conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(outputs))

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.first = conv_norm(inputs, outputs, 3, stride)
            self.second = conv_norm(outputs, outputs, 3, 1)
            same = stride == 1 and inputs == outputs
            self.shortcut = nn.Identity() if same else conv_norm(inputs, outputs, 1, stride)

        def forward(self, x):
            return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))

    widths = [16, *[16] * 3, *[32] * 3, *[64] * 3]
    blocks = [
        Block(before, after, 1 if before == after else 2)
        for before, after in zip(widths[:-1], widths[1:], strict=True)
    ]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return nn.Sequential(conv_norm(3, 16, 3, 1), nn.ReLU(), *blocks, *head)


def CharLSTM(torch, vocabulary, embedding, hidden, layers=2):
    """Return an LSTM language model over `vocabulary` symbols."""
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(vocabulary, embedding)
            self.lstm = nn.LSTM(embedding, hidden, num_layers=layers, batch_first=True)
            self.head = nn.Linear(hidden, vocabulary)

        def forward(self, x):
            states, _ = self.lstm(self.embedding(x))
            return self.head(states)

    return Net()


def GPT(torch, vocabulary, length, layers, heads, width):
    """Return a decoder-only transformer with learned positions and pre-norm blocks."""
    nn, F = torch.nn, torch.nn.functional

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.inputs = nn.Linear(width, 3 * width)
            self.output = nn.Linear(width, width)

        def forward(self, x):
            batch, time, _ = x.shape
            q, k, v = (
                part.view(batch, time, heads, width // heads).transpose(1, 2)
                for part in self.inputs(x).split(width, dim=2)
            )
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.output(mixed.transpose(1, 2).contiguous().view(batch, time, width))

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.attention = nn.LayerNorm(width), Attention()
            self.norm2 = nn.LayerNorm(width)
            self.mlp = nn.Sequential(
                nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
            )

        def forward(self, x):
            x = x + self.attention(self.norm1(x))
            return x + self.mlp(self.norm2(x))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(vocabulary, width)
            self.positions = nn.Embedding(length, width)
            self.blocks = nn.ModuleList([Block() for _ in range(layers)])
            self.norm = nn.LayerNorm(width)
            self.head = nn.Linear(width, vocabulary, bias=False)

        def forward(self, x):
            h = self.tokens(x) + self.positions(torch.arange(x.shape[1], device=x.device))
            for block in self.blocks:
                h = block(h)
            return self.head(self.norm(h))

    return Net()
