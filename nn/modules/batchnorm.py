"""Batch normalization.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html#normalization-layers
"""

import warnings

from ...autograd import Tensor, dtypes, empty, ones, zeros
from ...autograd.from_data import tensor
from .. import functional as F
from .. import init
from ..parameter import Parameter, UninitializedBuffer, UninitializedParameter
from .lazy import LazyModuleMixin
from .module import Module

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LazyBatchNorm1d", "LazyBatchNorm2d",
           "LazyBatchNorm3d", "SyncBatchNorm"]


class _NormBase(Module):
    """What batch and instance normalization share: scale, shift and running statistics."""

    _version = 2
    weight: Tensor | None
    bias: Tensor | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True,
                 track_running_stats=True, device=None, dtype=None, *, bias=True):
        super().__init__()
        made = {"device": device, "dtype": dtype}
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            self.register_parameter(
                name, Parameter(empty(num_features, **made)) if wanted else None)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, **made) if tracked else None)
        self.register_buffer("running_var", ones(num_features, **made) if tracked else None)
        self.register_buffer("num_batches_tracked", tensor(
            0, dtype=dtypes.int64, device=device) if tracked else None)
        self.reset_parameters()

    def reset_running_stats(self):
        """Forget the running statistics."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self):
        """Forget the running statistics; scale by 1, shift by 0."""
        self.reset_running_stats()
        if self.affine:
            init.ones_(self.weight)
            if self.bias is not None:
                init.zeros_(self.bias)

    def _check_input_dim(self, input):
        raise NotImplementedError

    def extra_repr(self):
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
                f"affine={self.affine}, bias={self.bias is not None}, "
                f"track_running_stats={self.track_running_stats}")

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *args):
        """Supply the counter that files older than version 2 lack."""
        key = prefix + "num_batches_tracked"
        version = local_metadata.get("version", None)
        if (version is None or version < 2) and self.track_running_stats and (
                key not in state_dict):
            state_dict[key] = tensor(0, dtype=dtypes.int64)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)


class _BatchNorm(_NormBase):
    def forward(self, input):
        self._check_input_dim(input)
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.training and self.track_running_stats:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:  # plain average over all batches
                momentum = 1.0 / float(self.num_batches_tracked)
        own_statistics = self.training or self.running_mean is None and self.running_var is None
        tracked = not self.training or self.track_running_stats
        return F.batch_norm(
            input, self.running_mean if tracked else None,
            self.running_var if tracked else None, self.weight, self.bias, own_statistics,
            momentum, self.eps)


def _require(layer, input, *allowed):
    if input.ndim not in allowed:
        wanted = " or ".join(f"{n}D" for n in allowed)
        raise ValueError(f"expected {wanted} input (got {input.ndim}D input)"
                         f" ({layer._get_name()}, input of shape {list(input.shape)})")


class BatchNorm1d(_BatchNorm):
    """Batch normalization of vectors or signals. Shape: (N, C) or (N, C, L) -> same.

    Args: as for `BatchNorm2d`.
    """

    def _check_input_dim(self, input):
        _require(self, input, 2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalization of images. Shape: (N, C, H, W) -> same.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: how far the running statistics move per batch; None for a plain average.
        affine: whether to learn a scale and a shift per channel.
        bias: whether to learn the shift.
        track_running_stats: whether to keep running statistics for evaluation.

    Source: Ioffe and Szegedy, "Batch Normalization", 2015;
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.BatchNorm2d.html

    >>> import ember as torch
    >>> torch.nn.BatchNorm2d(100)(torch.ones(20, 100, 35, 45)).shape
    torch.Size([20, 100, 35, 45])
    """

    def _check_input_dim(self, input):
        _require(self, input, 4)


class BatchNorm3d(_BatchNorm):
    """Batch normalization of volumes. Shape: (N, C, D, H, W) -> same. Args: as above."""

    def _check_input_dim(self, input):
        _require(self, input, 5)


class SyncBatchNorm(_BatchNorm):
    """`BatchNorm` under the name it has in distributed programs; one process only.

    Args:
        process_group: must be None.
    """

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True,
                 track_running_stats=True, process_group=None, device=None, dtype=None, *,
                 bias=True):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype,
                         bias=bias)
        if process_group is not None:
            warnings.warn("SyncBatchNorm uses the statistics of this process only", stacklevel=2)

    def _check_input_dim(self, input):
        if input.ndim < 2:
            raise ValueError(f"expected at least 2D input (got {input.ndim}D input)")

    @classmethod
    def convert_sync_batchnorm(cls, module, process_group=None):
        """Return the module unchanged: in one process nothing needs to be synchronized."""
        return module


# -- lazy -----------------------------------------------------------------------------------------


class LazyNormBase(LazyModuleMixin):
    """A normalization that takes num_features from its first input."""

    def __init__(self, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True,
                 device=None, dtype=None, *, bias=True):
        super().__init__(0, eps, momentum, False, False, device, dtype)
        made = {"device": device, "dtype": dtype}
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = UninitializedParameter(**made)
            if bias:
                self.bias = UninitializedParameter(**made)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(**made)
            self.running_var = UninitializedBuffer(**made)
            self.num_batches_tracked = tensor(0, dtype=dtypes.int64, device=device)

    def reset_parameters(self):
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input):
        """Take the number of channels from the first input."""
        if self.has_uninitialized_params():
            self.num_features = input.shape[1]
            for tensor_ in (self.weight, self.bias, self.running_mean, self.running_var):
                if tensor_ is not None:
                    tensor_.materialize((self.num_features,))
            self.reset_parameters()


class LazyBatchNorm1d(LazyNormBase, BatchNorm1d):
    """A `BatchNorm1d` that takes num_features from its first input."""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(LazyNormBase, BatchNorm2d):
    """A `BatchNorm2d` that takes num_features from its first input."""

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(LazyNormBase, BatchNorm3d):
    """A `BatchNorm3d` that takes num_features from its first input."""

    cls_to_become = BatchNorm3d
