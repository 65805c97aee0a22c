"""Compiled convolutions agree with the compositions that define them."""

import pytest

import ember as torch
from ember.backends import kernels

pytest.importorskip("numba")
F = torch.nn.functional


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    monkeypatch.setattr(kernels, "_from", 0)


def value_and_gradients(function, tensors, options):
    out = function(*tensors, **options)
    torch.manual_seed(1)
    return out, *torch.autograd.grad(out, tensors, torch.randn_like(out))


CASES = [  # function, input, weight, options
    ("conv2d", (3, 2, 7, 6), (4, 2, 3, 3), {}),
    ("conv2d", (3, 2, 7, 6), (4, 2, 3, 3), {"padding": 1}),
    ("conv2d", (3, 16, 9, 8), (5, 16, 3, 3), {"padding": 1}),
    ("conv2d", (3, 16, 9, 8), (5, 16, 3, 3), {}),
    ("conv2d", (2, 13, 9, 11), (40, 13, 3, 3), {"padding": 1, "stride": 2}),
    ("conv2d", (2, 13, 9, 10), (4, 13, 3, 2), {"padding": (2, 1), "stride": (2, 3)}),
    ("conv2d", (2, 13, 19, 20), (4, 13, 3, 2),
     {"padding": (2, 1), "stride": (2, 3), "dilation": (3, 2)}),
    ("conv2d", (2, 140, 9, 10), (70, 140, 1, 1), {}),
    ("conv2d", (2, 26, 9, 10), (4, 26, 1, 1), {"stride": 2}),
    ("conv2d", (2, 26, 9, 10), (4, 26, 1, 1), {"padding": 1}),
    ("conv2d", (2, 26, 9, 10), (6, 13, 3, 3), {"padding": 1, "groups": 2}),
    ("conv2d", (2, 6, 9, 10), (6, 1, 3, 3), {"padding": 1, "groups": 6}),
    ("conv2d", (2, 6, 9, 10), (12, 1, 3, 3), {"padding": 1, "groups": 6, "stride": 2}),
    ("conv2d", (5, 20, 3, 3), (4, 20, 3, 3), {"padding": 1}),
    ("conv2d", (5, 20, 1, 1), (4, 20, 1, 1), {}),
    ("conv2d", (1, 20, 40, 41), (4, 20, 5, 5), {"padding": 2}),
    ("conv2d", (1, 20, 20, 411), (4, 20, 5, 5), {"padding": 2}),
    ("conv2d", (2, 20, 4, 4), (4, 20, 5, 5), {"padding": 4}),
    ("conv1d", (2, 13, 40), (4, 13, 5), {"padding": 2}),
    ("conv1d", (2, 3, 40), (4, 3, 5), {"padding": 2, "stride": 3}),
    ("conv3d", (2, 13, 6, 7, 8), (4, 13, 3, 3, 3), {"padding": 1}),
    ("conv3d", (2, 13, 6, 7, 8), (4, 13, 3, 3, 3), {}),
    ("conv3d", (2, 13, 6, 7, 8), (4, 13, 3, 3, 2), {"padding": 1, "stride": (2, 1, 3)}),
    ("conv3d", (1, 13, 20, 17, 28), (4, 13, 3, 3, 2), {"padding": 1, "stride": (1, 2, 1)}),
    ("conv3d", (1, 13, 20, 17, 28), (4, 13, 3, 3, 2), {"padding": 1}),
    ("conv3d", (1, 4, 7, 7, 62), (5, 4, 3, 3, 3), {}),  # 25 lines in 4 blocks
    ("conv3d", (2, 3, 6, 7, 8), (4, 3, 3, 3, 2), {"padding": 1, "stride": (2, 1, 3)}),
    ("conv_transpose2d", (3, 32, 7, 7), (32, 16, 3, 3),
     {"stride": 2, "padding": 1, "output_padding": 1}),
    ("conv_transpose2d", (3, 16, 7, 7), (16, 1, 3, 3),
     {"stride": 2, "padding": 1, "output_padding": 1}),
    ("conv_transpose2d", (1, 16, 7, 7), (16, 13, 3, 3), {"stride": 1, "padding": 1}),
    ("conv_transpose2d", (1, 16, 7, 7), (16, 13, 3, 3), {}),
    ("conv_transpose2d", (2, 16, 3, 3), (16, 2, 3, 3), {"groups": 2, "dilation": 2}),
    ("conv_transpose1d", (2, 16, 30), (16, 13, 3), {"stride": 3, "output_padding": 2}),
    ("conv_transpose1d", (2, 4, 30), (4, 13, 3), {"dilation": 3, "output_padding": 2}),
    ("conv_transpose1d", (2, 4, 30), (4, 13, 1), {"dilation": 3, "output_padding": 1}),
    ("conv_transpose2d", (2, 4, 9, 10), (4, 13, 3, 3),
     {"padding": 1, "dilation": 3, "output_padding": 2}),
    ("conv_transpose3d", (1, 4, 5, 5, 5), (4, 8, 3, 3, 3), {}),
    ("conv_transpose3d", (2, 6, 3, 4, 5), (6, 13, 3, 2, 2), {"stride": (2, 1, 3)}),
    ("conv_transpose3d", (2, 2, 4, 4, 4), (2, 2, 4, 5, 4),
     {"stride": (3, 2, 1), "padding": (1, 2, 1), "output_padding": (2, 3, 1), "groups": 2,
      "dilation": 4}),
]


@pytest.mark.parametrize("name, input, weight, options", CASES)
def test_values_and_gradients(name, input, weight, options):
    outputs = weight[1] * options.get("groups", 1) if "transpose" in name else weight[0]
    torch.manual_seed(0)
    tensors = [torch.randn(*shape, dtype=torch.float64, requires_grad=True)
               for shape in (input, weight, (outputs,))]
    with torch.expand():
        expected = value_and_gradients(getattr(F, name), tensors, options)
    for ours, theirs in zip(value_and_gradients(getattr(F, name), tensors, options), expected):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_other_memory_orders():
    torch.manual_seed(0)
    x = torch.randn(9, 8, 13, 2, dtype=torch.float64).permute(3, 2, 0, 1)
    weight = torch.randn(3, 3, 13, 5, dtype=torch.float64).permute(3, 2, 0, 1)
    torch.testing.assert_close(F.conv2d(x, weight), F.conv2d(x.contiguous(), weight.contiguous()))


@pytest.mark.parametrize("channels", [2, 13])
def test_infinity_reaches_only_the_windows_that_hold_it(channels):
    x = torch.zeros(1, channels, 6, 7, dtype=torch.float64)
    x[0, 1, 2, 6] = float("inf")
    out = F.conv2d(x, torch.ones(1, channels, 3, 3, dtype=torch.float64), padding=1)
    expected = torch.zeros(6, 7, dtype=torch.bool)
    expected[1:4, 5:] = True
    assert torch.equal(out[0, 0].isinf(), expected) and not out.isnan().any()


def test_results_do_not_depend_on_the_number_of_threads(monkeypatch):
    torch.manual_seed(0)
    tensors = [torch.randn(*shape, dtype=torch.float64, requires_grad=True)
               for shape in ((1, 13, 9, 11), (40, 13, 3, 3), (40,))]
    results = []
    for threads, memory in ((1, 1 << 20), (3, 1 << 20), (3, 1)):
        monkeypatch.setattr("ember.backends.compiled.jit.threads", lambda number=threads: number)
        monkeypatch.setattr("ember.backends.compiled.convolution._TOTAL_BYTES", memory)
        results.append(value_and_gradients(F.conv2d, tensors, {"padding": 1, "stride": 2}))
    for one, *others in zip(*results):
        for other in others:
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
