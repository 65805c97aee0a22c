"""Random numbers: values printed by PyTorch 2.13, the streams behind them, and what is refused.

`tests/oracle/test_random_oracle.py` compares with PyTorch itself; these need none.
"""

import copy
import zlib

import numpy as np
import pytest

import ember
from ember.backends.random import Stream
from ember.backends.shuffle import inside_out, swap_all

SIZES = (0, 1, 15, 16, 17, 31, 100, 1000, 100003)

# CRC-32 of the bytes that PyTorch returns for each of SIZES after manual_seed(1337).
EXACT = {
    "rand": (lambda n: ember.rand(n), [
        0, 1077095021, 1523195584, 414457805, 221254167, 1169452337, 1343942028, 3889616386,
        4244859957]),
    "rand of double": (lambda n: ember.rand(n, dtype=ember.float64), [
        0, 2350303830, 3546187867, 3380094109, 184948593, 494238337, 384495397, 1980217833,
        3093851676]),
    "rand of half": (lambda n: ember.rand(n, dtype=ember.float16), [
        0, 791354697, 4036259236, 913627313, 1232380874, 4231905929, 4142391201, 3383070497,
        2943934544]),
    "uniform_": (lambda n: ember.empty(n).uniform_(-0.1, 0.3), [
        0, 574565123, 4029185597, 1702894131, 1663402985, 1180470405, 770445113, 3517614635,
        442020761]),
    "uniform_ of double": (lambda n: ember.empty(n, dtype=ember.float64).uniform_(-0.1, 0.3), [
        0, 2913360843, 2748971712, 1884577606, 2332893929, 1392161500, 3970315024, 273656343,
        562415298]),
    "randint": (lambda n: ember.randint(3, 10, (n,)), [
        0, 3066545372, 3230010765, 727201851, 4103069954, 1098143724, 2843354670, 3319239143,
        1633919555]),
    "randint of a wide range": (lambda n: ember.randint(-(2**40), 2**40, (n,)), [
        0, 163974901, 3754684016, 4186239667, 3271807073, 3132524708, 4262413636, 2458272841,
        1737583365]),
    "random_": (lambda n: ember.empty(n, dtype=ember.int64).random_(), [
        0, 3239646972, 3285180299, 910984120, 3516823513, 2709953092, 118438927, 1271169458,
        129338277]),
    "randperm": (lambda n: ember.randperm(n), [
        0, 1696784233, 1909501225, 3192011955, 4133721635, 1914437345, 1303262215, 1002371425,
        1337332652]),
    "bernoulli_": (lambda n: ember.empty(n).bernoulli_(0.3), [
        0, 558161692, 54226487, 649065178, 629081220, 908473631, 4051793934, 3166674692,
        192924622]),
    "bernoulli": (lambda n: ember.bernoulli(ember.rand(n)), [
        0, 558161692, 3224847594, 4055459319, 1697840912, 1836137416, 584936446, 4219186921,
        1147883165]),
}

# Size -> the last two of randn(size), then randn(2), after manual_seed(1337).
NORMALS = {
    1: [-2.025992, -2.065509, -1.205363],
    15: [0.581458, -0.028164, -0.174403, -1.222148],
    16: [-0.921115, 1.543297, 0.137842, -0.388915],
    17: [2.508587, 0.166182, 0.945953, -0.363796],
    31: [0.57182, -0.597354, -0.561524, 0.061065],
    1000: [-0.873325, -0.904296, -0.948098, -0.189817],
    100003: [0.677085, -0.587608, 1.805514, 0.308662],
}

SAMPLES = {
    "randint": (lambda: ember.randint(10, (6,)), [5, 7, 2, 0, 5, 3]),
    "randperm": (lambda: ember.randperm(8), [7, 4, 1, 3, 0, 6, 2, 5]),
    "randn of double": (lambda: ember.randn(2, dtype=ember.float64),
                        [-2.0259920698748135, -2.0655088862897606]),
    "bernoulli_": (lambda: ember.empty(8).bernoulli_(0.3), [0, 0, 0, 0, 0, 0, 0, 1]),
    "exponential_": (lambda: ember.empty(3).exponential_(), [0.984937, 4.185485, 0.924089]),
    "geometric_": (lambda: ember.empty(3).geometric_(0.3), [2, 1, 2]),
    "cauchy_": (lambda: ember.empty(3).cauchy_(), [0.419882, 20.905107, 0.335747]),
    "log_normal_": (lambda: ember.empty(3).log_normal_(), [0.047265, 0.043673, 0.243966]),
    "random_ of uint8": (lambda: ember.empty(3, dtype=ember.uint8).random_(), [151, 189, 92]),
    "random_ of float": (lambda: ember.empty(3).random_(), [1313876, 8314926, 10453812]),
    "normal of numbers": (lambda: ember.normal(2.0, 0.5, (3,)), [0.987004, 0.967246, 1.397319]),
    "normal of tensors": (lambda: ember.normal(ember.arange(3.0), ember.ones(3)),
                          [-2.025992, -1.065509, 0.794637]),
    "poisson": (lambda: ember.poisson(ember.tensor([0.5, 4.0, 100.0, 1000.0])),
                [2, 4, 110, 949]),
    "multinomial, one": (lambda: ember.multinomial(ember.tensor([0.1, 0.2, 0.7]), 1), [2]),
    "multinomial, several": (
        lambda: ember.multinomial(ember.tensor([[0.1, 0.2, 0.7], [0.3, 0.3, 0.4]]), 2),
        [[2, 0], [1, 2]]),
    "multinomial, replacing": (
        lambda: ember.multinomial(ember.tensor([0.1, 0.2, 0.7]), 8, True),
        [2, 2, 2, 2, 2, 2, 2, 0]),
}


@pytest.mark.parametrize("name", EXACT)
def test_equal_to_pytorch_bit_for_bit(name):
    program, checksums = EXACT[name]
    for n, wanted in zip(SIZES, checksums, strict=True):
        ember.manual_seed(1337)
        assert zlib.crc32(program(n).cpu().numpy().tobytes()) == wanted, n


@pytest.mark.parametrize("n", NORMALS)
def test_normals_equal_to_pytorch(n):
    ember.manual_seed(1337)
    x, y = ember.randn(n), ember.randn(2)
    np.testing.assert_allclose(x[-2:].tolist() + y.tolist(), NORMALS[n], rtol=0, atol=1.5e-6)


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_equal_to_pytorch(name):
    program, wanted = SAMPLES[name]
    ember.manual_seed(1337)
    np.testing.assert_allclose(program().tolist(), wanted, rtol=1e-5)


def test_the_lecture_that_samples_names():
    g = ember.Generator().manual_seed(2147483647)
    p = ember.rand(3, generator=g)
    p = p / p.sum()
    assert ember.multinomial(p, num_samples=20, replacement=True, generator=g).tolist() == [
        1, 1, 2, 0, 0, 2, 1, 1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1]

    letters = ember.tensor([
        0.0, 4410, 1306, 1542, 1690, 1531, 417, 669, 874, 591, 2422, 2963, 1572, 2538, 1146, 394,
        515, 92, 1639, 2055, 1308, 78, 376, 307, 134, 535, 929])
    p = letters / letters.sum()
    g = ember.Generator().manual_seed(2147483647)
    first = [ember.multinomial(p, 1, replacement=True, generator=g).item() for _ in range(5)]
    assert first == [3, 5, 24, 2, 13]
    assert ember.multinomial(p, 10, True, generator=g).tolist() == [
        2, 5, 26, 4, 3, 20, 5, 19, 13, 12]


def test_strided_tensors_are_filled_along_their_memory():
    ember.manual_seed(0)
    x = ember.zeros(2, 3).t().uniform_()
    np.testing.assert_allclose(x.tolist(), [
        [0.496257, 0.132030], [0.768222, 0.307423], [0.088477, 0.634079]], rtol=1e-5)
    ember.manual_seed(0)
    y = ember.randn_like(ember.zeros(4, 5).t())  # keeps the layout, so it is filled by pairs
    np.testing.assert_allclose(y.flatten()[:4].tolist(), [
        1.540996, -1.398595, -0.596635, 0.122701], rtol=1e-5)
    assert ember.rand(1).item() == pytest.approx(0.5262957811355591, rel=1e-6)


# -- what draws from the stream --------------------------------------------------------------------


def test_dropout_keeps_what_pytorch_keeps():
    ember.manual_seed(1337)
    kept = ember.nn.functional.dropout(ember.ones(10), 0.3)
    assert (kept != 0).tolist() == [bool(k) for k in (1, 0, 1, 1, 1, 1, 1, 1, 0, 1)]
    assert kept.max().item() == pytest.approx(1 / 0.7)
    ember.manual_seed(1337)
    kept = ember.nn.Dropout2d(0.5)(ember.ones(2, 4, 1, 2))
    assert kept[:, :, 0, 0].tolist() == [[0, 0, 0, 0], [2, 0, 2, 2]]


def test_layers_start_where_pytorchs_start():
    for layer, values in (
            (lambda: ember.nn.Linear(3, 2), [
                -0.4869174659252167, -0.0050613596104085445, 0.14214147627353668,
                -0.08956071734428406, -0.34596168994903564, -0.5442638397216797,
                0.09829212725162506, 0.22710175812244415]),
            (lambda: ember.nn.Conv2d(1, 1, 2), [
                -0.4216828942298889, -0.004383265972137451, 0.12309813499450684,
                -0.07756185531616211, -0.2996116280555725])):
        ember.manual_seed(1337)
        found = [v for p in layer().parameters() for v in p.flatten().tolist()]
        assert found == values  # bit for bit
    ember.manual_seed(1337)
    np.testing.assert_allclose(ember.nn.Embedding(2, 3).weight.tolist(), [
        [-2.025992, -2.065509, -1.205363], [-0.912224, -1.250222, 0.803234]], atol=1e-6)


def test_a_data_loader_shuffles_as_pytorchs():
    ember.manual_seed(1337)
    loader = ember.utils.data.DataLoader(list(range(8)), batch_size=4, shuffle=True)
    assert [b.tolist() for b in loader] == [[7, 5, 0, 4], [1, 6, 2, 3]]
    assert [b.tolist() for b in loader] == [[2, 5, 3, 1], [6, 4, 0, 7]]
    assert ember.rand(1).item() == pytest.approx(0.1761389970779419, rel=1e-6)
    ember.manual_seed(1337)
    assert ember.utils.data.random_split(list(range(6)), [4, 2])[0].indices == [1, 3, 2, 4]


# -- generators and states -------------------------------------------------------------------------


def test_the_state_has_pytorchs_layout():
    ember.manual_seed(0)
    assert zlib.crc32(ember.get_rng_state().numpy().tobytes()) == 1831558866
    ember.rand(700)
    assert zlib.crc32(ember.get_rng_state().numpy().tobytes()) == 1341282241


@pytest.mark.parametrize("draws", (0, 1, 623, 624, 625, 1248))
def test_a_state_continues_exactly(draws):
    g = ember.Generator().manual_seed(-3)
    ember.empty(draws, dtype=ember.int32).random_(generator=g)
    ember.randn(1, generator=g)  # leaves a cached normal
    state = g.get_state()
    copies = [ember.Generator().set_state(state), g.clone_state(), copy.deepcopy(g)]
    wanted = ember.randn(5, generator=g).tolist()
    for other in copies:
        assert other.initial_seed() == (1 << 64) - 3
        assert ember.randn(5, generator=other).tolist() == wanted


def test_a_fresh_generator_has_pytorchs_seed():
    assert ember.Generator().initial_seed() == 67280421310721
    assert str(ember.Generator().device) == "cpu"


def test_seed_draws_another_seed():
    g = ember.Generator()
    assert g.seed() == g.initial_seed() != g.seed()
    with ember.random.fork_rng():
        assert ember.seed() == ember.initial_seed()


def test_fork_rng_restores_the_state_after_errors_too():
    ember.manual_seed(0)
    with pytest.raises(KeyError), ember.random.fork_rng():
        ember.randn(3)
        raise KeyError
    with ember.random.fork_rng(enabled=False):
        ember.rand(1)
    assert ember.rand(1).item() == pytest.approx(0.7682217955589294)


def test_the_global_generator_is_the_default():
    ember.manual_seed(3)
    wanted = ember.rand(4).tolist()
    assert ember.manual_seed(3) is ember.default_generator
    assert ember.rand(4, generator=ember.default_generator).tolist() == wanted


@pytest.mark.parametrize("state", (
    np.zeros(10, np.uint8), np.zeros(5056, np.uint8), np.zeros(5056), np.zeros(5056, np.int8)))
def test_a_wrong_state_changes_nothing(state):
    before = ember.get_rng_state().numpy()
    with pytest.raises((RuntimeError, TypeError)):
        ember.set_rng_state(ember.from_numpy(state))
    np.testing.assert_array_equal(ember.get_rng_state().numpy(), before)


# -- in place and autograd -------------------------------------------------------------------------


def test_writing_goes_through_views():
    whole = ember.zeros(3, 4)
    whole[1].uniform_(1, 2)
    assert whole[0].sum() == whole[2].sum() == 0
    assert whole[1].min() >= 1


def test_a_leaf_that_requires_grad_is_refused():
    x = ember.ones(3, requires_grad=True)
    before = ember.get_rng_state().numpy()
    with pytest.raises(RuntimeError, match="uniform_: a leaf Variable"):
        x.uniform_()
    np.testing.assert_array_equal(ember.get_rng_state().numpy(), before)
    with ember.no_grad():
        assert x.uniform_() is x
    assert x.requires_grad


def test_a_saved_value_that_is_overwritten_is_noticed():
    x = ember.ones(3, requires_grad=True)
    y = x * 1
    z = y * y
    with ember.no_grad():
        y.normal_()
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        z.sum().backward()


@pytest.mark.parametrize("program", (
    lambda x: (x * 1).uniform_(), lambda x: ember.bernoulli(x), lambda x: ember.poisson(x),
    lambda x: ember.normal(x, 1.0), lambda x: ember.normal(0.0, x)))
def test_samples_have_gradient_zero(program):
    x = ember.tensor([0.2, 0.7], requires_grad=True)
    y = program(x)
    assert y.requires_grad
    y.sum().backward()
    assert x.grad.tolist() == [0, 0]


def test_options():
    assert ember.rand(2, 0, requires_grad=True).requires_grad
    assert ember.randn((2, 3), dtype=ember.float16).dtype is ember.float16
    assert ember.randint(3, (2,)).dtype is ember.int64
    out = ember.empty(3)
    assert ember.rand(3, out=out) is out
    assert ember.randperm(4, out=ember.empty(2)).shape == (4,)
    assert ember.rand(()).shape == ember.empty(()).normal_().shape == ()
    x = ember.zeros(2, 3)
    assert ember.rand_like(x, dtype=ember.float64).dtype is ember.float64
    assert ember.randint_like(x, 2, 5).dtype is ember.float32
    assert x.uniform_(**{"from": 4, "to": 5}).min() >= 4


def test_numbers_do_not_depend_on_the_device(device):
    for program in (lambda d: ember.randn(20, device=d), lambda d: ember.randperm(9, device=d),
                    lambda d: ember.empty(9, device=d).bernoulli_(0.5)):
        ember.manual_seed(7)
        wanted = program("cpu").tolist()
        ember.manual_seed(7)
        found = program(device)
        assert found.device.type == device.type and found.tolist() == wanted


@pytest.mark.parametrize("error, program", (
    (TypeError, lambda: ember.rand(2, generator=3)),
    (TypeError, lambda: ember.rand(2.5)),
    (TypeError, lambda: ember.rand(2, seed=1)),
    (TypeError, lambda: ember.randint(10)),
    (TypeError, lambda: ember.normal(0.0, 1.0)),
    (RuntimeError, lambda: ember.rand(-1)),
    (RuntimeError, lambda: ember.randint(5, 5, (2,))),
    (RuntimeError, lambda: ember.randint(0, 300, (2,), dtype=ember.uint8)),
    (RuntimeError, lambda: ember.empty(2).uniform_(2, 1)),
    (RuntimeError, lambda: ember.empty(2).normal_(0, -1)),
    (RuntimeError, lambda: ember.empty(2).bernoulli_(1.5)),
    (RuntimeError, lambda: ember.bernoulli(ember.tensor([float("nan")]))),
    (RuntimeError, lambda: ember.multinomial(ember.zeros(3), 1)),
    (RuntimeError, lambda: ember.multinomial(ember.ones(3), 4)),
    (RuntimeError, lambda: ember.multinomial(ember.ones(1).expand(2 ** 24 + 1), 4)),
    (NotImplementedError, lambda: ember.randn(2, dtype=ember.int64)),
    (ValueError, lambda: ember.manual_seed(1 << 64)),
))
def test_refusals_draw_nothing(error, program):
    before = ember.get_rng_state().numpy()
    with pytest.raises(error):
        program()
    np.testing.assert_array_equal(ember.get_rng_state().numpy(), before)


# -- the raw streams -------------------------------------------------------------------------------


@pytest.mark.host_only
@pytest.mark.parametrize("n", [*range(1, 12), 300])
def test_swaps_done_at_once_are_the_swaps_done_in_turn(n):
    rng = np.random.default_rng(n)
    for _ in range(30):
        words = rng.integers(0, 1 << 63, n).astype(np.uint64)
        partner = [i + int(w) % (n - i) for i, w in enumerate(words)]
        wanted = list(range(n))
        for i, j in enumerate(partner):
            wanted[i], wanted[j] = wanted[j], wanted[i]
        assert swap_all(np.array(partner)).tolist() == wanted

        wanted = [0] * n
        for i, w in enumerate(words):
            z = int(w) % (i + 1)
            wanted[i] = wanted[z]
            wanted[z] = i
        assert inside_out(words).tolist() == wanted


@pytest.mark.host_only
def test_numpys_generator_keeps_its_words():
    stream, raw = Stream(5), np.random.RandomState(5)._bit_generator.random_raw(3000)
    assert stream.words(1000).tolist() == raw[:1000].tolist()
    pairs = raw[1000:].astype(np.uint64).reshape(-1, 2)
    assert stream.long_words(1000).tolist() == (pairs[:, 0] << np.uint64(32) | pairs[:, 1]).tolist()
