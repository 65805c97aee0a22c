"""Every benchmark workload has PyTorch's losses: same seed, same program, same numbers.

Both libraries draw the same initial weights, dropout masks and noise, so even a whole training
step is comparable, and a benchmark cannot be fast by computing something else.
"""

import sys
from pathlib import Path

import pytest

from . import adapter

pytestmark = [pytest.mark.oracle, pytest.mark.host_only]
REASON = adapter.unavailable()
ROOT = Path(__file__).parents[2]

if REASON is not None:
    pytest.skip(REASON, allow_module_level=True)
if str(ROOT) not in sys.path:  # benchmarks/ is no installed package.
    sys.path.append(str(ROOT))

from benchmarks.workloads import WORKLOADS  # noqa: E402

# Steps to compare, and the tolerance: float32 differences grow with depth and with every step.
STEPS = 3
RTOL = 1e-4


def losses(torch, name):
    """Return the losses of the first steps of a workload from seed 0."""
    torch.manual_seed(0)
    step = WORKLOADS[name](torch, "cpu")
    return [float(step().detach()) for _ in range(STEPS)]


@pytest.mark.parametrize("name", [name for name in WORKLOADS if name != "gpt_small"])
def test_losses_are_torch_s(name):
    import torch

    import ember

    assert losses(ember, name) == pytest.approx(losses(torch, name), rel=RTOL)
