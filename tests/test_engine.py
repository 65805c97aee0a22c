"""The engine: the four classics first, then what backward promises."""

import gc
import sys
import weakref

import pytest

import ember as torch


def leaf(*values, **options):
    data = values[0] if len(values) == 1 else list(values)
    return torch.tensor(data, requires_grad=True, **options)


# -- the four classics --------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1_000_000])
def test_long_chain_at_default_recursion_limit(length, device):
    if device != "cpu":
        length = 100_000  # the interpreter's cost per operation is several times higher
    assert sys.getrecursionlimit() <= 1000 or "pytest" in sys.modules
    x = leaf(1.0)
    y = x
    for _ in range(length):
        y = y + 1.0
    y.backward()
    assert x.grad.item() == 1.0
    assert repr(y).startswith("tensor(") and "AddBackward0" in repr(y)
    last = weakref.ref(y.grad_fn)
    del y
    assert last() is None


def test_diamond():
    b = leaf(3.0)
    c = b + b
    d = c + b
    (c * d).backward()  # 2b · 3b = 6b²
    assert b.grad.item() == 36.0


def test_gradients_do_not_alias():
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    gradient = torch.ones(2)
    (a + b).backward(gradient)
    a.grad += 10
    gradient += 100
    assert b.grad.tolist() == [1.0, 1.0]
    (a + b).backward(torch.ones(2))
    assert a.grad.tolist() == [12.0, 12.0]
    assert b.grad.tolist() == [2.0, 2.0]


def test_dropped_output():
    x = leaf(3.0, 1.0, 2.0)
    values, _ = x.sort()
    first, _, third = values.unbind()
    del values, first
    third.backward()
    assert x.grad.tolist() == [1.0, 0.0, 0.0]


# -- e = (a+b)·(b+1) ----------------------------------------------------------------------------


def test_the_textbook_graph():
    a, b = leaf(2.0), leaf(1.0)
    e = (a + b) * (b + 1)
    e.backward()
    assert (e.item(), a.grad.item(), b.grad.item()) == (6.0, 2.0, 5.0)


# -- freeing ------------------------------------------------------------------------------------


def test_graph_is_freed_without_the_garbage_collector():
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        loss = (x.exp() * x).sum()
        node = weakref.ref(loss.grad_fn)
        loss.backward()
        del loss
        assert node() is None
    finally:
        gc.enable()


def test_create_graph_makes_no_cycle():
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        y = (x * x * x).sum()
        (g,) = torch.autograd.grad(y, x, create_graph=True)
        node = weakref.ref(y.grad_fn)
        del y, g
        assert node() is None
    finally:
        gc.enable()


def test_second_backward_raises_and_retain_graph_allows_it():
    x = leaf(2.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 8.0
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()
    assert x.grad.item() == 8.0


def test_second_backward_through_an_addition_saves_nothing_and_works():
    x, y = leaf(1.0), leaf(2.0)
    z = x + y
    z.backward()
    z.backward()
    assert x.grad.item() == 2.0


# -- failures change nothing --------------------------------------------------------------------


def test_exception_in_a_hook_leaves_every_grad():
    a, b = leaf(1.0), leaf(2.0)
    (a * b).backward()

    def fail(g):
        raise KeyboardInterrupt

    c = b * 2
    c.register_hook(fail)
    with pytest.raises(KeyboardInterrupt):
        (a * 3 + c).backward()
    assert (a.grad.item(), b.grad.item()) == (2.0, 1.0)


def test_backward_without_history_says_why():
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.tensor(1.0).backward()


def test_backward_of_a_vector_needs_a_gradient():
    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        leaf(1.0, 2.0).exp().backward()


def test_gradient_of_the_wrong_shape():
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        leaf(1.0, 2.0).exp().backward(torch.ones(3))


# -- grad, hooks, higher orders -----------------------------------------------------------------


def test_grad_to_any_order():
    x = leaf(2.0)
    y = x**5
    for expected in (80.0, 160.0, 240.0, 240.0, 120.0):
        (y,) = torch.autograd.grad(y, x, create_graph=True)
        assert y.item() == pytest.approx(expected)


def test_grad_leaves_dot_grad_alone_and_reports_unused():
    x, y = leaf(2.0), leaf(3.0)
    (g,) = torch.autograd.grad(x * x, x)
    assert g.item() == 4.0 and x.grad is None
    with pytest.raises(RuntimeError, match="at index 1 appears to not have been used"):
        torch.autograd.grad(x * x, [x, y])
    assert torch.autograd.grad(x * x, y, allow_unused=True) == (None,)


def test_grad_of_intermediate():
    x = leaf(2.0)
    y = x * 3
    z = y * y
    assert torch.autograd.grad(z, y)[0].item() == 12.0


def test_inputs_argument_limits_accumulation():
    a, b = leaf(2.0), leaf(3.0)
    (a * b).backward(inputs=[a])
    assert a.grad.item() == 3.0 and b.grad is None


def test_hooks_replace_gradients_and_are_removable():
    x = leaf(1.0)
    y = x * 2
    handle = y.register_hook(lambda g: g * 10)
    y.backward(retain_graph=True)
    assert x.grad.item() == 20.0
    handle.remove()
    y.backward()
    assert x.grad.item() == 22.0


def test_leaf_hook_and_post_accumulate_hook():
    x = leaf(1.0)
    seen = []
    x.register_hook(lambda g: g + 1)
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.item()))
    (x * 2).backward()
    assert seen == [3.0]


def test_retain_grad():
    x = leaf(1.0)
    y = x * 2
    y.retain_grad()
    (y * 3).backward()
    assert y.grad.item() == 3.0 and y.retains_grad


def test_grad_is_owned_and_writable():
    x = leaf(1.0, 2.0, 3.0)
    x.sum().backward()  # the formula gives a broadcast view of one number
    x.grad.mul_(2)
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_a_gradient_that_nobody_else_holds_is_not_copied(device):
    if device.type == "standin":
        pytest.skip("arrays of the stand-in do not say whether they own their memory")
    place = []

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            g = g * 2
            place.append(g.data_ptr())
            return g

    x = leaf(1.0, 2.0)
    Double.apply(x).sum().backward()
    assert x.grad.data_ptr() == place[0]


def test_float64_numbers_do_not_leak():
    np = pytest.importorskip("numpy")
    x = torch.ones(2)
    assert (x * np.float64(2)).dtype is torch.float32
    assert (np.float64(2) * x).dtype is torch.float32
    assert x.mean().dtype is torch.float32
    assert (x.mean() * torch.tensor(2.0)).dtype is torch.float32


# -- several gradients at once, and what was detached ---------------------------------------------


def test_batched_gradients_are_the_rows_of_the_jacobian():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    w = torch.tensor(3.0, requires_grad=True)
    y, unused = x * x * w, torch.ones(1, requires_grad=True)
    rows = torch.autograd.grad(y, (x, w, unused), torch.eye(2), is_grads_batched=True,
                               allow_unused=True, create_graph=True)
    assert rows[0].tolist() == [[6, 0], [0, 12]] and rows[1].tolist() == [1, 4]
    assert rows[2] is None
    assert torch.autograd.grad(rows[0].sum(), x)[0].tolist() == [6, 6]
    torch.autograd.grad(y, x, torch.eye(2), is_grads_batched=True)
    with pytest.raises(RuntimeError, match="second time"):  # the last pass freed the graph
        y.sum().backward()


@pytest.mark.parametrize("given", [
    None, torch.tensor(1.0), torch.zeros(0, 2), [torch.eye(2), torch.eye(3)]])
def test_batched_gradients_need_one_size(given):
    x = torch.ones(2, requires_grad=True)
    outputs = [x * 2, x * 3] if isinstance(given, list) else x * 2
    with pytest.raises(RuntimeError, match="is_grads_batched"):
        torch.autograd.grad(outputs, x, given, is_grads_batched=True)


def test_a_leaf_that_was_detached_gets_no_gradient():
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    x.detach_()
    y.sum().backward()
    assert x.grad is None and not x.requires_grad


def test_the_arguments_of_backward_by_position_and_their_old_names():
    x = torch.ones(2, requires_grad=True)
    torch.autograd.backward(x * 2, None, None, False, torch.ones(2), {"weight": x})
    assert x.grad.tolist() == [2, 2]
    with pytest.raises(RuntimeError, match="grad_variables"):
        torch.autograd.backward(x * 2, torch.ones(2), grad_variables=torch.ones(2))
    with pytest.warns(FutureWarning, match="only_inputs"):
        torch.autograd.grad(x.sum(), x, only_inputs=False)


def test_backward_starts_at_edges_too():
    x = torch.ones(2, requires_grad=True)
    edge = torch.autograd.graph.get_gradient_edge(x * 3)
    torch.autograd.backward(edge, torch.ones(2))
    assert x.grad.tolist() == [3, 3]
    with pytest.raises(RuntimeError, match=r"shape of torch.Size\(\[3\]\)"):
        torch.autograd.backward(edge, torch.ones(3))


def test_hooks_after_accumulation_return_nothing():
    x = torch.ones(2, requires_grad=True)
    x.register_post_accumulate_grad_hook(lambda t: t)
    with pytest.raises(RuntimeError, match="should return None"):
        x.sum().backward()
