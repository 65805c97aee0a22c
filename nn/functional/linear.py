"""Linear and bilinear maps.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.functional.html#linear-functions
"""

from ...autograd import tanh
from ...autograd.composite import composite
from ...autograd.lowprecision import rounded_once
from ...autograd.ops import activation as records
from .activation import _gelu, _gelu_tanh, _silu

__all__ = ["bilinear", "linear"]


@composite
def linear(input, weight, bias=None):
    """Return input @ weightᵀ + bias.

    Args:
        input: shape (*, in_features).
        weight: shape (out_features, in_features) or (in_features,).
        bias: shape (out_features,) or (), or None.

    Returns:
        Shape (*, out_features), or (*) for a one-dimensional weight.

    Raises:
        RuntimeError: the last dimension of the input is not in_features.
    Source: https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.linear.html

    >>> import ember as torch
    >>> torch.nn.functional.linear(torch.ones(1, 3), torch.ones(2, 3), torch.zeros(2))
    tensor([[3., 3.]])
    """
    if input.ndim == 0 or weight.ndim not in (1, 2) or input.shape[-1] != weight.shape[-1]:
        raise _shape_error(input, weight)
    out = input.matmul(weight.t())
    return out if bias is None else out + bias


# What `linear_activation` knows, by the names of the functions' records.
ACTIVATIONS = {function.op.name: function for function in (
    records.relu, records.sigmoid, tanh, _gelu, _gelu_tanh, _silu)}


@composite(label="linear, activation")
def linear_activation(input, weight, bias, activation):
    """Return an activation of `linear`; PyTorch has no such function.

    Args:
        input, weight, bias: as for `linear`.
        activation: one of ACTIVATIONS.
    """
    return ACTIVATIONS[activation](linear(input, weight, bias))


def _shape_error(input, weight):
    features = weight.shape[-1] if weight.ndim else "?"
    rows = input.numel() // max(input.shape[-1], 1) if input.ndim else 1
    last = input.shape[-1] if input.ndim else 0
    return RuntimeError(
        f"linear: mat1 and mat2 shapes cannot be multiplied ({rows}x{last} and "
        f"{features}x{weight.shape[0] if weight.ndim else 1}): the input of shape "
        f"{list(input.shape)} has last dimension {last}, but a weight of shape "
        f"{list(weight.shape)} takes in_features={features}. Flatten or reshape the input, or "
        f"make the layer with in_features={last}")


@rounded_once
def bilinear(input1, input2, weight, bias=None):
    """Return x1ᵀ · weight[k] · x2 + bias[k] for every output k.

    Args:
        input1: shape (*, in1).
        input2: shape (*, in2).
        weight: shape (out, in1, in2).
        bias: shape (out,), or None.

    Returns:
        Shape (*, out).

    Raises:
        RuntimeError: the shapes do not fit.
    """
    _check_bilinear(input1, input2, weight)
    left = input1.unsqueeze(-2).unsqueeze(-2).matmul(weight)  # (*, out, 1, in2)
    out = (left.squeeze(-2) * input2.unsqueeze(-2)).sum(-1, dtype=input1.dtype)
    return out if bias is None else out + bias


def _check_bilinear(input1, input2, weight):
    if input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError("bilinear(): input batch dimensions do not match: got "
                           f"{list(input1.shape)} and {list(input2.shape)}")
    for number, input in ((1, input1), (2, input2)):
        if input.shape[-1] != weight.shape[number]:
            raise RuntimeError(f"bilinear(): input{number} size does not match weight size: got "
                               f"{input.shape[-1]} but expected {weight.shape[number]}")
