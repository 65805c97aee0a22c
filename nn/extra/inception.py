"""GoogLeNet's Inception block and the auxiliary head that helps deep stacks of it to learn.

Source: Szegedy and others, 2014, https://arxiv.org/abs/1409.4842, and 2015,
https://arxiv.org/abs/1512.00567 (factorized filters)
"""

from ...autograd import cat
from ..modules.activation import ReLU
from ..modules.container import Sequential
from ..modules.conv import Conv2d
from ..modules.dropout import Dropout
from ..modules.flatten import Flatten
from ..modules.linear import Linear
from ..modules.module import Module
from ..modules.pooling import AdaptiveAvgPool2d, MaxPool2d

__all__ = ["AuxiliaryHead", "InceptionBlock"]


def _conv(inputs, outputs, kernel_size):
    """Return a convolution that keeps height and width, and a ReLU."""
    size = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    padding = tuple(s // 2 for s in size)
    return Sequential(Conv2d(inputs, outputs, size, padding=padding), ReLU())


class InceptionBlock(Module):
    """Filters of 1x1, 3x3 and 5x5 and a pooling side by side, their channels concatenated.

    1x1 convolutions reduce the channels before the larger filters and after the pooling.

    Args:
        in_channels: channels of the input.
        ones: channels of the 1x1 branch.
        threes, fives: pairs (channels after the reduction, channels out) of these branches.
        pooled: channels of the pooling branch.
        factorized: replace 3x3 by 1x3 and 3x1, and 5x5 by two 3x3.

    >>> import ember as torch
    >>> block = torch.nn.extra.InceptionBlock(192, 64, (96, 128), (16, 32), 32)
    >>> block(torch.zeros(1, 192, 8, 8)).shape
    torch.Size([1, 256, 8, 8])
    """

    def __init__(self, in_channels, ones, threes, fives, pooled, factorized=False):
        super().__init__()
        self.out_channels = ones + threes[1] + fives[1] + pooled
        self.branch1 = _conv(in_channels, ones, 1)
        self.branch2 = Sequential(_conv(in_channels, threes[0], 1))
        self.branch3 = Sequential(_conv(in_channels, fives[0], 1))
        if factorized:
            self.branch2.extend([_conv(threes[0], threes[1], (1, 3)),
                                 _conv(threes[1], threes[1], (3, 1))])
            self.branch3.extend([_conv(fives[0], fives[1], 3), _conv(fives[1], fives[1], 3)])
        else:
            self.branch2.append(_conv(*threes, 3))
            self.branch3.append(_conv(*fives, 5))
        self.branch4 = Sequential(MaxPool2d(3, stride=1, padding=1),
                                  _conv(in_channels, pooled, 1))

    def forward(self, x):
        """Return shape (N, out_channels, H, W) for x of shape (N, in_channels, H, W)."""
        return cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class AuxiliaryHead(Sequential):
    """A small classifier on features from the middle of a network.

    Its loss is added with weight 0.3 while training, so that gradients reach the first layers;
    afterwards the head is thrown away.

    Args:
        in_channels: channels of the features; height and width may be any.
        num_classes: how many classes.
        channels, hidden, dropout: of the convolution, the hidden layer and before the last one.

    >>> import ember as torch
    >>> head = torch.nn.extra.AuxiliaryHead(512, 10)
    >>> head(torch.zeros(2, 512, 14, 14)).shape, head.weight
    (torch.Size([2, 10]), 0.3)
    """

    weight = 0.3

    def __init__(self, in_channels, num_classes, channels=128, hidden=1024, dropout=0.7):
        super().__init__(
            AdaptiveAvgPool2d(4), _conv(in_channels, channels, 1), Flatten(),
            Linear(16 * channels, hidden), ReLU(), Dropout(dropout), Linear(hidden, num_classes))
