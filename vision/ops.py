"""Layers that several models share.

Page: https://docs.pytorch.org/vision/0.28/ops.html
"""

from ..nn import BatchNorm2d, Conv2d, ReLU, Sequential
from ..nn.modules.utils import ntuple

__all__ = ["Conv2dNormActivation"]


class Conv2dNormActivation(Sequential):
    """A convolution, a normalization and an activation.

    Args:
        in_channels, out_channels, kernel_size, stride, groups, dilation: of the convolution.
        padding: by default what keeps height and width at stride 1.
        norm_layer, activation_layer: classes; None leaves the layer out.
        inplace: of the activation; None for a class that has no such argument.
        bias: whether the convolution has one; by default only without a normalization.

    >>> [type(layer).__name__ for layer in Conv2dNormActivation(3, 8)]
    ['Conv2d', 'BatchNorm2d', 'ReLU']
    """

    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, padding=None, groups=1,
                 norm_layer=BatchNorm2d, activation_layer=ReLU, dilation=1, inplace=True,
                 bias=None):
        if padding is None:
            sizes = zip(ntuple(kernel_size, 2), ntuple(dilation, 2))
            padding = tuple((size - 1) // 2 * step for size, step in sizes)
        bias = norm_layer is None if bias is None else bias
        layers = [Conv2d(in_channels, out_channels, kernel_size, stride, padding, dilation,
                         groups, bias)]
        if norm_layer is not None:
            layers.append(norm_layer(out_channels))
        if activation_layer is not None:
            options = {} if inplace is None else {"inplace": inplace}
            layers.append(activation_layer(**options))
        super().__init__(*layers)
        self.out_channels = out_channels
