"""Instance normalization.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.InstanceNorm2d.html
"""

import warnings

from .. import functional as F
from .batchnorm import LazyNormBase, _NormBase

__all__ = ["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LazyInstanceNorm1d",
           "LazyInstanceNorm2d", "LazyInstanceNorm3d"]


class _InstanceNorm(_NormBase):
    dims = 0

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=False,
                 track_running_stats=False, device=None, dtype=None, *, bias=True):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype,
                         bias=bias)

    def forward(self, input):
        if input.ndim not in (self.dims + 1, self.dims + 2):
            raise ValueError(f"expected {self.dims + 1}D or {self.dims + 2}D input (got "
                             f"{input.ndim}D input)")
        channel = input.ndim - self.dims - 1
        if input.shape[channel] != self.num_features:
            self._wrong_channels(input, channel)
        batched = input if channel == 1 else input.unsqueeze(0)
        out = F.instance_norm(
            batched, self.running_mean, self.running_var, self.weight, self.bias,
            self.training or not self.track_running_stats,
            self.momentum if self.momentum is not None else 0.0, self.eps)
        return out if channel == 1 else out.squeeze(0)

    def _wrong_channels(self, input, channel):
        text = (f"input's size at dim={channel} does not match num_features. Expected: "
                f"{self.num_features}, got: {input.shape[channel]}.")
        if self.affine:
            raise ValueError("expected " + text)
        warnings.warn(text + " num_features is not used because affine=False.", stacklevel=3)


class InstanceNorm1d(_InstanceNorm):
    """Instance normalization of signals. Shape: (N, C, L) or (C, L) -> same."""

    dims = 1


class InstanceNorm2d(_InstanceNorm):
    """Instance normalization of images: each channel of each image by itself.

    Args:
        num_features: C.
        eps, momentum, affine, track_running_stats: as for `BatchNorm2d`; the last two are off
            by default.

    Shape: (N, C, H, W) or (C, H, W) -> same.
    Source: Ulyanov et al., "Instance Normalization", 2016.
    """

    dims = 2


class InstanceNorm3d(_InstanceNorm):
    """Instance normalization of volumes. Shape: (N, C, D, H, W) or (C, D, H, W) -> same."""

    dims = 3


class _LazyInstanceNorm(LazyNormBase):
    def initialize_parameters(self, input):
        """Take the number of channels from the first input, batched or not."""
        super().initialize_parameters(input if input.ndim == self.dims + 2 else input.unsqueeze(0))


class LazyInstanceNorm1d(_LazyInstanceNorm, InstanceNorm1d):
    """An `InstanceNorm1d` that takes num_features from its first input."""

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyInstanceNorm, InstanceNorm2d):
    """An `InstanceNorm2d` that takes num_features from its first input."""

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyInstanceNorm, InstanceNorm3d):
    """An `InstanceNorm3d` that takes num_features from its first input."""

    cls_to_become = InstanceNorm3d
