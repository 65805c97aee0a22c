"""Complex numbers against PyTorch: every operator that takes them, with gradients.

PyTorch's gradient of a complex tensor is the conjugate of Wirtinger's derivative. What an operator
cannot do it has to refuse; a gradient that differs is a failure. Entries that are not right in
float64 either (they are not in passing.txt) are left to that list.
"""

import pytest

from . import adapter
from .report import read_passing

SAMPLES = 6
KEYS = [key for key in read_passing() if key in adapter.entries(True)
        and adapter.with_dtype(adapter.entries(True)[key], "complex128") is not None]


@pytest.mark.parametrize("key", KEYS)
def test_complex_values_and_gradients_agree_with_torch(key):
    import torch

    import ember

    from .classes import verdict_on
    from .translate import Side

    torch.set_num_threads(1)
    verdict = verdict_on(key, Side(ember), dtype="complex128", cap=SAMPLES)
    assert verdict.state == "right", (
        f"{key}: {verdict.failed} of {verdict.samples} samples {verdict.state}: {verdict.message}"
    )


def test_sign_refuses_complex_numbers():
    import ember

    with pytest.raises(NotImplementedError, match="torch.sgn"):
        ember.tensor([1j]).sign()
