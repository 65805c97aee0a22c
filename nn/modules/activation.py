"""Activation layers; each calls the function of its name in `nn.functional`.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.html#non-linear-activations-weighted-sum-nonlinearity
"""

from ...autograd import Tensor, empty
from .. import functional as F
from .. import init as _init
from ..parameter import Parameter
from .attention import MultiheadAttention
from .module import Module

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh",
    "LeakyReLU", "LogSigmoid", "LogSoftmax", "Mish", "MultiheadAttention", "PReLU", "RReLU",
    "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softmax", "Softmax2d", "Softmin", "Softplus",
    "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold",
]


class _Inplace(Module):
    """An activation whose only option is to write its result into its input."""

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def extra_repr(self):
        return "inplace=True" if self.inplace else ""


def _with_inplace(module, text):
    return text + (", inplace=True" if module.inplace else "")


# -- without options ------------------------------------------------------------------------------


class Sigmoid(Module):
    """1 / (1 + exp(−x)). Shape: any -> same."""

    def forward(self, input):
        return F.sigmoid(input)


class Tanh(Module):
    """Hyperbolic tangent. Shape: any -> same."""

    def forward(self, input):
        return F.tanh(input)


class LogSigmoid(Module):
    """Logarithm of the sigmoid. Shape: any -> same."""

    def forward(self, input):
        return F.logsigmoid(input)


class Softsign(Module):
    """x / (1 + |x|). Shape: any -> same."""

    def forward(self, input):
        return F.softsign(input)


class Tanhshrink(Module):
    """x − tanh(x). Shape: any -> same."""

    def forward(self, input):
        return F.tanhshrink(input)


# -- in place or not ------------------------------------------------------------------------------


class ReLU(_Inplace):
    """max(x, 0). Shape: any -> same.

    Args:
        inplace: write the result into the input.

    >>> import ember as torch
    >>> torch.nn.ReLU()(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, input):
        return F.relu(input, self.inplace)


class ReLU6(_Inplace):
    """Clips to [0, 6]. Shape: any -> same."""

    min_val, max_val = 0.0, 6.0
    _also_saved = ("min_val", "max_val")

    def forward(self, input):
        return F.relu6(input, inplace=self.inplace)


class SELU(_Inplace):
    """Self-normalising ELU. Shape: any -> same."""

    def forward(self, input):
        return F.selu(input, inplace=self.inplace)


class SiLU(_Inplace):
    """x · sigmoid(x), also called swish. Shape: any -> same."""

    def forward(self, input):
        return F.silu(input, inplace=self.inplace)


class Mish(_Inplace):
    """x · tanh(softplus(x)). Shape: any -> same."""

    def forward(self, input):
        return F.mish(input, inplace=self.inplace)


class Hardsigmoid(_Inplace):
    """clip(x / 6 + 1/2, 0, 1). Shape: any -> same."""

    def forward(self, input):
        return F.hardsigmoid(input, self.inplace)

    def extra_repr(self):
        return ""


class Hardswish(_Inplace):
    """x · hardsigmoid(x). Shape: any -> same."""

    def forward(self, input):
        return F.hardswish(input, self.inplace)

    def extra_repr(self):
        return ""


# -- with options ---------------------------------------------------------------------------------


class LeakyReLU(Module):
    """x where positive, else negative_slope · x. Shape: any -> same."""

    def __init__(self, negative_slope=0.01, inplace=False):
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input):
        return F.leaky_relu(input, self.negative_slope, inplace=self.inplace)

    def extra_repr(self):
        return _with_inplace(self, f"negative_slope={self.negative_slope}")


class ELU(Module):
    """x where positive, else alpha · (exp(x) − 1). Shape: any -> same."""

    def __init__(self, alpha=1.0, inplace=False):
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input):
        return F.elu(input, self.alpha, inplace=self.inplace)

    def extra_repr(self):
        return _with_inplace(self, f"alpha={self.alpha}")


class CELU(Module):
    """x where positive, else alpha · (exp(x / alpha) − 1). Shape: any -> same."""

    def __init__(self, alpha=1.0, inplace=False):
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input):
        return F.celu(input, self.alpha, inplace=self.inplace)

    def extra_repr(self):
        return _with_inplace(self, f"alpha={self.alpha}")


class Threshold(Module):
    """x where above `threshold`, else `value`. Shape: any -> same."""

    def __init__(self, threshold, value, inplace=False):
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input):
        return F.threshold(input, self.threshold, self.value, inplace=self.inplace)

    def extra_repr(self):
        return _with_inplace(self, f"threshold={self.threshold}, value={self.value}")


class RReLU(Module):
    """Leaky ReLU with slopes drawn from U(lower, upper) in training, their mean otherwise."""

    def __init__(self, lower=1.0 / 8, upper=1.0 / 3, inplace=False):
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input):
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self):
        return _with_inplace(self, f"lower={self.lower}, upper={self.upper}")


class Hardtanh(Module):
    """Clips to [min_val, max_val]. Shape: any -> same.

    Raises:
        ValueError: the interval is empty.
    """

    def __init__(self, min_val=-1.0, max_val=1.0, inplace=False, min_value=None,
                 max_value=None):
        super().__init__()
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if self.max_val <= self.min_val:
            raise ValueError(f"max_val ({self.max_val}) must be greater than min_val "
                             f"({self.min_val})")

    def forward(self, input):
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self):
        return _with_inplace(self, f"min_val={self.min_val}, max_val={self.max_val}")


class GELU(Module):
    """x · Φ(x), or its approximation by "tanh". Shape: any -> same."""

    def __init__(self, approximate="none"):
        super().__init__()
        self.approximate = approximate

    def forward(self, input):
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self):
        return f"approximate={self.approximate!r}"


class Hardshrink(Module):
    """x where |x| > lambd, else 0. Shape: any -> same."""

    def __init__(self, lambd=0.5):
        super().__init__()
        self.lambd = lambd

    def forward(self, input):
        return F.hardshrink(input, self.lambd)

    def extra_repr(self):
        return f"{self.lambd}"


class Softshrink(Module):
    """Moves x by lambd towards 0. Shape: any -> same."""

    def __init__(self, lambd=0.5):
        super().__init__()
        self.lambd = lambd

    def forward(self, input):
        return F.softshrink(input, self.lambd)

    def extra_repr(self):
        return f"{self.lambd}"


class Softplus(Module):
    """log(1 + exp(beta · x)) / beta; x where beta · x > threshold. Shape: any -> same."""

    def __init__(self, beta=1.0, threshold=20.0):
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input):
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self):
        return f"beta={self.beta}, threshold={self.threshold}"


class PReLU(Module):
    """x where positive, else weight · x with a learned weight.

    Args:
        num_parameters: 1, or the number of channels.
        init: the weight to start with.

    Shape: (N, C, *) -> same.
    """

    weight: Tensor

    def __init__(self, num_parameters=1, init=0.25, device=None, dtype=None):
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self):
        """Start from `init` again."""
        _init.constant_(self.weight, self.init)

    def forward(self, input):
        return F.prelu(input, self.weight)

    def extra_repr(self):
        return f"num_parameters={self.num_parameters}"


# -- over a dimension -----------------------------------------------------------------------------


class _OverDim(Module):
    """An activation over one dimension."""

    def __init__(self, dim=None):
        super().__init__()
        self.dim = dim

    def extra_repr(self):
        return f"dim={self.dim}"


class GLU(_OverDim):
    """Splits a dimension into a and b; returns a · sigmoid(b). Shape: (*, 2N, *) -> (*, N, *)."""

    def __init__(self, dim=-1):
        super().__init__(dim)

    def forward(self, input):
        return F.glu(input, self.dim)


class Softmax(_OverDim):
    """Exponentials along a dimension, divided by their sum. Shape: any -> same.

    Args:
        dim: the dimension along which the results sum to 1.

    >>> import ember as torch
    >>> torch.nn.Softmax(dim=1)(torch.zeros(1, 2))
    tensor([[0.5000, 0.5000]])
    """

    def forward(self, input):
        return F.softmax(input, self.dim, _stacklevel=5)


class LogSoftmax(_OverDim):
    """Logarithm of the softmax, without overflow. Shape: any -> same."""

    def forward(self, input):
        return F.log_softmax(input, self.dim, _stacklevel=5)


class Softmin(_OverDim):
    """Softmax of the negated input. Shape: any -> same."""

    def forward(self, input):
        return F.softmin(input, self.dim, _stacklevel=5)


class Softmax2d(Module):
    """Softmax over the channels of images. Shape: (N, C, H, W) or (C, H, W) -> same."""

    def forward(self, input):
        if input.ndim not in (3, 4):
            raise ValueError("Softmax2d: expected input to be 3D or 4D, got "
                             f"{input.ndim}D instead")
        return F.softmax(input, -3, _stacklevel=5)
