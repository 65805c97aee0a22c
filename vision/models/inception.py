"""Inception v3: "Rethinking the Inception architecture for computer vision".

Paper: https://arxiv.org/abs/1512.00567
"""

from collections import namedtuple

from ... import nn
from ...autograd import cat
from .googlenet import (
    BasicConv2d,
    as_half_normalized,
    draw_truncated_normal,
    wants_initial_values,
)
from .registry import loaded, register_model
from .weights import WeightsEnum, imagenet

__all__ = ["Inception3", "InceptionOutputs", "Inception_V3_Weights", "inception_v3"]

InceptionOutputs = namedtuple("InceptionOutputs", ["logits", "aux_logits"])
InceptionOutputs.__doc__ = "The scores of the classes, and those that the side head gives."

F = nn.functional


class InceptionA(nn.Module):
    """Windows of 1, 5 and twice 3 pixels and a pooling, side by side."""

    def __init__(self, in_channels, pool_features, conv_block=BasicConv2d):
        super().__init__()
        self.branch1x1 = conv_block(in_channels, 64, kernel_size=1)
        self.branch5x5_1 = conv_block(in_channels, 48, kernel_size=1)
        self.branch5x5_2 = conv_block(48, 64, kernel_size=5, padding=2)
        self.branch3x3dbl_1 = conv_block(in_channels, 64, kernel_size=1)
        self.branch3x3dbl_2 = conv_block(64, 96, kernel_size=3, padding=1)
        self.branch3x3dbl_3 = conv_block(96, 96, kernel_size=3, padding=1)
        self.branch_pool = conv_block(in_channels, pool_features, kernel_size=1)

    def forward(self, x):
        """Return all features, one after the other in the channels."""
        return cat((
            self.branch1x1(x),
            self.branch5x5_2(self.branch5x5_1(x)),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))),
            self.branch_pool(F.avg_pool2d(x, kernel_size=3, stride=1, padding=1))), 1)


class InceptionB(nn.Module):
    """Half the height and width: windows of 3 and twice 3 pixels and a pooling."""

    def __init__(self, in_channels, conv_block=BasicConv2d):
        super().__init__()
        self.branch3x3 = conv_block(in_channels, 384, kernel_size=3, stride=2)
        self.branch3x3dbl_1 = conv_block(in_channels, 64, kernel_size=1)
        self.branch3x3dbl_2 = conv_block(64, 96, kernel_size=3, padding=1)
        self.branch3x3dbl_3 = conv_block(96, 96, kernel_size=3, stride=2)

    def forward(self, x):
        """Return all features, one after the other in the channels."""
        return cat((
            self.branch3x3(x),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))),
            F.max_pool2d(x, kernel_size=3, stride=2)), 1)


class InceptionC(nn.Module):
    """Windows of 7 pixels across and down, once and twice."""

    def __init__(self, in_channels, channels_7x7, conv_block=BasicConv2d):
        super().__init__()
        c7 = channels_7x7
        across, down = ({"kernel_size": (1, 7), "padding": (0, 3)},
                        {"kernel_size": (7, 1), "padding": (3, 0)})
        self.branch1x1 = conv_block(in_channels, 192, kernel_size=1)
        self.branch7x7_1 = conv_block(in_channels, c7, kernel_size=1)
        self.branch7x7_2 = conv_block(c7, c7, **across)
        self.branch7x7_3 = conv_block(c7, 192, **down)
        self.branch7x7dbl_1 = conv_block(in_channels, c7, kernel_size=1)
        self.branch7x7dbl_2 = conv_block(c7, c7, **down)
        self.branch7x7dbl_3 = conv_block(c7, c7, **across)
        self.branch7x7dbl_4 = conv_block(c7, c7, **down)
        self.branch7x7dbl_5 = conv_block(c7, 192, **across)
        self.branch_pool = conv_block(in_channels, 192, kernel_size=1)

    def forward(self, x):
        """Return all features, one after the other in the channels."""
        twice = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        return cat((
            self.branch1x1(x),
            self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x))),
            self.branch7x7dbl_5(self.branch7x7dbl_4(twice)),
            self.branch_pool(F.avg_pool2d(x, kernel_size=3, stride=1, padding=1))), 1)


class InceptionD(nn.Module):
    """Half the height and width: windows of 3 and of 7 pixels and a pooling."""

    def __init__(self, in_channels, conv_block=BasicConv2d):
        super().__init__()
        self.branch3x3_1 = conv_block(in_channels, 192, kernel_size=1)
        self.branch3x3_2 = conv_block(192, 320, kernel_size=3, stride=2)
        self.branch7x7x3_1 = conv_block(in_channels, 192, kernel_size=1)
        self.branch7x7x3_2 = conv_block(192, 192, kernel_size=(1, 7), padding=(0, 3))
        self.branch7x7x3_3 = conv_block(192, 192, kernel_size=(7, 1), padding=(3, 0))
        self.branch7x7x3_4 = conv_block(192, 192, kernel_size=3, stride=2)

    def forward(self, x):
        """Return all features, one after the other in the channels."""
        seven = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        return cat((
            self.branch3x3_2(self.branch3x3_1(x)),
            self.branch7x7x3_4(seven),
            F.max_pool2d(x, kernel_size=3, stride=2)), 1)


class InceptionE(nn.Module):
    """Windows of 3 pixels, across and down side by side."""

    def __init__(self, in_channels, conv_block=BasicConv2d):
        super().__init__()
        across, down = ({"kernel_size": (1, 3), "padding": (0, 1)},
                        {"kernel_size": (3, 1), "padding": (1, 0)})
        self.branch1x1 = conv_block(in_channels, 320, kernel_size=1)
        self.branch3x3_1 = conv_block(in_channels, 384, kernel_size=1)
        self.branch3x3_2a = conv_block(384, 384, **across)
        self.branch3x3_2b = conv_block(384, 384, **down)
        self.branch3x3dbl_1 = conv_block(in_channels, 448, kernel_size=1)
        self.branch3x3dbl_2 = conv_block(448, 384, kernel_size=3, padding=1)
        self.branch3x3dbl_3a = conv_block(384, 384, **across)
        self.branch3x3dbl_3b = conv_block(384, 384, **down)
        self.branch_pool = conv_block(in_channels, 192, kernel_size=1)

    def forward(self, x):
        """Return all features, one after the other in the channels."""
        once = self.branch3x3_1(x)
        twice = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        return cat((
            self.branch1x1(x),
            self.branch3x3_2a(once), self.branch3x3_2b(once),
            self.branch3x3dbl_3a(twice), self.branch3x3dbl_3b(twice),
            self.branch_pool(F.avg_pool2d(x, kernel_size=3, stride=1, padding=1))), 1)


class InceptionAux(nn.Module):
    """A side head: scores of the classes from the middle of the network, for training."""

    def __init__(self, in_channels, num_classes, conv_block=BasicConv2d):
        super().__init__()
        self.conv0 = conv_block(in_channels, 128, kernel_size=1)
        self.conv1 = conv_block(128, 768, kernel_size=5)
        self.fc = nn.Linear(768, num_classes)
        self.fc.stddev = 0.001

    def forward(self, x):
        """Return the scores of the classes."""
        x = self.conv1(self.conv0(F.avg_pool2d(x, kernel_size=5, stride=3)))
        return self.fc(F.adaptive_avg_pool2d(x, (1, 1)).flatten(1))


class Inception3(nn.Module):
    """Eleven Inception modules of five kinds, with a side head for training.

    Args:
        num_classes: how many numbers come out.
        aux_logits: whether there is a side head; then `forward` returns `InceptionOutputs` while
            training.
        transform_input: whether to bring images normalized as ImageNet's to what the published
            weights expect.
        inception_blocks: the classes to use instead of `BasicConv2d`, `InceptionA` to `InceptionE`
            and `InceptionAux`.
        init_weights: whether to draw the weights from a truncated normal distribution.
        dropout: the probability of the dropout.
    Shape: (N, 3, 75 or more, 75 or more) -> (N, num_classes); 299 with the side head.
    """

    def __init__(self, num_classes=1000, aux_logits=True, transform_input=False,
                 inception_blocks=None, init_weights=None, dropout=0.5):
        super().__init__()
        blocks = inception_blocks or [BasicConv2d, InceptionA, InceptionB, InceptionC, InceptionD,
                                      InceptionE, InceptionAux]
        if len(blocks) != 7:
            raise ValueError(f"length of inception_blocks should be 7 instead of {len(blocks)}")
        conv_block, a, b, c, d, e, aux_block = blocks
        self.aux_logits = aux_logits
        self.transform_input = transform_input
        self.Conv2d_1a_3x3 = conv_block(3, 32, kernel_size=3, stride=2)
        self.Conv2d_2a_3x3 = conv_block(32, 32, kernel_size=3)
        self.Conv2d_2b_3x3 = conv_block(32, 64, kernel_size=3, padding=1)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.Conv2d_3b_1x1 = conv_block(64, 80, kernel_size=1)
        self.Conv2d_4a_3x3 = conv_block(80, 192, kernel_size=3)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.Mixed_5b = a(192, pool_features=32)
        self.Mixed_5c = a(256, pool_features=64)
        self.Mixed_5d = a(288, pool_features=64)
        self.Mixed_6a = b(288)
        self.Mixed_6b = c(768, channels_7x7=128)
        self.Mixed_6c = c(768, channels_7x7=160)
        self.Mixed_6d = c(768, channels_7x7=160)
        self.Mixed_6e = c(768, channels_7x7=192)
        self.AuxLogits = aux_block(768, num_classes) if aux_logits else None
        self.Mixed_7a = d(768)
        self.Mixed_7b = e(1280)
        self.Mixed_7c = e(2048)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(2048, num_classes)
        if wants_initial_values(init_weights, "inception_v3"):
            draw_truncated_normal(self, 0.1)

    def forward(self, x):
        """Return the scores of the classes; while training with a side head, two of them."""
        if self.transform_input:
            x = as_half_normalized(x)
        side_head = self.training and self.aux_logits
        x = self.maxpool1(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x))))
        x = self.maxpool2(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        aux = self.AuxLogits(x) if side_head else None
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        x = self.fc(self.dropout(self.avgpool(x)).flatten(1))
        return InceptionOutputs(x, aux) if side_head else x


class Inception_V3_Weights(WeightsEnum):
    """Pretrained weights of `inception_v3`."""

    IMAGENET1K_V1 = imagenet("inception_v3_google-0cc3c7bd.pth", crop_size=299, resize_size=342)
    DEFAULT = IMAGENET1K_V1


@register_model(Inception_V3_Weights)
def inception_v3(weights, **options):
    """Return an Inception v3; see `Inception3` for its options."""
    if weights is None:
        return Inception3(**options)
    keep = options.pop("aux_logits", True)  # the file has it
    options = {"transform_input": True, **options, "init_weights": False}
    model = loaded(Inception3(**options), weights)
    if not keep:
        model.aux_logits, model.AuxLogits = False, None
    return model
