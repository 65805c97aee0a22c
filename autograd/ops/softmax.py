"""Softmax and its logarithm."""

from ..op import op
from .dims import axes

_PLACES = ("torch", "Tensor", "special")


def _prepared(input, dtype, name):
    if dtype is not None:
        return input.astype(dtype.numpy, copy=False)
    if input.dtype.kind not in "fc":
        raise NotImplementedError(
            f'"{name}" not implemented for integers; convert with .float() or pass dtype=')
    return input


@op(alone=True, label="softmax", namespaces=_PLACES, derivative="out · (g − Σ g · out)",
    dtypes="float -> same", compiled=True)
def softmax(xp, input, dim, dtype=None):
    """Exponentials along a dimension, divided by their sum. Shape: any -> same.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html

    >>> import ember
    >>> ember.softmax(ember.tensor([0., 0.]), dim=0)
    tensor([0.5000, 0.5000])
    """
    input = _prepared(input, dtype, "softmax_lastdim_kernel_impl")
    if not input.size:
        return input.copy()
    a = axes(dim, input.ndim)
    e = xp.exp(input - input.max(a, None, True))
    return e / e.sum(a, None, None, True)


@op(alone=True, label="log softmax", namespaces=_PLACES, derivative="g − exp(out) · Σ g",
    dtypes="float -> same", compiled=True)
def log_softmax(xp, input, dim, dtype=None):
    """Logarithm of softmax, without overflow. Shape: any -> same.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html

    >>> import ember
    >>> ember.log_softmax(ember.tensor([1000., 1000.]), dim=0)
    tensor([-0.6931, -0.6931])
    """
    input = _prepared(input, dtype, "log_softmax_lastdim_kernel_impl")
    if not input.size:
        return input.copy()
    a = axes(dim, input.ndim)
    shifted = input - input.max(a, None, True)
    return shifted - xp.log(xp.exp(shifted).sum(a, None, None, True))


def _softmax_input(xp, g, out, dim):
    weighted = g * out
    return weighted - out * xp.sum(weighted, axis=dim if out.shape else None, keepdims=True)


def _log_softmax_input(xp, g, out, dim):
    return g - xp.exp(out) * xp.sum(g, axis=dim if out.shape else None, keepdims=True)


softmax.vjp("input", _softmax_input)
log_softmax.vjp("input", _log_softmax_input)
