"""SqueezeNet: AlexNet's accuracy with 50 times fewer parameters.

Paper: https://arxiv.org/abs/1602.07360
"""

from ... import nn
from ...autograd import cat
from .registry import loaded, register_model
from .weights import WeightsEnum, imagenet

__all__ = ["SqueezeNet", "SqueezeNet1_0_Weights", "SqueezeNet1_1_Weights", "squeezenet1_0",
           "squeezenet1_1"]


class Fire(nn.Module):
    """Few channels, then many: 1 x 1 convolutions and 3 x 3 convolutions side by side."""

    def __init__(self, inplanes, squeeze_planes, expand1x1_planes, expand3x3_planes):
        super().__init__()
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, kernel_size=1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, kernel_size=1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x):
        """Return both kinds of features, one after the other in the channels."""
        x = self.squeeze_activation(self.squeeze(x))
        return cat((self.expand1x1_activation(self.expand1x1(x)),
                    self.expand3x3_activation(self.expand3x3(x))), 1)


# Of each version: the first convolution's channels and kernel, and before which Fire modules a
# pooling comes.
_VERSIONS = {"1_0": (96, 7, (0, 3, 7)), "1_1": (64, 3, (0, 2, 4))}
# Of the Fire modules: the channels squeezed to, and of each kind of convolution after that.
_FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))


class SqueezeNet(nn.Module):
    """Eight Fire modules, and a convolution that says the classes.

    Args:
        version: "1_0" or "1_1", which needs 2.4 times less work.
        num_classes: how many numbers come out.
        dropout: the probability of the dropout.
    Shape: (N, 3, 21 or more, 21 or more) -> (N, num_classes); version "1_1" from 17 on.
    Raises:
        ValueError: another version.
    """

    def __init__(self, version="1_0", num_classes=1000, dropout=0.5):
        super().__init__()
        if version not in _VERSIONS:
            raise ValueError(f"Unsupported SqueezeNet version {version}: 1_0 or 1_1 expected")
        self.num_classes = num_classes
        channels, kernel_size, pooled = _VERSIONS[version]
        layers = [nn.Conv2d(3, channels, kernel_size, stride=2), nn.ReLU(inplace=True)]
        for index, (squeezed, expanded) in enumerate(_FIRES):
            if index in pooled:
                layers.append(nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True))
            layers.append(Fire(channels, squeezed, expanded, expanded))
            channels = 2 * expanded
        self.features = nn.Sequential(*layers)
        last = nn.Conv2d(channels, num_classes, kernel_size=1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), last, nn.ReLU(inplace=True),
                                        nn.AdaptiveAvgPool2d((1, 1)))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                if module is last:
                    nn.init.normal_(module.weight, mean=0.0, std=0.01)
                else:
                    nn.init.kaiming_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, x):
        """Return the scores of the classes."""
        return self.classifier(self.features(x)).flatten(1)


class SqueezeNet1_0_Weights(WeightsEnum):
    """Pretrained weights of `squeezenet1_0`."""

    IMAGENET1K_V1 = imagenet("squeezenet1_0-b66bff10.pth")
    DEFAULT = IMAGENET1K_V1


class SqueezeNet1_1_Weights(WeightsEnum):
    """Pretrained weights of `squeezenet1_1`."""

    IMAGENET1K_V1 = imagenet("squeezenet1_1-b8a52dc0.pth")
    DEFAULT = IMAGENET1K_V1


@register_model(SqueezeNet1_0_Weights)
def squeezenet1_0(weights, **options):
    """Return a SqueezeNet as in the paper; see `SqueezeNet` for its options."""
    return loaded(SqueezeNet("1_0", **options), weights)


@register_model(SqueezeNet1_1_Weights)
def squeezenet1_1(weights, **options):
    """Return a SqueezeNet that needs less work; see `SqueezeNet` for its options."""
    return loaded(SqueezeNet("1_1", **options), weights)
