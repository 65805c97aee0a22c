"""Activation functions: the records behind `torch.relu`, `F.softplus` and the like.

Those of PyTorch's activations that are short compositions of these stand in
`nn/functional/activation.py`.
"""

from ..op import op

_EVERYWHERE = ("torch", "Tensor", "nn.functional")
_FUNCTIONAL = ("nn.functional",)
_TORCH = ("torch", "nn.functional")


@op(flat=True, namespaces=_EVERYWHERE, inplace=True, derivative="g · [input > 0]",
    dtypes="integer/float -> same", compiled=True)
def relu(xp, input):
    """Positive part of each element, max(input, 0). Shape: any -> same.

    Source: https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.relu.html

    >>> import ember
    >>> ember.relu(ember.tensor([-1., 2.]))
    tensor([0., 2.])
    """
    if input.dtype.kind == "b":
        raise RuntimeError("relu: Boolean inputs not supported; convert with .float() first")
    return xp.maximum(input, 0)


relu.vjp("input", lambda g, out: g * (out != 0))  # out is not negative; NaN lets g through


@op(label="identity", namespaces=(), flat=True, derivative="g")
def bent(xp, input):
    """Return the input of a function that is piecewise linear in it. Shape: any -> same."""
    return input


bent.vjp("input", lambda g: g)


@op(label="σ", cast="float", namespaces=_EVERYWHERE, inplace=True,
    derivative="g · out · (1 − out)", compiled=True)
def sigmoid(xp, input):
    """Logistic function 1 / (1 + exp(−input)). Shape: any -> same.

    Source: https://docs.pytorch.org/docs/2.13/generated/torch.sigmoid.html

    >>> import ember
    >>> ember.sigmoid(ember.tensor(0.))
    tensor(0.5000)
    """
    return 1 / (1 + xp.exp(-input))


sigmoid.vjp("input", lambda g, out: g * (out * (1 - out)))


@op(namespaces=_FUNCTIONAL, derivative="g · (1 − exp(out))", dtypes="float -> same", compiled=True)
def logsigmoid(xp, input):
    """Logarithm of the sigmoid, without overflow. Shape: any -> same.

    >>> import ember
    >>> ember.nn.functional.logsigmoid(ember.tensor([-1000., 0.]))
    tensor([-1.0000e+03, -6.9315e-01])
    """
    return xp.minimum(input, 0) - xp.log1p(xp.exp(-xp.abs(input)))


logsigmoid.vjp("input", lambda xp, g, out: -g * xp.expm1(out))


@op(namespaces=_FUNCTIONAL, derivative="g · σ(beta · input)", dtypes="float -> same", compiled=True)
def softplus(xp, input, beta=1.0, threshold=20.0):
    """Smooth ReLU, log(1 + exp(beta · input)) / beta; linear where beta · input > threshold.

    Shape: any -> same.

    >>> import ember
    >>> ember.nn.functional.softplus(ember.tensor([0., 100.]))
    tensor([  0.6931, 100.0000])
    """
    scaled = input * beta
    linear = scaled > threshold
    return xp.where(linear, input, xp.log1p(xp.exp(xp.where(linear, 0, scaled))) / beta)


softplus.vjp("input", lambda xp, g, input, out, beta, threshold: g * xp.where(
    input * beta > threshold, 1, -xp.expm1(out * -beta)))


@op(namespaces=_FUNCTIONAL,
    derivative="g · scale where input > 0, else g · alpha · scale · k · exp(k · input)",
    dtypes="float -> same", compiled=True)
def scaled_elu(xp, input, alpha=1.0, scale=1.0, k=1.0):
    """The family of ELU, CELU and SELU: scale · (input if positive, else alpha · expm1(k · input)).

    Shape: any -> same.
    Source: https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.elu.html
    """
    negative = input <= 0
    return xp.where(negative, xp.expm1(xp.where(negative, input, 0) * k) * (alpha * scale),
                    input * scale)


scaled_elu.vjp("input", lambda xp, g, input, alpha, scale, k: g * xp.where(
    input <= 0, xp.exp(xp.where(input <= 0, input, 0) * k) * (alpha * scale * k), scale))


@op(flat=True, namespaces=_FUNCTIONAL, derivative="g where input > 0, else g · negative_slope",
    dtypes="float -> same", compiled=True)
def leaky_relu(xp, input, negative_slope=0.01):
    """ReLU with a small slope below zero. Shape: any -> same.

    >>> import ember
    >>> ember.nn.functional.leaky_relu(ember.tensor([-1., 2.]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    return xp.where(input > 0, input, input * negative_slope)


leaky_relu.vjp("input", lambda xp, g, input, negative_slope: xp.where(
    input > 0, g, g * negative_slope))


@op(flat=True, namespaces=_FUNCTIONAL, derivative="g · [min_val < input < max_val]",
    dtypes="integer/float -> same", compiled=True)
def hardtanh(xp, input, min_val=-1.0, max_val=1.0):
    """Clip each element to an interval; no gradient at and beyond its ends.

    Shape: any -> same.

    >>> import ember
    >>> ember.nn.functional.hardtanh(ember.tensor([-3., 0.5]))
    tensor([-1.0000,  0.5000])
    """
    if input.dtype.kind in "iu":
        min_val, max_val = int(min_val), int(max_val)
        if min_val < 0 and input.dtype.kind == "u":
            raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    return xp.minimum(xp.maximum(input, min_val), max_val)


hardtanh.vjp("input", lambda xp, g, input, min_val, max_val: xp.where(
    (input <= min_val) | (input >= max_val), 0, g))


@op(flat=True, namespaces=_TORCH, derivative="0 where input ≤ threshold, else g",
    dtypes="integer/float -> same")
def threshold(xp, input, threshold, value):
    """Replace elements at or below a threshold by a value. Shape: any -> same.

    >>> import ember
    >>> ember.nn.functional.threshold(ember.tensor([0.1, 2.]), 1, 9)
    tensor([9., 2.])
    """
    return xp.where(input <= threshold, input.dtype.type(value), input)


threshold.vjp("input", lambda xp, g, input, threshold: xp.where(input <= threshold, 0, g))


@op(flat=True, namespaces=_EVERYWHERE, derivative="g · [|input| > lambd]", dtypes="float -> same")
def hardshrink(xp, input, lambd=0.5):
    """Set elements of absolute value up to `lambd` to zero. Shape: any -> same.

    >>> import ember
    >>> ember.hardshrink(ember.tensor([-0.2, 2.]))
    tensor([0., 2.])
    """
    return xp.where(xp.abs(input) <= lambd, 0, input)


hardshrink.vjp("input", lambda xp, g, input, lambd: xp.where(xp.abs(input) <= lambd, 0, g))


@op(flat=True, namespaces=_FUNCTIONAL, derivative="g · [|input| > lambd]", dtypes="float -> same")
def softshrink(xp, input, lambd=0.5):
    """Move each element by `lambd` towards zero, stopping there. Shape: any -> same.

    >>> import ember
    >>> ember.nn.functional.softshrink(ember.tensor([-0.2, 2.]))
    tensor([0.0000, 1.5000])
    """
    if lambd < 0:
        raise RuntimeError(f"softshrink: lambda must be greater or equal to 0, but found {lambd}")
    return input - xp.minimum(xp.maximum(input, -lambd), lambd)


softshrink.vjp("input", lambda xp, g, input, lambd: xp.where(xp.abs(input) <= lambd, 0, g))


@op(flat=True, namespaces=_FUNCTIONAL, derivative="g / 6 where −3 < input < 3",
    dtypes="float -> same", compiled=True)
def hardsigmoid(xp, input):
    """Piecewise linear sigmoid: clip(input / 6 + 1/2, 0, 1). Shape: any -> same.

    >>> import ember
    >>> ember.nn.functional.hardsigmoid(ember.tensor([-4., 0.]))
    tensor([0.0000, 0.5000])
    """
    return xp.minimum(xp.maximum(input + 3, 0), 6) / 6


hardsigmoid.vjp("input", lambda g, input: g * ((input > -3) & (input < 3)) / 6)
