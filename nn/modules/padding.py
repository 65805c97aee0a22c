"""Padding layers.

All take `padding`: one number for all sides, or (left, right, top, bottom, front, back) as far
as there are axes.
PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html#padding-layers
"""

from .. import functional as F
from .module import Module
from .utils import ntuple

__all__ = ["CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d",
           "ConstantPad3d", "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d",
           "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d",
           "ZeroPad3d"]


class _Pad(Module):
    dims = 0
    mode = "constant"

    def __init__(self, padding):
        super().__init__()
        self.padding = ntuple(padding, 2 * self.dims)

    def forward(self, input):
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self):
        return f"{self.padding}"


class _CircularPad(_Pad):
    mode = "circular"

    def forward(self, input):
        if input.ndim not in (self.dims + 1, self.dims + 2):
            raise ValueError(f"expected {self.dims + 1}D or {self.dims + 2}D input (got "
                             f"{input.ndim}D input)")
        return super().forward(input)


class _ConstantPad(_Pad):
    def __init__(self, padding, value):
        super().__init__(padding)
        self.value = value

    def forward(self, input):
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    def __init__(self, padding):
        super().__init__(padding, 0.0)

    extra_repr = _Pad.extra_repr


class CircularPad1d(_CircularPad):
    """Continues signals by the opposite side. Shape: (N, C, L) or (C, L)."""

    dims = 1


class CircularPad2d(_CircularPad):
    """Continues images by the opposite side. Shape: (N, C, H, W) or (C, H, W)."""

    dims = 2


class CircularPad3d(_CircularPad):
    """Continues volumes by the opposite side. Shape: (N, C, D, H, W) or (C, D, H, W)."""

    dims = 3


class ConstantPad1d(_ConstantPad):
    """Continues signals by a value. Shape: (N, C, L) or (C, L)."""

    dims = 1


class ConstantPad2d(_ConstantPad):
    """Continues images by a value. Shape: (N, C, H, W) or (C, H, W)."""

    dims = 2


class ConstantPad3d(_ConstantPad):
    """Continues volumes by a value. Shape: (N, C, D, H, W) or (C, D, H, W)."""

    dims = 3


class ReflectionPad1d(_Pad):
    """Continues signals by its mirror image. Shape: (N, C, L) or (C, L)."""

    dims = 1
    mode = "reflect"


class ReflectionPad2d(_Pad):
    """Continues images by its mirror image. Shape: (N, C, H, W) or (C, H, W)."""

    dims = 2
    mode = "reflect"


class ReflectionPad3d(_Pad):
    """Continues volumes by its mirror image. Shape: (N, C, D, H, W) or (C, D, H, W)."""

    dims = 3
    mode = "reflect"


class ReplicationPad1d(_Pad):
    """Continues signals by its outermost elements. Shape: (N, C, L) or (C, L)."""

    dims = 1
    mode = "replicate"


class ReplicationPad2d(_Pad):
    """Continues images by its outermost elements. Shape: (N, C, H, W) or (C, H, W)."""

    dims = 2
    mode = "replicate"


class ReplicationPad3d(_Pad):
    """Continues volumes by its outermost elements. Shape: (N, C, D, H, W) or (C, D, H, W)."""

    dims = 3
    mode = "replicate"


class ZeroPad1d(_ZeroPad):
    """Continues signals by zeros. Shape: (N, C, L) or (C, L)."""

    dims = 1


class ZeroPad2d(_ZeroPad):
    """Continues images by zeros. Shape: (N, C, H, W) or (C, H, W).

    >>> import ember as torch
    >>> torch.nn.ZeroPad2d((1, 1, 2, 0))(torch.ones(1, 3, 3)).shape
    torch.Size([1, 5, 5])
    """

    dims = 2


class ZeroPad3d(_ZeroPad):
    """Continues volumes by zeros. Shape: (N, C, D, H, W) or (C, D, H, W)."""

    dims = 3
