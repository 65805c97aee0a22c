"""Two layers that one kernel computes together, in programs of torch.compile and inside modules."""

import pytest
from compiling import programs, steps

import ember as torch
from ember import nn
from ember.autograd import detours
from ember.backends import kernels
from ember.compiler.steps import Kernel
from ember.nn.functional.linear import ACTIVATIONS
from ember.nn.modules import _pairs

F = nn.functional


@pytest.fixture(params=["portable", "compiled"])
def host(request, monkeypatch):
    """Programs are made on the CPU only, from NumPy's kernels or from compiled ones."""
    if request.param == "compiled":
        pytest.importorskip("numba")
    monkeypatch.setattr(kernels, "_from", 1 if request.param == "compiled" else float("inf"))


def names(compiled):
    """Return the names of the kernels in a function's program."""
    return [s.record.name for s in steps(compiled) if isinstance(s, Kernel)]


def outcome(function, given, grads):
    """Return the results of a function and the gradients of all it was given, None for none."""
    leaves = [t.clone().requires_grad_(t.requires_grad) for t in given]
    outs = function(*leaves)
    outs = outs if isinstance(outs, tuple) else (outs,)
    torch.autograd.backward(
        [o for o, g in zip(outs, grads) if g],
        [g * o.detach().cos() for o, g in zip(outs, grads) if g])
    return [o.detach() for o in outs] + [leaf.grad for leaf in leaves]


def same(made, expected, tolerance=5e-6):
    for a, b in zip(made, expected, strict=True):
        assert (a is None) is (b is None)
        if a is not None:
            torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)


def compare(function, *given, grads=(1.0,)):
    """Compare compiled calls with eager ones; return the names of the program's kernels."""
    expected = outcome(function, given, grads)
    compiled = torch.compile(function, fullgraph=True)
    for _ in range(3):
        same(outcome(compiled, given, grads), expected)
    assert programs(compiled) == 1
    return names(compiled)


def leaf(*shape, dtype=torch.float32):
    return torch.randn(*shape, dtype=dtype, requires_grad=True)


# -- in programs ----------------------------------------------------------------------------------


@pytest.mark.host_only
@pytest.mark.usefixtures("host")
class TestPrograms:
    @pytest.mark.parametrize("name", ACTIVATIONS)
    def test_linear_and_activation(self, name):
        function = ACTIVATIONS[name]
        assert compare(lambda x, w, b: function(F.linear(x, w, b)), leaf(3, 5, 4), leaf(7, 4),
                       leaf(7)) == ["linear_activation"]

    def test_layers_of_doubles_without_bias(self):
        def f(x, v, w):
            return F.linear(F.linear(x, v).relu(), w).tanh()

        tensors = [leaf(*s, dtype=torch.float64) for s in ((1, 1), (3, 1), (2, 3))]
        assert compare(f, *tensors) == ["linear_activation"] * 2

    def test_strides_nan_and_infinity(self):
        x = torch.tensor([[1.0, float("nan")], [float("inf"), 1.0], [-2.0, 3.0]]).t()
        assert compare(lambda x, w: F.gelu(F.linear(x, w)), x, leaf(4, 3)) == ["linear_activation"]

    def test_frozen_weights(self):
        x, w, b = leaf(3, 4), torch.randn(5, 4), torch.randn(5)
        assert compare(lambda x, w, b: F.silu(F.linear(x, w, b)), x, w, b) == ["linear_activation"]

    def test_a_product_that_others_read_stays_alone(self):
        def twice(x, w):
            h = F.linear(x, w)
            return h.relu() * h

        def returned(x, w):
            h = F.linear(x, w)
            return h.relu(), h

        assert compare(twice, leaf(3, 4), leaf(5, 4)) == ["linear"]
        assert compare(returned, leaf(3, 4), leaf(5, 4), grads=(1.0, 0.5)) == ["linear"]

    def test_activation_in_place(self):
        assert compare(lambda x, w: F.linear(x, w).relu_() * 2, leaf(3, 4), leaf(5, 4)) == [
            "linear_activation"]

    @pytest.mark.parametrize("grads", [(1.0, 1.0), (0, 1.0), (1.0, 0)])
    @pytest.mark.parametrize("shape", [(3, 2, 5), (1, 1), (4, 1100)])
    def test_sum_and_norm(self, shape, grads):
        def f(x, y, w, b):
            total = x + y
            return total * 2, F.layer_norm(total, (shape[-1],), w, b)

        assert compare(f, leaf(*shape), leaf(*shape), leaf(shape[-1]), leaf(shape[-1]),
                       grads=grads) == ["add_layer_norm"]

    def test_sum_and_norm_of_one_tensor_or_of_constants(self):
        assert compare(lambda x: F.layer_norm(x + x, (5,)), leaf(3, 5)) == ["add_layer_norm"]
        assert compare(lambda x, y, w: F.layer_norm(x + y, (5,), w), torch.randn(3, 5),
                       torch.randn(3, 5), leaf(5)) == ["add_layer_norm"]

    def test_sums_of_other_shapes_stay_alone(self):
        assert compare(lambda x, y: F.layer_norm(x + y, (5,)), leaf(3, 5), leaf(5)) == [
            "layer_norm_over"]
        assert compare(lambda x: F.layer_norm(x + 1, (5,)), leaf(3, 5)) == ["layer_norm_over"]

    def test_a_sum_is_not_overwritten_while_backward_needs_it(self):
        def f(x, y, z):
            total = x + y
            return (total.exp() * 2 + z).sum() + F.layer_norm(total, (5,)).square().sum()

        assert compare(f, leaf(3, 5), leaf(3, 5), leaf(3, 5)) == ["add_layer_norm"]

    def test_nothing_requires_gradients(self):
        def f(x, w):
            return F.layer_norm(x + F.linear(x, w).relu(), (5,))

        compiled = torch.compile(f, fullgraph=True)
        x, w = torch.randn(3, 5), torch.randn(5, 5)
        for _ in range(3):
            assert torch.allclose(compiled(x, w), f(x, w), atol=1e-5)
        assert names(compiled) == ["linear_activation", "add_layer_norm"]

    def test_second_order(self):
        def f(x, y, w):
            total = x + F.linear(y, w).tanh()
            return (F.layer_norm(total, (4,)) * total).sum()

        compiled, both = torch.compile(f, fullgraph=True), []
        given = [leaf(3, 4), leaf(3, 4), leaf(4, 4)]
        compiled(*given)
        for call in (f, compiled):
            grads = torch.autograd.grad(call(*given), given, create_graph=True)
            both.append(torch.autograd.grad(sum(g.square().sum() for g in grads), given))
        same(both[1], both[0], 1e-4)


# -- in modules -----------------------------------------------------------------------------------


def layer(kind, **options):
    torch.manual_seed(0)
    made = kind(8, 2, 16, dropout=0.0, **options)
    return made, (lambda x: made(x)) if kind is nn.TransformerEncoderLayer else (
        lambda x: made(x, x.sin()))


@pytest.mark.parametrize("kind", [nn.TransformerEncoderLayer, nn.TransformerDecoderLayer])
@pytest.mark.parametrize("options", [{}, {"norm_first": True, "activation": "gelu"},
                                     {"bias": False, "activation": F.silu}])
def test_transformer_layers_compute_the_same_with_pairs(kind, options, monkeypatch):
    module, call = layer(kind, **options)
    x, count = torch.randn(5, 3, 8, requires_grad=True), 2 + (kind is nn.TransformerDecoderLayer)
    parameters, used = list(module.parameters()), []
    monkeypatch.setattr(detours, "installed", ())  # one stays where a test used half precision
    for name in ("linear_activation", "add_layer_norm"):
        function = getattr(_pairs, name)
        monkeypatch.setattr(_pairs, name, lambda *args, f=function: used.append(f) or f(*args))
    made = torch.autograd.grad(call(x).cos().sum(), [x, *parameters])
    assert len(used) == count + ("norm_first" not in options)
    monkeypatch.setattr(_pairs, "_is_plain", lambda module, cls: False)
    same(made, torch.autograd.grad(call(x).cos().sum(), [x, *parameters]))


@pytest.mark.parametrize("change", ["hook", "subclass", "parametrized", "forward", "global hook"])
def test_whatever_replaces_or_watches_a_layer_sees_it_called(change):
    module, call = layer(nn.TransformerEncoderLayer)
    called, x, handle = [], torch.randn(5, 3, 8), None

    class Watching(nn.Linear):
        def forward(self, x):
            called.append(self)
            return super().forward(x)

    class Doubled(nn.Module):
        def forward(self, weight):
            called.append(self)
            return weight * 2

    before = call(x)
    if change == "hook":
        module.linear1.register_forward_hook(lambda m, given, out: called.append(m) or out * 2)
    elif change == "global hook":
        handle = nn.modules.module.register_module_forward_hook(
            lambda m, given, out: called.append(m) if m is module.linear1 else None)
    elif change == "subclass":
        module.linear1 = Watching(8, 16)
    elif change == "parametrized":
        nn.utils.parametrize.register_parametrization(module.linear1, "weight", Doubled())
        called.clear()
    else:
        forward = module.linear1.forward
        module.linear1.forward = lambda x: called.append(x) or forward(x) * 2
    after = call(x)
    if handle is not None:
        handle.remove()
    assert len(called) == 1 and torch.equal(before, after) is (change == "global hook")


@pytest.mark.host_only
def test_autocast_reaches_the_layers():
    module, call = layer(nn.TransformerEncoderLayer)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        seen = []
        handle = module.linear2.register_forward_pre_hook(lambda m, given: seen.append(given[0]))
        call(torch.randn(5, 3, 8))
        handle.remove()
    assert seen[0].dtype is torch.bfloat16
