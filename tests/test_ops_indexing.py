"""Reading and writing with brackets, and the functions that index: values, gradients, errors."""

import numpy as np
import pytest

import ember as torch
from ember.nn import functional as F

long = torch.int64


def grid(*shape):
    """The numbers from 0 on in a shape."""
    count = 1
    for n in shape:
        count *= n
    return torch.arange(count).reshape(shape)


# -- reading --------------------------------------------------------------------------------------

# (key for a tensor of shape (2, 3, 4, 5), shape of the result)
SHAPES = [
    ((0, slice(None), [0, 1]), (3, 2, 5)),  # integers first, unlike NumPy
    (([0, 1], slice(None), [0, 1]), (2, 3, 5)),
    ((slice(None), [0, 1], None, [0, 1]), (2, 2, 1, 5)),
    ((slice(None), [0, 1], 0, [0, 1]), (2, 2)),
    (([[0], [1]], [0, 1]), (2, 2, 4, 5)),
    ((Ellipsis, [0, 1], slice(None)), (2, 3, 2, 5)),
    ((slice(None), slice(1, None), [0, 3]), (2, 2, 2, 5)),
    ((None, [0]), (1, 1, 3, 4, 5)),
    (True, (1, 2, 3, 4, 5)),
    (False, (0, 2, 3, 4, 5)),
    ((slice(None), True), (2, 1, 3, 4, 5)),
    ([], (0, 3, 4, 5)),
    (range(2), (2, 3, 4, 5)),
    ((0, 0, 0, 0, None, Ellipsis), (1,)),
    (np.array([1, 1, 0]), (3, 3, 4, 5)),
    ((0, np.int64(1)), (4, 5)),
    ([slice(None), 0], (2, 4, 5)),  # a list that stands for a tuple
    ([[0, 1], [1, 2]], (2, 4, 5)),
]


@pytest.mark.parametrize(("key", "shape"), SHAPES)
def test_where_the_dimensions_go(key, shape):
    x = torch.zeros(2, 3, 4, 5, requires_grad=True)
    y = x[key]
    assert y.shape == shape
    y.sum().backward()
    assert x.grad.sum() == y.numel()


def test_index_tensors_and_masks():
    x = grid(2, 3)
    assert x[torch.tensor([1, -1])].tolist() == [[3, 4, 5], [3, 4, 5]]
    assert x[torch.tensor([0, 1]), torch.tensor([2, 0])].tolist() == [2, 3]
    assert x[x > 2].tolist() == [3, 4, 5]
    assert x[torch.tensor([False, True]), 1].tolist() == [4]
    assert x[:, torch.tensor([True, False, True])].tolist() == [[0, 2], [3, 5]]
    assert x[torch.tensor([0]), torch.tensor([True, True, False])].tolist() == [0, 1]
    assert x[torch.tensor(1)][0] == 3 and x[torch.tensor(True)].shape == (1, 2, 3)
    assert x[torch.tensor([1], dtype=torch.int32)].tolist() == [[3, 4, 5]]


def test_repeated_indices_accumulate():
    x = torch.ones(3, 2, requires_grad=True)
    (x[[0, 0, 2]] * torch.tensor([[1.0], [10.0], [100.0]])).sum().backward()
    assert x.grad.tolist() == [[11, 11], [0, 0], [100, 100]]


# -- writing --------------------------------------------------------------------------------------

# (key, value, result) of writing to [[0, 1, 2], [3, 4, 5]]
WRITES = [
    (0, 9, [[9, 9, 9], [3, 4, 5]]),
    ((1, 2), 9.9, [[0, 1, 2], [3, 4, 9]]),
    ((slice(None), 0), torch.tensor([7, 8]), [[7, 1, 2], [8, 4, 5]]),
    (0, torch.tensor([[7, 8, 9]]), [[7, 8, 9], [3, 4, 5]]),
    (Ellipsis, 3, [[3, 3, 3], [3, 3, 3]]),
    ((None, 0), 3, [[3, 3, 3], [3, 4, 5]]),
    (torch.tensor([0, 0]), 1, [[1, 1, 1], [3, 4, 5]]),
    ((0, [0, 2]), torch.tensor([7, 8]), [[7, 1, 8], [3, 4, 5]]),
    (([0, 1], [1, 1]), torch.tensor([7, 8]), [[0, 7, 2], [3, 8, 5]]),
    (torch.tensor([True, False]), 0, [[0, 0, 0], [3, 4, 5]]),
    ((1, torch.tensor([True, False, True])), 0, [[0, 1, 2], [0, 4, 0]]),
    (False, 9, [[0, 1, 2], [3, 4, 5]]),
    ((slice(None), slice(None, None, 2)), torch.tensor(6.5), [[6, 1, 6], [6, 4, 6]]),
]


@pytest.mark.parametrize(("key", "value", "result"), WRITES)
def test_writing(key, value, result):
    x = grid(2, 3)
    x[key] = value
    assert x.tolist() == result and x.dtype is long


@pytest.mark.parametrize(("key", "value", "result"), WRITES)
def test_writing_with_gradients(key, value, result):
    start = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    value = torch.as_tensor(value).double().requires_grad_()
    x = start * grid(2, 3)
    x[key] = value
    weights = torch.tensor([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]], dtype=torch.float64)
    (x * weights).sum().backward()
    kept = grid(2, 3)
    kept[key] = -1
    expected = (kept >= 0) * grid(2, 3) * weights
    assert start.grad.tolist() == expected.tolist()
    assert value.grad.sum() == weights[kept < 0].sum()


def test_a_place_written_twice_gives_its_gradient_to_the_last_value():
    values = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x = torch.zeros(3)
    x[[0, 0, 1]] = values
    (x * torch.tensor([10.0, 1.0, 1.0])).sum().backward()
    assert x.tolist() == [2, 3, 0] and values.grad.tolist() == [0, 10, 1]


def test_augmented_assignment():
    x = torch.arange(3.0, requires_grad=True)
    y = x * 1
    y[[0, 0]] += 1
    y[1:] *= 2
    y[y > 3] -= 1
    assert y.tolist() == [1, 2, 3]
    y.sum().backward()
    assert x.grad.tolist() == [1, 2, 2]


def test_a_write_that_fails_changes_nothing():
    x = grid(2, 3)
    for key, value in ((0, torch.zeros(2)), (2, 1), ([0, 2], 1)):
        with pytest.raises((RuntimeError, IndexError)):
            x[key] = value
    assert x.tolist() == [[0, 1, 2], [3, 4, 5]]


# -- errors ---------------------------------------------------------------------------------------

# (function of a float tensor of shape (2, 3), type of the error, part of its text)
ERRORS = [
    (lambda x: x[2], IndexError, "index 2 is out of bounds for dimension 0 with size 2"),
    (lambda x: x[0, -4], IndexError, "index -4 is out of bounds for dimension 1 with size 3"),
    (lambda x: x[0, 0, 0], IndexError, "too many indices for tensor of dimension 2"),
    (lambda x: x[0, 0][0], IndexError, "invalid index of a 0-dim tensor"),
    (lambda x: x[0, 0][:], IndexError, r"slice\(\) cannot be applied to a 0-dim tensor"),
    (lambda x: x[1.0], IndexError, r"only integers, slices \(`:`\), .* \(got float\)"),
    (lambda x: x[::-1], ValueError, "step must be greater than zero"),
    (lambda x: x[::0], ValueError, "slice step cannot be zero"),
    (lambda x: x[1.5:], TypeError, "slice indices must be integers"),
    (lambda x: x["a"], TypeError, "invalid data type 'str'"),
    (lambda x: x[[5]], IndexError, "index 5 is out of bounds for dimension 0 with size 2"),
    (lambda x: x[torch.tensor([0.0])], IndexError, "must be long, int, byte or bool tensors"),
    (lambda x: x[torch.tensor([True])], IndexError, r"shape of the mask \[1\] at index 0"),
    (lambda x: x[[[0, 1], [0, 1]], [0, 1, 2]], IndexError, "could not be broadcast together"),
    (lambda x: list(x[0, 0]), TypeError, "iteration over a 0-d tensor"),
    (lambda x: x.__setitem__(0, torch.ones(2)), RuntimeError, "must match the existing size"),
    (lambda x: x.__setitem__([0, 1], torch.ones(4)), RuntimeError, "shape mismatch: value tensor"),
    (lambda x: x.__setitem__([0], torch.ones(1, dtype=long)), RuntimeError, "dtypes match"),
    (lambda x: x.__setitem__(0, [1, 2, 3]), TypeError, "can't assign a list to a torch.Float"),
    (lambda x: x.long().__setitem__(0, float("nan")), RuntimeError, "cannot be converted to type"),
    (lambda x: x[0].__setitem__(slice(1, None), x[0][:-1]), RuntimeError, "clone()"),
    (lambda x: x.expand(2, 2, 3).fill_(0), RuntimeError, "single memory location"),
    (lambda x: x.gather(0, torch.tensor([[2]])), RuntimeError, "out of bounds"),
    (lambda x: x.gather(0, torch.tensor([0])), RuntimeError, "same number of dimensions"),
    (lambda x: x.gather(0, torch.tensor([[0.0]])), RuntimeError, "Expected dtype int"),
    (lambda x: x.scatter(0, torch.tensor([[0]]), torch.ones(1, 1, dtype=long)), RuntimeError,
     "Expected self.dtype to be equal to src.dtype"),
    (lambda x: x.index_select(0, torch.tensor([2])), IndexError, "out of range"),
    (lambda x: x.index_select(0, torch.tensor([[0]])), IndexError, "supposed to be a vector"),
    (lambda x: x.take(torch.tensor([9])), IndexError, "out of range"),
    (lambda x: x.masked_fill(x, 0), RuntimeError, "only supports boolean masks"),
    (lambda x: x.masked_select(x), RuntimeError, "expected BoolTensor"),
    (lambda x: x.index_copy(0, torch.tensor([0]), x), IndexError, "Number of indices"),
    (lambda x: torch.where(x, x, x), RuntimeError, "boolean tensor"),
    (lambda x: F.one_hot(torch.tensor([-1])), RuntimeError, "non-negative"),
    (lambda x: F.one_hot(torch.tensor([3]), 2), RuntimeError, "smaller than num_classes"),
]


@pytest.mark.parametrize(("function", "error", "text"), ERRORS)
def test_errors(function, error, text):
    with pytest.raises(error, match=text):
        function(torch.zeros(2, 3))


# -- functions that read --------------------------------------------------------------------------


def test_gather_and_its_kin():
    x = grid(2, 3)
    index = torch.tensor([[2, 0], [1, 1]])
    assert x.gather(1, index).tolist() == [[2, 0], [4, 4]]
    assert x.gather(0, torch.tensor([[1, 0]])).tolist() == [[3, 1]]
    assert torch.take_along_dim(x, torch.tensor([[-1]]), 1).tolist() == [[2], [5]]
    assert x.take(torch.tensor([[0], [-1]])).tolist() == [[0], [5]]
    assert x.index_select(1, torch.tensor([2, 2])).tolist() == [[2, 2], [5, 5]]
    assert torch.tensor(5).gather(0, torch.tensor(0)) == 5


def test_choosing():
    x = grid(2, 3)
    assert torch.where(x > 2, x, -1).tolist() == [[-1, -1, -1], [3, 4, 5]]
    assert torch.where(x > 2, 1.0, 0.0).dtype is torch.float32
    assert [i.tolist() for i in torch.where(x > 3)] == [[1, 1], [1, 2]]
    assert x.nonzero().tolist()[0] == [0, 1] and torch.tensor(5).nonzero().shape == (1, 0)
    assert x.argwhere().shape == (5, 2) and len(x.nonzero(as_tuple=True)) == 2
    assert x.masked_fill(x > 2, 0).tolist() == [[0, 1, 2], [0, 0, 0]]
    assert x.masked_select(torch.tensor([True, False, True])).tolist() == [0, 2, 3, 5]
    assert x.masked_scatter(x > 3, torch.tensor([8, 9, 10])).tolist() == [[0, 1, 2], [3, 8, 9]]


def test_where_passes_no_gradient_to_what_was_not_chosen():
    x = torch.tensor([0.0, 4.0], requires_grad=True)
    safe = torch.where(x > 0, x, 1.0)
    torch.where(x > 0, safe.sqrt(), 0.0).sum().backward()
    assert x.grad.tolist() == [0, 0.25]


# -- functions that write -------------------------------------------------------------------------


def test_scatter():
    x, index = grid(2, 3), torch.tensor([[0, 1, 0], [1, 0, 1]])
    ones = torch.ones(2, 3, dtype=long)
    assert x.scatter(0, index, -ones).tolist() == [[-1, -1, -1], [-1, -1, -1]]
    assert x.scatter(1, index[:, :1], 9).tolist() == [[9, 1, 2], [3, 9, 5]]
    assert x.scatter(1, index[:, :1], 9, reduce="add").tolist() == [[9, 1, 2], [3, 13, 5]]
    assert x.scatter_add(1, index, ones).tolist() == [[2, 2, 2], [4, 6, 5]]
    assert x.scatter_reduce(1, index, ones * 7, "amax").tolist() == [[7, 7, 2], [7, 7, 5]]
    assert x.scatter_reduce(1, index, ones * 7, "mean", include_self=False).tolist() == [
        [7, 7, 2], [7, 7, 5]]
    hot = torch.zeros(2, 3).scatter_(1, torch.tensor([[2], [0]]), 1)
    assert hot.tolist() == F.one_hot(torch.tensor([2, 0])).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_index_functions():
    x, index = grid(3, 2), torch.tensor([0, 2, 0])
    ones = torch.ones(3, 2, dtype=long)
    assert x.index_add(0, index, ones, alpha=10).tolist() == [[20, 21], [2, 3], [14, 15]]
    assert x.index_fill(0, index, 9).tolist() == [[9, 9], [2, 3], [9, 9]]
    assert x.index_copy(0, torch.tensor([1]), ones[:1]).tolist() == [[0, 1], [1, 1], [4, 5]]
    assert x.index_reduce(0, index, ones * 3, "prod").tolist() == [[0, 9], [2, 3], [12, 15]]
    assert x.put(index, torch.tensor([7, 8, 9]), True).tolist() == [[16, 1], [10, 3], [4, 5]]
    assert x.index_put((index[:2], index[:2] // 2), torch.tensor([8, 9])).tolist() == [
        [8, 1], [2, 3], [4, 9]]
    assert x.index_put_((index,), torch.tensor(1), accumulate=True)[:, 0].tolist() == [2, 2, 5]


def test_index_put_gradients_with_repeated_places():
    x = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    v = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    index = (torch.tensor([1, 1, 2]),)
    for accumulate in (False, True):
        assert torch.autograd.gradcheck(
            lambda x, v, a=accumulate: (x.index_put(index, v, a) + 1) ** 3, (x, v))
        assert torch.autograd.gradgradcheck(
            lambda x, v, a=accumulate: (x.index_put(index, v, a) + 1) ** 3, (x, v))


def test_filling():
    assert torch.zeros(2).fill_(torch.tensor(3)).tolist() == [3, 3]
    assert torch.ones(2, 2).zero_().sum() == 0
    assert torch.fill(torch.zeros(2, dtype=long), 7.9).tolist() == [7, 7]
    with pytest.raises(RuntimeError, match="0-dimension value tensor"):
        torch.zeros(2).fill_(torch.ones(1))
    with pytest.raises(RuntimeError, match="without overflow"):
        torch.zeros(2, dtype=torch.int8).fill_(300)
    v = torch.tensor(2.0, requires_grad=True)
    x = torch.ones(3, requires_grad=True)
    ((x * 1).fill_(v) * torch.arange(3.0)).sum().backward()
    assert v.grad == 3 and x.grad.tolist() == [0, 0, 0]


def test_new_tensors_are_like_the_old_one():
    x = torch.ones(2, dtype=torch.float64)
    assert x.new_zeros(3).dtype is x.new_tensor([1, 2]).dtype is torch.float64
    assert x.new_ones((2, 1)).tolist() == [[1], [1]] and x.new_full((2,), 7).tolist() == [7, 7]
    assert x.new_empty(2, 3, dtype=torch.int8).shape == (2, 3)
