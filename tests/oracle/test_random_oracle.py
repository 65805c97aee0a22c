"""Random numbers beside PyTorch: the same program with the same seed in both libraries.

Bit for bit, except where PyTorch's own logarithm, sine and cosine differ from NumPy's in the last
place (normal numbers), or double precision shows the last place of a logarithm.
"""

import numpy as np
import pytest
import torch

import ember

SIZES = (0, 1, 2, 15, 16, 17, 31, 100, 1000, 100003)
SEEDS = (0, 2147483647, (1 << 40) + 7)
FLOATS = ("float16", "float32", "float64")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
CACHED_NORMAL = slice(5024, 5032)  # a double: the only part of the state that floats enter


def host(t):
    return t.detach().numpy() if isinstance(t, (torch.Tensor, ember.Tensor)) else np.asarray(t)


def assert_same(program, absolute=0.0, relative=0.0):
    """Run program(library) in both, twice after each seed; compare results and generator states."""
    for seed in SEEDS:
        torch.manual_seed(seed)
        ember.manual_seed(seed)
        for _ in range(2):
            wanted, found = host(program(torch)), host(program(ember))
            assert found.dtype == wanted.dtype and found.shape == wanted.shape
            if absolute or relative:
                np.testing.assert_allclose(found, wanted, relative, absolute)
            else:
                np.testing.assert_array_equal(found, wanted)
            assert_same_state()


def assert_same_state():
    wanted, found = torch.get_rng_state().numpy(), ember.get_rng_state().numpy()
    np.testing.assert_allclose(found[CACHED_NORMAL].view(np.float64),
                               wanted[CACHED_NORMAL].view(np.float64), rtol=1e-15)
    found[CACHED_NORMAL] = wanted[CACHED_NORMAL]
    np.testing.assert_array_equal(found, wanted)


# The tolerances: half precision may round the last place of single the other way.
CLOSE = {"float16": (1e-3, 1e-3), "float32": (5e-7, 3e-7), "float64": (1e-15, 1e-15)}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", SIZES)
class TestFloats:
    def test_rand(self, n, dtype):
        assert_same(lambda m: m.rand(n, dtype=getattr(m, dtype)))

    @pytest.mark.parametrize("bounds", [(-0.3, 0.7), (-0.1, 0.1), (5, 5), (1e-3, 1e3)])
    def test_uniform_(self, n, dtype, bounds):
        assert_same(lambda m: m.empty(n, dtype=getattr(m, dtype)).uniform_(*bounds))

    def test_randn(self, n, dtype):
        assert_same(lambda m: m.randn(n, dtype=getattr(m, dtype)), *CLOSE[dtype])

    def test_normal_(self, n, dtype):
        absolute, relative = CLOSE[dtype]
        assert_same(lambda m: m.empty(n, dtype=getattr(m, dtype)).normal_(2, 3),
                    4 * absolute, relative)

    def test_normal_of_a_strided_tensor(self, n, dtype):
        # by pairs in double: exact, but for the last place of a double
        close = (1e-15, 1e-15) if dtype == "float64" else (0, 0)
        assert_same(lambda m: m.empty(n, 2, dtype=getattr(m, dtype))[:, 0].normal_(), *close)

    @pytest.mark.parametrize("method, args", [
        ("exponential_", (1.7,)), ("log_normal_", (0.1, 0.5)), ("geometric_", (0.3,))])
    def test_other_distributions(self, n, dtype, method, args):
        relative = 1e-15 if dtype == "float64" else 0
        assert_same(lambda m: getattr(m.empty(n, dtype=getattr(m, dtype)), method)(*args),
                    relative=relative)

    def test_cauchy_(self, n, dtype):  # the tangent magnifies the last place near its poles
        assert_same(lambda m: m.empty(n, dtype=getattr(m, dtype)).cauchy_(0.3, 1.7),
                    relative=1e-12 if dtype == "float64" else 0)


@pytest.mark.parametrize("n", SIZES)
class TestIntegers:
    @pytest.mark.parametrize("span", [
        (0, 10), (-5, 7), (0, (1 << 28) - 1), (0, 1 << 28), (-(1 << 31), 1 << 31), (0, 1 << 32),
        (-(1 << 62), 1 << 62), (-(1 << 63), (1 << 63) - 1)])
    def test_randint(self, n, span):
        assert_same(lambda m: m.randint(*span, (n,)))

    def test_randint_over_all_64_bits(self, n):
        assert_same(lambda m: m.empty(n, dtype=m.int64).random_(-(1 << 63), None))

    @pytest.mark.parametrize("dtype", FLOATS + INTEGERS + ("bool",))
    def test_random_(self, n, dtype):
        assert_same(lambda m: m.empty(n, dtype=getattr(m, dtype)).random_())

    @pytest.mark.parametrize("dtype", FLOATS + INTEGERS)
    def test_randint_of_each_dtype(self, n, dtype):
        assert_same(lambda m: m.randint(3, 100, (n,), dtype=getattr(m, dtype)))

    @pytest.mark.parametrize("dtype", ("float16", "int8", "float32"))
    def test_random_up_to_the_largest(self, n, dtype):
        assert_same(lambda m: m.empty(n, dtype=getattr(m, dtype)).random_(100, None))

    def test_randperm(self, n):
        assert_same(lambda m: m.randperm(n))

    @pytest.mark.parametrize("p", (0.0, 0.3, 1.0, 1e-300, 1 - 2.0**-53))
    @pytest.mark.parametrize("dtype", ("float32", "bool", "int64"))
    def test_bernoulli_(self, n, p, dtype):
        assert_same(lambda m: m.empty(n, dtype=getattr(m, dtype)).bernoulli_(p))

    @pytest.mark.parametrize("dtype", FLOATS)
    def test_bernoulli(self, n, dtype):
        assert_same(lambda m: m.bernoulli(m.rand(n, dtype=getattr(m, dtype))))


LAYOUTS = {
    "transposed": lambda x: x.permute(2, 0, 1),
    "every second": lambda x: x[:, ::2],
    "column": lambda x: x[..., 1],
    "narrowed": lambda x: x[1:, 1:],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("method", ("uniform_", "normal_", "bernoulli_", "exponential_"))
def test_strided_targets_are_filled_along_their_memory(layout, method):
    def program(m):
        whole = m.zeros(4, 6, 5)
        getattr(LAYOUTS[layout](whole), method)()
        return whole

    assert_same(program)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_like_functions_keep_the_layout(layout):
    def program(m):
        x = LAYOUTS[layout](m.zeros(4, 6, 5))
        return m.cat([m.rand_like(x), m.randn_like(x), m.randint_like(x, 2, 9)])

    assert_same(program, 5e-7)


def test_bernoulli_of_probabilities_in_another_layout():
    def program(m):
        p = m.rand(5, 4).t()
        return m.cat([m.bernoulli(p), m.zeros(4, 5).bernoulli_(p), m.zeros(5, 4).t().bernoulli_(p)])

    assert_same(program)


def test_interleaved_calls_share_the_cached_normal():
    def program(m):
        return m.cat([m.randn(3), m.rand(5), m.randn(20), m.randn(4), m.empty(7).log_normal_(),
                      m.randn(1), m.randint(9, (3,)).float(), m.normal(2.0, 3.0, (1,))])

    assert_same(program, 5e-7)


def test_normal_overloads():
    def program(m):
        mean, std = m.linspace(-1, 1, 20), m.linspace(0, 2, 20)
        return m.cat([m.normal(mean, std), m.normal(mean, 2.0), m.normal(0.5, std),
                      m.normal(mean[:4, None], std[:5]).flatten(), m.normal(1, 2, size=(3,))])

    assert_same(program, 2e-6)


def test_complex_numbers():
    assert_same(lambda m: m.rand(33, dtype=m.complex64))
    assert_same(lambda m: m.randn(33, dtype=m.complex64), 5e-7)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(27,), (3, 5), (7, 1000), (2, 50257)])
@pytest.mark.parametrize("k, replacement", [
    (1, False), (2, False), (5, False), (1, True), (20, True)])
def test_multinomial(dtype, shape, k, replacement):
    p = np.random.default_rng(9).random(shape).astype(dtype)
    assert_same(lambda m: m.multinomial(m.from_numpy(p), k, replacement))


@pytest.mark.parametrize("scale", (3, 30, 3000))
def test_poisson(scale):
    assert_same(lambda m: m.poisson(m.rand(200, dtype=m.float64) * scale))


DROPOUTS = {
    "dropout": lambda m: m.nn.functional.dropout(m.ones(1000) * 1.7, 0.3),
    "dropout in place": lambda m: m.nn.functional.dropout(m.ones(1000) * 1.7, 0.3, True, True),
    "dropout of everything": lambda m: m.nn.functional.dropout(m.ones(1000), 1.0),
    "Dropout": lambda m: m.nn.Dropout(0.2)(m.rand(50, 20)),
    "Dropout1d": lambda m: m.nn.Dropout1d(0.5)(m.ones(4, 10, 3)),
    "Dropout2d": lambda m: m.nn.Dropout2d(0.5)(m.ones(4, 10, 3, 3)),
    "Dropout3d": lambda m: m.nn.Dropout3d(0.5)(m.ones(2, 10, 3, 3, 3)),
    "AlphaDropout": lambda m: m.nn.AlphaDropout(0.3)(m.rand(50, 20)),
    "FeatureAlphaDropout": lambda m: m.nn.FeatureAlphaDropout(0.3)(m.rand(4, 10, 3, 3)),
}


@pytest.mark.parametrize("what", DROPOUTS)
def test_dropout(what):
    assert_same(DROPOUTS[what])


def parameters(layer):
    return lambda m: m.cat([p.detach().flatten() for p in layer(m).parameters()])


@pytest.mark.parametrize("layer", [
    lambda m: m.nn.Linear(30, 20), lambda m: m.nn.Conv1d(4, 6, 5), lambda m: m.nn.Conv2d(3, 16, 3),
    lambda m: m.nn.LSTM(8, 16, 2), lambda m: m.nn.GRU(8, 16)])
def test_default_initialisation(layer):
    assert_same(parameters(layer))


def test_default_initialisation_of_embeddings():
    assert_same(parameters(lambda m: m.nn.Embedding(100, 16)), 5e-7)


@pytest.mark.parametrize("name, absolute", [
    ("uniform_", 0), ("xavier_uniform_", 0), ("kaiming_uniform_", 0), ("normal_", 5e-7),
    ("xavier_normal_", 1e-7), ("kaiming_normal_", 2e-7), ("trunc_normal_", 5e-7)])
def test_initialisers(name, absolute):
    assert_same(lambda m: getattr(m.nn.init, name)(m.empty(30, 20)), absolute)


@pytest.mark.parametrize("options", [{}, {"drop_last": True}, {"batch_size": 1}])
def test_the_order_of_a_shuffling_loader(options):
    def program(m):
        data = m.utils.data.TensorDataset(m.arange(100))
        loader = m.utils.data.DataLoader(data, **{"batch_size": 8, **options}, shuffle=True)
        own = m.utils.data.DataLoader(data, 8, shuffle=True,
                                      generator=m.Generator().manual_seed(3))
        return m.cat([b for _ in range(2) for (b,) in loader] + [b for (b,) in own])

    assert_same(program)


def test_states_interchange():
    for draws in (0, 1, 624, 700):
        torch.manual_seed(draws - 1)
        torch.empty(draws, dtype=torch.int32).random_()
        torch.randn(1)
        ember.set_rng_state(ember.from_numpy(torch.get_rng_state().numpy()))
        assert_same_state()
        assert ember.initial_seed() == torch.initial_seed()
        torch.set_rng_state(torch.from_numpy(ember.get_rng_state().numpy()))
        assert_same_state()
        np.testing.assert_array_equal(ember.rand(9).numpy(), torch.rand(9).numpy())


@pytest.mark.parametrize("seed", (-1, -(1 << 63), (1 << 64) - 1, 0, 1.7, "3"))
def test_seeds(seed):
    wanted, found = torch.manual_seed(seed), ember.manual_seed(seed)
    assert found.initial_seed() == wanted.initial_seed()
    np.testing.assert_array_equal(ember.rand(3).numpy(), torch.rand(3).numpy())


def test_generators_stand_apart():
    def program(m):
        g = m.Generator()
        first = m.rand(3, generator=g)
        g.manual_seed(5)
        return m.cat([first, m.rand(3, generator=g), m.rand(3), m.randperm(5, generator=g).float(),
                      g.clone_state().get_state()[:8].float()])

    assert_same(program)


REFUSED = {
    "rand of integers": lambda m: m.rand(3, dtype=m.int64),
    "randn of integers": lambda m: m.randn(3, dtype=m.int64),
    "negative size": lambda m: m.rand(-1),
    "fractional size": lambda m: m.rand(2.5),
    "no size": lambda m: m.rand(),
    "no generator": lambda m: m.rand(2, generator=3),
    "unknown keyword": lambda m: m.rand(2, seed=3),
    "randint without size": lambda m: m.randint(10),
    "randint of an int size": lambda m: m.randint(10, 2),
    "randint of floats": lambda m: m.randint(0.0, 3.0, (2,)),
    "randint of nothing": lambda m: m.randint(5, 5, (2,)),
    "randint beyond uint8": lambda m: m.randint(0, 300, (2,), dtype=m.uint8),
    "randint below uint8": lambda m: m.randint(-1, 2, (2,), dtype=m.uint8),
    "randint with gradient": lambda m: m.randint(0, 3, (2,), requires_grad=True),
    "randperm of -1": lambda m: m.randperm(-1),
    "randperm of 2.5": lambda m: m.randperm(2.5),
    "randperm beyond uint8": lambda m: m.randperm(300, dtype=m.uint8),
    "randperm beyond half": lambda m: m.randperm(5000, dtype=m.float16),
    "randperm of bool": lambda m: m.randperm(3, dtype=m.bool),
    "uniform backwards": lambda m: m.empty(3).uniform_(2, 1),
    "uniform of NaN": lambda m: m.empty(3).uniform_(float("nan"), 1),
    "uniform too wide": lambda m: m.empty(3).uniform_(-3e38, 3e38),
    "negative std": lambda m: m.empty(3).normal_(0, -1),
    "normal without size": lambda m: m.normal(0.0, 1.0),
    "negative std in a tensor": lambda m: m.normal(m.zeros(2), m.tensor([1.0, -1.0])),
    "normal of other shapes": lambda m: m.normal(m.zeros(2), m.ones(3)),
    "bernoulli of 2": lambda m: m.empty(3).bernoulli_(2),
    "bernoulli of a tensor with 2": lambda m: m.bernoulli(m.tensor([2.0])),
    "bernoulli of integers": lambda m: m.bernoulli(m.tensor([1])),
    "bernoulli of other shapes": lambda m: m.empty(3).bernoulli_(m.ones(2, 1)),
    "exponential of 0": lambda m: m.empty(3).exponential_(0),
    "exponential of integers": lambda m: m.empty(3, dtype=m.int64).exponential_(),
    "geometric of 1": lambda m: m.empty(3).geometric_(1),
    "geometric of nothing": lambda m: m.empty(3).geometric_(),
    "cauchy of -1": lambda m: m.empty(3).cauchy_(0, -1),
    "log_normal of 0": lambda m: m.empty(3).log_normal_(0, 0),
    "random_ of nothing": lambda m: m.empty(3).random_(0),
    "random_ of a fraction": lambda m: m.empty(3, dtype=m.int32).random_(0.5, 3),
    "a leaf": lambda m: m.ones(3, requires_grad=True).uniform_(),
    "a view of a leaf": lambda m: m.ones(3, requires_grad=True).view(3).uniform_(),
    "overlapping memory": lambda m: m.ones(1).expand(3).uniform_(),
    "too many samples": lambda m: m.multinomial(m.ones(3), 4),
    "no samples": lambda m: m.multinomial(m.ones(3), 0),
    "multinomial of integers": lambda m: m.multinomial(m.tensor([1, 2]), 1),
    "multinomial in 3 dimensions": lambda m: m.multinomial(m.ones(2, 2, 2), 1),
    "negative weight": lambda m: m.multinomial(m.tensor([1.0, -1.0]), 1),
    "NaN weight": lambda m: m.multinomial(m.tensor([1.0, float("nan")]), 2, True),
    "infinite weight": lambda m: m.multinomial(m.tensor([1.0, float("inf")]), 1),
    "all weights zero": lambda m: m.multinomial(m.zeros(3), 2, True),
    "poisson of -1": lambda m: m.poisson(m.tensor([-1.0])),
    "poisson of integers": lambda m: m.poisson(m.tensor([1])),
    "seed too large": lambda m: m.manual_seed(1 << 64),
    "seed of a generator no integer": lambda m: m.Generator().manual_seed(1.5),
    "state too short": lambda m: m.set_rng_state(m.zeros(10, dtype=m.uint8)),
    "state of floats": lambda m: m.set_rng_state(m.zeros(5056)),
    "state of zeros": lambda m: m.set_rng_state(m.zeros(5056, dtype=m.uint8)),
    "state no tensor": lambda m: m.Generator().set_state([1]),
    "out of another dtype": lambda m: m.rand(3, out=m.empty(3, dtype=m.float64), dtype=m.float32),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refusals(what):
    with pytest.raises(Exception) as wanted:
        REFUSED[what](torch)
    ember.manual_seed(0)
    before = ember.get_rng_state().numpy()
    with pytest.raises(wanted.type) as found:
        REFUSED[what](ember)
    assert found.type is wanted.type
    np.testing.assert_array_equal(ember.get_rng_state().numpy(), before)
