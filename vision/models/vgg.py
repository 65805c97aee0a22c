"""VGG: "Very deep convolutional networks for large-scale image recognition".

Paper: https://arxiv.org/abs/1409.1556
"""

from ... import nn
from .registry import loaded, register_model
from .weights import WeightsEnum, imagenet

__all__ = ["VGG", "VGG11_BN_Weights", "VGG11_Weights", "VGG13_BN_Weights", "VGG13_Weights",
           "VGG16_BN_Weights", "VGG16_Weights", "VGG19_BN_Weights", "VGG19_Weights", "vgg11",
           "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn"]

_CHANNELS = (64, 128, 256, 512, 512)  # of the five stages; each ends with a pooling
# How many convolutions each stage has, by the number of layers with weights.
_DEPTHS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


class VGG(nn.Module):
    """Stages of 3 x 3 convolutions and three linear layers.

    Args:
        features: the stages, which end with 512 channels.
        num_classes: how many numbers come out.
        init_weights: whether to draw the initial values as in the paper's code.
        dropout: the probability of each dropout.
    Shape: (N, 3, 32 or more, 32 or more) -> (N, num_classes).
    """

    def __init__(self, features, num_classes=1000, init_weights=True, dropout=0.5):
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096), nn.ReLU(True), nn.Dropout(dropout),
            nn.Linear(4096, 4096), nn.ReLU(True), nn.Dropout(dropout),
            nn.Linear(4096, num_classes))
        if init_weights:
            self.apply_initial_values()

    def apply_initial_values(self):
        """Draw all weights anew."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
                nn.init.zeros_(module.bias)

    def forward(self, x):
        """Return the scores of the classes."""
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def _stages(depth, batch_norm):
    layers, before = [], 3
    for channels, convolutions in zip(_CHANNELS, _DEPTHS[depth]):
        for _ in range(convolutions):
            layers.append(nn.Conv2d(before, channels, kernel_size=3, padding=1))
            if batch_norm:
                layers.append(nn.BatchNorm2d(channels))
            layers.append(nn.ReLU(inplace=True))
            before = channels
        layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
    return nn.Sequential(*layers)


def _vgg(depth, batch_norm, weights, options):
    if weights is not None:
        options["init_weights"] = False
    return loaded(VGG(_stages(depth, batch_norm), **options), weights)


class VGG11_Weights(WeightsEnum):
    """Pretrained weights of `vgg11`."""

    IMAGENET1K_V1 = imagenet("vgg11-8a719046.pth")
    DEFAULT = IMAGENET1K_V1


class VGG11_BN_Weights(WeightsEnum):
    """Pretrained weights of `vgg11_bn`."""

    IMAGENET1K_V1 = imagenet("vgg11_bn-6002323d.pth")
    DEFAULT = IMAGENET1K_V1


class VGG13_Weights(WeightsEnum):
    """Pretrained weights of `vgg13`."""

    IMAGENET1K_V1 = imagenet("vgg13-19584684.pth")
    DEFAULT = IMAGENET1K_V1


class VGG13_BN_Weights(WeightsEnum):
    """Pretrained weights of `vgg13_bn`."""

    IMAGENET1K_V1 = imagenet("vgg13_bn-abd245e5.pth")
    DEFAULT = IMAGENET1K_V1


class VGG16_Weights(WeightsEnum):
    """Pretrained weights of `vgg16`; of IMAGENET1K_FEATURES only `features` is meant for use."""

    IMAGENET1K_V1 = imagenet("vgg16-397923af.pth")
    IMAGENET1K_FEATURES = imagenet("vgg16_features-amdegroot-88682ab5.pth",
                                   mean=(0.48235, 0.45882, 0.40784), std=(1.0 / 255.0,) * 3)
    DEFAULT = IMAGENET1K_V1


class VGG16_BN_Weights(WeightsEnum):
    """Pretrained weights of `vgg16_bn`."""

    IMAGENET1K_V1 = imagenet("vgg16_bn-6c64b313.pth")
    DEFAULT = IMAGENET1K_V1


class VGG19_Weights(WeightsEnum):
    """Pretrained weights of `vgg19`."""

    IMAGENET1K_V1 = imagenet("vgg19-dcbb9e9d.pth")
    DEFAULT = IMAGENET1K_V1


class VGG19_BN_Weights(WeightsEnum):
    """Pretrained weights of `vgg19_bn`."""

    IMAGENET1K_V1 = imagenet("vgg19_bn-c79401a0.pth")
    DEFAULT = IMAGENET1K_V1


@register_model(VGG11_Weights)
def vgg11(weights, **options):
    """Return a VGG of 11 layers; see `VGG` for its options."""
    return _vgg(11, False, weights, options)


@register_model(VGG11_BN_Weights)
def vgg11_bn(weights, **options):
    """Return a VGG of 11 layers with batch normalization; see `VGG` for its options."""
    return _vgg(11, True, weights, options)


@register_model(VGG13_Weights)
def vgg13(weights, **options):
    """Return a VGG of 13 layers; see `VGG` for its options."""
    return _vgg(13, False, weights, options)


@register_model(VGG13_BN_Weights)
def vgg13_bn(weights, **options):
    """Return a VGG of 13 layers with batch normalization; see `VGG` for its options."""
    return _vgg(13, True, weights, options)


@register_model(VGG16_Weights)
def vgg16(weights, **options):
    """Return a VGG of 16 layers; see `VGG` for its options."""
    return _vgg(16, False, weights, options)


@register_model(VGG16_BN_Weights)
def vgg16_bn(weights, **options):
    """Return a VGG of 16 layers with batch normalization; see `VGG` for its options."""
    return _vgg(16, True, weights, options)


@register_model(VGG19_Weights)
def vgg19(weights, **options):
    """Return a VGG of 19 layers; see `VGG` for its options."""
    return _vgg(19, False, weights, options)


@register_model(VGG19_BN_Weights)
def vgg19_bn(weights, **options):
    """Return a VGG of 19 layers with batch normalization; see `VGG` for its options."""
    return _vgg(19, True, weights, options)
