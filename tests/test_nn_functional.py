"""Functions of nn.functional: edge conventions, stability, in-place forms, random draws."""

import math

import pytest

import ember as torch
from ember import nn

F = nn.functional


def slope(function, *points):
    """The gradients of an elementwise function at points."""
    x = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    function(x).sum().backward()
    return x.grad.tolist()


# -- conventions at kinks and at the edge of the numbers -----------------------------------------


@pytest.mark.parametrize("function, points, expected", [
    (F.relu, (0.0,), [0.0]), (F.relu6, (0.0, 6.0), [0.0, 0.0]),
    (F.hardtanh, (-1.0, 1.0), [0.0, 0.0]), (F.elu, (0.0,), [1.0]),
    (lambda x: F.leaky_relu(x, 0.25), (0.0,), [0.25]), (F.selu, (0.0,), [1.7580993408473766]),
    (F.hardshrink, (0.5, -0.5), [0.0, 0.0]), (F.softshrink, (0.5,), [0.0]),
    (F.hardsigmoid, (-3.0, 3.0), [0.0, 0.0]), (lambda x: F.threshold(x, 1, 9), (1.0,), [0.0]),
    (lambda x: F.softplus(x, 1, 20), (1000.0, -1000.0), [1.0, 0.0]),
    (F.logsigmoid, (1000.0, -1000.0), [0.0, 1.0]), (F.sigmoid, (1000.0, -1000.0), [0.0, 0.0]),
    (F.silu, (-1000.0, 0.0), [0.0, 0.5]), (F.gelu, (-100.0, 0.0), [0.0, 0.5]),
    (lambda x: F.normalize(x, dim=0), (0.0,), [1e12]),
    (lambda x: F.l1_loss(x, torch.zeros(1).double()), (0.0,), [0.0]),
    (lambda x: F.binary_cross_entropy(x, torch.ones(1).double()), (0.0,), [-1e12]),
    (lambda x: F.binary_cross_entropy(x, torch.zeros(1).double()), (1.0,), [1e12]),
    (lambda x: F.binary_cross_entropy_with_logits(x, torch.ones(1).double()), (-1000.0,), [-1.0]),
    (lambda x: F.binary_cross_entropy_with_logits(x, torch.zeros(1).double()), (1000.0,), [1.0]),
    (lambda x: F.soft_margin_loss(x, torch.ones(1).double()), (-1000.0,), [-1.0]),
])
def test_slopes(function, points, expected):
    assert slope(function, *points) == expected


def test_stable_values():
    big = torch.tensor([-1e4, 1e4])
    assert F.logsigmoid(big).tolist() == [-1e4, 0.0]
    assert F.softplus(big).tolist() == [0.0, 1e4]
    assert F.log_softmax(big, 0).tolist() == [-2e4, 0.0]
    assert F.cross_entropy(big.reshape(1, 2), torch.tensor([0])).item() == 2e4


def test_a_query_that_may_see_nothing_gets_zeros():
    q, k, v = (torch.randn(1, 2, 3, requires_grad=True) for _ in range(3))
    mask = torch.tensor([[True, True], [False, False]])
    out = F.scaled_dot_product_attention(q, k, v, mask)
    out.sum().backward()
    assert out[0, 1].tolist() == [0.0, 0.0, 0.0]
    assert all(bool(t.grad.isfinite().all()) for t in (q, k, v))


FLAT = {
    "relu": F.relu, "leaky_relu": F.leaky_relu, "rrelu": lambda x: F.rrelu(x, training=True),
    "hardtanh": F.hardtanh, "relu6": F.relu6, "hardsigmoid": F.hardsigmoid,
    "threshold": lambda x: F.threshold(x, 0.1, 2.0), "hardshrink": F.hardshrink,
    "softshrink": F.softshrink, "prelu": lambda x: F.prelu(x, torch.ones(1)),
    "max_pool2d": lambda x: F.max_pool2d(x, 2),
    "max_pool2d, with indices": lambda x: F.max_pool2d(x, 2, return_indices=True)[0],
    "avg_pool2d": lambda x: F.avg_pool2d(x, 2),
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x, 2),
    "adaptive_max_pool2d": lambda x: F.adaptive_max_pool2d(x, 2),
    "fractional_max_pool2d": lambda x: F.fractional_max_pool2d(x, 2, 2),
    "pad, reflected": lambda x: F.pad(x[0], (1, 1), mode="reflect"),
    "nll_loss": lambda x: F.nll_loss(x, torch.tensor([0])),
}


@pytest.mark.parametrize("function", FLAT.values(), ids=FLAT)
def test_second_derivative_of_the_piecewise_linear_is_zero(function):
    """It is not missing: PyTorch counts the gradient as a function of the input."""
    x = torch.linspace(-2, 2, 16).reshape(1, 1, 4, 4).requires_grad_()
    inputs = x.reshape(1, 16) if function is FLAT["nll_loss"] else x
    (g,) = torch.autograd.grad(function(inputs).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(g.sum(), x)
    assert second.shape == x.shape and not second.any()


@pytest.mark.parametrize("function", [torch.sum, torch.neg, lambda x: F.pad(x, (1, 1))])
def test_the_gradient_of_the_linear_is_a_constant(function):
    x = torch.ones(2, 2, requires_grad=True)
    (g,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
    assert not g.requires_grad


def test_nan_passes_through():
    nan = torch.tensor([math.nan])
    for function in (F.relu, F.hardtanh, F.softshrink, F.elu, F.sigmoid, F.leaky_relu):
        assert math.isnan(function(nan).item())
    assert math.isnan(F.max_pool1d(torch.tensor([[[1.0, math.nan, 2.0]]]), 3).item())


def test_means_of_nothing_are_nan():
    empty = torch.zeros(0, 3)
    assert math.isnan(F.mse_loss(empty, empty).item())
    assert math.isnan(F.cross_entropy(empty, torch.zeros(0, dtype=torch.int64)).item())
    ignored = torch.tensor([-100])
    assert math.isnan(F.cross_entropy(torch.zeros(1, 3), ignored).item())
    assert F.cross_entropy(torch.zeros(1, 3), ignored, reduction="sum").item() == 0.0


# -- losses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
def test_bad_targets(loss):
    scores = torch.zeros(2, 3)
    with pytest.raises(IndexError, match=r"Target 5 is out of bounds\."):
        loss(scores, torch.tensor([0, 5]))
    with pytest.raises(ValueError, match=r"batch_size \(2\) to match target batch_size \(3\)"):
        loss(scores, torch.tensor([0, 1, 2]))
    with pytest.raises(RuntimeError, match="expected scalar type Long"):
        loss(scores, torch.tensor([0.0, 1.0]))
    with pytest.raises(ValueError, match="not a valid value for reduction"):
        loss(scores, torch.tensor([0, 1]), reduction="average")


def test_ignored_and_weighted_classes():
    scores = torch.tensor([[1.0, 2.0], [0.0, 0.0], [3.0, 1.0]])
    target, weight = torch.tensor([1, -100, 0]), torch.tensor([1.0, 3.0])
    each = F.cross_entropy(scores, target, weight, reduction="none")
    assert each[1].item() == 0.0
    expected = each.sum() / 4.0  # the weights that count
    assert torch.allclose(F.cross_entropy(scores, target, weight), expected)


def test_soft_targets_and_smoothing_agree():
    scores, target = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])
    soft = F.one_hot(target, 3).float()
    assert torch.allclose(F.cross_entropy(scores, soft), F.cross_entropy(scores, target))
    smooth = soft * 0.9 + 0.1 / 3
    assert torch.allclose(F.cross_entropy(scores, target, label_smoothing=0.1),
                          F.cross_entropy(scores, smooth))


def test_a_target_of_another_size_warns():
    with pytest.warns(UserWarning, match="different to the input size"):
        F.mse_loss(torch.ones(2, 1), torch.ones(2))
    with pytest.raises(ValueError, match="must be the same as input size"):
        F.binary_cross_entropy_with_logits(torch.ones(2), torch.ones(3))
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        F.binary_cross_entropy(torch.tensor([1.5]), torch.ones(1))


def test_deprecated_arguments_still_work():
    a, b = torch.ones(2), torch.zeros(2)
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert F.mse_loss(a, b, size_average=False).item() == 2.0
    with pytest.warns(UserWarning, match="Implicit dimension"):
        F.softmax(a)


# -- in place and in training ---------------------------------------------------------------------


@pytest.mark.parametrize("function", [
    F.relu, F.relu6, F.elu, F.selu, F.celu, F.leaky_relu, F.hardtanh, F.silu, F.mish,
    F.hardswish, F.hardsigmoid, lambda x, inplace: F.threshold(x, 0.1, 2.0, inplace)])
def test_in_place_forms(function):
    x = torch.linspace(-4, 4, 9, dtype=torch.float64, requires_grad=True)
    a, b = x * 1, x * 1
    out = function(a, inplace=True)
    assert out is a and out.tolist() == function(b, inplace=False).tolist()
    (g,) = torch.autograd.grad(out.sum(), x)
    (h,) = torch.autograd.grad(function(b, inplace=False).sum(), x)
    assert g.tolist() == h.tolist()
    with pytest.raises(RuntimeError, match="leaf Variable"):
        function(x, inplace=True)


def test_gumbel_softmax():
    torch.manual_seed(0)
    logits = torch.randn(5, 4, requires_grad=True)
    hard = F.gumbel_softmax(logits, hard=True)
    assert torch.allclose(hard.sum(1), torch.ones(5)) and hard.unique().numel() == 2
    hard.sum().backward()
    assert logits.grad is not None


def test_unfold_and_fold_are_adjoint():
    x = torch.randn(2, 3, 6, 5, dtype=torch.float64)
    options = {"kernel_size": (3, 2), "dilation": (1, 2), "padding": 1, "stride": 2}
    columns = F.unfold(x, **options)
    y = torch.randn(*columns.shape, dtype=torch.float64)
    left, right = (columns * y).sum(), (x * F.fold(y, (6, 5), **options)).sum()
    assert torch.allclose(left, right)


@pytest.mark.parametrize("mode, dims", [("nearest", 1), ("linear", 1), ("bilinear", 2),
                                        ("bicubic", 2), ("trilinear", 3), ("area", 2)])
def test_resizing_constants_keeps_them(mode, dims):
    x = torch.full((1, 2, *[5, 4, 3][:dims]), 2.0)
    out = F.interpolate(x, scale_factor=1.7, mode=mode)
    assert torch.allclose(out, torch.full(out.shape, 2.0))


def test_identity_grid_returns_the_input():
    x = torch.randn(1, 2, 4, 5)
    theta = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    for align in (True, False):
        grid = F.affine_grid(theta, x.shape, align_corners=align)
        assert torch.allclose(F.grid_sample(x, grid, align_corners=align), x, atol=1e-5)
