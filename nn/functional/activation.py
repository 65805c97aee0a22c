"""Activation functions: PyTorch's signatures over the op records, and short compositions.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.functional.html#non-linear-activation-functions
"""

import math
import warnings

from ...autograd import Tensor, dtypes, empty, hardshrink, ones_like, sigmoid, where, zeros_like
from ...autograd import inplace as _inplace
from ...autograd.composite import composite
from ...autograd.ops import activation as records
from ...autograd.ops import softmax as over_dim
from ...autograd.ops.activation import logsigmoid, softplus, softshrink

__all__ = [
    "celu", "celu_", "elu", "elu_", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid",
    "hardswish", "hardtanh", "hardtanh_", "leaky_relu", "leaky_relu_", "log_softmax",
    "logsigmoid", "mish", "prelu", "relu", "relu6", "relu_", "rrelu", "rrelu_", "selu", "selu_",
    "sigmoid", "silu", "softmax", "softmin", "softplus", "softshrink", "softsign", "tanh",
    "tanhshrink", "threshold", "threshold_",
]

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def _finish(input, result, inplace, name):
    """Return the result, written into the input when `inplace` is set."""
    if not inplace:
        return result
    _inplace.check_writable(input, name)
    return _inplace.overwrite(input, result, name)


def _apply(composition, input, inplace, name):
    """Run a composition; in place, on a copy, since its steps save what they are given."""
    return _finish(input, composition(input.clone() if inplace else input), inplace, name)


# -- piecewise linear -----------------------------------------------------------------------------


def relu(input, inplace=False):
    """Positive part of each element. Shape: any -> same.

    >>> import ember as torch
    >>> torch.nn.functional.relu(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    if inplace:
        return input.relu_()
    return records.relu(input)


def relu_(input):
    """In-place version of `relu`."""
    return input.relu_()


def relu6(input, inplace=False):
    """Clip each element to [0, 6]. Shape: any -> same."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """Clip each element to an interval. Shape: any -> same.

    Raises:
        ValueError: `min_val` is greater than `max_val`.
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val {min_val} cannot be greater than max_val {max_val}")
    return _finish(input, records.hardtanh(input, min_val, max_val), inplace, "hardtanh_")


def hardtanh_(input, min_val=-1.0, max_val=1.0):
    """In-place version of `hardtanh`."""
    return hardtanh(input, min_val, max_val, inplace=True)


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """ReLU with a small slope below zero. Shape: any -> same."""
    return _finish(input, records.leaky_relu(input, negative_slope), inplace, "leaky_relu_")


def leaky_relu_(input, negative_slope=0.01):
    """In-place version of `leaky_relu`."""
    return leaky_relu(input, negative_slope, inplace=True)


def threshold(input, threshold, value, inplace=False):
    """Replace elements at or below `threshold` by `value`. Shape: any -> same."""
    return _finish(input, records.threshold(input, threshold, value), inplace, "threshold_")


def threshold_(input, threshold_value, value):
    """In-place version of `threshold`."""
    return threshold(input, threshold_value, value, inplace=True)


def hardsigmoid(input, inplace=False):
    """Piecewise linear sigmoid, clip(input / 6 + 1/2, 0, 1). Shape: any -> same."""
    return _finish(input, records.hardsigmoid(input), inplace, "hardsigmoid_")


@composite(label="hardswish")
def _hardswish(input):
    return input * records.hardsigmoid(input)


def hardswish(input, inplace=False):
    """input · hardsigmoid(input). Shape: any -> same.

    Source: Howard et al., "Searching for MobileNetV3", 2019.
    """
    return _apply(_hardswish, input, inplace, "hardswish_")


def prelu(input, weight):
    """ReLU with a learned slope below zero.

    Args:
        input: shape (N, C, *) or any.
        weight: one slope, shape (1,), or one per channel, shape (C,).

    Raises:
        RuntimeError: the number of slopes is neither 1 nor the number of channels.
    """
    if weight.numel() != 1:
        channels = input.shape[1] if input.ndim > 1 else 1
        if weight.ndim != 1 or weight.numel() != channels:
            raise RuntimeError(
                f"prelu: Mismatch of parameter numbers and input channel size. Found parameter "
                f"numbers = {weight.numel()} and channel size = {channels}; give 1 slope or one "
                "per channel")
        weight = weight.reshape([-1] + [1] * (input.ndim - 2))
    elif weight.ndim > 1 or input.ndim == 0:
        weight = weight.reshape(())
    input = records.bent(input)
    return where(input > 0, input, weight * input)


def rrelu(input, lower=1.0 / 8, upper=1.0 / 3, training=False, inplace=False):
    """Leaky ReLU whose slopes are drawn at random in training, and their mean otherwise.

    Args:
        lower, upper: the interval of the slopes.

    Raises:
        RuntimeError: `lower` is greater than `upper`.
    """
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound, "
                           f"but got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    sloped = input.detach() <= 0  # PyTorch draws a slope for these elements only, in float64
    drawn = empty(int(sloped.sum()), dtype=dtypes.float64, device=input.device)
    slopes = ones_like(input.detach())
    slopes[sloped] = drawn.uniform_(lower, upper).to(input.dtype)
    return _finish(input, records.bent(input) * slopes, inplace, "rrelu_")


def rrelu_(input, lower=1.0 / 8, upper=1.0 / 3, training=False):
    """In-place version of `rrelu`."""
    return rrelu(input, lower, upper, training, inplace=True)


# -- exponential ----------------------------------------------------------------------------------


def elu(input, alpha=1.0, inplace=False):
    """input where positive, else alpha · (exp(input) − 1). Shape: any -> same.

    >>> import ember as torch
    >>> torch.nn.functional.elu(torch.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return _finish(input, records.scaled_elu(input, alpha), inplace, "elu_")


def elu_(input, alpha=1.0):
    """In-place version of `elu`."""
    return elu(input, alpha, inplace=True)


def celu(input, alpha=1.0, inplace=False):
    """input where positive, else alpha · (exp(input / alpha) − 1). Shape: any -> same.

    Raises:
        ZeroDivisionError: `alpha` is zero.
    """
    if alpha == 0:
        raise ZeroDivisionError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _finish(input, records.scaled_elu(input, alpha, 1.0, 1.0 / alpha), inplace, "celu_")


def celu_(input, alpha=1.0):
    """In-place version of `celu`."""
    return celu(input, alpha, inplace=True)


def selu(input, inplace=False):
    """Self-normalising ELU. Shape: any -> same.

    Source: Klambauer et al., "Self-Normalizing Neural Networks", 2017.
    """
    return _finish(input, records.scaled_elu(input, _SELU_ALPHA, _SELU_SCALE), inplace, "selu_")


def selu_(input):
    """In-place version of `selu`."""
    return selu(input, inplace=True)


def tanh(input):
    """Hyperbolic tangent of each element. Shape: any -> same."""
    return input.tanh()


@composite(label="silu")
def _silu(input):
    return input * sigmoid(input)


def silu(input, inplace=False):
    """input · sigmoid(input), also called swish. Shape: any -> same.

    >>> import ember as torch
    >>> torch.nn.functional.silu(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7311])
    """
    return _apply(_silu, input, inplace, "silu_")


@composite(label="mish")
def _mish(input):
    return input * softplus(input).tanh()


def mish(input, inplace=False):
    """input · tanh(softplus(input)). Shape: any -> same.

    Source: Misra, "Mish: A Self Regularized Non-Monotonic Neural Activation Function", 2019.
    """
    return _apply(_mish, input, inplace, "mish_")


@composite(label="gelu")
def _gelu(input):
    return input * (1 + (input * math.sqrt(0.5)).erf()) * 0.5


@composite(label="gelu")
def _gelu_tanh(input):
    inner = (input + 0.044715 * input * input * input) * math.sqrt(2 / math.pi)
    return 0.5 * input * (1 + inner.tanh())


def gelu(input, approximate="none"):
    """input · Φ(input), with the standard normal distribution function. Shape: any -> same.

    Args:
        approximate: "none", or "tanh" for the approximation by a hyperbolic tangent.

    Raises:
        RuntimeError: another value of `approximate`.
    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.

    >>> import ember as torch
    >>> torch.nn.functional.gelu(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8413])
    """
    if approximate == "none":
        return _gelu(input)
    if approximate == "tanh":
        return _gelu_tanh(input)
    raise RuntimeError("gelu: approximate argument must be either none or tanh, "
                       f"got {approximate!r}")


def softsign(input):
    """input / (1 + |input|). Shape: any -> same."""
    return input / (input.abs() + 1)


def tanhshrink(input):
    """input − tanh(input). Shape: any -> same."""
    return input - input.tanh()


# -- over a dimension -----------------------------------------------------------------------------


def glu(input, dim=-1):
    """Split a dimension into halves a and b; return a · sigmoid(b).

    Shape: (*, 2N, *) -> (*, N, *).

    Raises:
        RuntimeError: the dimension cannot be halved.
    """
    if input.ndim == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    size = input.shape[dim]
    if size % 2:
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {dim} is size {size}")
    a, b = input.narrow(dim, 0, size // 2), input.narrow(dim, size // 2, size // 2)
    return a * sigmoid(b)


def softmax(input, dim=None, _stacklevel=3, dtype=None):
    """Exponentials along a dimension, divided by their sum. Shape: any -> same.

    Args:
        dim: the dimension along which the results sum to 1; name it.
        dtype: cast the input to it first.

    >>> import ember as torch
    >>> torch.nn.functional.softmax(torch.zeros(2), dim=0)
    tensor([0.5000, 0.5000])
    """
    return over_dim.softmax(input, _implicit_dim("softmax", input, dim, _stacklevel), dtype)


def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """Logarithm of `softmax`, computed without overflow. Shape: any -> same."""
    dim = _implicit_dim("log_softmax", input, dim, _stacklevel)
    return over_dim.log_softmax(input, dim, dtype)


def softmin(input, dim=None, _stacklevel=3, dtype=None):
    """`softmax` of the negated input. Shape: any -> same."""
    return over_dim.softmax(-input, _implicit_dim("softmin", input, dim, _stacklevel), dtype)


def _implicit_dim(name, input, dim, stacklevel):
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not "
                        f"{type(input).__name__}")
    if dim is not None:
        return dim
    warnings.warn(f"Implicit dimension choice for {name} has been deprecated. Change the call "
                  "to include dim=X as an argument.", stacklevel=stacklevel)
    return 0 if input.ndim in (0, 1, 3) else 1


def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """Sample from the relaxed categorical distribution. Shape: any -> same.

    Args:
        logits: unnormalised log probabilities.
        tau: temperature.
        hard: return one-hot samples, with the gradient of the soft ones.
    Source: Jang et al., "Categorical Reparameterization with Gumbel-Softmax", 2017.
    """
    gumbels = -zeros_like(logits.detach()).exponential_().log()
    soft = over_dim.softmax((logits + gumbels) / tau, dim)
    if not hard:
        return soft
    index = soft.argmax(dim, keepdim=True)
    one_hot = zeros_like(logits.detach()).scatter_(dim, index, 1.0)
    return one_hot - soft.detach() + soft
