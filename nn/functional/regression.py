"""Losses of regression and of distances.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.functional.html#loss-functions
"""

import math

from ...autograd import Tensor, no_grad, ones_like, where, zeros_like
from ...autograd.autocast import in_float32
from ...autograd.composite import composite
from ._reduction import legacy, reduce, warn_of_broadcast
from .distance import pairwise_distance

__all__ = ["cosine_embedding_loss", "gaussian_nll_loss", "hinge_embedding_loss", "huber_loss",
           "l1_loss", "margin_ranking_loss", "mse_loss", "poisson_nll_loss", "smooth_l1_loss",
           "triplet_margin_loss", "triplet_margin_with_distance_loss"]

_reduce = reduce  # the signatures have a parameter of that name


@in_float32
def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """Squared difference. Shape: any, the same.

    Args:
        reduction: "mean", "sum" or "none".
        weight: factors of the elements; the mean is then weighted.

    Raises:
        ValueError: the weight has another shape, or the reduction is unknown.

    >>> import ember as torch
    >>> torch.nn.functional.mse_loss(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0]))
    tensor(2.)
    """
    reduction = legacy(size_average, reduce, reduction)
    warn_of_broadcast(input, target)
    if weight is None:
        return _mse_loss(input, target, reduction)
    return _weighted((input - target).square(), input, weight, reduction)


@composite
def _mse_loss(input, target, reduction):
    difference = input - target
    return reduce(difference * difference, reduction)


@in_float32
def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """Absolute difference. Shape: any, the same. Args: as for `mse_loss`."""
    reduction = legacy(size_average, reduce, reduction)
    warn_of_broadcast(input, target)
    return _weighted((input - target).abs(), input, weight, reduction)


def _weighted(loss, input, weight, reduction):
    if weight is None:
        return _reduce(loss, reduction)
    if weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")
    loss = loss * weight
    return loss.sum() / weight.sum() if reduction == "mean" else _reduce(loss, reduction)


@in_float32
def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction="mean", beta=1.0):
    """Squared difference below `beta`, absolute difference above, joined smoothly.

    Raises:
        RuntimeError: `beta` is negative.
    """
    reduction = legacy(size_average, reduce, reduction)
    warn_of_broadcast(input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return _reduce((input - target).abs(), reduction)
    return _smooth_l1_loss(input, target, reduction, beta)


@composite
def _smooth_l1_loss(input, target, reduction, beta):
    difference = input - target
    distance = difference.abs()
    near = 0.5 / beta * difference * difference
    return reduce(where(distance < beta, near, distance - 0.5 * beta), reduction)


@in_float32
def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """Squared difference up to `delta`, absolute difference above, joined smoothly.

    Raises:
        RuntimeError: `delta` is not positive.
        ValueError: the weight has another shape.
    """
    warn_of_broadcast(input, target)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    if weight is None:
        return _huber_loss(input, target, reduction, delta)
    if weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")
    return _reduce(_huber_loss(input, target, "none", delta) * weight, reduction)


@composite
def _huber_loss(input, target, reduction, delta):
    difference = input - target
    distance = difference.abs()
    loss = where(distance <= delta, 0.5 * difference * difference,
                 delta * (distance - 0.5 * delta))
    return reduce(loss, reduction)


@in_float32
def poisson_nll_loss(input, target, log_input=True, full=False, size_average=None, eps=1e-8,
                     reduce=None, reduction="mean"):
    """Negative log-likelihood of counts under a Poisson distribution.

    Args:
        input: the mean, or its logarithm with `log_input`.
        full: add Stirling's approximation of log(target!) where target > 1.
    """
    reduction = legacy(size_average, reduce, reduction)
    if log_input:
        loss = input.exp() - target * input
    else:
        loss = input - target * (input + eps).log()
    if full:
        large = target > 1
        safe = where(large, target, ones_like(target))
        stirling = safe * safe.log() - safe + 0.5 * (2 * math.pi * safe).log()
        loss = loss + where(large, stirling, zeros_like(stirling))
    return _reduce(loss, reduction)


@in_float32
def gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    """Negative log-likelihood under a normal distribution with given variance.

    Args:
        input: the mean.
        var: the variance: a number, the input's shape, or that shape with a last dimension of 1
            or none.
        full: add the constant.
        eps: the least variance.

    Raises:
        ValueError: a variance is negative or its shape does not fit.
    """
    if isinstance(var, Tensor):
        negative = bool((var < 0).any())
    else:
        negative, var = var < 0, ones_like(input.detach()) * var
    if negative:
        raise ValueError("var has negative entry/entries")
    if var.shape != input.shape:
        if input.shape[:-1] == var.shape:
            var = var.unsqueeze(-1)
        elif input.ndim != var.ndim or sum(
                b for a, b in zip(input.shape, var.shape) if a != b) != 1:
            raise ValueError("var is of incorrect size")
    var = var.clone()
    with no_grad():
        var.clamp_(min=eps)
    difference = input - target
    loss = 0.5 * (var.log() + difference * difference / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return _reduce(loss, reduction)


# -- ranking and distances ------------------------------------------------------------------------


@in_float32
def margin_ranking_loss(input1, input2, target, margin=0, size_average=None, reduce=None,
                        reduction="mean"):
    """max(0, −target · (input1 − input2) + margin) for targets 1 and −1.

    Raises:
        RuntimeError: the numbers of dimensions differ.
    """
    reduction = legacy(size_average, reduce, reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} ")
    return _reduce((-target * (input1 - input2) + margin).clamp_min(0), reduction)


@in_float32
def hinge_embedding_loss(input, target, margin=1.0, size_average=None, reduce=None,
                         reduction="mean"):
    """Distance for target 1; max(0, margin − distance) for target −1."""
    reduction = legacy(size_average, reduce, reduction)
    zero = zeros_like(input.detach())
    apart = where(target != 1, (margin - input).clamp_min(0), zero)
    return _reduce(apart + where(target != -1, input, zero), reduction)


@in_float32
def cosine_embedding_loss(input1, input2, target, margin=0, size_average=None, reduce=None,
                          reduction="mean"):
    """1 − cosine for target 1; max(0, cosine − margin) for target −1.

    Args:
        input1, input2: shape (N, D) or (D,).
        target: shape (N,) or ().

    Raises:
        RuntimeError: the shapes do not fit.
    """
    reduction = legacy(size_average, reduce, reduction)
    if (target.ndim, input1.ndim, input2.ndim) not in ((0, 1, 1), (1, 2, 2)):
        raise RuntimeError(
            f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found "
            f"inputs with sizes {list(input1.shape)} and {list(input2.shape)}.")
    tiny = 1e-12
    squares = ((input1 * input1).sum(-1) + tiny) * ((input2 * input2).sum(-1) + tiny)
    cosine = (input1 * input2).sum(-1) / squares.sqrt()
    zero = zeros_like(cosine.detach())
    loss = where(target == 1, 1 - cosine, zero) + where(
        target == -1, (cosine - margin).clamp_min(0), zero)
    return _reduce(loss, reduction)


@in_float32
def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2, eps=1e-6, swap=False,
                        size_average=None, reduce=None, reduction="mean"):
    """max(0, distance to the positive − distance to the negative + margin).

    Args:
        anchor, positive, negative: shape (N, D) or (D,).
        p: of the norm; eps: added to the differences.
        swap: use the distance of positive and negative where it is smaller.

    Raises:
        ValueError: the margin is not positive.
    """
    def distance(a, b):
        return pairwise_distance(a, b, p, eps)

    reduction = legacy(size_average, reduce, reduction)
    return triplet_margin_with_distance_loss(
        anchor, positive, negative, distance_function=distance, margin=margin, swap=swap,
        reduction=reduction)


def triplet_margin_with_distance_loss(anchor, positive, negative, *, distance_function=None,
                                      margin=1.0, swap=False, reduction="mean"):
    """`triplet_margin_loss` with any distance.

    Raises:
        ValueError: the margin is not positive, or the reduction is unknown.
        RuntimeError: the numbers of dimensions differ.
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
            f"{negative.ndim}D inputs")
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return _reduce((margin + near - far).clamp_min(0), reduction)
