"""Sparse and nested tensors, storages, and what tensors answer about themselves."""

import pytest

import ember
from ember import nested, testing
from ember.autograd.sparse import SparseTensor

DENSE = [[0.0, 2.0, 0.0], [3.0, 0.0, 4.0]]


@pytest.fixture
def sparse():
    return ember.tensor(DENSE, requires_grad=True).to_sparse()


def test_a_dense_tensor_survives_the_way_through_coordinates(sparse):
    assert sparse.is_sparse and sparse.layout == ember.sparse_coo
    assert sparse.indices().tolist() == [[0, 1, 1], [1, 0, 2]]
    assert sparse.to_dense().tolist() == DENSE
    assert sparse.t().to_dense().tolist() == ember.tensor(DENSE).t().tolist()


def test_duplicate_indices_add_up():
    made = ember.sparse_coo_tensor([[0, 0, 1], [2, 2, 0]], [1.0, 2.0, 5.0], (2, 3))
    with pytest.raises(RuntimeError, match="coalesce"):
        made.indices()
    assert made.coalesce().values().tolist() == [3.0, 5.0]
    assert made.to_dense().tolist() == [[0, 0, 3], [5, 0, 0]]


@pytest.mark.parametrize("product", [
    lambda a, x: a @ x, lambda a, x: (x.t() @ a.t()).t(), ember.mm, ember.matmul,
    lambda a, x: ember.spmm(a, x), lambda a, x: ember.sparse.mm(a, x)])
def test_products_and_their_gradients_are_the_dense_ones(product):
    x = ember.arange(6.0).reshape(3, 2)
    results = []
    for convert in (lambda t: t, lambda t: t.to_sparse()):
        a = ember.tensor(DENSE, requires_grad=True)
        right = x.clone().requires_grad_()
        out = product(convert(a), right) if convert(a).is_sparse else convert(a) @ right
        (out * out).sum().backward()
        results.append((out.tolist(), right.grad.tolist(), (a.grad * (a != 0)).tolist()))
    assert results[0] == results[1]


def test_a_sparse_tensor_adds_scales_and_sums(sparse):
    assert (sparse + sparse).to_dense().tolist() == (2 * ember.tensor(DENSE)).tolist()
    assert (sparse * 2 - sparse).to_dense().tolist() == DENSE
    assert ember.sparse.sum(sparse).item() == 9.0


@pytest.mark.parametrize("use", [
    ember.exp, lambda s: s.numpy(), lambda s: s.item(), lambda s: s[0], lambda s: s.reshape(6),
    lambda s: s.tolist(), lambda s: ember.cat([s, s]), lambda s: s.mean(),
    lambda s: s * ember.ones(2, 3), lambda s: s.view(3, 2), lambda s: s == 0, bool])
def test_what_a_sparse_tensor_cannot_do_is_refused_with_the_remedy(sparse, use):
    with pytest.raises((NotImplementedError, TypeError), match="to_dense"):
        use(sparse)


def test_a_sparse_tensor_cannot_be_written(sparse):
    with pytest.raises(RuntimeError, match="single memory location"):
        sparse.detach().zero_()


@pytest.mark.parametrize("indices, size", [
    ([[0, 2]], (2,)), ([[-1]], (2,)), ([[0], [0]], (2,)), ([0, 1], (2,))])
def test_indices_outside_the_size_are_refused(indices, size):
    count = len(indices[0]) if isinstance(indices[0], list) else 2
    with pytest.raises(RuntimeError):
        ember.sparse_coo_tensor(indices, [1.0] * count, size)


def test_a_sparse_tensor_moves_between_dtypes_and_prints(sparse):
    assert sparse.to(ember.float64).dtype == ember.float64
    assert "layout=torch.sparse_coo" in repr(sparse) and isinstance(sparse, SparseTensor)
    assert sparse.requires_grad and not sparse.detach().requires_grad


def test_nested_tensors_pad_and_come_apart():
    parts = [ember.ones(2, 3, requires_grad=True), ember.ones(4, 3, requires_grad=True)]
    batch = nested.as_nested_tensor(parts, layout=ember.jagged)
    padded = batch.to_padded_tensor(0.5)
    assert padded.shape == (2, 4, 3) and padded[0, 2:].tolist() == [[0.5] * 3] * 2
    padded.sum().backward()
    assert parts[0].grad.tolist() == [[1.0] * 3] * 2
    assert batch.size(0) == 2 and batch.offsets().tolist() == [0, 2, 6]
    with pytest.raises(RuntimeError, match="irregular"):
        batch.size(1)
    with pytest.raises(NotImplementedError, match="to_padded_tensor"):
        batch + 1


def test_views_share_a_storage():
    x = ember.arange(6.0)
    assert x[2:].untyped_storage() == x.untyped_storage() != ember.zeros(6).untyped_storage()
    assert x[2:].untyped_storage().nbytes() == 24
    assert x.is_set_to(x[:]) and not x.is_set_to(x[1:])


def test_set_shows_other_memory():
    x, y = ember.zeros(2), ember.arange(4.0)
    x.set_(y)
    x[0] = 9
    assert y[0] == 9 and x.shape == (4,)
    x.set_(y, 1, (2,), (2,))
    assert x.tolist() == [1.0, 3.0]
    with pytest.raises(RuntimeError, match="type"):
        x.set_(ember.arange(3))


def test_functions_over_lists_and_in_place_functions():
    xs = [ember.ones(1), ember.zeros(2)]
    ember._foreach_add_(xs, [ember.ones(1), ember.ones(2)], alpha=2)
    assert [x.tolist() for x in xs] == [[3.0], [2.0, 2.0]]
    assert ember.neg_(xs[0]) is xs[0] and xs[0].item() == -3
    with pytest.raises(RuntimeError, match="one length"):
        ember._foreach_mul(xs, [xs[0]])
    with pytest.raises(AttributeError):
        ember._foreach_bake(xs)


def test_apply_map_and_new():
    x = ember.tensor([1.0, 2.0])
    assert x.apply_(lambda v: v + 1).tolist() == [2.0, 3.0]
    assert x.map_(ember.tensor(10.0), lambda a, b: a * b).tolist() == [20.0, 30.0]
    assert x.new(2, 3).shape == (2, 3) and x.new([1, 2]).tolist() == [1.0, 2.0]


def test_assert_close_names_the_differences():
    testing.assert_close([1.0, {"a": ember.ones(2)}], [1.0, {"a": ember.ones(2)}])
    with pytest.raises(AssertionError, match=r"Mismatched elements: 1 / 2 \(50.0%\)[\s\S]*\(1,\)"):
        testing.assert_close(ember.tensor([1.0, 2.0]), ember.tensor([1.0, 3.0]))
    with pytest.raises(AssertionError, match="'dtype'"):
        testing.assert_close(ember.ones(2), ember.ones(2, dtype=ember.float64))
    with pytest.raises(AssertionError, match="'shape'"):
        testing.assert_close(ember.ones(2), ember.ones(3))
    with pytest.raises(AssertionError, match=r"item \['a'\]"):
        testing.assert_close({"a": 1}, {"a": 2})
    with pytest.raises(ValueError):
        testing.assert_close(1.0, 1.0, rtol=1e-3)
    testing.assert_close(float("nan"), float("nan"), equal_nan=True)


@pytest.mark.parametrize("name", ["bool", "uint8", "int64", "float32", "complex64"])
def test_make_tensor_keeps_to_its_limits(name):
    dtype = getattr(ember, name)
    made = testing.make_tensor(4, 5, dtype=dtype, device="cpu", noncontiguous=True)
    assert made.shape == (4, 5) and made.dtype == dtype and not made.is_contiguous()
    if name == "int64":
        assert -9 <= made.min() and made.max() <= 9
