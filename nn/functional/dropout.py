"""Dropout: zeroing elements or whole channels at random in training.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.functional.html#dropout-functions
"""

import warnings

from ...autograd import empty, zeros_like
from ...autograd import inplace as _inplace
from ...autograd.composite import composite
from ...autograd.dtypes import bool as bool_
from ...autograd.dtypes import float32, float64

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d",
           "feature_alpha_dropout"]

# -scale * alpha of SELU: the value it saturates at
_ALPHA = 1.7580993408473766
_SCALED_AT_ONCE = (float32, float64)  # others round the scale to their own precision first


def dropout(input, p=0.5, training=True, inplace=False):
    """Zero each element with probability p and divide the rest by 1 − p. Shape: any -> same.

    Args:
        p: probability of an element to be zeroed.
        training: nothing happens when False.
        inplace: write the result into the input.

    Raises:
        ValueError: `p` is not a probability.
    Source: Srivastava et al., "Dropout", 2014.

    >>> import ember as torch
    >>> torch.nn.functional.dropout(torch.ones(2), 0.5, training=False)
    tensor([1., 1.])
    """
    _check_probability(p)
    if not training or p == 0 or input.numel() == 0:
        return input
    if p < 1 and input.dtype in _SCALED_AT_ONCE:
        kept = empty(input.shape, dtype=bool_, device=input.device).bernoulli_(1 - p)
        return _finish(input, kept_over(input, kept, 1 - p), inplace, "dropout_")
    return _finish(input, input * _noise(input, input.shape, p), inplace, "dropout_")


@composite(label="dropout")
def kept_over(input, kept, p):
    """Return what is kept divided by the probability that it is, zero elsewhere."""
    return input * (kept.to(input.dtype) / p)


def _noise(input, shape, p):
    """Return factors: 0 with probability p, otherwise 1 / (1 − p)."""
    if p == 1:
        return empty(shape, dtype=input.dtype, device=input.device).zero_()
    noise = empty(shape, dtype=input.dtype, device=input.device).bernoulli_(1 - p)
    return noise.div_(1 - p)


def alpha_dropout(input, p=0.5, training=False, inplace=False):
    """Dropout for SELU networks, which keeps mean and variance. Shape: any -> same.

    Raises:
        ValueError: `p` is not a probability.
    Source: Klambauer et al., "Self-Normalizing Neural Networks", 2017.
    """
    _check_probability(p)
    return _alpha_dropout(input, input.shape, p, training, inplace)


def feature_alpha_dropout(input, p=0.5, training=False, inplace=False):
    """`alpha_dropout` of whole channels. Shape: (N, C, *) -> same.

    Raises:
        ValueError: `p` is not a probability.
    """
    _check_probability(p)
    if not training:
        return input
    return _alpha_dropout(input, _channels(input, p), p, training, inplace)


def _alpha_dropout(input, shape, p, training, inplace):
    if not training or p == 0 or input.numel() == 0:
        return input
    if p == 1:
        return _finish(input, input * zeros_like(input), inplace, "alpha_dropout_")
    kept = empty(shape, dtype=input.dtype, device=input.device).bernoulli_(1 - p)
    scale = 1 / ((_ALPHA**2 * p + 1) * (1 - p)) ** 0.5
    shift = (kept - 1) * (_ALPHA * scale) + _ALPHA * scale * p
    return _finish(input, input * (kept * scale) + shift, inplace, "alpha_dropout_")


def dropout1d(input, p=0.5, training=True, inplace=False):
    """Zero whole channels of a (N, C, L) or (C, L) input.

    Raises:
        RuntimeError: the input has another number of dimensions.
    """
    if input.ndim not in (2, 3):
        raise RuntimeError(f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D "
                           "input.")
    return _channel_dropout("dropout1d", input, p, training, inplace, batched=input.ndim == 3)


def dropout2d(input, p=0.5, training=True, inplace=False):
    """Zero whole channels of a (N, C, H, W) input."""
    if input.ndim not in (3, 4):
        warnings.warn(f"dropout2d: Received a {input.ndim}-D input to dropout2d, which is "
                      "deprecated: expected a 3-D or 4-D input.", stacklevel=2)
    return _channel_dropout("dropout2d", input, p, training, inplace, batched=True)


def dropout3d(input, p=0.5, training=True, inplace=False):
    """Zero whole channels of a (N, C, D, H, W) or (C, D, H, W) input."""
    if input.ndim not in (4, 5):
        warnings.warn(f"dropout3d: Received a {input.ndim}-D input to dropout3d, which is "
                      "deprecated: expected a 4-D or 5-D input.", stacklevel=2)
    return _channel_dropout("dropout3d", input, p, training, inplace, batched=input.ndim != 4)


def _channel_dropout(name, input, p, training, inplace, batched):
    _check_probability(p)
    if not training or p == 0 or input.numel() == 0:
        return input
    x = input if batched else input.unsqueeze(0)
    out = x * _noise(x, _channels(x, p), p)
    return _finish(input, out if batched else out.squeeze(0), inplace, name + "_")


def _channels(input, p):
    """Return the shape of one factor per channel; any shape serves where p needs no random ones."""
    if input.ndim < 2 and 0 < p < 1:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input, got "
                           f"{list(input.shape)}")
    return [*input.shape[:2]] + [1] * (input.ndim - 2)


def _check_probability(p):
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _finish(input, result, inplace, name):
    if not inplace:
        return result
    _inplace.check_writable(input, name)
    return _inplace.overwrite(input, result, name)
