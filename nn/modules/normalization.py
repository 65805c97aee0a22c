"""Normalization over a layer, over groups, over neighbouring channels.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html#normalization-layers
"""

from ...autograd import Tensor, empty
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .module import Module

__all__ = ["CrossMapLRN2d", "GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]


class LayerNorm(Module):
    """Normalizes over the last dimensions.

    Args:
        normalized_shape: the dimensions to normalize over, a number or a sequence.
        eps: added to the variance.
        elementwise_affine: whether to learn a scale and a shift per element.
        bias: whether to learn the shift.

    Shape: (*, *normalized_shape) -> same.
    Source: Ba et al., "Layer Normalization", 2016;
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LayerNorm.html

    >>> import ember as torch
    >>> torch.nn.LayerNorm(10)
    LayerNorm((10,), eps=1e-05, elementwise_affine=True, bias=True)
    """

    weight: Tensor | None
    bias: Tensor | None

    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True,
                 device=None, dtype=None):
        super().__init__()
        made = {"device": device, "dtype": dtype}
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        for name, wanted in (("weight", True), ("bias", bias)):
            self.register_parameter(name, Parameter(empty(self.normalized_shape, **made))
                                    if elementwise_affine and wanted else None)
        self.reset_parameters()

    def reset_parameters(self):
        """Scale by 1, shift by 0."""
        if self.elementwise_affine:
            init.ones_(self.weight)
            if self.bias is not None:
                init.zeros_(self.bias)

    def forward(self, input):
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return (f"{self.normalized_shape}, eps={self.eps}, "
                f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}")


class RMSNorm(Module):
    """Divides by the root mean square over the last dimensions.

    Args:
        normalized_shape: the dimensions to average over, a number or a sequence.
        eps: added to the mean square; the dtype's machine epsilon when None.
        elementwise_affine: whether to learn a scale per element.

    Shape: (*, *normalized_shape) -> same.
    Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.
    """

    weight: Tensor | None

    def __init__(self, normalized_shape, eps=None, elementwise_affine=True, device=None,
                 dtype=None):
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.register_parameter("weight", Parameter(empty(
            self.normalized_shape, device=device, dtype=dtype)) if elementwise_affine else None)
        self.reset_parameters()

    def reset_parameters(self):
        """Scale by 1."""
        if self.elementwise_affine:
            init.ones_(self.weight)

    def forward(self, x):
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self):
        return (f"{self.normalized_shape}, eps={self.eps}, "
                f"elementwise_affine={self.elementwise_affine}")


def _shape(normalized_shape):
    return (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)


class GroupNorm(Module):
    """Normalizes each group of channels of each sample.

    Args:
        num_groups, num_channels: the former divides the latter.
        eps: added to the variance.
        affine: whether to learn a scale and a shift per channel.
        bias: whether to learn the shift.

    Shape: (N, num_channels, *) -> same.
    Source: Wu and He, "Group Normalization", 2018.
    """

    weight: Tensor | None
    bias: Tensor | None

    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True, device=None, dtype=None,
                 *, bias=True):
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups "
                             f"({num_groups})")
        made = {"device": device, "dtype": dtype}
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        for name, wanted in (("weight", True), ("bias", bias)):
            self.register_parameter(
                name, Parameter(empty(num_channels, **made)) if affine and wanted else None)
        self.reset_parameters()

    def reset_parameters(self):
        """Scale by 1, shift by 0."""
        if self.affine:
            init.ones_(self.weight)
            if self.bias is not None:
                init.zeros_(self.bias)

    def forward(self, input):
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return (f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
                f"bias={self.bias is not None}")


class LocalResponseNorm(Module):
    """Divides by a power of the mean square over neighbouring channels.

    Args:
        size: number of channels averaged over.
        alpha, beta, k: out = input / (k + alpha · mean)^beta.

    Shape: (N, C, *) -> same.
    """

    def __init__(self, size, alpha=1e-4, beta=0.75, k=1.0):
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input):
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self):
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class CrossMapLRN2d(LocalResponseNorm):
    """`LocalResponseNorm` under the name it had in Lua."""

    def __init__(self, size, alpha=1e-4, beta=0.75, k=1):
        super().__init__(size, alpha, beta, k)
