"""Inputs at the edges: without elements, without dimensions, broadcast, bool, NaN, enormous."""

import math

import pytest

import ember as torch
import ember.nn.functional as F

SUBTRACTIONS = {
    "bool - bool": lambda b, x: b - b,
    "bool - float": lambda b, x: b - x,
    "float - bool": lambda b, x: x - b,
    "bool - number": lambda b, x: b - 1,
    "number - bool": lambda b, x: 1 - b,
    "float - True": lambda b, x: x - True,
    "in place": lambda b, x: x.sub_(b),
    "rsub": lambda b, x: torch.rsub(x, b),
}


@pytest.mark.parametrize("kind", SUBTRACTIONS)
def test_subtracting_bools_is_refused(kind):
    with pytest.raises(RuntimeError, match="bool tensor is not supported"):
        SUBTRACTIONS[kind](torch.tensor([True]), torch.tensor([1.0]))


def test_arithmetic_takes_two_numbers():
    assert torch.add(2.0, 3.0).item() == 5.0
    assert torch.sub(2, 3).dtype is torch.int64
    assert torch.div(7, -2, rounding_mode="trunc").item() == -3
    with pytest.raises(TypeError, match="must be Tensor"):
        torch.pow(2, 3)


def test_integers_refuse_a_fractional_alpha():
    with pytest.raises(RuntimeError, match="alpha must not be a floating point number"):
        torch.add(torch.tensor([1]), torch.tensor([1]), alpha=1.5)


def test_an_empty_batch_has_zero_gradients():
    weight = torch.ones(3, 2, requires_grad=True)
    F.linear(torch.ones(0, 4, 2), weight, torch.ones(3)).sum().backward()
    assert torch.equal(weight.grad, torch.zeros(3, 2))
    narrow = torch.ones(5, 0, requires_grad=True)
    F.embedding(torch.tensor([1, 2]), narrow).sum().backward()
    assert narrow.grad.shape == (5, 0)


def test_layers_take_an_empty_batch():
    image, grid = torch.ones(0, 3, 5, 4), torch.ones(0, 2, 2, 2)
    assert F.grid_sample(image, grid, align_corners=False).shape == (0, 3, 2, 2)
    places = torch.zeros(0, 2, 3, dtype=torch.int64)
    assert F.max_unpool1d(torch.ones(0, 2, 3), places, 2).shape == (0, 2, 6)
    labels = torch.zeros(0, dtype=torch.int64)
    assert F.multi_margin_loss(torch.ones(0, 4), labels, reduction="sum").item() == 0.0


@pytest.mark.filterwarnings("ignore:std")
def test_statistics_of_nothing():
    assert math.isnan(torch.var(torch.ones(0), correction=-1).item())
    assert torch.linalg.matrix_norm(torch.ones(0, 2), 1).item() == 0.0
    assert torch.linalg.cond(torch.ones(0, 3, 3)).shape == (0,)
    q = torch.ones(2, 3, 0)
    assert F.scaled_dot_product_attention(q, q, torch.ones(2, 3, 4)).shape == (2, 3, 4)


def test_a_scalar_is_its_own_transpose():
    x = torch.tensor(2j)
    assert x.mT.item() == 2j
    assert x.mH.item() == x.H.item() == -2j


@pytest.mark.filterwarnings("ignore:dropout2d")
def test_dropout_of_everything_takes_any_shape():
    assert F.dropout2d(torch.ones(3), 1.0).tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(RuntimeError, match="at least 2 dimensions"):
        F.dropout2d(torch.ones(3), 0.5)


def test_cloning_a_broadcast_tensor_lays_it_out_in_order():
    assert torch.ones(1, 5).expand(5, 5).clone().stride() == (5, 1)


def test_polynomials_of_enormous_degree_end():
    degree = torch.tensor([1e20, 4e6, math.nan], dtype=torch.float64)
    x = torch.full((3,), 501.0, dtype=torch.float64)
    found = torch.special.legendre_polynomial_p(x, degree)
    assert found[0] == found[2] == 0.0
    assert math.isnan(found[1].item())


def test_arange_refuses_a_step_that_truncates_to_zero():
    with pytest.raises(ValueError, match="step must be nonzero"):
        torch.arange(0, 64, 0.5, dtype=torch.int64)
