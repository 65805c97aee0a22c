"""Distributions beside PyTorch's: shapes, samples of the same seed, densities, gradients."""

import importlib
import pkgutil
import warnings
from functools import partial

import numpy as np
import pytest
import torch

import ember
from ember import distributions as ours
from ember import names
from ember.utils.serialization.paths import path_of

from .distribution_cases import CASES, build, positive, real, spd, unit

pytestmark = pytest.mark.filterwarnings("ignore:Singular sample detected")  # PyTorch's Wishart
theirs = torch.distributions
LIBRARIES = ((torch, theirs), (ember, ours))
SINGLE, DOUBLE = 2e-5, 1e-9
# PyTorch's Bessel functions have seven digits, its factorial in Multinomial's
# entropy is single; a relaxed Bernoulli may have a probability in single only.
# Formulas in float32 whose logarithms nearly cancel, so that one unit in the last place shows:
# PyTorch's own variance is 1e-4 off the float64 value here.
CANCELS = {"ContinuousBernoulli": 1e-4}
TOLERANCE = {"VonMises": 2e-5, "Multinomial": 1e-6,
             "RelaxedBernoulli": 1e-5, "LogitRelaxedBernoulli": 1e-5}
ALL = [(name, number) for name, cases in CASES.items() for number in range(len(cases))]
# PyTorch takes valid samples for singular ones, warns, and draws them again up to ten times.
OTHER_STREAM = {"Wishart"}
PROPERTIES = ("mean", "mode", "variance", "stddev", "covariance_matrix", "precision_matrix",
              "scale_tril", "probs", "logits", "param_shape", "has_rsample",
              "has_enumerate_support", "batch_shape", "event_shape", "support")


def namespace_of(name, namespace):
    if name != "LogitRelaxedBernoulli":
        return namespace
    return namespace.relaxed_bernoulli


def outcome(function):
    """What a call returns, or the type of the error it raises."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function()
    except (NotImplementedError, AttributeError, ValueError, RuntimeError) as error:
        return type(error)


def assert_same(wanted, found, tolerance, what=""):
    if wanted in (AttributeError, RuntimeError):  # ember may have more; PyTorch has a bug
        return
    if isinstance(wanted, torch.Tensor):
        assert isinstance(found, ember.Tensor), (what, found)
        wanted, found = wanted.detach().numpy(), found.detach().numpy()
        if wanted.dtype == np.float32:
            tolerance = max(tolerance, SINGLE)
        assert found.shape == wanted.shape and found.dtype == wanted.dtype, what
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance, err_msg=str(what))
    elif isinstance(wanted, torch.Size):
        assert tuple(found) == tuple(wanted), what
    elif isinstance(wanted, theirs.constraints.Constraint):
        assert (repr(found), found.event_dim, found.is_discrete) == (
            repr(wanted), wanted.event_dim, wanted.is_discrete)
    else:
        assert found == wanted, what


def both(name, number, dtype, wrap=lambda tensor: tensor):
    return [build(library, namespace_of(name, space), name, CASES[name][number], dtype, wrap)
            for library, space in LIBRARIES]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "number"), ALL)
def test_properties_and_samples(name, number, dtype):
    wanted, found = both(name, number, dtype)
    tolerance = TOLERANCE.get(name, DOUBLE)
    if dtype == "float32":
        tolerance = max(tolerance, CANCELS.get(name, 0))
    assert repr(found) == repr(wanted)
    for key in PROPERTIES:
        assert_same(*(outcome(partial(getattr, d, key)) for d in (wanted, found)), tolerance, key)
    for shape in ((), (2, 4)):
        torch.manual_seed(3)
        ember.manual_seed(3)
        samples = wanted.sample(shape), found.sample(shape)
        if name not in OTHER_STREAM:
            assert_same(*samples, tolerance, f"sample {shape}")
            assert torch.rand(1).item() == ember.rand(1).item()  # as many numbers were drawn
        at = samples[0], ember.tensor(samples[0].numpy())
        for method in ("log_prob", "cdf"):
            assert_same(*(outcome(partial(getattr(d, method), x))
                          for d, x in zip((wanted, found), at)), 10 * tolerance, method)
        for level in (0.2, 0.9):
            assert_same(*(outcome(partial(d.icdf, x.new_zeros(x.shape) + level))
                          for d, x in zip((wanted, found), at)), 10 * tolerance, "icdf")
    for method in ("entropy", "perplexity", "enumerate_support"):
        assert_same(*(outcome(getattr(d, method)) for d in (wanted, found)), tolerance, method)
    assert_same(*(outcome(lambda d=d: d.enumerate_support(expand=False))
                  for d in (wanted, found)), tolerance)


@pytest.mark.parametrize(("name", "number"), ALL)
def test_expand(name, number):
    wanted, found = both(name, number, "float64")
    tolerance = TOLERANCE.get(name, DOUBLE)
    shape = (3, *wanted.batch_shape)
    wanted, found = wanted.expand(shape), found.expand(shape)
    assert repr(found) == repr(wanted)
    for key in ("batch_shape", "event_shape", "mean", "variance"):
        assert_same(*(outcome(partial(getattr, d, key)) for d in (wanted, found)), tolerance, key)
    torch.manual_seed(3)
    ember.manual_seed(3)
    x = wanted.sample((2,))
    if name not in OTHER_STREAM:
        assert_same(x, found.sample((2,)), tolerance)
    assert_same(outcome(lambda: wanted.log_prob(x)),
                outcome(lambda: found.log_prob(ember.tensor(x.numpy()))), 10 * tolerance)


@pytest.mark.parametrize("make", [
    lambda d, x: d.Normal(x, 1.0), lambda d, x: d.Exponential(x), lambda d, x: d.Poisson(x),
    lambda d, x: d.Laplace(x, 1.0), lambda d, x: d.Uniform(0 * x, x)])
def test_half_precision_samples(make):
    sides = []
    for library, space in LIBRARIES:
        library.manual_seed(1)
        x = library.tensor(positive(30), dtype=library.float16)
        sides.append(make(space, x).sample((3,)))
        assert sides[-1].dtype == x.dtype
    assert_same(*(s.float() for s in sides), 2e-2)


# PyTorch's derivatives of gamma and Dirichlet samples are approximations.
ROUGH = {"Beta", "Chi2", "Dirichlet", "FisherSnedecor", "Gamma", "InverseGamma", "StudentT",
         "Wishart"}


@pytest.mark.parametrize(("name", "number"), ALL)
def test_gradients(name, number):
    if (name, number) == ("Wishart", 1):
        pytest.skip("PyTorch's cholesky_solve has a gradient above the factor's diagonal")
    leaves = [], []
    kept = iter(leaves)

    def build_with_leaves(library, space):
        mine = next(kept)

        def wrap(tensor):
            mine.append(tensor.requires_grad_())
            return tensor

        return build(library, namespace_of(name, space), name, CASES[name][number], "float64",
                     wrap)

    pair = [build_with_leaves(*library) for library in LIBRARIES]
    if not leaves[0]:
        pytest.skip("numbers have no gradients")
    torch.manual_seed(5)
    ember.manual_seed(5)
    value = pair[0].sample((4,))
    if name != "GeneralizedPareto":  # PyTorch's works in single precision only
        compare_gradients(leaves, [d.log_prob(x).sum() for d, x in zip(
            pair, (value, ember.tensor(value.numpy())))], TOLERANCE.get(name, 1e-7))
    entropies = [outcome(d.entropy) for d in pair]
    if isinstance(entropies[0], torch.Tensor):
        compare_gradients(leaves, [e.sum() for e in entropies], 1e-7)
    if not pair[0].has_rsample or name in OTHER_STREAM:
        return
    torch.manual_seed(5)
    ember.manual_seed(5)
    samples = [d.rsample((4,)) for d in pair]
    assert_same(*samples, 1e-9)
    weights = np.random.default_rng(0).normal(size=tuple(samples[0].shape))
    sums = [(s * library.tensor(weights)).sum() for s, (library, _) in zip(samples, LIBRARIES)]
    compare_gradients(leaves, sums, 5e-3 if name in ROUGH else 1e-6)


def compare_gradients(leaves, sums, tolerance):
    if not sums[0].requires_grad:
        assert not sums[1].requires_grad
        return
    wanted = torch.autograd.grad(sums[0], leaves[0], allow_unused=True, retain_graph=True)
    found = ember.autograd.grad(sums[1], leaves[1], allow_unused=True, retain_graph=True)
    for a, b in zip(wanted, found):
        zero = (a is None or not a.any()) and (b is None or not b.any())
        if not zero:
            assert_same(a, b, tolerance)


# -- divergences ----------------------------------------------------------------------------------

ZERO, HALF, TWO = np.array(0.0), np.array(0.5), np.array(2.0)
PAIRS = {
    "Bernoulli": [({"probs": unit(3)},), ({"probs": np.array([0.0, 1.0, 0.5])},)],
    "Beta": [(positive(3), positive(3))],
    "Binomial": [(5, {"probs": unit(3)}), (4, {"probs": unit(3)})],
    "Categorical": [({"probs": unit(3, 3)},), ({"probs": np.eye(3)},)],
    "Cauchy": [(real(3), positive(3)), (HALF, positive(3))],
    "ContinuousBernoulli": [({"probs": unit(3)},)],
    "Dirichlet": [(positive(3, 3),), (positive(1, 3),)],
    "Exponential": [(positive(3),), (2.0 * positive(3),)],
    "Gamma": [(positive(3), positive(3)), (TWO, positive(3))],
    "Geometric": [({"probs": unit(3)},), ({"probs": 1 - unit(3)},)],
    "Gumbel": [(real(3), positive(3)), (HALF, positive(3))],
    "HalfNormal": [(positive(3),), (TWO,)],
    "Laplace": [(real(3), positive(3)), (HALF, positive(3))],
    "LogNormal": [(real(3), positive(3)), (HALF, positive(3))],
    "LowRankMultivariateNormal": [(real(2, 3), real(3, 1), positive(3)),
                                  (real(2, 3), real(2, 3, 2), positive(2, 3))],
    "MultivariateNormal": [(real(2, 3), {"covariance_matrix": spd(3, 3)}),
                           (real(3), {"covariance_matrix": spd(2, 3, 3)})],
    "Normal": [(real(3), positive(3)), (HALF, TWO)],
    "OneHotCategorical": [({"probs": unit(3, 3)},)],
    "Pareto": [(positive(3), 1 + 3 * positive(3)), (np.array([0.5, 1.0, 2.0]), np.array(0.8))],
    "Poisson": [(positive(3),), (TWO,)],
    "Uniform": [(unit(3) / 2, 0.5 + unit(3) / 2), (real(3), real(3) + 2 * positive(3)),
                (ZERO, TWO / 2)],
    "Weibull": [(positive(3), TWO)],
}


@pytest.mark.parametrize("first", PAIRS)
def test_divergences(first):
    for second in PAIRS:
        for case in PAIRS[first]:
            for other in PAIRS[second]:
                sides = []
                for library, space in LIBRARIES:
                    p = build(library, space, first, case, "float64")
                    q = build(library, space, second, other, "float64")
                    sides.append(outcome(partial(space.kl_divergence, p, q)))
                assert_same(*sides, 1e-9, (first, second, case, other))


def test_the_same_pairs_have_a_divergence():
    from ember.distributions.kl.registry import _formulas

    wanted = {(p.__name__, q.__name__) for p, q in theirs.kl._KL_REGISTRY}
    assert {(p.__name__, q.__name__) for p, q in _formulas} == wanted


def test_independent_and_transformed_divergences():
    sides = []
    for library, space in LIBRARIES:
        kind = {"dtype": library.float64}
        p, q = (space.Normal(library.tensor(real(2, 3), **kind),
                             library.tensor(positive(2, n), **kind)) for n in (3, 1))
        sides.append([space.kl_divergence(space.Independent(p, 1), space.Independent(q, 1)),
                      space.kl_divergence(
                          space.TransformedDistribution(p, [space.ExpTransform()]),
                          space.TransformedDistribution(q, [space.ExpTransform()]))])
    for a, b in zip(*sides):
        assert_same(a, b, 1e-12)


# -- mixtures, transforms, errors -----------------------------------------------------------------


@pytest.mark.parametrize("event", [0, 1])
@pytest.mark.parametrize("batch", [(), (2,), (3, 2)])
def test_mixtures(event, batch):
    sides = []
    for library, space in LIBRARIES:
        def tensor(array, library=library):
            return library.tensor(array)

        weights = space.Categorical(tensor(positive(*batch, 4)))
        shape = (*batch, 4, 3) if event else (*batch, 4)
        parts = space.Normal(tensor(real(*shape)), tensor(positive(*shape)))
        mixture = space.MixtureSameFamily(
            weights, space.Independent(parts, event) if event else parts)
        library.manual_seed(2)
        x = mixture.sample((5,))
        sides.append([mixture.mean, mixture.variance, x, mixture.log_prob(x),
                      mixture.expand((2, *batch)).log_prob(x.unsqueeze(1))])
        if not event:
            sides[-1].append(mixture.cdf(x))
        sides[-1].append(repr(mixture))
    for a, b in zip(*sides):
        assert_same(a, b, 1e-10)


TRANSFORMS = {
    "abs": lambda d, t: d.AbsTransform(),
    "affine": lambda d, t: d.AffineTransform(t(real(3)), t(positive(3))),
    "affine of numbers": lambda d, t: d.AffineTransform(1.0, -2.0),
    "affine of events": lambda d, t: d.AffineTransform(0.5, t(positive(3)), event_dim=1),
    "compose": lambda d, t: d.ComposeTransform([d.AffineTransform(0.5, 2.0), d.ExpTransform()]),
    "compose of events": lambda d, t: d.ComposeTransform(
        [d.ExpTransform(), d.StickBreakingTransform()]),
    "corr cholesky": lambda d, t: d.CorrCholeskyTransform(),
    "cumulative": lambda d, t: d.CumulativeDistributionTransform(d.Normal(0.0, 1.0)),
    "exp": lambda d, t: d.ExpTransform(),
    "identity": lambda d, t: d.identity_transform,
    "independent": lambda d, t: d.IndependentTransform(d.TanhTransform(), 1),
    "power": lambda d, t: d.ComposeTransform([d.ExpTransform(), d.PowerTransform(t(positive(3)))]),
    "reshape": lambda d, t: d.ReshapeTransform((3,), (3, 1)),
    "sigmoid": lambda d, t: d.SigmoidTransform(),
    "softmax": lambda d, t: d.SoftmaxTransform(),
    "softplus": lambda d, t: d.SoftplusTransform(),
    "stick breaking": lambda d, t: d.StickBreakingTransform(),
    "tanh": lambda d, t: d.TanhTransform(),
    "inverse": lambda d, t: d.ComposeTransform([d.SigmoidTransform(), d.ExpTransform().inv]),
    "cat": lambda d, t: d.CatTransform([d.ExpTransform(), d.TanhTransform()], dim=-1,
                                       lengths=[1, 2]),
    "stack": lambda d, t: d.StackTransform(
        [d.ExpTransform(), d.TanhTransform(), d.identity_transform], dim=-1),
    "cholesky": lambda d, t: d.LowerCholeskyTransform(),
    "definite": lambda d, t: d.PositiveDefiniteTransform(),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms(name):
    array = real(4, 3, 3) if name in ("cholesky", "definite") else real(4, 3)
    sides = []
    for library, space in LIBRARIES:
        transform = TRANSFORMS[name](space, library.tensor)
        x = library.tensor(array)
        y = transform(x)
        mine = [y, transform.inv(y), outcome(partial(transform.log_abs_det_jacobian, x, y)),
                repr(transform), repr(transform.inv), transform.inv.inv is transform,
                tuple(outcome(partial(transform.forward_shape, array.shape))),
                transform == TRANSFORMS[name](space, library.tensor)]
        for key in ("bijective", "sign", "domain", "codomain", "event_dim"):
            mine.append(outcome(partial(getattr, transform, key)))
        sides.append(mine)
        cached = outcome(partial(transform.with_cache, 1))
        if not isinstance(cached, type):
            y = cached(x)
            assert cached.inv(y) is x
    for a, b in zip(*sides):
        assert_same(a, b, 1e-9, name)


@pytest.mark.parametrize("event", [(), (3,)])
def test_transformed_distributions(event):
    sides = []
    for library, space in LIBRARIES:
        base = space.Normal(library.tensor(real(2, 3)), library.tensor(positive(3)))
        if event:
            transforms = [space.AffineTransform(1.0, -2.0), space.StickBreakingTransform()]
        else:
            transforms = [space.AffineTransform(1.0, library.tensor(real(3))),
                          space.SigmoidTransform()]
        d = space.TransformedDistribution(base, transforms)
        library.manual_seed(4)
        x = d.rsample((2,))
        sides.append([d.batch_shape, d.event_shape, d.support, x, d.log_prob(x), repr(d),
                      outcome(lambda d=d, x=x: d.cdf(x)),
                      outcome(lambda d=d, x=x: d.icdf(x * 0 + 0.3)),
                      d.expand((4, *d.batch_shape)).sample().shape])
    for a, b in zip(*sides):
        assert_same(a, b, 1e-9)


CONSTRAINTS = ["real", "positive", "nonnegative", "unit_interval", "simplex", "corr_cholesky",
               "lower_cholesky", "positive_definite", "real_vector", "boolean"]


@pytest.mark.parametrize("name", CONSTRAINTS)
@pytest.mark.parametrize("registry", ["biject_to", "transform_to"])
def test_constraint_registries(name, registry):
    shape = (3, 3) if name in ("lower_cholesky", "positive_definite") else (3,)
    sides = []
    for library, space in LIBRARIES:
        constraint = getattr(space.constraints, name)
        transform = outcome(lambda s=space, c=constraint: getattr(s, registry)(c))
        if isinstance(transform, type):
            sides.append([transform])
            continue
        y = transform(library.tensor(real(*shape)))
        sides.append([y, repr(transform), constraint.check(y)])
    for a, b in zip(*sides):
        assert_same(a, b, 1e-12)


BAD = {
    "parameter": lambda d, t: d.Normal(t([0.0, 1.0]), t([1.0, -2.0])),
    "value": lambda d, t: d.Exponential(t([1.0, 2.0])).log_prob(t([-1.0, 2.0])),
    "shape": lambda d, t: d.Normal(t([0.0, 1.0]), 1.0).log_prob(t([1.0, 2.0, 3.0])),
    "event": lambda d, t: d.Dirichlet(t([1.0, 1.0])).log_prob(t([0.2, 0.3, 0.5])),
    "number": lambda d, t: d.Normal(0.0, 1.0).log_prob(1.0),
    "both": lambda d, t: d.Bernoulli(0.5, logits=0.1),
    "dependent": lambda d, t: d.Uniform(t([1.0]), t([0.5])),
    "simplex": lambda d, t: d.Dirichlet(t([1.0, 1.0])).log_prob(t([0.2, 0.3])),
    "scalar categories": lambda d, t: d.Categorical(t(0.3)),
    "category": lambda d, t: d.Categorical(t([0.3, 0.7])).log_prob(t([2.0])),
    "geometric": lambda d, t: d.Geometric(t([0.0, 0.5])),
    "independent": lambda d, t: d.Independent(d.Normal(0.0, 1.0), 1),
    "covariance": lambda d, t: d.MultivariateNormal(t([0.0, 1.0]), t([[1.0, 2.0], [2.0, 1.0]])),
    "no covariance": lambda d, t: d.MultivariateNormal(t([0.0, 1.0])),
    "total count": lambda d, t: d.Multinomial(t([2.0]), t([0.5, 0.5])),
    "interval": lambda d, t: d.Uniform(0.0, 1.0).log_prob(t(2.0)),
    "transforms": lambda d, t: d.TransformedDistribution(d.Normal(0.0, 1.0), 3),
    "not implemented": lambda d, t: d.kl_divergence(d.Normal(0.0, 1.0), d.Poisson(1.0)),
    "no mode": lambda d, t: d.LogisticNormal(t([0.0]), t([1.0])).mode,
    "lkj": lambda d, t: d.LKJCholesky(1),
    "tensors": lambda d, t: d.Normal("a", 1.0),
    "registry": lambda d, t: d.biject_to.register(3, 4),
}


@pytest.mark.parametrize("name", BAD)
def test_errors(name):
    errors = []
    for library, space in LIBRARIES:
        with pytest.raises(Exception) as caught:
            BAD[name](space, library.tensor)
        errors.append(caught.value)
    assert type(errors[1]) is type(errors[0])
    if name != "no mode":  # which names the class in full
        assert str(errors[1]).split() == str(errors[0]).split()


def test_the_same_names_are_public():
    missing = {name for name in theirs.__all__ if not hasattr(ours, name)}
    assert not missing
    assert set(ours.constraints.__all__) >= set(theirs.constraints.__all__)


@pytest.mark.parametrize("inner", [m.name for m in pkgutil.iter_modules(theirs.__path__)])
def test_programs_find_all_inner_modules(inner):
    module = importlib.import_module(f"torch.distributions.{inner}")
    own = names.module_for(module.__name__)
    assert not [name for name in module.__all__ if not hasattr(own, name)]


@pytest.mark.parametrize("name", sorted({*CASES, "ExponentialFamily", "Independent"}))
def test_files_name_a_family_as_pytorch_does(name):
    kind, pytorch = (getattr(namespace_of(name, space), name) for space in (ours, theirs))
    assert path_of(kind) == f"{pytorch.__module__}.{name}"
