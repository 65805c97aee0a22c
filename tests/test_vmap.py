"""vmap: at once where there are rules, one by one where there are none, and the same either way."""

import pytest

import ember as torch
from ember import func
from ember.autograd import vmap as module
from ember.nn import functional as F

# What a test asks of vmap: computed for all examples at once, or one after the other.
AT_ONCE, ONE_BY_ONE = "at once", "one by one"


@pytest.fixture
def way(monkeypatch):
    """How the examples were computed, in the order of the calls."""
    log, examples, unwrapped = [], module._examples, module._unwrapped
    monkeypatch.setattr(module, "_examples", lambda *a: (log.append(ONE_BY_ONE), examples(*a))[1])
    monkeypatch.setattr(module, "_unwrapped", lambda *a: (log.append(AT_ONCE), unwrapped(*a))[1])
    return log


@pytest.fixture
def x():
    torch.manual_seed(0)
    return torch.randn(4, 3, 5)


def close(a, b):
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-4, atol=1e-5)


def by_hand(f, *args, in_dims=None):
    in_dims = in_dims or (0,) * len(args)
    size = next(a.shape[d] for a, d in zip(args, in_dims) if d is not None)
    return torch.stack([f(*[a if d is None else a.select(d, i) for a, d in zip(args, in_dims)])
                        for i in range(size)])


def matrix():
    return torch.linspace(-1, 1, 10).reshape(2, 5)


def row():
    return torch.linspace(0, 1, 5)


FUNCTIONS = {
    "arithmetic": lambda x: (2 * x + row()) / (1 - x * x) - x**2,
    "comparison": lambda x: ((x > 0) & (x < 1)).float(),
    "where": lambda x: torch.where(x > 0, x, -0.1 * x).clamp(-1, 1),
    "one number each": lambda x: x[0, 0] * x + x.mean(),
    "reductions": lambda x: x.sum(0) + x.mean() + x.amax((0, 1)) + x.var(1, keepdim=True).sum(),
    "norms": lambda x: x.norm() + x.norm(dim=0) + torch.logsumexp(x, 0),
    "all of them": lambda x: x.max() - x.min() + x.prod(),
    "any": lambda x: x.argmax(-1).float().sum() + (x > 0).any(),
    "softmax": lambda x: F.softmax(x, -1) + F.log_softmax(x, 0),
    "products": lambda x: x @ row() + x[0] @ x.t() + torch.dot(x[0], row()),
    "matrices": lambda x: x.T @ x @ matrix().t() + torch.bmm(x.mT[None], x[None])[0] @ matrix().mT,
    "linear": lambda x: F.linear(x, matrix(), torch.ones(2)) + F.linear(x[0], matrix()),
    "activations": lambda x: F.gelu(x) + F.relu(x) + F.silu(x) + torch.tanh(x),
    "layer norm": lambda x: F.layer_norm(x, (5,), row(), row()),
    "views": lambda x: x.view(-1)[2:].reshape(13, 1).squeeze(1).flip(0).unsqueeze(0),
    "more views": lambda x: x.permute(1, 0).transpose(0, 1).unflatten(1, (5, 1)).flatten(1),
    "indexing": lambda x: x[..., None, 1:3].movedim(0, -1) + x[None, 0, :2, None].expand(1, 2, 3),
    "index tensor": lambda x: x[:, torch.tensor([0, 0, 3])] + x.narrow(1, 0, 3),
    "joining": lambda x: torch.stack([torch.cat([x, 2 * x], -1), torch.zeros(3, 10)], -1),
    "parts": lambda x: sum(p.sum() for p in x.split(2, 1)) + x.unbind(1)[0] + x.diagonal(),
    "einsum": lambda x: torch.einsum("ij,kj,k->i", x, matrix(), torch.ones(2)),
    "gather": lambda x: x.gather(1, torch.tensor([[0, 1], [2, 2], [4, 0]])),
    "pooling": lambda x: F.max_pool1d(x, 2) + F.avg_pool1d(x[None], 2)[0],
    "convolution": lambda x: F.conv1d(
        x, matrix().reshape(2, 1, 5)[:, :, :2].expand(2, 3, 2), torch.ones(2)),
    "losses": lambda x: F.mse_loss(x, x * 2) + F.cross_entropy(x, torch.tensor([1, 0, 4])),
    "fresh zeros": lambda x: torch.zeros_like(x) + x.new_ones(5) + x.detach(),
    "cumulative": lambda x: x.cumsum(1) + x.sort(-1).values,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_rules_agree_with_one_by_one(name, x, way):
    f = FUNCTIONS[name]
    x.clamp_(-0.9, 0.9)
    assert close(func.vmap(f)(x), by_hand(f, x)) and way == [AT_ONCE]
    g = func.grad(lambda x: f(x).pow(2).sum())
    assert close(func.vmap(g)(x), by_hand(g, x)) and way == [AT_ONCE] * 2
    outside = func.grad(lambda x: func.vmap(f, in_dims=1)(x).pow(2).sum())(x.movedim(0, 1))
    assert close(outside, by_hand(g, x).movedim(0, 1))


@pytest.mark.parametrize("f", [
    lambda x: x if x.sum() > 0 else -x,
    lambda x: x * x.sum().item(),
    lambda x: x.clone().add_(1),
    lambda x: torch.linalg.svdvals(x),
    lambda x: torch.reshape(x, (-1,)),
    lambda x: x[x[:, 0] > 10],
])
def test_without_a_rule_examples_are_computed_one_by_one(f, x, way):
    assert close(func.vmap(f)(x), by_hand(f, x)) and way == [ONE_BY_ONE]


def test_promotion_is_that_of_one_example():
    a, b = torch.ones(3, 2), torch.ones(3, dtype=torch.float64)
    assert func.vmap(torch.mul)(a, b).dtype == torch.float32
    assert func.vmap(torch.mul)(a.int(), b.int().long()).dtype == torch.int32
    assert func.vmap(torch.mul)(b, a[:, 0]).dtype == torch.float64


def test_in_dims_and_out_dims(x):
    y = torch.ones(5, 4)
    both = func.vmap(lambda a, d: (a * d["y"], d["n"] * a.sum()),
                     in_dims=(0, {"y": 1, "n": None}), out_dims=(-1, 0))(x, {"y": y, "n": 3})
    assert both[0].shape == (3, 5, 4) and close(both[0].movedim(-1, 0), x)
    assert close(both[1], 3 * x.sum((1, 2)))
    assert func.vmap(lambda a: a, in_dims=-1, out_dims=1)(x).shape == (4, 5, 3)
    assert func.vmap(lambda a: torch.ones(2))(x).shape == (4, 2)
    same = row()
    assert func.vmap(lambda a: same, out_dims=None)(x) is same


def test_nesting(x, way):
    def distance(a, b):
        return (a - b).norm()

    table = func.vmap(func.vmap(distance, in_dims=(None, 0)), in_dims=(0, None))(x[0], x[1])
    assert close(table, torch.cdist(x[0], x[1]))
    twice = func.vmap(func.vmap(lambda a, b: (a * b).cumsum(0), in_dims=(0, None)))(x, x[:, 0])
    assert close(twice, (x * x[:, :1]).cumsum(2))
    assert set(way) == {AT_ONCE}


def test_an_inner_vmap_without_rules_inside_an_outer_one(x):
    found = func.vmap(func.vmap(lambda a: a if a.sum() > 0 else -a))(x)
    assert close(found, x * x.sum(-1, keepdim=True).sign())


def test_gradients_per_example(way):
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(36, 8), torch.nn.Tanh(), torch.nn.LayerNorm(8), torch.nn.Linear(8, 3))
    images, labels = torch.randn(6, 1, 8, 8), torch.tensor([0, 1, 2, 2, 1, 0])
    values = {k: v.detach() for k, v in net.named_parameters()}

    def loss(values, image, label):
        return F.cross_entropy(func.functional_call(net, values, image[None]), label[None])

    found = func.vmap(func.grad(loss), in_dims=(None, 0, 0))(values, images, labels)
    assert way == [AT_ONCE]
    for number in range(6):
        net.zero_grad()
        F.cross_entropy(net(images[number:number + 1]), labels[number:number + 1]).backward()
        for name, p in net.named_parameters():
            assert torch.allclose(found[name][number], p.grad, rtol=1e-3, atol=1e-5), name


def test_ensembles():
    models = [torch.nn.Linear(5, 2) for _ in range(3)]
    parameters, buffers = func.stack_module_state(models)
    x = torch.randn(4, 5)
    out = func.vmap(lambda p, b: func.functional_call(models[0], (p, b), x))(parameters, buffers)
    assert close(out, torch.stack([m(x) for m in models]))
    out.sum().backward()
    assert parameters["weight"].grad.shape == (3, 2, 5)


@pytest.mark.parametrize("transform", [
    lambda f: func.hessian(f), lambda f: func.jacrev(func.jacfwd(f)),
    lambda f: func.jacfwd(func.jacfwd(f)), lambda f: func.jacrev(func.grad(f)),
])
def test_transforms_inside(transform, way):
    x = torch.linspace(-1, 1, 6).reshape(2, 3)
    f = transform(lambda x: (x**3).sum() + x.prod())
    assert close(func.vmap(f)(x), by_hand(f, x)) and way[-1] == AT_ONCE


def test_products_of_one_graph_with_many_vectors(x):
    v = x[0, 0]
    output, vjp_fn = func.vjp(torch.sin, v)
    assert close(func.vmap(vjp_fn)(torch.eye(5))[0], torch.diag(v.cos()))
    _, jvp_fn = func.linearize(torch.sin, v)
    assert close(func.vmap(jvp_fn)(torch.eye(5)), torch.diag(v.cos()))
    pushed = func.vmap(lambda t: func.jvp(torch.sin, (v,), (t,))[1])(torch.eye(5))
    assert close(pushed, torch.diag(v.cos()))


def test_randomness(x):
    def noisy(row):
        return row + torch.rand(5)

    with pytest.raises(RuntimeError, match="random operation"):
        func.vmap(noisy)(x[0])
    same = func.vmap(noisy, randomness="same")(x[0]) - x[0]
    assert close(same, same[:1].expand(3, 5))
    different = func.vmap(noisy, randomness="different")(x[0]) - x[0]
    assert not close(different[0], different[1])
    torch.manual_seed(3)
    dropped = func.vmap(F.dropout, randomness="same")(torch.ones(3, 50))
    assert close(dropped, dropped[:1].expand(3, 50)) and 0 < dropped[0].count_nonzero() < 50


def test_a_refused_random_operation_leaves_the_numbers_as_they_were(x):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    with pytest.raises(RuntimeError, match="random operation"):
        func.vmap(lambda row: row + torch.rand(5))(x[0])
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("size", [1, 3, 4, 9])
def test_chunks_change_nothing(size, x):
    f = func.vmap(lambda a: (a * 2, a.sum()), out_dims=(1, 0), chunk_size=size)
    for a, b in zip(f(x), func.vmap(lambda a: (a * 2, a.sum()), out_dims=(1, 0))(x)):
        assert torch.equal(a, b)


def test_no_examples():
    assert func.vmap(lambda a: a.sum() * torch.ones(2))(torch.ones(0, 3)).shape == (0, 2)
    assert func.vmap(lambda a: a if a.sum() > 0 else -a)(torch.ones(0, 3)).shape == (0, 3)


def test_writes_into_arguments_reach_them(x):
    before = x.clone()
    func.vmap(lambda a: a.mul_(2))(x)
    assert close(x, 2 * before)


def test_an_error_of_the_function_is_its_own(x):
    def broken(a):
        return a @ torch.ones(7)

    with pytest.raises(RuntimeError) as once:
        broken(x[0])
    with pytest.raises(RuntimeError) as mapped:
        func.vmap(broken)(x)
    assert str(once.value) == str(mapped.value)


@pytest.mark.parametrize("call, match", [
    (lambda x: func.vmap(torch.sin, in_dims=[0])(x), "expected `in_dims` to be int"),
    (lambda x: func.vmap(torch.sin, in_dims=(0, 0))(x), "not compatible"),
    (lambda x: func.vmap(torch.sin, in_dims=3)(x), "dimensionality 3"),
    (lambda x: func.vmap(torch.add)(x, 1.0), "non-Tensor"),
    (lambda x: func.vmap(torch.add)(x, x[:2]), "same size"),
    (lambda x: func.vmap(torch.sin, in_dims=None)(x), "expected `in_dims`"),
    (lambda x: func.vmap(torch.sin, in_dims=(None,))(x), "at least one Tensor"),
    (lambda x: func.vmap(torch.sin)(), "no inputs"),
    (lambda x: func.vmap(lambda x: 1)(x), "must only return Tensors"),
    (lambda x: func.vmap(lambda x: x, out_dims=None)(x), "when out_dim is None"),
    (lambda x: func.vmap(lambda x: (x, x), out_dims=(0,))(x), "not compatible"),
    (lambda x: func.vmap(torch.sin, out_dims="a")(x), "out_dims"),
    (lambda x: func.vmap(torch.sin, chunk_size=0)(x), "chunk_size"),
])
def test_misuse(call, match, x):
    with pytest.raises(ValueError, match=match):
        call(x)


def test_nothing_stays_installed(x):
    from ember.autograd import detours

    before = detours.installed
    with pytest.raises(ZeroDivisionError):
        func.vmap(lambda a: a / (1 // 0))(x)
    assert detours.installed == before


# -- custom functions -----------------------------------------------------------------------------


class Scaled(torch.autograd.Function):
    """x * n, with a rule for vmap that notes what it is given."""

    seen: list = []

    @staticmethod
    def forward(x, n):
        return x * n

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.n = inputs[1]

    @staticmethod
    def backward(ctx, g):
        return g * ctx.n, None

    @staticmethod
    def vmap(info, in_dims, x, n):
        Scaled.seen.append((info.batch_size, info.randomness, in_dims, x.shape))
        return Scaled.apply(x.movedim(in_dims[0], -1), n), -1


def test_a_custom_function_maps_by_its_own_rule():
    Scaled.seen.clear()
    x = torch.arange(6.0).reshape(2, 3)
    out = torch.vmap(lambda row: Scaled.apply(row, 10.0), randomness="same")(x)
    assert out.equal(x * 10) and Scaled.seen == [(2, "same", (0, None), (2, 3))]
    nested = torch.vmap(torch.vmap(lambda e: Scaled.apply(e, 2.0)))(x)
    assert nested.equal(x * 2) and len(Scaled.seen) == 3
    grads = torch.vmap(torch.func.grad(lambda row: Scaled.apply(row, 3.0).sum()))(x)
    assert grads.equal(torch.full((2, 3), 3.0))
