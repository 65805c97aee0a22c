"""The kernels that the benchmark times compute the same in both libraries."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import ember

ROOT = Path(__file__).parents[2]

if str(ROOT) not in sys.path:  # benchmarks/ is no installed package.
    sys.path.append(str(ROOT))

from benchmarks.kernels import KERNELS, OPTIMIZERS, forms  # noqa: E402
from benchmarks.limit import count  # noqa: E402


def gradients(library, name):
    """The gradients of all inputs of a kernel, from seed 0."""
    library.manual_seed(0)
    return [g.numpy() for g in forms(library, name)["training"]()]


@pytest.mark.parametrize("name", sorted(set(KERNELS) - {name.lower() for name in OPTIMIZERS}))
def test_gradients_are_torch_s(name):
    for ours, theirs in zip(gradients(ember, name), gradients(torch, name), strict=True):
        largest = np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5 * largest)


def test_the_operations_of_a_perceptron_are_counted():
    sizes = [(2, 32), (32, 32), (32, 2)]
    products = 3 * sum(a * b for a, b in sizes) - 2 * 32  # the images need no gradient
    assert count(torch, "mlp_tiny") == pytest.approx(2 * 32 * products / 1e9)
