"""MobileNetV2: "Inverted residuals and linear bottlenecks".

Paper: https://arxiv.org/abs/1801.04381
"""

from ... import nn
from ..ops import Conv2dNormActivation
from .registry import loaded, register_model
from .weights import WeightsEnum, imagenet

__all__ = ["MobileNetV2", "MobileNet_V2_Weights", "mobilenet_v2"]

# Of each stage: how often wider inside, channels, modules, stride of the first.
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
           (6, 160, 3, 2), (6, 320, 1, 1))


class InvertedResidual(nn.Module):
    """Wide inside and narrow outside: widen, look at each channel by itself, narrow.

    Args:
        inp, oup: channels before and after.
        stride: 1 or 2.
        expand_ratio: how often wider inside.
        norm_layer: the class of normalization.
    Raises:
        ValueError: another stride.
    """

    def __init__(self, inp, oup, stride, expand_ratio, norm_layer=nn.BatchNorm2d):
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"stride should be 1 or 2 instead of {stride}")
        self.use_res_connect = stride == 1 and inp == oup
        self.out_channels = oup
        hidden = round(inp * expand_ratio)
        options = {"norm_layer": norm_layer, "activation_layer": nn.ReLU6}
        widen = [Conv2dNormActivation(inp, hidden, 1, **options)] if expand_ratio != 1 else []
        self.conv = nn.Sequential(
            *widen,
            Conv2dNormActivation(hidden, hidden, stride=stride, groups=hidden, **options),
            nn.Conv2d(hidden, oup, 1, 1, 0, bias=False),
            norm_layer(oup))

    def forward(self, x):
        """Return the features, added to `x` where the shape stays."""
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


def make_divisible(channels, divisor):
    """Return the multiple of a number nearest to a number of channels, and not below 90 % of it.

    >>> make_divisible(32 * 0.35, 8)
    16
    """
    nearest = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * channels else nearest


class MobileNetV2(nn.Module):
    """Seven stages of `InvertedResidual` modules.

    Args:
        num_classes: how many numbers come out.
        width_mult: how much wider or narrower than the paper's.
        inverted_residual_setting: of each stage (expand_ratio, channels, modules, stride).
        round_nearest: what the channels shall be a multiple of.
        block: the class to use instead of `InvertedResidual`.
        norm_layer: the class of normalization; by default `BatchNorm2d`.
        dropout: the probability of the dropout.
    Shape: (N, 3, H, W) -> (N, num_classes).
    Raises:
        ValueError: stages that are not of four numbers.
    """

    def __init__(self, num_classes=1000, width_mult=1.0, inverted_residual_setting=None,
                 round_nearest=8, block=None, norm_layer=None, dropout=0.2):
        super().__init__()
        block = InvertedResidual if block is None else block
        norm_layer = nn.BatchNorm2d if norm_layer is None else norm_layer
        stages = _STAGES if inverted_residual_setting is None else inverted_residual_setting
        if len(stages) == 0 or len(stages[0]) != 4:
            raise ValueError("inverted_residual_setting should be non-empty or a 4-element list, "
                             f"got {inverted_residual_setting}")
        options = {"norm_layer": norm_layer, "activation_layer": nn.ReLU6}
        channels = make_divisible(32 * width_mult, round_nearest)
        self.last_channel = make_divisible(1280 * max(1.0, width_mult), round_nearest)
        features = [Conv2dNormActivation(3, channels, stride=2, **options)]
        for expand_ratio, wide, modules, stride in stages:
            after = make_divisible(wide * width_mult, round_nearest)
            for index in range(modules):
                features.append(block(channels, after, stride if index == 0 else 1,
                                      expand_ratio=expand_ratio, norm_layer=norm_layer))
                channels = after
        features.append(Conv2dNormActivation(channels, self.last_channel, 1, **options))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(dropout),
                                        nn.Linear(self.last_channel, num_classes))
        self._draw_initial_values()

    def _draw_initial_values(self):
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
            if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, x):
        """Return the scores of the classes."""
        x = nn.functional.adaptive_avg_pool2d(self.features(x), (1, 1))
        return self.classifier(x.flatten(1))


class MobileNet_V2_Weights(WeightsEnum):
    """Pretrained weights of `mobilenet_v2`."""

    IMAGENET1K_V1 = imagenet("mobilenet_v2-b0353104.pth")
    IMAGENET1K_V2 = imagenet("mobilenet_v2-7ebf99e0.pth", resize_size=232)
    DEFAULT = IMAGENET1K_V2


@register_model(MobileNet_V2_Weights)
def mobilenet_v2(weights, **options):
    """Return a MobileNetV2; see `MobileNetV2` for its options."""
    return loaded(MobileNetV2(**options), weights)
