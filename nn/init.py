"""Initialization: fill tensors with PyTorch's distributions, from PyTorch's random stream.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.init.html
"""

import math
import warnings

from ..autograd import empty_like, no_grad, randperm, where
from ..autograd import eye as _eye

__all__ = [
    "calculate_gain", "constant", "constant_", "dirac", "dirac_", "eye", "eye_",
    "kaiming_normal", "kaiming_normal_", "kaiming_uniform", "kaiming_uniform_", "normal",
    "normal_", "ones_", "orthogonal", "orthogonal_", "sparse", "sparse_", "trunc_normal_",
    "uniform", "uniform_", "xavier_normal", "xavier_normal_", "xavier_uniform",
    "xavier_uniform_", "zeros_",
]

_LINEAR = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
           "conv_transpose3d", "sigmoid")


def calculate_gain(nonlinearity, param=None):
    """Return the recommended gain of a nonlinearity.

    Args:
        nonlinearity: its name in `nn.functional`.
        param: the negative slope of leaky_relu.

    Raises:
        ValueError: the name is unknown or the slope is not a number.

    >>> calculate_gain("tanh")
    1.6666666666666667
    """
    if nonlinearity in _LINEAR:
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "selu":
        return 3.0 / 4
    if nonlinearity != "leaky_relu":
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    if isinstance(param, bool) or not isinstance(param, (int, float, type(None))):
        raise ValueError(f"negative_slope {param} not a valid number")
    slope = 0.01 if param is None else param
    return math.sqrt(2.0 / (1 + slope**2))


# -- values and plain distributions ---------------------------------------------------------------


def uniform_(tensor, a=0.0, b=1.0, generator=None):
    """Fill with draws from U(a, b); return the tensor."""
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor, mean=0.0, std=1.0, generator=None):
    """Fill with draws from N(mean, std²); return the tensor."""
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def constant_(tensor, val):
    """Fill with a value; return the tensor."""
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor):
    """Fill with 1; return the tensor."""
    return constant_(tensor, 1.0)


def zeros_(tensor):
    """Fill with 0; return the tensor."""
    return constant_(tensor, 0.0)


def trunc_normal_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0, generator=None):
    """Fill with draws from N(mean, std²) that lie in [a, b]; return the tensor.

    Draws outside are rejected and drawn again; where the interval is improbable, uniform draws
    are accepted with the density's odds instead.
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn("mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The "
                      "distribution of values may be incorrect.", stacklevel=2)
    inside = _normal_cdf((b - mean) / std) - _normal_cdf((a - mean) / std)
    with no_grad():
        if inside > 0.3:
            return tensor.copy_(_rejected_normal(tensor, mean, std, a, b, generator))
        return tensor.copy_(_rejected_uniform(tensor, mean, std, a, b, generator))


def _normal_cdf(x):
    return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0


def _rejected_normal(tensor, mean, std, a, b, generator):
    low, high = tensor.new_tensor(a).item(), tensor.new_tensor(b).item()
    result = empty_like(tensor).normal_(mean, std, generator=generator)
    while bool((outside := (result < low) | (result > high)).any()):
        again = empty_like(tensor).normal_(mean, std, generator=generator)
        result = where(outside, again, result)
    return result


def _rejected_uniform(tensor, mean, std, a, b, generator):
    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    result, pending = None, None
    while pending is None or bool(pending.any()):
        drawn = empty_like(tensor).uniform_(a, b, generator=generator)
        log_density = ((drawn - mean) / std).pow(2) * -0.5 - peak
        odds = empty_like(tensor).uniform_(generator=generator).log()
        result = drawn if pending is None else where(pending, drawn, result)
        refused = odds > log_density
        pending = refused if pending is None else pending & refused
    return result


def eye_(tensor):
    """Fill a matrix with the identity; return it.

    Raises:
        ValueError: the tensor is not two-dimensional.
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with no_grad():
        return tensor.copy_(_eye(*tensor.shape, dtype=tensor.dtype, device=tensor.device))


def dirac_(tensor, groups=1):
    """Fill convolution weights so that they pass their input through; return the tensor.

    Raises:
        ValueError: the tensor has not 3, 4 or 5 dimensions, or groups do not divide the first.
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    per_group = tensor.shape[0] // groups
    centre = [n // 2 for n in tensor.shape[2:]]
    with no_grad():
        tensor.zero_()
        for group in range(groups):
            for d in range(min(per_group, tensor.shape[1])):
                tensor[(group * per_group + d, d, *centre)] = 1
    return tensor


# -- by the number of connections -----------------------------------------------------------------


def _calculate_fan_in_and_fan_out(tensor):
    """Return the numbers of inputs and outputs that a weight connects."""
    if tensor.ndim < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 "
                         "dimensions")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _calculate_correct_fan(tensor, mode):
    modes = ["fan_in", "fan_out"]
    if mode.lower() not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {modes}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode.lower())]


def xavier_uniform_(tensor, gain=1.0, generator=None):
    """Fill with U(−a, a), a = gain · √(6 / (fan_in + fan_out)); return the tensor.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", 2010.
    """
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    bound = math.sqrt(3.0) * (gain * math.sqrt(2.0 / float(fan_in + fan_out)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor, gain=1.0, generator=None):
    """Fill with N(0, gain² · 2 / (fan_in + fan_out)); return the tensor."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / float(fan_in + fan_out)), generator)


def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Fill with U(−b, b), b = gain · √(3 / fan); return the tensor.

    Args:
        a: the negative slope of leaky_relu.
        mode: "fan_in" keeps the variance forward, "fan_out" backward.
        nonlinearity: what follows; gives the gain.

    Source: He et al., "Delving Deep into Rectifiers", 2015.
    """
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=2)
        return tensor
    std = calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Fill with N(0, gain² / fan); return the tensor. Args: as for `kaiming_uniform_`."""
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=2)
        return tensor
    std = calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))
    return normal_(tensor, 0.0, std, generator)


def orthogonal_(tensor, gain=1, generator=None):
    """Fill with a random matrix of orthogonal rows or columns; return the tensor.

    Raises:
        ValueError: the tensor has fewer than two dimensions.
    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning", 2013.
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    with no_grad():
        flat = tensor.new_empty((rows, tensor.numel() // rows)).normal_(0, 1, generator=generator)
        wide = flat.shape[0] < flat.shape[1]
        xp = flat._xp
        q, r = xp.qr(flat._array.T if wide else flat._array, "reduced")
        q = q * xp.sign(xp.diagonal(r))
        q = type(flat)._wrap(xp.ascontiguousarray(q.T if wide else q), xp)
        return tensor.copy_(q.reshape(tensor.shape)).mul_(gain)


def sparse_(tensor, sparsity, std=0.01, generator=None):
    """Fill a matrix with N(0, std²), then set a share of each column to zero; return it.

    Raises:
        ValueError: the tensor is not two-dimensional.
    Source: Martens, "Deep learning via Hessian-free optimization", 2010.
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    count = math.ceil(sparsity * rows)
    with no_grad():
        tensor.normal_(0, std, generator=generator)
        for column in range(columns):
            tensor[randperm(rows)[:count], column] = 0
    return tensor


# -- old names ------------------------------------------------------------------------------------


def _old_name(function):
    new, old = function.__name__, function.__name__[:-1]

    def deprecated(*args, **kwargs):
        warnings.warn(f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`.",
                      FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    deprecated.__name__ = deprecated.__qualname__ = old
    deprecated.__doc__ = f"Old name of `{new}`."
    return deprecated


uniform = _old_name(uniform_)
normal = _old_name(normal_)
constant = _old_name(constant_)
eye = _old_name(eye_)
dirac = _old_name(dirac_)
xavier_uniform = _old_name(xavier_uniform_)
xavier_normal = _old_name(xavier_normal_)
kaiming_uniform = _old_name(kaiming_uniform_)
kaiming_normal = _old_name(kaiming_normal_)
orthogonal = _old_name(orthogonal_)
sparse = _old_name(sparse_)
