"""The convention table: what happens at kinks, ties, poles, in empty tensors and around NaN.

The expected values are PyTorch 2.13's, in float64; where ember differs on purpose, `DIFFERENT`
says so. Nothing here needs PyTorch.
"""

import math

import pytest

import ember as torch
from ember.nn import functional as F

nan, inf = math.nan, math.inf
PI, LN2, MAX = math.pi, math.log(2), 1.7976931348623157e308


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def long(*values):
    return torch.tensor(values)


# (function, input, value, gradient of the sum of the values)
TABLE = [
    (torch.sqrt, [0, -1], [0, nan], [inf, nan]),
    (torch.rsqrt, [0], [inf], [-inf]),
    (torch.abs, [0], [0], [0]),
    (torch.sign, [0], [0], [0]),
    (lambda x: x.norm(), [0, 0], [0], [0, 0]),
    (lambda x: x.norm(1), [0, -2], [2], [0, -1]),
    (lambda x: x.norm(inf), [3, -3, 1], [3], [0.5, -0.5, 0]),
    (lambda x: x.norm(3), [0, 0], [0], [0, 0]),
    (torch.std, [2, 2], [0], [0, 0]),
    (torch.var, [2, 2], [0], [0, 0]),
    (torch.std, [2], [nan], [nan]),
    (torch.var, [2], [nan], [nan]),
    (lambda x: x.clamp(0, 1), [0, 1, 2, nan], [0, 1, 1, nan], [1, 1, 0, 0]),
    (lambda x: x.clamp(min=0), [0, -1], [0, 0], [1, 0]),
    (torch.max, [1, 3, 3], [3], [0, 0.5, 0.5]),
    (torch.min, [1, 1, 3], [1], [0.5, 0.5, 0]),
    (torch.amax, [1, 3, 3], [3], [0, 0.5, 0.5]),
    (lambda x: x.max(0).values, [1, 3, 3], [3], [0, 1, 0]),
    (lambda x: x.min(0).values, [1, 1, 3], [1], [1, 0, 0]),
    (torch.median, [2, 2, 2], [2], [1 / 3, 1 / 3, 1 / 3]),
    (lambda x: x.median(0).values, [2, 2, 2], [2], [0, 1, 0]),
    (lambda x: torch.maximum(x, double([1, 0])), [1, nan], [1, nan], [0.5, 1]),
    (lambda x: torch.minimum(x, double([1, 0])), [1, nan], [1, nan], [0.5, 1]),
    (lambda x: torch.fmax(x, double([1, 0])), [1, nan], [1, 0], [1, 0]),
    (lambda x: x.sort().values, [2, 1, 2], [1, 2, 2], [1, 1, 1]),
    (lambda x: x.topk(1).values, [3, 3], [3], [1, 0]),
    (lambda x: x.cummax(0).values, [1, 1, 0], [1, 1, 1], [1, 2, 0]),
    (lambda x: x.mode().values, [1, 1, 2], [1], [0, 1, 0]),
    (F.relu, [0, 0, nan], [0, 0, nan], [0, 0, 1]),
    (F.relu6, [0, 6], [0, 6], [0, 0]),
    (F.hardtanh, [-1, 1], [-1, 1], [0, 0]),
    (F.elu, [0], [0], [1]),
    (F.selu, [0], [0], [1.7580993408473766]),
    (F.celu, [0], [0], [1]),
    (F.leaky_relu, [0], [0], [0.01]),
    (F.hardswish, [-3, 3], [0, 3], [0, 1]),
    (F.hardsigmoid, [-3, 3], [0, 1], [0, 0]),
    (F.hardshrink, [0.5, -0.5], [0, 0], [0, 0]),
    (F.softshrink, [0.5, -0.5], [0, 0], [0, 0]),
    (F.softplus, [1000, -1000], [1000, 0], [1, 0]),
    (F.logsigmoid, [1000, -1000], [0, -1000], [0, 1]),
    (torch.sigmoid, [1000, -1000], [1, 0], [0, 0]),
    (torch.tanh, [1000], [1], [0]),
    (F.silu, [1000, -1000], [1000, 0], [1, 0]),
    (F.gelu, [0, 1000], [0, 1000], [0.5, 1]),
    (lambda x: F.threshold(x, 1, 0), [1], [0], [0]),
    (torch.prod, [0, 2, 3], [0], [6, 0, 0]),
    (torch.prod, [0, 0, 3], [0], [0, 0, 0]),
    (lambda x: x.cumprod(0), [2, 0, 3], [2, 0, 0], [1, 8, 0]),
    (lambda x: x ** 0, [0], [1], [0]),
    (lambda x: x ** 1, [0], [0], [1]),
    (lambda x: x ** 2, [0], [0], [0]),
    (lambda x: x ** 0.5, [0], [0], [inf]),
    (lambda x: x ** -1, [0], [inf], [-inf]),
    (lambda x: double([0, 0, 2]) ** x, [0, 1, 0], [1, 0, 1], [0, 0, LN2]),
    (lambda x: torch.pow(x, double([0, 1, 2])), [0, 0, 0], [1, 0, 0], [0, 1, 0]),
    (lambda x: torch.atan2(x, double([0])), [0], [0], [0]),
    (lambda x: torch.xlogy(x, double([0, 2])), [0, 0], [0, 0], [0, LN2]),
    (lambda x: torch.xlogy(double([0, 1]), x), [0, 0], [0, -inf], [nan, inf]),
    (torch.asin, [1, -1], [PI / 2, -PI / 2], [inf, inf]),
    (torch.acos, [1, 2], [0, nan], [-inf, nan]),
    (torch.acosh, [1], [0], [inf]),
    (torch.atanh, [1], [inf], [inf]),
    (torch.log, [0, -1], [-inf, nan], [inf, -1]),
    (torch.log1p, [-1], [-inf], [inf]),
    (torch.reciprocal, [0], [inf], [-inf]),
    (lambda x: x / 0, [1, 0], [inf, nan], [inf, inf]),
    (lambda x: 1 / x, [0], [inf], [-inf]),
    (lambda x: 0 / x, [0], [nan], [nan]),
    (torch.exp, [1000, -inf], [inf, 0], [inf, 0]),
    (torch.expm1, [1000], [inf], [inf]),
    (torch.sinc, [0], [1], [0]),
    (torch.frac, [2], [0], [1]),
    (torch.round, [0.5], [0], [0]),
    (torch.floor, [1], [1], [0]),
    (lambda x: x % 2, [4], [0], [1]),
    (lambda x: torch.fmod(x, 2), [-4], [0], [1]),
    (lambda x: torch.where(x > 0, x.sqrt(), 0), [0, 4], [0, 2], [nan, 0.25]),
    (lambda x: torch.where(x > 0, x.log(), double([0])), [0], [0], [nan]),
    (lambda x: x.nan_to_num(), [nan, inf, 1], [0, MAX, 1], [0, 0, 1]),
    (lambda x: x.nansum(), [nan, 1], [1], [0, 1]),
    (torch.nanmean, [nan, 1, 3], [2], [0, 0.5, 0.5]),
    (lambda x: x.softmax(0), [-inf, -inf], [nan, nan], [nan, nan]),
    (lambda x: x.softmax(0)[0], [1000, -1000], [1], [0, 0]),
    (lambda x: x.log_softmax(0)[0], [-inf, -inf], [nan], [nan, nan]),
    (lambda x: x.log_softmax(0)[1], [1000, 0], [-1000], [-1, 1]),
    (lambda x: x.logsumexp(0), [-inf, -inf], [-inf], [nan, nan]),
    (lambda x: x.logsumexp(0), [1000, 1000], [1000 + LN2], [0.5, 0.5]),
    (lambda x: torch.logaddexp(x, x), [-inf, 1000], [-inf, 1000 + LN2], [nan, 1]),
    (lambda x: x.logcumsumexp(0), [0, 1000], [0, 1000], [1, 1]),
    (lambda x: F.normalize(x, dim=0), [0, 0], [0, 0], [1000000000000, 1000000000000]),
    (lambda x: F.cosine_similarity(x, double([1, 0]), dim=0), [0, 0], [0], [100000000, 0]),
    (lambda x: F.pairwise_distance(x[None], x[None].detach()),
     [1, 2], [2**0.5 * 1e-6], [0.5**0.5, 0.5**0.5]),
    (lambda x: torch.dist(x, x.detach()), [1], [0], [0]),
    (lambda x: torch.cdist(x[None], x[None].detach()), [1, 2], [0], [0, 0]),
    (lambda x: F.mse_loss(x, double([])), [], [nan], []),
    (lambda x: F.l1_loss(x, double([1, 0])), [1, 2], [1], [0, 0.5]),
    (lambda x: F.smooth_l1_loss(x, double([0, 0])), [1, 0], [0.25], [0.5, 0]),
    (lambda x: F.huber_loss(x, double([0, 0])), [1, 0], [0.25], [0.5, 0]),
    (lambda x: F.binary_cross_entropy(x, double([1, 0])),
     [0, 1], [100], [-5e11, 5e11]),
    (lambda x: F.binary_cross_entropy_with_logits(x, double([1, 0])),
     [-1000, 1000], [1000], [-0.5, 0.5]),
    (lambda x: F.cross_entropy(x[None], long(0)), [-1000, 1000], [2000], [-1, 1]),
    (lambda x: F.nll_loss(x[None], long(-100)), [1, 2], [nan], [0, 0]),
    (lambda x: F.kl_div(x, double([0, 1]), reduction="sum"), [-1, -2], [2], [0, -1]),
    (lambda x: F.hinge_embedding_loss(x, double([1, -1]), reduction="sum"), [0, 1], [0], [1, -1]),
    (lambda x: F.margin_ranking_loss(x, double([1]), double([1])), [1], [0], [-1]),
    (lambda x: x.mean(), [], [nan], []),
    (lambda x: x.sum(), [], [0], []),
    (lambda x: x.prod(), [], [1], []),
    (lambda x: x[long(0, 0, 1)], [1, 2], [1, 1, 2], [2, 1]),
    (lambda x: F.max_pool1d(x[None, None], 2)[0, 0], [1, 1, 2, 2], [1, 2], [1, 0, 1, 0]),
    (lambda x: F.adaptive_max_pool1d(x[None, None], 1)[0, 0], [2, 2], [2], [1, 0]),
    (lambda x: torch.erfinv(x), [1, 0], [inf, 0], [inf, PI**0.5 / 2]),
    (lambda x: torch.logit(x), [0, 1], [-inf, inf], [inf, inf]),
    (lambda x: torch.lerp(x, x.detach(), 0.5), [inf], [nan], [0.5]),
    (lambda x: x * 0, [inf, nan], [nan, nan], [0, 0]),
    (lambda x: torch.copysign(x, double([-1, 1])), [0, 0], [0, 0], [0, 0]),
    (torch.special.entr, [0, -1], [0, -inf], [inf, nan]),
    (lambda x: torch.linalg.norm(x), [[0, 0], [0, 0]], [0], [0, 0, 0, 0]),
    (lambda x: x.std(0), [[1, 2]], [nan, nan], [nan, nan]),
    (torch.sign, [nan], [0], [0]),
    (F.relu6, [nan], [nan], [1]),
    (F.hardtanh, [nan], [nan], [1]),
    (F.leaky_relu, [nan], [nan], [0.01]),
    (F.elu, [nan, -1000], [nan, -1], [1, 0]),
    (F.selu, [nan], [nan], [1.0507009873554805]),
    (F.hardsigmoid, [nan], [nan], [0]),
    (F.hardshrink, [nan], [nan], [1]),
    (F.softshrink, [nan], [nan], [1]),
    (F.softplus, [nan], [nan], [nan]),
    (lambda x: F.threshold(x, 1, 0), [nan], [nan], [1]),
    (torch.max, [1, nan, 2], [nan], [0, 1, 0]),
    (lambda x: x.max(0).values, [1, nan, nan], [nan], [0, 1, 0]),
    (torch.median, [1, nan, 2], [nan], [0, 1, 0]),
    (lambda x: x.median(0).values, [1, nan, 2], [nan], [0, 1, 0]),
    (torch.nanmedian, [1, nan, 2], [1], [1, 0, 0]),
    (lambda x: x.sort().values, [nan, 1], [1, nan], [1, 1]),
    (lambda x: x.cummax(0).values, [1, nan, 2], [1, nan, nan], [1, 2, 0]),
    (lambda x: x.logsumexp(0), [inf, 0], [inf], [nan, 0]),
    (lambda x: x.softmax(0), [inf, 0], [nan, nan], [nan, nan]),
    (lambda x: F.max_pool1d(x[None, None], 2)[0, 0], [1, nan, 2, 2], [nan, 2], [0, 1, 1, 0]),
    (lambda x: torch.fmin(x, double([1, 0])), [1, nan], [1, 0], [1, 0]),
    (lambda x: torch.maximum(x, double([nan, 2])), [1, 1], [nan, 2], [1, 0]),
    (lambda x: x.clamp(double([nan]), double([1])), [0.5], [nan], [0]),
    (lambda x: torch.atan2(double([0]), x), [0], [0], [0]),
    (lambda x: torch.ldexp(x, long(2)), [0], [0], [4]),
    (lambda x: F.layer_norm(x, (2,)), [1, 1], [0, 0], [0, 0]),
    (lambda x: F.prelu(x, double([0.25])), [0], [0], [0.25]),
    (lambda x: F.logsigmoid(x), [nan], [nan], [nan]),
    (lambda x: F.glu(x), [1, 1000], [1], [1, 0]),
    (lambda x: F.mish(x), [1000, -1000, 0], [1000, 0, 0], [1, 0, 0.6]),
    (lambda x: F.softsign(x), [0], [0], [1]),
    (lambda x: F.tanhshrink(x), [0], [0], [0]),
    (lambda x: torch.linalg.vector_norm(x, 1.5), [0, 0], [0], [0, 0]),
    (lambda x: torch.linalg.vector_norm(x, -inf), [2, -2, 3], [2], [0.5, -0.5, 0]),
    (lambda x: torch.renorm(x[None], 2, 0, 1)[0], [0, 0], [0, 0], [1, 1]),
    (lambda x: F.cosine_embedding_loss(x[None], double([[0, 0]]), double([1])),
     [0, 0], [1], [0, 0]),
    (lambda x: F.triplet_margin_loss(x[None], x[None].detach(), x[None].detach()),
     [1, 2], [1], [0, 0]),
    (lambda x: F.poisson_nll_loss(x, double([0]), log_input=False), [0], [0], [1]),
    (lambda x: F.gaussian_nll_loss(double([1]), double([1]), x),
     [0], [-6.907755278982137], [500000]),
    (lambda x: torch.special.xlog1py(double([0]), x), [-1], [0], [nan]),
    (lambda x: torch.where(x > 0, x, 0), [0, nan], [0, 0], [0, 0]),
    (lambda x: x.index_select(0, long(1, 1)), [1, 2], [2, 2], [0, 2]),
    (lambda x: x.gather(0, long(0, 0, 0)), [1, 2], [1, 1, 1], [3, 0]),
    (lambda x: double([0, 0]).scatter_add(0, long(0, 0), x), [1, 2], [3, 0], [1, 1]),
    (lambda x: double([0, 0]).scatter_reduce(0, long(0, 0), x, "amax", include_self=False),
     [2, 2], [2, 0], [0.5, 0.5]),
    (lambda x: torch.quantile(x, 0.5), [1, 2], [1.5], [0.5, 0.5]),
    (lambda x: x.diff(), [1, inf], [inf], [-1, 1]),
    (lambda x: (x @ double([0, 1])), [inf, 1], [nan], [0, 1]),
    (lambda x: x.masked_fill(x > 0, -inf).softmax(0), [1, 0], [0, 1], [0, 0]),
]

# Where PyTorch's answer would hurt: (function, input, value, gradient, what PyTorch gives)
DIFFERENT = [
    # the subgradient of least norm, as for sqrt and norm; PyTorch: NaN
    (lambda x: torch.hypot(x, double([0])), [0], [0], [0], [nan]),
    # NaN stays visible; PyTorch: 0
    (torch.abs, [nan], [nan], [nan], [0]),
    (lambda x: F.l1_loss(x, double([nan])), [1], [nan], [nan], [0]),
    (F.hardswish, [nan], [nan], [nan], [1]),
    # the gradient goes where the NaN came from; PyTorch: NaN everywhere
    (torch.amax, [1, nan, 2], [nan], [0, 1, 0], [nan, nan, nan]),
    # the cofactors, which are the derivative of a singular determinant too; PyTorch: 0
    (torch.linalg.det, [[1, 2], [2, 4]], [0], [4, -2, -2, 1], [0, 0, 0, 0]),
    # a gradient that is 0, as the derivative; PyTorch: none at all
    (lambda x: x.norm(0), [0, 2], [1], [0, 0], None),
]


def run(function, data, dtype=torch.float64):
    x = torch.tensor(data, dtype=dtype, requires_grad=True)
    y = function(x)
    y.sum().backward()
    assert x.grad.dtype == dtype
    return y.detach().flatten().tolist(), x.grad.flatten().tolist()


def named(row):
    return f"{row[0].__code__.co_firstlineno}" if row[0].__name__ == "<lambda>" else row[0].__name__


def near(values):
    return pytest.approx(values, nan_ok=True, rel=1e-8, abs=1e-12)


@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
@pytest.mark.parametrize("function, data, value, gradient", TABLE, ids=map(named, TABLE))
def test_as_in_pytorch(function, data, value, gradient):
    found, slope = run(function, data)
    assert found == near(value)
    assert slope == near(gradient)


@pytest.mark.parametrize("function, data, value, gradient, theirs", DIFFERENT,
                         ids=map(named, DIFFERENT))
def test_different_on_purpose(function, data, value, gradient, theirs):
    found, slope = run(function, data)
    assert found == near(value)
    assert slope == near(gradient)
    assert theirs is None or slope != near(theirs)


# -- extreme logits stay finite in every dtype ----------------------------------------------------

STABLE = {
    "binary cross entropy": lambda x: F.binary_cross_entropy_with_logits(x, torch.zeros_like(x)),
    "cross entropy": lambda x: F.cross_entropy(x[None], torch.tensor([0])),
    "log_softmax": lambda x: x.log_softmax(0),
    "softmax": lambda x: x.softmax(0),
    "logsumexp": lambda x: x.logsumexp(0),
    "logsigmoid": F.logsigmoid,
    "softplus": F.softplus,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "silu": F.silu,
    "elu": F.elu,
    "mish": F.mish,
    "logaddexp": lambda x: torch.logaddexp(x, -x),
}


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", STABLE)
def test_extreme_logits_stay_finite(name, dtype):
    value, gradient = run(STABLE[name], [-1e4, 0.0, 1e4], dtype)
    assert all(map(math.isfinite, value + gradient)), (value, gradient)


# -- small statistics -----------------------------------------------------------------------------


def test_statistics_of_one_value_warn():
    with pytest.warns(UserWarning, match="degrees of freedom is <= 0"):
        assert math.isnan(torch.tensor([1.0]).std().item())


def test_batch_norm_needs_more_than_one_value():
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        torch.nn.BatchNorm1d(3)(torch.ones(1, 3))


@pytest.mark.parametrize("reduce", ["max", "min", "amax", "amin", "argmax"])
def test_extremes_of_nothing_raise(reduce):
    with pytest.raises((RuntimeError, IndexError)) as caught:
        getattr(torch, reduce)(torch.empty(0))
    assert reduce in str(caught.value)


def test_products_of_empty_matrices_are_zeros():
    out = torch.ones(2, 0) @ torch.ones(0, 3)
    assert out.tolist() == [[0.0] * 3] * 2


def test_batches_of_nothing_work():
    layer = torch.nn.Conv2d(1, 2, 3)
    out = layer(torch.ones(0, 1, 5, 5))
    out.sum().backward()
    assert out.shape == (0, 2, 3, 3) and layer.weight.grad.abs().sum().item() == 0


def test_denormals_are_kept():
    assert (torch.tensor(1e-40) * 1).item() == pytest.approx(1e-40, rel=1e-4)
