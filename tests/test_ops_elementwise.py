"""Elementwise operations: promotion, rounding, limits, special functions and PyTorch's errors."""

import math

import numpy as np
import pytest

import ember as torch

inf, nan = math.inf, math.nan


def double(*values):
    return torch.tensor(values, dtype=torch.float64)


def host(x):
    return x.detach().cpu().numpy()


def grad(function, *values):
    """Return the gradient of the sum of function(x)."""
    x = double(*values).requires_grad_()
    function(x).sum().backward()
    return x.grad.tolist()


@pytest.mark.parametrize("left, right, wanted", [
    (torch.float32, torch.float64, torch.float64), (torch.int32, torch.int64, torch.int64),
    (torch.uint8, torch.int8, torch.int16), (torch.bool, torch.uint8, torch.uint8),
    (torch.int64, torch.float16, torch.float16), (torch.float16, torch.float32, torch.float32),
])
def test_two_dtypes_meet(left, right, wanted):
    a, b = torch.ones(2).to(left), torch.ones(2).to(right)
    for function in (torch.add, torch.mul, torch.maximum):
        assert function(a, b).dtype is function(b, a).dtype is wanted


@pytest.mark.parametrize("function", [
    torch.add, torch.mul, torch.div, torch.pow, torch.xlogy, torch.remainder, torch.copysign,
    torch.clamp_min, torch.sub])
def test_numbers_and_0d_tensors_do_not_widen(function):
    x = torch.ones(2)
    for other in (2.0, 2, torch.tensor(2.0, dtype=torch.float64)):
        if not (function is torch.clamp_min and not isinstance(other, float)):
            assert function(x, other).dtype is torch.float32


@pytest.mark.parametrize("function", [
    torch.atan2, torch.hypot, torch.logaddexp, torch.maximum, torch.fmin, torch.logical_and,
    torch.heaviside, torch.complex, torch.polar, torch.isclose])
def test_some_operations_take_tensors_only(function):
    x = torch.ones(2)
    for operands in ((x, 2), (x, 2.0), (2.0, x)):
        with pytest.raises(TypeError, match="must be Tensor"):
            function(*operands)


@pytest.mark.parametrize("function", [torch.eq, torch.lt, torch.fmod, torch.copysign,
                                      torch.clamp_min, torch.rsub])
def test_some_operations_take_numbers_second_only(function):
    x = torch.ones(2)
    assert function(x, 2.0).shape == (2,)
    with pytest.raises(TypeError, match="must be Tensor"):
        function(2.0, x)


@pytest.mark.parametrize("name", ["exp", "log1p", "sqrt", "sin", "atanh", "sigmoid", "rsqrt",
                                  "erf", "deg2rad", "reciprocal"])
def test_integers_become_floats(name):
    assert getattr(torch, name)(torch.tensor([0, 1])).dtype is torch.float32


def test_division_of_integers():
    a = torch.tensor([7, -7, 6])
    assert (a / 2).tolist() == [3.5, -3.5, 3.0] and (a / 2).dtype is torch.float32
    assert torch.div(a, 2, rounding_mode="floor").tolist() == [3, -4, 3]
    assert torch.div(a, 2, rounding_mode="trunc").tolist() == [3, -3, 3]
    assert (a % 4).tolist() == [3, 1, 2] and torch.fmod(a, 4).tolist() == [3, -3, 2]
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        a // 0
    with pytest.raises(RuntimeError, match="rounding_mode to be one of"):
        torch.div(a, 2, rounding_mode="up")


def test_powers():
    assert (torch.tensor([2, 3]) ** 2).tolist() == [4, 9]
    assert (2 ** torch.tensor([1.0, 3.0])).tolist() == [2, 8]
    assert torch.float_power(torch.tensor([2]), 3).dtype is torch.float64
    with pytest.raises(RuntimeError, match="negative integer powers"):
        torch.tensor([2]) ** -1
    assert grad(lambda x: x ** 0, 0.0) == [0] and grad(lambda x: x ** 2, 0.0) == [0]


@pytest.mark.parametrize("a, b, message", [
    ((2, 3), (4, 3), r"size of tensor a \(2\) must match the size of tensor b \(4\) at "
                     r"non-singleton dimension 0"),
    ((2, 3), (2,), r"tensor a \(3\) .* tensor b \(2\) at non-singleton dimension 1"),
])
def test_shapes_that_do_not_broadcast_are_named(a, b, message):
    with pytest.raises(RuntimeError, match=message):
        torch.ones(a) + torch.ones(b)


def test_bools_cannot_be_subtracted_or_negated():
    mask = torch.tensor([True])
    for wrong in (lambda: mask - mask, lambda: -mask, lambda: torch.positive(mask)):
        with pytest.raises(RuntimeError, match="bool"):
            wrong()


@pytest.mark.parametrize("function, wanted", [
    (torch.floor, [-2, -1, 0, 2]), (torch.ceil, [-1, 0, 1, 3]), (torch.trunc, [-1, 0, 0, 2]),
    (torch.round, [-2, 0, 0, 2]), (torch.frac, [-0.5, -0.5, 0.5, 0.5]), (torch.fix, [-1, 0, 0, 2]),
])
def test_rounding(function, wanted):
    assert function(torch.tensor([-1.5, -0.5, 0.5, 2.5])).tolist() == wanted
    if function is not torch.frac:
        whole = function(torch.tensor([1, 2]))
        assert whole.tolist() == [1, 2] and whole.dtype is torch.int64


def test_rounding_to_decimals():
    x = double(0.125, 1234.5)
    assert torch.round(x, decimals=2).tolist() == [0.12, 1234.5]
    assert torch.round(x, decimals=-2).tolist() == [0, 1200]


def test_limits():
    x = torch.tensor([-2, 0, 2])
    assert x.clamp(-1, 1).tolist() == [-1, 0, 1] and x.clamp(-1, 1).dtype is torch.int64
    assert x.clamp(0.5).tolist() == [0.5, 0.5, 2]
    assert x.clamp(max=torch.tensor([0, -1, 5])).tolist() == [-2, -1, 2]
    assert x.float().clamp(2, 1).tolist() == [1, 1, 1]
    assert x.clip(-1).clamp_(max=1).tolist() == [-1, 0, 1]
    with pytest.raises(RuntimeError, match="At least one of 'min' or 'max' must not be None"):
        x.clamp()


def test_limits_that_are_tensors_get_gradients():
    x, low, high = double(-2, 0.5, 2), double(-1, -1, -1), double(1, 1, 1)
    for t in (low, high):
        t.requires_grad_()
    x.clamp(low, high).sum().backward()
    assert low.grad.tolist() == [1, 0, 0] and high.grad.tolist() == [0, 0, 1]


def test_interpolation_ends_exactly():
    a, b = torch.tensor([0.1]), torch.tensor([0.7])
    assert torch.lerp(a, b, 0.0).item() == a.item() and torch.lerp(a, b, 1.0).item() == b.item()
    with pytest.raises(RuntimeError, match="expected dtype float32 for `end`"):
        torch.lerp(a, b.double(), 0.5)


def test_scaled_products():
    a, b = torch.tensor([1.0, 2.0]), torch.tensor([4.0, 8.0])
    assert torch.addcmul(a, a, b, value=0.5).tolist() == [3, 10]
    assert torch.addcdiv(a, b, a, value=2).tolist() == [9, 10]
    with pytest.raises(RuntimeError, match="Integer division with addcdiv"):
        torch.addcdiv(a, a.long(), b.long())


def test_float_extremes():
    x = torch.tensor([nan, inf, -inf, 1.0])
    assert torch.nan_to_num(x, 0.0, 9.0, -9.0).tolist() == [0, 9, -9, 1]
    assert torch.nan_to_num(x)[1].item() == torch.finfo(torch.float32).max
    for name, wanted in {"isnan": [1, 0, 0, 0], "isinf": [0, 1, 1, 0], "isfinite": [0, 0, 0, 1],
                         "isposinf": [0, 1, 0, 0], "isneginf": [0, 0, 1, 0]}.items():
        assert getattr(torch, name)(x).tolist() == [bool(v) for v in wanted]
    assert torch.signbit(torch.tensor([-0.0, 0.0])).tolist() == [True, False]
    assert torch.tensor(1e-40).mul(1).item() != 0  # denormals stay


def test_closeness():
    x = torch.tensor([1.0, nan, inf])
    assert torch.isclose(x, x).tolist() == [True, False, True]
    assert torch.isclose(x, x, equal_nan=True).all()
    assert torch.allclose(torch.ones(2), torch.ones(2) + 1e-7)
    assert not torch.equal(torch.ones(2), torch.ones(3))
    with pytest.raises(RuntimeError, match="did not match"):
        torch.isclose(torch.ones(1), torch.ones(1).double())


def test_integer_functions_refuse_floats():
    assert torch.gcd(torch.tensor([12]), torch.tensor([18])).item() == 6
    assert torch.lcm(torch.tensor([-4]), torch.tensor([6])).item() == 12
    with pytest.raises(NotImplementedError, match="gcd"):
        torch.gcd(torch.ones(1), torch.ones(1))
    with pytest.raises(RuntimeError, match="bitwise_and"):
        torch.ones(1) & torch.ones(1)


def test_frexp_and_ldexp_are_inverse():
    x = torch.tensor([8.0, -3.0, 0.0])
    mantissa, exponent = torch.frexp(x)
    assert exponent.dtype is torch.int32
    assert torch.ldexp(mantissa, exponent).tolist() == x.tolist()


def test_logarithms_of_sums_do_not_overflow():
    assert torch.logaddexp(double(1000), double(1000)).item() == pytest.approx(1000 + math.log(2))
    assert grad(lambda x: torch.logaddexp(x, double(1000)), 1000.0) == [0.5]


def test_xlogy_is_zero_at_zero():
    x, y = double(0, 0, 2), double(0, nan, 1)
    assert torch.xlogy(x, y).tolist()[::2] == [0, 0] and math.isnan(torch.xlogy(x, y)[1].item())
    assert torch.xlogy(2.0, double(1)).item() == 0 == torch.xlogy(double(2), 1.0).item()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_where_of_large_arrays(dtype):
    condition = torch.rand(200, 300, generator=torch.Generator().manual_seed(0)) > 0.5
    x = torch.arange(60_000).reshape(200, 300).to(dtype)
    y = -x
    picked, mask = host(torch.where(condition, x, y)), host(condition)
    assert np.array_equal(picked, np.where(mask, host(x), host(y)))
    assert np.array_equal(host(torch.where(condition, x, 7)), np.where(mask, host(x), 7))
    assert np.array_equal(host(torch.where(condition.t(), x[:, 0], y[0, :, None])),
                          np.where(mask.T, host(x)[:, 0], host(y)[0, :, None]))


def test_where_keeps_nan_and_infinity_apart():
    x = torch.full((40_000,), math.nan)
    x[::2] = -math.inf
    picked = torch.where(torch.arange(40_000) % 2 == 0, x, 1.0)
    assert picked[::2].isneginf().all() and (picked[1::2] == 1).all()


@pytest.mark.parametrize("exponent", [2, 3, 3.0, 0.5, -1, 2.5])
def test_powers_with_gradients(exponent):
    x = torch.tensor([0.5, 1.5, 2.0], dtype=torch.float64, requires_grad=True)
    assert torch.allclose(x ** exponent, (x.log() * exponent).exp())
    assert torch.autograd.gradgradcheck(lambda v: v ** exponent, (x,))


def test_hypot_is_flat_at_the_origin():
    assert grad(lambda x: torch.hypot(x, x), 0.0) == [0]
    assert grad(lambda x: torch.sinc(x), 0.0) == [0]


@pytest.mark.parametrize("dtype, error", [(torch.float16, 5e-4), (torch.float32, 5e-7),
                                          (torch.float64, 1e-15)])
def test_the_error_function(dtype, error):
    x = torch.linspace(-7, 7, 1001, dtype=torch.float64).to(dtype)
    wanted = [math.erf(v) for v in x.double().tolist()]
    y = torch.erf(x)
    assert y.dtype is dtype
    assert np.abs(host(y).astype("d") - wanted).max() < error
    assert y.abs().max().item() <= 1
    assert torch.erf(torch.tensor([inf, -inf, 0.0])).tolist() == [1, -1, 0]


def test_the_error_function_of_many_elements_and_any_layout():
    x = torch.linspace(-5, 5, 80_000).reshape(200, 400).t()
    whole = x.erf()
    assert whole.shape == x.shape
    for column in (0, 99, 199):
        assert torch.allclose(whole[:, column], x[:, column].erf())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_error_function_of_extremes(dtype):
    x = torch.tensor([0, 1e30, -1e30, math.inf, -math.inf, math.nan], dtype=dtype)
    assert torch.equal(x.erf()[:5], torch.tensor([0, 1, -1, 1, -1], dtype=dtype))
    assert x.erf()[5].isnan()


def test_the_inverse_error_function():
    y = torch.linspace(-0.999, 0.999, 101, dtype=torch.float64)
    assert torch.allclose(torch.erf(torch.erfinv(y)), y, rtol=1e-12)
    assert torch.erfinv(double(1, -1)).tolist() == [inf, -inf]
    assert math.isnan(torch.erfinv(double(2)).item())


def test_error_functions_need_no_scipy(monkeypatch):
    import sys

    from ember import backends

    monkeypatch.setitem(sys.modules, "scipy.special", None)
    torch.erf(torch.ones(1)), torch.erfinv(torch.ones(1))
    with pytest.raises(ImportError, match=r"needs SciPy: pip install 'ember\[scipy\]'"):
        backends.cpu.special("zeta")


def test_special_functions():
    pytest.importorskip("scipy")
    assert torch.special.expit(double(0)).item() == 0.5
    assert torch.lgamma(double(5)).item() == pytest.approx(math.log(24))
    assert torch.digamma(double(1)).item() == pytest.approx(-0.5772156649015329)
    assert torch.polygamma(1, double(1)).item() == pytest.approx(math.pi ** 2 / 6)
    assert torch.special.entr(double(0, -1)).tolist() == [0, -inf]
    assert torch.special.chebyshev_polynomial_t(double(0.5), 3).item() == -1
    assert torch.special.legendre_polynomial_p(double(0.5), 2).item() == -0.125
    assert torch.logit(double(0.5, 2), eps=0.25).tolist() == pytest.approx([0, math.log(3)])
    for function in (torch.lgamma, torch.digamma, torch.special.i0e, torch.special.log_ndtr,
                     torch.special.ndtri):
        x = double(0.2, 0.7).requires_grad_()
        assert torch.autograd.gradcheck(function, (x,))
        assert function(x.float()).dtype is torch.float32


def test_second_names_are_the_same_operation():
    for second, first in {"multiply": "mul", "arctan2": "atan2", "absolute": "abs",
                          "greater_equal": "ge", "true_divide": "div"}.items():
        assert getattr(torch, second) is getattr(torch, first)
        assert getattr(torch.Tensor, second) is getattr(torch.Tensor, first)
    assert torch.ones(1).multiply_(3).item() == 3


def test_in_place_forms_keep_gradients():
    x = double(0.5, 2.0).requires_grad_()
    y = (x * 1).sin_().add_(2).clamp_(max=5).addcmul_(x, x)
    y.sum().backward()
    assert x.grad.tolist() == pytest.approx([math.cos(0.5) + 1, math.cos(2) + 4])


def test_numpy_scalars_do_not_widen():
    x = torch.ones(2)
    assert (x * np.float64(2)).dtype is torch.float32
    assert x.sum().mul(np.float64(2)).dtype is torch.float32
