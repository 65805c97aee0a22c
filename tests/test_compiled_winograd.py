"""Winograd convolution against the definition in float64: values, error bound, gradients, NaN."""

import numpy as np
import pytest

from ember.backends import cpu, kernels

pytest.importorskip("numba")

if not kernels._load():
    pytest.skip("compiled kernels need numba, scipy and threadpoolctl", allow_module_level=True)

from ember.backends.compiled import winograd
from ember.backends.kernels.convolution import Convolution, ConvolutionTransposed

EPS = np.finfo(np.float32).eps

# images, channels, height, width, outputs, padding
SHAPES = [(2, 16, 8, 8, 16, 1), (3, 16, 32, 32, 16, 1), (2, 32, 26, 26, 64, 0),
          (3, 20, 9, 7, 33, 1), (3, 17, 5, 6, 16, 2), (9, 16, 4, 4, 48, 1), (3, 33, 9, 9, 16, 0),
          (1, 16, 33, 31, 50, 1)]


def arguments(images, channels, height, width, outputs, padding):
    """Return x, weight, bias and the gradient of the output."""
    made = np.random.default_rng(height + channels)
    shapes = [(images, channels, height, width), (outputs, channels, 3, 3), (outputs,),
              (images, outputs, height + 2 * padding - 2, width + 2 * padding - 2)]
    return [made.standard_normal(shape).astype(np.float32) for shape in shapes]


def results(kernel, x, weight, bias, g, padding):
    """Return the output and the gradients of x, weight and bias."""
    out, saved = kernel.forward(cpu, True, x, weight, bias, (1, 1), (padding,) * 2, (1, 1), 1)
    return out, *kernel.backward(cpu, g, saved, (True,) * 3)


def compute(x, weight, bias, g, padding):
    assert winograd.serves(x.shape, weight.shape, (1, 1), (padding,) * 2, (1, 1), 1, x.dtype)
    return results(kernels.compiled("convolution", 1 << 30), x, weight, bias, g, padding)


def define(x, weight, bias, g, padding, dtype=np.float64):
    return results(Convolution, *(a.astype(dtype) for a in (x, weight, bias, g)), padding)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_error_stays_within_the_bound_stated(shape):
    given, padding = arguments(*shape), shape[-1]
    sizes = define(*map(np.abs, given), padding)
    for made, right, size in zip(compute(*given, padding), define(*given, padding), sizes):
        assert np.abs(made - right).max() <= winograd.ERROR * EPS * size.max()


@pytest.mark.parametrize("padding", [0, 1, 2])
def test_transposed(padding):
    _, weight, _, g = arguments(3, 20, 9, 10, 17, padding)
    bias = np.ones(20, np.float32)
    options = (1, 1), (padding,) * 2, (0, 0), (1, 1), 1
    made, _ = kernels.compiled("convolution_transposed", 1 << 30).forward(
        cpu, True, g, weight, bias, *options)
    right, _ = ConvolutionTransposed.forward(
        cpu, True, *(a.astype(np.float64) for a in (g, weight, bias)), *options)
    np.testing.assert_allclose(made, right, atol=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_nan_and_infinity_stay_in_their_windows(value):
    x, weight, bias, g = arguments(2, 16, 8, 8, 16, 1)
    x[1, 3, 2, 5] = value
    with np.errstate(invalid="ignore", over="ignore"):
        made, right = compute(x, weight, bias, g, 1), define(x, weight, bias, g, 1, np.float32)
    for a, b in zip(made, right):
        np.testing.assert_array_equal(np.isfinite(a), np.isfinite(b))
    assert np.isfinite(made[0][0]).all() and np.isfinite(made[0][1, :, 4:]).all()


def test_nan_in_weights_and_gradients():
    x, weight, bias, g = arguments(2, 16, 8, 8, 16, 1)
    weight[3, 2, 1, 1] = g[0, 5, 7, 7] = np.nan
    made, right = compute(x, weight, bias, g, 1), define(x, weight, bias, g, 1, np.float32)
    for a, b in zip(made, right):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
    assert not np.isnan(made[0][:, 4]).any() and not np.isnan(made[2][4]).any()


@pytest.mark.parametrize("change", [
    {"stride": (2, 1)}, {"dilation": (1, 2)}, {"groups": 2}, {"padding": (1, 0)},
    {"padding": (3, 3)}, {"dtype": np.dtype(np.float64)}, {"weight": (16, 16, 5, 5)},
    {"weight": (3, 16, 3, 3)}, {"input": (2, 3, 8, 8)}, {"input": (0, 16, 8, 8)},
    {"input": (9, 16, 3, 8)}, {"input": (1, 16, 8, 8)}, {"input": (2, 16, 8)}], ids=str)
def test_other_convolutions_are_left_to_other_kernels(change):
    case = {"input": (2, 16, 8, 8), "weight": (16, 16, 3, 3), "stride": (1, 1),
            "padding": (1, 1), "dilation": (1, 1), "groups": 1, "dtype": np.dtype(np.float32)}
    assert winograd.serves(*case.values())
    assert not winograd.serves(*{**case, **change}.values())
