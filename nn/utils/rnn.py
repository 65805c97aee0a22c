"""Sequences of different lengths: padded, or packed without padding.

PyTorch page: https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.rnn.PackedSequence.html
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from ...autograd import arange, cat, dtypes, empty_like, full, stack
from ...autograd.from_data import as_tensor, tensor

__all__ = ["PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence",
           "pad_packed_sequence", "pad_sequence", "unpack_sequence", "unpad_sequence"]


class _Packed(NamedTuple):
    data: Any
    batch_sizes: Any
    sorted_indices: Any
    unsorted_indices: Any


class PackedSequence(_Packed):
    """Sequences without padding: all first steps, then all second steps, and so on.

    Made by `pack_padded_sequence` and `pack_sequence`.

    Attributes:
        data: shape (elements, *).
        batch_sizes: how many sequences have each step, int64 on the CPU.
        sorted_indices: the order by length, longest first; None when given in that order.
        unsorted_indices: its inverse.
    """

    __slots__ = ()

    def __new__(cls, data, batch_sizes=None, sorted_indices=None, unsorted_indices=None):
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise AssertionError("data must be a tuple of length 2 when batch_sizes is None")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError("batch_sizes should always be on CPU. Instances of PackedSequence "
                             "should never be created manually.")
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    @property
    def is_cuda(self):
        """Whether the data is on a GPU."""
        return self.data.is_cuda

    def is_pinned(self):
        """Whether the data is in pinned memory."""
        return self.data.is_pinned()

    def to(self, *args, **kwargs):
        """Move or cast the data; the batch sizes stay on the CPU."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        orders = [None if order is None else order.to(data.device)
                  for order in (self.sorted_indices, self.unsorted_indices)]
        return type(self)(data, self.batch_sizes, *orders)

    def cuda(self, *args, **kwargs):
        """Move the data to the GPU."""
        return self.to(*(args or ("cuda",)), **kwargs)

    def cpu(self):
        """Move the data to the CPU."""
        return self.to("cpu")

    def double(self):
        """Cast the data to float64."""
        return self.to(dtypes.float64)

    def float(self):
        """Cast the data to float32."""
        return self.to(dtypes.float32)

    def half(self):
        """Cast the data to float16."""
        return self.to(dtypes.float16)

    def long(self):
        """Cast the data to int64."""
        return self.to(dtypes.int64)

    def int(self):
        """Cast the data to int32."""
        return self.to(dtypes.int32)

    def short(self):
        """Cast the data to int16."""
        return self.to(dtypes.int16)

    def char(self):
        """Cast the data to int8."""
        return self.to(dtypes.int8)

    def byte(self):
        """Cast the data to uint8."""
        return self.to(dtypes.uint8)

    def pin_memory(self):
        """Put the data into pinned memory, from which copies to the GPU are fast."""
        return type(self)(self.data.pin_memory(), *self[1:])


def invert_permutation(permutation):
    """Return the permutation that undoes one; None for None."""
    if permutation is None:
        return None
    output = empty_like(permutation)
    return output.scatter_(0, permutation, arange(permutation.numel(), device=permutation.device))


def pack_padded_sequence(input, lengths, batch_first=False, enforce_sorted=True):
    """Pack padded sequences.

    Args:
        input: shape (T, N, *), or (N, T, *) with `batch_first`.
        lengths: the length of each sequence, a list or a tensor on the CPU.
        enforce_sorted: require the longest first; otherwise they are sorted.

    Raises:
        RuntimeError: lengths are not sorted, not positive, or not one per sequence.

    >>> import ember as torch
    >>> x = torch.tensor([[1, 2], [3, 0]])
    >>> torch.nn.utils.rnn.pack_padded_sequence(x, [2, 1], batch_first=True).data
    tensor([1, 3, 2])
    """
    lengths = as_tensor(lengths, dtype=dtypes.int64)
    order = None
    if not enforce_sorted:
        lengths, order = lengths.sort(descending=True)
        order = order.to(input.device)
        input = input.index_select(0 if batch_first else 1, order)
    x = input.transpose(0, 1) if batch_first else input
    counts = lengths.tolist()
    if len(counts) != x.shape[1]:
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got "
                           f"{len(counts)} (batch_size={x.shape[1]})")
    if counts and min(counts) <= 0:
        raise RuntimeError("Length of all samples has to be greater than 0, but found an element "
                           "in 'lengths' that is <= 0")
    if counts != sorted(counts, reverse=True):
        raise RuntimeError("`lengths` array must be sorted in decreasing order when "
                           "`enforce_sorted` is True. You can pass `enforce_sorted=False` to "
                           "pack_padded_sequence and/or pack_sequence to sidestep this "
                           "requirement if you do not need ONNX exportability.")
    sizes = [sum(n > t for n in counts) for t in range(counts[0])]
    data = cat([x[t, :size] for t, size in enumerate(sizes)])
    return PackedSequence(data, tensor(sizes, dtype=dtypes.int64, device="cpu"), order)


def pad_packed_sequence(sequence, batch_first=False, padding_value=0.0, total_length=None):
    """Pad packed sequences again.

    Args:
        sequence: a PackedSequence.
        batch_first: whether the result is (N, T, *) instead of (T, N, *).
        padding_value: what fills the ends.
        total_length: T; the longest length by default.

    Returns:
        The padded sequences and their lengths.

    Raises:
        ValueError: `total_length` is too short.
    """
    sizes = sequence.batch_sizes.tolist()
    total = len(sizes) if total_length is None else total_length
    if total < len(sizes):
        raise ValueError("Expected total_length to be at least the length of the longest sequence "
                         f"in input, but got total_length={total_length} and max sequence length "
                         f"being {len(sizes)}")
    batch, rest = sizes[0], sequence.data.shape[1:]

    def fill(*shape):
        return full((*shape, *rest), padding_value, dtype=sequence.data.dtype,
                    device=sequence.data.device)

    steps = [cat([step, fill(batch - step.shape[0])]) for step in sequence.data.split(sizes)]
    padded = stack(steps)
    if total > len(sizes):
        padded = cat([padded, fill(total - len(sizes), batch)])
    lengths = tensor([sum(size > i for size in sizes) for i in range(batch)], dtype=dtypes.int64)
    if batch_first:
        padded = padded.transpose(0, 1)
    order = sequence.unsorted_indices
    if order is None:
        return padded, lengths
    return padded.index_select(0 if batch_first else 1, order), lengths[order.cpu()]


def pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side="right"):
    """Stack sequences of different lengths, padded to the longest.

    Args:
        sequences: tensors of shape (length, *).
        batch_first: whether the result is (N, T, *) instead of (T, N, *).
        padding_value: what fills the ends.
        padding_side: "right" or "left".

    Raises:
        RuntimeError: `sequences` is not iterable, empty, or the side is unknown.

    >>> import ember as torch
    >>> a, b = torch.ones(2), torch.ones(1)
    >>> torch.nn.utils.rnn.pad_sequence([a, b], batch_first=True)
    tensor([[1., 1.],
            [1., 0.]])
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError("pad_sequence: Expected iterable for input sequences, but got arg of "
                           f"type: {type(sequences)}")
    sequences = tuple(sequences)
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError("Expected padding_side to be one of left or right, but got "
                           f"{padding_side}.")
    longest = max(s.shape[0] for s in sequences)
    padded = []
    for s in sequences:
        fill = full((longest - s.shape[0], *s.shape[1:]), padding_value, dtype=s.dtype,
                    device=s.device)
        padded.append(cat([s, fill] if padding_side == "right" else [fill, s]))
    return stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences, lengths, batch_first=False):
    """Return the sequences without their padding, as a list."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[:int(length)] for row, length in zip(rows.unbind(0), lengths.tolist())]


def pack_sequence(sequences, enforce_sorted=True):
    """Pack a list of sequences; see `pack_padded_sequence`."""
    lengths = [s.shape[0] for s in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences):
    """Return the sequences of a PackedSequence as a list."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
