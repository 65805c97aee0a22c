"""Inputs that PyTorch's database says must raise: the same exception type here, but for a few."""

import pytest

import ember

from . import adapter
from .sweeps import error_mismatches
from .translate import Side

# How many of an entry's error inputs differ, and why.
DIFFERENT = {
    "aminmax": (1, "the dtype of out= is converted, as elsewhere"),
    "cat": (1, "PyTorch refuses to resize memory that NumPy owns; here all of it does"),
    "complex": (1, "the dtype of out= is converted, as elsewhere"),
    "gather": (1, "PyTorch refuses to resize memory that NumPy owns; here all of it does"),
    "kthvalue": (1, "out= may overlap the input, which is read before"),
}
ENTRIES = {key: entry for key, entry in adapter.entries().items()
           if entry.info.error_inputs_func is not None}


@pytest.mark.parametrize("key", ENTRIES)
def test_wrong_input_raises_what_pytorch_raises(key):
    _, lines = error_mismatches(ENTRIES[key], Side(ember))
    allowed, reason = DIFFERENT.get(key, (0, ""))
    assert len(lines) == allowed, f"{reason}\n" + "\n".join(lines)
