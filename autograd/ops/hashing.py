"""Hashes of tensors."""

import numpy as np

from .. import dtypes
from ..op import op
from .dims import axes

_DEFAULT = 0


@op(alone=True, dtypes="real -> uint64")
def hash_tensor(xp, input, dim=None, *, keepdim=False, mode=_DEFAULT):
    """Exclusive or of the elements' bits along dimensions, as uint64: equal for equal tensors.

    Floating point numbers count as float64, integers as int64.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.hash_tensor.html
    """
    if mode != _DEFAULT:
        raise RuntimeError(f"hash_tensor: mode must be 0, but got {mode}")
    if input.dtype.kind == "c":
        raise NotImplementedError("hash_tensor is not implemented for complex numbers")
    wide = dtypes.float64 if input.dtype.kind == "f" else dtypes.int64
    bits = np.ascontiguousarray(xp.to_host(input)).astype(wide.numpy).view(np.uint64)
    bits = bits.reshape(input.shape)
    axis = axes(dim, input.ndim)
    return xp.from_host(np.asarray(np.bitwise_xor.reduce(bits, axis=axis, keepdims=keepdim)))
