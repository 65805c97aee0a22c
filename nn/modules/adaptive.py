"""Softmax over many classes of very different frequency.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.AdaptiveLogSoftmaxWithLoss.html
"""

from collections import namedtuple
from itertools import pairwise

from ...autograd import cat, empty_like, log_softmax, where, zeros
from .container import ModuleList, Sequential
from .linear import Linear
from .module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-probability of the target among classes sorted by frequency, in clusters.

    The head knows the frequent classes and the clusters of rarer ones:
    log p(c) = log p_head(c), or log p_head(cluster) + log p_tail(c | cluster).

    Args:
        in_features: features of the input.
        n_classes: number of classes, the most frequent first.
        cutoffs: where clusters start, increasing.
        div_value: by how much the inner size shrinks from cluster to cluster.
        head_bias: whether the head has a bias.

    Raises:
        ValueError: the cutoffs are not increasing in [1, n_classes - 1].

    Source: Grave and others, 2016, https://arxiv.org/abs/1609.04309

    >>> import ember as torch
    >>> layer = torch.nn.AdaptiveLogSoftmaxWithLoss(16, 20, cutoffs=[5, 10])
    >>> layer(torch.randn(3, 16), torch.tensor([0, 7, 19])).output.shape
    torch.Size([3])
    """

    def __init__(self, in_features, n_classes, cutoffs, div_value=4.0, head_bias=False,
                 device=None, dtype=None):
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        increasing = all(a < b for a, b in pairwise([0, *cutoffs, n_classes]))
        if not increasing or any(int(c) != c for c in cutoffs):
            raise ValueError("cutoffs should be a sequence of unique, positive integers sorted in "
                             "an increasing order, where each value is between 1 and n_classes-1")
        made = {"device": device, "dtype": dtype}
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = cutoffs[0]
        self.n_clusters = len(cutoffs)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, **made)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(pairwise(self.cutoffs), 1):
            inner = int(in_features // div_value**i)
            self.tail.append(Sequential(Linear(in_features, inner, bias=False, **made),
                                        Linear(inner, high - low, bias=False, **made)))

    def reset_parameters(self):
        """Draw all weights anew."""
        self.head.reset_parameters()
        for inner, outer in self.tail:
            inner.reset_parameters()
            outer.reset_parameters()

    def forward(self, input_, target_):
        """Return a pair (output, loss): log-probabilities of the targets, minus their mean.

        Args:
            input_: shape (N, in_features) or (in_features).
            target_: the classes, shape (N) or ().

        Raises:
            RuntimeError: the shapes do not fit, or a target is no class.
        """
        _check_shapes(input_, target_)
        batched = target_.ndim > 0
        input, target = (input_, target_) if batched else (input_[None], target_[None])
        if target.numel() and not 0 <= target.min() <= target.max() < self.n_classes:
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{target.min().item()}, {target.max().item()}] were found. ")
        entry, inside = target, zeros(len(target), dtype=input.dtype, device=input.device)
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            rows = ((target >= low) & (target < high)).nonzero().squeeze(1)
            if not len(rows):
                continue
            entry = entry.index_fill(0, rows, self.shortlist_size + i)
            scores = log_softmax(self.tail[i](input[rows]), 1)
            found = scores.gather(1, (target[rows] - low).unsqueeze(1)).squeeze(1)
            inside = inside.index_copy(0, rows, found)
        output = inside + log_softmax(self.head(input), 1).gather(1, entry.unsqueeze(1)).squeeze(1)
        return _ASMoutput(output if batched else output[0], (-output).mean())

    def log_prob(self, input):
        """Return the log-probabilities of all classes, shape (N, n_classes)."""
        return self._all(input, self.head(input))

    def _all(self, input, head_output):
        head = log_softmax(head_output, 1)
        parts = [head[:, :self.shortlist_size]]
        for i, cluster in enumerate(self.tail):
            chance = head[:, self.shortlist_size + i].unsqueeze(1)
            parts.append(log_softmax(cluster(input), 1) + chance)
        return cat(parts, 1)

    def predict(self, input):
        """Return the most probable class of each row; rows whose head chooses no cluster cost
        no more than the head."""
        head_output = self.head(input)
        best = head_output.argmax(1)
        rare = best >= self.shortlist_size
        if not rare.any():
            return best
        found = empty_like(best)
        found[rare] = self._all(input[rare], head_output[rare]).argmax(1)
        return where(rare, found, best)


def _check_shapes(input, target):
    if target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if target.ndim and len(input) != len(target):
        raise RuntimeError("Input and target should have the same size in the batch dimension.")
    if input.ndim != target.ndim + 1:
        raise RuntimeError(f"{target.ndim}D target tensor expects {target.ndim + 1}D input "
                           f"tensors, but found inputs with size {input.shape}")
