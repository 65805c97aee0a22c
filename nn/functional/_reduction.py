"""How a loss per element becomes one number."""

import warnings

__all__ = ["check_reduction", "legacy", "reduce", "warn_of_broadcast"]


def check_reduction(reduction):
    """Refuse what is none of "mean", "sum", "none" with a ValueError."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction; use 'none', 'mean' or "
                         "'sum'")


def reduce(loss, reduction):
    """Return the mean, the sum, or the losses themselves.

    Raises:
        ValueError: `reduction` is none of "mean", "sum", "none".
    """
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    check_reduction(reduction)
    return loss


def legacy(size_average, reduce, reduction):
    """Translate the deprecated arguments `size_average` and `reduce`."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        meant = "none"
    else:
        meant = "sum" if size_average is False else "mean"
    warnings.warn(f"size_average and reduce args will be deprecated, please use "
                  f"reduction='{meant}' instead.", stacklevel=3)
    return meant


def warn_of_broadcast(input, target):
    """Warn when a target has another size than the prediction."""
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.", stacklevel=4)
