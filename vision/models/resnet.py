"""ResNet and what grew from it: ResNeXt and wide ResNets.

Papers: https://arxiv.org/abs/1512.03385, https://arxiv.org/abs/1611.05431,
https://arxiv.org/abs/1605.07146
"""

from ... import nn
from .registry import loaded, register_model
from .weights import WeightsEnum, imagenet

__all__ = [
    "ResNeXt101_32X8D_Weights", "ResNeXt101_64X4D_Weights", "ResNeXt50_32X4D_Weights", "ResNet",
    "ResNet101_Weights", "ResNet152_Weights", "ResNet18_Weights", "ResNet34_Weights",
    "ResNet50_Weights", "Wide_ResNet101_2_Weights", "Wide_ResNet50_2_Weights", "resnet101",
    "resnet152", "resnet18", "resnet34", "resnet50", "resnext101_32x8d", "resnext101_64x4d",
    "resnext50_32x4d", "wide_resnet101_2", "wide_resnet50_2",
]


def conv3x3(in_planes, out_planes, stride=1, groups=1, dilation=1):
    """Return a 3 x 3 convolution without bias that keeps height and width at stride 1."""
    return nn.Conv2d(in_planes, out_planes, kernel_size=3, stride=stride, padding=dilation,
                     groups=groups, bias=False, dilation=dilation)


def conv1x1(in_planes, out_planes, stride=1):
    """Return a 1 x 1 convolution without bias."""
    return nn.Conv2d(in_planes, out_planes, kernel_size=1, stride=stride, bias=False)


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions whose result is added to the input.

    Args:
        inplanes: channels before.
        planes: channels after.
        stride: of the first convolution.
        downsample: what brings the input to the shape of the result; None where it has it.
        groups, base_width, dilation: accepted with the values 1, 64 and 1.
        norm_layer: the class of normalization.
    """

    expansion = 1

    def __init__(self, inplanes, planes, stride=1, downsample=None, groups=1, base_width=64,
                 dilation=1, norm_layer=nn.BatchNorm2d):
        super().__init__()
        if groups != 1 or base_width != 64:
            raise ValueError("BasicBlock only supports groups=1 and base_width=64")
        if dilation > 1:
            raise NotImplementedError("Dilation > 1 not supported in BasicBlock")
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm_layer(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm_layer(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x):
        """Return the features."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class Bottleneck(nn.Module):
    """A 3 x 3 convolution over fewer channels, between two of 1 x 1, added to the input.

    The stride is at the 3 x 3 convolution, not at the first one as in the paper ("ResNet V1.5").

    Args:
        inplanes: channels before; after it are 4 · planes.
        groups: of the 3 x 3 convolution.
        base_width: the width of a group, where `planes` is 64.
        others: as of `BasicBlock`.
    """

    expansion = 4

    def __init__(self, inplanes, planes, stride=1, downsample=None, groups=1, base_width=64,
                 dilation=1, norm_layer=nn.BatchNorm2d):
        super().__init__()
        width = int(planes * (base_width / 64.0)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm_layer(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm_layer(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm_layer(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x):
        """Return the features."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class ResNet(nn.Module):
    """Four stages of blocks, each added to its input.

    Args:
        block: `BasicBlock` or `Bottleneck`.
        layers: how many blocks each stage has.
        num_classes: how many numbers come out.
        zero_init_residual: whether each block begins as the identity.
        groups, width_per_group: of the 3 x 3 convolutions in a `Bottleneck`.
        replace_stride_with_dilation: for the last three stages, whether to keep height and width
            and spread the windows instead.
        norm_layer: the class of normalization; by default `BatchNorm2d`.
    Shape: (N, 3, H, W) -> (N, num_classes).
    Raises:
        ValueError: `replace_stride_with_dilation` is not of three.
    """

    def __init__(self, block, layers, num_classes=1000, zero_init_residual=False, groups=1,
                 width_per_group=64, replace_stride_with_dilation=None, norm_layer=None):
        super().__init__()
        dilate = replace_stride_with_dilation or (False, False, False)
        if len(dilate) != 3:
            raise ValueError("replace_stride_with_dilation should be None or a 3-element tuple, "
                             f"got {replace_stride_with_dilation}")
        self._norm_layer = nn.BatchNorm2d if norm_layer is None else norm_layer
        self.inplanes = 64
        self.dilation = 1
        self.groups = groups
        self.base_width = width_per_group
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = self._norm_layer(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 64, layers[0])
        self.layer2 = self._make_layer(block, 128, layers[1], 2, dilate[0])
        self.layer3 = self._make_layer(block, 256, layers[2], 2, dilate[1])
        self.layer4 = self._make_layer(block, 512, layers[3], 2, dilate[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        self._draw_initial_values(zero_init_residual)

    def _draw_initial_values(self, zero_init_residual):
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
        if zero_init_residual:
            for module in self.modules():
                if isinstance(module, BasicBlock | Bottleneck):
                    last = module.bn2 if isinstance(module, BasicBlock) else module.bn3
                    nn.init.zeros_(last.weight)

    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        """Return a stage; its first block changes the shape."""
        first_dilation = self.dilation
        if dilate:
            self.dilation *= stride
            stride = 1
        after = planes * block.expansion
        downsample = None
        if stride != 1 or self.inplanes != after:
            downsample = nn.Sequential(conv1x1(self.inplanes, after, stride),
                                       self._norm_layer(after))
        made = [block(self.inplanes, planes, stride, downsample, self.groups, self.base_width,
                      first_dilation, self._norm_layer)]
        self.inplanes = after
        made += [block(after, planes, groups=self.groups, base_width=self.base_width,
                       dilation=self.dilation, norm_layer=self._norm_layer)
                 for _ in range(1, blocks)]
        return nn.Sequential(*made)

    def forward(self, x):
        """Return the scores of the classes."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


class ResNet18_Weights(WeightsEnum):
    """Pretrained weights of `resnet18`."""

    IMAGENET1K_V1 = imagenet("resnet18-f37072fd.pth")
    DEFAULT = IMAGENET1K_V1


class ResNet34_Weights(WeightsEnum):
    """Pretrained weights of `resnet34`."""

    IMAGENET1K_V1 = imagenet("resnet34-b627a593.pth")
    DEFAULT = IMAGENET1K_V1


class ResNet50_Weights(WeightsEnum):
    """Pretrained weights of `resnet50`."""

    IMAGENET1K_V1 = imagenet("resnet50-0676ba61.pth")
    IMAGENET1K_V2 = imagenet("resnet50-11ad3fa6.pth", resize_size=232)
    DEFAULT = IMAGENET1K_V2


class ResNet101_Weights(WeightsEnum):
    """Pretrained weights of `resnet101`."""

    IMAGENET1K_V1 = imagenet("resnet101-63fe2227.pth")
    IMAGENET1K_V2 = imagenet("resnet101-cd907fc2.pth", resize_size=232)
    DEFAULT = IMAGENET1K_V2


class ResNet152_Weights(WeightsEnum):
    """Pretrained weights of `resnet152`."""

    IMAGENET1K_V1 = imagenet("resnet152-394f9c45.pth")
    IMAGENET1K_V2 = imagenet("resnet152-f82ba261.pth", resize_size=232)
    DEFAULT = IMAGENET1K_V2


class ResNeXt50_32X4D_Weights(WeightsEnum):
    """Pretrained weights of `resnext50_32x4d`."""

    IMAGENET1K_V1 = imagenet("resnext50_32x4d-7cdf4587.pth")
    IMAGENET1K_V2 = imagenet("resnext50_32x4d-1a0047aa.pth", resize_size=232)
    DEFAULT = IMAGENET1K_V2


class ResNeXt101_32X8D_Weights(WeightsEnum):
    """Pretrained weights of `resnext101_32x8d`."""

    IMAGENET1K_V1 = imagenet("resnext101_32x8d-8ba56ff5.pth")
    IMAGENET1K_V2 = imagenet("resnext101_32x8d-110c445d.pth", resize_size=232)
    DEFAULT = IMAGENET1K_V2


class ResNeXt101_64X4D_Weights(WeightsEnum):
    """Pretrained weights of `resnext101_64x4d`."""

    IMAGENET1K_V1 = imagenet("resnext101_64x4d-173b62eb.pth", resize_size=232)
    DEFAULT = IMAGENET1K_V1


class Wide_ResNet50_2_Weights(WeightsEnum):
    """Pretrained weights of `wide_resnet50_2`."""

    IMAGENET1K_V1 = imagenet("wide_resnet50_2-95faca4d.pth")
    IMAGENET1K_V2 = imagenet("wide_resnet50_2-9ba9bcbe.pth", resize_size=232)
    DEFAULT = IMAGENET1K_V2


class Wide_ResNet101_2_Weights(WeightsEnum):
    """Pretrained weights of `wide_resnet101_2`."""

    IMAGENET1K_V1 = imagenet("wide_resnet101_2-32ee1156.pth")
    IMAGENET1K_V2 = imagenet("wide_resnet101_2-d733dc28.pth", resize_size=232)
    DEFAULT = IMAGENET1K_V2


@register_model(ResNet18_Weights)
def resnet18(weights, **options):
    """Return a ResNet of 18 layers; see `ResNet` for its options."""
    return loaded(ResNet(BasicBlock, [2, 2, 2, 2], **options), weights)


@register_model(ResNet34_Weights)
def resnet34(weights, **options):
    """Return a ResNet of 34 layers; see `ResNet` for its options."""
    return loaded(ResNet(BasicBlock, [3, 4, 6, 3], **options), weights)


@register_model(ResNet50_Weights)
def resnet50(weights, **options):
    """Return a ResNet of 50 layers; see `ResNet` for its options."""
    return loaded(ResNet(Bottleneck, [3, 4, 6, 3], **options), weights)


@register_model(ResNet101_Weights)
def resnet101(weights, **options):
    """Return a ResNet of 101 layers; see `ResNet` for its options."""
    return loaded(ResNet(Bottleneck, [3, 4, 23, 3], **options), weights)


@register_model(ResNet152_Weights)
def resnet152(weights, **options):
    """Return a ResNet of 152 layers; see `ResNet` for its options."""
    return loaded(ResNet(Bottleneck, [3, 8, 36, 3], **options), weights)


@register_model(ResNeXt50_32X4D_Weights)
def resnext50_32x4d(weights, **options):
    """Return a ResNeXt of 50 layers, 32 groups of width 4; see `ResNet` for its options."""
    shape = {"groups": 32, "width_per_group": 4}
    return loaded(ResNet(Bottleneck, [3, 4, 6, 3], **shape, **options), weights)


@register_model(ResNeXt101_32X8D_Weights)
def resnext101_32x8d(weights, **options):
    """Return a ResNeXt of 101 layers, 32 groups of width 8; see `ResNet` for its options."""
    shape = {"groups": 32, "width_per_group": 8}
    return loaded(ResNet(Bottleneck, [3, 4, 23, 3], **shape, **options), weights)


@register_model(ResNeXt101_64X4D_Weights)
def resnext101_64x4d(weights, **options):
    """Return a ResNeXt of 101 layers, 64 groups of width 4; see `ResNet` for its options."""
    shape = {"groups": 64, "width_per_group": 4}
    return loaded(ResNet(Bottleneck, [3, 4, 23, 3], **shape, **options), weights)


@register_model(Wide_ResNet50_2_Weights)
def wide_resnet50_2(weights, **options):
    """Return a ResNet of 50 layers with twice as wide bottlenecks; see `ResNet`."""
    return loaded(ResNet(Bottleneck, [3, 4, 6, 3], width_per_group=128, **options), weights)


@register_model(Wide_ResNet101_2_Weights)
def wide_resnet101_2(weights, **options):
    """Return a ResNet of 101 layers with twice as wide bottlenecks; see `ResNet`."""
    return loaded(ResNet(Bottleneck, [3, 4, 23, 3], width_per_group=128, **options), weights)
