"""Moments: variance, standard deviation, covariance, correlation, quantiles."""

import warnings

from .. import dtypes
from ..op import RECORDS, op
from ..tensor import Tensor, tensor_method
from .dims import axes, axis, count, expanded
from .sorting import sort

__all__ = ["corrcoef", "cov", "nanquantile", "quantile", "std_mean", "var_mean"]


def _variance(xp, input, dim, correction, keepdim):
    """Return the variance by two passes, which loses no digits to a large mean."""
    if input.dtype.kind not in "fc":
        raise RuntimeError("std and var only support floating point and complex dtypes")
    if input.dtype.char == "e":
        return _variance(xp, input.astype(xp.float32), dim, correction, keepdim)
    axis = axes(dim, input.ndim)
    n = input.size if axis is None else count(input.shape, axis)
    free = n - correction
    if free <= 0:
        warnings.warn("std(): degrees of freedom is <= 0. Correction should be strictly less than "
                      "the reduction factor (input numel divided by output numel).",
                      UserWarning, stacklevel=4)
    total = input.sum(axis, None, None, True)
    centred = input - (total / n if n else total)
    squares = _squared(centred).sum(axis, None, None, keepdim)
    return squares / free if free > 0 and n else squares * xp.inf * 0.0


def _squared(x):
    return x.real * x.real + x.imag * x.imag if x.dtype.kind == "c" else x * x


def _centred(xp, input, dim):
    axis = axes(dim, len(input.shape))
    n = count(input.shape, axis)
    if not n:
        return input, 0
    return input - xp.sum(input, axis=axis, keepdims=True) / n, n


@op(alone=True, name="var", label="var", derivative="2 · g · (input − mean) / (n − correction)",
    dtypes="float/complex -> real part")
def var_along(xp, input, dim=None, *, correction=1, keepdim=False):
    """Variance of all elements, or along dimensions."""
    return _variance(xp, input, dim, correction, keepdim).astype(input.real.dtype, copy=False)


def _var_input(xp, g, input, dim, correction, keepdim):
    centred, n = _centred(xp, input, dim)
    free = n - correction
    return expanded(g, input.shape, dim, keepdim) * centred * (2.0 / free if free > 0 else xp.inf)


var_along.vjp("input", _var_input)


@op(alone=True, name="std", label="std",
    derivative="g · (input − mean) / (out · (n − correction)); 0 at 0",
    dtypes="float/complex -> real part")
def std_along(xp, input, dim=None, *, correction=1, keepdim=False):
    """Standard deviation of all elements, or along dimensions."""
    variance = _variance(xp, input, dim, correction, keepdim)
    return xp.sqrt(variance).astype(input.real.dtype, copy=False)


def _std_input(xp, g, input, out, dim, correction, keepdim):
    centred, n = _centred(xp, input, dim)
    free = n - correction
    slope = xp.where(out == 0, 0.0, g / (out * free if free > 0 else out * 0))
    return expanded(slope, input.shape, dim, keepdim) * centred


std_along.vjp("input", _std_input)


def moment_arguments(dim, unbiased, correction):
    """Return (dim, correction) from the three ways to call `var`, `std` and their kin."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    return dim, correction


@var_along.op.public
def var(input, dim=None, unbiased=None, keepdim=False, *, correction=None, out=None):
    """Return the variance of all elements, or along dimensions.

    Args:
        dim: a dimension or several; None means all. A bool here is `unbiased`.
        correction: subtracted from the number of elements in the divisor; 1 by default.
        unbiased: False is the same as `correction=0`.
    Warns:
        UserWarning: when there are no more elements than `correction`; the result is NaN.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.var.html

    >>> import ember
    >>> ember.var(ember.tensor([1., 2., 3., 4.]), correction=0)
    tensor(1.2500)
    """
    dim, correction = moment_arguments(dim, unbiased, correction)
    return var_along(input, dim, correction=correction, keepdim=keepdim, out=out)


@std_along.op.public
def std(input, dim=None, unbiased=None, keepdim=False, *, correction=None, out=None):
    """Return the standard deviation of all elements, or along dimensions.

    Args: as for `var`.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.std.html

    >>> import ember
    >>> ember.std(ember.tensor([[1., 3.], [2., 2.]]), dim=1, correction=0)
    tensor([1., 0.])
    """
    dim, correction = moment_arguments(dim, unbiased, correction)
    return std_along(input, dim, correction=correction, keepdim=keepdim, out=out)


@tensor_method
def var_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """Return (variance, mean) of all elements, or along dimensions; arguments as for `var`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.var_mean.html
    """
    spread = var(input, dim, unbiased, keepdim, correction=correction)
    dim, _ = moment_arguments(dim, unbiased, correction)
    return spread, RECORDS["mean"].call(input, dim, keepdim)


@tensor_method
def std_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """Return (standard deviation, mean) of all elements, or along dimensions; see `std`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.std_mean.html
    """
    spread = std(input, dim, unbiased, keepdim, correction=correction)
    dim, _ = moment_arguments(dim, unbiased, correction)
    return spread, RECORDS["mean"].call(input, dim, keepdim)


# -- of variables with observations ---------------------------------------------------------------


@tensor_method
def cov(input, *, correction=1, fweights=None, aweights=None):
    """Return the covariance matrix of variables (rows) over observations (columns).

    Args:
        fweights: how often each observation was made (integers); aweights: how much it counts.
    Shape: (variables, observations) -> (variables, variables); (observations) -> ().
    Source: https://docs.pytorch.org/docs/stable/generated/torch.cov.html

    >>> import ember
    >>> ember.cov(ember.tensor([[0., 2.], [2., 0.]]))
    tensor([[ 2., -2.],
            [-2.,  2.]])
    """
    if input.ndim > 2:
        raise RuntimeError("cov(): expected input to have two or fewer dimensions but got an input "
                           f"with {input.ndim} dimensions")
    if input.dtype is dtypes.bool:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = input.reshape(1, -1) if input.ndim < 2 else input
    weights = _weights(x, fweights, aweights)
    n = x.shape[1]
    if weights is None:
        total, mean = n, (x.sum(1) / n if n else x.sum(1) * float("nan"))
    else:
        total = weights.sum()
        if not total.item():
            raise RuntimeError("cov(): weights sum to zero, can't be normalized")
        mean = (x * weights).sum(1) / total
    free = _degrees(total, fweights, aweights, weights, correction)
    centred = x - mean.unsqueeze(1)
    right = centred if weights is None else centred * weights
    return (centred @ right.t().conj() / free).squeeze()


def _weights(x, fweights, aweights):
    for name, weights in (("fweights", fweights), ("aweights", aweights)):
        if weights is None:
            continue
        if weights.ndim > 1:
            raise RuntimeError(f"cov(): expected {name} to have one or fewer dimensions but got "
                               f"{name} with {weights.ndim} dimensions")
        if weights.numel() != x.shape[1]:
            raise RuntimeError(f"cov(): expected {name} to have the same numel as there are "
                               f"observations in the input but got {weights.numel()} != "
                               f"{x.shape[1]}")
        if (weights < 0).any():
            raise RuntimeError(f"cov(): {name} cannot be negative")
        if name == "fweights" and weights.dtype.category != 1:
            raise RuntimeError("cov(): expected fweights to have integral dtype but got fweights "
                               f"with {weights.dtype.title} dtype")
        if name == "aweights" and weights.dtype.category != 2:
            raise RuntimeError("cov(): expected aweights to have floating point dtype but got "
                               f"aweights with {weights.dtype.title} dtype")
    if fweights is None:
        return aweights
    return fweights if aweights is None else fweights * aweights


def _degrees(total, fweights, aweights, weights, correction):
    """Return the degrees of freedom, not below zero; warn when there are none."""
    if aweights is None or not correction:
        free = total - correction
    else:
        free = total - correction * (weights * aweights).sum() / total
    if float(free) <= 0:
        warnings.warn("cov(): degrees of freedom is <= 0. Correction should be strictly less than "
                      "the number of observations.", UserWarning, stacklevel=4)
    return free.clamp(min=0) if isinstance(free, Tensor) else max(free, 0)


@tensor_method
def corrcoef(input):
    """Return the matrix of Pearson's correlation coefficients of variables (rows).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.corrcoef.html
    """
    if input.ndim > 2:
        raise RuntimeError("corrcoef(): expected input to have two or fewer dimensions but got an "
                           f"input with {input.ndim} dimensions")
    c = cov(input)
    if not c.ndim:
        return c / c
    scale = c.diagonal().sqrt()
    c = c / scale.unsqueeze(1) / scale.unsqueeze(0)
    if c.dtype.is_complex:
        return RECORDS["complex"].call(c.real.clamp(-1, 1), c.imag.clamp(-1, 1))
    return c.clamp(-1, 1)


# -- quantiles ------------------------------------------------------------------------------------


def _quantile(name, input, q, dim, keepdim, interpolation, skip_nan):
    q = _checked(name, input, q, interpolation)
    if dim is None:
        flat = input.reshape(-1)
        result = _at_ranks(flat, q, 0, interpolation, skip_nan)
        if keepdim:
            result = result.reshape(result.shape[:q.ndim] + (1,) * input.ndim)
        return result
    a = axis(dim, input.ndim)
    result = _at_ranks(input if input.ndim else input.reshape(1), q, a, interpolation, skip_nan)
    return result.unsqueeze(a + q.ndim) if keepdim and input.ndim else result


def _checked(name, input, q, interpolation):
    if input.dtype.name not in ("float32", "float64"):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if not isinstance(q, Tensor):
        q = input.new_tensor(q)
    if q.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    if q.dtype is not input.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    if not input.numel():
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(f"{name}() interpolation must be one of linear, lower, higher, midpoint "
                           f"or nearest, but got {interpolation}")
    if not ((q >= 0) & (q <= 1)).all():
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    return q


def _at_ranks(input, q, a, interpolation, skip_nan):
    """Return the elements of rank q · (n − 1) along an axis, interpolated, q's dimension first."""
    ordered, _ = sort(input.movedim(a, -1), -1)
    n = ordered.shape[-1]
    ranks = q.reshape(-1)
    isnan = ordered.isnan()
    if skip_nan:
        valid = (~isnan).sum(-1, keepdim=True)
        ranks = (ranks * (valid - 1).to(q.dtype)).clamp(min=0)
    else:
        ranks = (ranks * (n - 1)).expand(ordered.shape[:-1] + ranks.shape)
        ranks = RECORDS["where"].call(isnan.any(-1, keepdim=True), n - 1.0, ranks)
    if interpolation in ("lower", "higher", "nearest"):
        ranks = {"lower": ranks.floor, "higher": ranks.ceil, "nearest": ranks.round}[
            interpolation]()
    below = ranks.floor()
    result = ordered.gather(-1, below.long())
    if interpolation in ("linear", "midpoint"):
        weight = ranks - below if interpolation == "linear" else (ranks - below != 0) * 0.5
        above = ordered.gather(-1, ranks.ceil().long())
        result = result.lerp(above, weight.to(q.dtype))
    result = result.movedim(-1, 0)
    return result if q.ndim else result.squeeze(0)


@tensor_method
def quantile(input, q, dim=None, keepdim=False, *, interpolation="linear", out=None):
    """Return the q-th quantiles of all elements, or along a dimension; NaN spreads.

    Args:
        q: a number or 1-d tensor of numbers in [0, 1]; its dimension comes first in the result.
        interpolation: "linear", "lower", "higher", "midpoint" or "nearest".
    Source: https://docs.pytorch.org/docs/stable/generated/torch.quantile.html

    >>> import ember
    >>> ember.quantile(ember.tensor([1., 2., 3., 4.]), 0.5)
    tensor(2.5000)
    """
    result = _quantile("quantile", input, q, dim, keepdim, interpolation, False)
    return result if out is None else out.copy_(result)


@tensor_method
def nanquantile(input, q, dim=None, keepdim=False, *, interpolation="linear", out=None):
    """Return the q-th quantiles as `quantile` does, but leave NaN out.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nanquantile.html
    """
    result = _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)
    return result if out is None else out.copy_(result)
