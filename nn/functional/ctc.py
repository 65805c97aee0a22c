"""Connectionist temporal classification.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.ctc_loss.html
"""

import math

from ...autograd import Tensor, arange, broadcast_to, cat, dtypes, full, stack, where, zeros_like
from ...autograd.autocast import in_float32
from ...autograd.from_data import tensor

__all__ = ["ctc_loss"]

_IMPOSSIBLE = -1e30  # log-probability of what cannot happen: finite, so that gradients are


@in_float32
def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction="mean",
             zero_infinity=False):
    """Negative log-likelihood of label sequences, summed over all alignments.

    Args:
        log_probs: log-probabilities, shape (T, N, C) or (T, C).
        targets: labels without blanks, shape (N, S), (S,), or all joined, shape (sum,).
        input_lengths, target_lengths: shape (N,) or ().
        blank: the number of the blank label.
        reduction: "mean" (each loss over its target length first), "sum" or "none".
        zero_infinity: let sequences that cannot be aligned count as 0.

    Raises:
        RuntimeError: lengths or labels do not fit.
    Source: Graves et al., "Connectionist Temporal Classification", 2006.
    """
    batched = log_probs.ndim == 3
    if not batched:
        log_probs, targets = log_probs.unsqueeze(1), targets.unsqueeze(0)
    steps, batch, classes = log_probs.shape
    lengths = _lengths(input_lengths, batch, "input_lengths")
    label_lengths = _lengths(target_lengths, batch, "target_lengths")
    _check(blank, classes, lengths, steps)
    labels = _table(targets, label_lengths, batch).to(log_probs.device)
    alignments = _log_likelihood(log_probs, labels, lengths, label_lengths, blank)
    loss = -alignments
    loss = where(loss.detach() > -_IMPOSSIBLE / 2, loss.detach() * 0 + math.inf, loss)
    # PyTorch's gradient counts the input as unnormalised; this adds exactly that, and 0.
    time = arange(steps, device=log_probs.device).unsqueeze(1)
    valid = (time < tensor(lengths, device=log_probs.device)).to(log_probs.dtype)
    mass = (log_probs.exp().sum(2) * valid).sum(0)
    loss = loss + (mass - mass.detach())
    if zero_infinity:
        loss = where(loss.detach() == math.inf, zeros_like(loss.detach()), loss)
    return _reduced(loss if batched else loss.squeeze(0), label_lengths, reduction)


def _reduced(loss, label_lengths, reduction):
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    counts = tensor([max(n, 1) for n in label_lengths], dtype=loss.dtype, device=loss.device)
    return (loss / counts.reshape(loss.shape)).mean()


def _lengths(lengths, batch, name):
    if isinstance(lengths, Tensor):
        lengths = lengths.reshape(-1).tolist()
    lengths = list(lengths) if isinstance(lengths, (list, tuple)) else [lengths]
    if len(lengths) != batch:
        raise RuntimeError(f"ctc_loss: {name} must be of size batch_size ({batch}), but has "
                           f"{len(lengths)} elements")
    return lengths


def _check(blank, classes, lengths, steps):
    if not 0 <= blank < classes:
        raise RuntimeError(
            f"ctc_loss: blank must be in label range 0 to {classes - 1}, got {blank}")
    if lengths and max(lengths) > steps:
        raise RuntimeError(f"ctc_loss: Expected input_lengths to have value at most {steps}, but "
                           f"got value {max(lengths)}")
    if lengths and min(lengths) < 0:
        raise RuntimeError("ctc_loss: input_lengths must be non-negative")


def _table(targets, label_lengths, batch):
    """Return the labels as one row per sequence, whatever the layout."""
    width = max(label_lengths, default=0)
    if targets.ndim == 2:
        if targets.shape[1] < width:
            raise RuntimeError(f"ctc_loss: Expected targets of at least {width} columns, but got "
                               f"shape {list(targets.shape)}")
        return targets[:, :width].long()
    flat, rows, start = targets.tolist(), [], 0
    if len(flat) != sum(label_lengths):
        raise RuntimeError(f"ctc_loss: targets hold {len(flat)} labels, but target_lengths sum to "
                           f"{sum(label_lengths)}")
    for n in label_lengths:
        rows.append(flat[start:start + n] + [0] * (width - n))
        start += n
    return tensor(rows, dtype=dtypes.int64).reshape(batch, width)


def _log_likelihood(log_probs, labels, lengths, label_lengths, blank):
    """The forward recursion over labels with blanks between them. Shape: (N,)."""
    steps, batch, _ = log_probs.shape
    width, device = labels.shape[1], log_probs.device
    blanks = full((batch, width + 1), blank, dtype=dtypes.int64, device=device)
    path = cat([stack([blanks[:, 1:], labels], 2).flatten(1), blanks[:, :1]], 1)
    emitted = log_probs.gather(2, broadcast_to(path.unsqueeze(0), (steps, *path.shape)))
    nowhere = full(path.shape, _IMPOSSIBLE, dtype=log_probs.dtype, device=device)
    place = arange(path.shape[1], device=device).unsqueeze(0)
    may_skip = cat([path[:, :2] * 0, (path[:, 2:] != path[:, :-2]).long()], 1) * (place % 2) > 0
    before = where(place == 0, nowhere * 0, nowhere)  # nothing emitted: at the first blank
    alpha = where(place < 2, emitted[0], nowhere) if steps else before
    states = [before, alpha]
    for t in range(1, steps):
        one = cat([nowhere[:, :1], alpha[:, :-1]], 1)
        two = where(may_skip, cat([nowhere[:, :2], alpha[:, :-2]], 1)[:, :path.shape[1]], nowhere)
        alpha = (stack([alpha, one, two]).logsumexp(0) + emitted[t]).clamp_min(_IMPOSSIBLE)
        states.append(alpha)
    ends = stack([states[n][i] for i, n in enumerate(lengths)])
    last = tensor([[2 * n, max(2 * n - 1, 0)] for n in label_lengths], dtype=dtypes.int64,
                  device=device)
    both = ends.gather(1, last)
    empty = tensor([[False, n == 0] for n in label_lengths], device=device)
    return where(empty, full(both.shape, _IMPOSSIBLE, dtype=both.dtype, device=device),
                 both).logsumexp(1)
