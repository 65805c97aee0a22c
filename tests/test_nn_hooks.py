"""Hooks around a module's call, forward and backward."""

import pytest

import ember as torch
from ember import nn


class Scale(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x, plus=0.0):
        return x * self.factor + plus


def test_forward_hooks_see_and_replace():
    layer, x = Scale(2.0), torch.ones(1)
    calls = []
    layer.register_forward_pre_hook(lambda module, args: calls.append(args[0].item()))
    with layer.register_forward_pre_hook(lambda module, args: args[0] + 1):
        with layer.register_forward_hook(lambda module, args, out: out * 10):
            assert layer(x).item() == 40.0
    assert layer(x).item() == 2.0 and calls == [1.0, 1.0]


def test_hooks_with_kwargs_and_order():
    layer = Scale(2.0)
    order = []
    layer.register_forward_hook(lambda *args: order.append("second"))
    layer.register_forward_hook(lambda *args: order.append("first"), prepend=True)
    layer.register_forward_pre_hook(
        lambda module, args, kwargs: (args, {"plus": 5.0}), with_kwargs=True)
    assert layer(torch.ones(1)).item() == 7.0 and order == ["first", "second"]


def test_a_removed_hook_leaves_the_fast_path():
    layer = Scale(2.0)
    handle = layer.register_forward_hook(lambda *args: None)
    handle.remove()
    handle.remove()
    assert not layer._hooks


def test_always_call_runs_after_a_failure():
    layer, seen = Scale("wrong"), []
    layer.register_forward_hook(lambda module, args, out: seen.append(out), always_call=True)
    with pytest.raises(TypeError):
        layer(torch.ones(1))
    assert seen == [None]


def test_a_pre_hook_with_kwargs_must_return_a_pair():
    layer = Scale(2.0)
    layer.register_forward_pre_hook(lambda module, args, kwargs: args, with_kwargs=True)
    with pytest.raises(RuntimeError, match="None or a tuple"):
        layer(torch.ones(1))


def test_backward_hooks_see_and_replace_gradients():
    layer, x = Scale(3.0), torch.ones(2, requires_grad=True)
    seen = []

    def before(module, grad_output):
        seen.append(grad_output[0].tolist())
        return (grad_output[0] * 2,)

    def after(module, grad_input, grad_output):
        seen.append((grad_input[0].tolist(), grad_output[0].tolist()))
        return (grad_input[0] + 1,)

    layer.register_full_backward_pre_hook(before)
    layer.register_full_backward_hook(after)
    layer(x).sum().backward()
    assert seen == [[1.0, 1.0], ([6.0, 6.0], [2.0, 2.0])]
    assert x.grad.tolist() == [7.0, 7.0]


def test_backward_hook_without_input_gradients():
    layer, seen = nn.Linear(2, 1), []
    layer.register_full_backward_hook(lambda module, gi, go: seen.append((gi, go[0].tolist())))
    layer(torch.ones(1, 2)).sum().backward()
    assert len(seen) == 1 and seen[0][1] == [[1.0]]


def test_global_hooks():
    seen = []
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, args, out: seen.append(type(module).__name__))
    try:
        nn.Sequential(nn.ReLU(), nn.Tanh())(torch.ones(1))
    finally:
        handle.remove()
    assert seen == ["ReLU", "Tanh", "Sequential"]
