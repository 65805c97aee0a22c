"""In-place writes through views: the right gradient or an error, never a wrong number.

The oracle is the same program without in-place writes: the places that a view shows are found by
viewing the positions, and `index_put` puts the new values there.
"""

import pytest

import ember as torch
from ember.autograd import graph

f64 = torch.float64
SHAPE = (3, 4)

VIEWS = {
    "the tensor itself": lambda x: x,
    "select": lambda x: x[1],
    "select, last": lambda x: x[..., -1],
    "slice": lambda x: x[1:, ::2],
    "one element": lambda x: x[2, 3],
    "None": lambda x: x[:, None],
    "alias": lambda x: x[...],
    "narrow": lambda x: x.narrow(1, 1, 2),
    "t": lambda x: x.t(),
    "view": lambda x: x.view(-1),
    "reshape": lambda x: x.reshape(2, 6),
    "permute and select": lambda x: x.permute(1, 0)[1:],
    "diagonal": lambda x: x.diagonal(1),
    "as_strided": lambda x: x.as_strided((2, 2), (5, 1), 1),
    "unfold": lambda x: x.unfold(0, 1, 2),
    "view of a view": lambda x: x[1:].t()[::2].flatten(0, -2)[0],
    "squeeze": lambda x: x[None].squeeze(0),
    "expand to itself": lambda x: x[0].expand(4),
}
WRITES = {
    "mul_ number": (lambda v, w: v.mul_(3), lambda v, w: v * 3),
    "add_ tensor": (lambda v, w: v.add_(w), lambda v, w: v + w),
    "mul_ tensor": (lambda v, w: v.mul_(w), lambda v, w: v * w),
    "sub_ itself": (lambda v, w: v.sub_(v.clone() * w), lambda v, w: v - v * w),
    "exp_": (lambda v, w: v.exp_(), lambda v, w: v.exp()),
    "tanh_": (lambda v, w: v.tanh_(), lambda v, w: v.tanh()),
    "zero_": (lambda v, w: v.zero_(), lambda v, w: v * 0),
    "fill_ tensor": (lambda v, w: v.fill_(w), lambda v, w: v * 0 + w),
    "copy_": (lambda v, w: v.copy_(w * w), lambda v, w: v * 0 + w * w),
    "all = tensor": (lambda v, w: v.__setitem__(..., w), lambda v, w: v * 0 + w),
    "masked_fill_": (lambda v, w: v.masked_fill_(v > 0, 2), lambda v, w: torch.where(v > 0, 2, v)),
    "mask =": (lambda v, w: v.__setitem__(v > 0, w), lambda v, w: torch.where(v > 0, w, v)),
    "clamp_": (lambda v, w: v.clamp_(-0.5, 0.5), lambda v, w: v.clamp(-0.5, 0.5)),
    "two writes": (lambda v, w: v.mul_(w).sin_(), lambda v, w: (v * w).sin()),
}


def start():
    """A leaf with values on both sides of zero, and a 0-d one."""
    values = torch.linspace(-1.1, 1.2, 12, dtype=f64).reshape(SHAPE)
    return values.requires_grad_(), torch.tensor(0.7, dtype=f64, requires_grad=True)


def weights():
    return torch.arange(1.0, 13, dtype=f64).reshape(SHAPE)


def gradients(program):
    """Values and gradients of a program on (base, w), given as fresh leaves."""
    leaf, w = start()
    result = program(leaf, w)
    (result * weights()).sum().backward()
    grads = [torch.zeros(()) if t.grad is None else t.grad for t in (leaf, w)]
    return [result.detach().flatten().tolist(), grads[0].flatten().tolist(), grads[1].item()]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("view", VIEWS)
def test_a_write_through_a_view_is_the_program_without_it(view, write):
    show, (in_place, out_of_place) = VIEWS[view], WRITES[write]

    def written(leaf, w):
        base = leaf * 1
        in_place(show(base), w)
        return base

    def functional(leaf, w):
        places = show(torch.arange(12).reshape(SHAPE))
        new = out_of_place(show(leaf * 1), w)
        return (leaf * 1).reshape(-1).index_put((places,), new).reshape(SHAPE)

    for got, expected in zip(gradients(written), gradients(functional)):
        assert got == pytest.approx(expected)


@pytest.mark.parametrize("view", VIEWS)
def test_a_write_to_the_base_reaches_older_views(view):
    show = VIEWS[view]

    def written(leaf, w):
        base = leaf * 1
        seen = show(base)
        base.mul_(w)
        base[0] += 1
        return base * 0 + (seen * seen).sum()

    def functional(leaf, w):
        base = leaf * w + torch.tensor([[1.0], [0.0], [0.0]], dtype=f64)
        return base * 0 + (show(base) ** 2).sum()

    for got, expected in zip(gradients(written), gradients(functional)):
        assert got == pytest.approx(expected)


@pytest.mark.parametrize("view", VIEWS)
def test_a_base_without_history_gets_one_by_a_write_to_its_view(view):
    base = torch.zeros(SHAPE, dtype=f64)
    w = torch.tensor(0.7, dtype=f64, requires_grad=True)
    seen = VIEWS[view](base)
    seen.add_(w)
    assert base.requires_grad and seen.requires_grad and not base.is_leaf
    base.sum().backward()
    assert w.grad == seen.numel()


@pytest.mark.parametrize("view", VIEWS)
def test_no_grad_writes_the_memory_only(view):
    leaf, _ = start()
    base = leaf * 1
    before = base.grad_fn
    with torch.no_grad():
        VIEWS[view](base).fill_(5)
        VIEWS[view](leaf).fill_(5)
    assert base.grad_fn is before and leaf.is_leaf and (leaf == base).all()
    base.sum().backward()
    assert leaf.grad.tolist() == torch.ones(SHAPE).tolist()


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("view", ["the tensor itself", "select", "view of a view"])
def test_writes_to_leaves_raise_and_change_nothing(view, write):
    leaf, w = start()
    before = leaf.tolist()
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        WRITES[write][0](VIEWS[view](leaf), w)
    assert leaf.tolist() == before and leaf.is_leaf


def test_second_derivatives_through_writes():
    x, w = start()

    def smooth(x, w):
        y = x * 1
        y[1:] *= x[:-1] + w
        y.t()[0] = w * w
        y.diagonal().sin_()
        return y * y

    assert torch.autograd.gradcheck(smooth, (x, w))
    assert torch.autograd.gradgradcheck(smooth, (x, w))


# -- gradients by hand ----------------------------------------------------------------------------


def test_copy_slices_by_hand():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 2
    y[1:] *= y[0]  # [2x0, 4x0x1, 4x0x2]
    assert y.grad_fn.name() == "CopySlices"
    y.sum().backward()
    assert x.grad.tolist() == [2 + 4 * 2 + 4 * 3, 4, 4]


def test_a_view_taken_before_a_write_has_the_new_history():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    first = y[0]
    y.mul_(y)  # 9x²
    first.backward()
    assert first == 9 and x.grad.tolist() == [18, 0]


def test_what_was_computed_before_a_write_keeps_its_gradient():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    before = y + 1  # saves nothing of y
    y[0] = 100
    before.sum().backward()
    assert x.grad.tolist() == [1, 1]


def _nodes_per_write(count):
    """Return how many nodes a write makes, and the reading of a view after it, among many views."""
    x = torch.ones(count, 2, requires_grad=True) * 1
    rows = [x[i] for i in range(count)]
    start = next(graph.clock)
    rows[3].mul_(2)
    written = next(graph.clock)
    assert rows[4].grad_fn.next_functions[0][0] is x.grad_fn
    return written - start, next(graph.clock) - written


def test_a_write_costs_nothing_for_the_views_that_nobody_asks_again():
    assert _nodes_per_write(5) == _nodes_per_write(500)


def test_a_view_that_is_read_without_recording_still_gets_its_history():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    first = y[0]
    y.mul_(y)
    with torch.no_grad():
        assert first.requires_grad and first.grad_fn.name() == "SelectBackward0"
    first.backward()
    assert x.grad.tolist() == [2, 0]


def test_a_view_asked_after_each_of_many_writes():
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    y = x * 1
    first, seen = y[0], []
    for _ in range(3):
        y.mul_(2)
        seen.append(first * 1)
    sum(seen).backward()
    assert x.grad.tolist() == [2 + 4 + 8, 0]


@pytest.mark.parametrize("hooked", [False, True])
def test_gradients_between_writes_are_nobody_elses_memory(hooked):
    x = torch.ones(3, requires_grad=True)
    y, seen = x * 1, []
    z = y + 0
    z[0] = 5
    if hooked:
        z.register_hook(seen.append)
    z[1] = 7
    given = torch.ones(3)
    z.backward(given, retain_graph=True)
    z.backward(given)
    assert x.grad.tolist() == [0, 0, 2] and given.tolist() == [1, 1, 1]
    assert all(g.tolist() == [1, 0, 1] for g in seen)


def test_shapes_change_in_place_among_views_with_an_old_history():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    first, last = y[0], y[1]
    y.mul_(2)
    y.unsqueeze_(0)
    y.mul_(3)
    assert last.requires_grad
    last.mul_(5)
    (y.sum() + first).backward()
    assert x.grad.tolist() == [12, 30] and y.shape == (1, 2)


@pytest.mark.parametrize("copy", [True, False])
def test_a_loop_of_writes(copy):
    x = torch.tensor(2.0, requires_grad=True)
    y = torch.zeros(4)
    y[0] = x
    for n in range(1, 4):
        y[n] = (y[n - 1].clone() if copy else y[n - 1]) * x
    assert y.tolist() == [2, 4, 8, 16]
    if copy:
        y.sum().backward()
        assert x.grad == 1 + 4 + 12 + 32
    else:  # the product saved memory that the next write belongs to
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()


def test_several_outputs_and_the_base():
    x = torch.ones(2, 2, requires_grad=True)
    y = x * 1
    first, second = y.unbind()
    y.mul_(3)
    (first.sum() + 10 * second.sum()).backward()
    assert x.grad.tolist() == [[3, 3], [30, 30]]


# -- errors instead of wrong numbers --------------------------------------------------------------


@pytest.mark.parametrize("write", [
    lambda y: y.mul_(2), lambda y: y[0].zero_(), lambda y: y.t().add_(1), lambda y: y.fill_(0),
    lambda y: y.__setitem__(0, 1), lambda y: y.__setitem__(y > 0, 1), lambda y: y.view(-1).exp_(),
    lambda y: y.detach().zero_(), lambda y: y.detach().t_().add_(1),
    lambda y: y.index_put_((torch.tensor([0]),), torch.tensor(1.0)),
    lambda y: y.index_fill_(0, torch.tensor([0]), 1), lambda y: y.unbind()[0].detach().zero_(),
])
def test_a_saved_value_that_was_overwritten_raises(write):
    x = torch.ones(2, 2, requires_grad=True)
    y = x * 1
    product = y * y
    write(y)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.sum().backward()
    assert x.grad is None


def test_a_write_elsewhere_does_not_matter():
    x = torch.ones(2, 2, requires_grad=True)
    y, other = x * 1, torch.ones(2, 2)
    product = y * y
    other[0] = y.detach().clone()[0].mul_(2)
    product.sum().backward()
    assert x.grad.tolist() == [[2, 2], [2, 2]]


def test_an_index_that_was_overwritten_raises():
    x, index = torch.ones(3, requires_grad=True), torch.tensor([0, 1])
    y = x[index]
    index += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("split", [
    lambda y: y.unbind()[0], lambda y: y.split(1)[1], lambda y: y.chunk(2)[0],
    lambda y: y.split([1, 1])[0][0],
])
def test_one_of_several_views_cannot_be_written(split):
    y = torch.ones(2, 2, requires_grad=True) * 1
    with pytest.raises(RuntimeError, match="function that returns multiple views"):
        split(y).mul_(2)
    with torch.no_grad():
        split(y).mul_(2)
    split(torch.ones(2, 2)).mul_(2)


def test_views_that_became_leaves():
    base, w = torch.ones(4), torch.tensor(2.0, requires_grad=True)
    leaf = base.view(2, 2).requires_grad_()
    with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
        leaf[0].mul_(3)
    base.mul_(w)  # the leaf shows this memory, so it is a result from now on
    assert not leaf.is_leaf
    leaf.sum().backward()
    assert w.grad == 4 and leaf.grad is None
    base = torch.ones(4)
    leaf = base.view(2, 2).requires_grad_()
    row = leaf[0]
    with pytest.raises(RuntimeError, match="views of its own"):
        base.mul_(w)
    assert row.tolist() == [1, 1]


def test_unsafe_parts_can_be_written():
    y = torch.ones(2, 2, requires_grad=True) * 1
    part = y.unsafe_chunk(2)[0]
    part.mul_(3)
    assert y.tolist() == [[3, 3], [1, 1]]


def test_a_view_made_without_recording_cannot_be_written_with_it():
    y = torch.ones(2, 2, requires_grad=True) * 1
    with torch.no_grad():
        view = y[0]
    with pytest.raises(RuntimeError, match="created in no_grad mode"):
        view.mul_(2)
    with torch.no_grad():
        view.mul_(2)
    assert y.tolist() == [[2, 2], [1, 1]]


@pytest.mark.parametrize("write", [
    lambda x: x.expand(3, 2).add_(1), lambda x: x.expand(3, 2).fill_(0),
    lambda x: x.expand(3, 2).__setitem__(slice(None), 1),
    lambda x: x.expand(3, 2).index_put_((torch.tensor([0]),), torch.tensor(1.0)),
    lambda x: x.as_strided((2, 2), (1, 0)).mul_(2),
    lambda x: x.unfold(0, 1, 1).t().expand(2, 2).zero_(),
])
def test_memory_that_is_reached_twice_cannot_be_written(write):
    x = torch.ones(2)
    with pytest.raises(RuntimeError, match="single memory location"):
        write(x)
    assert x.tolist() == [1, 1]


def test_windows_that_overlap_cannot_be_written_and_others_can():
    x = torch.ones(9)
    with pytest.raises(RuntimeError, match="single memory location"):
        x.unfold(0, 3, 2).mul_(2)
    with pytest.raises(RuntimeError, match="single memory location"):
        x.as_strided((3, 2), (2, 4))[...] = 0
    assert x.tolist() == [1] * 9
    x.unfold(0, 2, 3).mul_(2)
    x.as_strided((3, 2), (2, 3)).add_(1)  # 0 3, 2 5, 4 7: interleaved, yet apart
    assert x.tolist() == [3, 2, 2, 3, 3, 2, 2, 3, 1]


def test_one_row_of_an_expanded_tensor_can_be_written():
    x = torch.ones(2)
    x.expand(3, 2)[1] = 5
    assert x.tolist() == [5, 5]


def test_versions_count_writes_to_the_memory():
    x = torch.zeros(2, 2)
    view, count = x[0], x._version
    view += 1
    x.t().zero_()
    x[1, 1] = 3
    assert x._version == view._version == count + 3


def test_dropped_views_do_not_accumulate():
    x = torch.zeros(4)
    for _ in range(500):
        x[0]
    assert len(x._views.all) < 40 and len(x._views.informed) < 40


# -- memory in any order --------------------------------------------------------------------------

BASES = {
    "in order": lambda x: x * 1, "by columns": lambda x: x.t() * 1,
    "by columns, cloned": lambda x: (x.t() * 1).clone(), "a view by columns": lambda x: (x * 1).t(),
    "from the middle": lambda x: (x * 1)[1:], "part of columns": lambda x: (x.t() * 1)[1:].t(),
    "a detached part": lambda x: torch.zeros(20, dtype=f64)[3:15].detach().view(3, 4),
    "a detached transpose": lambda x: torch.zeros(3, 4, dtype=f64).t().detach(),
}


@pytest.mark.parametrize("name", BASES)
def test_writes_through_strides_reach_the_right_elements_of_any_base(name):
    def written(x, w):
        y = BASES[name](x)
        start = y.storage_offset()
        y.as_strided((3,), (2,), start + 1).mul_(w)
        y.as_strided((2, 2), (4, 1), start).add_(w[:2])
        return y * y + 0 * x.sum()

    x = torch.rand(3, 4, dtype=f64, requires_grad=True)
    w = torch.rand(3, dtype=f64, requires_grad=True)
    assert torch.autograd.gradcheck(written, (x, w))
    assert torch.autograd.gradgradcheck(written, (x, w))


# -- other memory ---------------------------------------------------------------------------------


@pytest.mark.parametrize("swap", [
    lambda t, other: setattr(t, "data", other), lambda t, other: t.set_(other)])
def test_a_tensor_with_other_memory_leaves_those_that_shared_its_own(swap):
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    base = torch.zeros(3)
    first, rest = base[0], base[1:]
    with torch.no_grad():
        swap(rest, torch.ones(2))
    rest.mul_(x[1:])  # not the memory of `base` any more
    assert not base.requires_grad and rest.tolist() == [2, 3]
    with torch.no_grad():
        swap(base, torch.full((3,), 4.0))
    first.copy_(x[0])  # nor is this
    assert not base.requires_grad and base.tolist() == [4, 4, 4]
    assert first.requires_grad and first._base is not base
    (first + rest.sum()).backward()
    assert x.grad.tolist() == [1, 1, 1]


def test_set_shows_part_of_another_memory():
    x, y = torch.zeros(2), torch.arange(6.0)
    assert x.set_(y, 1, (2, 2), (3, 1)).tolist() == [[1, 2], [4, 5]]
    x.zero_()
    assert y.tolist() == [0, 0, 0, 3, 0, 0] and not x.is_set_to(y)
    assert x.set_().shape == (0,)


@pytest.mark.parametrize("refused", [
    lambda: torch.zeros(2).set_(torch.zeros(2, dtype=torch.int64)),
    lambda: torch.zeros(2, requires_grad=True).set_(torch.zeros(2)),
    lambda: torch.zeros(2).set_(torch.zeros(2, requires_grad=True) * 1),
    lambda: torch.zeros(2).set_(torch.zeros(3), 2, (2,)),
])
def test_what_cannot_be_set(refused):
    with pytest.raises(RuntimeError):
        refused()


def test_what_is_a_view_says_so():
    x = torch.zeros(4)
    assert x[1:][1:]._base is x and x[1:]._is_view()
    assert x._base is None and not x._is_view() and not x.clone()._is_view()
