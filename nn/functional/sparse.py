"""Looking up rows by number: embedding, bags of embeddings, one-hot codes.

PyTorch page: https://docs.pytorch.org/docs/2.13/nn.functional.html#sparse-functions
"""

from ...autograd import arange, dtypes, no_grad, where, zeros
from ...autograd.checks import value_check
from ...autograd.composite import composite

__all__ = ["embedding", "embedding_bag", "one_hot"]


def embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0,
              scale_grad_by_freq=False, sparse=False):
    """Return the rows of a table that the input names.

    Args:
        input: row numbers (int32 or int64), any shape.
        weight: the table, shape (rows, features).
        padding_idx: a row that gets no gradient; may count from the end.
        max_norm: rows looked up are first scaled down to this norm, in place.
        norm_type: the p of that norm.
        scale_grad_by_freq: divide a row's gradient by how often it was looked up.
        sparse: accepted; gradients are dense.

    Returns:
        Shape (*input, features).

    Raises:
        IndexError: a row number is out of range.
        RuntimeError: the input holds no integers.

    >>> import ember as torch
    >>> torch.nn.functional.embedding(torch.tensor([1, 0]), torch.tensor([[1.0], [2.0]]))
    tensor([[2.],
            [1.]])
    """
    _check_rows(input, weight, padding_idx)
    if padding_idx is not None and padding_idx < 0:
        padding_idx += weight.shape[0]
    if max_norm is not None:
        _limit_norms(input, weight, max_norm, norm_type)
    if scale_grad_by_freq:
        weight = _divide_grad_by_frequency(input, weight)
    return _embedding(input, weight, padding_idx)


@composite(label="embedding")
def _embedding(input, weight, padding_idx):
    rows = weight[input]
    if padding_idx is None:
        return rows
    return where((input == padding_idx).unsqueeze(-1), rows.detach(), rows)


@value_check
def _check_rows(input, weight, padding_idx):
    if input.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError("Expected tensor for argument #1 'indices' to have one of the "
                           f"following scalar types: Long, Int; but got {input.dtype} instead "
                           "(while checking arguments for embedding); convert with .long()")
    if weight.ndim != 2:
        raise RuntimeError("embedding: 'weight' must be 2-D (rows, features), but has shape "
                           f"{list(weight.shape)}")
    rows = weight.shape[0]
    if padding_idx is not None and not -rows <= padding_idx < rows:
        raise AssertionError("Padding_idx must be within num_embeddings: got "
                             f"{padding_idx} for {rows} rows")
    if input.numel() and not (0 <= int(input.min()) and int(input.max()) < rows):
        raise IndexError("index out of range in self: embedding has rows 0 to "
                         f"{rows - 1}, but the input reaches from {int(input.min())} to "
                         f"{int(input.max())}")


def _limit_norms(input, weight, max_norm, norm_type):
    with no_grad():
        used = input.reshape(-1).unique()
        rows = weight[used]
        norms = rows.norm(norm_type, dim=1, keepdim=True)
        weight[used] = where(norms > max_norm, rows * (max_norm / (norms + 1e-7)), rows)


def _divide_grad_by_frequency(input, weight):
    counts = input.reshape(-1).bincount(minlength=weight.shape[0]).clamp(min=1)
    scaled = weight / counts.unsqueeze(1)
    return scaled + (weight - scaled).detach()


def embedding_bag(input, weight, offsets=None, max_norm=None, norm_type=2,
                  scale_grad_by_freq=False, mode="mean", sparse=False, per_sample_weights=None,
                  include_last_offset=False, padding_idx=None):
    """Return the sum, mean or maximum of several rows of a table per bag.

    Args:
        input: row numbers: (bags, size), or (total,) together with `offsets`.
        weight: the table, shape (rows, features).
        offsets: where each bag begins in a one-dimensional input.
        mode: "sum", "mean" or "max".
        per_sample_weights: factors of the rows, shaped as the input (mode "sum" only).
        include_last_offset: whether `offsets` ends with the total.
        padding_idx: a row that does not count.

    Returns:
        Shape (bags, features).

    Raises:
        ValueError: input and offsets do not fit together, or the mode is unknown.
    """
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError("embedding_bag: per_sample_weights was not None. "
                                  f"per_sample_weights is only supported for mode='sum' (got "
                                  f"mode='{mode}').")
    input, bags, count = _bags(input, offsets, include_last_offset)
    rows = embedding(input, weight, None, max_norm, norm_type, scale_grad_by_freq)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape(-1, 1)
    if padding_idx is not None:
        kept = (input != padding_idx % weight.shape[0]).nonzero().squeeze(1)
        rows, bags = rows[kept], bags[kept]
    out = zeros(count, weight.shape[1], dtype=rows.dtype, device=rows.device)
    if mode == "max":
        index = bags.unsqueeze(1).expand(rows.shape)
        return out.scatter_reduce(0, index, rows, "amax", include_self=False)
    out = out.index_add(0, bags, rows)
    if mode == "sum":
        return out
    return out / bags.bincount(minlength=count).clamp(min=1).unsqueeze(1).to(rows.dtype)


def _bags(input, offsets, include_last_offset):
    """Return the row numbers in one dimension, the bag of each, and the number of bags."""
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError("if input is 2D, then offsets has to be None, as input is treated "
                             "is a mini-batch of fixed length sequences.")
        count, size = input.shape
        bags = arange(count, device=input.device).repeat_interleave(size)
        return input.reshape(-1), bags, count
    if input.ndim != 1 or offsets is None or offsets.ndim != 1:
        raise ValueError("embedding_bag: input has to be 2D, or 1D with 1D offsets; got input of "
                         f"shape {list(input.shape)}")
    count = offsets.shape[0] - int(include_last_offset)
    places = arange(input.shape[0], device=input.device)
    bags = (places.unsqueeze(1) >= offsets[:count].unsqueeze(0)).sum(1) - 1
    return input, bags, count


def one_hot(tensor, num_classes=-1):
    """Return int64 vectors with a 1 at the place each number names.

    Args:
        tensor: class numbers (int64), any shape.
        num_classes: length of the vectors; -1 for one more than the largest number.

    Returns:
        Shape (*, num_classes), int64.

    Raises:
        RuntimeError: a number is negative or too large, or the dtype is not int64.

    >>> import ember as torch
    >>> torch.nn.functional.one_hot(torch.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    if tensor.dtype is not dtypes.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor, but "
                           f"got {tensor.dtype}; convert with .long()")
    if tensor.numel() == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return zeros(*tensor.shape, num_classes, dtype=dtypes.int64, device=tensor.device)
    if int(tensor.min()) < 0:
        raise RuntimeError("Class values must be non-negative.")
    largest = int(tensor.max())
    if num_classes == -1:
        num_classes = largest + 1
    elif num_classes < 1:
        raise RuntimeError("num_classes should be positive")
    elif largest >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes. one_hot() got "
                           f"{num_classes} classes and the value {largest}")
    out = zeros(*tensor.shape, num_classes, dtype=dtypes.int64, device=tensor.device)
    return out.scatter_(-1, tensor.unsqueeze(-1), 1)
