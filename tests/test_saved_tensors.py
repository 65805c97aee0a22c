"""What backward keeps and does: checkpoint, saved tensors, hooks, anomaly mode."""

import gc
import weakref

import pytest

import ember as torch
from ember.utils.checkpoint import CheckpointError, checkpoint, checkpoint_sequential


def cube(x):
    return (x**3).sum()


@pytest.fixture
def x():
    return torch.tensor([1.0, 2.0, 3.0])


def close(a, b):
    return torch.allclose(a, b, rtol=1e-5, atol=1e-6)


# -- checkpoint -----------------------------------------------------------------------------------


def run(model, x, through):
    model.zero_grad()
    torch.manual_seed(1)
    (g,) = [x.detach().requires_grad_()]
    through(model, g).pow(2).sum().backward()
    return [g.grad, *(p.grad.clone() for p in model.parameters())]


@pytest.mark.parametrize("through", [
    lambda model, x: checkpoint(model, x, use_reentrant=False),
    lambda model, x: checkpoint(model, x, use_reentrant=True),
    lambda model, x: checkpoint_sequential(model, 2, x, use_reentrant=False),
    lambda model, x: checkpoint(lambda z: checkpoint(model, z, use_reentrant=False), x,
                                use_reentrant=False),
])
def test_checkpoint_gives_the_same_gradients(through):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Tanh(),
                                torch.nn.Linear(8, 2))
    x = torch.randn(5, 4)
    for a, b in zip(run(model, x, lambda m, x: m(x)), run(model, x, through)):
        assert torch.equal(a, b)


def test_checkpoint_keeps_nothing(x):
    kept = []

    def f(x):
        y = x.exp()
        kept.append(weakref.ref(y))
        return y.sin().sum()

    x.requires_grad_()
    y = checkpoint(f, x, use_reentrant=False)
    gc.collect()
    assert kept[0]() is None
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    assert close(g, x.exp() * x.exp().cos())
    assert torch.autograd.grad(g.sum(), x)[0].shape == (3,)


def test_checkpoint_notices_a_function_that_changes(x):
    x.requires_grad_()
    calls = []

    def f(x):
        calls.append(1)
        return (x.exp().sin() if len(calls) == 1 else x * 2).sum()

    with pytest.raises(CheckpointError, match="different number|different metadata"):
        checkpoint(f, x, use_reentrant=False).backward()


def test_reentrant_checkpoint_refuses_chosen_inputs(x):
    x.requires_grad_()
    with pytest.raises(RuntimeError, match="incompatible with .grad"):
        torch.autograd.grad(checkpoint(cube, x, use_reentrant=True), x)
    with pytest.warns(UserWarning, match="None of the inputs"):
        checkpoint(cube, x.detach(), use_reentrant=True)


# -- saved tensors, hooks, anomaly ----------------------------------------------------------------


def test_saved_tensors_go_through_the_innermost_hooks(x):
    x.requires_grad_()
    log = []
    graph = torch.autograd.graph

    def hooks(name):
        return graph.saved_tensors_hooks(lambda t: (log.append(name), (t + 1, "packed"))[1],
                                         lambda packed: packed[0] - 1)

    with hooks("outer"):
        y = x * x
        with hooks("inner"):
            z = torch.stack([y, y]).max(0)[0]
        out = (z.exp() + x).sum()
    out.backward()
    assert close(x.grad, 2 * x * (x * x).exp() + 1)
    assert log.count("outer") == 3 and set(log) == {"outer", "inner"}


def test_hooks_pack_what_a_custom_function_saves(x):
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    x.requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t * 10, lambda t: t):
        y = Square.apply(x).sum()
    y.backward()
    assert x.grad.tolist() == [20.0, 40.0, 60.0]


def test_what_hooks_keep_is_still_checked_for_writes(x):
    x.requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = x.clone()
        z = y * y
    y.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_hooks_can_be_refused_and_must_return_tensors(x):
    x.requires_grad_()
    with torch.autograd.graph.disable_saved_tensors_hooks("no hooks here"):
        with pytest.raises(RuntimeError, match="no hooks here"):
            torch.autograd.graph.save_on_cpu().__enter__()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: 1):
        y = x.exp().sum()
    with pytest.raises(TypeError, match="unpack_hook expected to be a Tensor"):
        y.backward()


def test_node_hooks_see_and_replace_gradients(x):
    x.requires_grad_()
    y = x * 2
    seen = []
    y.grad_fn.register_prehook(lambda grads: (grads[0] * 10,))
    y.grad_fn.register_hook(lambda into, out: seen.append((into[0].tolist(), out[0].tolist())))
    handle = y.grad_fn.register_hook(lambda into, out: (into[0] + 1, *into[1:]))
    y.sum().backward(retain_graph=True)
    assert x.grad.tolist() == [21.0] * 3 and seen == [([20.0] * 3, [10.0] * 3)]
    handle.remove()
    y.sum().backward()
    assert x.grad.tolist() == [41.0] * 3


def test_multi_gradient_hooks(x):
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    c, d = a * b, a * b
    log, first = [], []
    graph = torch.autograd.graph
    handle = graph.register_multi_grad_hook(
        (a, b, c, d), lambda grads: log.append([g is not None for g in grads]))
    graph.register_multi_grad_hook((a, b), lambda g: first.append(g), mode="any")
    c.sum().backward(retain_graph=True)
    c.sum().backward(inputs=(a,), retain_graph=True)
    assert log == [[True, True, True, False], [True, False, True, False]] and len(first) == 2
    handle.remove()
    c.sum().backward()
    assert len(log) == 2
    with pytest.raises(ValueError, match="mode"):
        graph.register_multi_grad_hook((a,), print, mode="some")


def test_gradient_edges_stand_for_tensors(x):
    x.requires_grad_()
    y = x.exp()
    edge = torch.autograd.graph.get_gradient_edge(y)
    out = (y * y).sum()
    del y
    assert close(torch.autograd.grad(out, edge)[0], 2 * x.exp())
    with pytest.raises(RuntimeError, match="does not require gradients"):
        torch.autograd.graph.get_gradient_edge(x.detach())


def test_anomaly_mode_names_the_operation_and_the_line():
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    with torch.autograd.set_detect_anomaly(True):
        assert torch.is_anomaly_enabled()
        y = (x.sqrt() * 0).sum()
        said = (r"Function 'SqrtBackward0' returned nan values in its 0th output.*"
                r"test_saved_tensors.py:\d+.*x.sqrt")
        with pytest.raises(RuntimeError, match=said):
            y.backward()
    assert not torch.is_anomaly_enabled() and x.grad is None
    (x.sqrt() * 0).sum().backward()
    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        (x.sqrt() * 0).sum().backward()


def test_anomaly_mode_notes_the_line_on_other_errors(x):
    class Broken(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            raise ValueError("broken")

    x.requires_grad_()
    with pytest.warns(UserWarning, match="Anomaly Detection"), torch.autograd.detect_anomaly():
        y = Broken.apply(x).sum()
        with pytest.raises(ValueError, match="broken") as caught:
            y.backward()
    assert "Broken.apply(x).sum()" in caught.value.__notes__[0]


def test_nothing_is_watched_afterwards():
    from ember.autograd import watching
    from ember.autograd.graph import Node

    with torch.autograd.graph.save_on_cpu():
        assert Node.hooks is not watching._slot
    assert Node.hooks is watching._slot or watching._changes >= watching._CHANGES


def test_what_a_node_saved_has_the_names_of_pytorch():
    x = torch.tensor([3.0], requires_grad=True)
    y, z = x.exp(), x * x.sin()
    assert y.grad_fn._saved_result.grad_fn is y.grad_fn
    assert z.grad_fn._saved_self.equal(x) and z.grad_fn._saved_other.equal(x.sin())
    assert x.pow(2).grad_fn._saved_exponent == 2
    with pytest.raises(AttributeError, match="ExpBackward0 saves no self"):
        print(y.grad_fn._saved_self)
    y.backward()
    with pytest.raises(RuntimeError, match="freed"):
        print(y.grad_fn._saved_result)


def test_hooks_on_one_saved_tensor():
    x = torch.tensor([3.0], requires_grad=True)
    y = x * torch.tensor([5.0])
    y.grad_fn._raw_saved_other.register_hooks(
        lambda t: t.tolist(), lambda kept: torch.tensor(kept) * 2)
    assert y.grad_fn._saved_other.tolist() == [10]
    saved = y.grad_fn._raw_saved_other
    y.backward()
    assert x.grad.tolist() == [10]
    with pytest.raises(RuntimeError, match="freed"):
        saved.register_hooks(lambda t: t, lambda t: t)


def test_saved_variables_is_the_old_name_of_saved_tensors():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_variables
            return 2 * x * grad

    x = torch.tensor([3.0], requires_grad=True)
    with pytest.warns(DeprecationWarning, match="use 'saved_tensors'"):
        Square.apply(x).backward()
    assert x.grad.tolist() == [6.0]
