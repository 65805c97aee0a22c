"""The distributions that are compared with PyTorch's: constructor arguments by family.

A value is a number, or an array with the sizes that it has in one of several shapes.
"""

import numpy as np


def positive(*shape):
    return np.exp(np.random.default_rng(sum(shape) + len(shape)).normal(size=shape))


def real(*shape):
    return np.random.default_rng(7 + sum(shape)).normal(size=shape)


def unit(*shape):
    return np.random.default_rng(3 + sum(shape)).uniform(0.05, 0.95, size=shape)


def simplex(*shape):
    weights = positive(*shape)
    return weights / weights.sum(-1, keepdims=True)


def spd(*shape):
    a = real(*shape)
    return a @ a.swapaxes(-1, -2) + 2 * np.eye(shape[-1])


def tril(*shape):
    return np.linalg.cholesky(spd(*shape))


def two(make, *others):
    """Two parameters: numbers, vectors, matrices, and shapes that broadcast."""
    second = others[0] if others else make
    first_number, second_number = float(make(1)[0]), float(second(1)[0])
    return [(first_number, second_number), (make(3), second(3)), (make(2, 1), second(3)),
            (make(), second(2, 3)), (make(4), second_number)]


def one(make):
    return [(float(make(1)[0]),), (make(),), (make(3),), (make(2, 3),)]


def probs_or_logits(*before):
    both = [{"probs": 0.3}, {"logits": -0.4}, {"probs": unit(3)}, {"logits": real(2, 3)},
            {"probs": unit(2, 1)}]
    return [before + (keywords,) for keywords in both]


def categories(*before):
    both = [{"probs": simplex(4)}, {"logits": real(3)}, {"probs": positive(2, 3)},
            {"logits": real(2, 1, 5)}]
    return [before + (keywords,) for keywords in both]


# Family: constructor arguments, each a tuple that may end with a dict of keywords.
CASES = {
    "Bernoulli": probs_or_logits(),
    "Beta": two(positive),
    "Binomial": [*probs_or_logits(5)[:3], (np.array([1.0, 40.0, 0.0]), {"probs": unit(3)}),
                 (50, {"probs": unit(2, 3)}), (7, {"logits": real(2, 3)})],
    "Categorical": categories(),
    "Cauchy": two(real, positive),
    "Chi2": one(positive),
    "ContinuousBernoulli": [({"probs": 0.3},), ({"logits": -0.8},), ({"probs": unit(3)},),
                            ({"logits": positive(2, 3)},),
                            ({"probs": np.array([0.2, 0.4995, 0.5])},)],
    "Dirichlet": [(positive(3),), (positive(2, 4),), (positive(2, 1, 2),),
                  (np.array([[0.2, 0.5], [0.3, 2.0]]),)],
    "Exponential": one(positive),
    "FisherSnedecor": two(lambda *s: 5 * positive(*s)),
    "Gamma": two(positive),
    "GeneralizedPareto": [(0.5, 1.0, 0.2), (real(3), positive(3), np.array([-0.4, 0.0, 0.7])),
                          (real(2, 1), positive(3), real(3))],
    "Geometric": probs_or_logits(),
    "Gumbel": two(real, positive),
    "HalfCauchy": one(positive),
    "HalfNormal": one(positive),
    "InverseGamma": two(positive),
    "Kumaraswamy": two(positive),
    "LKJCholesky": [(2, 1.0), (3, 0.5), (4, 1 + positive(2)), (3, 1 + positive(2, 1))],
    "Laplace": two(real, positive),
    "LogNormal": two(real, positive),
    "LogisticNormal": [(real(3), positive(3)), (real(2, 3), positive(2, 3)), (0.3, 0.8)],
    "LowRankMultivariateNormal": [
        (real(3), real(3, 2), positive(3)), (real(2, 3), real(3, 1), positive(3)),
        (real(4, 1, 3), real(2, 3, 2), positive(2, 3))],
    "Multinomial": categories(6),
    "MultivariateNormal": [
        (real(3), {"covariance_matrix": spd(3, 3)}), (real(2, 3), {"scale_tril": tril(3, 3)}),
        (real(3), {"precision_matrix": spd(2, 3, 3)}),
        (real(4, 1, 2), {"scale_tril": tril(3, 2, 2)}),
        (real(2, 2), {"covariance_matrix": spd(2, 2, 2)})],
    "NegativeBinomial": [*probs_or_logits(4.0)[:1], (positive(3), {"probs": unit(3)}),
                         (3, {"logits": real(2, 3)})],
    "Normal": two(real, positive),
    "OneHotCategorical": categories(),
    "OneHotCategoricalStraightThrough": categories(),
    "Pareto": two(positive, lambda *s: 3 * positive(*s)),
    "Poisson": [*one(positive), (30 * positive(3),)],
    "RelaxedBernoulli": [(np.array(0.7), *case) for case in probs_or_logits()],
    "LogitRelaxedBernoulli": [(np.array(0.7), *case) for case in probs_or_logits()],
    "RelaxedOneHotCategorical": [(np.array(0.7), *case) for case in categories()],
    "StudentT": [(3.5,), (4 * positive(3),), (4 * positive(2, 1), real(3), positive(3)),
                 (np.array([0.5, 1.5, 2.5]), 1.0, 2.0)],
    "Uniform": [(0.0, 1.0), (real(3), real(3) + positive(3)), (real(2, 1), 4.0 + positive(3))],
    "VonMises": two(real, positive),
    "Weibull": two(positive),
    "Wishart": [(4.0, {"covariance_matrix": spd(3, 3)}), (np.array([5.0, 6.0]), {
        "scale_tril": tril(3, 3)}), (np.array(4.5), {"precision_matrix": spd(2, 3, 3)})],
}


def build(library, namespace, name, case, dtype, wrap=lambda tensor: tensor):
    """One library's distribution; the array arguments become tensors, passed through `wrap`."""
    def convert(value):
        if not isinstance(value, np.ndarray):
            return value
        return wrap(library.tensor(value, dtype=getattr(library, dtype)))

    keywords = case[-1] if isinstance(case[-1], dict) else {}
    positional = case[:-1] if keywords else case
    return getattr(namespace, name)(*map(convert, positional),
                                    **{k: convert(v) for k, v in keywords.items()})
