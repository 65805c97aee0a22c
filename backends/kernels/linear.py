"""Matrix products with what stands around them."""

import math

from . import kernel
from .activation import GELU, GELUTanh, SiLU


@kernel("linear")
class Linear:
    """input @ weightᵀ + bias in one node: one product forward, two backward."""

    def forward(xp, recording, input, weight, bias):
        if (weight.ndim != 2 or input.ndim == 0 or input.shape[-1] != weight.shape[1]
                or input.dtype is not weight.dtype):
            return NotImplemented
        if input.ndim == 2:
            out = xp.matmul(input, weight.T)
        else:
            rows = input.reshape(math.prod(input.shape[:-1]), input.shape[-1])
            out = xp.matmul(rows, weight.T).reshape(*input.shape[:-1], weight.shape[0])
        if bias is not None:
            if bias.dtype is not out.dtype:
                return NotImplemented
            out += bias
        return out, (input, weight)

    def backward(xp, g, saved, wanted):
        input, weight = saved
        rows, grows = input, g
        if g.ndim != 2:
            count = math.prod(g.shape[:-1])
            rows = input.reshape(count, input.shape[-1])
            grows = g.reshape(count, g.shape[-1])
        for_input = None
        if wanted[0]:
            for_input = xp.matmul(grows, weight)
            if g.ndim != 2:
                for_input = for_input.reshape(input.shape)
        for_weight = xp.matmul(grows.T, rows) if wanted[1] else None
        if len(wanted) == 2:
            return for_input, for_weight
        return for_input, for_weight, xp.add.reduce(grows, 0) if wanted[2] else None


class _ReLU:
    def forward(xp, recording, input):
        out = xp.maximum(input, 0)
        return out, out

    def backward(xp, g, out, wanted):
        return (g * (out != 0),)


class _Tanh:
    def forward(xp, recording, input):
        out = xp.tanh(input)
        return out, out

    def backward(xp, g, out, wanted):
        return (g * (1 - out * out),)


class _Sigmoid:
    def forward(xp, recording, input):
        out = xp.reciprocal(xp.exp(-input) + 1)
        return out, out

    def backward(xp, g, out, wanted):
        return (g * (out * (1 - out)),)


_ACTIVATIONS = {"relu": _ReLU, "tanh": _Tanh, "sigmoid": _Sigmoid, "_silu": SiLU, "_gelu": GELU,
                "_gelu_tanh": GELUTanh}


@kernel("linear_activation")
class LinearActivation:
    """activation(input @ weightᵀ + bias) in one node."""

    def forward(xp, recording, input, weight, bias, activation):
        result = Linear.forward(xp, recording, input, weight, bias)
        if result is NotImplemented or result[0].dtype.kind != "f":
            return NotImplemented
        inner, saved = result
        out, known = _ACTIVATIONS[activation].forward(xp, recording, inner)
        return out, (saved, _ACTIVATIONS[activation], known)

    def backward(xp, g, saved, wanted):
        saved, activation, known = saved
        (g,) = activation.backward(xp, g, known, wanted)
        return Linear.backward(xp, g, saved, wanted)
