"""Shapes, orders of dimensions, joining and splitting: values, views, errors as PyTorch's."""

import pytest

import ember as torch


def grid(*shape):
    """The numbers from 0 on in a shape."""
    count = 1
    for n in shape:
        count *= n
    return torch.arange(count).reshape(shape)


# -- views ----------------------------------------------------------------------------------------

# (function, shape of the input, shape of the result)
VIEWS = {
    "view": (lambda x: x.view(3, 2), (2, 3), (3, 2)),
    "view, inferred": (lambda x: x.view(-1, 3), (2, 3), (2, 3)),
    "view, tuple": (lambda x: x.view((6,)), (2, 3), (6,)),
    "view, Size": (lambda x: x.view(torch.Size([6])), (2, 3), (6,)),
    "view, keyword": (lambda x: x.view(size=(6,)), (2, 3), (6,)),
    "view to 0-d": (lambda x: x.view(()), (1,), ()),
    "view of 0-d": (lambda x: x.view(1, 1), (), (1, 1)),
    "view_as": (lambda x: x.view_as(torch.zeros(6)), (2, 3), (6,)),
    "reshape": (lambda x: torch.reshape(x, (3, 2)), (2, 3), (3, 2)),
    "reshape, nothing": (lambda x: x.reshape(0, 5), (0, 5), (0, 5)),
    "reshape_as": (lambda x: x.reshape_as(torch.zeros(6)), (2, 3), (6,)),
    "flatten": (lambda x: x.flatten(1), (2, 3, 4), (2, 12)),
    "flatten 0-d": (lambda x: x.flatten(), (), (1,)),
    "unflatten": (lambda x: x.unflatten(-1, (2, -1)), (3, 4), (3, 2, 2)),
    "ravel": (lambda x: x.ravel(), (2, 3), (6,)),
    "squeeze": (lambda x: x.squeeze(), (1, 2, 1), (2,)),
    "squeeze(dim)": (lambda x: x.squeeze(0), (1, 2, 1), (2, 1)),
    "squeeze(dims)": (lambda x: x.squeeze((0, 1)), (1, 2, 1), (2, 1)),
    "unsqueeze": (lambda x: x.unsqueeze(-1), (2, 3), (2, 3, 1)),
    "transpose": (lambda x: x.transpose(0, -1), (2, 3, 4), (4, 3, 2)),
    "swapaxes": (lambda x: x.swapaxes(0, 1), (2, 3), (3, 2)),
    "t": (lambda x: x.t(), (2, 3), (3, 2)),
    "T": (lambda x: x.T, (2, 3), (3, 2)),
    "mT": (lambda x: x.mT, (5, 2, 3), (5, 3, 2)),
    "mT of a number": (lambda x: x.mT, (), ()), "mH of a number": (lambda x: x.mH, (), ()),
    "H of a number": (lambda x: x.H, (), ()),
    "H": (lambda x: x.H, (2, 3), (3, 2)),
    "permute": (lambda x: x.permute(2, 0, 1), (2, 3, 4), (4, 2, 3)),
    "permute, tuple": (lambda x: torch.permute(x, (1, -2)), (2, 3), (3, 2)),
    "movedim": (lambda x: x.movedim(0, -1), (2, 3, 4), (3, 4, 2)),
    "movedim, several": (lambda x: torch.movedim(x, (0, 1), (1, 2)), (2, 3, 4), (4, 2, 3)),
    "expand": (lambda x: x.expand(5, -1, 3), (2, 1), (5, 2, 3)),
    "expand_as": (lambda x: x.expand_as(torch.zeros(4, 3)), (1, 3), (4, 3)),
    "broadcast_to": (lambda x: torch.broadcast_to(x, (2, 2)), (2,), (2, 2)),
    "select": (lambda x: x.select(1, -1), (2, 3), (2,)),
    "narrow": (lambda x: x.narrow(1, 1, 2), (2, 3), (2, 2)),
    "diagonal": (lambda x: x.diagonal(1), (2, 3), (2,)),
    "unfold": (lambda x: x.unfold(1, 2, 1), (2, 3), (2, 2, 2)),
    "as_strided": (lambda x: x.as_strided((2, 2), (1, 2), 1), (2, 3), (2, 2)),
    "atleast_2d": (torch.atleast_2d, (3,), (1, 3)),
    "atleast_3d": (torch.atleast_3d, (3,), (1, 3, 1)),
    "an integer": (lambda x: x[1], (2, 3), (3,)),
    "a slice": (lambda x: x[1:, ::2], (2, 3), (1, 2)),
    "None": (lambda x: x[:, None], (2, 3), (2, 1, 3)),
    "Ellipsis": (lambda x: x[..., 0], (2, 3), (2,)),
    "a 0-d index": (lambda x: x[torch.tensor(1)], (2, 3), (3,)),
    "to 0-d": (lambda x: x[1, 2], (2, 3), ()),
}


# views that show some memory more than once
OVERLAPPING = {"expand", "expand_as", "broadcast_to", "unfold"}


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_shares_memory_and_passes_gradients(name):
    function, shape, result = VIEWS[name]
    x = grid(*shape).double()
    y = function(x)
    assert y.shape == result
    with torch.no_grad():
        x.fill_(7)
    assert y.tolist() == torch.full(result, 7.0).tolist()
    leaf = grid(*shape).double().requires_grad_()
    function(leaf).sum().backward()
    assert leaf.grad.shape == leaf.shape
    assert leaf.grad.sum() == y.numel()  # each element of the view is one of the base


@pytest.mark.parametrize("name", sorted(set(VIEWS) - OVERLAPPING))
def test_a_write_to_a_view_reaches_the_base(name):
    function, shape, _ = VIEWS[name]
    x = torch.zeros(shape)
    y = function(x)
    y += 1
    assert x.sum() == y.numel()
    base = torch.zeros(shape, requires_grad=True) * 1
    view = function(base)
    view.mul_(3)
    assert base.grad_fn is not None and base.requires_grad
    base.sum().backward()


def test_reshape_copies_where_it_must():
    x = grid(2, 3)
    y = x.t().reshape(-1)
    y.zero_()
    assert x.tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(RuntimeError, match="Use .reshape"):
        x.t().view(-1)


def test_view_as_another_dtype():
    x = torch.tensor([1.0, -2.0])
    assert x.view(torch.int32).tolist() == [1065353216, -1073741824]
    assert x.view(torch.uint8).shape == (8,)
    assert torch.zeros(2, 4, dtype=torch.uint8).view(torch.float32).shape == (2, 1)
    x.view(torch.int32).zero_()
    assert x.tolist() == [0.0, 0.0]


def test_names_of_the_graph_nodes():
    x = torch.ones(2, 3, requires_grad=True)
    names = {"ViewBackward0": x.view(6), "UnsafeViewBackward0": x.t().reshape(6),
             "SelectBackward0": x[:, 0], "SliceBackward0": x[0, 1:], "UnsqueezeBackward0": x[None],
             "AliasBackward0": x[...], "IndexBackward0": x[[0, 1]], "TBackward0": x.t(),
             "PermuteBackward0": x.T, "TransposeBackward0": x.mT, "SplitBackward0": x.chunk(2)[0],
             "UnbindBackward0": x.unbind()[1], "ExpandBackward0": x.expand(2, 2, 3)}
    for name, y in names.items():
        assert y.grad_fn.name() == name


# -- layout ---------------------------------------------------------------------------------------


def test_strides_and_offsets():
    x = torch.zeros(2, 3, 4)
    assert x.stride() == (12, 4, 1) and x.stride(-1) == 1
    assert x.transpose(0, 2).stride() == (1, 4, 12)
    assert x[:, 1:, ::2].stride() == (12, 4, 2) and x[:, 1:, ::2].storage_offset() == 4
    assert x.expand(5, 2, 3, 4).stride() == (0, 12, 4, 1)
    assert torch.zeros(3)[None].stride() == (3, 1)
    assert x[1].data_ptr() - x.data_ptr() == 12 * x.element_size()
    assert (x.size(), x.size(-1), x.dim(), x.numel(), x.nbytes) == ((2, 3, 4), 4, 3, 24, 96)


def test_contiguous_is_the_tensor_itself_or_a_copy():
    x = grid(2, 3)
    assert x.contiguous() is x and x.is_contiguous() and not x.t().is_contiguous()
    y = x.t().contiguous()
    assert y.is_contiguous() and y.data_ptr() != x.data_ptr() and y.tolist() == x.t().tolist()


def test_shape_changes_in_place():
    x = grid(2, 3)
    row = x[0]
    assert x.t_() is x and x.shape == (3, 2)
    assert x.unsqueeze_(0).shape == (1, 3, 2) and x.squeeze_(0).shape == (3, 2)
    x[0] = 9  # the first column of what x was
    assert row.tolist() == [9, 1, 2]
    leaf = torch.ones(2, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        leaf.t_()
    y = leaf * torch.arange(6.0).reshape(2, 3)
    view = y[0]
    y.transpose_(0, 1)
    view.mul_(2)
    (y * torch.tensor([1.0, 10.0])).sum().backward()
    assert leaf.grad.tolist() == [[0, 2, 4], [30, 40, 50]]


def test_a_leaf_that_changes_its_shape():
    x = torch.ones(2, 3, requires_grad=True)
    old = x[[0, 0]]
    with torch.no_grad():
        x.unsqueeze_(0)
    with pytest.raises(RuntimeError, match="changed its shape in place"):
        old.sum().backward()
    (x * 2).sum().backward()
    assert x.is_leaf and x.grad.shape == (1, 2, 3)


def test_resize_in_place():
    x = torch.arange(4)
    assert x.resize_(2, 2).tolist() == [[0, 1], [2, 3]]
    assert x.resize_(3).tolist() == [0, 1, 2]
    assert x.resize_(6).tolist()[:3] == [0, 1, 2]
    with pytest.raises(RuntimeError, match="require grad"):
        torch.ones(2, requires_grad=True).resize_(3)


# -- errors ---------------------------------------------------------------------------------------

# (function of a tensor of shape (2, 3), type of the error, part of its text)
ERRORS = [
    (lambda x: x.view(4, 5), RuntimeError, r"shape '\[4, 5\]' is invalid for input of size 6"),
    (lambda x: x.view(-1, -1), RuntimeError, "only one dimension can be inferred"),
    (lambda x: x.view(-2, 3), RuntimeError, "invalid shape dimension -2"),
    (lambda x: x[:0].reshape(0, -1), RuntimeError, "ambiguous"),
    (lambda x: x.reshape(2, 3.0), TypeError, "must be tuple of ints"),
    (lambda x: x.transpose(0, 2), IndexError, r"range of \[-2, 1\], but got 2"),
    (lambda x: x.permute(0), RuntimeError, "number of dimensions"),
    (lambda x: x.permute(0, 0), RuntimeError, "duplicate dims"),
    (lambda x: x.expand(3, 3), RuntimeError, r"expanded size of the tensor \(3\) must match"),
    (lambda x: x.expand(3), RuntimeError, "number of sizes provided"),
    (lambda x: x.expand(-1, 2, 3), RuntimeError, "leading, non-existing dimension 0"),
    (lambda x: x.squeeze(2), IndexError, "out of range"),
    (lambda x: x.unsqueeze(3), IndexError, r"range of \[-3, 2\]"),
    (lambda x: x[None].t(), RuntimeError, "<= 2 dimensions"),
    (lambda x: x[0].mT, RuntimeError, "matrices"),
    (lambda x: x.flatten(1, 0), RuntimeError, "start_dim cannot come after end_dim"),
    (lambda x: x.unflatten(0, (3, 1)), RuntimeError, "don't multiply up"),
    (lambda x: x.movedim((0, 0), (0, 1)), RuntimeError, "repeated dim"),
    (lambda x: x.diagonal(0, 1, 1), RuntimeError, "identical"),
    (lambda x: x.unfold(1, 4, 1), RuntimeError, "maximum size"),
    (lambda x: x.as_strided((20,), (1,)), RuntimeError, "storage"),
    (lambda x: x.select(0, 2), IndexError, "out of range"),
    (lambda x: x.narrow(1, 2, 2), RuntimeError, "exceeds dimension size"),
    (lambda x: x.split(0), RuntimeError, "split_size can only be 0"),
    (lambda x: x.split([1, 2]), RuntimeError, "to sum exactly to 2"),
    (lambda x: x.chunk(0), RuntimeError, "greater than 0"),
    (lambda x: torch.cat([]), ValueError, "non-empty"),
    (lambda x: torch.cat(x), TypeError, "must be tuple of Tensors"),
    (lambda x: torch.cat([x, 1]), TypeError, "expected Tensor as element 1"),
    (lambda x: torch.cat([x, x.t()]), RuntimeError, "Expected size 3 but got size 2"),
    (lambda x: torch.stack([x, x[0]]), RuntimeError, "equal size"),
    (lambda x: x.flip(0, 0), RuntimeError, "multiple times"),
    (lambda x: x.repeat(2), RuntimeError, "Number of dimensions of repeat dims"),
    (lambda x: x.roll((1, 2), 0), RuntimeError, "must align"),
    (lambda x: x[0].tril(), RuntimeError, "at least 2 dimensions"),
    (lambda x: torch.reshape(3, (1,)), TypeError, "must be Tensor, not int"),
]


@pytest.mark.parametrize(("function", "error", "text"), ERRORS)
def test_errors(function, error, text):
    with pytest.raises(error, match=text):
        function(grid(2, 3))


# -- joining and splitting ------------------------------------------------------------------------


def test_joining():
    a, b = grid(2, 3), grid(1, 3) + 10
    assert torch.cat([a, b]).tolist() == [[0, 1, 2], [3, 4, 5], [10, 11, 12]]
    assert torch.cat((a, a), dim=-1).shape == torch.cat((a, a), axis=1).shape == (2, 6)
    assert torch.cat([torch.zeros(0), a]).dtype is torch.float32  # the empty one still promotes
    assert torch.stack([a, a], 1).shape == (2, 2, 3)
    assert torch.stack([a[0], a[1]], -1).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert torch.hstack([a[0], b[0]]).shape == (6,) and torch.vstack([a[0], b]).shape == (2, 3)
    assert torch.dstack([a, a]).shape == (2, 3, 2)
    assert torch.column_stack([torch.tensor([8, 9]), a]).tolist() == [[8, 0, 1, 2], [9, 3, 4, 5]]
    assert torch.block_diag(a, b).shape == (3, 6)


def test_splitting():
    x = grid(5, 2)
    assert [len(p) for p in x.split(2)] == [2, 2, 1] and isinstance(x.split(2), tuple)
    assert [len(p) for p in x.split([1, 4])] == [1, 4]
    assert [len(p) for p in x.chunk(3)] == [2, 2, 1] and len(x.chunk(4)) == 3
    assert [len(p) for p in x.tensor_split(3)] == [2, 2, 1]
    assert [p.shape[1] for p in x.tensor_split((1, 5), dim=1)] == [1, 1, 0]
    assert [p.tolist() for p in x.unbind(1)] == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]
    assert [row.tolist() for row in x][4] == [8, 9]
    assert len(x.hsplit(2)) == 2 and len(x.vsplit([1, 2])) == 3


def test_the_gradient_of_parts_that_were_not_used_is_zero():
    x = torch.ones(3, 2, requires_grad=True)
    first, *_ = x.unbind()
    _, last = x.split([1, 2])
    (first.sum() + 2 * last[1].sum()).backward()
    assert x.grad.tolist() == [[1, 1], [0, 0], [2, 2]]


# -- other orders, repetition, grids --------------------------------------------------------------


def test_rearranging():
    x = grid(2, 3)
    assert x.flip(0).tolist() == x.flipud().tolist() == [[3, 4, 5], [0, 1, 2]]
    assert x.flip((0, 1)).tolist() == [[5, 4, 3], [2, 1, 0]]
    assert x.roll(1).tolist() == [[5, 0, 1], [2, 3, 4]]
    assert x.roll((1, -1), (0, 1)).tolist() == [[4, 5, 3], [1, 2, 0]]
    assert x.rot90().tolist() == [[2, 5], [1, 4], [0, 3]]
    assert x.rot90(-1).tolist() == [[3, 0], [4, 1], [5, 2]]
    assert x[0].repeat(2, 2).tolist() == [[0, 1, 2, 0, 1, 2]] * 2
    assert x.tile(2).shape == (2, 6)
    assert x.repeat_interleave(2, 0).shape == (4, 3)
    assert x[0].repeat_interleave(torch.tensor([0, 2, 1])).tolist() == [1, 1, 2]
    assert x.tril().tolist() == [[0, 0, 0], [3, 4, 0]]
    assert x.triu(1).tolist() == [[0, 1, 2], [0, 0, 5]]
    assert torch.triu_indices(2, 3, 1).tolist() == [[0, 0, 1], [1, 2, 2]]


def test_grids():
    a, b = torch.tensor([1, 2]), torch.tensor([3, 4, 5])
    ij = torch.meshgrid(a, b, indexing="ij")
    assert [g.shape for g in ij] == [(2, 3), (2, 3)] and ij[0][:, 0].tolist() == [1, 2]
    assert [g.shape for g in torch.meshgrid([a, b], indexing="xy")] == [(3, 2), (3, 2)]
    assert torch.cartesian_prod(a, b).tolist()[:2] == [[1, 3], [1, 4]]
    assert torch.combinations(b).tolist() == [[3, 4], [3, 5], [4, 5]]
    assert torch.kron(a, b).tolist() == [3, 4, 5, 6, 8, 10]
    assert torch.broadcast_shapes((2, 1), (3,), ()) == (2, 3)
    assert [t.shape for t in torch.broadcast_tensors(a[:, None], b)] == [(2, 3), (2, 3)]


def test_diagonals():
    x = grid(2, 3)
    assert x.diagonal(-1).tolist() == [3] and x.diag().tolist() == [0, 4]
    assert torch.tensor([1, 2]).diag(1).tolist() == [[0, 1, 0], [0, 0, 2], [0, 0, 0]]
    assert torch.diag_embed(x).shape == (2, 3, 3)
    assert x.diagonal_scatter(torch.tensor([8, 9])).tolist() == [[8, 1, 2], [3, 9, 5]]
    assert x.select_scatter(torch.tensor([8, 9]), 1, 0).tolist() == [[8, 1, 2], [9, 4, 5]]
    assert torch.zeros(3, 3).fill_diagonal_(2).diagonal().tolist() == [2, 2, 2]


def test_a_second_backward_through_views_works():
    """A view saves only what it was called with, so there is nothing to free."""
    x = torch.ones(2, 3, requires_grad=True)
    y = x.t()[0].unsqueeze(0).expand(2, 2).flatten()
    for _ in range(2):
        y.backward(torch.ones(4))
    assert x.grad.tolist() == [[4, 0, 0], [4, 0, 0]]
