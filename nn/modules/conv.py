"""Convolution layers.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html#convolution-layers
"""

import math

from ...autograd import Tensor, empty
from .. import functional as F
from .. import init
from ..parameter import Parameter, UninitializedParameter
from .lazy import LazyModuleMixin
from .module import Module
from .utils import ntuple, reverse_repeat

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d",
           "ConvTranspose3d", "LazyConv1d", "LazyConv2d", "LazyConv3d", "LazyConvTranspose1d",
           "LazyConvTranspose2d", "LazyConvTranspose3d"]


class _ConvNd(Module):
    """What all convolution layers share: options, weight, bias, their initialization, repr."""

    weight: Tensor
    bias: Tensor | None
    dims = 0
    transposed = False
    _also_saved = ("transposed",)

    def _set_up(self, in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
                bias, padding_mode, device, dtype, output_padding=0):
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = ntuple(kernel_size, self.dims)
        self.stride = ntuple(stride, self.dims)
        self.padding = padding if isinstance(padding, str) else ntuple(padding, self.dims)
        self.dilation = ntuple(dilation, self.dims)
        self.output_padding = ntuple(output_padding, self.dims)
        self.groups = groups
        self.padding_mode = padding_mode
        self._check_padding()
        self._reversed_padding_repeated_twice = self._sides()
        made = {"device": device, "dtype": dtype}
        self.weight = Parameter(empty(self._weight_shape(), **made))
        if bias:
            self.bias = Parameter(empty(out_channels, **made))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _weight_shape(self):
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        return (first, second // self.groups, *self.kernel_size)

    def _check_padding(self):
        modes = ("zeros", "reflect", "replicate", "circular")
        if self.padding_mode not in modes:
            raise ValueError(f"padding_mode must be one of {', '.join(modes)}, but got "
                             f"padding_mode='{self.padding_mode}'")
        if isinstance(self.padding, str):
            if self.padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {self.padding!r}, should be one of "
                                 "{'same', 'valid'}")
            if self.padding == "same" and any(s != 1 for s in self.stride):
                raise ValueError("padding='same' is not supported for strided convolutions")

    def _sides(self):
        """Return the padding as `F.pad` takes it."""
        if not isinstance(self.padding, str):
            return reverse_repeat(self.padding, 2)
        sides = []
        for d, k in zip(reversed(self.dilation), reversed(self.kernel_size)):
            total = d * (k - 1) if self.padding == "same" else 0
            sides += [total // 2, total - total // 2]
        return sides

    def reset_parameters(self):
        """Draw weight and bias from U(−1/√fan_in, 1/√fan_in)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self):
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
                 f"stride={self.stride}"]
        for name, usual in (("padding", 0), ("dilation", 1), ("output_padding", 0)):
            value = getattr(self, name)
            if value != (usual,) * self.dims:
                parts.append(f"{name}={value}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)

    def _padded(self, input):
        """Return the input and the padding left to the convolution."""
        if self.padding_mode == "zeros":
            return input, self.padding
        return F.pad(input, self._reversed_padding_repeated_twice, self.padding_mode), 0


class _Conv(_ConvNd):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1,
                 groups=1, bias=True, padding_mode="zeros", device=None, dtype=None):
        super().__init__()
        self._set_up(in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
                     bias, padding_mode, device, dtype)


class Conv1d(_Conv):
    """Convolution of signals. Shape: (N, C, L) -> (N, out, L'). Args: as for `Conv2d`."""

    dims = 1

    def forward(self, input):
        input, padding = self._padded(input)
        return F.conv1d(input, self.weight, self.bias, self.stride, padding, self.dilation,
                        self.groups)


class Conv2d(_Conv):
    """Convolution of images.

    Args:
        in_channels, out_channels: numbers of channels.
        kernel_size, stride, padding, dilation: a number or one per axis; padding also "same"
            or "valid".
        groups: number of independent groups of channels.
        bias: whether to add a bias.
        padding_mode: "zeros", "reflect", "replicate" or "circular".

    Shape: (N, in_channels, H, W) -> (N, out_channels, H', W'), or without N.
    Source: https://docs.pytorch.org/docs/2.13/generated/torch.nn.Conv2d.html

    >>> import ember as torch
    >>> torch.nn.Conv2d(16, 33, 3, stride=2)(torch.ones(20, 16, 50, 100)).shape
    torch.Size([20, 33, 24, 49])
    """

    dims = 2

    def forward(self, input):
        input, padding = self._padded(input)
        return F.conv2d(input, self.weight, self.bias, self.stride, padding, self.dilation,
                        self.groups)


class Conv3d(_Conv):
    """Convolution of volumes. Shape: (N, C, D, H, W) -> (N, out, D', H', W'). Args: as above."""

    dims = 3

    def forward(self, input):
        input, padding = self._padded(input)
        return F.conv3d(input, self.weight, self.bias, self.stride, padding, self.dilation,
                        self.groups)


class _ConvTranspose(_ConvNd):
    transposed = True

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0,
                 output_padding=0, groups=1, bias=True, dilation=1, padding_mode="zeros",
                 device=None, dtype=None):
        super().__init__()
        if padding_mode != "zeros":
            raise ValueError('Only "zeros" padding mode is supported for '
                             f"{type(self).__name__}")
        self._set_up(in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
                     bias, padding_mode, device, dtype, output_padding)

    def _extra(self, input, output_size):
        """Return the output_padding that gives an output size.

        Raises:
            ValueError: no output_padding does.
        """
        if output_size is None:
            return self.output_padding
        output_size = list(output_size)[-self.dims:]
        shortest = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in zip(
            input.shape[-self.dims:], self.stride, self.padding, self.dilation,
            self.kernel_size)]
        extra = [wanted - n for wanted, n in zip(output_size, shortest)]
        if len(extra) != self.dims or any(not 0 <= e < s for e, s in zip(extra, self.stride)):
            longest = [n + s - 1 for n, s in zip(shortest, self.stride)]
            raise ValueError(f"requested an output size of {output_size}, but valid sizes range "
                             f"from {shortest} to {longest} (for an input of {input.shape[2:]})")
        return extra


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution of signals. Shape: (N, C, L) -> (N, out, L'). Args: as below."""

    dims = 1

    def forward(self, input, output_size=None):
        return F.conv_transpose1d(input, self.weight, self.bias, self.stride, self.padding,
                                  self._extra(input, output_size), self.groups, self.dilation)


class ConvTranspose2d(_ConvTranspose):
    """Transposed convolution of images.

    Args:
        in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias: as for
            `Conv2d`.
        output_padding: rows and columns added to one side of the output.

    Shape: (N, in_channels, H, W) -> (N, out_channels, H', W'), or without N.

    >>> import ember as torch
    >>> torch.nn.ConvTranspose2d(3, 2, 4, stride=2)(torch.ones(1, 3, 5, 5)).shape
    torch.Size([1, 2, 12, 12])
    """

    dims = 2

    def forward(self, input, output_size=None):
        return F.conv_transpose2d(input, self.weight, self.bias, self.stride, self.padding,
                                  self._extra(input, output_size), self.groups, self.dilation)


class ConvTranspose3d(_ConvTranspose):
    """Transposed convolution of volumes. Shape: (N, C, D, H, W) -> (N, out, D', H', W')."""

    dims = 3

    def forward(self, input, output_size=None):
        return F.conv_transpose3d(input, self.weight, self.bias, self.stride, self.padding,
                                  self._extra(input, output_size), self.groups, self.dilation)


# -- lazy -----------------------------------------------------------------------------------------


class _LazyConv(LazyModuleMixin):
    """A convolution that takes in_channels from its first input."""

    def __init__(self, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1,
                 bias=True, padding_mode="zeros", device=None, dtype=None):
        super().__init__(0, 0, kernel_size, stride, padding, dilation=dilation, groups=groups,
                         bias=False, padding_mode=padding_mode)
        self._await_channels(out_channels, bias, {"device": device, "dtype": dtype})

    def _await_channels(self, out_channels, bias, made):
        self.out_channels = out_channels
        self.weight = UninitializedParameter(**made)
        if bias:
            self.bias = UninitializedParameter(**made)

    def reset_parameters(self):
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()

    def initialize_parameters(self, input, *args, **kwargs):
        """Take the number of channels from the first input."""
        if not self.has_uninitialized_params():
            return
        if input.ndim not in (self.dims + 1, self.dims + 2):
            raise RuntimeError(
                f"Expected {self.dims + 1}D (unbatched) or {self.dims + 2}D (batched) input to "
                f"{type(self).__name__}, but got input of size: {input.shape}")
        self.in_channels = input.shape[-self.dims - 1]
        if self.in_channels % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        self.weight.materialize(self._weight_shape())
        if self.bias is not None:
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()


class _LazyConvTranspose(_LazyConv):
    """A transposed convolution that takes in_channels from its first input."""

    def __init__(self, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1,
                 bias=True, dilation=1, padding_mode="zeros", device=None, dtype=None):
        super(_LazyConv, self).__init__(0, 0, kernel_size, stride, padding, output_padding,
                                        groups, False, dilation, padding_mode)
        self._await_channels(out_channels, bias, {"device": device, "dtype": dtype})


class LazyConv1d(_LazyConv, Conv1d):
    """A `Conv1d` that takes in_channels from its first input."""

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """A `Conv2d` that takes in_channels from its first input.

    >>> import ember as torch
    >>> torch.nn.LazyConv2d(2, 3)(torch.ones(1, 4, 5, 5)).shape
    torch.Size([1, 2, 3, 3])
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """A `Conv3d` that takes in_channels from its first input."""

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):
    """A `ConvTranspose1d` that takes in_channels from its first input."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):
    """A `ConvTranspose2d` that takes in_channels from its first input."""

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):
    """A `ConvTranspose3d` that takes in_channels from its first input."""

    cls_to_become = ConvTranspose3d
