"""DenseNet: "Densely connected convolutional networks".

Paper: https://arxiv.org/abs/1608.06993
"""

import re

from ... import nn
from ...autograd import cat, is_grad_enabled
from ...utils.checkpoint import checkpoint
from .registry import register_model
from .weights import WeightsEnum, imagenet

__all__ = ["DenseNet", "DenseNet121_Weights", "DenseNet161_Weights", "DenseNet169_Weights",
           "DenseNet201_Weights", "densenet121", "densenet161", "densenet169", "densenet201"]


class _DenseLayer(nn.Module):
    """New features made of all the features before: a 1 x 1 and a 3 x 3 convolution."""

    def __init__(self, num_input_features, growth_rate, bn_size, drop_rate, memory_efficient):
        super().__init__()
        inside = bn_size * growth_rate
        self.norm1 = nn.BatchNorm2d(num_input_features)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(num_input_features, inside, kernel_size=1, bias=False)
        self.norm2 = nn.BatchNorm2d(inside)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(inside, growth_rate, kernel_size=3, padding=1, bias=False)
        self.drop_rate = float(drop_rate)
        self.memory_efficient = memory_efficient

    def _narrow(self, *features):
        return self.conv1(self.relu1(self.norm1(cat(features, 1))))

    def forward(self, features):
        if self.memory_efficient and is_grad_enabled():
            x = checkpoint(self._narrow, *features, use_reentrant=False)
        else:
            x = self._narrow(*features)
        x = self.conv2(self.relu2(self.norm2(x)))
        if self.drop_rate > 0:
            x = nn.functional.dropout(x, p=self.drop_rate, training=self.training)
        return x


class _DenseBlock(nn.ModuleDict):
    def __init__(self, num_layers, num_input_features, bn_size, growth_rate, drop_rate,
                 memory_efficient):
        super().__init__()
        for index in range(num_layers):
            self.add_module(f"denselayer{index + 1}", _DenseLayer(
                num_input_features + index * growth_rate, growth_rate, bn_size, drop_rate,
                memory_efficient))

    def forward(self, x):
        features = [x]
        for layer in self.values():
            features.append(layer(features))
        return cat(features, 1)


class _Transition(nn.Sequential):
    """Fewer channels, and half the height and width."""

    def __init__(self, num_input_features, num_output_features):
        super().__init__()
        self.norm = nn.BatchNorm2d(num_input_features)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(num_input_features, num_output_features, kernel_size=1, bias=False)
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)


class DenseNet(nn.Module):
    """Blocks of layers, each of which sees the features of all before it.

    Args:
        growth_rate: channels that each layer adds.
        block_config: how many layers each block has.
        num_init_features: channels after the first convolution.
        bn_size: channels inside of a layer, in units of `growth_rate`.
        drop_rate: the probability of the dropout after each layer.
        num_classes: how many numbers come out.
        memory_efficient: whether to compute parts of a layer again for its gradient.
    Shape: (N, 3, 29 or more, 29 or more) -> (N, num_classes).
    """

    def __init__(self, growth_rate=32, block_config=(6, 12, 24, 16), num_init_features=64,
                 bn_size=4, drop_rate=0, num_classes=1000, memory_efficient=False):
        super().__init__()
        channels = num_init_features
        self.features = nn.Sequential()
        self.features.conv0 = nn.Conv2d(3, channels, kernel_size=7, stride=2, padding=3, bias=False)
        self.features.norm0 = nn.BatchNorm2d(channels)
        self.features.relu0 = nn.ReLU(inplace=True)
        self.features.pool0 = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        for index, layers in enumerate(block_config, 1):
            block = _DenseBlock(layers, channels, bn_size, growth_rate, drop_rate,
                                memory_efficient)
            self.features.add_module(f"denseblock{index}", block)
            channels += layers * growth_rate
            if index < len(block_config):
                self.features.add_module(f"transition{index}", _Transition(channels, channels // 2))
                channels //= 2
        self.features.norm5 = nn.BatchNorm2d(channels)
        self.classifier = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x):
        """Return the scores of the classes."""
        x = nn.functional.relu(self.features(x), inplace=True)
        return self.classifier(nn.functional.adaptive_avg_pool2d(x, (1, 1)).flatten(1))


class DenseNet121_Weights(WeightsEnum):
    """Pretrained weights of `densenet121`."""

    IMAGENET1K_V1 = imagenet("densenet121-a639ec97.pth")
    DEFAULT = IMAGENET1K_V1


class DenseNet161_Weights(WeightsEnum):
    """Pretrained weights of `densenet161`."""

    IMAGENET1K_V1 = imagenet("densenet161-8d451a50.pth")
    DEFAULT = IMAGENET1K_V1


class DenseNet169_Weights(WeightsEnum):
    """Pretrained weights of `densenet169`."""

    IMAGENET1K_V1 = imagenet("densenet169-b2777c0a.pth")
    DEFAULT = IMAGENET1K_V1


class DenseNet201_Weights(WeightsEnum):
    """Pretrained weights of `densenet201`."""

    IMAGENET1K_V1 = imagenet("densenet201-c1103571.pth")
    DEFAULT = IMAGENET1K_V1


def _densenet(growth_rate, block_config, num_init_features, weights, options):
    model = DenseNet(growth_rate, block_config, num_init_features, **options)
    if weights is not None:
        # The files are older than the names: they have "norm.1" where the layers have "norm1".
        model.load_state_dict({re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)", r"\1\2", name): value
                               for name, value in weights.get_state_dict().items()})
    return model


@register_model(DenseNet121_Weights)
def densenet121(weights, **options):
    """Return a DenseNet of 121 layers; see `DenseNet` for its options."""
    return _densenet(32, (6, 12, 24, 16), 64, weights, options)


@register_model(DenseNet161_Weights)
def densenet161(weights, **options):
    """Return a DenseNet of 161 layers; see `DenseNet` for its options."""
    return _densenet(48, (6, 12, 36, 24), 96, weights, options)


@register_model(DenseNet169_Weights)
def densenet169(weights, **options):
    """Return a DenseNet of 169 layers; see `DenseNet` for its options."""
    return _densenet(32, (6, 12, 32, 32), 64, weights, options)


@register_model(DenseNet201_Weights)
def densenet201(weights, **options):
    """Return a DenseNet of 201 layers; see `DenseNet` for its options."""
    return _densenet(32, (6, 12, 48, 32), 64, weights, options)
