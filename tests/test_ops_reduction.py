"""Reductions: dtypes, dims, empty inputs, ties and PyTorch's errors."""

import math
import warnings

import pytest

import ember as torch


def floats():
    return torch.arange(6.0).reshape(2, 3)


EVERY_DTYPE = (torch.bool, torch.uint8, torch.int32, torch.int64, torch.float16, torch.float32,
               torch.float64)


def matrix():
    return torch.tensor([[1.0, 5.0, 3.0], [4.0, 2.0, 6.0]])


@pytest.mark.parametrize("dtype", EVERY_DTYPE)
def test_sums_of_integers_are_int64_and_of_floats_stay(dtype):
    x = torch.ones(2, 3).to(dtype)
    wanted = dtype if dtype.is_floating_point else torch.int64
    for reduce in (torch.sum, torch.prod, torch.cumsum, torch.cumprod):
        result = reduce(x, 0)
        assert result.dtype is wanted
        assert reduce(x, 0, dtype=torch.float64).dtype is torch.float64


def test_a_sum_of_many_halves_does_not_stall():
    assert torch.ones(5000).half().sum().item() == 5000
    assert torch.ones(5000, 2).half().mean(0).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("reduce", [torch.sum, torch.mean, torch.amax, torch.var, torch.all,
                                    torch.logsumexp])
@pytest.mark.parametrize("dim", [0, 1, -1, (0, 1), (-1, 0), (1,), [0]])
def test_shapes_follow_dim_and_keepdim(reduce, dim):
    lost = {d % 2 for d in (dim if isinstance(dim, (tuple, list)) else (dim,))}
    shape = (2, 3)
    x = matrix()
    assert reduce(x, dim).shape == tuple(n for i, n in enumerate(shape) if i not in lost)
    assert reduce(x, dim, keepdim=True).shape == tuple(
        1 if i in lost else n for i, n in enumerate(shape))


@pytest.mark.parametrize("reduce", [torch.sum, torch.mean, torch.prod, torch.amax, torch.argmax,
                                    torch.std, torch.any])
@pytest.mark.filterwarnings("ignore:std")
def test_a_scalar_counts_as_having_one_dimension(reduce):
    x = torch.tensor(2.0)
    for dim in (0, -1):
        assert reduce(x, dim).shape == ()
    with pytest.raises(IndexError, match=r"expected to be in range of \[-1, 0\], but got 1"):
        reduce(x, 1)


def test_bad_dims_are_named():
    with pytest.raises(IndexError, match=r"expected to be in range of \[-2, 1\], but got 2"):
        floats().sum(2)
    with pytest.raises(RuntimeError, match="dim 0 appears multiple times in the list of dims"):
        floats().sum((0, -2))
    with pytest.raises(TypeError, match="dim must be int"):
        floats().sum("rows")


def test_an_empty_tuple_means_all_dimensions_except_for_truth():
    assert floats().sum(()).item() == 15
    assert floats().amax(()).item() == 5
    assert floats().all(()).shape == (2, 3)


def test_numpys_spellings_are_accepted():
    assert floats().sum(axis=1, keepdims=True).shape == (2, 1)


@pytest.mark.parametrize("reduce, value", [(torch.sum, 0.0), (torch.prod, 1.0)])
def test_nothing_has_a_sum_and_a_product(reduce, value):
    assert reduce(torch.ones(0)).item() == value
    assert reduce(torch.ones(0, 3), 0).tolist() == [value] * 3


def test_the_mean_of_nothing_is_nan():
    assert math.isnan(torch.ones(0).mean().item())
    assert torch.ones(0, 2).mean(0).isnan().all()
    assert torch.ones(2, 0).mean(0).shape == (0,)


@pytest.mark.parametrize("name", ["max", "min", "amax", "amin"])
def test_extremes_of_nothing_raise(name):
    reduce = getattr(torch, name)
    with pytest.raises(RuntimeError, match=rf"{name}\(\): Expected reduction dim to be specified "
                                           "for input.numel\\(\\) == 0"):
        reduce(torch.ones(0))
    with pytest.raises(IndexError, match=rf"{name}\(\): Expected reduction dim 0 to have non-zero"):
        reduce(torch.ones(0, 3), 0)


def test_places_in_nothing_raise():
    with pytest.raises(IndexError, match="argmax"):
        torch.ones(0).argmax()
    with pytest.raises(RuntimeError, match="does not support bool"):
        torch.tensor([True]).argmax()


def test_integers_have_no_mean_and_no_variance():
    with pytest.raises(RuntimeError, match="could not infer output dtype.*Got: Long"):
        torch.arange(3).mean()
    with pytest.raises(RuntimeError, match="only support floating point"):
        torch.arange(3).var()
    assert torch.arange(3).mean(dtype=torch.float32).item() == 1


def test_the_three_calls_of_max():
    x = matrix()
    assert x.max().item() == 6
    values, indices = x.max(dim=1)
    assert values.tolist() == [5, 6] and indices.tolist() == [1, 2]
    assert x.max(0, keepdim=True).indices.shape == (1, 3)
    assert torch.max(x, torch.full((3,), 3.0)).tolist() == [[3, 5, 3], [4, 3, 6]]
    assert "torch.return_types.max(\nvalues=tensor([5., 6.]" in repr(x.max(1))


def test_nan_is_the_largest_and_the_smallest():
    x = torch.tensor([1.0, math.nan, 2.0])
    assert math.isnan(x.max().item()) and math.isnan(x.min().item())
    assert x.max(0).indices.item() == 1 == x.argmin().item()


def test_ties():
    x = torch.tensor([3.0, 1.0, 3.0], requires_grad=True)
    gradients = {}
    for name, reduce in {"max": torch.max, "amax": torch.amax,
                         "max(dim)": lambda x: x.max(0).values}.items():
        gradients[name] = torch.autograd.grad(reduce(x), x)[0].tolist()
    assert gradients == {"max": [0.5, 0, 0.5], "amax": [0.5, 0, 0.5], "max(dim)": [1, 0, 0]}
    assert x.argmax().item() == 0


@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_the_gradient_of_a_product_with_zeros(zeros):
    x = torch.tensor([0.0] * zeros + [2.0, 3.0, 4.0][zeros:], dtype=torch.float64,
                     requires_grad=True)
    x.prod().backward()
    values = x.tolist()
    assert x.grad.tolist() == [math.prod(values[:i] + values[i + 1:]) for i in range(3)]
    assert torch.autograd.gradgradcheck(torch.prod, (x.detach().requires_grad_(),))


def test_var_takes_its_arguments_in_three_ways():
    x = torch.tensor([1.0, 2.0, 3.0, 6.0])
    assert x.var(False).item() == x.var(unbiased=False).item() == x.var(correction=0).item() == 3.5
    assert x.var(0, False).item() == 3.5
    assert x.var().item() == pytest.approx(14 / 3)
    assert torch.var_mean(x, correction=0)[1].item() == 3


@pytest.mark.parametrize("x, options", [(torch.ones(1), {}), (torch.ones(2), {"correction": 2})])
def test_too_few_degrees_of_freedom_warn_and_give_nan(x, options):
    with pytest.warns(UserWarning, match=r"std\(\): degrees of freedom is <= 0"):
        assert math.isnan(x.std(**options).item())


def test_var_loses_no_digits_to_a_large_mean():
    x = torch.tensor([1e8 + 1, 1e8 + 2, 1e8 + 3], dtype=torch.float64)
    assert x.var().item() == 1


def test_logsumexp_does_not_overflow():
    x = torch.tensor([1000.0, 1000.0], requires_grad=True)
    y = x.logsumexp(0)
    y.backward()
    assert y.item() == pytest.approx(1000 + math.log(2))
    assert x.grad.tolist() == pytest.approx([0.5, 0.5], rel=1e-4)
    assert torch.full((2,), -math.inf).logsumexp(0).item() == -math.inf


@pytest.mark.parametrize("order, value", [(2, 5.0), (1, 7.0), (math.inf, 4.0), (-math.inf, 3.0),
                                          (0, 2.0), (3, 91 ** (1 / 3)), ("fro", 5.0)])
def test_norms(order, value):
    assert torch.tensor([3.0, -4.0]).norm(order).item() == pytest.approx(value)


def test_the_norm_has_no_kink_at_zero():
    x = torch.zeros(3, requires_grad=True)
    x.norm().backward()
    assert x.grad.tolist() == [0, 0, 0]


def test_nan_can_be_left_out():
    x = torch.tensor([1.0, math.nan, 3.0], requires_grad=True)
    assert torch.nansum(x).item() == 4 and torch.nanmean(x).item() == 2
    torch.nansum(x).backward()
    assert x.grad.tolist() == [1, 0, 1]


def test_quantiles():
    x = torch.tensor([4.0, 1.0, 3.0, 2.0])
    assert torch.quantile(x, torch.tensor([0.0, 0.5, 1.0])).tolist() == [1, 2.5, 4]
    for interpolation, value in {"lower": 2, "higher": 3, "nearest": 3, "midpoint": 2.5}.items():
        assert torch.quantile(x, 0.5, interpolation=interpolation).item() == value
    assert math.isnan(torch.quantile(torch.tensor([1.0, math.nan]), 0.5).item())
    assert torch.nanquantile(torch.tensor([1.0, math.nan]), 0.5).item() == 1
    with pytest.raises(RuntimeError, match=r"range \[0, 1\]"):
        torch.quantile(x, 2.0)


def test_cov_counts_weights():
    x = torch.tensor([[0.0, 2.0, 1.0], [2.0, 0.0, 1.0]])
    twice = torch.cov(x, fweights=torch.tensor([2, 1, 1]))
    assert torch.allclose(twice, torch.cov(x[:, [0, 0, 1, 2]]))
    assert torch.corrcoef(x).tolist() == [[1, -1], [-1, 1]]


def test_results_go_where_out_says():
    out = torch.empty(2)
    assert torch.sum(floats(), 1, out=out) is out
    assert out.tolist() == [3, 12]
    values, indices = torch.empty(2), torch.empty(2, dtype=torch.int64)
    torch.max(floats(), 1, out=(values, indices))
    assert values.tolist() == [2, 5] and indices.tolist() == [2, 2]


def test_no_warning_escapes_from_a_reduction():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.full((3,), 1e38).sum()
        torch.tensor([math.inf, -math.inf]).mean()
        torch.softmax(torch.full((2,), -math.inf), 0)
