"""Distributions: samples against densities, implicit gradients, expansion, errors."""

import importlib.util
import math

import numpy as np
import pytest

import ember
from ember import distributions as D

needs_scipy = pytest.mark.skipif(importlib.util.find_spec("scipy") is None,
                                 reason="special functions need SciPy")


def tensor(*values):
    return ember.tensor(values, dtype=ember.float64)


CONTINUOUS = {
    "beta": lambda: D.Beta(tensor(0.6, 3.0), tensor(2.0, 1.5)),
    "cauchy": lambda: D.Cauchy(tensor(0.0, 1.0), tensor(1.0, 0.5)),
    "chi2": lambda: D.Chi2(tensor(1.5, 4.0)),
    "exponential": lambda: D.Exponential(tensor(0.5, 3.0)),
    "gamma": lambda: D.Gamma(tensor(0.4, 7.0), tensor(1.0, 2.0)),
    "gumbel": lambda: D.Gumbel(tensor(0.0, 1.0), tensor(1.0, 0.5)),
    "half normal": lambda: D.HalfNormal(tensor(1.0, 2.0)),
    "kumaraswamy": lambda: D.Kumaraswamy(tensor(0.8, 2.0), tensor(2.0, 3.0)),
    "laplace": lambda: D.Laplace(tensor(0.0, 1.0), tensor(1.0, 0.5)),
    "log normal": lambda: D.LogNormal(tensor(0.0, 1.0), tensor(1.0, 0.5)),
    "normal": lambda: D.Normal(tensor(0.0, 1.0), tensor(1.0, 0.5)),
    "pareto": lambda: D.Pareto(tensor(1.0, 2.0), tensor(4.0, 3.0)),
    "student": lambda: D.StudentT(tensor(3.0, 8.0)),
    "uniform": lambda: D.Uniform(tensor(0.0, 1.0), tensor(2.0, 5.0)),
    "von mises": lambda: D.VonMises(tensor(0.0, 1.0), tensor(0.5, 4.0)),
    "weibull": lambda: D.Weibull(tensor(1.0, 2.0), tensor(0.8, 3.0)),
}
DISCRETE = {
    "bernoulli": lambda: D.Bernoulli(tensor(0.2, 0.7)),
    "binomial": lambda: D.Binomial(tensor(5.0, 60.0), tensor(0.2, 0.4)),
    "categorical": lambda: D.Categorical(ember.tensor([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])),
    "geometric": lambda: D.Geometric(tensor(0.2, 0.7)),
    "negative binomial": lambda: D.NegativeBinomial(tensor(2.0, 5.5), tensor(0.2, 0.5)),
    "poisson": lambda: D.Poisson(tensor(0.7, 30.0)),
}


@needs_scipy
@pytest.mark.parametrize("name", CONTINUOUS)
def test_samples_follow_the_density(name, monkeypatch):
    """The share of samples in each of 20 intervals is the integral of the density over it."""
    ember.manual_seed(0)
    d, n = CONTINUOUS[name](), 20000
    x = d.sample((n,))
    assert bool(d.support.check(x).all())
    # The grid of one column is outside the support of the other.
    monkeypatch.setattr(D.Distribution, "_validate_args", False)
    for column in range(2):
        part = np.sort(x[:, column].cpu().numpy())[np.linspace(0, n - 1, 21).astype(int)]
        grid = np.linspace(part[1:-2], part[2:-1], 401)  # the ends may be infinitely steep
        values = ember.tensor(np.stack([grid, grid], -1))
        density = d.log_prob(values)[..., column].exp().cpu().numpy()
        mass = np.trapezoid(density, grid, axis=0)
        assert np.abs(mass - 1 / 20).max() < 0.006


@needs_scipy
@pytest.mark.parametrize("name", DISCRETE)
def test_counts_follow_the_probabilities(name):
    ember.manual_seed(0)
    d, n = DISCRETE[name](), 20000
    x = d.sample((n,))
    values = ember.arange(0, 80, dtype=ember.float64).reshape(-1, 1).expand(80, 2)
    if d.has_enumerate_support and name != "binomial":
        values = d.enumerate_support()
    d = d.expand((2,))
    inside = values.clamp(max=5) if name == "binomial" else values
    for column in range(2):
        for value in range(min(len(values), 6)):
            wanted = d.log_prob(inside[value]).exp()[column].item()
            found = (x[:, column] == value).double().mean().item()
            assert found == pytest.approx(wanted, abs=0.012)


@needs_scipy
@pytest.mark.parametrize("name", [n for n in CONTINUOUS if n not in ("cauchy", "von mises")])
def test_moments_are_those_of_the_samples(name):
    ember.manual_seed(1)
    d = CONTINUOUS[name]()
    x = d.sample((20000,))
    spread = d.stddev.clamp(max=5)
    assert bool(((x.mean(0) - d.mean).abs() < 0.05 * spread + 0.02).all())


@needs_scipy
@pytest.mark.parametrize("name", ["cauchy", "exponential", "gumbel", "half normal", "laplace",
                                  "log normal", "normal", "pareto", "uniform", "weibull"])
def test_icdf_inverts_cdf(name):
    d = CONTINUOUS[name]()
    for level in (0.01, 0.4, 0.97):
        assert d.cdf(d.icdf(tensor(level, level))).tolist() == pytest.approx([level] * 2, rel=1e-7)


# -- gradients through samples ---------------------------------------------------------------------


@needs_scipy
@pytest.mark.parametrize("alpha", [0.05, 0.7, 1.0, 3.0, 200.0])
def test_gamma_samples_move_along_their_distribution(alpha):
    """The distribution function stays what it is when a parameter and its samples move."""
    from scipy import special, stats

    ember.manual_seed(0)
    a = ember.full((50,), alpha, dtype=ember.float64, requires_grad=True)
    x = D.Gamma(a, 1.0).rsample()
    x.sum().backward()
    x, h = x.detach().cpu().numpy(), 1e-5 * alpha
    slope = (special.gammainc(alpha - h, x) - special.gammainc(alpha + h, x)) / (2 * h)
    wanted = slope / stats.gamma.pdf(x, alpha)
    np.testing.assert_allclose(a.grad.cpu().numpy(), wanted, rtol=1e-5, atol=1e-12)


@needs_scipy
@pytest.mark.parametrize(("alpha", "beta"), [(0.1, 0.3), (2.0, 0.5), (1.0, 1.0), (80.0, 5.0)])
def test_beta_samples_move_along_their_distribution(alpha, beta):
    from scipy import special, stats

    ember.manual_seed(0)
    a, b = (ember.full((50,), v, dtype=ember.float64, requires_grad=True) for v in (alpha, beta))
    x = D.Beta(a, b).rsample()
    x.sum().backward()
    x = x.detach().cpu().numpy()
    for leaf, da, db in ((a, 1e-5 * alpha, 0), (b, 0, 1e-5 * beta)):
        slope = special.betainc(alpha - da, beta - db, x) - special.betainc(
            alpha + da, beta + db, x)
        wanted = slope / (2 * (da + db)) / stats.beta.pdf(x, alpha, beta)
        np.testing.assert_allclose(leaf.grad.cpu().numpy(), wanted, rtol=1e-4, atol=1e-9)


@needs_scipy
def test_dirichlet_gradients_raise_what_they_should():
    """d E[x₀] / dα₀ = (α − α₀) / α², estimated from samples."""
    ember.manual_seed(0)
    concentration = tensor(2.0, 1.0, 3.0).requires_grad_()
    x = D.Dirichlet(concentration).rsample((4000,))
    assert x.sum(-1).tolist() == pytest.approx([1.0] * 4000)
    x[:, 0].mean().backward()
    assert concentration.grad.tolist() == pytest.approx([4 / 36, -2 / 36, -2 / 36], abs=0.004)


def test_gradients_pass_through_transforms_and_straight_through():
    loc = tensor(0.3).requires_grad_()
    d = D.TransformedDistribution(D.Normal(loc, 1.0), [D.AffineTransform(1.0, 2.0)])
    d.rsample((3,)).sum().backward()
    assert loc.grad.item() == 6.0
    logits = ember.zeros(3, requires_grad=True)
    sample = D.OneHotCategoricalStraightThrough(logits=logits).rsample()
    assert sorted(sample.tolist()) == pytest.approx([0, 0, 1])
    sample[0].backward()
    assert logits.grad.tolist() == pytest.approx([2 / 9, -1 / 9, -1 / 9])


# -- the base class --------------------------------------------------------------------------------


class Shifted(D.Normal):
    """A subclass with a constructor of its own."""

    def __init__(self, shift):
        self.shift = shift
        super().__init__(shift, 1.0)


def test_expand_makes_views_and_asks_for_expand_of_own_constructors():
    d = D.Normal(ember.zeros(3), ember.ones(3)).expand((2, 3))
    assert d.batch_shape == (2, 3) and d.loc.stride() == (0, 1)
    assert d.sample().shape == (2, 3)
    with pytest.raises(NotImplementedError, match="Shifted of Normal that defines a custom"):
        Shifted(ember.zeros(3)).expand((2, 3))
    with pytest.raises(NotImplementedError, match="does not define expand"):
        D.Distribution(validate_args=False).expand((2,))


def test_expand_drops_what_was_computed_for_the_old_shape():
    d = D.LowRankMultivariateNormal(ember.zeros(2), ember.ones(2, 1), ember.ones(2))
    assert d.variance.shape == (2,)
    assert d.expand((3,)).variance.shape == (3, 2)
    bernoulli = D.Bernoulli(ember.tensor([0.3, 0.6]))
    assert bernoulli.logits.shape == (2,) and bernoulli.expand((4, 2)).logits.shape == (4, 2)


def test_lazy_parameters_are_computed_once_with_gradients():
    probs = ember.tensor([0.3], requires_grad=True)
    d = D.Bernoulli(probs)
    with ember.no_grad():
        logits = d.logits
    assert logits.requires_grad and d.logits is logits


def test_validation_can_be_switched_off():
    with pytest.raises(ValueError, match="Expected parameter scale"):
        D.Normal(0.0, -1.0)
    assert D.Normal(0.0, -1.0, validate_args=False).scale.item() == -1.0
    D.Distribution.set_default_validate_args(False)
    try:
        assert D.Normal(0.0, -1.0).scale.item() == -1.0
    finally:
        D.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="True or False"):
        D.Distribution.set_default_validate_args("yes")


class Bare(D.Distribution):
    """A distribution without constraints."""


def test_a_class_without_constraints_warns():
    with pytest.warns(UserWarning, match="does not define `arg_constraints`"):
        bare = Bare()
    with pytest.warns(UserWarning, match="does not define `support`"):
        bare._validate_sample(ember.tensor(1.0))
    with pytest.raises(NotImplementedError, match="does not implement mode"):
        _ = bare.mode
    with pytest.warns(FutureWarning, match="sample_n"), pytest.raises(NotImplementedError):
        bare.sample_n(3)


def test_bad_values_name_the_support():
    with pytest.raises(ValueError, match=r"within the support \(GreaterThanEq\(lower_bound=0.0\)"):
        D.Exponential(1.0).log_prob(ember.tensor(-1.0))
    with pytest.raises(ValueError, match="not broadcastable"):
        D.Normal(ember.zeros(2), 1.0).log_prob(ember.zeros(3))


# -- divergences -----------------------------------------------------------------------------------


def test_divergences_are_expected_log_ratios():
    ember.manual_seed(0)
    p, q = D.Normal(0.5, 1.2), D.Laplace(0.0, 2.0)
    x = p.sample((50000,))
    estimate = (p.log_prob(x) - q.log_prob(x)).mean().item()
    assert D.kl_divergence(p, q).item() == pytest.approx(estimate, abs=0.01)
    assert D.kl_divergence(p, D.Uniform(0.0, 1.0)).item() == math.inf


class First(D.Normal):
    pass


class Second(First):
    pass


def test_the_nearest_formula_is_used_and_ambiguity_warns():
    from ember.distributions.kl import registry

    before = dict(registry._formulas)
    try:
        D.register_kl(First, D.Normal)(lambda p, q: "first")
        assert D.kl_divergence(Second(0.0, 1.0), D.Normal(0.0, 1.0)) == "first"
        D.register_kl(D.Normal, Second)(lambda p, q: "second")
        with pytest.warns(RuntimeWarning, match=r"Please register_kl\(First, Second\)"):
            assert D.kl_divergence(First(0.0, 1.0), Second(0.0, 1.0)) == "first"
    finally:
        registry._formulas.clear()
        registry._formulas.update(before)
        registry._formula_for.cache_clear()
    with pytest.raises(TypeError, match="type_p to be a Distribution subclass"):
        D.register_kl(int, D.Normal)
    with pytest.raises(NotImplementedError, match="p type Cauchy and q type Normal"):
        D.kl_divergence(D.Cauchy(0.0, 1.0), D.Normal(0.0, 1.0))


# -- transforms ------------------------------------------------------------------------------------


@pytest.mark.parametrize("transform", [
    D.ExpTransform(), D.SigmoidTransform(), D.TanhTransform(), D.SoftplusTransform(),
    D.AffineTransform(1.0, -3.0), D.ExpTransform().inv,
    D.ComposeTransform([D.AffineTransform(0.5, 2.0), D.TanhTransform()])])
def test_slopes_are_derivatives(transform):
    x = tensor(0.3, 0.9).requires_grad_()
    y = transform(x)
    (slope,) = ember.autograd.grad(y.sum(), x)
    found = transform.log_abs_det_jacobian(x, y)
    assert found.exp().tolist() == pytest.approx(slope.abs().tolist(), rel=1e-9)
    assert transform.inv(y).tolist() == pytest.approx(x.tolist(), rel=1e-9)


@pytest.mark.parametrize(("transform", "size"), [(D.StickBreakingTransform(), 3),
                                                 (D.CorrCholeskyTransform(), 3)])
def test_determinants_are_those_of_the_jacobian(transform, size):
    x = tensor(0.3, -0.5, 0.9)
    y = transform(x)
    assert bool(transform.codomain.check(y))
    jacobian = ember.autograd.functional.jacobian(transform, x)
    free = jacobian[:-1] if jacobian.ndim == 2 else jacobian[(1, 2, 2), (0, 0, 1)]
    wanted = ember.linalg.slogdet(free).logabsdet.item()
    assert transform.log_abs_det_jacobian(x, y).item() == pytest.approx(wanted)


def test_a_cached_inverse_is_exact():
    transform = D.TanhTransform(cache_size=1)
    x = ember.tensor(30.0)
    assert transform.inv(transform(x)) is x
    assert D.TanhTransform().inv(D.TanhTransform()(x)).item() == math.inf
    with pytest.raises(ValueError, match="cache_size must be 0 or 1"):
        D.ExpTransform(cache_size=2)


def test_a_seed_gives_these_samples():
    """Values that PyTorch 2.13 draws."""
    ember.manual_seed(0)
    gammas = D.Gamma(2.0, 1.0).sample((2,)).tolist()
    assert gammas == pytest.approx([4.5526227951049805, 1.3158268928527832])
    assert D.Binomial(100, ember.tensor(0.3)).sample((4,)).tolist() == [32.0, 25.0, 31.0, 29.0]
