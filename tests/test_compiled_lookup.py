"""The compiled gradient of embeddings against the portable one."""

import numpy as np
import pytest

import ember
import ember.nn.functional as F
from ember.backends import kernels

pytest.importorskip("numba")

if not kernels._load():
    pytest.skip("compiled kernels need numba, scipy and threadpoolctl", allow_module_level=True)


@pytest.mark.parametrize("dtype", [ember.float32, ember.float64])
@pytest.mark.parametrize("index", [[[0, 3, 3], [3, 1, 0]], [2], 3, []])
@pytest.mark.parametrize("features", [1, 65])
@pytest.mark.parametrize("padding_idx", [None, 3])
def test_gradient(monkeypatch, dtype, index, features, padding_idx):
    gradients = []
    index = ember.tensor(index, dtype=ember.int64 if padding_idx else ember.int32)
    for size in (0, float("inf")):
        monkeypatch.setattr(kernels, "_from", size)
        table = ember.ones(5, features, dtype=dtype, requires_grad=True)
        out = F.embedding(index, table, padding_idx)
        out.backward(ember.arange(out.numel(), dtype=dtype).reshape(out.shape))
        gradients.append(table.grad.numpy())
    np.testing.assert_array_equal(*gradients)


def test_rows_out_of_range_are_reported(monkeypatch):
    monkeypatch.setattr(kernels, "_from", 0)
    for wrong in (-1, 5):
        with pytest.raises(IndexError, match="out of range"):
            F.embedding(ember.tensor([wrong]), ember.ones(5, 2))
