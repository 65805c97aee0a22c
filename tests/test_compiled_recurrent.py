"""Compiled recurrent layers give what the portable kernels give, values and gradients."""

import numpy as np
import pytest

from ember.backends import cpu, kernels

pytest.importorskip("numba")

GATES = {"lstm_layer": 4, "gru_layer": 3, "rnn_layer": 1}
LAYERS = [("lstm_layer", None), ("gru_layer",), ("rnn_layer", "tanh"), ("rnn_layer", "relu")]
NAMES = ["lstm", "gru", "tanh", "relu"]
PLACES = {"lstm_layer": 3, "gru_layer": 2, "rnn_layer": 2}  # where the weights stand


def inputs(layer, length, batch, size, dtype=np.float32, bias=True, features=19):
    """Return the arguments of a layer: input, first states, weights, biases, options."""
    name, *options = layer
    rng = np.random.default_rng(5)
    rows = GATES[name] * size
    shapes = [(length, batch, features)] + [(batch, size)] * (2 if name == "lstm_layer" else 1)
    made = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    for width in (features, size):
        made.append((rng.standard_normal((rows, width)) / (2 * width**0.5)).astype(dtype))
    biases = [rng.standard_normal(rows).astype(dtype) if bias else None for _ in range(2)]
    return [*made, *biases, *options]


def portable_and_compiled(name):
    return kernels._portable[name][0], kernels.compiled(name, 1 << 30)


def compare(layer, args, rtol):
    name = layer[0]
    results, gradients = [], []
    wanted = [True] * sum(isinstance(a, np.ndarray) for a in args)
    g = None
    for kernel in portable_and_compiled(name):
        out, saved = kernel.forward(cpu, True, *args)
        if g is None:
            g = np.random.default_rng(6).standard_normal(out.shape).astype(out.dtype)
        results.append(out)
        gradients.append(kernel.backward(cpu, g, saved, wanted))
    np.testing.assert_allclose(results[1], results[0], rtol=rtol, atol=rtol)
    assert len(gradients[0]) == len(gradients[1]) == len(wanted)
    for expected, found in zip(*gradients):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 9, 7), (3, 35, 33), (2, 70, 64)], ids=str)
@pytest.mark.parametrize("layer", LAYERS, ids=NAMES)
def test_values_and_gradients_are_the_portable_kernels(layer, shape):
    compare(layer, inputs(layer, *shape), 1e-5)


@pytest.mark.parametrize("layer", LAYERS[:3], ids=NAMES[:3])
def test_double_precision_is_kept(layer):
    compare(layer, inputs(layer, 3, 5, 20, np.float64), 1e-13)


@pytest.mark.parametrize("layer", LAYERS, ids=NAMES)
def test_no_bias(layer):
    compare(layer, inputs(layer, 2, 3, 5, bias=False), 1e-5)


@pytest.mark.parametrize("layer", LAYERS, ids=NAMES)
def test_input_and_weights_may_lie_in_another_order(layer):
    args = inputs(layer, 3, 4, 5)
    args[0] = args[0][::-1]  # as in the second direction
    for place in (PLACES[layer[0]], PLACES[layer[0]] + 1):
        args[place] = np.asfortranarray(args[place])
    compare(layer, args, 1e-5)


@pytest.mark.parametrize("layer", LAYERS, ids=NAMES)
def test_nothing_is_kept_where_no_gradient_is_wanted(layer):
    kernel = portable_and_compiled(layer[0])[1]
    args = inputs(layer, 6, 64, 40)
    expected, kept = kernel.forward(cpu, True, *args)
    out, saved = kernel.forward(cpu, False, *args)
    np.testing.assert_array_equal(out, expected)

    def size(arrays):
        return sum(a.size for a in arrays if isinstance(a, np.ndarray))

    assert size(saved) < size(kept) or layer[0] == "rnn_layer"


@pytest.mark.parametrize("layer", LAYERS, ids=NAMES)
def test_gradients_that_nobody_wants_are_not_computed(layer):
    kernel = portable_and_compiled(layer[0])[1]
    args = inputs(layer, 3, 4, 5)
    out, saved = kernel.forward(cpu, True, *args)
    weights = PLACES[layer[0]]
    wanted = [place >= weights for place in range(weights + 4)]
    some = kernel.backward(cpu, out, saved, wanted)
    assert some[:weights] == (None,) * weights
    every = kernel.backward(cpu, out, saved, [True] * len(wanted))
    for expected, found in zip(every[weights:], some[weights:]):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("layer", LAYERS, ids=NAMES)
def test_nan_stays_in_its_sequence(layer):
    args = inputs(layer, 3, 4, 5)
    args[0][1, 2, 0] = np.nan
    out, _ = portable_and_compiled(layer[0])[1].forward(cpu, True, *args)
    steps = out[:60].reshape(3, 4, 5) if layer[0] == "lstm_layer" else out
    assert np.isnan(steps[1, 2, 0]) and np.isnan(steps[2, 2]).all()
    assert np.isfinite(steps[0]).all() and np.isfinite(steps[:, [0, 1, 3]]).all()


@pytest.mark.parametrize("layer", LAYERS, ids=NAMES)
def test_other_arguments_are_left_to_other_kernels(layer):
    kernel = portable_and_compiled(layer[0])[1]
    for dtype in (np.float16, np.longdouble):
        assert kernel.forward(cpu, True, *inputs(layer, 2, 3, 4, dtype)) is NotImplemented
    assert kernel.forward(cpu, True, *inputs(layer, 0, 3, 4)) is NotImplemented
    mixed = inputs(layer, 2, 3, 4)
    mixed[1] = mixed[1].astype(np.float64)
    assert kernel.forward(cpu, True, *mixed) is NotImplemented


def test_projection_is_left_to_the_composition():
    args = [*inputs(LAYERS[0], 2, 3, 4)[:-1], np.ones((2, 4), np.float32)]
    assert portable_and_compiled("lstm_layer")[1].forward(cpu, True, *args) is NotImplemented


def test_panels_hold_the_matrix_and_products_are_added():
    from ember.backends.compiled import jit, tiles

    @jit.serial(cache=False)
    def add(a, panel, out):
        tiles.add_product(a, panel, out)

    for rows, inner, columns in ((1, 3, 5), (8, 1, 32), (21, 70, 33)):
        rng = np.random.default_rng(7)
        a, b = rng.standard_normal((inner, rows)).T, rng.standard_normal((inner, columns))
        panels = tiles.pack(b)
        width = tiles.columns(b.dtype)
        side_by_side = np.hstack(list(panels))
        np.testing.assert_array_equal(side_by_side[:, :columns], b)
        assert side_by_side.shape[1] % width == 0 and not side_by_side[:, columns:].any()
        out = np.ones((rows, side_by_side.shape[1]))
        for number, panel in enumerate(panels):
            add(a, panel, out[:, number * width:(number + 1) * width])
        np.testing.assert_allclose(out[:, :columns], 1 + a @ b, rtol=1e-12, atol=1e-12)
