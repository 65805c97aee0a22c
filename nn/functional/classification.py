"""Losses of classification: cross entropy in its forms, margins, CTC.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.functional.html#loss-functions
"""

import warnings

from ...autograd import arange, dtypes, log_softmax, where, zeros, zeros_like
from ...autograd.autocast import in_float32
from ...autograd.checks import value_check
from ...autograd.composite import composite
from ...autograd.ops.activation import bent, logsigmoid
from ...autograd.ops.losses import bernoulli_nll
from ._reduction import check_reduction, legacy, reduce

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "kl_div",
           "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss",
           "nll_loss", "soft_margin_loss"]


@in_float32
def cross_entropy(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None,
                  reduction="mean", label_smoothing=0.0):
    """Cross entropy between logits and targets.

    Args:
        input: logits, shape (C,), (N, C) or (N, C, d1, ...).
        target: class numbers, shape (), (N,) or (N, d1, ...), int64; or probabilities of the
            input's shape.
        weight: a factor per class, shape (C,).
        ignore_index: class number that does not count.
        reduction: "mean", "sum" or "none".
        label_smoothing: share of the target spread evenly over the classes.

    Raises:
        IndexError: a class number is out of bounds.
        ValueError: the batch sizes differ.
        RuntimeError: shapes, dtype or label_smoothing do not fit.
    Source: https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.cross_entropy.html

    >>> import ember as torch
    >>> torch.nn.functional.cross_entropy(torch.zeros(1, 2), torch.tensor([1]))
    tensor(0.6931)
    """
    reduction = legacy(size_average, reduce, reduction)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError("label_smoothing must be between 0.0 and 1.0. Got: "
                           f"{label_smoothing}")
    if input.ndim < 1:
        raise RuntimeError("cross_entropy: the input needs a dimension of classes, but has shape "
                           "[]")
    if target.dtype.is_floating_point and target.shape == input.shape:
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing)
    if weight is None and label_smoothing == 0:
        return class_cross_entropy(input, target, ignore_index, reduction)
    _check_classes("cross_entropy", input, target, weight)
    log_p = log_softmax(input, _class_dim(input))
    nll = _nll(log_p, target, weight, ignore_index, reduction)
    if label_smoothing == 0:
        return nll
    smooth = _smooth(log_p, target, weight, ignore_index, reduction)
    return (1 - label_smoothing) * nll + label_smoothing / input.shape[_class_dim(input)] * smooth


@composite(label="cross entropy")
def class_cross_entropy(input, target, ignore_index, reduction):
    """Cross entropy of logits with class numbers, unweighted."""
    _check_classes("cross_entropy", input, target, None)
    return _nll(log_softmax(input, _class_dim(input)), target, None, ignore_index, reduction)


def _smooth(log_p, target, weight, ignore_index, reduction):
    """Return the loss against the uniform distribution, times the number of classes."""
    dim = _class_dim(log_p)
    if weight is not None:
        log_p = log_p * _per_class(weight, log_p)
    loss = -log_p.sum(dim)
    counted = target != ignore_index
    loss = where(counted, loss, zeros_like(loss.detach()))
    if reduction != "mean":
        return loss.sum() if reduction == "sum" else loss
    if weight is None:
        return loss.sum() / counted.sum()
    chosen = weight[where(counted, target, zeros_like(target))]
    return loss.sum() / where(counted, chosen, zeros_like(chosen)).sum()


def _soft_cross_entropy(input, target, weight, reduction, label_smoothing):
    dim = _class_dim(input)
    if label_smoothing > 0:
        target = target * (1 - label_smoothing) + label_smoothing / input.shape[dim]
    log_p = log_softmax(input, dim)
    if weight is not None:
        log_p = log_p * _per_class(weight, log_p)
    loss = -(log_p * target).sum(dim)
    if reduction == "mean":
        return loss.sum() / (input.numel() // input.shape[dim])
    return loss.sum() if reduction == "sum" else loss


@in_float32
def nll_loss(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None,
             reduction="mean"):
    """Negative log-likelihood of classes, given log-probabilities.

    Args and errors: as for `cross_entropy`, whose second half it is.

    >>> import ember as torch
    >>> torch.nn.functional.nll_loss(torch.tensor([[-1.0, -2.0]]), torch.tensor([1]))
    tensor(2.)
    """
    reduction = legacy(size_average, reduce, reduction)
    if weight is None:
        return class_nll(input, target, ignore_index, reduction)
    _check_classes("nll_loss", input, target, weight)
    return _nll(bent(input), target, weight, ignore_index, reduction)


@composite(label="nll loss")
def class_nll(input, target, ignore_index, reduction):
    """Negative log-likelihood of class numbers, unweighted."""
    _check_classes("nll_loss", input, target, None)
    return _nll(bent(input), target, None, ignore_index, reduction)


def _nll(log_p, target, weight, ignore_index, reduction):
    _check_range(log_p, target, ignore_index)
    dim = _class_dim(log_p)
    counted = target != ignore_index
    classes = where(counted, target, zeros_like(target))
    picked = log_p.gather(dim, classes.unsqueeze(dim)).squeeze(dim)
    if weight is None:
        factor = counted.to(log_p.dtype)
    else:
        factor = where(counted, weight[classes], zeros_like(weight[classes]))
    loss = where(counted, -picked * factor, zeros_like(picked.detach()))
    if reduction == "mean":
        return loss.sum() / factor.sum()
    return reduce(loss, reduction)


def _class_dim(input):
    return 0 if input.ndim == 1 else 1


def _per_class(weight, input):
    return weight.reshape([-1] + [1] * (input.ndim - _class_dim(input) - 1))


def _check_classes(name, input, target, weight):
    if target.dtype not in (dtypes.int64, dtypes.uint8):
        raise RuntimeError(
            f"{name}: expected scalar type Long or Byte but found {target.dtype} of shape "
            f"{list(target.shape)}; give class numbers (int64), or probabilities of the input's "
            f"shape {list(input.shape)}")
    dim = _class_dim(input)
    if input.ndim > 1 and (target.ndim == 0 or input.shape[0] != target.shape[0]):
        batch = target.shape[0] if target.ndim else 0
        raise ValueError(f"Expected input batch_size ({input.shape[0]}) to match target "
                         f"batch_size ({batch}). {name}() got shapes {list(input.shape)} and "
                         f"{list(target.shape)}")
    wanted = (*input.shape[:dim], *input.shape[dim + 1:])
    if tuple(target.shape) != wanted:
        raise RuntimeError(
            f"{name}: Expected target size {list(wanted)}, got {list(target.shape)} (input "
            f"{list(input.shape)}, whose dimension {dim} counts the classes)")
    classes = input.shape[dim]
    if weight is not None and tuple(weight.shape) != (classes,):
        raise RuntimeError(f"{name}: weight tensor should be defined either for all {classes} "
                           f"classes or no classes but got weight tensor of shape: "
                           f"{list(weight.shape)}")


@value_check
def _check_range(log_p, target, ignore_index):
    """Refuse class numbers that do not exist."""
    classes = log_p.shape[_class_dim(log_p)]
    wrong = ((target < 0) | (target >= classes)) & (target != ignore_index)
    if target.numel() and bool(wrong.any()):
        raise IndexError(f"Target {int(target[wrong][0])} is out of bounds. (There are {classes} "
                         f"classes: 0 to {classes - 1}, or ignore_index={ignore_index}.)")


# -- binary ---------------------------------------------------------------------------------------


@in_float32
def binary_cross_entropy(input, target, weight=None, size_average=None, reduce=None,
                         reduction="mean"):
    """Cross entropy between probabilities and targets.

    Args:
        input: probabilities, any shape.
        target: the same shape, between 0 and 1.
        weight: factors that broadcast to that shape.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: the shapes differ.
        RuntimeError: an input lies outside [0, 1].
    """
    reduction = legacy(size_average, reduce, reduction)
    if target.shape != input.shape:
        raise ValueError(f"Using a target size ({target.shape}) that is different to the input "
                         f"size ({input.shape}) is deprecated. Please ensure they have the same "
                         "size.")
    _check_probabilities(input)
    loss = bernoulli_nll(input, target)
    return _reduce(loss if weight is None else loss * weight, reduction)


@value_check
def _check_probabilities(input):
    if input.numel() and not bool(((input >= 0) & (input <= 1)).all()):
        raise RuntimeError("all elements of input should be between 0 and 1; for logits use "
                           "binary_cross_entropy_with_logits")


_reduce = reduce  # some signatures have a parameter of that name


@in_float32
def binary_cross_entropy_with_logits(input, target, weight=None, size_average=None, reduce=None,
                                     reduction="mean", pos_weight=None):
    """Cross entropy between logits and targets, without overflow.

    Args:
        input: logits, any shape.
        target: the same shape, between 0 and 1.
        weight: factors that broadcast to that shape.
        pos_weight: factor of the positive class, broadcasts to that shape.

    Raises:
        ValueError: the shapes differ.
    """
    reduction = legacy(size_average, reduce, reduction)
    if target.shape != input.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size "
                         f"({input.shape})")
    log_sigmoid = logsigmoid(input)
    if pos_weight is not None:
        log_sigmoid = ((pos_weight - 1) * target + 1) * log_sigmoid
    loss = (1 - target) * input - log_sigmoid
    return _reduce(loss if weight is None else loss * weight, reduction)


@in_float32
def kl_div(input, target, size_average=None, reduce=None, reduction="mean", log_target=False):
    """Kullback-Leibler divergence of log-probabilities from a target distribution.

    Args:
        input: log-probabilities, any shape.
        target: probabilities (or their logarithms, with `log_target`) of that shape.
        reduction: "batchmean" is the definition; also "mean", "sum", "none".
    """
    if size_average is not None or reduce is not None:
        reduction = legacy(size_average, reduce, reduction)
    elif reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support "
            "size. 'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition. 'mean' will be changed to behave the same as 'batchmean' in the next "
            "major release.", stacklevel=3)
    if log_target:
        loss = target.exp() * (target - input)
    else:
        loss = target.xlogy(target) - target * input
    if reduction == "batchmean":
        return loss.sum() / input.shape[0] if input.ndim else loss.sum()
    return _reduce(loss, reduction)


@in_float32
def soft_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """log(1 + exp(−target · input)) for targets 1 and −1."""
    return _reduce(-logsigmoid(target * input), legacy(size_average, reduce, reduction))


@in_float32
def multilabel_soft_margin_loss(input, target, weight=None, size_average=None, reduce=None,
                                reduction="mean"):
    """Mean over the classes of the binary cross entropy with logits.

    Args:
        input, target: shape (N, C) or (C,); targets are 0 or 1.
    """
    reduction = legacy(size_average, reduce, reduction)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return _reduce(loss.sum(-1) / input.shape[-1], reduction)


# -- margins --------------------------------------------------------------------------------------


@in_float32
def multi_margin_loss(input, target, p=1, margin=1.0, weight=None, size_average=None,
                      reduce=None, reduction="mean"):
    """Hinge loss of every wrong class against the right one.

    Args:
        input: scores, shape (N, C) or (C,).
        target: class numbers, shape (N,) or ().
        p: exponent, 1 or 2.
        weight: a factor per class.

    Raises:
        ValueError: `p` is neither 1 nor 2, a class does not exist, or the weight is not 1-D.
        RuntimeError: the shapes do not fit, or the target is not of int64.
    """
    reduction = legacy(size_average, reduce, reduction)
    check_reduction(reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if input.ndim > 2 or 0 in input.shape[1:] or input.shape == (0,):
        raise RuntimeError("Expected non-empty vector or matrix with optional 0-dim batch size, "
                           f"but got: {list(input.shape)}")
    batch = input.shape[0] if input.ndim == 2 else 1
    if target.ndim > 1 or target.numel() != batch:
        raise RuntimeError(f"inconsistent target size, expected {batch} but got "
                           f"{list(target.shape)}")
    classes = input.shape[-1] if input.ndim else 1
    if weight is not None and weight.ndim != 1:
        raise ValueError(f"weight must be one-dimensional, got {list(weight.shape)}")
    if weight is not None and weight.numel() != classes:
        raise RuntimeError(f"inconsistent weight size, expected {classes} but got "
                           f"{list(weight.shape)}")
    if target.dtype is not dtypes.int64:
        raise RuntimeError(f"multi_margin_loss: expected a target of int64, not {target.dtype}")
    _check_labels("multi_margin_loss", target, 0, classes)
    x, labels = input.reshape(batch, classes), target.reshape(batch, 1)
    slack = (margin - x.gather(1, labels) + x).clamp_min(0)
    slack = slack if p == 1 else slack * slack
    if weight is not None:
        slack = slack * weight[labels]
    right = arange(classes, device=x.device).unsqueeze(0) == labels
    loss = where(right, zeros_like(slack.detach()), slack).sum(1) / classes
    if input.ndim < 2 and not target.ndim:
        loss = loss.squeeze(0)
    return _reduce(loss, reduction)


@in_float32
def multilabel_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """Hinge loss of every wrong class against every right one.

    Args:
        input: scores, shape (N, C) or (C,).
        target: right class numbers first, then −1; the same shape.

    Raises:
        RuntimeError: the shapes do not fit.
        ValueError: a class does not exist.
    """
    reduction = legacy(size_average, reduce, reduction)
    if input.ndim > 2 or 0 in input.shape[1:] or input.shape == (0,):
        raise RuntimeError("Expected non-empty vector or matrix with optional 0-dim batch size, "
                           f"but got: {list(input.shape)}")
    if target.shape != input.shape:
        raise RuntimeError(f"inconsistent target size: {list(target.shape)} for input of size: "
                           f"{list(input.shape)}")
    classes = input.shape[-1] if input.ndim else 1
    _check_labels("multilabel_margin_loss", target, -1, classes)
    x, target = input.reshape(-1, classes), target.reshape(-1, classes)
    batch = x.shape[0]
    valid = (target >= 0).long().cumprod(1)
    labels = target * valid
    hits = zeros(batch, classes, dtype=dtypes.int64, device=x.device)
    right = hits.scatter_add(1, labels, valid) > 0
    slack = (1 - x.gather(1, labels).unsqueeze(2) + x.unsqueeze(1)).clamp_min(0)
    counted = (valid > 0).unsqueeze(2) & ~right.unsqueeze(1)
    loss = (slack * counted).sum([1, 2]) / classes
    return _reduce(loss if input.ndim == 2 else loss.squeeze(0), reduction)


@value_check
def _check_labels(name, target, low, classes):
    if target.numel() and not (low <= int(target.min()) and int(target.max()) < classes):
        raise ValueError(f"{name}: target out of range: class numbers reach from "
                           f"{int(target.min())} to {int(target.max())}, but there are {classes} "
                           "classes")
