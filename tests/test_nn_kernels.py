"""Kernels only add speed: with and without them values and gradients are the same."""

import pytest

import ember as torch
from ember import nn
from ember.autograd.composite import COMPOSITES
from ember.backends import kernels
from ember.nn.functional.dropout import kept_over
from ember.nn.functional.linear import ACTIVATIONS, linear_activation
from ember.nn.functional.normalization import add_layer_norm

F = nn.functional


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def conv(name, dims, **options):
    def case():
        groups, transposed = options.get("groups", 1), "transpose" in name
        x = randn(1, 4 if transposed else 2 * groups, *([2] * dims if transposed
                                                        else [4, 3, 2][:dims]))
        bias = randn(2 * groups if transposed else 4)
        return getattr(F, name), (x, randn(4, 2, *[3, 2, 2][:dims]), bias), options

    return case


def plain(function, *shapes, **options):
    return lambda: (function, [randn(*shape) for shape in shapes], options)


def class_targets(function=F.cross_entropy, **options):
    def case():
        return function, (randn(5, 3), torch.tensor([0, 2, 1, 1, 0])), options

    return case


def residual(x, y, weight, bias):
    total, out = add_layer_norm(x, y, 1, weight, bias, 1e-5)
    return total * 0.5 + out


def lookup(**options):
    def case():
        rows = torch.tensor([[0, 2], [2, 3]])
        return lambda w: F.embedding(rows, w, **options), (randn(4, 3),), {}

    return case


def norm(function, x, parameters, *more):
    def case():
        return function, (randn(*x), *more, *[randn(*p) if p else None for p in parameters]), {}

    return case


def batch_norm(x, w, b):
    return F.batch_norm(x, None, None, w, b, True)


def masked(boolean):
    def case():
        mask = torch.tensor([[True, False, True], [False, False, False]])
        mask = mask if boolean else torch.where(mask, 0.0, -2.0).double()
        tensors = randn(2, 1, 2, 4), randn(2, 1, 3, 4), randn(2, 1, 3, 5)
        return F.scaled_dot_product_attention, (*tensors, mask), {}

    return case


def recurrent(kind, **options):
    def case():
        layer = getattr(nn, kind)(3, 4, dtype=torch.float64, **options)

        def run(x, *parameters):
            out = layer(x)
            state = out[1] if isinstance(out[1], tuple) else (out[1],)
            return torch.cat([out[0].reshape(-1), *[s.reshape(-1) for s in state]])

        return run, (randn(5, 2, 3), *layer.parameters()), {}

    return case


def dropout():
    def case():
        kept = torch.tensor([[True, False, True], [False, False, True]])
        return lambda x: kept_over(x, kept, 0.75), (randn(2, 3),), {}

    return case


CASES = {
    "linear": plain(F.linear, (5, 3), (2, 3), (2,)),
    "linear without bias": plain(F.linear, (2, 4, 3), (2, 3)),
    **{f"linear {name.strip('_')}": plain(linear_activation, (5, 3), (2, 3), (2,), activation=name)
       for name in ACTIVATIONS},
    "linear tanh without bias": plain(lambda x, w: linear_activation(x, w, None, "tanh"),
                                      (2, 4, 3), (2, 3)),
    "conv1d": conv("conv1d", 1, stride=2, padding=1),
    "conv2d": conv("conv2d", 2, padding=(1, 2), dilation=(1, 2)),
    "conv2d groups": conv("conv2d", 2, groups=2, stride=2),
    "conv3d": conv("conv3d", 3),
    "conv 1x1": plain(F.conv2d, (2, 3, 4, 4), (5, 3, 1, 1)),
    "conv_transpose1d": conv("conv_transpose1d", 1, stride=3, output_padding=2),
    "conv_transpose2d": conv("conv_transpose2d", 2, stride=2, padding=1, output_padding=1),
    "conv_transpose2d groups": conv("conv_transpose2d", 2, groups=2, dilation=2),
    "unfold": plain(F.unfold, (2, 3, 5, 6), kernel_size=(3, 2), padding=(1, 2), stride=2),
    "fold": plain(F.fold, (2, 12, 10), output_size=(5, 4), kernel_size=(2, 3), dilation=(2, 1),
                  padding=(1, 0), stride=(1, 1)),
    "max_pool2d": plain(F.max_pool2d, (1, 2, 5, 4), kernel_size=3, stride=2, padding=1),
    "max_pool1d": plain(F.max_pool1d, (2, 3, 8), kernel_size=2, dilation=2, ceil_mode=True),
    "avg_pool2d": plain(F.avg_pool2d, (1, 2, 5, 4), kernel_size=3, stride=2, padding=1,
                        ceil_mode=True, count_include_pad=False),
    "adaptive_avg_pool2d": plain(F.adaptive_avg_pool2d, (1, 2, 5, 4), output_size=(2, 3)),
    "avg_pool3d": plain(F.avg_pool3d, (1, 2, 3, 4, 3), kernel_size=2, divisor_override=3),
    "cross_entropy": class_targets(),
    "cross_entropy sum": class_targets(reduction="sum"),
    "nll_loss": class_targets(F.nll_loss),
    "nll_loss sum": class_targets(F.nll_loss, reduction="sum"),
    "dropout": dropout(),
    "embedding": lookup(),
    "embedding padding": lookup(padding_idx=2),
    "batch_norm": norm(batch_norm, (4, 3, 2), [(3,), (3,)]),
    "batch_norm no bias": norm(batch_norm, (4, 3), [(3,), None]),
    "batch_norm bias only": norm(batch_norm, (4, 3), [None, (3,)]),
    "batch_norm plain": norm(batch_norm, (4, 3, 2, 2), [None, None]),
    "layer_norm": norm(F.layer_norm, (4, 2, 3), [(2, 3), (2, 3)], (2, 3)),
    "layer_norm plain": norm(F.layer_norm, (4, 3), [None, None], (3,)),
    "add_layer_norm": plain(residual, (4, 3), (4, 3), (3,), (3,)),
    "add_layer_norm plain": norm(residual, (2, 4, 3), [(2, 4, 3), None, None]),
    "rms_norm": norm(F.rms_norm, (4, 3), [(3,)], (3,)),
    "group_norm": norm(F.group_norm, (2, 4, 3), [(4,), (4,)], 2),
    "silu": plain(F.silu, (4, 3)), "gelu": plain(F.gelu, (4, 3)), "mish": plain(F.mish, (4, 3)),
    "gelu tanh": plain(F.gelu, (4, 3), approximate="tanh"),
    "attention": plain(F.scaled_dot_product_attention, (2, 3, 4), (2, 5, 4), (2, 5, 6)),
    "attention causal": plain(F.scaled_dot_product_attention, (2, 4, 3), (2, 4, 3), (2, 4, 3),
                              is_causal=True),
    "attention bool mask": masked(True), "attention float mask": masked(False),
    "lstm": recurrent("LSTM", num_layers=2), "gru": recurrent("GRU", bidirectional=True),
    "rnn": recurrent("RNN"), "rnn relu": recurrent("RNN", nonlinearity="relu", bias=False),
    "lstm projection": recurrent("LSTM", proj_size=2),
}


# Layers run on their own weights, not on the arguments; a padding row has no gradient by design.
NO_GRADCHECK = {"lstm", "gru", "rnn", "rnn relu", "lstm projection", "embedding padding"}


def run(function, args, options):
    out = function(*args, **options)
    torch.zeros(1).add_(1)  # after a write, backward looks at everything that is saved
    leaves = [a for a in args if isinstance(a, torch.Tensor) and a.requires_grad]
    weights = torch.arange(out.numel(), dtype=out.dtype).reshape(out.shape).sin()
    return [out, *torch.autograd.grad((out * weights).sum(), leaves, allow_unused=True)]


@pytest.mark.parametrize("name", CASES)
def test_kernel_equals_composition(name):
    torch.manual_seed(0)
    function, args, options = CASES[name]()
    fast = run(function, args, options)
    with torch.expand():
        slow = run(function, args, options)
    for a, b in zip(fast, slow):
        assert (a is None) == (b is None)
        if a is not None:
            assert a.shape == b.shape and a.dtype is b.dtype
            assert torch.allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", sorted(set(CASES) - NO_GRADCHECK))
def test_gradients(name):
    torch.manual_seed(0)
    function, args, options = CASES[name]()
    leaves = tuple(a for a in args if isinstance(a, torch.Tensor) and a.requires_grad)

    def of_leaves(*given):
        given = iter(given)
        return function(*[next(given) if any(a is leaf for leaf in leaves) else a
                          for a in args], **options)

    assert torch.autograd.gradcheck(of_leaves, leaves)
    assert torch.autograd.gradgradcheck(of_leaves, leaves)


def test_every_kernel_has_a_case():
    """A new kernel needs a row above: this counts the kernels that the cases reach."""
    reached = set()
    find = kernels.find
    try:
        kernels.find = lambda name, *args: reached.add(name) or find(name, *args)
        for case in CASES.values():
            function, args, options = case()
            function(*args, **options)
    finally:
        kernels.find = find
    assert set(kernels._portable) <= reached
    assert set(kernels._portable) <= set(COMPOSITES)
