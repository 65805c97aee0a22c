"""The last layer and its loss in one call.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.linear_cross_entropy.html
"""

import math

from .classification import cross_entropy
from .linear import linear

__all__ = ["linear_cross_entropy"]


def linear_cross_entropy(input, linear_weight, target, *, linear_bias=None, weight=None,
                         reduction="mean", ignore_index=None, label_smoothing=0.0, options=None):
    """Cross entropy of linear(input, linear_weight, linear_bias) with a target.

    Args:
        input: shape (N, in_features) or (in_features,).
        linear_weight: shape (C, in_features) or (C, d1, ..., in_features).
        target: class numbers or probabilities, as for `cross_entropy`.
        linear_bias: shape (C,) or (C, d1, ...), or None.
        weight, reduction, label_smoothing: as for `cross_entropy`.
        ignore_index: class number that does not count; −100 by default.
        options: accepted; they choose how PyTorch saves memory, not what it computes.

    Raises:
        RuntimeError: the shapes do not fit, or `ignore_index` is given with probabilities.
    """
    *classes, features = linear_weight.shape if linear_weight.ndim else (0,)
    _check(input, linear_weight, linear_bias)
    if target.dtype.is_floating_point and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    bias = None if linear_bias is None else linear_bias.reshape(-1)
    logits = linear(input, linear_weight.reshape(math.prod(classes), features), bias)
    logits = logits.reshape(*input.shape[:-1], *classes)
    return cross_entropy(logits, target, weight, reduction=reduction,
                         ignore_index=-100 if ignore_index is None else ignore_index,
                         label_smoothing=label_smoothing)


def _check(input, linear_weight, linear_bias):
    if input.ndim not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.ndim}")
    if linear_weight.ndim < 2:
        raise RuntimeError("expected linear_weight with dimensionality at least 2, got "
                           f"{linear_weight.ndim}")
    if input.shape[-1] != linear_weight.shape[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), got "
            f"{input.shape[-1]} and {linear_weight.shape[-1]}, respectively")
    if linear_weight.ndim > 2 and input.ndim == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} "
            f"requires batched input, (N, {input.shape[-1]}), got unbatched input with shape "
            f"{tuple(input.shape)}")
    if linear_bias is not None and linear_bias.shape != linear_weight.shape[:-1]:
        raise RuntimeError(f"expected linear_bias shape {tuple(linear_weight.shape[:-1])}, got "
                           f"{tuple(linear_bias.shape)}")
