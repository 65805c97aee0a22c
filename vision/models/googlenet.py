"""GoogLeNet: "Going deeper with convolutions".

Paper: https://arxiv.org/abs/1409.4842
"""

import warnings
from collections import namedtuple

from ... import nn
from ...autograd import cat
from ...autograd.from_data import tensor
from .registry import loaded, register_model
from .weights import WeightsEnum, imagenet

__all__ = ["GoogLeNet", "GoogLeNetOutputs", "GoogLeNet_Weights", "googlenet"]

GoogLeNetOutputs = namedtuple("GoogLeNetOutputs", ["logits", "aux_logits2", "aux_logits1"])
GoogLeNetOutputs.__doc__ = "The scores of the classes, and those that the two side heads give."

# Channels of the Inception modules: in; 1 x 1; 3 x 3 reduced and full; 5 x 5 reduced and full;
# after pooling.
_INCEPTIONS = {
    "3a": (192, 64, 96, 128, 16, 32, 32), "3b": (256, 128, 128, 192, 32, 96, 64),
    "4a": (480, 192, 96, 208, 16, 48, 64), "4b": (512, 160, 112, 224, 24, 64, 64),
    "4c": (512, 128, 128, 256, 24, 64, 64), "4d": (512, 112, 144, 288, 32, 64, 64),
    "4e": (528, 256, 160, 320, 32, 128, 128), "5a": (832, 256, 160, 320, 32, 128, 128),
    "5b": (832, 384, 192, 384, 48, 128, 128),
}


class BasicConv2d(nn.Module):
    """A convolution, a batch normalization and a ReLU."""

    def __init__(self, in_channels, out_channels, **options):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, bias=False, **options)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x):
        """Return the features."""
        return nn.functional.relu(self.bn(self.conv(x)), inplace=True)


class Inception(nn.Module):
    """Windows of 1, 3 and 5 pixels and a pooling, side by side."""

    def __init__(self, in_channels, ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj,
                 conv_block=BasicConv2d):
        super().__init__()
        self.branch1 = conv_block(in_channels, ch1x1, kernel_size=1)
        self.branch2 = nn.Sequential(conv_block(in_channels, ch3x3red, kernel_size=1),
                                     conv_block(ch3x3red, ch3x3, kernel_size=3, padding=1))
        # torchvision's weights are for 3 here, where the paper has 5
        self.branch3 = nn.Sequential(conv_block(in_channels, ch5x5red, kernel_size=1),
                                     conv_block(ch5x5red, ch5x5, kernel_size=3, padding=1))
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True),
            conv_block(in_channels, pool_proj, kernel_size=1))

    def forward(self, x):
        """Return all features, one after the other in the channels."""
        return cat((self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)), 1)


class InceptionAux(nn.Module):
    """A side head: scores of the classes from the middle of the network, for training."""

    def __init__(self, in_channels, num_classes, conv_block=BasicConv2d, dropout=0.7):
        super().__init__()
        self.conv = conv_block(in_channels, 128, kernel_size=1)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        """Return the scores of the classes."""
        x = self.conv(nn.functional.adaptive_avg_pool2d(x, (4, 4))).flatten(1)
        return self.fc2(self.dropout(nn.functional.relu(self.fc1(x), inplace=True)))


class GoogLeNet(nn.Module):
    """Nine Inception modules, with two side heads for training.

    Args:
        num_classes: how many numbers come out.
        aux_logits: whether there are side heads; then `forward` returns `GoogLeNetOutputs` while
            training.
        transform_input: whether to bring images normalized as ImageNet's to what the published
            weights expect.
        init_weights: whether to draw the weights from a truncated normal distribution.
        blocks: the classes to use instead of `BasicConv2d`, `Inception` and `InceptionAux`.
        dropout, dropout_aux: the probabilities of the dropouts.
    Shape: (N, 3, 15 or more, 15 or more) -> (N, num_classes).
    """

    def __init__(self, num_classes=1000, aux_logits=True, transform_input=False,
                 init_weights=None, blocks=None, dropout=0.2, dropout_aux=0.7):
        super().__init__()
        blocks = [BasicConv2d, Inception, InceptionAux] if blocks is None else blocks
        if len(blocks) != 3:
            raise ValueError(f"blocks length should be 3 instead of {len(blocks)}")
        conv_block, inception_block, aux_block = blocks
        self.aux_logits = aux_logits
        self.transform_input = transform_input
        self.conv1 = conv_block(3, 64, kernel_size=7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = conv_block(64, 64, kernel_size=1)
        self.conv3 = conv_block(64, 192, kernel_size=3, padding=1)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        for name, channels in _INCEPTIONS.items():
            setattr(self, f"inception{name}", inception_block(*channels))
            if name == "3b":
                self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
            elif name == "4e":
                self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.aux1 = aux_block(512, num_classes, dropout=dropout_aux) if aux_logits else None
        self.aux2 = aux_block(528, num_classes, dropout=dropout_aux) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes)
        if wants_initial_values(init_weights, "GoogleNet"):
            draw_truncated_normal(self, 0.01)

    def forward(self, x):
        """Return the scores of the classes; while training with side heads, three of them."""
        if self.transform_input:
            x = as_half_normalized(x)
        side_heads = self.training and self.aux_logits
        x = self.maxpool1(self.conv1(x))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        x = self.inception4a(x)
        aux1 = self.aux1(x) if side_heads else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = self.aux2(x) if side_heads else None
        x = self.maxpool4(self.inception4e(x))
        x = self.inception5b(self.inception5a(x))
        x = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        return GoogLeNetOutputs(x, aux2, aux1) if side_heads else x


def wants_initial_values(init_weights, name):
    """Return `init_weights`; None means True, with torchvision's warning."""
    if init_weights is None:
        warnings.warn(f"The default weight initialization of {name} will be changed in future "
                      "releases of torchvision. If you wish to keep the old behavior, please set "
                      "init_weights=True.", FutureWarning, stacklevel=5)
    return init_weights is None or init_weights


def draw_truncated_normal(model, std):
    """Draw the weights of all convolutions and linear layers, from −2 to 2.

    Args:
        model: the network.
        std: the standard deviation, where a layer has no `stddev` of its own.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            own = getattr(module, "stddev", std)
            nn.init.trunc_normal_(module.weight, mean=0.0, std=own, a=-2, b=2)


def as_half_normalized(x):
    """Turn images normalized with ImageNet's mean and deviation to a mean and deviation of 0.5."""
    std = tensor([0.229, 0.224, 0.225], dtype=x.dtype, device=x.device).view(3, 1, 1)
    mean = tensor([0.485, 0.456, 0.406], dtype=x.dtype, device=x.device).view(3, 1, 1)
    return x * (std / 0.5) + (mean - 0.5) / 0.5


class GoogLeNet_Weights(WeightsEnum):
    """Pretrained weights of `googlenet`; those of the side heads are not trained."""

    IMAGENET1K_V1 = imagenet("googlenet-1378be20.pth")
    DEFAULT = IMAGENET1K_V1


@register_model(GoogLeNet_Weights)
def googlenet(weights, **options):
    """Return a GoogLeNet; see `GoogLeNet` for its options."""
    if weights is None:
        return GoogLeNet(**options)
    keep = options.pop("aux_logits", False)  # the file has them
    options = {"transform_input": True, **options, "init_weights": False}
    model = loaded(GoogLeNet(**options), weights)
    if keep:
        warnings.warn("auxiliary heads in the pretrained googlenet model are NOT pretrained, so "
                      "make sure to train them", stacklevel=3)
    else:
        model.aux_logits, model.aux1, model.aux2 = False, None, None
    return model
