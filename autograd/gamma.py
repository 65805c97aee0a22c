"""Gamma and Dirichlet samples whose gradients reach their parameters.

A sample x of a distribution with the parameter α and the distribution function F moves with α so
that F(x; α) stays the same: dx/dα = −(∂F/∂α) / p(x). PyTorch approximates that quotient to about
three digits; here it is an integral of a positive function, by double exponential quadrature.

Source: Figurnov, Mohamed, Mnih, Implicit Reparameterization Gradients, arXiv:1805.08498.
"""

import math

import numpy as np

from . import dtypes
from .function import Function, once_differentiable
from .generator import stream_of
from .tensor import Tensor

__all__ = ["sample_dirichlet", "standard_gamma"]

# Nodes s = exp(τ − exp(−τ)) for integrals over (0, ∞), with their weights (Takahasi, Mori, 1974).
_STEP = 0.06
_TAUS = [_STEP * k for k in range(-65, 120)]
_NODES = [(math.exp(t - math.exp(-t)), _STEP * (1 + math.exp(-t))) for t in _TAUS]


def standard_gamma(concentration, generator=None):
    """Return a gamma distributed sample of rate 1 for each shape parameter, differentiable.

    Args:
        concentration: positive floats.
    """
    return _StandardGamma.apply(concentration, generator)


def sample_dirichlet(concentration, generator=None):
    """Return a Dirichlet distributed sample along the last dimension, differentiable.

    Args:
        concentration: positive floats.
    """
    return _Dirichlet.apply(concentration, generator)


class _StandardGamma(Function):
    @staticmethod
    def forward(ctx, concentration, generator):
        alpha = _host(concentration)
        drawn = stream_of(generator, concentration._xp).gamma(alpha.ravel())
        x = _like(concentration, drawn.clip(min=dtypes.finfo(concentration.dtype).tiny))
        ctx.save_for_backward(x, concentration)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        x, alpha = ctx.saved_tensors
        xp = x._xp
        slope = _gamma_slope(xp, _double(xp, x), _double(xp, alpha))
        return Tensor._wrap(g._array * slope.astype(x._array.dtype), xp), None


class _Dirichlet(Function):
    @staticmethod
    def forward(ctx, concentration, generator):
        alpha = _host(concentration)
        stream = stream_of(generator, concentration._xp)
        gammas = stream.gamma(alpha.ravel().astype(np.float64)).reshape(alpha.shape)
        shares = gammas / gammas.sum(-1, keepdims=True)
        finfo = dtypes.finfo(concentration.dtype)
        x = _like(concentration, shares.clip(finfo.tiny, 1 - finfo.eps / 2))
        ctx.save_for_backward(x, concentration)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        x, concentration = ctx.saved_tensors
        xp, g, x = x._xp, g._array, x._array
        alpha = _double(xp, concentration)
        rest = alpha.sum(-1, keepdims=True) - alpha
        # Raising one parameter moves its share; the others keep their proportions.
        slope = _beta_slope(xp, x.astype(xp.float64), alpha, rest).astype(x.dtype)
        return Tensor._wrap(slope * (g - (x * g).sum(-1, keepdims=True)), xp), None


def _host(tensor):
    return np.asarray(tensor._xp.to_host(tensor._array))


def _like(tensor, values):
    """Values of the host as a tensor of another's shape, dtype and device."""
    values = values.astype(tensor._array.dtype).reshape(tensor.shape)
    return Tensor._wrap(tensor._xp.from_host(values), tensor._xp)


def _double(xp, tensor):
    return tensor._array.astype(xp.float64)


def _integral(xp, scale, integrand):
    """Return the integral of a function of s over (0, ∞), which falls off with 1 / scale."""
    total = 0.0
    for node, weight in _NODES:
        s = scale * node
        total = total + weight * s * integrand(s)
    return total


def _gamma_slope(xp, x, alpha):
    """dx/dα for samples of the gamma distribution with rate 1.

    With p the density, (1/p(x)) ∫ p(t) |ln t − E ln t| dt from 0 to x or from x to ∞, whichever
    keeps one sign, and t = x·exp(∓s). For small α and x the lower one always: it is smooth.
    """
    center = xp.digamma(alpha) - xp.log(x)
    below = (center >= 0) | ((alpha < 1) & (x < 1))
    sign = xp.where(below, -1.0, 1.0)

    def integrand(s):
        fall = sign * alpha * s - x * xp.expm1(sign * s)
        return xp.exp(fall) * (s - sign * center)

    return x * _integral(xp, 1 / (xp.abs(alpha - x) + xp.sqrt(x)), integrand)


def _beta_slope(xp, x, alpha, beta):
    """dx/dα / (1 − x) for samples of the beta distribution. As `_gamma_slope`, over logit t ∓ s."""
    total = alpha + beta
    center = xp.digamma(alpha) - xp.digamma(total) - xp.log(x)
    below = (center >= 0) | ((alpha < 1) & (x < 0.5) & (total * x < 1))
    near, power = xp.where(below, x, 1 - x), xp.where(below, alpha, beta)

    def integrand(s):
        shrunk = xp.log1p(near * xp.expm1(-s))
        distance = xp.where(below, center + s + shrunk, -center - shrunk)
        return xp.exp(-power * s - total * shrunk) * distance

    steepness = xp.abs(alpha - total * x) + xp.sqrt(total * x * (1 - x))
    return x * _integral(xp, 1 / steepness, integrand)
