"""One memory, two libraries: ember and PyTorch."""

import numpy as np
import pytest
import torch

import ember


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float16", "float32",
                                   "float64", "complex64", "complex128"])
def test_dlpack_shares_memory_both_ways(dtype):
    theirs = torch.ones(2, 3, dtype=getattr(torch, dtype)).t()
    ours = ember.from_dlpack(theirs)
    assert ours.shape == theirs.shape and ours.stride() == theirs.stride()
    assert str(ours.dtype) == str(theirs.dtype)
    ours[0, 1] = 0
    assert theirs[0, 1].item() == 0
    back = torch.from_dlpack(ours[1:])
    back[0, 0] = 0
    assert ours[1, 0].item() == 0
    assert torch.utils.dlpack.from_dlpack(ember.utils.dlpack.to_dlpack(ours)).data_ptr() == (
        theirs.data_ptr())


def test_a_capsule_of_pytorchs():
    theirs = torch.zeros(2)
    ember.from_dlpack(torch.utils.dlpack.to_dlpack(theirs))[1] = 3
    assert theirs.tolist() == [0, 3]


@pytest.mark.parametrize("make", [ember.from_numpy, ember.as_tensor, ember.asarray])
def test_three_libraries_in_one_array(make):
    array = np.zeros(2)
    ours, theirs = make(array), torch.from_numpy(array)
    ours += 1
    theirs += 1
    assert array.tolist() == ours.tolist() == [2, 2]
