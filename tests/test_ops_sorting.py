"""Sorting, ranks, scans, searching and counting."""

import math

import pytest

import ember as torch

nan = math.nan


def ints(*values):
    return torch.tensor(values)


def floats(*values):
    return torch.tensor(values, dtype=torch.float64)


def grad(function, *values):
    x = floats(*values).requires_grad_()
    function(x).sum().backward()
    return x.grad.tolist()


def test_sort_keeps_the_order_of_equal_elements():
    values, indices = torch.sort(ints(2, 1, 2, 1))
    assert values.tolist() == [1, 1, 2, 2] and indices.tolist() == [1, 3, 0, 2]
    values, indices = torch.sort(ints(2, 1, 2, 1), descending=True)
    assert values.tolist() == [2, 2, 1, 1] and indices.tolist() == [0, 2, 1, 3]


def test_nan_sorts_as_the_largest():
    x = floats(nan, 1, 2)
    assert x.sort().indices.tolist() == [1, 2, 0]
    assert x.sort(descending=True).indices.tolist() == [0, 2, 1]
    assert x.topk(1).indices.tolist() == [0]


@pytest.mark.parametrize("shape, dim", [((3, 4), 0), ((3, 4), 1), ((2, 3, 4), -2), ((4,), 0)])
def test_the_gradient_goes_back_in_order(shape, dim):
    n = math.prod(shape)
    generator = torch.Generator("cpu").manual_seed(0)
    x = torch.randperm(n, generator=generator, device="cpu").double().reshape(shape)
    x = x.to(torch.get_default_device()).requires_grad_()
    for function in (lambda x: x.sort(dim).values, lambda x: x.topk(2, dim).values,
                     lambda x: x.kthvalue(2, dim).values, lambda x: x.median(dim).values,
                     lambda x: x.cummax(dim).values, lambda x: x.mode(dim).values):
        assert torch.autograd.gradcheck(function, (x,))
        assert torch.autograd.gradgradcheck(function, (x,))


@pytest.mark.parametrize("n, k", [(100, 3), (10, 3), (5, 5), (4, 0), (100, 0)])
@pytest.mark.parametrize("largest", [True, False])
def test_topk_is_the_start_of_sort(n, k, largest):
    generator = torch.Generator("cpu").manual_seed(n)
    x = torch.randperm(2 * n, generator=generator, device="cpu").reshape(2, n)
    x = x.to(torch.get_default_device())
    values, indices = x.topk(k, largest=largest)
    assert values.tolist() == x.sort(descending=largest).values[:, :k].tolist()
    assert x.gather(1, indices).tolist() == values.tolist()


def test_topk_refuses_more_than_there_are():
    with pytest.raises(RuntimeError, match="selected index k out of range"):
        ints(1, 2).topk(3)


def test_medians():
    assert torch.median(floats(4, 1, 3, 2)).item() == 2
    assert torch.median(floats(2, 3, 1)).item() == 2
    assert math.isnan(torch.median(floats(1, nan)).item())
    assert torch.nanmedian(floats(1, nan, 3, 2)).item() == 2
    assert math.isnan(torch.median(torch.ones(0)).item())
    values, indices = torch.median(torch.tensor([[3, 1, 2], [6, 5, 4]]), dim=1, keepdim=True)
    assert values.tolist() == [[2], [5]] and indices.tolist() == [[2], [1]]


def test_mode_is_the_smallest_of_the_most_frequent():
    x = torch.tensor([[3, 1, 3, 1], [5, 4, 5, 5]])
    assert x.mode().values.tolist() == [1, 5] and x.mode().indices.tolist() == [3, 3]


def test_zero_dimensional_tensors_sort():
    x = torch.tensor(3.0)
    assert x.sort().indices.item() == 0 and x.cumsum(0).item() == 3
    assert x.topk(1).values.item() == 3 and x.kthvalue(1, 0).values.item() == 3
    assert torch.ones(0).sort().values.shape == (0,)


def test_scans():
    x = floats(1, 3, 2, 3)
    assert x.cumsum(0).tolist() == [1, 4, 6, 9] and x.cumprod(0).tolist() == [1, 3, 6, 18]
    assert x.cummax(0).indices.tolist() == [0, 1, 1, 3]
    assert x.cummin(0).values.tolist() == [1, 1, 1, 1]
    assert ints(1, 2).cumsum(0).dtype is torch.int64
    assert torch.logcumsumexp(floats(1000, 1000), 0)[1].item() == pytest.approx(
        1000 + math.log(2))


@pytest.mark.parametrize("values", [(1.0, 2.0, 3.0), (0.0, 2.0, 3.0), (1.0, 0.0, 3.0, 0.0, 2.0)])
def test_the_gradient_of_cumprod_with_zeros(values):
    x = floats(*values).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: x.cumprod(0), (x,))
    assert torch.autograd.gradgradcheck(lambda x: x.cumprod(0), (x,))


def test_logcumsumexp_has_finite_gradients_far_apart():
    assert grad(lambda x: torch.logcumsumexp(x, 0), -1000.0, 0.0, 1000.0) == [1, 1, 1]


def test_differences_and_areas():
    x = ints(1, 4, 9, 16)
    assert torch.diff(x).tolist() == [3, 5, 7] and torch.diff(x, n=2).tolist() == [2, 2]
    assert torch.diff(x, prepend=ints(0)).tolist() == [1, 3, 5, 7]
    assert torch.diff(torch.tensor([True, False, False])).tolist() == [True, False]
    assert torch.trapezoid(floats(1, 2, 3), floats(0, 2, 3)).item() == 5.5
    assert torch.cumulative_trapezoid(floats(1, 2, 3)).tolist() == [1.5, 4]


def test_distinct_elements():
    x = ints(3, 1, 3, 3)
    values, inverse, counts = torch.unique(x, return_inverse=True, return_counts=True)
    assert values.tolist() == [1, 3] and counts.tolist() == [1, 3]
    assert values[inverse].tolist() == x.tolist()
    values, inverse, counts = torch.unique_consecutive(x, return_inverse=True, return_counts=True)
    assert values.tolist() == [3, 1, 3] and counts.tolist() == [1, 1, 2]
    rows = torch.tensor([[1, 2], [1, 2], [0, 5]])
    assert torch.unique(rows, dim=0).tolist() == [[0, 5], [1, 2]]
    assert torch.unique_consecutive(rows, dim=0).tolist() == [[1, 2], [0, 5]]
    assert torch.unique(floats(nan, nan)).shape == (2,)


def test_places_among_sorted_values():
    edges = ints(1, 3, 5)
    assert torch.searchsorted(edges, ints(0, 3, 6)).tolist() == [0, 1, 3]
    assert torch.searchsorted(edges, ints(0, 3, 6), right=True).tolist() == [0, 2, 3]
    assert torch.searchsorted(edges, 4).item() == 2
    assert torch.bucketize(ints(3), edges, out_int32=True).dtype is torch.int32
    rows = torch.tensor([[1, 3, 5], [2, 4, 6]])
    assert torch.searchsorted(rows, torch.tensor([[3], [3]])).tolist() == [[1], [1]]
    with pytest.raises(RuntimeError, match="can't be set to opposites"):
        torch.searchsorted(edges, ints(1), side="left", right=True)


def test_membership():
    x = ints(1, 2, 3)
    assert torch.isin(x, ints(2)).tolist() == [False, True, False]
    assert torch.isin(x, 2, invert=True).tolist() == [True, False, True]


def test_counting():
    assert torch.bincount(ints(0, 2, 2), minlength=5).tolist() == [1, 0, 2, 0, 0]
    assert torch.bincount(ints(0, 1, 1), floats(1, 2, 3)).tolist() == [1, 5]
    assert torch.count_nonzero(torch.tensor([[0, 1], [2, 0]]), dim=0).tolist() == [1, 1]
    assert torch.histc(torch.tensor([1.0, 2.0, 1.0]), 4, 0, 3).tolist() == [0, 2, 1, 0]
    hist, edges = torch.histogram(floats(1, 2, 1), 2, range=(0, 2), density=True)
    assert hist.tolist() == [0, 1] and edges.tolist() == [0, 1, 2]
    for wrong in (ints(-1), floats(1), torch.tensor([[1]])):
        with pytest.raises(RuntimeError, match="1-d non-negative integral"):
            torch.bincount(wrong)
