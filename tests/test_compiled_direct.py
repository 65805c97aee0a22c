"""Direct convolution against the definition: values and gradients."""

import numpy as np
import pytest

from ember.backends import cpu, kernels

pytest.importorskip("numba")

if not kernels._load():
    pytest.skip("compiled kernels need numba, scipy and threadpoolctl", allow_module_level=True)

from ember.backends.compiled import direct
from ember.backends.kernels.convolution import Convolution

# images, channels, height, width, outputs, kernel, stride, padding
CASES = [(2, 16, 9, 9, 16, (3, 3), (2, 2), (1, 1)), (3, 20, 9, 11, 33, (3, 3), (2, 2), (1, 1)),
         (1, 32, 14, 15, 16, (1, 1), (2, 2), (0, 0)), (2, 17, 12, 15, 40, (5, 3), (1, 3), (2, 0)),
         (1, 16, 13, 40, 16, (2, 4), (3, 2), (0, 3)), (2, 16, 6, 10, 24, (3, 3), (1, 1), (1, 1)),
         (1, 40, 70, 64, 32, (7, 7), (2, 2), (3, 3)), (1, 16, 9, 21, 16, (2, 2), (4, 4), (1, 1))]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_and_gradients(case):
    images, channels, height, width, outputs, kernel, stride, padding = case
    made = np.random.default_rng(height)
    x, weight, bias = (made.standard_normal(shape).astype(np.float32) for shape in [
        (images, channels, height, width), (outputs, channels, *kernel), outputs])
    assert direct.serves(x.shape, weight.shape, stride, padding, (1, 1), 1, x.dtype)
    right, saved = Convolution.forward(
        cpu, True, *(a.astype(np.float64) for a in (x, weight, bias)), stride, padding, (1, 1), 1)
    sides = direct.Sides(weight, stride, padding)
    out = sides.correlate(x, bias, np.empty(right.shape, np.float32))
    np.testing.assert_allclose(out, right, rtol=1e-5, atol=1e-4)

    g = made.standard_normal(right.shape).astype(np.float32)
    for_x, for_weight, for_bias = Convolution.backward(
        cpu, g.astype(np.float64), saved, (True, True, True))
    np.testing.assert_allclose(sides.spread(g, None, np.empty_like(x)), for_x, atol=1e-4)
    np.testing.assert_allclose(
        sides.spread(g, x[0, :, 0, 0], np.empty_like(x)) - x[:1, :, :1, :1], for_x, atol=1e-4)
    made_weight, sums = sides.weight_gradient(x, g, True)
    np.testing.assert_allclose(made_weight, for_weight, rtol=1e-5, atol=2e-4)
    np.testing.assert_allclose(sums, for_bias, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("change", [
    {"dilation": (1, 2)}, {"groups": 2}, {"dtype": np.dtype(np.float64)}, {"input": (2, 3, 16, 16)},
    {"input": (2, 16, 8, 5)}, {"input": (2, 16, 9)}, {"weight": (3, 16, 3, 3)},
    {"weight": (16, 16, 1, 1), "stride": (1, 1)}], ids=str)
def test_other_convolutions_are_left_to_other_kernels(change):
    case = {"input": (2, 16, 16, 16), "weight": (16, 16, 3, 3), "stride": (2, 2),
            "padding": (1, 1), "dilation": (1, 1), "groups": 1, "dtype": np.dtype(np.float32)}
    assert direct.serves(*case.values())
    assert not direct.serves(*{**case, **change}.values())
