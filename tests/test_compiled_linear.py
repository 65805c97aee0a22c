"""Compiled products against NumPy's, and the layer's kernel against its composition."""

import numpy as np
import pytest

import ember
import ember.nn.functional as F
from ember.backends import cpu, kernels
from ember.nn.functional.linear import ACTIVATIONS, linear_activation

pytest.importorskip("numba")

if not kernels._load():
    pytest.skip("compiled kernels need numba, scipy and threadpoolctl", allow_module_level=True)

from ember.backends.compiled import linear


@pytest.fixture(autouse=True)
def forced(monkeypatch):
    """Have every size go to the compiled kernels."""
    monkeypatch.setattr(kernels, "_from", 0)
    monkeypatch.setattr(linear, "_WORTH_A_THREAD", 0)


def normal(*shape, dtype="float32"):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


LAYOUTS = {
    "rows": lambda a: a,
    "columns": lambda a: np.ascontiguousarray(a.swapaxes(-1, -2)).swapaxes(-1, -2),
    "cut": lambda a: np.concatenate([a, a], -1)[..., :a.shape[-1]],
}


@pytest.mark.parametrize("left, right", [("rows", "rows"), ("rows", "columns"),
                                         ("columns", "rows"), ("cut", "columns")])
@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (2, 1, 3)])
def test_products_of_any_layout(left, right, lead):
    a, b = LAYOUTS[left](normal(*lead, 5, 7)), LAYOUTS[right](normal(*lead, 7, 6))
    made = kernels.compiled("matmul", 0).forward(cpu, False, a, b)
    assert made is not NotImplemented
    np.testing.assert_allclose(made, np.matmul(a, b), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shapes", [((1, 9), (9, 40)), ((40, 9), (9, 1)), ((1, 1), (1, 1)),
                                    ((17, 3), (3, 33)), ((33, 3), (3, 17))])
def test_products_of_thin_matrices(shapes):
    a, b = normal(*shapes[0], dtype="float64"), normal(*shapes[1], dtype="float64")
    made = kernels.compiled("matmul", 0).forward(cpu, False, a, b)
    np.testing.assert_allclose(made, a @ b)


def test_a_single_row_may_have_any_stride():
    row = np.lib.stride_tricks.as_strided(normal(7), (1, 7), (0, 4))
    made = kernels.compiled("matmul", 0).forward(cpu, False, row, normal(7, 6))
    np.testing.assert_allclose(made, row @ normal(7, 6), rtol=1e-5, atol=1e-6)


def test_heads_are_multiplied_where_they_lie():
    """Attention's queries and keys: (batch, heads, time, features) views of one array."""
    both = normal(2, 5, 3, 2, 4)
    q, k = both[:, :, :, 0].transpose(0, 2, 1, 3), both[:, :, :, 1].transpose(0, 2, 1, 3)
    made = kernels.compiled("matmul", 0).forward(cpu, False, q, k.swapaxes(-1, -2))
    np.testing.assert_allclose(made, np.matmul(q, k.swapaxes(-1, -2)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("a, b", [
    (normal(2, 3), normal(3, 2, dtype="float64")),  # two types
    (normal(2, 3, 4), normal(4, 2)),  # broadcast
    (normal(4, 6)[::2, ::2], normal(3, 2)),  # no rows in one piece
    (np.ones((2, 3), int), np.ones((3, 2), int)),
])
def test_other_products_are_left_to_numpy(a, b):
    assert kernels.compiled("matmul", 0).forward(cpu, False, a, b) is NotImplemented


@pytest.mark.parametrize("lead", [(), (1,), (9,), (3, 5), (2, 3, 2)])
@pytest.mark.parametrize("bias", [True, False])
def test_layer_equals_its_composition(lead, bias):
    results = []
    for compose in (False, True):
        x = ember.tensor(normal(*lead, 7), requires_grad=True)
        w = ember.tensor(normal(6, 7), requires_grad=True)
        b = ember.tensor(normal(6), requires_grad=True) if bias else None
        g = ember.tensor(normal(*lead, 6))
        if compose:
            with ember.expand():
                out = F.linear(x, w, b)
        else:
            out = F.linear(x, w, b)
            assert type(out.grad_fn).__name__ and "Linear" in out.grad_fn.name()
        out.backward(g)
        results.append([out, x.grad, w.grad] + ([b.grad] if bias else []))
    for got, wanted in zip(*results):
        np.testing.assert_allclose(got.numpy(force=True), wanted.numpy(force=True), rtol=1e-5,
                                   atol=1e-5)


@pytest.mark.parametrize("which", range(3))
def test_each_gradient_alone(which):
    tensors = [ember.tensor(normal(9, 7)), ember.tensor(normal(6, 7)), ember.tensor(normal(6))]
    tensors[which].requires_grad_()
    F.linear(*tensors).sum().backward()
    x, w, b = (t.detach().numpy() for t in tensors)
    wanted = [np.tile(w.sum(0), (9, 1)), np.tile(x.sum(0), (6, 1)), np.full(6, 9.0)][which]
    np.testing.assert_allclose(tensors[which].grad.numpy(), wanted, rtol=1e-5, atol=1e-5)


def test_infinity_and_nan_stay():
    x = normal(4, 3)
    x[0, 0], x[1, 1] = np.inf, np.nan
    out = F.linear(ember.tensor(x), ember.ones(2, 3), ember.ones(2)).numpy()
    np.testing.assert_array_equal(out[:2], [[np.inf] * 2, [np.nan] * 2])


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("shape, features", [((9, 7), 6), ((3, 5, 7), 33), ((1, 1), 1), ((7,), 6)])
def test_activation_behind_the_layer(name, shape, features):
    tensors = [ember.tensor(normal(*s), requires_grad=True)
               for s in (shape, (features, shape[-1]), (features,))]
    made = linear_activation(*tensors, name)
    separate = ACTIVATIONS[name](F.linear(*tensors))
    weights = ember.arange(made.numel(), dtype=ember.float32).cos().reshape(made.shape)
    np.testing.assert_allclose(made.numpy(force=True), separate.numpy(force=True), atol=1e-6)
    for got, wanted in zip(*[ember.autograd.grad((out * weights).sum(), tensors)
                             for out in (made, separate)]):
        np.testing.assert_allclose(got.numpy(), wanted.numpy(), rtol=1e-5, atol=1e-5)
    with ember.no_grad():
        alone = linear_activation(*tensors[:2], None, name)
        np.testing.assert_allclose(alone, ACTIVATIONS[name](F.linear(*tensors[:2])), atol=1e-6)


def test_an_activation_lets_infinity_and_nan_pass():
    x = normal(4, 3)
    x[0, 0], x[1, 1], x[2, 2] = np.inf, np.nan, -np.inf
    x = ember.tensor(x)
    for name, activation in ACTIVATIONS.items():
        out = linear_activation(x, ember.ones(2, 3), None, name).numpy()
        np.testing.assert_array_equal(out, activation(F.linear(x, ember.ones(2, 3))).numpy())


def test_activations_of_doubles_and_of_nothing_are_left_to_others():
    forward = kernels.compiled("linear_activation", 0).forward
    for rows in (normal(3, 4, dtype="float64"), normal(0, 4)):
        weight = np.ones((2, 4), rows.dtype)
        assert forward(cpu, True, rows, weight, None, "relu") is NotImplemented
    out = linear_activation(ember.ones(0, 4), ember.ones(2, 4), None, "_gelu")
    assert out.shape == (0, 2)


@pytest.mark.parametrize("shape", [(8, 1, 1), (9, 70, 61), (45, 33, 97), (64, 128, 64)], ids=str)
def test_products_of_few_rows_pack_the_weight(shape):
    from ember.backends.compiled import tiles

    rows, inner, features = shape
    rng = np.random.default_rng(9)
    x, weight, bias = [rng.standard_normal(sizes).astype(np.float32)
                       for sizes in ((rows, inner), (features, inner), (features,))]
    expected = x.astype(float) @ weight.T.astype(float)
    for added in (bias, bias[:0]):
        out = np.full((rows, features), np.nan, np.float32)
        tiles.multiply_transposed(x, weight, added, out, 2)
        total = expected + (added if added.size else 0)
        np.testing.assert_allclose(out, total, rtol=1e-5, atol=1e-5)


def test_panels_are_used_where_they_are_full():
    from ember.backends.compiled import tiles

    width = tiles.columns(np.dtype(np.float32))

    def takes(rows, features, dtype=np.float32):
        x, weight = np.empty((rows, 4), dtype), np.empty((features, 4), dtype)
        return tiles.is_faster(x, weight, threads=2)

    assert takes(64, 4 * width)
    assert not takes(1, 4 * width) and not takes(5000, 4 * width)
    assert not takes(64, width + 1) and not takes(64, 3 * width)
    assert not takes(64, 4 * width, np.float64)
