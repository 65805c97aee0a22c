"""Pooling layers.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html#pooling-layers
"""

from ...autograd import Tensor
from .. import functional as F
from .module import Module
from .utils import ntuple

__all__ = ["AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d",
           "AdaptiveMaxPool2d", "AdaptiveMaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d",
           "FractionalMaxPool2d", "FractionalMaxPool3d", "LPPool1d", "LPPool2d", "LPPool3d",
           "MaxPool1d", "MaxPool2d", "MaxPool3d", "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"]


class _MaxPoolNd(Module):
    def __init__(self, kernel_size, stride=None, padding=0, dilation=1, return_indices=False,
                 ceil_mode=False):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def _options(self):
        return (self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
                self.return_indices)

    def extra_repr(self):
        return (f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
                f"dilation={self.dilation}, ceil_mode={self.ceil_mode}")


class MaxPool1d(_MaxPoolNd):
    """Maximum over windows of signals. Shape: (N, C, L) -> (N, C, L'). Args: see `MaxPool2d`."""

    def forward(self, input):
        return F.max_pool1d(input, *self._options())


class MaxPool2d(_MaxPoolNd):
    """Maximum over windows of images.

    Args:
        kernel_size, stride, padding, dilation: a number or one per axis; the stride is the
            kernel size by default.
        return_indices: also return where the maxima were, for `MaxUnpool2d`.
        ceil_mode: whether a last window may reach over the edge.

    Shape: (N, C, H, W) -> (N, C, H', W'), or without N.

    >>> import ember as torch
    >>> torch.nn.MaxPool2d(3, stride=2)(torch.ones(20, 16, 50, 32)).shape
    torch.Size([20, 16, 24, 15])
    """

    def forward(self, input):
        return F.max_pool2d(input, *self._options())


class MaxPool3d(_MaxPoolNd):
    """Maximum over windows of volumes. Shape: (N, C, D, H, W). Args: see `MaxPool2d`."""

    def forward(self, input):
        return F.max_pool3d(input, *self._options())


class _MaxUnpoolNd(Module):
    dims = 0

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size = ntuple(kernel_size, self.dims)
        self.stride = ntuple(stride if stride is not None else kernel_size, self.dims)
        self.padding = ntuple(padding, self.dims)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """Puts the maxima of `MaxPool1d` back to their places."""

    dims = 1

    def forward(self, input, indices, output_size=None):
        return F.max_unpool1d(input, indices, self.kernel_size, self.stride, self.padding,
                              output_size)


class MaxUnpool2d(_MaxUnpoolNd):
    """Puts the maxima of `MaxPool2d` back to their places.

    >>> import ember as torch
    >>> values, where = torch.nn.MaxPool2d(2, return_indices=True)(torch.ones(1, 1, 4, 4))
    >>> torch.nn.MaxUnpool2d(2)(values, where).sum()
    tensor(4.)
    """

    dims = 2

    def forward(self, input, indices, output_size=None):
        return F.max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding,
                              output_size)


class MaxUnpool3d(_MaxUnpoolNd):
    """Puts the maxima of `MaxPool3d` back to their places."""

    dims = 3

    def forward(self, input, indices, output_size=None):
        return F.max_unpool3d(input, indices, self.kernel_size, self.stride, self.padding,
                              output_size)


# -- average and norm -----------------------------------------------------------------------------


class AvgPool1d(Module):
    """Mean over windows of signals. Shape: (N, C, L) -> (N, C, L'). Args: see `AvgPool2d`."""

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False,
                 count_include_pad=True):
        super().__init__()
        self.kernel_size = ntuple(kernel_size, 1)
        self.stride = ntuple(stride if stride is not None else kernel_size, 1)
        self.padding = ntuple(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input):
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                            self.count_include_pad)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPoolNd(Module):
    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False,
                 count_include_pad=True, divisor_override=None):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def _options(self):
        return (self.kernel_size, self.stride, self.padding, self.ceil_mode,
                self.count_include_pad, self.divisor_override)

    extra_repr = AvgPool1d.extra_repr


class AvgPool2d(_AvgPoolNd):
    """Mean over windows of images.

    Args:
        kernel_size, stride, padding: a number or one per axis.
        ceil_mode: whether a last window may reach over the edge.
        count_include_pad: whether the border counts in the mean.
        divisor_override: a divisor instead of the number of elements.

    Shape: (N, C, H, W) -> (N, C, H', W'), or without N.
    """

    def forward(self, input):
        return F.avg_pool2d(input, *self._options())


class AvgPool3d(_AvgPoolNd):
    """Mean over windows of volumes. Shape: (N, C, D, H, W). Args: see `AvgPool2d`."""

    def forward(self, input):
        return F.avg_pool3d(input, *self._options())


class _LPPoolNd(Module):
    def __init__(self, norm_type, kernel_size, stride=None, ceil_mode=False):
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def _options(self):
        return float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode

    def extra_repr(self):
        return (f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, "
                f"stride={self.stride}, ceil_mode={self.ceil_mode}")


class LPPool1d(_LPPoolNd):
    """p-norm over windows of signals. Shape: (N, C, L) -> (N, C, L')."""

    def forward(self, input):
        return F.lp_pool1d(input, *self._options())


class LPPool2d(_LPPoolNd):
    """p-norm over windows of images. Shape: (N, C, H, W) -> (N, C, H', W')."""

    def forward(self, input):
        return F.lp_pool2d(input, *self._options())


class LPPool3d(_LPPoolNd):
    """p-norm over windows of volumes. Shape: (N, C, D, H, W) -> (N, C, D', H', W')."""

    def forward(self, input):
        return F.lp_pool3d(input, *self._options())


# -- to a given size ------------------------------------------------------------------------------


class _FractionalMaxPoolNd(Module):
    dims = 0
    _random_samples: Tensor | None

    def __init__(self, kernel_size, output_size=None, output_ratio=None, return_indices=False,
                 _random_samples=None):
        super().__init__()
        name = type(self).__name__
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output size, or a pooling "
                             "ratio")
        if output_size is not None and output_ratio is not None:
            raise ValueError(f"only one of output_size and output_ratio may be specified ({name})")
        self.kernel_size = ntuple(kernel_size, self.dims)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else ntuple(output_size, self.dims)
        self.output_ratio = None if output_ratio is None else ntuple(output_ratio, self.dims)
        if output_ratio is not None and not all(0 < r < 1 for r in self.output_ratio):
            raise ValueError("output_ratio must be between 0 and 1 (got "
                             f"{self.output_ratio})")

    def _options(self):
        return (self.kernel_size, self.output_size, self.output_ratio, self.return_indices,
                self._random_samples)


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """Maximum over windows at pseudo-random places; see `F.fractional_max_pool2d`."""

    dims = 2

    def forward(self, input):
        return F.fractional_max_pool2d(input, *self._options())


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """Maximum over windows at pseudo-random places of volumes."""

    dims = 3

    def forward(self, input):
        return F.fractional_max_pool3d(input, *self._options())


class _AdaptivePoolNd(Module):
    def __init__(self, output_size):
        super().__init__()
        self.output_size = output_size

    def extra_repr(self):
        return f"output_size={self.output_size}"


class _AdaptiveMaxPoolNd(_AdaptivePoolNd):
    def __init__(self, output_size, return_indices=False):
        super().__init__(output_size)
        self.return_indices = return_indices


class AdaptiveAvgPool1d(_AdaptivePoolNd):
    """Means over parts of signals. Shape: (N, C, L) -> (N, C, output_size)."""

    def forward(self, input):
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_AdaptivePoolNd):
    """Means over a grid of parts of images.

    Args:
        output_size: (H', W'), one number for both, or None to keep an axis.

    >>> import ember as torch
    >>> torch.nn.AdaptiveAvgPool2d((5, 7))(torch.ones(1, 64, 8, 9)).shape
    torch.Size([1, 64, 5, 7])
    """

    def forward(self, input):
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveAvgPool3d(_AdaptivePoolNd):
    """Means over parts of volumes. Shape: (N, C, D, H, W) -> (N, C, *output_size)."""

    def forward(self, input):
        return F.adaptive_avg_pool3d(input, self.output_size)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Maxima over parts of signals. Shape: (N, C, L) -> (N, C, output_size)."""

    def forward(self, input):
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Maxima over a grid of parts of images. Shape: (N, C, H, W) -> (N, C, *output_size)."""

    def forward(self, input):
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Maxima over parts of volumes. Shape: (N, C, D, H, W) -> (N, C, *output_size)."""

    def forward(self, input):
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)
