"""gradcheck itself: it passes what is right and names what is not."""

import pytest

import ember as torch
from ember.autograd import GradcheckError, gradcheck, gradgradcheck


class Wrong(torch.autograd.Function):
    """The square, with a gradient of x instead of 2 x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x


@pytest.fixture
def x():
    return torch.linspace(0.5, 2, 6, dtype=torch.float64).reshape(2, 3).requires_grad_()


@pytest.mark.parametrize("fast", [False, True])
def test_right_and_wrong_gradients(fast, x):
    assert gradcheck(lambda x: x * x.sin(), (x,), fast_mode=fast)
    assert gradgradcheck(lambda x: x * x.sin(), (x,), fast_mode=fast)
    with pytest.raises(GradcheckError, match="mismatch for output 0 with respect to input 0"):
        gradcheck(Wrong.apply, (x,), fast_mode=fast)
    assert not gradcheck(Wrong.apply, (x,), fast_mode=fast, raise_exception=False)


@pytest.mark.parametrize("fast", [False, True])
def test_something_must_require_gradients(fast, x):
    with pytest.raises(ValueError, match="at least one input"):
        gradcheck(torch.sin, (x.detach(),), fast_mode=fast)


@pytest.mark.parametrize("function", [
    torch.exp, lambda z: z.conj() * z, torch.abs])
def test_fast_mode_takes_complex_numbers(function, x):
    z = torch.complex(x.detach(), x.detach().flip(1) - 1).requires_grad_()
    assert gradcheck(function, (z,), fast_mode=True)
    assert gradgradcheck(function, (z,), fast_mode=True)


def test_fast_mode_finds_a_missing_conjugate(x):
    z = torch.complex(x.detach(), x.detach()).requires_grad_()
    with pytest.raises(GradcheckError, match="direction"):
        gradcheck(Wrong.apply, (z,), fast_mode=True)


def test_cumulative_products_through_zero_differentiate_twice():
    z = torch.tensor([1 + 1j, 0, 2j], dtype=torch.complex128, requires_grad=True)
    assert gradgradcheck(lambda z: z.cumprod(0), (z,), fast_mode=True)
