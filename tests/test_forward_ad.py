"""Forward mode: dual tensors, and jvp of what has rules of its own."""

import math

import pytest

import ember as torch
from ember import func
from ember.autograd import forward_ad as fwAD


@pytest.fixture
def x():
    return torch.tensor([1.0, 2.0, 3.0])


def close(a, b):
    return torch.allclose(a, b, rtol=1e-5, atol=1e-6)


def test_tangents_follow_the_computation(x):
    with fwAD.dual_level():
        dual = fwAD.make_dual(x, torch.ones(3))
        primal, tangent = fwAD.unpack_dual(dual.exp() * dual)
        assert close(primal, x.exp() * x) and close(tangent, x.exp() * (x + 1))
        assert not primal.requires_grad and not tangent.requires_grad
        assert fwAD.unpack_dual(x).tangent is None
        assert fwAD.unpack_dual(dual > 1).tangent is None
    assert fwAD.unpack_dual(dual).tangent is None


def test_every_kind_of_node_passes_tangents_on(x):
    m = torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
    with fwAD.dual_level():
        d = fwAD.make_dual(x, torch.tensor([1.0, 0.0, -1.0]))
        written = d.clone()
        written[1:] = d[:2] * 2
        top, place = (m * d).max(1)
        parts = torch.stack([d, d * 2]).unbind(1)
        lost = torch.nn.functional.cross_entropy(d.unsqueeze(0), torch.tensor([1]))
        found = [fwAD.unpack_dual(t).tangent for t in (written, m @ d, top, parts[2], lost)]
        assert fwAD.unpack_dual(place).tangent is None
    p = x.softmax(0)
    expected = [[1.0, 2.0, 0.0], [1.0, -1.0, 0.0], [0.0, -1.0, -1.0], [-1.0, -2.0],
                (p[0] - p[2]).item()]
    for a, b in zip(found, expected):
        assert close(a, torch.tensor(b))


def test_reverse_over_forward(x):
    x.requires_grad_()
    t = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    with fwAD.dual_level():
        tangent = fwAD.unpack_dual((fwAD.make_dual(x, t) ** 3).sum()).tangent
    gx, gt = torch.autograd.grad(tangent, (x, t))
    assert close(gx, 6 * x * t) and close(gt, 3 * x * x)


def test_tangents_of_complex_numbers():
    z, t = torch.tensor(1 + 2j), torch.tensor(0.5 - 1j)
    for f, derivative in ((lambda z: z * z, 2 * z * t), (lambda z: z.conj(), t.conj()),
                          (lambda z: z.real, t.real), (lambda z: z.exp(), z.exp() * t)):
        assert close(func.jvp(f, (z,), (t,))[1], derivative)


def test_a_function_may_say_its_jvp():
    class Sine(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return x.sin(), x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_forward(*inputs)
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g, g_same):
            return g * ctx.saved_tensors[0].cos() + g_same

        @staticmethod
        def jvp(ctx, t):
            return 100 * t * ctx.saved_tensors[0].cos(), t

    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    one = (torch.tensor(1.0),)
    assert close(func.jvp(lambda x: Sine.apply(x)[0], one, one)[1],
                 torch.tensor(100 * math.cos(1.0)))
    assert func.jvp(Twice.apply, one, one)[1].item() == 2.0


def test_levels_are_checked(x):
    with pytest.raises(RuntimeError, match="no level exists"):
        fwAD.make_dual(x, x)
    with pytest.raises(RuntimeError, match="Trying to exit"):
        fwAD.exit_dual_level()
    with fwAD.dual_level():
        with pytest.raises(RuntimeError, match="Nested forward mode"):
            fwAD.enter_dual_level()
        with pytest.raises(RuntimeError, match="same size"):
            fwAD.make_dual(x, x[:2])
        with pytest.raises(ValueError, match="floating point"):
            fwAD.make_dual(torch.tensor([1]), torch.tensor([1]))
        dual = fwAD.make_dual(x, x)
        with pytest.raises(RuntimeError, match="already"):
            fwAD.make_dual(dual, x)


def test_overwritten_and_freed_values_are_noticed(x):
    with fwAD.dual_level():
        dual = fwAD.make_dual(x.clone(), torch.ones(3))
        y = dual.clone()
        z = y * y
        y.zero_()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            fwAD.unpack_dual(z)
        w = (dual * dual).sum()
        w.backward()
        with pytest.raises(RuntimeError, match="freed"):
            fwAD.unpack_dual(w)


def test_a_long_chain_takes_one_pass():
    """The jvp of one node must not walk over all nodes before it: this would take an hour."""
    def chain(x):
        for _ in range(10_000):
            x = x * 1.0
        return x

    assert func.jvp(chain, (torch.tensor(2.0),), (torch.tensor(3.0),))[1].item() == 3.0


def test_empty_index_of_bytes():
    """As a key it would be a mask."""
    x, index = torch.ones(5), torch.tensor([], dtype=torch.uint8)
    out, tangent = torch.func.jvp(lambda x: x.gather(0, index), (x,), (x,))
    assert out.shape == tangent.shape == (0,)


@pytest.mark.parametrize("order", [2, 3, 1.5])
def test_norm_at_zero_has_no_nan(order):
    x = torch.zeros(3)
    _, tangent = torch.func.jvp(lambda x: torch.linalg.vector_norm(x, order), (x,), (x + 1,))
    assert tangent.item() == 0


def test_gradcheck_checks_forward_mode_when_it_is_asked_to():
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_forward(x)
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return g * 2 * ctx.saved_tensors[0]

        @staticmethod
        def jvp(ctx, t):
            return t * 3 * ctx.saved_tensors[0]

    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    check = torch.autograd.gradcheck
    assert check(Wrong.apply, x)
    with pytest.raises(torch.autograd.GradcheckError, match="forward mode mismatch"):
        check(Wrong.apply, x, check_forward_ad=True)
    assert not check(Wrong.apply, x, check_forward_ad=True, check_backward_ad=False,
                     raise_exception=False)
    assert check(lambda a, b: (a.sin() * b, a.sum()), (x, x.detach().clone().requires_grad_()),
                 check_forward_ad=True)
    assert torch.autograd.gradgradcheck(torch.sin, x, check_fwd_over_rev=True)
    with pytest.raises(ValueError, match="both as False"):
        check(torch.sin, x, check_backward_ad=False)
