"""torch.masked: operations that leave elements out. The oracle compares all of them."""

import math

import pytest

import ember as torch

X = [[3.0, -1.0, 2.0], [5.0, 4.0, -7.0]]
MASK = [[True, False, True], [False, False, False]]


@pytest.fixture
def x():
    return torch.tensor(X, requires_grad=True)


@pytest.fixture
def mask():
    return torch.tensor(MASK)


@pytest.mark.parametrize("name, expected", [
    ("sum", 5.0), ("prod", 6.0), ("mean", 2.5), ("amax", 3.0), ("amin", 2.0), ("argmax", 0.0),
    ("argmin", 2.0), ("norm", math.sqrt(13)), ("var", 0.5), ("std", math.sqrt(0.5)),
    ("logsumexp", math.log(math.exp(3) + math.exp(2)))])
def test_reductions_leave_elements_out(name, expected, x, mask):
    out = getattr(torch.masked, name)(x, mask=mask)
    assert out.item() == pytest.approx(expected)
    if out.requires_grad:
        out.backward()
        assert not x.grad[~mask].any()


def test_no_mask_keeps_all(x):
    assert torch.masked.sum(x, 1).tolist() == x.sum(1).tolist()
    assert torch.masked.var(x, 0).tolist() == x.var(0).tolist()


def test_softmax_of_a_row_sums_to_one(x, mask):
    row = torch.masked.softmax(x, 1, mask=mask)[0]
    assert row[1] == 0 and row.sum().item() == pytest.approx(1)
    assert torch.masked.softmin(x, 1, mask=mask)[0, 2] > 0.5


def test_the_lower_median_of_what_is_kept(x, mask):
    assert torch.masked.median(x, mask=mask)[0] == 2
    with pytest.raises(ValueError, match="no NaN"):
        torch.masked.median(x / 0 * 0, mask=mask)


def test_logaddexp_with_a_mask_for_each():
    zero = torch.zeros(2)
    out = torch.masked.logaddexp(zero, zero, input_mask=torch.tensor([True, False]))
    assert out.tolist() == pytest.approx([math.log(2), 0])


def test_a_mask_that_does_not_fit(x):
    with pytest.raises(TypeError, match="boolean"):
        torch.masked.sum(x, mask=torch.ones(3))
    with pytest.raises(IndexError, match="more dimensions"):
        torch.masked.sum(x, mask=torch.ones(1, 2, 3) > 0)
    with pytest.raises(RuntimeError, match="dtype="):
        torch.masked.mean(x.long())
