"""Properties that hold for all shapes, dtypes and graphs: Hypothesis looks for one that does not.

Formulas must not write into what they are given, so the inputs are read-only where the device has
such a thing.
"""

import numpy as np
import pytest

import ember as torch
from ember.autograd import engine

hypothesis = pytest.importorskip("hypothesis")
given, st = hypothesis.given, hypothesis.strategies

DTYPES = (torch.float16, torch.float32, torch.float64, torch.int8, torch.int16, torch.int32,
          torch.int64, torch.uint8, torch.bool)
FLOATS = DTYPES[:3]
TOLERANCE = {torch.float16: 2e-3, torch.float32: 1e-5, torch.float64: 1e-12}

sizes = st.integers(0, 4)
shapes = st.lists(sizes, max_size=4).map(tuple)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def broadcastable(draw, count=2):
    """Shapes that broadcast together."""
    whole = draw(shapes)
    made = []
    for _ in range(count):
        part = tuple(n if draw(st.booleans()) else 1 for n in whole)
        made.append(part[draw(st.integers(0, len(whole))):])
    return made


def numbers(shape, dtype, seed, low=-3.0, high=3.0):
    """A host array of moderate numbers of a dtype."""
    values = np.random.default_rng(seed).uniform(low, high, shape)
    return (values > 0) if dtype is torch.bool else values.astype(dtype.numpy)


def tensor(array, requires_grad=False):
    """A tensor of the run's device whose memory, on the host, cannot be written."""
    t = torch.tensor(array)
    if t.device.type == "cpu":
        t._buffer().flags.writeable = False
    return t.requires_grad_() if requires_grad else t


def host(t):
    return t.detach().cpu().numpy()


def close(found, expected, dtype):
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE.get(dtype, 0),
                               atol=TOLERANCE.get(dtype, 0))


# -- values against NumPy -------------------------------------------------------------------------

UNARY = {
    "exp": np.exp, "tanh": np.tanh, "sin": np.sin, "cos": np.cos, "arctan": np.arctan,
    "expm1": np.expm1, "square": np.square, "abs": np.abs, "neg": np.negative, "floor": np.floor,
    "ceil": np.ceil, "trunc": np.trunc, "sign": np.sign, "sinh": np.sinh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "relu": lambda x: np.maximum(x, 0),
}
BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "maximum": np.maximum,
    "minimum": np.minimum, "atan2": np.arctan2, "hypot": np.hypot, "fmax": np.fmax,
    "eq": np.equal, "lt": np.less, "ge": np.greater_equal,
}
REDUCTIONS = {"sum": np.sum, "mean": np.mean, "amax": np.max, "amin": np.min, "prod": np.prod,
              "logsumexp": lambda x, axis, keepdims: np.log(np.exp(x).sum(axis, keepdims=keepdims))}


@pytest.mark.parametrize("name", UNARY)
@given(shape=shapes, dtype=st.sampled_from(FLOATS), seed=seeds)
def test_unary_values_and_dtypes(name, shape, dtype, seed):
    x = numbers(shape, dtype, seed)
    y = getattr(torch, name)(tensor(x))
    assert y.dtype is dtype and y.shape == shape
    close(host(y), UNARY[name](x.astype(np.float64)), dtype)


@pytest.mark.parametrize("name", BINARY)
@given(pair=broadcastable(), dtype=st.sampled_from(FLOATS), seed=seeds)
def test_binary_values_and_broadcasting(name, pair, dtype, seed):
    x, y = (numbers(s, dtype, seed + n) for n, s in enumerate(pair))
    z = getattr(torch, name)(tensor(x), tensor(y))
    expected = BINARY[name](x.astype(np.float64), y.astype(np.float64))
    assert z.shape == np.broadcast_shapes(*pair)
    assert z.dtype is (torch.bool if expected.dtype == bool else dtype)
    close(host(z), expected, dtype)


@pytest.mark.parametrize("name", REDUCTIONS)
@given(data=st.data(), dtype=st.sampled_from(FLOATS), seed=seeds, keepdim=st.booleans())
def test_reductions(name, data, dtype, seed, keepdim):
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple))
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = numbers(shape, dtype, seed)
    y = getattr(torch, name)(tensor(x), dim, keepdim=keepdim)
    expected = REDUCTIONS[name](x.astype(np.float64), axis=dim, keepdims=keepdim)
    assert y.dtype is dtype and y.shape == expected.shape
    close(host(y) / 30, expected / 30, dtype)


@given(a=st.sampled_from(DTYPES), b=st.sampled_from(DTYPES), seed=seeds,
       zero_dim=st.booleans(), number=st.sampled_from([2, 2.5, True]))
def test_promotion_is_consistent(a, b, seed, zero_dim, number):
    """result_type says what arithmetic gives; a Python number never raises within its kind."""
    x, y = tensor(numbers((2,), a, seed)), tensor(numbers(() if zero_dim else (2,), b, seed))
    assert (x * y).dtype is (y * x).dtype is torch.result_type(x, y)
    assert (x * number).dtype is (number * x).dtype is torch.result_type(x, number)
    if a.is_floating_point:
        assert (x * number).dtype is a
    assert torch.can_cast(a, torch.promote_types(a, b))


@given(batch=broadcastable(), n=sizes, m=sizes, k=sizes, seed=seeds)
def test_matmul(batch, n, m, k, seed):
    x = numbers((*batch[0], n, m), torch.float64, seed)
    y = numbers((*batch[1], m, k), torch.float64, seed + 1)
    a, b = tensor(x, True), tensor(y, True)
    out = a @ b
    close(host(out), x @ y, torch.float64)
    out.sum().backward()
    ones = np.ones(out.shape)
    close(host(a.grad), summed(ones @ np.swapaxes(y, -1, -2), x.shape), torch.float64)
    close(host(b.grad), summed(np.swapaxes(x, -1, -2) @ ones, y.shape), torch.float64)


# -- broadcasting backwards -----------------------------------------------------------------------


def summed(g, shape):
    """The obvious, slow sum over the axes along which an array of a shape was repeated."""
    result = np.zeros(shape, g.dtype)
    for index, value in np.ndenumerate(g):
        own = index[g.ndim - len(shape):]
        result[tuple(0 if n == 1 else i for i, n in zip(own, shape))] += value
    return result


@given(data=st.data(), seed=seeds)
def test_sum_to_is_the_transpose_of_broadcasting(data, seed):
    small, other = data.draw(broadcastable())
    whole = np.broadcast_shapes(small, other)
    g = numbers(whole, torch.float64, seed)
    xp = torch.empty(0)._xp
    close(xp.to_host(engine.sum_to(xp, xp.from_host(g), small)), summed(g, small), torch.float64)


@given(triple=broadcastable(3), dtype=st.sampled_from(FLOATS), seed=seeds)
def test_gradients_of_broadcast_operands(triple, dtype, seed):
    """Each operand's gradient has its own shape and dtype, whatever it was combined with."""
    arrays = [numbers(s, dtype, seed + n, 0.5, 2.0) for n, s in enumerate(triple)]
    x, y, z = (tensor(a, True) for a in arrays)
    (x * y / z).sum().backward()
    a, b, c = (a.astype(np.float64) for a in arrays)
    whole = np.zeros(np.broadcast_shapes(*triple))
    for t, g in ((x, b / c), (y, a / c), (z, -a * b / c**2)):
        assert t.grad.shape == t.shape and t.grad.dtype is dtype
        close(host(t.grad) / 100, summed(g + whole, tuple(t.shape)) / 100, dtype)


# -- views ----------------------------------------------------------------------------------------


@st.composite
def view_steps(draw, shape):
    """A few view operations that apply to a shape, as functions of tensor or array."""
    steps = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(("permute", "slice", "select", "unsqueeze", "expand")))
        ndim = len(shape)
        if kind == "permute":
            order = tuple(draw(st.permutations(range(ndim))))
            steps.append(lambda t, order=order: t.permute(order) if isinstance(t, torch.Tensor)
                         else t.transpose(order))
            shape = tuple(shape[i] for i in order)
        elif kind == "slice" and ndim:
            d = draw(st.integers(0, ndim - 1))
            cut = slice(draw(st.integers(0, 2)), draw(st.integers(1, 4)), draw(st.integers(1, 2)))
            steps.append(lambda t, key=(slice(None),) * d + (cut,): t[key])
            shape = (*shape[:d], len(range(*cut.indices(shape[d]))), *shape[d + 1:])
        elif kind == "select" and ndim and shape[0]:
            i = draw(st.integers(-shape[0], shape[0] - 1))
            steps.append(lambda t, i=i: t[i, ...])
            shape = shape[1:]
        elif kind == "unsqueeze":
            steps.append(lambda t: t[None])
            shape = (1, *shape)
        elif kind == "expand" and shape[:1] == (1,):
            wide = (3, *shape[1:])
            steps.append(lambda t, wide=wide: t.expand(wide) if isinstance(t, torch.Tensor)
                         else np.broadcast_to(t, wide))
            shape = wide
    return steps


@given(data=st.data(), shape=st.lists(st.integers(1, 4), max_size=3).map(tuple))
def test_views_share_memory_and_carry_gradients(data, shape):
    steps = data.draw(view_steps(shape))
    count = int(np.prod(shape))
    numbered = np.arange(count, dtype=np.float64).reshape(shape)
    base = torch.tensor(numbered, requires_grad=True)
    view, expected = base, numbered
    for step in steps:
        view, expected = step(view), step(expected)
    assert view.tolist() == expected.tolist()
    view.backward(torch.ones_like(view))
    counts = np.bincount(np.asarray(expected, int).ravel(), minlength=count).reshape(shape)
    assert base.grad.tolist() == counts.tolist()
    with torch.no_grad():
        base += 100
    assert view.tolist() == (expected + 100).tolist()


@given(data=st.data(), shape=st.lists(st.integers(1, 4), max_size=3).map(tuple))
def test_a_write_to_a_view_reaches_the_base_and_its_gradient(data, shape):
    steps = data.draw(view_steps(shape))
    leaf = torch.tensor(np.ones(shape), requires_grad=True)
    base, mirror = leaf * 1, np.ones(shape)
    view, part = base, mirror
    for step in steps:
        view, part = step(view), step(part)
    if not part.flags.writeable:
        return  # several elements in one place: refused, see test_errors.py
    view.mul_(3)
    part *= 3
    assert base.tolist() == mirror.tolist()
    base.sum().backward()
    assert leaf.grad.tolist() == mirror.tolist()


# -- random graphs against numerical derivatives --------------------------------------------------

GRAPH_OPS = (
    lambda a, b: a * b, lambda a, b: a + b, lambda a, b: a - b.tanh(), lambda a, b: a.sin() * b,
    lambda a, b: a / (1 + b * b), lambda a, b: (a * 0.3).exp(), lambda a, b: a.mean() + b,
    lambda a, b: a.reshape(-1)[0] * b, lambda a, b: torch.logaddexp(a, b),
    lambda a, b: a.clone().mul_(b), lambda a, b: torch.sigmoid(a) - b.mT @ a @ b,
)


def grown(choices, leaves):
    """The sum of the last nodes of a graph that grew by the given choices."""
    nodes = list(leaves)
    for op, i, j in choices:
        nodes.append(GRAPH_OPS[op](nodes[i % len(nodes)], nodes[j % len(nodes)]))
    return sum(n.tanh().sum() for n in nodes[-3:])


choices = st.lists(st.tuples(st.integers(0, len(GRAPH_OPS) - 1), st.integers(0, 99),
                             st.integers(0, 99)), min_size=1, max_size=12)


@given(choices=choices, seed=seeds)
def test_directional_derivative_of_random_graphs(choices, seed):
    rng = np.random.default_rng(seed)
    values = [rng.uniform(-1, 1, (2, 2)) for _ in range(3)]
    directions = [rng.uniform(-1, 1, (2, 2)) for _ in range(3)]
    leaves = [tensor(v, True) for v in values]
    grads = torch.autograd.grad(grown(choices, leaves), leaves, create_graph=True,
                                materialize_grads=True)
    slope = sum((host(g) * d).sum() for g, d in zip(grads, directions))

    def along(step, of):
        return of([tensor(v + step * d, True) for v, d in zip(values, directions)])

    def value(leaves):
        return grown(choices, leaves).item()

    def gradient_slope(leaves):
        found = torch.autograd.grad(grown(choices, leaves), leaves, materialize_grads=True)
        return sum((host(g) * d).sum() for g, d in zip(found, directions))

    eps = 1e-5
    assert (along(eps, value) - along(-eps, value)) / (2 * eps) == pytest.approx(
        slope, rel=1e-5, abs=1e-7)
    # the second derivative along the direction, by the graph of the gradient
    total = sum((g * torch.tensor(d)).sum() for g, d in zip(grads, directions))
    if total.requires_grad:
        second = torch.autograd.grad(total, leaves, materialize_grads=True)
        curvature = sum((host(g) * d).sum() for g, d in zip(second, directions))
        assert (along(eps, gradient_slope) - along(-eps, gradient_slope)) / (
            2 * eps) == pytest.approx(curvature, rel=1e-4, abs=1e-6)


@given(choices=choices, seed=seeds)
def test_backward_twice_accumulates_the_same(choices, seed):
    rng = np.random.default_rng(seed)
    leaves = [tensor(rng.uniform(-1, 1, (2, 2)), True) for _ in range(3)]
    out = grown(choices, leaves)
    out.backward(retain_graph=True)
    once = [None if t.grad is None else host(t.grad).copy() for t in leaves]
    out.backward()
    for t, g in zip(leaves, once):
        assert (t.grad is None) == (g is None)
        if g is not None:
            close(host(t.grad), 2 * g, torch.float64)
