"""Compiled normalization against the compositions: values and gradients."""

import numpy as np
import pytest

import ember as torch
from ember.backends import kernels

pytest.importorskip("numba")

if not kernels._load():
    pytest.skip("compiled kernels need numba, scipy and threadpoolctl", allow_module_level=True)

from ember.backends import cpu
from ember.backends.compiled import jit
from ember.nn.functional.normalization import add_layer_norm

F = torch.nn.functional


@pytest.fixture(autouse=True)
def forced(monkeypatch):
    """Have every size go to the compiled kernels, in two parts."""
    monkeypatch.setattr(kernels, "_from", 0)
    monkeypatch.setattr(jit, "parts", lambda elements: 2)


def normal(*shape, dtype=torch.float32, mean=0.0):
    values = np.random.default_rng(sum(shape)).standard_normal(shape) + mean
    return torch.tensor(values, dtype=dtype).requires_grad_()


def results(function, *arguments):
    """Return the value and the gradients of all arguments that are tensors."""
    out = function(*arguments)
    leaves = [a for a in arguments if isinstance(a, torch.Tensor)]
    weights = torch.arange(out.numel(), dtype=out.dtype).sin().reshape(out.shape)
    return [out.detach(), *torch.autograd.grad((out * weights).sum(), leaves)]


def check(function, *arguments, rtol=1e-5, atol=2e-5):
    made = results(function, *arguments)
    with torch.expand():
        expected = results(function, *arguments)
    for a, b in zip(made, expected, strict=True):
        assert a.dtype is b.dtype
        torch.testing.assert_close(a, b, rtol=rtol, atol=atol)


def asked(name, *arguments):
    """Return what the compiled kernel makes of arrays."""
    return kernels.compiled(name, 0).forward(cpu, True, *arguments)


# -- over the last axes ---------------------------------------------------------------------------


@pytest.mark.parametrize("shape, over", [
    ((5, 7), (7,)), ((2, 3, 33), (33,)), ((3, 2, 700), (2, 700)),
    ((70, 1), (1,)), ((3,), (3,)), ((1, 1), (1,))])
@pytest.mark.parametrize("affine", [True, False])
def test_layer_norm(shape, over, affine):
    parameters = (normal(*over), normal(*over, mean=1)) if affine else ()
    check(lambda x, *p: F.layer_norm(x, over, *p), normal(*shape), *parameters, atol=1e-4)
    check(lambda x, *p: F.rms_norm(x, over, *p), normal(*shape), *parameters[:1])


@pytest.mark.parametrize("shape, dtype", [
    ((5, 7), torch.float32), ((2, 3, 33), torch.float64), ((3, 1400), torch.float32),
    ((1, 1), torch.float32)])
def test_a_sum_and_its_layer_norm(shape, dtype):
    def both(x, y, weight, bias):
        total, out = add_layer_norm(x, y, 1, weight, bias, 1e-5)
        return torch.cat([total, out * 2])

    def norm(x, y, weight, bias):
        return add_layer_norm(x, y, 1, weight, bias, 1e-5)[1]

    tensors = [normal(*s, dtype=dtype) for s in (shape, shape, shape[-1:], shape[-1:])]
    tensors[1] = (tensors[1] * 3).sin().detach().requires_grad_()
    check(both, *tensors)
    check(norm, *tensors)


def test_sums_of_other_shapes_or_types_are_left_to_the_composition():
    x = np.ones((3, 4), np.float32)
    for y in (np.ones(4, np.float32), np.ones((3, 4))):
        assert asked("add_layer_norm", x, y, 1, None, None, 1e-5) is NotImplemented
    total, out = add_layer_norm(torch.ones(0, 4), torch.ones(0, 4), 1, None, None, 1e-5)
    assert total.shape == out.shape == (0, 4)


def test_layer_norm_of_doubles_without_bias():
    x, w = normal(40, 9, dtype=torch.float64, mean=3), normal(9, dtype=torch.float64)
    check(lambda x, w: F.layer_norm(x, (9,), w), x, w, rtol=1e-11, atol=1e-11)
    check(lambda x, w: F.rms_norm(x, (9,), w), x, w, rtol=1e-11, atol=1e-11)


def test_layer_norm_of_columns():
    """What lies otherwise than row after row, and a gradient of one repeated number."""
    x = normal(7, 5)
    out = F.layer_norm(x.T, (7,))
    with torch.expand():
        torch.testing.assert_close(out, F.layer_norm(x.T, (7,)))
    out.sum().backward()
    assert x.grad.abs().max() < 1e-5


def test_a_large_mean_costs_no_digits():
    x = normal(2, 5000, mean=1e3).detach()
    exact = F.layer_norm(x.double(), (5000,))
    assert (F.layer_norm(x, (5000,)) - exact).abs().max() < 1e-4


@pytest.mark.parametrize("name, more", [("layer_norm_over", (1, None, None, 1e-5)),
                                        ("rms_norm_over", (1, None, 1e-5))])
def test_not_a_number_stays_in_its_row(name, more):
    x = normal(3, 4).detach().numpy().copy()
    x[1, 2], x[2, 0] = np.nan, np.inf
    out, _ = asked(name, x, *more)
    assert np.isfinite(out[0]).all() and np.isnan(out[1]).all() and np.isnan(out[2, 0])


# -- over channels --------------------------------------------------------------------------------

SHAPES = [(4, 3, 5, 6), (2, 1, 20), (1, 5, 40), (3, 2, 1100), (9, 3), (70, 300), (5, 4, 2, 2)]


def running(channels, dtype=torch.float32):
    return [normal(channels, dtype=dtype).detach(), normal(channels, dtype=dtype).detach().exp()]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_in_training(shape, affine):
    parameters = (normal(shape[1]), normal(shape[1], mean=1)) if affine else ()

    def normalized(x, *parameters):
        moved = running(shape[1])
        out = F.batch_norm(x, *moved, *parameters, training=True, momentum=0.3)
        return torch.cat([out.reshape(-1), *moved])

    check(normalized, normal(*shape, mean=2), *parameters, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_by_given_statistics(shape, affine):
    parameters = (normal(shape[1]), normal(shape[1], mean=1)) if affine else ()
    mean, var = [s.requires_grad_() for s in running(shape[1])]
    check(F.batch_norm, normal(*shape), mean, var, *parameters, atol=1e-4)
    mean, var = running(shape[1])
    check(lambda x, *p: F.batch_norm(x, mean, var, *p), normal(*shape), *parameters, atol=1e-4)


@pytest.mark.parametrize("shape, groups", [((2, 4, 3, 7), 2), ((3, 6, 5), 6), ((2, 4, 700), 1),
                                           ((5, 4), 2), ((1, 3, 1, 20), 3)])
def test_group_norm(shape, groups):
    check(lambda x, *p: F.group_norm(x, groups, *p), normal(*shape), normal(shape[1]),
          normal(shape[1]), atol=1e-4)
    check(lambda x: F.group_norm(x, groups), normal(*shape), atol=1e-4)


def test_instance_norm_moves_running_statistics():
    def normalized(x, weight, bias):
        moved = running(3)
        out = F.instance_norm(x, *moved, weight, bias, momentum=0.3)
        return torch.cat([out.reshape(-1), *moved])

    check(normalized, normal(2, 3, 4, 5), normal(3), normal(3))


@pytest.mark.parametrize("shape", [(4, 3, 5, 6), (9, 3)])
def test_channels_of_doubles(shape):
    x, w = normal(*shape, dtype=torch.float64), normal(3, dtype=torch.float64)
    moved = running(3, torch.float64)
    check(lambda x, w: F.batch_norm(x, None, None, w, training=True), x, w, rtol=1e-11, atol=1e-11)
    check(lambda x, w: F.batch_norm(x, *moved, w), x, w, rtol=1e-11, atol=1e-11)


def test_only_parameters_of_the_first_layer_have_gradients():
    x, w = normal(4, 3, 5, 6).detach(), normal(3)
    check(lambda w: F.batch_norm(x, None, None, w, training=True), w)


def test_channels_that_do_not_lie_in_order():
    x, w = normal(4, 5, 6, 3), normal(3)
    check(lambda x, w: F.batch_norm(x.permute(0, 3, 1, 2), None, None, w, training=True), x, w)


@pytest.mark.parametrize("shape", [(40, 2, 50), (4000, 2)])
def test_a_large_mean_costs_batch_norm_no_digits(shape):
    x = normal(*shape, mean=1e3).detach()
    exact = F.batch_norm(x.double(), None, None, training=True)
    assert (F.batch_norm(x, None, None, training=True) - exact).abs().max() < 1e-4


@pytest.mark.parametrize("shape", [(4, 3, 20), (9, 3)])
def test_not_a_number_stays_in_its_channel(shape):
    x = normal(*shape).detach()
    x[1, 1] = torch.nan
    out = F.batch_norm(x, None, None, training=True).isnan()
    assert out[:, 1].all() and not out[:, 0].any() and not out[:, 2].any()


# -- what is declined -----------------------------------------------------------------------------


def test_other_types_and_empty_arrays_are_left_to_the_composition():
    for x in (np.ones((2, 3), np.float16), np.ones((2, 3), int), np.ones((0, 3), np.float32)):
        assert asked("layer_norm_over", x, 1, None, None, 1e-5) is NotImplemented
    x, w = np.ones((2, 3), np.float32), np.ones(3)
    assert asked("layer_norm_over", x, 1, w, None, 1e-5) is NotImplemented
